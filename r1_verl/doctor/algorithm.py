"""Checks of batches, estimator, clipping and KL: what fails only when the models are loaded, or trains nothing."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl.doctor.attention import ulysses
from r1_verl.doctor.problem import Check, Problem

OURS = ("grpo_bias",)
_GROUPS = ("grpo", "grpo_vectorized", "grpo_bias", "grpo_passk", "rloo", "rloo_vectorized", "opo", "gpg",
           "reinforce_plus_plus_baseline")  # fmt: skip


def near(name: str, known: tuple[str, ...]) -> str:
    """ "did you mean ...?" or all that is known."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(found)}?" if found else f"known: {', '.join(known)}"


def check_batches(config: Any) -> Iterator[Problem]:
    """Batch arithmetic."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    batch, mini = config.data.train_batch_size, actor.ppo_mini_batch_size
    gpus = config.trainer.n_gpus_per_node * config.trainer.nnodes
    if mini > batch:
        yield Problem(f"ppo_mini_batch_size {mini} is more than train_batch_size {batch}", f"at most {batch} prompts")
    elif batch % mini:
        yield Problem(
            f"train_batch_size {batch} is no multiple of ppo_mini_batch_size {mini}: the last update would be smaller",
            "a mini-batch that divides the batch",
        )
    if (batch * rollout.n) % gpus:
        yield Problem(
            f"{batch} prompts x {rollout.n} responses do not divide among {gpus} GPUs",
            "a data.train_batch_size that is a multiple of the number of GPUs",
        )
    trained = [("actor_rollout_ref.actor", actor)]
    trained += [("critic", config.critic)] if config.algorithm.adv_estimator == "gae" else []
    for name, part in trained:
        if part.ppo_micro_batch_size is not None:
            yield Problem(
                f"{name}.ppo_micro_batch_size={part.ppo_micro_batch_size} is an old name that veRL 0.9.1 does not use",
                f"{name}.ppo_micro_batch_size_per_gpu (a number a GPU), or use_dynamic_bsz=True",
            )
        elif not part.use_dynamic_bsz and part.ppo_micro_batch_size_per_gpu is None:
            yield Problem(
                f"{name}.ppo_micro_batch_size_per_gpu is not set (the global one is not used any more)",
                "set it, or actor_rollout_ref.actor.use_dynamic_bsz=True",
            )
        elif not part.use_dynamic_bsz and (mini * rollout.n // gpus) % part.ppo_micro_batch_size_per_gpu:
            yield Problem(
                f"{mini} prompts x {rollout.n} responses on {gpus} GPUs are no multiple of "
                f"{name}.ppo_micro_batch_size_per_gpu {part.ppo_micro_batch_size_per_gpu}",
                "a micro-batch that divides the mini-batch of one GPU, or use_dynamic_bsz=True",
            )
        elif part.use_dynamic_bsz:
            longest = config.data.max_prompt_length + config.data.max_response_length
            key, limit = "ppo_max_token_len_per_gpu", part.ppo_max_token_len_per_gpu
            if name == "critic":  # the key that veRL's V1 trainer takes, with its default
                key, limit = "ppo_infer_max_token_len_per_gpu", part.get("ppo_infer_max_token_len_per_gpu", 32768)
            if limit * ulysses(part) < longest:
                yield Problem(
                    f"{name}.{key} {limit} does not hold one sequence of {longest} tokens (prompt and response)",
                    f"++{name}.{key}={longest} or more",
                )
    scored = [("rollout", rollout)]
    if actor.use_kl_loss or config.algorithm.use_kl_in_reward:
        scored.append(("ref", config.actor_rollout_ref.ref))
    for name, part in scored:
        size = part.log_prob_micro_batch_size_per_gpu
        if actor.use_dynamic_bsz:
            continue
        if size is None:
            yield Problem(
                f"{name}.log_prob_micro_batch_size_per_gpu is not set",
                f"actor_rollout_ref.{name}.log_prob_micro_batch_size_per_gpu={actor.ppo_micro_batch_size_per_gpu}",
            )
        elif (batch * rollout.n // gpus) % size:
            yield Problem(
                f"{batch} prompts x {rollout.n} responses on {gpus} GPUs are no multiple of "
                f"{name}.log_prob_micro_batch_size_per_gpu {size}",
                "one that divides them, or actor_rollout_ref.actor.use_dynamic_bsz=True",
            )


def check_estimator(config: Any) -> Iterator[Problem]:
    """A known estimator, with what it needs."""
    name, rollout = str(config.algorithm.adv_estimator), config.actor_rollout_ref.rollout
    known = (*_verl_names("trainer/ppo/core_algos.py", r'^    [A-Z_]+ = "(\w+)"'), *OURS)
    if name not in known:
        yield Problem(f"unknown algorithm.adv_estimator {name!r}", near(name, known))
    if name in _GROUPS and rollout.n < 2:
        yield Problem(
            f"{'GRPO' if name == 'grpo' else name} with rollout.n=1: every advantage is zero",
            "actor_rollout_ref.rollout.n=8 or more",
        )
    if name in _GROUPS and rollout.n > 1 and (rollout.temperature == 0 or rollout.top_k == 1):
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
            f"algorithm.grpo_bias={bias} is not used by adv_estimator={name}", "algorithm.adv_estimator=grpo_bias"
        )


def check_loss(config: Any) -> Iterator[Problem]:
    """Settings of clip and loss that veRL takes and does not use."""
    actor = config.actor_rollout_ref.actor
    if actor.clip_ratio != 0.2 and (actor.clip_ratio_low, actor.clip_ratio_high) == (0.2, 0.2):
        yield Problem(
            f"actor.clip_ratio={actor.clip_ratio} alone changes nothing: clip_ratio_low and clip_ratio_high win",
            f"actor.clip_ratio_low={actor.clip_ratio} and actor.clip_ratio_high={actor.clip_ratio}",
        )
    if actor.loss_agg_mode == "seq-mean-token-sum-norm" and actor.loss_scale_factor is None:
        yield Problem(
            "loss_agg_mode=seq-mean-token-sum-norm without loss_scale_factor divides by the padded width of the batch "
            "at hand, which changes",
            "actor_rollout_ref.actor.loss_scale_factor=${data.max_response_length}",
        )
    if actor.optim.warmup_style is not None:
        yield Problem(
            f"optim.warmup_style={actor.optim.warmup_style} is an old name",
            f"actor_rollout_ref.actor.optim.lr_scheduler_type={actor.optim.warmup_style}",
        )


def check_kl(config: Any) -> Iterator[Problem]:
    """A KL that is set and not switched on, or on twice."""
    algorithm, actor = config.algorithm, config.actor_rollout_ref.actor
    if algorithm.use_kl_in_reward and actor.use_kl_loss:
        yield Problem(
            "KL is in the reward and in the loss",
            "algorithm.use_kl_in_reward=False or actor_rollout_ref.actor.use_kl_loss=False",
        )
    if algorithm.kl_ctrl.kl_coef != 0.001 and not algorithm.use_kl_in_reward:
        yield Problem(
            f"algorithm.kl_ctrl.kl_coef={algorithm.kl_ctrl.kl_coef} is not used: veRL 0.9.1 leaves KL out of the "
            "reward",
            "algorithm.use_kl_in_reward=True",
        )
    if actor.kl_loss_coef != 0.001 and not actor.use_kl_loss:
        yield Problem(
            f"actor.kl_loss_coef={actor.kl_loss_coef} is not used: use_kl_loss is off",
            "actor_rollout_ref.actor.use_kl_loss=True",
        )


def check_seed(config: Any) -> Iterator[Problem]:
    """veRL's sampler is unseeded by default."""
    if config.data.seed is None:
        yield Problem("data.seed is null: the order of the prompts changes from run to run", "data.seed=1")


def _verl_names(file: str, pattern: str) -> tuple[str, ...]:
    """Names in veRL's own source: importing it takes seconds."""
    spec = importlib.util.find_spec("verl")
    text = (Path(spec.submodule_search_locations[0]) / file).read_text(encoding="utf-8")
    return tuple(re.findall(pattern, text, re.MULTILINE))


CHECKS: tuple[Check, ...] = (check_batches, check_estimator, check_loss, check_kl, check_seed)
