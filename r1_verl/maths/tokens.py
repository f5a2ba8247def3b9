r"""From a canonical text to tokens.

A token is a pair (kind, value): ("num", "12.5"), ("sym", "x"), ("const", "pi"), ("fn", "sin"), ("unit", "cm"),
("text", words), ("set", "reals"), ("cmd", "frac"), ("begin", "pmatrix"), ("end", "pmatrix"); every other token is an
operator or a bracket, whose kind is its name and whose value is "" (for a joiner, (",", "and") or (",", "or")).
"""

from __future__ import annotations

import re
from string import ascii_letters

from r1_verl.maths import symbols as S
from r1_verl.maths.units import PLAIN, SPELLINGS, UNITS, phrase
from r1_verl.response import closing_brace

MAX_TOKENS = 2500
Token = tuple[str, str]


class Unreadable(Exception):
    """The text is no mathematics that this evaluator knows. `heavy`: sympy may know it."""

    def __init__(self, why: str, heavy: bool = False):
        super().__init__(why)
        self.heavy = heavy


_TOKEN = re.compile(
    r"((?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![0-9.]))?)"
    r"|(?:np|numpy|math|sympy|sp)\.(?=[A-Za-z])"
    r"|\\([A-Za-z]+|.)"
    r"|([A-Za-z]+)"
    r"|(\*\*|<=|>=|==|\.\.\.+|->|=>|[-+*/^_()\[\]{},;:=<>!'%|&€£])"
    r"|\s+"
)
_NUMBER, _WORD, _OPERATOR = 1, 3, 4  # its groups; the second is a command
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])(?:\.[0-9]+)?")
AMBIGUOUS = re.compile(r"[0-9],[0-9]{3}(?![0-9])")  # a number in groups, or two members of a list
_REPEATING = re.compile(r"\\(?:overline|bar|dot|overset\{\.\})(?:\{([0-9]{1,40})\}|([0-9]))")
_GOES_ON = re.compile(r"\.\.\.+|\\(?:ldots|cdots|dots)(?![A-Za-z])")
_PERIOD = re.compile(r"([0-9]{1,9}?)\1\1$|([0-9]{3,9}?)\2$")
_ENVIRONMENT = re.compile(r"\{([a-zA-Z]+\*?)\}")
_BLACKBOARD = re.compile(r"\s*(?:\{([A-Z])\}|([A-Z]))")
_OPERATORS = {"**": "^", "==": "=", "->": "to", "=>": "implies", ";": ","}
_ELLIPSIS: Token = ("...", "")
_MARKS = {
    op: (_OPERATORS.get(op, op), "")
    for op in ("**", "<=", ">=", "==", "->", "=>", *"-+*/^_()[]{},;:=<>!'%|&€£")
}  # fmt: skip
_LETTERS = {letter: ("const" if letter in "ei" else "sym", letter) for letter in ascii_letters}
_PLAIN_COMMANDS: dict[str, Token] = (  # those that are one token wherever they stand; the later lines win
    {name: ("cmd", name) for name in S.COMMANDS - S.TEXT - S.HEAVY - S.FONT - {"mathbb", "begin", "end"}}
    | {name: ("set", meant) for name, meant in S.SETS.items()}
    | {name: ("sym", S.ALIASES.get(name, name)) for name in S.GREEK}
    | {name: ("const", meant) for name, meant in S.CONSTANTS.items()}
    | {name: ("fn", meant) for name, meant in S.FUNCTIONS.items()}
    | {name: (meant, S.LOGIC.get(name, "")) for name, meant in S.OPERATORS.items()}
)
_MATHS_IN_TEXT = re.compile(r"(?=[^0-9]*[0-9])[0-9xyn+\-*/^=().,:$\s]+")
_STUCK = re.compile(r"(sqrt|arcsin|arccos|arctan|sin|cos|tan|cot|ln|log|exp)([A-Za-z]{1,2})")


def tokenize(text: str, grouped: bool = True, depth: int = 0) -> list[Token]:
    """The tokens of a canonical text. Raises Unreadable.

    grouped: outside of brackets `1,234` is one number. In brackets it is always two.
    """
    out: list[Token] = []
    at, level, end, match = 0, 0, len(text), _TOKEN.match
    while at < end:
        found = match(text, at)
        if found is None:
            raise Unreadable(f"character {text[at]!r}")
        at = found.end()
        kind = found.lastindex
        if kind is None:  # space, or a module's name
            continue
        value = found[kind]
        if kind == _OPERATOR:
            if value in "([{":
                level += 1
            elif value in ")]}":
                level -= 1
            out.append(_MARKS.get(value, _ELLIPSIS))
        elif kind == _NUMBER:
            if grouped and level == 0 and at < end and text[at] == "," and not (out and out[-1][0] == ","):
                whole = _GROUPED.match(text, found.start())
                if whole:
                    value, at = whole[0].replace(",", ""), whole.end()
            if "." in value and at < end and text[at] in "\\.":
                value, at = _repeating(value, text, at)
            out.append(("num", value))
        elif kind == _WORD:
            if value in ("x", "X") and out and out[-1][0] == "num" and text.startswith("10^", at):
                out.append(("*", ""))  # 4.98 x 10^2
            elif len(value) == 1:
                out.append(_LETTERS[value])
            else:
                _word(value, out)
        elif value in _PLAIN_COMMANDS:
            out.append(_PLAIN_COMMANDS[value])
        else:
            at = _command(value, text, at, out, depth)
    if len(out) > MAX_TOKENS:
        raise Unreadable("too long")
    return out


def _repeating(value: str, text: str, at: int) -> tuple[str, int]:
    r"""A decimal that goes on for ever, `0.1\overline{6}` or 0.1666..., as 0.1(6), and where it ends."""
    found = _REPEATING.match(text, at)
    if found:
        return f"{value}({found[1] or found[2]})", found.end()
    found = _GOES_ON.match(text, at)
    block = _PERIOD.search(value) if found else None
    if block:
        return f"{value[: block.start()]}({block[1] or block[2]})", found.end()
    return value, at


def _word(word: str, out: list[Token]) -> None:
    """Letters without a backslash: a function, a constant, a unit, a joiner, a word, or a product of variables."""
    before = out[-1][0] if out else ""
    lower = word.lower()
    if len(word) == 1:
        out.append(_LETTERS[word])
    elif before in ("num", ")", "}", "unit", "$", "/") and word in PLAIN and not (before == "/" and len(out) < 3):
        out.append(("unit", SPELLINGS.get(word, word)))
    elif before == "num" and lower in S.MULTIPLIERS:
        out += [("*", ""), ("num", S.MULTIPLIERS[lower])]
    elif word in S.FUNCTIONS:
        out.append(("fn", S.FUNCTIONS[word]))
    elif lower in ("and", "or"):
        out.append((",", lower))
    elif lower in S.CONSTANTS:
        out.append(("const", S.CONSTANTS[lower]))
    elif len(word) > 2 and word in S.GREEK:
        out.append(("sym", S.ALIASES.get(word, word)))
    elif stuck := _STUCK.fullmatch(word):
        out.append(("fn", S.FUNCTIONS[stuck[1]]))
        _word(stuck[2], out)
    elif len(word) < 4 and not (lower in S.ORDINALS and (before == "num" or out[-2:] == [("^", ""), ("{", "")])):
        for letter in word:
            out.append(_LETTERS[letter])
    else:
        out.append(("text", lower))


def _command(name: str, text: str, at: int, out: list[Token], depth: int) -> int:
    """Append the tokens of a command whose name ends at `at`; where to go on."""
    if name not in S.COMMANDS and name not in S.OPERATORS and len(name) > 2:
        # Some sources lost the space after a command: \pit is \pi t.
        for cut in range(len(name) - 1, 1, -1):
            if name[:cut] in S.COMMANDS:
                at -= len(name) - cut
                name = name[:cut]
                break
    if name in _PLAIN_COMMANDS:
        out.append(_PLAIN_COMMANDS[name])
    elif name in S.TEXT:
        return _text(name, text, at, out, depth)
    elif name == "mathbb":
        found = _BLACKBOARD.match(text, at)
        letter = (found[1] or found[2]) if found else ""
        if letter not in S.SETS:
            raise Unreadable("\\mathbb")
        out.append(("set", S.SETS[letter]))
        return found.end()
    elif name in ("begin", "end"):
        found = _ENVIRONMENT.match(text, at)
        if not found:
            raise Unreadable(name)
        out.append((name, found[1].rstrip("*")))
        return found.end()
    elif name in S.HEAVY:
        raise Unreadable(name, heavy=True)
    elif name not in S.FONT:
        raise Unreadable(f"\\{name[:20]}", heavy=True)
    return at


def _text(name: str, text: str, at: int, out: list[Token], depth: int) -> int:
    r"""The contents of \text{...}: a joiner, a unit, mathematics in upright letters, or words."""
    while at < len(text) and text[at] == " ":
        at += 1
    if at >= len(text) or text[at] != "{":
        return at
    close = closing_brace(text, at)
    if close < 0 or depth > 3:
        raise Unreadable("text")
    inside = text[at + 1 : close].strip()
    words = inside.lower().strip(" ,;.").split()
    if not words:
        if "," in inside:
            out.append((",", ""))
    elif words[0] in S.MULTIPLIERS and out and out[-1][0] == "num":
        out += [("*", ""), ("num", S.MULTIPLIERS[words[0]])]
        if len(words) > 1:
            out.append(("text", " ".join(words[1:])))
    elif all(word.strip(",;") in S.JOINERS for word in words):
        out.append((",", next((word for word in words if word in ("and", "or")), "")))
    elif inside in S.FUNCTIONS and not (inside in UNITS and out and out[-1][0] in ("num", ")", "}")):
        out.append(("fn", S.FUNCTIONS[inside]))
    elif inside in ("d", "e", "i") and name in ("mathrm", "operatorname"):
        out.append(("sym", "d") if inside == "d" else ("const", inside))
    elif len(inside) == 1 and inside.isalpha() and _named(out):
        out.append(("sym", inside))
    elif _MATHS_IN_TEXT.fullmatch(inside):
        out.extend(tokenize(inside.replace(" ", ""), depth=depth + 1))
    elif units := phrase(inside):
        out.extend(units)
    elif "\\" in inside:
        out.extend(tokenize(inside, depth=depth + 1))
    else:
        out.append(("text", " ".join(inside.lower().split())))
    return close + 1


def _named(out: list[Token]) -> bool:
    """Whether an upright letter here is a name rather than a unit."""
    return not out or out[-1][0] in ("_", "=", "^") or (out[-1][0] == "{" and out[-2:-1] in ([("_", "")], [("^", "")]))
