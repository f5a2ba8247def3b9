"""Facts of a training step that veRL does not log: spread in groups, groups without a signal, cut-off and unformed
responses, entropy. Pure functions of the step's trajectories.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from r1_verl.runs import TRAIN_FACTS
from r1_verl.score import NO_ANSWER
from r1_verl.verl_side.trajectories import Trajectory


def facts(rows: Sequence[Trajectory], log_probs: Any = None) -> dict[str, float]:
    """The step's facts, each as `train-facts/<name>`. A fact that the rows don't tell (no `acc`, no group of two) is
    left out, so that every value is a number.

    spread: mean over groups of the scores' standard deviation (n - 1 in the denominator, as GRPO's).
    all_right, all_wrong: share of groups whose responses all have acc 1, or all 0, whatever their scores.
        These three look at groups of two or more, short ones too.
    truncated: share of responses that were cut off. no_answer: share with the outcome `no_answer`. bad_format: share
        with a format below 1.
    entropy (nats a token): minus the mean of log_probs.

    rows: the step's responses, any order. log_probs: the log-probabilities that the rollout engine gave the tokens it
    sampled, of all tokens with a response mask of 1; flat, anything that numpy.asarray takes. Their mean estimates the
    entropy of the distribution sampled from (after temperature); it is there in bypass mode too, where veRL logs none.
    """
    found = {
        "truncated": _mean(row.truncated for row in rows),
        "no_answer": _mean(row.info["outcome"] == NO_ANSWER for row in rows if row.info.get("outcome")),
        "bad_format": _mean(form < 1 for form in _numbers("format", rows)),
        "entropy": _entropy(log_probs),
        **_of_groups(rows),
    }
    return {f"{TRAIN_FACTS}/{name}": value for name, value in found.items() if value is not None}


def _of_groups(rows: Sequence[Trajectory]) -> dict[str, float | None]:
    groups: dict[str, list[Trajectory]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    scores = [_numbers("score", group) for group in groups.values()]
    accs = [acc for group in groups.values() if len(acc := _numbers("acc", group)) > 1]
    return {
        "spread": _mean(np.std(each, ddof=1) for each in scores if len(each) > 1),
        "all_right": _mean(min(acc) >= 1 for acc in accs),
        "all_wrong": _mean(max(acc) <= 0 for acc in accs),
    }


def _numbers(name: str, rows: Iterable[Trajectory]) -> list[float]:
    """The finite numbers that the scorer gave under a name."""
    values = (row.info.get(name) for row in rows)
    return [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(sum(values) / len(values)) if values else None


def _entropy(log_probs: Any) -> float | None:
    if log_probs is None:
        return None
    values = np.asarray(log_probs, dtype=np.float64)
    values = values[np.isfinite(values)]
    return -float(values.mean()) if values.size else None
