"""A check of the disk: it must hold the checkpoints that a run keeps, the best one too, and the one being written."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.doctor.model import look
from r1_verl.doctor.problem import Check, Problem

FREE_GIB = 2  # for curves, logs and validation files, and for a model of unknown size
_ADAPTER = 0.05  # LoRA's share of a model, at most


class Kept(NamedTuple):
    """Checkpoints of one model: GiB of one, the most that veRL keeps (None: unknown), the setting that decides, and
    whether the best (runs/best.py) comes on top: it links to a checkpoint of veRL's until veRL deletes that one."""

    name: str
    size: float
    count: int | None
    setting: str
    best: bool


def check_disk(config: Any) -> Iterator[Problem]:
    """The disk has room for the checkpoints that the run will keep."""
    if config.trainer.save_freq <= 0:
        return
    folder = Path(config.trainer.default_local_dir).absolute()
    older = len(list(folder.glob("global_step_*"))) if folder.is_dir() else 0
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free, kept = shutil.disk_usage(there).free / 2**30, _kept(config)
    need = max(FREE_GIB, sum(part.size * ((part.count or 2) + part.best) for part in kept))
    if free >= need:
        return
    said = ", ".join(
        f"{part.name} {part.size:.0f} x {part.count or 'all of them'} ({part.setting})" + " + 1 (the best)" * part.best
        for part in kept
    )
    fewer = [f"{part.setting.partition('=')[0]}=2" for part in kept if part.count is None or part.count > 2]
    yield Problem(
        f"{free:.1f} GiB free under {there}, checkpoints take {need:.0f}"
        + ("" if all(part.count for part in kept) else " and more")
        + f": {said}"
        + (f"; veRL does not remove the {older} of an earlier run" if older else ""),
        "free some space, RUNS=a folder on a larger disk" + (f", or {' '.join(fewer)}" if fewer else ""),
    )


def _kept(config: Any) -> list[Kept]:
    section = config.actor_rollout_ref
    found = [
        _part(config, "actor", section.model, section.actor.fsdp_config, section.actor.checkpoint,
              "max_actor_ckpt_to_keep"),
    ]  # fmt: skip
    if config.algorithm.adv_estimator == "gae":
        critic = config.critic
        found.append(_part(config, "critic", critic.model, critic.fsdp, critic.checkpoint, "max_critic_ckpt_to_keep"))
    return found


def _part(config: Any, name: str, model: Any, engine: Any, checkpoint: Any, key: str) -> Kept:
    """veRL's FSDPCheckpointManager: the whole model, LoRA's base too, in the type it trains in, and Adam's moments."""
    weight = 2 if engine.model_dtype in ("bf16", "bfloat16", "fp16") else 4
    trained = _ADAPTER if model.get("lora_rank") else 1.0
    saved = trained if checkpoint.get("save_lora_only") else 1.0
    share = {"model": saved * weight, "optimizer": 2 * trained * weight, "hf_model": float(weight)}
    a_parameter = sum(share.get(content, 0.0) for content in checkpoint.save_contents)
    trainer = config.trainer
    keep, total = trainer.get(key), trainer.total_training_steps
    written = math.ceil(total / trainer.save_freq) if total else None
    # The oldest goes before a new one is written; where one alone is kept, afterwards.
    count = min(max(2, keep), written or keep + 1) if keep and keep > 0 else written
    deletes = count is not None and (written is None or written > count)
    size = a_parameter * (look(str(model.path)).params or 0) * 1e9 / 2**30
    return Kept(
        name, size, count, f"trainer.{key}={'null' if keep is None else keep}", deletes and trainer.test_freq > 0
    )


CHECKS: tuple[Check, ...] = (check_disk,)
