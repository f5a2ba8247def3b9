"""Answers in words: choices, names, yes and no, times of day."""

from __future__ import annotations

import re
from functools import lru_cache

_TEXT = r"\\(?:text[a-z]*|mathrm|mathbf|mathit|mathsf|mbox|hbox|operatorname|emph|boldsymbol|bm)(?![A-Za-z])"
_WRAPPER = re.compile(_TEXT)
_WRAPPED = re.compile(_TEXT + r"\{([^{}]*)\}")
_NOT_WORDS = re.compile(r"[^a-z0-9:]+")
_CHOICE = re.compile(r"(?:(?:option|choice|answer)(?:is)?)?\(?([a-z])\)?")
_LABELLED = re.compile(r"\(([A-Z])\)[\s:.,-]*(.*)", re.DOTALL)
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2}))?)?(?:([ap])m?)?")
_ANOTHER = re.compile(r"\([A-Z]\)|\b(?:or|and)\b|,")
_AROUND_TIME = re.compile(r"[ .{}]")
_HALF_DAYS = frozenset("map")  # last letters of am, pm, a and p
_LONG_WORD = re.compile(r"[a-z]{4}")
_DIGIT = re.compile(r"[0-9]")
_AND = re.compile(r",|;|\band\b")
_MATHS = re.compile(r"[0-9=<>^_/*+\\|]")
_FUNCTION = re.compile(r"sqrt|sin|cos|tan|cot|log|exp|theta|alpha|beta|infinity")  # names typed without a backslash
_NUMBERS = {
    word: n
    for n, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
    )
}  # fmt: skip
_SAME = {"true": "yes", "false": "no", "nosolutions": "nosolution", "doesnotexist": "dne", "none": "nosolution"}
_ARTICLES = re.compile(r"\b(?:the|a|an)\b ?")


def plain(text: str) -> str:
    """The letters, digits and colons of a canonical text in lower case, without commands that set the font."""
    text = _WRAPPER.sub("", text).lower()
    if " " in text:
        text = _ARTICLES.sub("", text) or text
    return _NOT_WORDS.sub("", text)


def is_words(text: str) -> bool:
    """Whether a canonical text is in words (a choice, a name): letters in \\text, or a word of four letters or more."""
    bare = _WRAPPER.sub("", text)
    if _MATHS.search(bare) or (bare == text and _FUNCTION.search(text)):
        return False
    letters = max((len(run) for run in re.split(r"[^A-Za-z]+", bare)), default=0)
    shortest = 1 if "\\text" in text or "box{" in text else 2 if "\\math" in text else 4
    return letters >= shortest


@lru_cache(maxsize=2048)
def _of_gold(text: str) -> tuple[str, bool, bool]:
    """`plain` and `is_words` of a gold, and whether no answer with a digit can mean the same in words."""
    letters, words = plain(text), is_words(text)
    verbal = words or ":" in text or "text" in text or "box{" in text
    return letters, words, not verbal and not (text.startswith("(") and _CHOICE.fullmatch(letters))


def same_words(a: str, g: str) -> bool | None:
    """Whether two canonical texts mean the same in words; None if they may be mathematics."""
    y, words, maths = _of_gold(g)
    if maths and _DIGIT.search(a) and ":" not in a and "text" not in a:
        return None
    x = plain(a)
    if x and x == y and (words or is_words(a)):
        return True
    if (":" in a or ":" in g or "text" in a or "text" in g) and (x[-1:] in _HALF_DAYS or y[-1:] in _HALF_DAYS):
        found = _same_time(a, g)
        if found is not None:
            return found
    choice = _CHOICE.fullmatch(y)
    if choice and (words or g.startswith("(")):
        ours = _CHOICE.fullmatch(x)
        if ours:
            return ours[1] == choice[1]
        label = _LABELLED.match(_WRAPPER.sub("", a).replace("{", "").replace("}", ""))
        return bool(label) and label[1].lower() == choice[1] and not _ANOTHER.search(label[2])
    if words:
        if "," in g or " and " in g:
            return _parts(a) == _parts(g)
        return _SAME.get(x, x) == _SAME.get(y, y) and bool(x)
    if y.isdecimal() and x in _NUMBERS:
        return _NUMBERS[x] == int(y[:9])
    if "\\text" in a or "\\text" in g or "box{" in g:  # October 30
        bare_a, bare_g = (_WRAPPED.sub(r"\1", text).lower().replace(" ", "") for text in (a, g))
        if bare_a == bare_g and _LONG_WORD.search(bare_g):
            return True
    return None


def _parts(text: str) -> list[str]:
    """The items of a list in words, sorted."""
    return sorted(filter(None, map(plain, _AND.split(_WRAPPER.sub("", text)))))


def _same_time(a: str, g: str) -> bool | None:
    """Whether two times of day are equal; None for other texts. 4:30 p.m. may be written 4:30 or 16:30."""
    ours, theirs = (_TIME.fullmatch(_AROUND_TIME.sub("", _WRAPPER.sub("", text)).lower()) for text in (a, g))
    if not ours or not theirs or not (ours[4] or theirs[4]):
        return None
    if any(int(ours[n] or 0) != int(theirs[n] or 0) for n in (2, 3)):
        return False
    x, y = int(ours[1]), int(theirs[1])
    if ours[4] and theirs[4]:
        return x % 12 == y % 12 and ours[4] == theirs[4]
    marked, hour, other = (ours[4], x, y) if ours[4] else (theirs[4], y, x)
    return hour == other or (marked == "p" and other == hour % 12 + 12)
