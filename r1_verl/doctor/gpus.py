"""Checks of the GPUs: enough of them, free, and with room for what a recipe puts there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.doctor.machine import joins
from r1_verl.doctor.model import model_of
from r1_verl.doctor.problem import Check, Problem

SHM_GIB = 1


class Gpu(NamedTuple):
    """One card: its name and memory in GiB."""

    name: str
    total: float
    free: float


def gpus() -> list[Gpu]:
    """The cards that this process may use, [] where there are none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    found = []
    for line in done.stdout.strip().splitlines():
        name, total, free = line.rsplit(", ", 2)
        if total.isdecimal() and free.isdecimal():  # "[N/A]" where a card shares the machine's memory
            found.append(Gpu(name, int(total) / 1024, int(free) / 1024))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        chosen = [entry.strip() for entry in visible.split(",") if entry.strip()]
        if not all(entry.isdecimal() for entry in chosen):
            return found[: len(chosen)]  # named by UUID: which they are does not matter here
        found = [found[int(entry)] for entry in chosen if int(entry) < len(found)]
    return found


def check_gpus(config: Any) -> Iterator[Problem]:
    """Enough cards, none of them taken, and room on them for what the recipe puts there."""
    if config.trainer.device != "cuda":
        return
    cards, asked = gpus(), config.trainer.n_gpus_per_node
    if len(cards) < asked:
        yield Problem(
            f"the recipe asks for {asked} GPUs a node, this machine has {len(cards) or 'none'}"
            + (" that CUDA_VISIBLE_DEVICES shows" if os.environ.get("CUDA_VISIBLE_DEVICES") is not None else ""),
            f"GPUS={len(cards)} (and smaller batches)"
            if cards
            else "a machine with some, or +machine=cpu (tiny models)",
        )
        return
    taken = [f"{i}: {card.free:.0f} of {card.total:.0f} GiB free" for i, card in enumerate(cards[:asked])
             if card.free < 0.9 * card.total]  # fmt: skip
    if taken and not joins(config):
        yield Problem(
            f"GPUs are in use already ({'; '.join(taken)}), perhaps by what an earlier run left behind",
            "nvidia-smi shows by whom; ray stop --force ends a stale Ray; or CUDA_VISIBLE_DEVICES=others",
        )
    need = memory(config)
    if need and need.most == float("inf"):
        yield Problem(
            need.text, "a larger rollout.gpu_memory_utilization or tensor_model_parallel_size, or a smaller MODEL"
        )
    elif need and need.most > (card := min(cards[:asked], key=lambda c: c.total)).total:
        yield Problem(
            f"about {need.most:.0f} GiB a GPU are needed ({need.text}), a {card.name} has {card.total:.0f}",
            "smaller ppo_max_token_len_per_gpu or rollout.gpu_memory_utilization, actor.fsdp_config.param_offload=True "
            "and optimizer_offload=True (critic.fsdp the same), a smaller MODEL, or more GPUS",
        )


class Memory(NamedTuple):
    """A rough need a GPU in GiB, and where it comes from."""

    most: float
    text: str


def memory(config: Any) -> Memory | None:
    """What one GPU has to hold, roughly: the worse of rollout and update. None for a model of unknown size.

    FSDP keeps fp32 weights (4 bytes), Adam's moments (8) and, in the update, gradients (4), over all GPUs; vLLM takes
    its share of the card while it generates; the update adds logits and activations of a micro-batch.
    """
    ref, part = config.actor_rollout_ref, model_of(config)
    cards = gpus()
    if part.params is None or not cards:
        return None
    world = config.trainer.n_gpus_per_node * config.trainer.nnodes
    weight = 2 if ref.actor.fsdp_config.model_dtype in ("bf16", "bfloat16") else 4
    trained = 0.05 if ref.model.lora_rank else 1.0  # LoRA trains some per cent of the weights
    billion = 1e9 / 2**30
    size = part.params * billion / world

    def held(offload_weights: bool, offload_moments: bool) -> float:
        return size * (weight * (not offload_weights) + 8 * trained * (not offload_moments))

    actor = held(ref.actor.fsdp_config.param_offload, ref.actor.fsdp_config.optimizer_offload)
    uses_ref = config.algorithm.use_kl_in_reward or ref.actor.use_kl_loss
    reference = size * 4 if uses_ref and not ref.model.lora_rank and not ref.ref.fsdp_config.param_offload else 0.0
    critic = 0.0
    if config.algorithm.adv_estimator == "gae":
        critic = held(config.critic.fsdp.param_offload, config.critic.fsdp.optimizer_offload)
    engine = ref.rollout.gpu_memory_utilization * min(card.total for card in cards)
    tokens = ref.actor.ppo_max_token_len_per_gpu
    if not ref.actor.use_dynamic_bsz:
        longest = config.data.max_prompt_length + config.data.max_response_length
        tokens = (ref.actor.ppo_micro_batch_size_per_gpu or 1) * longest
    vocabulary = part.read("config.json").get("vocab_size", 150_000)
    logits = tokens * vocabulary * 2 * 2 / 2**30  # bf16, and its gradient
    updating = size * (weight + 12 * trained)  # loaded back for the update, offloaded or not
    rollout = actor + reference + critic + engine
    update = max(updating, actor) + reference + critic + logits
    if engine < part.params * 2 * billion / ref.rollout.tensor_model_parallel_size:
        return Memory(
            float("inf"),
            f"vLLM's share of {engine:.0f} GiB does not hold the model's {part.params * 2 * billion:.0f} GiB in bf16",
        )
    said = f"actor {actor:.0f}, reference {reference:.0f}, critic {critic:.0f}"
    if rollout >= update:
        return Memory(rollout, f"{said}, vLLM {engine:.0f}, while generating")
    return Memory(update, f"actor with gradients {updating:.0f}, reference {reference:.0f}, critic {critic:.0f}, "
                  f"logits of {tokens} tokens {logits:.0f}, in the update")  # fmt: skip


def check_shared_memory(config: Any) -> Iterator[Problem]:
    """A container's /dev/shm of 64 MB is too small for Ray's object store and NCCL."""
    shm = Path("/dev/shm")
    if config.trainer.device != "cuda" or not shm.is_dir():
        return
    total = shutil.disk_usage(shm).total / 2**30
    if total < SHM_GIB:
        yield Problem(
            f"/dev/shm has {total:.2f} GiB (a container's default): Ray's store and NCCL need more",
            "start the container with --shm-size=16g or --ipc=host",
        )


CHECKS: tuple[Check, ...] = (check_gpus, check_shared_memory)
