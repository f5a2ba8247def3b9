"""What one response earned, and the reward scales (ladders) that make a number of it.

Correctness is the scorer's affair and the scale the recipe's, so one scorer serves many published rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


Ladder = Callable[[Score], float]
_LOGICRL = {CORRECT: 2.0, WRONG: -1.5}


def binary(score: Score) -> float:
    """1 if correct, else 0."""
    return 1.0 if score.outcome == CORRECT else 0.0


def tinyzero(score: Score) -> float:
    """1 if correct, 0.1 for the format alone, else 0 (Jiayi-Pan/TinyZero, verl/utils/reward_score/countdown.py)."""
    if score.outcome == CORRECT:
        return 1.0
    return 0.1 if score.format else 0.0


def simplerl(score: Score) -> float:
    """-1 without a box, else 1 or -0.5 (hkust-nlp/simpleRL-reason v0; a right answer without a box is -1 too)."""
    if not score.format:
        return -1.0
    return 1.0 if score.outcome == CORRECT else -0.5


def simplerl_independent(score: Score) -> float:
    """Right 1 boxed and 0.5 not, wrong -0.5 boxed and -1 not (simpleRL-reason v1, REWORD_FUNCTION_TYPE=independent)."""
    if score.outcome == CORRECT:
        return 1.0 if score.format else 0.5
    return -0.5 if score.format else -1.0


def plus_minus(score: Score) -> float:
    """1 if correct, else -1 (DAPO, veRL's math_dapo)."""
    return 1.0 if score.outcome == CORRECT else -1.0


def centred(score: Score) -> float:
    """0.5 if correct, else -0.5 (MYC000801/DS542-project, branch main, GSM8K)."""
    return 0.5 if score.outcome == CORRECT else -0.5


def logicrl(score: Score) -> float:
    """Format 1 or -1, plus the answer: 2 right, -1.5 wrong, -2 not read (Unakar/Logic-RL, kk.py).

    3, -0.5, -1 and -3 there, where a broken form is never read. A row at fault is worth 0.
    """
    if score.outcome in (BAD_GROUND_TRUTH, ERROR):
        return 0.0
    return (1.0 if score.format else -1.0) + _LOGICRL.get(score.outcome, -2.0)


def parts(score: Score) -> float:
    """The sum of the named sub-rewards; a scorer that names none is scored 1 or 0."""
    return float(sum(score.parts.values())) if score.parts else binary(score)


_ALL = (binary, tinyzero, simplerl, simplerl_independent, plus_minus, centred, logicrl, parts)
LADDERS: dict[str, Ladder] = {ladder.__name__: ladder for ladder in _ALL}
