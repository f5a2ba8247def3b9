"""Checks of the guard's settings: they can be meant, and a run that is to be ended saves what it validates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes import guarding
from r1_verl.recipes.settings import SettingError


def check_guard(config: Any) -> Iterator[Problem]:
    """`r1_verl.guard`, and steps that are both validated and saved where it ends a run."""
    try:
        stop = guarding.read((config.get("r1_verl") or {}).get("guard")).stop
    except SettingError as error:
        yield Problem(error.what, error.fix)
        return
    saves, tests, total = config.trainer.save_freq, config.trainer.test_freq, config.trainer.total_training_steps
    never = saves <= 0 or tests <= 0 or math.lcm(saves, tests) > (total or math.inf)
    if stop and never:
        yield Problem(
            f"the guard may end the run, and no step is both validated (trainer.test_freq={tests}) and saved "
            f"(trainer.save_freq={saves}): it could keep no best checkpoint",
            "trainer.save_freq and trainer.test_freq of which one is a multiple of the other",
            doubt=True,
        )


CHECKS: tuple[Check, ...] = (check_guard,)
