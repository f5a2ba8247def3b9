"""What counts as a step and as a reflection in a response's thinking: published lists of words, and how they match.

A text is first made plain: lower-case, straight quotes, one kind of hyphen and blank. Phrases match from a word's
beginning (`rechecking` counts for `recheck`), the longest first, and no letter counts twice.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Markers of steps: a line that begins "1." (after a heading's, quote's or list's marks), "Step 1", and the four words
# with a capital letter (the second term is none). Whether a word begins there is looked up: a search is faster so.
_NUMBERED = re.compile(r"^[ \t#*>]{0,10}\d{1,3}\.(?!\d)", re.MULTILINE)
_NAMED = re.compile(r"(?:Step|step|STEP)[ \t]{0,3}\d+\b|(?:First|Second|Next|Finally)\b")


class Keywords(NamedTuple):
    """A list of phrases. source: who published it. pattern: what one occurrence looks like in a plain text."""

    source: str
    phrases: tuple[str, ...]
    pattern: re.Pattern[str]


def _keywords(source: str, *phrases: str, words: tuple[str, ...] = ()) -> Keywords:
    """words: phrases that match whole words alone."""
    longest = sorted(phrases, key=len, reverse=True)
    forms = [*map(re.escape, longest), *(rf"{re.escape(word)}\b" for word in words)]
    return Keywords(source, phrases + words, re.compile("|".join(forms)))


KEYWORDS = {
    # The report that sets SimpleRL, open-r1, Logic-RL and TinyZero side by side, 3.2.4.
    "four_projects": _keywords(
        "the report on SimpleRL, open-r1, Logic-RL and TinyZero", "rethink", "recheck", "try again",
        "let's correct it and verify the steps again", "re-evaluate", "check again", "let's try again",
        "let's think again", "too high", "too low", "close but", "try another approach", "try different",
    ),
    "oat_zero": _keywords(
        "sail-sg/oat-zero", "recheck", "rethink", "reevaluate", "re-evaluate", "reevaluation", "re-examine",
        "reexamine", "try again", "check again", "think again", "go over the steps",
    ),
    "understand_r1_zero": _keywords(
        "sail-sg/understand-r1-zero", "recheck", "rethink", "reassess", "reevaluate", "re-evaluate", "reevaluation",
        "re-examine", "reexamine", "reconsider", "reanalyze", "double-check", "check again", "think again",
        "verify again", "go over the steps",
    ),
    "simplerl_zoo": _keywords(
        "hkust-nlp/simpleRL-reason v1", "recheck", "rethink", "try again", "wait", "alternatively", "retry", "however"
    ),
    "orz": _keywords(
        "Open-Reasoner-Zero (case ignored: upstream misses `Wait,`)", "wait,", "recheck,", "recheck ", "retry",
        "alternatively,", "however,",
    ),
    "logic_rl_lite": _keywords(
        "Logic-RL-Lite", "rethink", "re-think", "think again", "retry", "re-try", "try again", "recheck", "re-check",
        "check again", "reevaluate", "re-evaluate", "double check", "double-check", "verify", "summarize", "summary",
        words=("aha", "wait"),
    ),
}  # fmt: skip


def plain(text: str) -> str:
    """The text as phrases are looked for in it."""
    text = text.lower().replace("’", "'").replace("‘", "'").replace("‐", "-").replace("‑", "-")
    return " ".join(text.split()).replace(" - ", "-")


def steps(text: str) -> int:
    """How many markers of steps a text has."""
    return len(_NUMBERED.findall(text)) + len(_at_words(_NAMED, text))


def reflections(text: str, name: str) -> list[str]:
    """The phrases of a list that a text has, in order."""
    return _at_words(KEYWORDS[name].pattern, plain(text))


def _at_words(pattern: re.Pattern[str], text: str) -> list[str]:
    """What a pattern finds where a word begins."""
    return [found[0] for found in pattern.finditer(text) if not _in_word(text[found.start() - 1 : found.start()])]


def _in_word(before: str) -> bool:
    return before.isalnum() or before == "_"
