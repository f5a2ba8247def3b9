"""A third party's environments, registered by R1_VERL_ENVIRONMENTS=foreign: a counting game, and faults by the row.

fault: hang, raise, garbage, exit or leak, at the first step; once: a folder in which the first try leaves a mark, after
which the environment is healthy.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from r1_verl.environments import environment


class Count:
    """Say `more` until the goal is reached; anything else earns nothing."""

    actions = ("more", "stay")

    def __init__(self, goal: int, fault: str = "") -> None:
        self.goal, self.fault, self.at = goal, fault, 0

    def reset(self, seed: int | None = None) -> tuple[str, dict]:
        self.at = 0
        return f"0 of {self.goal}", {}

    def step(self, action: str) -> Any:
        if self.fault:
            return FAULTS[self.fault](self)
        self.at += action == "more"
        done = self.at >= self.goal
        return f"{self.at} of {self.goal}", 1.0 if done else 0.0, done, False, {"success": done}


def _raise(world: Count) -> None:
    raise RuntimeError("the door is locked")


FAULTS = {
    "hang": lambda world: time.sleep(600),
    "raise": _raise,
    "garbage": lambda world: ("text", "no number", False, False, {}),
    "exit": lambda world: os._exit(3),
    "leak": lambda world: bytearray(8 << 30),
    "long": lambda world: ("x" * 300_000, 0.0, False, False, {}),
}


@environment("count")
def make(truth) -> Count:
    fault, once = truth.get("fault", ""), truth.get("once")
    if not isinstance(truth.get("goal"), int):
        raise ValueError("the ground truth holds no goal: write goal=3")
    if fault and once:
        try:
            (Path(once) / f"{truth['name']}-{os.environ.get('PART', '')}").touch(exist_ok=False)
        except FileExistsError:
            fault = ""
    return Count(truth["goal"], fault)


class Echo:
    """Any text is an action; `open` ends it."""

    actions = None

    def reset(self, seed: int | None = None) -> tuple[str, dict]:
        return "a door", {}

    def step(self, action: str) -> Any:
        return f"you said {action!r} \ud800", 1.0, action == "open", False, {"success": action == "open"}


@environment("echo")
def make_echo(truth) -> Echo:
    return Echo()
