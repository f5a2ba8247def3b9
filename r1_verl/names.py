"""Names that people write and plugins add: what is said of an unknown one, and how plugins are loaded."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any


class UnknownNameError(LookupError):
    """A data source, reward, mode, scale, option or environment that is not registered, or that lacks its package.

    The message is one line for people; it names the nearest known names or the fix.
    """


def unknown_name(kind: str, name: Any, known: Iterable[str]) -> str:
    """An error message for a name nobody registered, with the nearest known ones."""
    names = sorted(set(known))
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


def load_plugins(kind: str, group: str, variable: str) -> dict[str, str]:
    """Import the modules of an entry-point group and those that an environment variable names (comma-separated).

    A broken plugin takes no other down. Returns plugin -> why it did not load, which is printed as well.
    """
    named = [(point.value, point.load) for point in entry_points(group=group)]
    for module in filter(None, map(str.strip, os.environ.get(variable, "").split(","))):
        named.append((module, lambda module=module: importlib.import_module(module)))
    failures = {}
    for what, load in named:
        try:
            load()
        except Exception as error:
            failures[what] = f"{type(error).__name__}: {error}"
            print(f"r1_verl: {kind} plugin {what} did not load: {failures[what]}", file=sys.stderr)
    return failures


def broken(failures: dict[str, str]) -> str:
    """What a message about an unknown name adds where plugins did not load."""
    return "".join(f"; plugin {what} did not load ({why})" for what, why in failures.items())
