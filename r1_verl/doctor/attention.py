"""Checks of attention: flash_attn where it is asked for, and Ulysses, which cuts a sequence over GPUs and needs it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

from r1_verl.doctor.model import look
from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.resolvers import FLASH, SDPA

_GET = "install a flash_attn built for this PyTorch and Python (PyPI has its source only: nvcc and an hour)"
_KERNELS = "0.12"  # of the package `kernels`: transformers 5.9 then takes flash attention's kernels from the hub


class Part(NamedTuple):
    """A model that veRL loads for training: its section's name, its attention by transformers' name, over how many GPUs
    Ulysses cuts a sequence, its `model` section."""

    name: str
    attention: str
    ulysses: int
    model: Any

    @property
    def owner(self) -> str:
        """The section with its `model`."""
        return "critic" if self.name == "critic" else "actor_rollout_ref"

    def cut(self, size: int) -> str:
        """The overrides that cut a sequence over `size` GPUs instead."""
        if self.name == "critic":
            return f"critic.fsdp.ulysses_sequence_parallel_size={size}"
        keys = ("ulysses_sequence_parallel_size", "fsdp_config.ulysses_sequence_parallel_size")
        return " ".join(f"actor_rollout_ref.{self.name}.{key}={size}" for key in keys)


def parts(config: Any) -> list[Part]:
    """The actor, and the reference and the critic of recipes that have them."""
    section, found = config.actor_rollout_ref, ["actor"]
    if (section.actor.use_kl_loss or config.algorithm.use_kl_in_reward) and not section.model.lora_rank:
        found.append("ref")  # with LoRA it is the actor without its adapter
    every = [Part(name, of_model(section.model), ulysses(section[name]), section.model) for name in found]
    if config.algorithm.adv_estimator == "gae":
        critic = config.critic
        every.append(Part("critic", of_model(critic.model), ulysses(critic), critic.model))
    return every


def ulysses(part: Any) -> int:
    """Over how many GPUs the sequences of an actor, a reference or a critic are cut."""
    if "fsdp" in part:  # a critic's old key is not read
        return part.fsdp.ulysses_sequence_parallel_size
    old = part.ulysses_sequence_parallel_size  # wins where it is over 1
    return old if old > 1 else part.fsdp_config.ulysses_sequence_parallel_size


def of_model(model: Any) -> str:
    """The attention of a `model` section, by transformers' name. Absent means flash attention to veRL; null means sdpa
    to transformers."""
    return (model.get("override_config") or {}).get("attn_implementation", FLASH) or SDPA


def check_flash(config: Any) -> Iterator[Problem]:
    """flash_attn is installed, and built for this PyTorch, if a model asks for it."""
    asking = dict.fromkeys(part.owner for part in parts(config) if part.attention == FLASH)
    if not asking:
        return
    fix = " ".join(f"++{owner}.model.override_config.attn_implementation={SDPA}" for owner in asking)
    if not (find_spec("flash_attn") and find_spec("flash_attn_2_cuda")):
        if not _version("kernels").startswith(f"{_KERNELS}."):
            yield Problem(f"{FLASH} is asked for, and flash_attn is not installed", f"{fix}, or {_GET}")
    elif config.trainer.device == "cuda" and (said := _import_error()):
        yield Problem(
            f"flash_attn is installed and can't be imported ({said:.200}): it was built for another PyTorch",
            f"uv pip uninstall flash_attn (recipes then take {SDPA}), or {_GET}",
        )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


@lru_cache(maxsize=1)
def _import_error() -> str:
    """Import flash_attn in a process of its own. Returns the last line of the error, "" without one."""
    program = "from flash_attn import flash_attn_func, flash_attn_varlen_func"
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1] if done.returncode else ""


def check_ulysses(config: Any) -> Iterator[Problem]:
    """A recipe that cuts sequences over GPUs has what that needs: flash attention, packed rows, GPUs and heads that the
    number of pieces divides."""
    world, seen = config.trainer.n_gpus_per_node * config.trainer.nnodes, set()
    for part in parts(config):
        name, size, path = part.name, part.ulysses, str(part.model.path)
        if size <= 1 or (size, part.attention, path) in seen:  # a reference follows its actor
            continue
        seen.add((size, part.attention, path))
        cut = f"{name}'s ulysses_sequence_parallel_size {size}"
        shape = look(path).read("config.json")
        heads = shape.get("num_attention_heads") or 0
        keys = shape.get("num_key_value_heads") or heads
        if part.attention != FLASH:
            yield Problem(
                f"{cut} with attention {part.attention}: each GPU would see its own piece of a sequence only, and "
                "log-probabilities would be silently wrong",
                f"{_GET}; or {part.cut(1)}",
            )
        if not part.model.get("use_remove_padding"):
            yield Problem(f"{cut} needs use_remove_padding", f"{part.owner}.model.use_remove_padding=True")
        if world % size:
            yield Problem(f"{cut} does not divide {world} GPUs", part.cut(_largest(size, world, heads, keys)))
        elif not _divide(size, heads, keys):
            yield Problem(
                f"{cut} does not divide the model's {heads} attention heads ({keys} of keys and values)",
                part.cut(_largest(size, world, heads, keys)),
            )


def _divide(size: int, heads: int, keys: int) -> bool:
    """The rule of veRL's apply_monkey_patch (models/transformers/monkey_patch.py). True for unknown heads (0)."""
    return heads % size == 0 and (not keys or keys % size == 0 or size % keys == 0)


def _largest(size: int, world: int, heads: int, keys: int) -> int:
    return next(n for n in range(size, 0, -1) if world % n == 0 and _divide(n, heads, keys))


CHECKS: tuple[Check, ...] = (check_flash, check_ulysses)
