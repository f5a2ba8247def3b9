"""`python -m r1_verl doctor RECIPE [overrides]`: what would go wrong, why, and the fix, before Ray or a GPU is touched.

Checks are small functions from a composed configuration to problems. They run in seconds and import neither verl nor
vLLM; what is known of the model comes from its folder or its small files of the hub, and else from its name.
"""

from __future__ import annotations

from typing import Any

from r1_verl.doctor import (
    algorithm,
    attention,
    compiler,
    disk,
    driver,
    files,
    gpus,
    machine,
    memory,
    prompts,
    reward,
    rollout,
    unread,
)
from r1_verl.doctor.problem import Check, Problem
from r1_verl.runs import RunError

CHECKS: tuple[Check, ...] = (
    *machine.CHECKS, *compiler.CHECKS, *driver.CHECKS, *gpus.CHECKS, *memory.CHECKS, *disk.CHECKS, *algorithm.CHECKS,
    *unread.CHECKS, *attention.CHECKS, *rollout.CHECKS, *reward.CHECKS, *files.CHECKS, *prompts.CHECKS,
)  # fmt: skip


class DoctorError(RunError):
    """The preflight found problems; the message lists them."""


def examine(config: Any) -> list[Problem]:
    """All problems of a composed recipe on this machine."""
    return [problem for check in CHECKS for problem in check(config)]


def require(config: Any) -> None:
    """Raise DoctorError if the recipe can't run here."""
    problems = examine(config)
    if problems:
        raise DoctorError("this run would fail:\n" + "\n".join(f"  - {p.what}\n    fix: {p.fix}" for p in problems))
