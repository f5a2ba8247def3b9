"""Checks of generation: lengths, tensor parallelism, where responses end, LoRA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl.doctor.algorithm import near
from r1_verl.doctor.model import model_of
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import agent_loops

OUR_LOOPS = Path(__file__).parents[1] / "verl_side/agent_loops.yaml"


def check_lengths(config: Any) -> Iterator[Problem]:
    """A prompt and its response fit into what vLLM and the model can hold."""
    rollout = config.actor_rollout_ref.rollout
    longest = config.data.max_prompt_length + config.data.max_response_length
    if rollout.max_model_len is not None and rollout.max_model_len < longest:
        yield Problem(
            f"rollout.max_model_len {rollout.max_model_len} is less than max_prompt_length + max_response_length "
            f"{longest}: long prompts leave no room to answer",
            f"actor_rollout_ref.rollout.max_model_len={longest}",
        )
    limit = model_of(config).positions(config.actor_rollout_ref.model.get("override_config"))
    if limit and longest > limit:
        yield Problem(
            f"max_prompt_length + max_response_length is {longest}, the model has {limit} positions",
            f"data.max_response_length={max(1, limit - config.data.max_prompt_length)}",
        )
    if not rollout.enable_chunked_prefill and rollout.max_num_batched_tokens < longest:
        yield Problem(
            f"rollout.max_num_batched_tokens {rollout.max_num_batched_tokens} is less than {longest} without chunked "
            "prefill: vLLM refuses to start",
            f"actor_rollout_ref.rollout.max_num_batched_tokens={longest}, or enable_chunked_prefill=True",
        )


def check_parallel(config: Any) -> Iterator[Problem]:
    """vLLM's tensor parallel size divides the GPUs and the model's attention heads."""
    rollout, gpus = config.actor_rollout_ref.rollout, config.trainer.n_gpus_per_node * config.trainer.nnodes
    size = rollout.tensor_model_parallel_size
    if gpus % size:
        yield Problem(
            f"rollout.tensor_model_parallel_size {size} does not divide {gpus} GPUs",
            "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
        )
    heads = model_of(config).read("config.json").get("num_attention_heads")
    if heads and heads % size:
        yield Problem(
            f"rollout.tensor_model_parallel_size {size} does not divide the model's {heads} attention heads",
            "a tensor_model_parallel_size that does",
        )


def check_seeds(config: Any) -> Iterator[Problem]:
    """The responses of a prompt differ: under `full_determinism` veRL gives every request of a vLLM server one seed
    (and, in the V1 trainer, which counts no requests, one name)."""
    if config.actor_rollout_ref.rollout.get("full_determinism"):
        yield Problem(
            "rollout.full_determinism gives every response one seed in veRL 0.9.1: all to one prompt would be the same",
            "actor_rollout_ref.rollout.full_determinism=False",
        )


def our_loops() -> list[str]:
    """The names of the agent loops in our list."""
    import yaml

    return [entry["name"] for entry in yaml.safe_load(OUR_LOOPS.read_text())]


def reads_ours(agent: Any) -> bool:
    """Whether a recipe's `rollout.agent` names our list."""
    return str(agent.agent_loop_config_path or "").endswith("verl_side/agent_loops.yaml")


def check_ends(config: Any) -> Iterator[Problem]:
    """The agent loop is known, and is one of ours where responses are to stop at a text or those that were cut off are
    masked: veRL's own neither stop there nor tell."""
    agent, settings = config.actor_rollout_ref.rollout.agent, config.get("r1_verl") or {}
    chosen, ours = agent.default_agent_loop, our_loops() if reads_ours(agent) else []
    known = (*agent_loops(), *ours)
    if (settings.get("stop") or settings.get("stop_token_ids")) and chosen not in ours:
        yield Problem(
            f"r1_verl.stop is set, and the agent loop {chosen!r} does not read it: responses would run on",
            "+stop=texts (or actor_rollout_ref.rollout.agent.default_agent_loop=r1_stop)",
        )
    elif settings.get("stop") and "stop" not in (config.reward.custom_reward_function.get("reward_kwargs") or {}):
        yield Problem(
            "r1_verl.stop is set, and the reward function is not told: it would judge what the last token brings "
            "behind a stop",
            "+stop=texts",
        )
    if settings.get("mask") and chosen not in ours:
        yield Problem(
            f"r1_verl.mask is set, and the agent loop {chosen!r} does not tell which responses were cut off",
            "actor_rollout_ref.rollout.agent.default_agent_loop=r1_stop, or r1_verl.mask=null",
        )
    if agent_loops() and reads_ours(agent) and chosen not in known:
        yield Problem(f"unknown agent loop {chosen!r}", near(chosen, known))
    if chosen.startswith("r1_") and not agent.agent_loop_config_path:
        yield Problem(
            f"the agent loop {chosen!r} is ours, and agent_loop_config_path does not name our list",
            "actor_rollout_ref.rollout.agent.agent_loop_config_path='${r1_verl_file:verl_side/agent_loops.yaml}'",
        )


def check_lora(config: Any) -> Iterator[Problem]:
    """With LoRA, vLLM reads the base model's weights itself."""
    ref = config.actor_rollout_ref
    if ref.model.lora_rank and ref.rollout.load_format not in ("safetensors", "auto"):
        yield Problem(
            f"LoRA with rollout.load_format={ref.rollout.load_format}: vLLM would generate from random base weights",
            "actor_rollout_ref.rollout.load_format=safetensors",
        )


CHECKS: tuple[Check, ...] = (check_lengths, check_parallel, check_seeds, check_ends, check_lora)
