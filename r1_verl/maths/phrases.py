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
_AFTER_AN_ARTICLE = frozenset((*MULTIPLIERS, "half", "third", "quarter"))
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
    "men boys cats dogs pens pies eggs bags cars hats cups keys toys pets cows pigs hens ways days kgs logs tanks cots",
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
        found = _mathematics(words, at, tokens, bool(said))
        if found:
            _say(said, tokens)
            tokens += found[0]
            at = found[1]
            continue
        if symbol and _is_symbol(words[at]):
            _say(said, tokens)
            symbol(words[at], tokens)
        else:
            said.append(words[at].lower())
        at += 1
    _say(said, tokens)


def _is_symbol(word: str) -> bool:
    """Whether a word among bare words is a name or a function: x, pi, sin."""
    if len(word) == 1:
        return word.lower() != "a"
    return word in T.FUNCTIONS or word.lower() in T.CONSTANTS or word in T.GREEK


def _mathematics(words: list[str], at: int, tokens: list[Token], said: bool) -> tuple[list[Token], int] | None:
    """What the words at `at` mean as mathematics, and the index behind them; None for words that stay words.

    said: words that stay words stand between them and the tokens so far.
    """
    word = _bare(words[at])
    last = tokens[-1][0] if tokens and not said else ""
    if not (said and word in MULTIPLIERS):
        found = _number(words, at, last == "num")
        if found and (found[0][0][0] == "num" or _is_one_number(tokens)):  # not x^2+1 dozen
            return found
    if word in _SIGNS and not (said and at + 1 == len(words)):
        return [(_SIGNS[word], "")], at + 1
    if last == "unit" and word in ("squared", "cubed"):
        return _SUFFIXES[word], at + 1
    if last not in _NUMERIC:
        return None
    if word in _SUFFIXES and _is_one_number(tokens):
        return _SUFFIXES[word], at + 1
    if word == "in" and words[at + 1 : at + 2] == ["base"]:
        return [("base", "")], at + 2
    if word == "base":
        return [("base", "")], at + 1
    if word in ("r", "rem", "remainder") and len(words) == 1:
        return [("text", "remainder")], at + 1
    return _units(words, at)


def _bare(word: str) -> str:
    return word.lower().strip(".,:;")


def _is_one_number(tokens: list[Token]) -> bool:
    """Whether the tokens so far are one number, perhaps with a sign or as a product: 5, -5, 5 hundred."""
    return all(kind in _OF_ONE_NUMBER or (kind == "-" and not at) for at, (kind, _) in enumerate(tokens))


def _say(said: list[str], tokens: list[Token]) -> None:
    if said:
        tokens.append(("text", " ".join(said)))
        said.clear()


def _number(words: list[str], at: int, after_number: bool) -> tuple[list[Token], int] | None:
    """The tokens of a number in words that begins at `at`, and the index of its end. After a number: of its factors."""
    if after_number:
        found = _factors(words, at)
        return found if found[0] else None
    word = _bare(words[at])
    first, _, second = word.partition("-")
    if first in NUMBERS and second in PARTS:  # two-thirds
        return [("num", str(NUMBERS[first])), ("/", ""), ("num", str(PARTS[second]))], at + 1
    value, end = _whole(words, at)
    if end == at:
        if word in ("a", "an") and at + 1 < len(words) and _bare(words[at + 1]) in _AFTER_AN_ARTICLE:
            end += 1
        elif word not in ("half", "hundred", "dozen"):
            return None
        value = 1
    tokens, end = _factors(words, end)
    return [("num", str(value)), *tokens], end


def _whole(words: list[str], at: int) -> tuple[int, int]:
    """The value of a whole number in words that begins at `at`, and the index of its end, `at` if there is none."""
    total = current = 0
    start = at
    while at < len(words):
        parts = _bare(words[at]).split("-")
        if all(part in NUMBERS for part in parts):
            if at > start and current % 100 and current % 100 < 20:
                break
            current += sum(NUMBERS[part] for part in parts)
        elif at > start and parts[0] in MULTIPLIERS and len(parts) == 1:
            many = MULTIPLIERS[parts[0]]
            total, current = (total, current * many) if many == 100 else (total + current * many, 0)
        else:
            break
        at += 1
    return total + current, at


def _factors(words: list[str], at: int) -> tuple[list[Token], int]:
    """The tokens of the multipliers and the part of a number at `at`: hundred million, thirds."""
    tokens: list[Token] = []
    while at < len(words) and _bare(words[at]) in MULTIPLIERS:
        tokens += [("*", ""), ("num", str(MULTIPLIERS[_bare(words[at])]))]
        at += 1
    if at < len(words) and _bare(words[at]) in PARTS:
        tokens += [("/", ""), ("num", str(PARTS[_bare(words[at])]))]
        at += 1
    return tokens, at


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
