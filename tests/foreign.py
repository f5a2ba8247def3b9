"""A third party's environments, registered by R1_VERL_ENVIRONMENTS=foreign: a counting game, and faults by the row.

fault: hang, raise, garbage, exit, leak or long, at every step; with `fails` and `tickets` (a folder of the row's own)
only in that many tries, in the order in which they come.
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

    def __init__(self, truth) -> None:
        self.truth, self.goal, self.at, self.fault = truth, truth.get("goal"), 0, None

    def reset(self, seed: int | None = None) -> tuple[str, dict]:
        self.at = 0
        return f"0 of {self.goal}", {}

    def step(self, action: str) -> Any:
        if self.fault is None:
            self.fault = fault_of(self.truth)
        return FAULTS[self.fault](self) if self.fault else self.played(action)

    def played(self, action: str) -> Any:
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


def fault_of(truth) -> str:
    """The fault of this try: each draws the next ticket, and the first `fails` of them have one."""
    if "tickets" not in truth:
        return truth.get("fault", "")
    for ticket in range(1000):
        try:
            (Path(truth["tickets"]) / str(ticket)).touch(exist_ok=False)
            return truth["fault"] if ticket < truth["fails"] else ""
        except FileExistsError:
            continue
    return ""


@environment("count")
def make(truth) -> Count:
    if not isinstance(truth.get("goal"), int):
        raise ValueError("the ground truth holds no goal: write goal=3")
    return Count(truth)


class Talk(Count):
    """Any text is an action, and what it earns and when it ends hang on its letters: a model that knows nothing gets
    different rewards and numbers of turns."""

    actions = None

    def played(self, action: str) -> Any:
        letters = sum(map(ord, action))
        done = letters % 4 == 0
        return f"heard {letters % 10}", (letters % 7) / 10, done, False, {"success": done}


@environment("talk")
def make_talk(truth) -> Talk:
    return Talk(truth)


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
