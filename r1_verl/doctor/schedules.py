"""Checks of what our sampler does besides sampling: schedules, the entropy target, the sample kept, groups left out.

The settings of several turns are read here too; `turns.py` says what they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.settings import (
    SettingError,
    entropy_target,
    kept_groups,
    kl_steps,
    masks_truncated,
    misfits,
    sample_bounds,
    turns,
)


def check_schedules(config: Any) -> Iterator[Problem]:
    """`r1_verl.schedule`, `entropy`, `mask`, `samples`, `turns` and `keep` can be meant, and have what they need."""
    ours, found = config.get("r1_verl") or {}, {}
    readers: dict[str, Callable] = {
        "schedule": kl_steps, "entropy": entropy_target, "mask": masks_truncated, "samples": sample_bounds,
        "turns": turns, "keep": kept_groups,
    }  # fmt: skip
    for name, read in readers.items():
        try:
            found[name] = read(ours.get(name))
        except SettingError as error:
            yield Problem(error.what, error.fix)
    for error in misfits(config, found.get("schedule", ()), found.get("entropy")):
        yield Problem(error.what, error.fix)
    followed = [name for name in ("schedule", "entropy", "mask", "keep") if found.get(name)]
    if followed and not config.trainer.v1.sampler.custom_sampler.path:
        yield Problem(
            f"nothing follows r1_verl.{' and r1_verl.'.join(followed)}: the sampler is veRL's own",
            "trainer.v1.sampler.custom_sampler.path=pkg://r1_verl.verl_side.sampler",
        )


CHECKS: tuple[Check, ...] = (check_schedules,)
