r"""From a canonical text to tokens.

A token is a pair (kind, value): ("num", "12.5"), ("sym", "x"), ("const", "pi"), ("fn", "sin"), ("unit", "cm"),
("text", words), ("set", "reals"), ("cmd", "frac"), ("begin", "pmatrix"), ("end", "pmatrix"). Every other token is an
operator or a bracket; its kind is its name and its value is "". A comma that was written as a word is (",", "and") or
(",", "or").
"""

from __future__ import annotations

import re
from string import ascii_letters

from r1_verl.maths import tables as T
from r1_verl.maths.evidence import NUMBERS
from r1_verl.maths.phrases import SHORT_NOUNS, is_prose, read_text, read_words
from r1_verl.maths.units import PLAIN, SPELLINGS, UNITS, phrase
from r1_verl.response import closing_brace

MAX_TOKENS = 2500
Token = tuple[str, str]


class Unreadable(Exception):
    """The tokenizer or the parser cannot read the text."""


_TOKEN = re.compile(
    r"((?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![0-9.]))?)"
    r"|(?:np|numpy|math|sympy|sp)\.(?=[A-Za-z])"
    r"|\\([A-Za-z]+|.)"
    r"|([A-Za-z]+)"
    r"|(\*\*|<=|>=|==|\.\.\.+|->|=>|[-+*/^_()\[\]{},;:=<>!'%|&€£¥¢])"
    r"|([^\x00-\x7f]+)"
    r"|\s+"
)
_NUMBER, _WORD, _OPERATOR, _OTHER_SCRIPT = 1, 3, 4, 5  # groups of _TOKEN; group 2 is a command
# Words with a space, a hyphen or an apostrophe between them.
_IN_PROSE = (" ", " -'.")  # what may follow a letter, and a word, of English
_RUN = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]{2,})*(?:[ .][A-Za-z]+(?:['-][A-Za-z]{2,})*){0,15}")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])(?:\.[0-9]+)?")
AMBIGUOUS = re.compile(r"[0-9],[0-9]{3}(?![0-9])")  # a number in groups, or two members of a list
_REPEATING = re.compile(r"\\(?:overline|bar|dot|overset\{\.\})(?:\{([0-9]{1,40})\}|([0-9]))|\(([0-9]{1,40})\)")
_GOES_ON = re.compile(r"\.\.\.+|\\(?:ldots|cdots|dots)(?![A-Za-z])")
_PERIOD = re.compile(r"([0-9]{1,9}?)\1\1$|([0-9]{3,9}?)\2$")
_ENVIRONMENT = re.compile(r"\{([a-zA-Z]+\*?)\}")
_BLACKBOARD = re.compile(r"\s*(?:\{([A-Z])\}|([A-Z]))")
_OPERATORS = {"**": "^", "==": "=", "->": "to", "=>": "implies", ";": ","}
_ELLIPSIS: Token = ("...", "")
_MARKS = {
    op: (_OPERATORS.get(op, op), "")
    for op in ("**", "<=", ">=", "==", "->", "=>", *"-+*/^_()[]{},;:=<>!'%|&€£¥")
} | {"¢": ("unit", "cent")}  # fmt: skip
_LETTERS = {letter: ("const" if letter in "ei" else "sym", letter) for letter in ascii_letters}
_ONE_TOKEN: dict[str, Token] = (  # commands that are one token in every place; later lines overrule earlier ones
    {name: ("cmd", name) for name in T.COMMANDS - T.TEXT - T.UNEVALUATED - T.FONT - {"mathbb", "begin", "end"}}
    | {name: ("set", meant) for name, meant in T.SETS.items()}
    | {name: ("sym", T.ALIASES.get(name, name)) for name in T.GREEK}
    | {name: ("const", meant) for name, meant in T.CONSTANTS.items()}
    | {name: ("fn", meant) for name, meant in T.FUNCTIONS.items()}
    | {name: (meant, T.LOGIC.get(name, "")) for name, meant in T.OPERATORS.items()}
)
_MATHS_IN_TEXT = re.compile(r"(?=[^0-9]*[0-9])[0-9xyn+\-*/^=().,:$\s]+")
_OF_NABLA = re.compile(r"\s*\\(cdot|times)(?![A-Za-z])")
_STUCK = re.compile(r"(sqrt|arcsin|arccos|arctan|sin|cos|tan|cot|ln|log|exp)([A-Za-z]{1,2})")


def tokenize(text: str, grouped: bool = True, depth: int = 0) -> list[Token]:
    """The tokens of a canonical text. Raises Unreadable.

    grouped: read `1,234` as one number outside of brackets. In brackets it is always two, but for 1,034.
    depth: how many \\text{...} the text was taken from.
    """
    tokens: list[Token] = []
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
            tokens.append(_MARKS.get(value, _ELLIPSIS))
        elif kind == _NUMBER:
            if grouped and at < end and text[at] == "," and (not tokens or tokens[-1] != (",", "")):
                whole = _GROUPED.match(text, found.start())
                if whole and (level == 0 or ",0" in whole[0]):
                    value, at = whole[0].replace(",", ""), whole.end()
            if "." in value and at < end and text[at] in "\\.(":
                value, at = _repeating(value, text, at)
            tokens.append(("num", value))
        elif kind == _WORD:
            if value in ("x", "X") and tokens and tokens[-1][0] == "num" and text.startswith("10^", at):
                tokens.append(("*", ""))  # 4.98 x 10^2
            elif at < end and text[at] in _IN_PROSE[len(value) > 1] and (run := _prose(text, found.start())):
                read_words(run.replace(".", " "), tokens, _word)
                at = found.start() + len(run)
            elif len(value) == 1:
                per = value in "hs" and tokens[-1:] == [("/", "")] and tokens[-2:-1] and tokens[-2][0] == "unit"
                tokens.append(("unit", value) if per else _LETTERS[value])
            else:
                _word(value, tokens)
        elif kind == _OTHER_SCRIPT:
            if not value.isalpha():
                raise Unreadable(f"character {value[0]!r}")
            read_words(value, tokens)
        elif value == "Omega" and tokens and tokens[-1][0] == "num":
            tokens.append(("unit", "ohm"))
        elif value == "nabla" and (operator := _OF_NABLA.match(text, at)):
            tokens.append(("sym", f"nabla {operator[1]}"))
            at = operator.end()
        elif value in _ONE_TOKEN:
            tokens.append(_ONE_TOKEN[value])
        else:
            at = _command(value, text, at, tokens, depth)
    if len(tokens) > MAX_TOKENS:
        raise Unreadable("too long")
    return tokens


def _prose(text: str, at: int) -> str:
    """The English words that begin at `at`; "" if they are names of variables and functions."""
    run = _RUN.match(text, at)[0]
    words = run.replace(".", " ").split()
    return run if is_prose(words) or (len(words) == 1 and words[0].partition("-")[0].lower() in NUMBERS) else ""


def _repeating(value: str, text: str, at: int) -> tuple[str, int]:
    r"""A repeating decimal, `0.1\overline{6}`, 0.1(6) or 0.1666..., as 0.1(6), and the index of its end."""
    found = _REPEATING.match(text, at)
    if found:
        return f"{value}({found[1] or found[2] or found[3]})", found.end()
    found = _GOES_ON.match(text, at)
    block = _PERIOD.search(value) if found else None
    if block:
        return f"{value[: block.start()]}({block[1] or block[2]})", found.end()
    return value, at


def _word(word: str, tokens: list[Token]) -> None:
    """Letters without a backslash: a function, a constant, a unit, a joiner, a word, or a product of variables."""
    before = tokens[-1][0] if tokens else ""
    lower = word.lower()
    if word in ("USD", "CNY", "RMB") and not tokens:
        tokens.append(("$" if word == "USD" else "¥", ""))
        return
    if len(word) == 3 and lower in NUMBERS and before in ("", ",", "=", "text"):
        read_words(word, tokens)
        return
    if word == "in" and before == "num" and ("unit", "ft") in tokens:  # 5 ft 6 in
        tokens.append(("unit", word))
        return
    if len(word) == 1:
        tokens.append(_LETTERS[word])
    elif before in ("num", ")", "}", "unit", "$", "/") and word in PLAIN and not (before == "/" and len(tokens) < 3):
        tokens.append(("unit", SPELLINGS.get(word, word)))
    elif before == "num" and lower in SHORT_NOUNS:
        tokens.append(("text", lower))
    elif word in T.FUNCTIONS:
        tokens.append(("fn", T.FUNCTIONS[word]))
    elif lower in ("and", "or"):
        tokens.append((",", lower))
    elif lower in T.CONSTANTS:
        tokens.append(("const", T.CONSTANTS[lower]))
    elif len(word) > 2 and word in T.GREEK:
        tokens.append(("sym", T.ALIASES.get(word, word)))
    elif stuck := _STUCK.fullmatch(word):
        tokens.append(("fn", T.FUNCTIONS[stuck[1]]))
        _word(stuck[2], tokens)
    elif len(word) < 4 and not (lower in T.ORDINALS and (before == "num" or tokens[-2:] == [("^", ""), ("{", "")])):
        for letter in word:
            tokens.append(_LETTERS[letter])
    else:
        read_words(word, tokens)


def _command(name: str, text: str, at: int, tokens: list[Token], depth: int) -> int:
    """Append the tokens of a command whose name ends at `at`. Returns the index after what was read."""
    if name not in T.COMMANDS and name not in T.OPERATORS and len(name) > 2:
        # Some data sets lost the space after a command: \pit is \pi t.
        for cut in range(len(name) - 1, 1, -1):
            if name[:cut] in T.COMMANDS:
                at -= len(name) - cut
                name = name[:cut]
                break
    if name in _ONE_TOKEN:
        tokens.append(_ONE_TOKEN[name])
    elif name in T.TEXT:
        return _text(name, text, at, tokens, depth)
    elif name == "int":
        tokens.append(("cmd", name))
    elif name == "mathbb":
        found = _BLACKBOARD.match(text, at)
        letter = (found[1] or found[2]) if found else ""
        if letter not in T.SETS:
            raise Unreadable("\\mathbb")
        tokens.append(("set", T.SETS[letter]))
        return found.end()
    elif name in ("begin", "end"):
        found = _ENVIRONMENT.match(text, at)
        if not found:
            raise Unreadable(name)
        tokens.append((name, found[1].rstrip("*")))
        return found.end()
    elif name not in T.FONT:
        raise Unreadable(f"\\{name[:20]}")
    return at


def _text(name: str, text: str, at: int, tokens: list[Token], depth: int) -> int:
    r"""The contents of \text{...}: a joiner, a unit, mathematics in upright letters, or words."""
    while at < len(text) and text[at] == " ":
        at += 1
    if at >= len(text) or text[at] != "{":
        return at
    close = closing_brace(text, at)
    if close < 0 or depth > 3:
        raise Unreadable("text")
    inside = text[at + 1 : close].strip()
    if inside.startswith("(") and inside.find(")") == len(inside) - 1 and len(inside) > 4:
        inside = inside[1:-1]  # (base 8)
    words = inside.lower().strip(" ,;.").split()
    if not words:
        if "," in inside:
            tokens.append((",", ""))
    elif all(word.strip(",;") in T.JOINERS for word in words):
        tokens.append((",", next((word for word in words if word in ("and", "or")), "")))
    elif inside.lower() in T.CONSTANTS:
        tokens.append(("const", T.CONSTANTS[inside.lower()]))
    elif inside in ("R", "r") and tokens and tokens[-1][0] == "num":
        tokens.append(("text", "remainder"))
    elif inside in T.FUNCTIONS and not (inside in UNITS and tokens and tokens[-1][0] in ("num", ")", "}")):
        tokens.append(("fn", T.FUNCTIONS[inside]))
    elif inside == "i" or (inside in ("d", "e") and name in ("mathrm", "operatorname")):
        tokens.append(("sym", "d") if inside == "d" else ("const", inside))
    elif len(inside) == 1 and inside.isalpha() and _named(tokens):
        tokens.append(("sym", inside))
    elif _MATHS_IN_TEXT.fullmatch(inside):
        tokens.extend(tokenize(inside.replace(" ", ""), depth=depth + 1))
    elif units := phrase(inside):
        tokens.extend(units)
    elif len(inside) == 1 and inside.isalpha() and inside.isascii():
        tokens.append(("sym", inside))
    elif "\\" in inside:
        tokens.extend(tokenize(inside, depth=depth + 1))
    else:
        read_text(inside, tokens, lambda rest: tokenize(rest.replace(" ", ""), depth=depth + 1))
    return close + 1


def _named(tokens: list[Token]) -> bool:
    """Whether an upright letter after these tokens is a name, not a unit."""
    return (
        not tokens
        or tokens[-1][0] in ("_", "=", "^")
        or (tokens[-1][0] == "{" and tokens[-2:-1] in ([("_", "")], [("^", "")]))
    )
