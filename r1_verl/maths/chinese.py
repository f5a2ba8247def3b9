"""Chinese (and the commonest Japanese and Korean) words in an answer: units, measure words, joiners, multipliers."""

from __future__ import annotations

import re

from r1_verl.maths.units import SPELLINGS

Token = tuple[str, str]

_UNITS = {
    "厘米": "cm", "公分": "cm", "毫米": "mm", "分米": "dm", "千米": "km", "公里": "km", "米": "m", "千克": "kg",
    "公斤": "kg", "毫克": "mg", "克": "g", "毫升": "mL", "升": "L", "小时": "h", "分钟": "min", "秒钟": "s", "秒": "s",
    "天": "day", "周": "week", "年": "yr", "月": "month", "度": "deg", "弧度": "rad", "元": "¥", "圆": "¥", "美元": "$",
    "欧元": "€", "英镑": "£", "円": "¥", "人民币": "¥", "牛顿": "N", "焦耳": "J", "瓦": "W",
}  # fmt: skip
_POWERS = {"平方": "2", "立方": "3"}
_MULTIPLIERS = {"十": "10", "百": "100", "千": "1000", "万": "10000", "萬": "10000", "亿": "100000000"}
_JOINERS = {"或者": "or", "或": "or", "以及": "and", "和": "and", "与": "and", "及": "and", "、": ""}
_ROOT = "根号"
# What only announces a number.
LEADS = frozenset(("答案是", "答案为", "答案", "答", "共", "一共", "共有", "等于", "结果是", "结果为", "所以答案是"))
# One character that counts things, perhaps with the name of the things behind it: 5个, 5名学生, 5种方法.
_MEASURE = re.compile(
    r"[个個只隻条條辆名位种種次岁歲人本张件双把头匹棵朵颗粒座间套台艘架杯瓶盒箱包袋页行列排组队道题步层枚日块角分吨斤両支家張頭根개명원장].{0,4}"
)
# What makes a phrase say more than a measure word does.
_EVIDENCE = re.compile(
    r"[一二三四五六七八九零两〇十百千万萬亿兆成打半倍多余几约不非无没否或和与及且加减乘除之的上下左右大小超至到从对错误负正均每另若当则还第双平前后内外]|次方|方$"
)
_UNIT_NAMES = "|".join(sorted(_UNITS, key=len, reverse=True))
_PIECES = re.compile(
    rf"(?P<power>{'|'.join(_POWERS)})(?P<of>{_UNIT_NAMES})|(?P<joiner>{'|'.join(_JOINERS)})|(?P<root>{_ROOT})"
    rf"|(?P<unit>{_UNIT_NAMES})|(?P<many>[{''.join(_MULTIPLIERS)}])"
)


def read(run: str, after_number: bool, one_number: bool) -> list[Token]:
    """The tokens of a run of letters outside ASCII; one ("text", run) if it is not known to be anything else.

    one_number: all before the run is one number, which a multiplier may multiply.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(run):
        found = _PIECES.match(run, at)
        number = after_number if not tokens else tokens[-1][0] in ("num", "unit")
        if found is None or (found.lastgroup in ("unit", "many", "of") and not number):
            break
        if found["many"] and not one_number:
            break
        if found["joiner"]:
            tokens.append((",", _JOINERS[found["joiner"]]))
        elif found["root"]:
            tokens.append(("fn", "sqrt"))
        elif found["many"]:
            tokens += [("*", ""), ("num", _MULTIPLIERS[found["many"]])]
        else:
            name = _UNITS[found["of"] or found["unit"]]
            tokens.append(("unit", SPELLINGS.get(name, name)))
            if found["power"]:
                tokens += [("^", ""), ("num", _POWERS[found["power"]])]
        at = found.end()
    rest = run[at:]
    if rest:
        tokens.append(("text", rest))
    return tokens


def is_measure(phrase: str) -> bool:
    """Whether a phrase behind a number only says what is counted."""
    return bool(_MEASURE.fullmatch(phrase)) and not _EVIDENCE.search(phrase[1:])
