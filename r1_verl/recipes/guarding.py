"""What `r1_verl.guard` of a recipe means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from r1_verl.recipes.settings import SettingError


class Guarding(NamedTuple):
    """stop: an alarm ends the run after its next checkpoint. go_on: a run that was ended so goes on."""

    stop: bool = False
    go_on: bool = False


def read(setting: Any) -> Guarding:
    """`r1_verl.guard`; null is the default. Raises SettingError."""
    if not isinstance(setting or {}, Mapping):
        raise SettingError(f"r1_verl.guard is {setting!r}", "write r1_verl.guard.stop=true or +guard=stop")
    for key, value in (setting or {}).items():
        if key not in Guarding._fields:
            raise SettingError(f"r1_verl.guard has no {key}", f"it has {', '.join(Guarding._fields)}")
        if not isinstance(value, bool):
            raise SettingError(f"r1_verl.guard.{key} is {value!r}", "write true or false")
    return Guarding(**(setting or {}))
