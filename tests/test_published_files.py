"""The Parquet files that TinyZero and Logic-RL published, as they are: read without an alarm."""

from __future__ import annotations

import pytest
from probes import overridden

from r1_verl import cli
from r1_verl.doctor import answer_place, files, made_by, prompts, reward, truths

LOOKS = [check for room in (reward, files, made_by, truths, prompts, answer_place) for check in room.CHECKS]


@pytest.mark.parametrize(
    ("recipe", "train", "test"),
    [
        ("tinyzero_ppo", "countdown/tinyzero_test_2001", "countdown/tinyzero_official_test_1024"),
        ("logicrl_grpo", "kk/logic_rl/3ppl/train", "kk/logic_rl/3ppl/test"),
        ("logicrl_grpo", "kk/logic_rl/7ppl/train", "kk/logic_rl/7ppl/test"),
    ],
)
def test_they_are_read_as_they_are(recipe, train, test, composed, data_dir, capsys):
    paths = [f"{data_dir}/{name}.parquet" for name in (train, test)]
    config = overridden(composed(recipe), *map("data.{}_files={}".format, ("train", "val"), paths))
    said = [problem.what for check in LOOKS for problem in check(config)]
    assert [what for what in said if config.actor_rollout_ref.model.path not in what] == []  # the hub may be far away
    assert cli.main(["check", *paths]) == 0
    assert "unusable" not in capsys.readouterr().out
