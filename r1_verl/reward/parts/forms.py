"""The verdict and open-r1's rewards on a response's form, as parts."""

from __future__ import annotations

from functools import partial

from r1_verl.reward.parts.part import MOST_CHARS, Facts, Part
from r1_verl.scorers.openr1_forms import PUBLISHED, STRICT, opened

# Tags are found fast, and the last of them stand at a response's end: parts that look for nothing else read more.
MOST_CHARS_FOR_TAGS = 1_000_000


def accuracy(text: str, facts: Facts) -> float:
    """1.0 if the response is right by the mode, else 0.0."""
    return facts.acc


def _form(name: str, text: str, facts: Facts) -> float:
    """One of open-r1's forms by the mode: `scorers.openr1_forms` says what they are."""
    text = text[: MOST_CHARS if name == "reasoning_steps" else MOST_CHARS_FOR_TAGS]
    if facts.mode == "faithful":
        return float(PUBLISHED[name](text))
    return float(STRICT[name](opened(text, facts.think_in_prompt)))


_SOURCE = "open-r1, rewards.py"
FORMS = tuple(Part(name, "text", partial(_form, name), {}, frozenset(), _SOURCE) for name in PUBLISHED)
