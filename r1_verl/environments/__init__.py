"""Text environments by name: what a model acts in over several turns.

An environment has Gymnasium's calls over text: `reset(seed=None) -> (text, info)` and
`step(action) -> (text, reward, terminated, truncated, info)`, one action at a time. `actions` holds the names of the
actions, or None where any text is one. `info` may hold `valid` (the text named an action), `effective` (it changed
something) and `success`. One object is one episode at a time: it shares no state with another, and its chance is its
own generator.

`@environment("name")` registers a function that makes one from a row's ground truth, whose "task" is the name: the
built-in ones from this folder, third parties' from modules named by the entry-point group `r1_verl.environments` or by
the environment variable R1_VERL_ENVIRONMENTS (comma-separated module names).
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from r1_verl.ground_truth import decode
from r1_verl.names import UnknownNameError, broken, load_plugins, unknown_name

Step = tuple[str, float, bool, bool, dict[str, Any]]


class Environment(Protocol):
    """Gymnasium's calls over text."""

    actions: Sequence[str] | None

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]: ...

    def step(self, action: str) -> Step: ...


Make = Callable[[Mapping[str, Any]], Environment]


class Registered(NamedTuple):
    """A registered environment. bounded: its steps cannot hang, so they need no process of their own."""

    name: str
    make: Make
    bounded: bool
    owner: str


_environments: dict[str, Registered] = {}
_failures: dict[str, str] = {}
_loaded = False
_lock = threading.RLock()


def environment(name: str, *, bounded: bool = False) -> Callable[[Make], Make]:
    """Register the decorated function, which makes an environment from the mapping of a row's ground truth.

    The function raises ValueError for a ground truth that it can't read. bounded=True promises that `reset` and `step`
    return in milliseconds whatever the text. Raises ValueError if the name is taken, naming both owners.
    """

    def register(make: Make) -> Make:
        new = Registered(name, make, bounded, f"{make.__module__}.{make.__qualname__}")
        with _lock:
            old = _environments.get(name)
            if old and old.owner != new.owner:  # the same owner: its module was imported again
                raise ValueError(f"environment {name!r} of {new.owner} is {old.owner}'s already: rename one of them")
            _environments[name] = new
        return make

    return register


def load_all() -> None:
    """Import the built-in environments, then third parties', once."""
    global _loaded
    with _lock:
        if _loaded:
            return
        _loaded = True
        for module in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{module.name}")
        _failures.update(load_plugins("environment", "r1_verl.environments", "R1_VERL_ENVIRONMENTS"))


def environments() -> tuple[Registered, ...]:
    """All registered environments, built-ins first."""
    load_all()
    return tuple(_environments.values())


def find_environment(name: str) -> Registered:
    """The environment registered under a name. Raises UnknownNameError."""
    load_all()
    if name not in _environments:
        raise UnknownNameError(unknown_name("environment", name, _environments) + broken(_failures))
    return _environments[name]


def registered(ground_truth: Any) -> tuple[Registered, Mapping[str, Any]]:
    """The environment that a row names as its task, and the row's ground truth.

    Raises UnknownNameError for an unknown one, ValueError if the row names none.
    """
    truth = decode(ground_truth)
    if not isinstance(truth, Mapping) or not isinstance(truth.get("task"), str):
        raise ValueError("the ground truth names no task: write one with r1_verl.ground_truth.encode(task, ...)")
    return find_environment(truth["task"]), truth


def make(ground_truth: Any) -> Environment:
    """The environment of a row. Raises UnknownNameError for an unknown task, ValueError if it can't be read."""
    found, truth = registered(ground_truth)
    return found.make(truth)
