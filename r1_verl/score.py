"""The verdict on one response, and the reward scales that turn a verdict into a number.

The scorer decides what is correct, the recipe chooses the scale: one scorer serves many published rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

# Every outcome a built-in scorer can return. A scorer never raises on model text: it returns an outcome.
CORRECT = "correct"
WRONG = "wrong"  # a well-formed answer with another value
INVALID = "invalid"  # readable, but it breaks the task's rules (a number used twice, a person left out)
UNREADABLE = "unreadable"  # there is an answer, but it is no expression (or no statement) of the task
EMPTY = "empty"  # the answer's tag or box holds nothing
NO_ANSWER = "no_answer"  # no answer outside the thinking (none given, cut off, tag unclosed)
BAD_FORMAT = "bad_format"  # the tags the recipe asks for are missing, doubled or out of order
TIMEOUT = "timeout"  # scoring reached its deadline and was stopped
UPSTREAM_HANGS = "upstream_hangs"  # faithful mode: the published scorer may need hours for this input
BAD_GROUND_TRUTH = "bad_ground_truth"  # the row is wrong, not the model
ERROR = "error"  # a scorer raised; a defect of the scorer

OUTCOMES = (
    CORRECT, WRONG, INVALID, UNREADABLE, EMPTY, NO_ANSWER, BAD_FORMAT, TIMEOUT, UPSTREAM_HANGS, BAD_GROUND_TRUTH, ERROR,
)  # fmt: skip


class Score(NamedTuple):
    """The verdict on one response.

    outcome: one of OUTCOMES.
    pred: the answer as the scorer read it, for people and for maj@k.
    format: 1.0 if the response has the form its recipe asks for, else 0.0.
    parts: named sub-rewards of a reward that is a sum (open-r1, grpo_demo); None for any other reward.
    """

    outcome: str
    pred: str = ""
    format: float = 0.0
    parts: Mapping[str, float] | None = None


Scale = Callable[[Score], float]
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
    """-1 without a box, even if right; boxed 1 if right, else -0.5 (hkust-nlp/simpleRL-reason v0)."""
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
    """Format +1 or -1, plus 2 if right, -1.5 if wrong, -2 if unreadable (Unakar/Logic-RL, kk.py).

    Upstream never reads the answer of a malformed response, so it pays 3, -0.5, -1 or -3. A row with a bad ground truth
    earns 0.
    """
    if score.outcome in (BAD_GROUND_TRUTH, ERROR):
        return 0.0
    return (1.0 if score.format else -1.0) + _LOGICRL.get(score.outcome, -2.0)


def parts(score: Score) -> float:
    """The sum of the named sub-rewards; without any, 1 if correct, else 0."""
    return float(sum(score.parts.values())) if score.parts else binary(score)


_ALL = (binary, tinyzero, simplerl, simplerl_independent, plus_minus, centred, logicrl, parts)
SCALES: dict[str, Scale] = {scale.__name__: scale for scale in _ALL}
