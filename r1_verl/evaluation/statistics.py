"""Scores of several samples a question, and how sure they are: avg@k, pass@k, maj@k, an interval clustered by question.

Samples of one question resemble each other, so the question is the unit: `interval` treats the questions as drawn from
all that might have been asked, and asks how far the mean over such questions may be from the one seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Z95 = 1.959963984540054
_FEWEST = 3  # degrees of freedom of the t quantile, at least


def pass_at(k: int, right: Sequence[int], samples: Sequence[int]) -> float | None:
    """The mean over questions of the chance that k samples, drawn without replacement, hold a right one.

    right, samples: per question. Unbiased: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, equation 1).
    None where a question has fewer than k samples.
    """
    if not samples or min(samples) < k:
        return None
    return sum(map(_pass_at, [k] * len(samples), right, samples)) / len(samples)


def _pass_at(k: int, right: int, samples: int) -> float:
    if samples - right < k:
        return 1.0
    return 1.0 - math.prod((samples - right - i) / (samples - i) for i in range(k))


def majority(answers: Sequence[Any], right: Sequence[bool]) -> float:
    """1.0 if the most frequent answer of one question is right, 0.0 if not; the share of right ones among several.

    answers: what makes two samples agree, hashable; None does not vote. right: whether the sample is right.
    """
    votes: dict[Any, list[bool]] = {}
    for answer, verdict in zip(answers, right, strict=True):
        if answer is not None:
            votes.setdefault(answer, []).append(verdict)
    if not votes:
        return 0.0
    most = max(map(len, votes.values()))
    first = [all(verdicts) for verdicts in votes.values() if len(verdicts) == most]
    return sum(first) / len(first)


def interval(means: Any, samples: int) -> tuple[float, float]:
    """The 95 % interval of a mean accuracy, clustered by question.

    means: the accuracy of each question, of shape (questions,) or (simulations, questions). samples: of one question.
    Wilson's interval for as many independent answers as the spread between the questions is worth (p(1-p) over the
    squared standard error of the mean), with Student's t: where a few questions hold all the right samples, or all the
    wrong ones, the spread is known from those few, so their number is taken for the degrees of freedom. A normal
    interval of the same standard error covers .90 to .93 at a mean of .02, this one .945 to .97
    (tests/test_statistics.py). One sample a question: Wilson's own interval.
    Returns arrays for several simulations.
    """
    import numpy as np

    means = np.asarray(means, dtype=float)
    count = means.shape[-1]
    p = means.mean(-1)
    worth, t = np.full(p.shape, float(count)), np.full(p.shape, Z95)
    if samples > 1 and count > 1:
        variance = means.var(-1, ddof=1) / count
        spread = variance > 0
        worth = np.where(spread, p * (1 - p) / np.where(spread, variance, 1.0), count)
        worth = np.clip(worth, 1.0, count * samples)
        telling = np.minimum((means > 0).sum(-1), (means < 1).sum(-1))
        t = np.where(spread, _student(np.clip(telling, _FEWEST, max(count - 1, _FEWEST))), Z95)
    centre = (p + t * t / (2 * worth)) / (1 + t * t / worth)
    half = t * np.sqrt(p * (1 - p) / worth + t * t / (4 * worth * worth)) / (1 + t * t / worth)
    low, high = np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
    return (low, high) if low.ndim else (float(low), float(high))


def _student(freedom: Any) -> Any:
    """The quantile .975 of Student's t, to 0.2 % from 3 degrees of freedom on (Abramowitz and Stegun 26.7.5)."""
    z = Z95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def over_seeds(by_sample: Sequence[float]) -> tuple[float, float] | None:
    """Mean and standard deviation (n - 1) of the accuracies of the samples 0, 1, ...: a seed each; None for one."""
    if len(by_sample) < 2:
        return None
    mean = sum(by_sample) / len(by_sample)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in by_sample) / (len(by_sample) - 1))
