"""GRPO-Bias, as veRL itself looks it up and calls it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import verl  # noqa: F401 - loads the plugin, which registers ours with the next line
from omegaconf import OmegaConf
from verl import DataProto
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage, get_adv_estimator_fn
from verl.trainer.ppo.ray_trainer import compute_advantage

# rewards of a group of four, GRPO's advantages, GRPO-Bias's with 0.1 (recipes-b, 1.1)
WORKED = [
    ([1, 0, 0, 0], [1.5, -0.5, -0.5, -0.5], [1.4, -0.6, -0.6, -0.6]),
    ([1, 1, 0, 0], [0.866, 0.866, -0.866, -0.866], [0.766, 0.766, -0.966, -0.966]),
    ([1, 1, 1, 1], [0, 0, 0, 0], [-0.1, -0.1, -0.1, -0.1]),
    ([0, 0, 0, 0], [0, 0, 0, 0], [-0.1, -0.1, -0.1, -0.1]),
]
MASK = torch.tensor([[1.0, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]])


def rewards(group: list[int]) -> torch.Tensor:
    scores = torch.zeros(4, 3)
    scores[range(4), MASK.sum(1).long() - 1] = torch.tensor(group, dtype=torch.float32)
    return scores


def advantages(group: list[int], **algorithm) -> torch.Tensor:
    return get_adv_estimator_fn("grpo_bias")(
        token_level_rewards=rewards(group), response_mask=MASK, index=np.array(["a"] * 4, dtype=object),
        config=OmegaConf.create(algorithm),
    )[0]  # fmt: skip


@pytest.mark.parametrize(("group", "grpo", "biased"), WORKED)
def test_advantages_are_the_worked_numbers(group, grpo, biased):
    assert torch.allclose(advantages(group, grpo_bias=0.1), torch.tensor(biased).unsqueeze(1) * MASK, atol=1e-3)
    assert torch.allclose(advantages(group, grpo_bias=0), torch.tensor(grpo).unsqueeze(1) * MASK, atol=1e-3)
    inverse = (torch.tensor(grpo) + 0.1).unsqueeze(1) * MASK
    assert torch.allclose(advantages(group, grpo_bias=-0.1), inverse, atol=1e-3)


@pytest.mark.parametrize("by_std", [True, False])
def test_without_a_bias_it_is_grpo_to_the_bit(by_std):
    torch.manual_seed(0)
    scores, mask = torch.randn(64, 20), (torch.rand(64, 20) < 0.8).float()
    index = np.array([str(i // 8) for i in range(64)], dtype=object)
    theirs, _ = compute_grpo_outcome_advantage(scores.clone(), mask, index, norm_adv_by_std_in_grpo=by_std)
    ours, returns = get_adv_estimator_fn("grpo_bias")(
        token_level_rewards=scores.clone(), response_mask=mask, index=index,
        config=OmegaConf.create({"grpo_bias": 0, "norm_adv_by_std_in_grpo": by_std}),
    )  # fmt: skip
    assert torch.equal(ours, theirs) and torch.equal(returns, theirs)


def test_the_trainer_calls_it_with_the_recipes_constant(composed):
    """veRL's own dispatch, with the `algorithm` section of a recipe as its trainer holds it."""
    data = DataProto.from_dict(
        tensors={"token_level_rewards": rewards([1, 0, 0, 0]), "response_mask": MASK},
        non_tensors={"uid": np.array(["a"] * 4, dtype=object)},
    )
    for recipe, first in (("grpo_bias_gsm8k", 1.4), ("grpo_bias_inverse_gsm8k", 1.6)):
        algorithm = composed(recipe).algorithm
        found = compute_advantage(data, adv_estimator=algorithm.adv_estimator, config=algorithm).batch["advantages"]
        assert found[0, 0].item() == pytest.approx(first, abs=1e-3)


def test_the_constant_is_asked_for():
    with pytest.raises(ValueError, match=r"\+algorithm.grpo_bias=0.1"):
        advantages([1, 0, 0, 0])
