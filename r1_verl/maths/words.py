"""Answers in words: choices, names, yes and no, times of day."""

from __future__ import annotations

import re
from functools import lru_cache

from r1_verl.maths.evidence import is_evidence, is_number
from r1_verl.maths.tables import FUNCTIONS, GREEK, OPERATORS, word_set

_TEXT = r"\\(?:text[a-z]*|mathrm|mathbf|mathit|mathsf|mbox|hbox|operatorname|emph|boldsymbol|bm|underline)(?![A-Za-z])"
_PIECE = re.compile(_TEXT + r"\s*\{([^{}]*)\}|" + _TEXT + r"|([^\\]+)|(.)", re.DOTALL)
_WRAPPER = re.compile(_TEXT)
_WRAPPED = re.compile(_TEXT + r"\{([^{}]*)\}")
_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)$")
_LONG_WORD = re.compile(r"[a-z]{4}")
_OUTSIDE = re.compile(r"(?:[^\W\d_]|[\s.,;:'\"(){}&?])*")  # what may stand between the texts of an answer in words
_MATHS = re.compile(r"[=<>^_/*+|$]|\\(?:frac|sqrt|pi|infty|pm|cup|begin)")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_ARTICLES = frozenset(("the", "a", "an"))
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2}))?)?(?:([ap])m?)?")
_AROUND_TIME = re.compile(r"[ .{}]")
_TIME_ENDS = frozenset("mMapAP.")
_AND = re.compile(r",|;|、|\band\b|和|与|&")
_LABELS = re.compile(r"(?:[A-Z]|[(),;&\s]|and|\{|\})+")
_LONG_LABEL = 30  # characters
_LABEL = re.compile(r"\(?([A-Z])\)?")
# A choice with its text: (E) a risk score; E. 12; Option E: 12.
_LABELLED = re.compile(
    r"(?:(?:the )?(?:correct |final |right )?(?:answer|option|choice)(?: is|:)? ?(?:option|choice)? ?)?"
    r"(?:\(([A-Za-z])\)|([A-Z])(?:[.):]|-(?=[a-z]+ [a-z]))|(?:(?<=[a-z:] )|(?<=[a-z:]))([A-Z])(?:$|[.:,]))[\s:.~]*(.*)",
    re.DOTALL | re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"\([A-Z]\)|\b[B-HJ-Z][.)]|(?<![a-z])(?:or|and|not|wrong|incorrect|false|no|isn't|maybe|either|neither|nor|but|"
    r"instead|options?|choices?|answers?)(?![a-z])|[,;/|或和不非错与]|^[A-Z]$", re.IGNORECASE,
)  # fmt: skip
_OPERATORS = frozenset("+-*^_=<>!'&%±")
EMPTY = frozenset(
    (r"\emptyset", r"\varnothing", r"\{\}", "无解", r"\text{empty set}", "empty set", r"\text{the empty set}", "空集")
)
_SHORT_WORDS = word_set(
    "yes no on off red odd up two six ten one day may sun sat jan feb mar apr jun jul aug sep oct nov dec mon tue",
    "wed thu fri tom sam amy joe ann ben dan kim lee tim jim bob bee cat dog pen hot wet dry far low top",
)
_SAME = {
    "true": "yes", "false": "no", "no solutions": "no solution", "does not exist": "dne", "none": "no solution",
    "limit does not exist": "dne", "it does not exist": "dne", "infinitely many solutions": "infinitely many",
    "there are infinitely many solutions": "infinitely many", "there are infinitely many": "infinitely many",
}  # fmt: skip
_OF_NO_SOLUTION = word_set(
    "there is are no real solution solutions exist exists",
)
_MATHS_NAMES = re.compile(r"(?:sqrt|sin|cos|tan|cot|log|exp|theta|alpha|beta|infinity)(?![a-z]{3})")


@lru_cache(maxsize=4096)
def in_words(text: str) -> tuple[str, ...] | None:
    r"""The words of a canonical text that is written in words alone, in lower case; None for any other text.

    Such a text is a choice, a name, a sentence: `\text{east}`, `Tuesday`, `Amy`, but not `xy`, `n!\text{ ways}`, `-x`.
    """
    if text.isascii() and text.isalpha():
        return (text.lower(),) if _is_word(text) else None
    if _MATHS.search(text):
        return None
    words: list[str] = []
    certain = False  # a text or a word that is no product of letters
    for inside, outside, other in _PIECE.findall(text):
        if other or (outside and not _OUTSIDE.fullmatch(outside)) or "\\" in inside:
            return None
        if outside:
            found = _WORD.findall(outside)
            if any(len(word) == 1 and word.islower() and word not in _ARTICLES for word in found):
                return None
            certain = certain or any(_is_word(word) for word in found)
            words += found
        elif inside:
            found = _WORD.findall(inside.replace("-", " "))
            certain = certain or any(not word.isdecimal() for word in found)
            words += found
    if not certain:
        return None
    kept = [word for n, word in enumerate(words) if not _is_article(word) or n + 1 == len(words)]
    return tuple(word.casefold() for word in kept)


def _is_article(word: str) -> bool:
    """Whether a word says nothing: the, a, an. The letter A does."""
    return word in _ARTICLES or word in ("The", "An")


def _is_word(text: str) -> bool:
    """Whether letters without a command are a word, no product of variables and no function."""
    if not text.isascii():
        return True
    if len(text) > 3:
        return not (_MATHS_NAMES.search(text) or text in FUNCTIONS or text in GREEK)
    if len(text) < 2:
        return False
    return (
        text.lower() in _SHORT_WORDS
        or (text[0].isupper() and text[1:].islower() and len(text) == 3)
        or (len(text) == 3 and text.isupper())
    )


@lru_cache(maxsize=4096)
def _of_gold(text: str) -> tuple[tuple[str, ...] | None, str, bool]:
    r"""`in_words` of a gold, its letter if it is the label of a choice (E, \text{(E)}), whether it is mathematics."""
    words, choice = None, ""
    if not _MATHS.search(text):
        words = in_words(text)
        found = _LABEL.fullmatch(_bare(text)) if len(text) < _LONG_LABEL else None
        choice = found[1] if found else ""
    verbal = words is not None or choice or _may_be_time(text) or "text" in text or "box{" in text
    return words, choice, not verbal


def _bare(text: str) -> str:
    return " ".join(_WRAPPER.sub("", text).replace("{", "").replace("}", "").split())


def both_empty(a: str, g: str) -> bool:
    """Whether two canonical texts say that there is no solution, in words or as the empty set."""
    return all(_meaning(in_words(text) or ()) == "no solution" for text in (a, g) if text not in EMPTY)


def same_words(a: str, g: str) -> bool | None:
    """Whether two canonical texts mean the same in words; None if they may be mathematics."""
    theirs, choice, maths = _of_gold(g)
    if maths and "\\text" not in a and not _may_be_time(a):
        return None
    ours = in_words(a)
    if ours is not None and ours == theirs:
        return True
    if _may_be_time(a) or _may_be_time(g):
        found = _same_time(a, g)
        if found is not None:
            return found
    if choice:
        found = _same_choice(a, choice)
        if found or theirs is not None or g.startswith("("):
            return found
        return None
    if theirs is None:
        if ours and _LABELS.fullmatch(_bare(g)) and "," in g:
            return _parts(a) == _parts(g)
        return _same_spelling(a, g) or None
    if is_number(theirs):
        return None
    if ours is None:
        return _same_spelling(a, g) or (bool(_LABELS.fullmatch(_bare(a))) and _parts(a) == _parts(g))
    if theirs in (("yes",), ("no",)) and len(ours) > 1:
        return ours[0] == theirs[0] and "," in a and not {"yes", "no", "not", "or", "but"} & set(ours[1:])
    if ours and theirs and {"and", ","} & {*theirs, *g}:
        return _parts(a) == _parts(g)
    return _meaning(ours) == _meaning(theirs)


def _meaning(words: tuple[str, ...]) -> str:
    """Words, or what stands for all words that mean the same."""
    if "no" in words and {"solution", "solutions"} & set(words) and _OF_NO_SOLUTION.issuperset(words):
        return "no solution"
    text = " ".join(words)
    return _SAME.get(text, text)


def _same_spelling(a: str, g: str) -> bool:
    r"""Whether two texts with a word are spelled the same but for \\text and spaces: October 30."""
    if "\\text" not in a and "\\text" not in g and "box{" not in g:
        return False
    ours, theirs = (_ORDINAL.sub("", _WRAPPED.sub(r"\1", text).lower().replace(" ", "")) for text in (a, g))
    return ours == theirs and bool(_LONG_WORD.search(theirs))


def _same_choice(a: str, choice: str) -> bool:
    """Whether an answer is the choice of this label, perhaps with the choice's text."""
    text = _bare(a)
    label = _LABEL.fullmatch(text)
    if label:
        return label[1] == choice
    if text in (choice.lower(), f"({choice.lower()})"):
        return True
    label = _LABELLED.match(text)
    if not label:
        return False
    letter, said = label[1] or label[2] or label[3], label[4]
    if letter.upper() != choice or _ANOTHER.search(said) or not said.isascii():
        return False
    first = re.match(r"\\?[A-Za-z]+|.|$", said)[0]
    if first.isalpha():
        words = _WORD.findall(said.lower())[:2]
        return words[0] in ("none", "all") or not any(is_evidence(word) for word in words if len(word) > 1)
    return first[1:] not in OPERATORS if first[:1] == "\\" else first not in _OPERATORS


def _parts(text: str) -> list[tuple[str, ...]]:
    """The items of a list in words, sorted."""
    items = (_WORD.findall(part) for part in _AND.split(_WRAPPER.sub("", text)))
    return sorted(tuple(word.casefold() for word in item) for item in items if item)


def _may_be_time(text: str) -> bool:
    return ":" in text or text[-1:] in _TIME_ENDS or "m}" in text or "m.}" in text


def _same_time(a: str, g: str) -> bool | None:
    """Whether two times of day are equal; None for other texts. 4:30 p.m. may be written 4:30 or 16:30."""
    ours, theirs = (_TIME.fullmatch(_AROUND_TIME.sub("", _WRAPPER.sub("", text)).lower()) for text in (a, g))
    if not ours or not theirs or not (ours[4] or theirs[4] or (ours[2] and theirs[2])):
        return None
    if any(time[4] and not (time[2] or time[0].endswith("m")) for time in (ours, theirs)):
        return None  # 12a
    x, y = int(ours[1]), int(theirs[1])
    if not (ours[4] or theirs[4]):  # 4:30, which may be a ratio only if it is no time
        if max(x, y) > 24 or max(int(part or 0) for time in (ours, theirs) for part in (time[2], time[3])) > 59:
            return None
        return (x, int(ours[2]), int(ours[3] or 0)) == (y, int(theirs[2]), int(theirs[3] or 0))
    if any(int(ours[n] or 0) != int(theirs[n] or 0) for n in (2, 3)):
        return False
    if ours[4] and theirs[4]:
        return x % 12 == y % 12 and ours[4] == theirs[4]
    marked, hour, other = (ours[4], x, y) if ours[4] else (theirs[4], y, x)
    return hour == other or (marked == "p" and other == hour % 12 + 12)
