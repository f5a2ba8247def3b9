"""pass@k, maj@k and the interval, by worked examples, by counting and by simulation."""

from __future__ import annotations

from itertools import combinations
from math import comb, sqrt

import numpy as np
import pytest

from r1_verl.evaluation import results, statistics
from r1_verl.evaluation.statistics import interval, majority, over_seeds, pass_at


def test_pass_at_k_by_hand():
    # One question, 4 samples, 2 right: one of C(4, 2) = 6 pairs has no right one.
    assert pass_at(2, [2], [4]) == pytest.approx(5 / 6)
    assert pass_at(1, [2], [4]) == pytest.approx(0.5) and pass_at(4, [1], [4]) == 1.0
    assert pass_at(3, [2], [4]) == 1.0  # only two are wrong
    assert pass_at(2, [0, 4], [4, 4]) == 0.5
    assert pass_at(5, [2], [4]) is None and pass_at(4, [1, 1], [4, 3]) is None and pass_at(1, [], []) is None


@pytest.mark.parametrize("right", range(7))
@pytest.mark.parametrize("k", range(1, 7))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(right, k):
    verdicts = [1] * right + [0] * (6 - right)
    subsets = list(combinations(verdicts, k))
    assert pass_at(k, [right], [6]) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    assert pass_at(k, [right], [6]) == pytest.approx(1 - comb(6 - right, k) / comb(6, k))


def test_majority_by_hand():
    assert majority(["5", "5", "7"], [True, True, False]) == 1.0
    assert majority(["5", "7", "7"], [True, False, False]) == 0.0
    assert majority(["5", "7"], [True, False]) == 0.5  # a tie: the share of right ones in it
    assert majority([None, None, None, "5"], [False, False, False, True]) == 1.0  # no answer, no vote
    assert majority([None, None], [False, False]) == 0.0


def rows(question: str, *answers: tuple[str, float]) -> list[dict]:
    common = {"question": question, "format": 1.0, "truncated": False, "tokens": 10, "finish_reason": "stop"}
    return [
        {**common, "sample": at, "pred": pred, "acc": acc, "outcome": "correct" if acc else "wrong"}
        for at, (pred, acc) in enumerate(answers)
    ]


def test_figures_of_a_worked_example():
    """Three questions of four samples; "1/2" and "0.5" are one wrong answer, "\\frac12" and "0.5" one right one."""
    judged = [
        *rows("a", ("0.5", 1.0), (r"\frac{1}{2}", 1.0), ("3", 0.0), ("4", 0.0)),
        *rows("b", ("1/2", 0.0), ("0.5", 0.0), ("2", 1.0), ("", 0.0)),
        *rows("c", ("9", 0.0), ("8", 0.0), ("7", 0.0), ("6", 0.0)),
    ]
    found = results.measure(judged, "math", 4)
    assert found["acc"] == pytest.approx((0.5 + 0.25 + 0) / 3)
    assert found["pass_at"] == pytest.approx({"1": 0.25, "2": (5 / 6 + 0.5 + 0) / 3, "4": 2 / 3})
    assert found["maj_at"] == pytest.approx({"4": 1 / 3})  # a: right, b: the wrong half wins, c: four that differ
    assert found["seeds"] == pytest.approx((0.25, np.std([1 / 3, 1 / 3, 1 / 3, 0], ddof=1)))
    assert found["outcomes"] == {"wrong": 9, "correct": 3}


def test_missing_samples_are_not_counted_as_wrong():
    """The mean of what is there: avg@n must not fall because samples are missing."""
    judged = [*rows("a", ("1", 1.0), ("1", 1.0)), *rows("b", ("1", 1.0))]
    found = results.measure(judged, "math", 4)
    assert found["acc"] == 1.0 and found["pass_at"] == {"1": 1.0} and found["maj_at"] == {}


def test_the_interval_by_hand():
    """Four questions of two samples, accuracies 0, 0.5, 0.5, 1."""
    means = [0, 0.5, 0.5, 1]
    variance = np.var(means, ddof=1) / 4
    worth, t = 0.25 / variance, statistics._student(3)  # three questions hold right samples, three wrong ones
    centre, half = 0.5, t * sqrt(0.25 / worth + t * t / (4 * worth * worth)) / (1 + t * t / worth)
    assert interval(means, 2) == pytest.approx((centre - half, centre + half))
    low, high = interval([0.0] * 200, 16)
    assert low == pytest.approx(0.0) and high == pytest.approx(1.96**2 / (200 + 1.96**2), rel=1e-3)  # 200 wrong answers
    assert interval([1.0] * 200, 16) == pytest.approx((1 - high, 1.0))
    # Wilson's own for one sample a question: 45 of 100 (Newcombe 1998, by the same formula).
    assert interval([1.0] * 45 + [0.0] * 55, 1) == pytest.approx((0.3561, 0.5476), abs=2e-4)
    assert interval([0.5], 8)[0] < 0.2  # one question says next to nothing


def test_student_is_near_its_quantiles():
    for freedom, quantile in ((3, 3.1824), (4, 2.7764), (10, 2.2281), (30, 2.0423), (199, 1.9720)):
        assert statistics._student(freedom) == pytest.approx(quantile, rel=0.002)


def test_spread_over_seeds():
    assert over_seeds([0.5]) is None
    assert over_seeds([0.4, 0.6]) == pytest.approx((0.5, sqrt(0.02)))


def simulate(mean: float, alike: float, rng: np.random.Generator, questions: int = 200, samples: int = 16):
    """Accuracies of 5,000 evaluations, (5000, questions). alike: of the difficulties, which are drawn from a beta
    distribution of this mean and a + b = alike; infinite: every question is as hard as every other."""
    shape = (5000, questions)
    hard = np.full(shape, mean) if alike == np.inf else rng.beta(mean * alike, (1 - mean) * alike, shape)
    return rng.binomial(samples, hard) / samples


def coverage(mean: float, alike: float) -> float:
    low, high = interval(simulate(mean, alike, np.random.default_rng(20261126)), 16)
    return float(((low <= mean) & (mean <= high)).mean())


@pytest.mark.long
@pytest.mark.parametrize("alike", [1.0, 2.0, 4.0, 10.0, np.inf])
def test_the_interval_covers(alike):
    """200 questions x 16 samples, 5,000 times: questions all of one difficulty to questions nearly all or nothing."""
    assert 0.94 <= coverage(0.3, alike) <= 0.96 and 0.94 <= coverage(0.7, alike) <= 0.96
    assert coverage(0.02, alike) >= 0.93 and coverage(0.98, alike) >= 0.93


@pytest.mark.long
def test_a_normal_interval_would_not_do():
    """Why Wilson's: the usual interval, of the same clustered standard error, misses too often at a mean of 0.02."""
    means = simulate(0.02, 1.0, np.random.default_rng(20261126))
    half = 1.96 * means.std(1, ddof=1) / sqrt(200)
    assert (np.abs(means.mean(1) - 0.02) <= half).mean() < 0.92
