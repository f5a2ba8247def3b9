"""Facts of a training step against numbers worked by hand, and against what veRL divides by."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from r1_verl.verl_side.step_facts import facts
from r1_verl.verl_side.trajectories import Trajectory


def row(group: str, score: float = 0.0, acc: float = 0.0, *, truncated: bool = False, **info) -> Trajectory:
    said = {"score": score, "acc": acc, "format": 1.0, "outcome": "wrong", **info}
    return Trajectory(f"{group}_0_0", group, "math", "", said, 5, truncated, False)


def of(rows, name, log_probs=None):
    return facts(rows, log_probs).get(f"train-facts/{name}")


def test_spread_is_the_mean_over_groups_of_their_standard_deviation():
    # sqrt(((1-.5)**2 * 4) / 3) = .57735 in a; b is level; c, a group of one, has no spread
    rows = [row("a", score) for score in (1, 1, 0, 0)] + [row("b", -1), row("b", -1), row("c", 7)]
    assert of(rows, "spread") == pytest.approx((0.5773503 + 0) / 2, abs=1e-6)
    assert of([row("a", 2), row("a", -1.5), row("a", 0.25)], "spread") == pytest.approx(1.75)  # a short group


def test_spread_is_what_verls_grpo_divides_by():
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    scores = [2.0, -1.5, 0.25, -3.0]
    advantages, _ = compute_grpo_outcome_advantage(
        torch.tensor(scores)[:, None], torch.ones(4, 1), np.array(["a"] * 4, dtype=object)
    )
    mean = sum(scores) / 4
    divisor = (scores[0] - mean) / advantages[0, 0].item()
    assert of([row("a", score) for score in scores], "spread") == pytest.approx(divisor, rel=1e-5)


def test_all_right_and_all_wrong_go_by_acc_whatever_the_scores():
    rows = [row("right", score, 1) for score in (1.0, -0.3, 0.2)]  # right, and paid by length
    rows += [row("wrong", score, 0) for score in (-1.0, -2.0)] + [row("wrong_too", 0, 0), row("wrong_too", 0.4, 0)]
    rows += [row("mixed", -1, 1), row("mixed", -1, 0)]
    rows += [row("alone", 1, 1)]  # has nothing to agree with
    assert of(rows, "all_right") == 1 / 4
    assert of(rows, "all_wrong") == 2 / 4


def test_shares_of_responses():
    rows = [row("a", truncated=True, outcome="no_answer", format=0.0), row("a", format=0.0), row("b"), row("b")]
    assert (of(rows, "truncated"), of(rows, "no_answer"), of(rows, "bad_format")) == (0.25, 0.25, 0.5)


def test_entropy_of_a_known_distribution():
    """Tokens drawn from a distribution: minus the mean of their log-probabilities tends to its entropy."""
    assert of([row("a")], "entropy", [math.log(0.5), math.log(0.25)]) == pytest.approx(1.5 * math.log(2))
    chances = torch.tensor([0.5, 0.25, 0.125, 0.125])
    torch.manual_seed(0)
    drawn = chances[torch.multinomial(chances, 100_000, replacement=True)].log()
    assert of([row("a")], "entropy", drawn) == pytest.approx(1.75 * math.log(2), abs=0.01)
    assert of([row("a")], "entropy", torch.tensor([-1.0, -math.inf, math.nan, -3.0])) == 2.0


def test_what_is_not_told_is_left_out():
    """A reward function of the user's own says a score and nothing else; a run with n=1 has no groups."""
    bare = [row("a")._replace(info={"score": 1.0}), row("b")._replace(info={})]
    assert facts(bare).keys() == {"train-facts/truncated"}
    assert facts([], None) == {} == facts([], [])
    assert of([row("a", math.nan), row("a", 1.0), row("b", 0), row("b", 0)], "spread") == 0.0


def test_order_does_not_matter_and_all_values_are_plain_numbers():
    rows = [row(str(i % 7), random.Random(i).random(), i % 3 == 0) for i in range(60)]
    found = facts(rows, [-1.0])
    assert facts(random.Random(1).sample(rows, 60), [-1.0]) == pytest.approx(found)
    assert all(type(value) is float for value in found.values())
