"""Training sub-scores, and that our sampler keeps veRL's dynamic sampling and refill."""

from __future__ import annotations

import pytest

from r1_verl import recipes, reward


def build(overrides: list[str]):
    """The replay buffer of veRL's trainer for quickstart_grpo with these overrides; nothing is started."""
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    return PPOTrainerSync(recipes.compose("quickstart_grpo", overrides)).replay_buffer


STOCK = ["trainer.v1.sampler.custom_sampler.path=null"]
FILTER = ["algorithm.filter_groups.enable=True", "algorithm.filter_groups.metric=acc",
          "algorithm.filter_groups.max_inflight_gen_batches=3"]  # fmt: skip
REFILL = ["trainer.v1.sampler.sync_refill_failed_groups=True"]


@pytest.mark.parametrize("overrides", [[], FILTER, REFILL, FILTER + REFILL])
def test_same_settings_as_verls_own(overrides):
    ours, stock = build(overrides), build([*overrides, *STOCK])
    assert type(ours).__name__ == "R1ReplayBuffer" and type(stock).__name__ == "ReplayBuffer"
    for name in ("filter_groups_metric", "sync_refill_failed_groups", "train_batch_size", "gen_batch_size",
                 "max_inflight_gen_batches", "max_off_policy_threshold"):  # fmt: skip
        assert getattr(ours, name) == getattr(stock, name), name


def test_train_rewards_per_source():
    from r1_verl.verl_side.sampler import train_rewards

    truth = '{"numbers":[1,2],"target":3,"task":"countdown"}'
    texts = ["<answer>1+2</answer>", "<answer>1-2</answer>", "nothing"]
    records = [("countdown", reward.compute_score("countdown", text, truth)) for text in texts]
    records.append(("countdown/4", {"score": 0.5, "parts": '{"format": 0.25}', "outcome": "wrong", "pred": "x"}))
    found = train_rewards(records)
    assert found["train-reward/countdown/acc"] == pytest.approx(1 / 3)
    assert found["train-reward/countdown/score"] == pytest.approx(1.1 / 3)
    assert found["train-reward/countdown/outcome_no_answer"] == pytest.approx(1 / 3)
    assert found["train-reward/countdown/4/part_format"] == 0.25
    assert not any(key.endswith("/pred") for key in found)
