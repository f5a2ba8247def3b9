"""A reward by name, with its scale and options: the judge of what a recipe pays (`compose.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1_verl.scorers import Scorer, UnknownNameError, find_reward, find_scale, scorers, unknown_name

_KEYS = ("name", "scale", "options")


class Named(NamedTuple):
    """A reward as a recipe names it. scale: None for the scorer's own. options: keywords of that scorer."""

    name: str
    scale: str | None = None
    options: Mapping[str, Any] = {}


def read(reward: Any) -> Named:
    """Read a reward: a registered name, or a mapping {name, scale, options} of which only the name is needed.

    Raises UnknownNameError for a name, scale, option or key that is not registered.
    """
    if not isinstance(reward, Mapping):
        return Named(find_reward(reward).name)
    for key in reward:
        if key not in _KEYS:
            raise UnknownNameError(unknown_name("key of the reward", key, _KEYS))
    if not reward.get("name"):
        raise UnknownNameError("the reward has no name: write {name: NAME, scale: SCALE, options: {}} or NAME alone")
    entry, scale, options = find_reward(reward["name"]), reward.get("scale"), plain(reward.get("options") or {})
    if scale:
        find_scale(scale)
    if not isinstance(options, dict):
        raise UnknownNameError(f"the options of the reward {entry.name!r} are no mapping: write {{NAME: VALUE}}")
    for option in options:
        if option not in entry.options:
            why = unknown_name("option", option, entry.options) if entry.options else f"it takes no option {option!r}"
            raise UnknownNameError(f"reward {entry.name!r}: {why}")
    return Named(entry.name, scale or None, options)


def plain(value: Any) -> Any:
    """Plain dicts and lists in the place of OmegaConf's, which are slow to read."""
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


class WrongTaskError(UnknownNameError):
    """The named reward judges another task than the row's. The message says what to name instead."""


def wrong_task(entry: Scorer, task: str, data_source: Any) -> WrongTaskError:
    """The error of a reward `entry` that is to judge a row of `task`."""
    fits = sorted(other.name for other in scorers() if other.task == task)
    instead = f"name one of that task ({', '.join(fits)}), or none" if fits else "name none"
    return WrongTaskError(
        f"reward {entry.name!r} judges the task {entry.task}, the row of data source {data_source!r} is of the task "
        f"{task}: {instead}, so that each row's data source decides"
    )
