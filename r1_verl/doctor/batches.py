"""Checks of batch sizes: veRL asserts them when the models are loaded, minutes after the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from r1_verl.doctor.attention import ulysses
from r1_verl.doctor.problem import Check, Problem


def check_mini_batch(config: Any) -> Iterator[Problem]:
    """The mini-batch divides the batch."""
    batch, mini = config.data.train_batch_size, config.actor_rollout_ref.actor.ppo_mini_batch_size
    if mini > batch:
        yield Problem(f"ppo_mini_batch_size {mini} is more than train_batch_size {batch}", f"at most {batch} prompts")
    elif batch % mini:
        yield Problem(
            f"train_batch_size {batch} is no multiple of ppo_mini_batch_size {mini}: the last update would be smaller",
            "a mini-batch that divides the batch",
            doubt=True,
        )


def check_responses(config: Any) -> Iterator[Problem]:
    """The GPUs divide the responses of a step."""
    batch, n, gpus = config.data.train_batch_size, config.actor_rollout_ref.rollout.n, _gpus(config)
    if (batch * n) % gpus:
        yield Problem(
            f"{batch} prompts x {n} responses do not divide among {gpus} GPUs",
            "a data.train_batch_size that is a multiple of the number of GPUs",
        )


def check_old_micro_batch(config: Any) -> Iterator[Problem]:
    """The micro-batch goes by its present name."""
    for name, part in _trained(config):
        if part.ppo_micro_batch_size is not None:
            yield Problem(
                f"{name}.ppo_micro_batch_size={part.ppo_micro_batch_size} is an old name that veRL 0.9.1 does not use",
                f"{name}.ppo_micro_batch_size_per_gpu (a number a GPU), or use_dynamic_bsz=True",
            )


def check_micro_batch(config: Any) -> Iterator[Problem]:
    """A micro-batch of fixed size is set and divides one GPU's share of the mini-batch."""
    mini, n, gpus = (
        config.actor_rollout_ref.actor.ppo_mini_batch_size,
        config.actor_rollout_ref.rollout.n,
        _gpus(config),
    )
    for name, part in _trained(config):
        size = part.ppo_micro_batch_size_per_gpu
        if part.use_dynamic_bsz or part.ppo_micro_batch_size is not None:  # the old name has its own check
            continue
        if size is None:
            yield Problem(
                f"{name}.ppo_micro_batch_size_per_gpu is not set (the global one is not used any more)",
                "set it, or actor_rollout_ref.actor.use_dynamic_bsz=True",
            )
        elif (mini * n // gpus) % size:
            yield Problem(
                f"{mini} prompts x {n} responses on {gpus} GPUs are no multiple of "
                f"{name}.ppo_micro_batch_size_per_gpu {size}",
                "a micro-batch that divides the mini-batch of one GPU, or use_dynamic_bsz=True",
            )


def check_micro_batch_tokens(config: Any) -> Iterator[Problem]:
    """A micro-batch counted in tokens holds the longest sequence."""
    longest = config.data.max_prompt_length + config.data.max_response_length
    for name, part in _trained(config):
        key, limit = "ppo_max_token_len_per_gpu", part.get("ppo_max_token_len_per_gpu")
        if name == "critic":  # veRL's V1 trainer takes this key, with this default
            key, limit = "ppo_infer_max_token_len_per_gpu", part.get("ppo_infer_max_token_len_per_gpu", 32768)
        if part.use_dynamic_bsz and part.ppo_micro_batch_size is None and limit * ulysses(part) < longest:
            yield Problem(
                f"{name}.{key} {limit} does not hold one sequence of {longest} tokens (prompt and response)",
                f"++{name}.{key}={longest} or more",
            )


def check_log_prob_micro_batch(config: Any) -> Iterator[Problem]:
    """The log-probabilities' micro-batch, of rollout and reference, is set and divides one GPU's responses."""
    section, batch, gpus = config.actor_rollout_ref, config.data.train_batch_size, _gpus(config)
    if section.actor.use_dynamic_bsz:
        return
    has_reference = section.actor.use_kl_loss or config.algorithm.use_kl_in_reward
    for name in ("rollout", "ref") if has_reference else ("rollout",):
        size, n = section[name].log_prob_micro_batch_size_per_gpu, section.rollout.n
        if size is None:
            yield Problem(
                f"{name}.log_prob_micro_batch_size_per_gpu is not set",
                f"actor_rollout_ref.{name}.log_prob_micro_batch_size_per_gpu="
                f"{section.actor.ppo_micro_batch_size_per_gpu}",
            )
        elif (batch * n // gpus) % size:
            yield Problem(
                f"{batch} prompts x {n} responses on {gpus} GPUs are no multiple of "
                f"{name}.log_prob_micro_batch_size_per_gpu {size}",
                "one that divides them, or actor_rollout_ref.actor.use_dynamic_bsz=True",
            )


def _gpus(config: Any) -> int:
    return config.trainer.n_gpus_per_node * config.trainer.nnodes


def _trained(config: Any) -> list[tuple[str, Any]]:
    """The sections of the models that are trained, each with its name."""
    actor = ("actor_rollout_ref.actor", config.actor_rollout_ref.actor)
    return [actor, ("critic", config.critic)] if config.algorithm.adv_estimator == "gae" else [actor]


CHECKS: tuple[Check, ...] = (
    check_mini_batch, check_responses, check_old_micro_batch, check_micro_batch, check_micro_batch_tokens,
    check_log_prob_micro_batch,
)  # fmt: skip
