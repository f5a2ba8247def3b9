"""Reward scales by name: pure functions from a Score to the number the trainer sees.

Correctness is the scorer's affair and the scale the recipe's, so one judge serves many published rewards.
"""

from __future__ import annotations

from collections.abc import Callable

from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, ERROR, WRONG, Score

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
