"""`r1-verl doctor RECIPE [KEY=VALUE ...]`: what would go wrong, why, and the fix, before Ray or a GPU is touched.

A check is a small function from a composed configuration to problems. All checks together take seconds and import
neither veRL nor vLLM. What they know of the model comes from its folder or its small files on the hub, else its name.
"""

from __future__ import annotations

import argparse
from typing import Any

from r1_verl import recipes
from r1_verl.doctor import (
    algorithm,
    answer_place,
    attention,
    batches,
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
    verl_source,
)
from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.listing import add_recipe
from r1_verl.recipes.overrides import settle
from r1_verl.runs import RunError, run_folder, run_overrides

_ROOMS = (
    machine, verl_source, compiler, driver, gpus, memory, disk, batches, algorithm, unread, attention, rollout, reward,
    files, prompts, answer_place,
)  # fmt: skip
CHECKS: tuple[Check, ...] = tuple(check for room in _ROOMS for check in room.CHECKS)


class DoctorError(RunError):
    """The preflight found problems. The message lists them."""


def examine(config: Any) -> list[Problem]:
    """All problems of a composed recipe on this machine."""
    return [problem for check in CHECKS for problem in check(config)]


def require(config: Any) -> None:
    """Raise DoctorError, which lists the problems, if the recipe can't run on this machine."""
    problems = examine(config)
    if problems:
        raise DoctorError("this run would fail:\n" + "\n".join(f"  - {p.what}\n    fix: {p.fix}" for p in problems))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Look for what would stop or spoil a recipe's run on this machine; name the cause and the fix."
    parser.epilog = "example:\n  r1-verl doctor tinyzero_ppo trainer.n_gpus_per_node=4"
    add_recipe(parser)


def run(args: argparse.Namespace) -> int:
    given = settle(args.recipe, args.overrides)
    config = recipes.compose(args.recipe, [*run_overrides(run_folder(args.recipe)), *given])
    problems = examine(config)
    if needs := memory.summary(config):
        print(needs)
    for problem in problems:
        print(f"- {problem.what}\n  fix: {problem.fix}")
    print(f"{args.recipe}: {len(problems)} problem{'s' * (len(problems) != 1)} found")
    return 1 if problems else 0
