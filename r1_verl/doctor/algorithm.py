"""Checks of estimator, clipping, loss and KL: settings that veRL refuses late, does not use, or that train nothing."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator
from typing import Any

from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import Estimator, estimators

# What V1's trainer can hand to an estimator; GAE gets its values apart.
_FED = {"token_level_rewards", "response_mask", "config", "index", "old_log_probs"}


def near(name: str, known: Collection[str], cutoff: float = 0.5) -> str:
    """The fix for an unknown name: the nearest known ones, or all of them."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=cutoff)
    return f"did you mean {' or '.join(found)}?" if found else f"known: {', '.join(known)}"


def check_estimator(config: Any) -> Iterator[Problem]:
    """The estimator is known; it has groups of responses if it compares them; GRPO-Bias has its constant."""
    name, rollout = str(config.algorithm.adv_estimator), config.actor_rollout_ref.rollout
    known = estimators()
    if known and name not in known:
        model = config.actor_rollout_ref.model  # an external library may register one
        own = model.get("external_lib") or os.environ.get("VERL_USE_EXTERNAL_MODULES")
        yield Problem(f"unknown algorithm.adv_estimator {name!r}", near(name, known), doubt=bool(own))
    compares = name in known and known[name].compares
    if name in known and (lacks := _lacks(known[name])) and name != "gae" and config.trainer.use_v1:
        yield Problem(
            f"adv_estimator={name} needs {lacks}, which veRL's V1 trainer does not hand over: it would stop at the "
            "first advantage",
            "algorithm.adv_estimator=grpo, rloo, reinforce_plus_plus or gae",
        )
    if name == "gae" and config.critic.enable is not None and not config.critic.enable:
        yield Problem("adv_estimator=gae needs a critic, and critic.enable is False", "critic.enable=null")
    if compares and rollout.n < 2:
        yield Problem(
            f"adv_estimator={name} compares the responses to one prompt, and rollout.n=1 gives one: it has no baseline",
            "actor_rollout_ref.rollout.n=8 or more",
        )
    if compares and rollout.n > 1 and (rollout.temperature == 0 or rollout.top_k == 1):
        yield Problem(
            "greedy sampling (temperature 0 or top_k 1): the responses of a group are all the same, every advantage is "
            "zero",
            "actor_rollout_ref.rollout.temperature=1.0 and top_k=-1",
        )
    bias = config.algorithm.get("grpo_bias")
    if name == "grpo_bias" and bias is None:
        yield Problem("adv_estimator=grpo_bias without its constant", "+algorithm.grpo_bias=0.1")
    if name != "grpo_bias" and bias:
        yield Problem(
            f"algorithm.grpo_bias={bias} is not used by adv_estimator={name}",
            "algorithm.adv_estimator=grpo_bias",
            doubt=True,
        )


def _lacks(estimator: Estimator) -> str:
    """What an estimator needs and V1's trainer does not have (trainer/ppo/v1: `_compute_advantage`)."""
    raw = {"batch", "non_tensor_batch"} & estimator.takes  # gdpo reads prompts and single rewards there
    return " and ".join(sorted((estimator.needs | raw) - _FED))


def check_loss(config: Any) -> Iterator[Problem]:
    """No setting of clip and loss is one that veRL accepts and does not use."""
    actor = config.actor_rollout_ref.actor
    if actor.clip_ratio != 0.2 and (actor.clip_ratio_low, actor.clip_ratio_high) == (0.2, 0.2):
        yield Problem(
            f"actor.clip_ratio={actor.clip_ratio} alone changes nothing: clip_ratio_low and clip_ratio_high win",
            f"actor.clip_ratio_low={actor.clip_ratio} and actor.clip_ratio_high={actor.clip_ratio}",
            doubt=True,
        )
    if actor.loss_agg_mode == "seq-mean-token-sum-norm" and actor.loss_scale_factor is None:
        yield Problem(
            "loss_agg_mode=seq-mean-token-sum-norm without loss_scale_factor divides by the padded width of the batch "
            "at hand, which changes",
            "actor_rollout_ref.actor.loss_scale_factor=${data.max_response_length}",
            doubt=True,
        )
    if actor.optim.warmup_style is not None:
        yield Problem(
            f"optim.warmup_style={actor.optim.warmup_style} is an old name",
            f"actor_rollout_ref.actor.optim.lr_scheduler_type={actor.optim.warmup_style}",
            doubt=True,
        )


def check_kl(config: Any) -> Iterator[Problem]:
    """The KL penalty is switched on if its coefficient is set, and in one place only."""
    algorithm, actor = config.algorithm, config.actor_rollout_ref.actor
    if algorithm.use_kl_in_reward and actor.use_kl_loss:
        yield Problem(
            "KL is in the reward and in the loss",
            "algorithm.use_kl_in_reward=False or actor_rollout_ref.actor.use_kl_loss=False",
            doubt=True,
        )
    if algorithm.kl_ctrl.kl_coef != 0.001 and not algorithm.use_kl_in_reward:
        yield Problem(
            f"algorithm.kl_ctrl.kl_coef={algorithm.kl_ctrl.kl_coef} is not used: veRL 0.9.1 leaves KL out of the "
            "reward",
            "algorithm.use_kl_in_reward=True",
            doubt=True,
        )
    if actor.kl_loss_coef != 0.001 and not actor.use_kl_loss:
        yield Problem(
            f"actor.kl_loss_coef={actor.kl_loss_coef} is not used: use_kl_loss is off",
            "actor_rollout_ref.actor.use_kl_loss=True",
            doubt=True,
        )


def check_seed(config: Any) -> Iterator[Problem]:
    """The order of the prompts has a seed: veRL's default has none."""
    if config.data.seed is None:
        yield Problem("data.seed is null: the order of the prompts changes from run to run", "data.seed=1", doubt=True)


CHECKS: tuple[Check, ...] = (check_estimator, check_loss, check_kl, check_seed)
