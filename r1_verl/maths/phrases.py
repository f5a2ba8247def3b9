r"""From words to tokens: the inside of a \text{...}, and words that a model wrote without it.

Words with a meaning of their own become mathematics (`two thirds`, `5 dozen`, `hours`, `squared`); `and` and `or`
become commas; all others stay words, ("text", "red marbles"), which `evidence` judges.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from r1_verl.maths import chinese
from r1_verl.maths import tables as T
from r1_verl.maths.evidence import MULTIPLIERS, NUMBERS, PARTS, TIMES_OF_YEAR
from r1_verl.maths.tables import word_set
from r1_verl.maths.units import PLAIN, phrase

Token = tuple[str, str]

_RUN = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*(?:[.:!?]?\s+[^\W\d_]+(?:['\-][^\W\d_]+)*)*[.:!?]*")
_JOINER = re.compile(r"(?:^|(?<=[\s,.]))(and|or|und|et)(?=\s|$)", re.IGNORECASE)
_TWO_DATES = re.compile(rf"(?i)\b(?:{'|'.join(TIMES_OF_YEAR)}) and (?:{'|'.join(TIMES_OF_YEAR)})\b")
_LATIN = re.compile(r"[A-Za-z][A-Za-z' \-.:!?]*|[^A-Za-z]+")
_SIGNS = {"minus": "-", "negative": "-", "plus": "+"}
_SUFFIXES = {
    "squared": [("^", ""), ("num", "2")], "cubed": [("^", ""), ("num", "3")], "factorial": [("!", "")],
    "halved": [("/", ""), ("num", "2")], "doubled": [("*", ""), ("num", "2")], "tripled": [("*", ""), ("num", "3")],
}  # fmt: skip
_OF_ONE_NUMBER = frozenset(("num", "*", "$", "£", "€", "¥"))
_NUMERIC = frozenset(("num", ")", "}", "%"))
# Words of two and three letters, which are no products where they stand beside other words.
_SHORT = word_set(
    "of sq cu ft per is if not no in on at by for the as are was has had its his her our out off due via but nor",
    "yet all any one two six ten red men boy man day way cat dog pen pie egg box bag car bus bat hat cup job key",
    "bed ice oil tea toy pet cow pig hen fox ant bee new old big low top few sum max min or and so to do an we he",
    "it be",
)
# Words of three letters behind a number that are no products.
SHORT_NOUNS = word_set(
    "men boys cats dogs pens pies eggs bags cars hats cups keys toys pets cows pigs hens ways days",
)


def is_prose(words: list[str]) -> bool:
    """Whether a run of words is English, not a row of names and functions such as `sin pi x`."""
    return any(
        word.lower() in _SHORT or (len(word) > 3 and word not in T.FUNCTIONS and word.lower() not in T.CONSTANTS
                                   and word not in T.GREEK)
        for word in words
    ) and len(words) > 1  # fmt: skip


def read_words(text: str, tokens: list[Token], symbol: Callable[[str, list[Token]], None] | None = None) -> None:
    """Append the tokens of words without digits. symbol: what reads a letter or a function among bare words."""
    at = 0
    for joiner in _JOINER.finditer(text):
        if _TWO_DATES.search(text, 0, joiner.end() + 12) and joiner.start() > at:
            continue
        _read_piece(text[at : joiner.start()], tokens, symbol)
        word = joiner[1].lower()
        if tokens and tokens[-1][0] == ",":
            tokens.pop()
        tokens.append((",", "or" if word == "or" else "and"))
        at = joiner.end()
    _read_piece(text[at:], tokens, symbol)


def _read_piece(text: str, tokens: list[Token], symbol: Callable[[str, list[Token]], None] | None) -> None:
    text = text.strip(" ,")
    if not text:
        return
    if not text.isascii():
        for run in _LATIN.findall(text):
            if run.isascii():
                _read_latin(run, tokens, symbol)
            elif run.strip():
                before = tokens[-1][0] if tokens else ""
                number = before in _NUMERIC or (before == "/" and len(tokens) > 1 and tokens[-2][0] == "unit")
                tokens.extend(chinese.read(run.strip(), number, number and _is_one_number(tokens)))
        return
    _read_latin(text, tokens, symbol)


def _read_latin(text: str, tokens: list[Token], symbol: Callable[[str, list[Token]], None] | None) -> None:
    words, at, said = text.split(), 0, []
    if symbol and not is_prose(words):
        for word in words:
            symbol(word, tokens)
        return
    if units := phrase(text):
        tokens.extend(units)
        return
    while at < len(words):
        word = words[at]
        lower = word.lower().strip(".,:;")
        found = (
            None
            if said and lower in MULTIPLIERS
            else _number(words, at, bool(tokens) and tokens[-1][0] == "num" and not said)
        )
        if found and tokens and found[0][0][0] in ("*", "/") and not _is_one_number(tokens):
            found = None  # x^2+1 dozen
        if found:
            _say(said, tokens)
            tokens += found[0]
            at = found[1]
            continue
        numeric = not said and tokens and tokens[-1][0] in _NUMERIC
        if not said and tokens and tokens[-1][0] == "unit" and lower in ("squared", "cubed"):
            tokens += _SUFFIXES[lower]  # cm squared
        elif numeric and lower in _SUFFIXES and _is_one_number(tokens):
            tokens += _SUFFIXES[lower]
        elif lower in _SIGNS and at + 1 < len(words) + (not said):
            _say(said, tokens)
            tokens.append((_SIGNS[lower], ""))
        elif (lower == "base" or (lower == "in" and words[at + 1 : at + 2] == ["base"])) and numeric:
            at += lower == "in"
            tokens.append(("base", ""))
        elif numeric and (units := _units(words, at)):
            tokens += units[0]
            at = units[1]
            continue
        elif symbol and (
            (len(word) == 1 and lower != "a") or word in T.FUNCTIONS or lower in T.CONSTANTS or word in T.GREEK
        ):
            _say(said, tokens)
            symbol(word, tokens)
        elif numeric and lower in ("r", "rem", "remainder") and len(words) == 1:
            tokens.append(("text", "remainder"))
        else:
            said.append(word.lower())
        at += 1
    _say(said, tokens)


def _is_one_number(tokens: list[Token]) -> bool:
    """Whether the tokens so far are one number, perhaps with a sign or as a product: 5, -5, 5 hundred."""
    return all(kind in _OF_ONE_NUMBER or (kind == "-" and not at) for at, (kind, _) in enumerate(tokens))


def _say(said: list[str], tokens: list[Token]) -> None:
    if said:
        tokens.append(("text", " ".join(said)))
        said.clear()


def _number(words: list[str], at: int, after_number: bool) -> tuple[list[Token], int] | None:
    """The tokens of a number in words that begins at `at`, and the index of its end."""
    first, _, second = words[at].lower().strip(".,:;").partition("-")
    if first in NUMBERS and second in PARTS and not after_number:  # two-thirds
        return [("num", str(NUMBERS[first])), ("/", ""), ("num", str(PARTS[second]))], at + 1
    start = at
    total = current = 0
    seen = False
    while at < len(words):
        parts = words[at].lower().strip(".,:;").split("-")
        if all(part in NUMBERS for part in parts):
            if seen and not (current % 100 >= 20 or current % 100 == 0):
                break
            current += sum(NUMBERS[part] for part in parts)
        elif seen and len(parts) == 1 and parts[0] in MULTIPLIERS:
            many = MULTIPLIERS[parts[0]]
            if many == 100:
                current *= many
            else:
                total, current = total + current * many, 0
        else:
            break
        seen = True
        at += 1
    word = words[at].lower().strip(".,:;") if at < len(words) else ""
    if seen and after_number:
        return None
    if seen:
        tokens: list[Token] = [("num", str(total + current))]
    elif after_number:
        tokens = []
    elif (
        word in ("a", "an")
        and at + 1 < len(words)
        and words[at + 1].lower() in {*MULTIPLIERS, "half", "third", "quarter"}
    ):
        tokens, at = [("num", "1")], at + 1
        word = words[at].lower()
    elif word in ("half", "hundred", "dozen"):
        tokens = [("num", "1")]
    else:
        return None
    while not seen and word in MULTIPLIERS:  # 5 hundred million
        tokens += [("*", ""), ("num", str(MULTIPLIERS[word]))]
        at += 1
        word = words[at].lower().strip(".,:;") if at < len(words) else ""
    if word in PARTS:
        tokens += [("/", ""), ("num", str(PARTS[word]))]
        at += 1
    return (tokens, at) if at > start else None


def _units(words: list[str], at: int) -> tuple[list[Token], int] | None:
    """The tokens of the longest row of units that begins at `at`, and the index of its end."""
    for end in range(min(len(words), at + 5), at, -1):
        row = " ".join(words[at:end])
        if (len(row) > 2 or row in PLAIN) and (units := phrase(row.rstrip(".,:;"))):
            return units, end
    return None


def read_text(text: str, tokens: list[Token], rest: Callable[[str], list[Token]]) -> None:
    r"""Append the tokens of the inside of a \text{...}. rest: what reads the digits and signs between the words."""
    at = 0
    for found in _RUN.finditer(text):
        aside = _is_aside(text, found)
        between = text[at : found.start()].strip()
        between = between[:-1].rstrip() if aside else between
        if between:
            tokens.extend(rest(between))
        read_words(found[0], tokens)
        at = found.end() + aside
    between = text[at:].strip(" .")
    if between:
        tokens.extend(rest(between))


def _is_aside(text: str, found: re.Match[str]) -> bool:
    """Whether words stand alone in round brackets: (meters)."""
    return text[: found.start()].rstrip().endswith("(") and text[found.end() :].startswith(")")
