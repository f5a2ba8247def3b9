"""What group and token parts add to the scorer's total, on plain numbers."""

from __future__ import annotations

import json
import random

import pytest

from r1_verl.reward import compose
from r1_verl.verl_side import shaping
from r1_verl.verl_side.trajectories import Trajectory

REWARD = ["countdown", {"part": "kimi_length", "weight": 0.5},
          {"part": "repetition_dense", "ngram": 2, "penalty": -0.1}]  # fmt: skip


def row(
    group: str, session: int, tokens: int, acc: float = 1.0, truncated: bool = False, output: int = 0
) -> Trajectory:
    outcome = "correct" if acc else "wrong"
    info = {"score": acc, "acc": acc, "format": 1.0, "outcome": outcome, "parts": json.dumps({"countdown": acc})}
    return Trajectory(f"{group}_{session}_{output}", group, "countdown", "", info, tokens, truncated, False)


def lengths(rows: list[Trajectory], pays=("countdown", "kimi_length")) -> list[float]:
    return [each.on_last for each in shaping.added(compose.read(list(pays)), rows, [])]


def test_a_groups_part_sees_its_group_alone():
    rows = [row("a", 0, 10), row("b", 0, 50), row("a", 1, 20), row("a", 2, 30), row("b", 1, 90)]
    assert lengths(rows) == [0.5, 0.5, 0.0, -0.5, -0.5]
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)
    assert lengths([rows[place] for place in order]) == [lengths(rows)[place] for place in order]


def test_a_published_length_reward_goes_by_the_published_grader():
    """`acc` is the strict verdict, whatever the mode."""
    rows = [row("a", 0, 10), row("a", 1, 20), row("a", 2, 30)]
    rows[0].info["outcome"] = "wrong"
    assert lengths(rows) == [0.0, 0.0, -0.5]


def test_a_group_of_one_gets_nothing():
    assert lengths([row("a", 3, 70)]) == [0.0]


def test_a_session_of_several_outputs_stands_in_its_group_once():
    """By its last output, as veRL takes it, and each of its outputs gets the same."""
    rows = [row("a", 0, 1000), row("a", 0, 10, output=1), row("a", 1, 30), row("a", 0, 20, output=10)]
    assert lengths(rows) == [0.5, 0.5, -0.5, 0.5]


def test_the_total_is_the_sum_of_the_parts_that_are_told():
    rows = [row("a", 0, 4), row("a", 1, 6, acc=0.0)]
    ids = [[1, 2, 1, 2], [1, 2, 3, 4, 5, 6]]
    first, second = shaping.added(compose.read(REWARD), rows, ids)
    assert first.parts == pytest.approx({"kimi_length": 0.25, "repetition_dense": -0.2})
    assert (first.on_last, first.on_tokens) == (0.25, [0.0, 0.0, -0.1, -0.1])
    assert second.parts == {"kimi_length": -0.25, "repetition_dense": 0.0}
    for each, more in zip(rows, (first, second), strict=True):
        said = shaping.told(each.info, more.parts)
        assert said["score"] == pytest.approx(sum(json.loads(said["parts"]).values()), abs=1e-9)
        assert said["score"] == pytest.approx(each.info["score"] + more.on_last + sum(more.on_tokens), abs=1e-9)
        assert said["score_before"] == each.info["score"] and said["acc"] == each.info["acc"]
        assert each.info["parts"] == json.dumps({"countdown": each.info["acc"]})  # the old one is left as it was


def test_a_reward_without_such_parts_says_what_it_said():
    info = row("a", 0, 4).info
    assert shaping.told(info, {}) is info


def test_a_function_of_ones_own_lacks_what_parts_build_on():
    theirs = row("a", 0, 4)._replace(info={"score": 1.0})
    with pytest.raises(ValueError, match="build on 'outcome', which the reward function did not give: use r1_verl's"):
        lengths([theirs])


def test_the_mask_takes_those_that_were_cut_off_but_never_all():
    rows = [row("a", 0, 4), row("a", 1, 4, truncated=True)]
    assert [each.masked for each in shaping.masked(rows)] == [False, True]
    assert [each.masked for each in shaping.masked(rows[1:])] == [False]
