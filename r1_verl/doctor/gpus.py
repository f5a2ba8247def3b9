"""Checks of the GPUs: enough of them, whole and free."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl.doctor.machine import joins
from r1_verl.doctor.nvidia import Gpu, gpus, names_slices, refusal
from r1_verl.doctor.problem import Check, Problem

SHM_GIB = 1


def check_gpus(config: Any) -> Iterator[Problem]:
    """There are enough cards; they are whole (no MIG slices) and free."""
    if config.trainer.device != "cuda":
        return
    cards, asked = gpus(), config.trainer.n_gpus_per_node
    if names_slices() or any(card.sliced for card in cards):
        yield _slices(cards)
        return
    if len(cards) < asked:
        yield _too_few(len(cards), asked)
        return
    taken = [(i, card) for i, card in enumerate(cards[:asked]) if card.free < 0.9 * card.total]
    if taken and not joins(config):
        said = "; ".join(f"{i}: {card.free:.0f} of {card.total:.0f} GiB free" for i, card in taken)
        share = config.actor_rollout_ref.rollout.gpu_memory_utilization
        short = any(card.free < share * card.total for _, card in taken)  # vLLM then refuses to start
        yield Problem(
            f"GPUs are in use already ({said}), perhaps by what an earlier run left behind"
            + ("" if short else " or by a screen"),
            "nvidia-smi shows by whom; ray stop --force ends a stale Ray; or CUDA_VISIBLE_DEVICES=others",
            doubt=not short,
        )


def _slices(cards: list[Gpu]) -> Problem:
    cut = ", ".join(str(i) for i, card in enumerate(cards) if card.sliced)
    return Problem(
        f"cards are cut into slices (MIG: {f'number {cut}' if cut else 'CUDA_VISIBLE_DEVICES names some'}): a process "
        "sees one slice, whose memory and number nvidia-smi does not tell; veRL needs whole cards",
        "nvidia-smi -mig 0 (as root), or CUDA_VISIBLE_DEVICES=the numbers of whole cards",
    )


def _too_few(there: int, asked: int) -> Problem:
    said = refusal()
    return Problem(
        f"the recipe asks for {asked} GPUs a node, this machine has {there or 'none'}"
        + (" that CUDA_VISIBLE_DEVICES shows" if os.environ.get("CUDA_VISIBLE_DEVICES") is not None else "")
        + (f" (nvidia-smi: {said})" if said else ""),
        f"GPUS={there} (and smaller batches)" if there else "a machine with some, or +machine=cpu (tiny models)",
    )


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
