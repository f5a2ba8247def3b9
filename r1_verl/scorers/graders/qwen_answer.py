"""The Qwen2.5-Math evaluator's extraction and string rules, as SimpleRL (v0 and v1 reward, evaluation) applies them.

Source: hkust-nlp/simpleRL-reason, the Qwen2.5-Math `parser.py` and `grader.py`. The rules are kept with their faults
(units that are single letters, the word "and" deleted, percent read as a factor of 100): this is what was published.
The equality that belongs to them is in `qwen_equal`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from r1_verl.scorers.graders.hendrycks import braced_fractions, slash

MAX_CHARS = 2000  # longer answers are no answers; upstream's lazy patterns are quadratic in them

# Words that count as units, each also with a plural s (data; kept as published, typing errors included).
_UNIT_TEXT = (
    "east|degree|mph|kmph|ft|m sqaure| m east|sq m|deg|mile|q .|monkey|prime|ratio|profit of rs|rd|o|gm|p . m|lb|"
    "tile|per|dm|lt|gain|ab|way|west|a .|b .|c .|d .|e .|f .|g .|h .|t|a|h|no change|men|soldier|pie|bc|excess|st|"
    "inches|noon|percent|by|gal|kmh|c|acre|rise|a . m|th|π r 2|sq|mark|l|toy|coin|sq . m|gallon|° f|profit|minw|"
    "yr|women|feet|am|pm|hr|cu cm|square|v â € ™|are|rupee|rounds|cubic|cc|mtr|s|ohm|number|kmph|day|hour|minute|"
    "min|second|man|woman|sec|cube|mt|sq inch|mp|∏ cm ³|hectare|more|sec|unit|cu . m|cm 2|rs .|rs|kg|g|month|km|m|"
    "cm|mm|apple|liter|loss|yard|pure|year|increase|decrease|d|less|Surface|litre|pi sq m|s .|metre|meter|inch"
)
_UNITS = [unit + plural for plural in ("", "s") for unit in _UNIT_TEXT.split("|")]
_UNIT_PATTERNS = [(u.strip(" ."), re.compile(rf"(^|\W){u}($|\W)")) for u in _UNITS]
_ANY_UNIT = re.compile(r"(?:^|\W)(?:" + "|".join(sorted(set(_UNITS), key=len, reverse=True)) + r")(?:$|\W)")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: n for n, word in enumerate(_ONES.split())} | {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}

_NUMBER = re.compile(r"-?\d*\.?\d+")
_NEWLINE = re.compile(r"\n\s*")
_REPLACE_1 = (
    ("\\!", ""), ("bmatrix", "pmatrix"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\neq", "\\ne"), ("\\leq", "\\le"),
    ("\\geq", "\\ge"), ("\\left", ""), ("\\right", ""), ("\\{", "{"), ("\\}", "}"),
)  # fmt: skip
_REPLACE_2 = (("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""), ("$", ""), ("\\(", ""), ("\\)", ""))
_REPLACE_3 = (
    *((f"{v}{op}", "") for op in ("=", "\\\\in", "\\\\to") for v in "xyz"),
    ("\\emptyset", "{}"), ("(-\\infty,\\infty)", "\\mathbb{R}"), ("\\%", ""), ("%", ""), (" .", " 0."), ("{.", "{0."),
)  # fmt: skip


def extract(text: str, skip_unit: bool = False) -> str:
    """The evaluator's answer of a response, normalised; "" if there is none. Linear in the text."""
    _, marker, rest = text.partition("final answer is $")
    if marker and "$. I hope" in text:
        found = rest.partition("$. I hope")[0].strip()
    elif "boxed" in text:
        start = text.rfind("boxed") + 5
        found = _after_box(text[start : start + 4 * MAX_CHARS])
    elif "he answer is" in text:
        found = text[text.rfind("he answer is") + 12 :].strip()
    elif "final answer is" in text:
        found = text[text.rfind("final answer is") + 15 :].strip()
    elif "答案是" in text:
        found = text[text.rfind("答案是") + 3 :].strip().partition("\n\n")[0]
    else:
        found = _last_number(text.replace(",", ""))
    found = _NEWLINE.sub("", found[: 2 * MAX_CHARS])
    found = found.removeprefix(":").removesuffix(".").removesuffix("/")
    return normalise(found, skip_unit)


def _last_number(text: str) -> str:
    """The last match of _NUMBER, searched from the end: from the start, a megabyte of prose takes long."""
    end = 1 + max(text.rfind(digit) for digit in "0123456789")
    run = text[:end][len(text[:end].rstrip("-.0123456789")) :]
    numbers = _NUMBER.findall(run[-4 * MAX_CHARS :])
    return numbers[-1] if numbers else ""


def _after_box(rest: str) -> str:
    if not rest.startswith("{"):
        return rest.partition("$")[0].strip()
    depth = 1
    for brace in re.finditer(r"[{}]", rest[1:]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return rest[1 : 1 + brace.start()]
    return rest[1:]


@lru_cache(maxsize=8192)
def normalise(text: str, skip_unit: bool = False) -> str:
    """The evaluator's `strip_string`; "" for a text over MAX_CHARS."""
    if len(text) > MAX_CHARS:
        return ""
    s = text.strip().replace("\n", "").rstrip(".")
    for old, new in _REPLACE_1[:1]:
        s = s.replace(old, new)
    s = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", s)
    s = re.sub(r"\\end\{array\}", r"\\end{pmatrix}", s)
    for old, new in _REPLACE_1[1:]:
        s = s.replace(old, new)
    s = re.sub(r"\\text\{.*?\}$", "", s).strip() or s
    if not skip_unit and _ANY_UNIT.search(s):
        for _ in range(2):
            for word, pattern in _UNIT_PATTERNS:
                if word in s:
                    s = pattern.sub(r"\1\2", s) or s
    for old, new in _REPLACE_2:
        s = s.replace(old, new)
    s = _number_word(s)
    s = re.sub(r"\\text\{(.*?)\}", r"\1", s)
    for old, new in _REPLACE_3:
        s = s.replace(old, new)
    s = s.replace("infinity", "\\infty")
    if "\\infty" not in s:
        s = s.replace("inf", "\\infty")
    s = s.replace("+\\inity", "\\infty").replace("and", "").replace("\\mathbf", "")
    s = re.sub(r"\\mbox\{.*?\}", "", s)
    if "j" in s and "i" not in s:
        s = s.replace("j", "i")
    if "." in s:
        s = re.sub(r"(\d+)\.0*([^\d])", r"\1\2", s)
        s = re.sub(r"(\d+)\.0*$", r"\1", s)
    if not s:
        return s
    if s[0] == ".":
        s = "0" + s
    head, equals, tail = s.partition("=")
    if equals and "=" not in tail and len(head) <= 2:
        s = tail
    s = re.sub(r"\\sqrt(\w+)", r"\\sqrt{\1}", s).replace(" ", "")
    return slash(braced_fractions(s) or s, roots=True)


def _number_word(s: str) -> str:
    """A text with number words is read as that number ("twenty-five dogs" is 25), other words dropped."""
    if s.isdecimal():
        return str(int(s))
    total = group = 0
    found = False
    for word in s.replace("-", " ").lower().split():
        if word in _WORDS:
            group, found = group + _WORDS[word], True
        elif word in _SCALES:
            found = True
            if word == "hundred":
                group = (group or 1) * 100
            else:
                total, group = total + (group or 1) * _SCALES[word], 0
    return str(total + group) if found else s
