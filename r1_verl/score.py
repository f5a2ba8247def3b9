"""What one response earned, before any reward scale is laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Every outcome a built-in scorer can return. A scorer never raises on model text: it names what it saw.
CORRECT = "correct"
WRONG = "wrong"  # a well-formed answer with another value
INVALID = "invalid"  # readable, but it breaks the task's rules (a number used twice, a person left out)
UNREADABLE = "unreadable"  # there is an answer, and it is no expression (or no statement) of the task
EMPTY = "empty"  # the answer's place is there with nothing in it
NO_ANSWER = "no_answer"  # no answer outside the thinking (none given, cut off, tag unclosed)
BAD_FORMAT = "bad_format"  # the tags the recipe asks for are missing, doubled or out of order
TIMEOUT = "timeout"  # judging ran into its deadline and was killed
UPSTREAM_HANGS = "upstream_hangs"  # faithful mode: the published scorer never returns on this input
BAD_GROUND_TRUTH = "bad_ground_truth"  # the row is at fault, not the model
ERROR = "error"  # a scorer raised; a defect of the scorer

OUTCOMES = (
    CORRECT, WRONG, INVALID, UNREADABLE, EMPTY, NO_ANSWER, BAD_FORMAT, TIMEOUT, UPSTREAM_HANGS, BAD_GROUND_TRUTH, ERROR,
)  # fmt: skip


class Score(NamedTuple):
    """The verdict on one response.

    outcome: one of OUTCOMES.
    pred: the answer as read, for people and for maj@k.
    format: 1.0 if the response has the form its recipe asks for, else 0.0.
    parts: named sub-rewards, for rewards that are sums (open-r1, grpo_demo); None where there are none.
    """

    outcome: str
    pred: str = ""
    format: float = 0.0
    parts: Mapping[str, float] | None = None
