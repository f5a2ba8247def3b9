"""DeepSeek-R1's language consistency: the share of a response's words that are in the language asked for."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from typing import NamedTuple

from r1_verl.response import CLOSE
from r1_verl.reward.parts.part import MOST_CHARS, Facts
from r1_verl.scorers import UnknownNameError, unknown_name

LANGUAGES = ("en", "zh")
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
# No words: Greek letters, letter-like signs and mathematical alphabets, superscripts, full-width forms.
_SIGNS = (
    "\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u02b0-\u02ff\u0370-\u03ff\u1f00-\u1fff\u2070-\u218f\uff21-\uff5a"
    "\U0001d400-\U0001d7ff"
)
# Code, mathematics, tags. No alternative gives back what it took, and none reads past its own kind: linear time.
_NO_PROSE = re.compile(
    r"```(?:[^`]++|`(?!``))*+```"
    r"|\$\$[^$]*+\$\$|\$[^$]*+\$"
    r"|\\\((?:[^\\]++|\\(?![()]))*+\\\)"
    r"|\\\[(?:[^\\]++|\\(?![\[\]]))*+\\\]"
    r"|\\[A-Za-z]++"
    r"|</?[A-Za-z][^<>\s]{0,40}>"
)
# Two letters at least (one is a variable), beside no digit, index or opening bracket (x2, a_max, gcd(...)).
_LATIN_WORD = re.compile(rf"(?<![{_LATIN}0-9_^'’])[{_LATIN}]{{2,}}+(?![0-9_^(])")
_HAN_RUN = re.compile(f"[{HAN}]+")
_OTHER_WORD = re.compile(rf"[^\W\d_{_LATIN}{HAN}{_SIGNS}]+")
_MATHEMATICS = frozenset((
    "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "lg", "exp", "lim", "max", "min", "sup", "inf", "mod", "gcd",
    "lcm", "det", "deg", "mm", "cm", "km", "kg",
))  # fmt: skip
_NAME_CHARS = 4  # Chinese characters of a name or term that an English text may take from the question
_QUESTION_CHARS = 4_000


class Words(NamedTuple):
    """How many words of a text are English, Chinese (each character one) and of other scripts."""

    english: int
    chinese: int
    other: int


def language(text: str, facts: Facts, language: str = "") -> float:
    """The share of the words of the thinking that are in one language, from 0 to 1; 1 if there are no words.

    language: "en" or "zh"; "" is the one that most of the question is in. Languages are told by their script, so that
    any Latin word counts as English. Left out: the Latin letters of code and mathematics (LaTeX, single letters,
    capitals, names of functions), and the question's own names (its capitalised words; up to four Chinese characters
    that stand in the question).
    A response without `</think>` is thinking throughout.
    Source: DeepSeek-R1, arXiv 2501.12948, 2.3.2, which publishes neither code nor what counts as a word.
    """
    if language and language not in LANGUAGES:
        raise UnknownNameError(unknown_name("language", language, LANGUAGES))
    names, of_question = _question(facts.question[:_QUESTION_CHARS])
    found = count_words(text[:MOST_CHARS].partition(CLOSE)[0], names)
    wanted = found.chinese if (language or of_question) == "zh" else found.english
    return wanted / sum(found) if sum(found) else 1.0


def count_words(text: str, names: Set[str] = frozenset()) -> Words:
    """The words of a text by script, without `names`, and without the Latin letters of code and mathematics."""
    latin = _LATIN_WORD.findall(_NO_PROSE.sub(" ", text))
    english = sum(not word.isupper() and word not in names and word not in _MATHEMATICS for word in latin)
    if text.isascii():
        return Words(english, 0, 0)
    chinese = sum(len(run) for run in _HAN_RUN.findall(text) if run not in names)
    other = sum(not word.isnumeric() for word in _OTHER_WORD.findall(text))  # a fraction's sign is no letter
    return Words(english, chinese, other)


@lru_cache(maxsize=64)  # a group's responses share their question
def _question(question: str) -> tuple[frozenset[str], str]:
    """The names in a question and its language."""
    found = count_words(question)
    names = {word for word in _LATIN_WORD.findall(question) if word[0].isupper()}
    for run in _HAN_RUN.findall(question):
        for size in range(1, _NAME_CHARS + 1):
            names.update(run[at : at + size] for at in range(len(run) - size + 1))
    return frozenset(names), "zh" if found.chinese > found.english else "en"
