"""A reward that a recipe names: `r1_verl.pays`, which reaches `compute_score(reward=...)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from r1_verl.scorers import Scorer, UnknownNameError, find_reward, find_scale, scorers, unknown_name

_KEYS = ("name", "scale", "options")


class Named(NamedTuple):
    """A reward as a recipe names it. scale: None for the scorer's own. options: keywords of that scorer."""

    name: str
    scale: str | None = None
    options: Mapping[str, Any] = {}


# The reward of the last call, what it names, and a copy if it is a dict, which its owner may have changed since.
_last: tuple[Any, Named | None, dict[str, Any] | None] = (None, None, None)


def read(reward: Any) -> Named:
    """Read a reward: a registered name, or a mapping {name, scale, options} of which only the name is needed.

    The last one is remembered, because a trainer hands over the same object in every call. Raises UnknownNameError for
    a name, scale, option or key that is not registered.
    """
    global _last
    given, named, copy = _last
    if given is not reward or (copy is not None and copy != reward):
        named = _read(reward)
        _last = (reward, named, deepcopy(reward) if type(reward) is dict else None)
    return named


def _read(reward: Any) -> Named:
    if not isinstance(reward, Mapping):
        return Named(find_reward(reward).name)
    for key in reward:
        if key not in _KEYS:
            raise UnknownNameError(unknown_name("key of the reward", key, _KEYS))
    if not reward.get("name"):
        raise UnknownNameError("the reward has no name: write {name: NAME, scale: SCALE, options: {}} or NAME alone")
    entry, scale, options = find_reward(reward["name"]), reward.get("scale"), _plain(reward.get("options") or {})
    if scale:
        find_scale(scale)
    if not isinstance(options, dict):
        raise UnknownNameError(f"the options of the reward {entry.name!r} are no mapping: write {{NAME: VALUE}}")
    for option in options:
        if option not in entry.options:
            why = unknown_name("option", option, entry.options) if entry.options else f"it takes no option {option!r}"
            raise UnknownNameError(f"reward {entry.name!r}: {why}")
    return Named(entry.name, scale or None, options)


def _plain(value: Any) -> Any:
    """Plain dicts and lists in the place of OmegaConf's, which are slow to read."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
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
