"""Advantage estimators of ours. `plugin.py` imports this module right after veRL has imported its own estimators."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage, register_adv_est


def mend(core_algos: ModuleType) -> None:
    """Nothing is left to do: importing this module has registered each estimator."""


@register_adv_est("grpo_bias")
def grpo_bias(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: np.ndarray,
    config: Any = None,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """GRPO-Bias: veRL's GRPO advantage minus the constant `algorithm.grpo_bias` on every response token.

    Source: MYC000801/DS542-project, branch final-update; a negative constant is its GRPO-Bias-Inverse. 0 is GRPO to the
    bit. token_level_rewards, response_mask: (responses, tokens); index: the group of each response. Returns
    (advantages, returns), both (responses, tokens). Raises ValueError without the constant.
    """
    bias = config.get("grpo_bias") if config is not None else None
    if bias is None:
        raise ValueError("algorithm.adv_estimator=grpo_bias needs its constant: +algorithm.grpo_bias=0.1")
    advantages, _ = compute_grpo_outcome_advantage(
        token_level_rewards=token_level_rewards,
        response_mask=response_mask,
        index=index,
        norm_adv_by_std_in_grpo=config.get("norm_adv_by_std_in_grpo", True),
    )
    advantages = advantages - float(bias) * response_mask
    return advantages, advantages
