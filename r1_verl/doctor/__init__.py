"""`r1-verl doctor RECIPE [KEY=VALUE ...]`: what would go wrong, why, and the fix, before Ray or a GPU is touched.

A check is a small function from a composed configuration to problems. All checks together take seconds and import
neither veRL nor vLLM. What they know of the model comes from its folder or its small files on the hub, else its name.
"""

from __future__ import annotations

import argparse
import contextlib
import os
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
    function,
    gpus,
    guard,
    keys,
    loggers,
    machine,
    made_by,
    memory,
    parts,
    place,
    prompts,
    reward,
    rollout,
    schedules,
    truths,
    turns,
    unread,
    values,
    verl_source,
)
from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.arguments import add_recipe
from r1_verl.recipes.overrides import settle
from r1_verl.runs import RunError, run_folder, run_overrides

_SETTINGS = (keys, values)
_ROOMS = (
    verl_source, *_SETTINGS, machine, compiler, driver, gpus, memory, disk, batches, algorithm, unread, attention,
    schedules, guard, rollout, turns, reward, parts, function, loggers, files, made_by, truths, prompts, answer_place,
    place,
)  # fmt: skip
CHECKS: tuple[Check, ...] = tuple(check for room in _ROOMS for check in room.CHECKS)


class DoctorError(RunError):
    """The preflight found problems. The message lists them."""


def examine(config: Any) -> list[Problem]:
    """All problems of a composed recipe on this machine, errors first.

    A check that fails itself is a doubt, unless keys or values are wrong, which is why.
    """
    found: list[Problem] = []
    failed: list[Problem] = []
    for check in CHECKS:
        try:
            for problem in check(config):
                found.append(problem)
        except Exception as error:
            failed.append(_failed(check, error))
        if check in _SETTINGS[-1].CHECKS:
            spoilt = any(not problem.doubt for problem in found)
    found += [] if spoilt else failed
    return sorted(dict.fromkeys(found), key=lambda problem: problem.doubt)


def require(config: Any) -> None:
    """Say what was found. Raise DoctorError if the recipe can't run here, or on doubts that DOUBTS=ok does not pass."""
    found = examine(config)
    if not found:
        return
    lines = "\n".join(f"  - {said(problem)}\n    fix: {problem.fix}" for problem in found)
    if not found[0].doubt:
        raise DoctorError(f"this run would fail:\n{lines}")
    if os.environ.get("DOUBTS") != "ok":
        raise DoctorError(f"is this run what you mean?\n{lines}\nIf so, put DOUBTS=ok before the same command.")
    print(f"Doubts, passed by DOUBTS=ok:\n{lines}", flush=True)


def _failed(check: Check, error: Exception) -> Problem:
    place, why = f"{check.__module__.rpartition('.')[2]}.{check.__name__}", (str(error).splitlines() or [""])[0]
    return Problem(
        f"the check {place} failed ({type(error).__name__}: {why:.200})",
        "correct the setting that it names; else report a defect of r1-verl. DOUBTS=ok passes it",
        doubt=True,
    )


def said(problem: Problem) -> str:
    """What is wrong, in a line; a doubt says that it is one."""
    return f"a doubt: {problem.what}" if problem.doubt else problem.what


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Look for what would stop or spoil a recipe's run on this machine; name the cause and the fix. Errors come\n"
        "first (exit status 1); doubts stop `train` as well, unless the variable DOUBTS is ok."
    )
    parser.epilog = "example:\n  r1-verl doctor tinyzero_ppo trainer.n_gpus_per_node=4"
    add_recipe(parser)


def run(args: argparse.Namespace) -> int:
    given = settle(args.recipe, args.overrides)
    config = recipes.compose(args.recipe, [*run_overrides(run_folder(args.recipe)), *given])
    found = examine(config)
    with contextlib.suppress(Exception):  # where the memory can't be reckoned, its check says so
        if needs := memory.summary(config):
            print(needs)
    for problem in found:
        print(f"- {said(problem)}\n  fix: {problem.fix}")
    doubts = sum(problem.doubt for problem in found)
    print(
        f"{args.recipe}: {_count(len(found) - doubts, 'problem')}"
        + (f", {_count(doubts, 'doubt')}" * bool(doubts))
        + " found"
    )
    if doubts and doubts == len(found):
        print("With DOUBTS=ok before it, `train` runs all the same.")
    return 1 if doubts < len(found) else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
