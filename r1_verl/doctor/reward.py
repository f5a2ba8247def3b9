"""Checks of the reward: path, manager, mode, scale, options, penalties, the group filter's metric."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl.doctor.algorithm import near
from r1_verl.doctor.problem import Check, Problem
from r1_verl.scorers import UnknownNameError, known_options, resolve

OURS = "pkg://r1_verl"
_MANAGERS = ("naive", "dapo", "gdpo", "rate_limited", "remote")
_KEYS = ("acc", "score", "format", "reward", "seq_reward", "seq_final_reward")


def options(config: Any) -> dict[str, Any]:
    """What a recipe hands to our reward as keywords, as plain values."""
    from omegaconf import OmegaConf

    given = config.reward.custom_reward_function.get("reward_kwargs")
    return dict(OmegaConf.to_container(given, resolve=True)) if given else {}


def check_function(config: Any) -> Iterator[Problem]:
    """A reward function that is there."""
    old = config.get("custom_reward_function")
    if old and old.get("path"):
        yield Problem(
            "custom_reward_function.path is the old name, and replaces the whole of reward.custom_reward_function",
            "reward.custom_reward_function.path and .name",
        )
    path = str(config.reward.custom_reward_function.path or "")
    if not path:
        yield Problem(
            "reward.custom_reward_function.path is empty: veRL's own scorers know neither Countdown nor Knights and "
            "Knaves, and one of them evaluates model text",
            f"reward.custom_reward_function.path={OURS}.reward",
        )
    elif path.startswith("pkg://"):
        try:
            there = importlib.util.find_spec(path.removeprefix("pkg://")) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            yield Problem(f"reward function: no module {path.removeprefix('pkg://')}", f"{OURS}.reward, or your file")
    elif not Path(path.removeprefix("file://")).expanduser().is_file():
        yield Problem(f"reward function: {path} is not there", f"an absolute path, or {OURS}.reward")


def check_options(config: Any) -> Iterator[Problem]:
    """Mode, scale and options of our reward."""
    if not str(config.reward.custom_reward_function.path or "").startswith(OURS):
        return
    kwargs = options(config)
    mode = kwargs.pop("mode", "strict")
    scale = kwargs.pop("ladder", None) or kwargs.pop("scale", None)
    try:
        resolve("countdown", mode, scale)
    except UnknownNameError as error:
        yield Problem(str(error), "reward.custom_reward_function.reward_kwargs.{mode,scale}")
    for option in kwargs.keys() - known_options() - {"stop", "include_stop"}:
        yield Problem(f"no scorer takes the option {option!r}", f"known: {', '.join(sorted(known_options()))}")


def check_manager(config: Any) -> Iterator[Problem]:
    """A known reward manager; DAPO's penalty where it is read, and with the run's own lengths."""
    manager = config.reward.reward_manager
    if manager.source == "register" and manager.name not in _MANAGERS:
        yield Problem(f"unknown reward manager {manager.name!r}", near(manager.name, _MANAGERS))
    kwargs = config.reward.get("reward_kwargs") or {}
    overlong = kwargs.get("overlong_buffer_cfg") or {}
    if overlong.get("enable") and manager.name != "dapo":
        yield Problem(
            f"the overlong penalty is set, and the reward manager {manager.name!r} does not read it",
            "reward.reward_manager.name=dapo",
        )
    if overlong.get("enable") and kwargs.get("max_resp_len") != config.data.max_response_length:
        yield Problem(
            f"the overlong penalty reckons with max_resp_len {kwargs.get('max_resp_len')}, responses may have "
            f"{config.data.max_response_length} tokens",
            "reward.reward_kwargs.max_resp_len=${data.max_response_length}",
        )
    elif overlong.get("enable") and not 0 < (size := overlong.get("len") or 0) <= config.data.max_response_length:
        yield Problem(
            f"the overlong penalty's range of {size} tokens is not within the {config.data.max_response_length} that "
            "responses may have: veRL's reward workers would not start",
            f"reward.reward_kwargs.overlong_buffer_cfg.len={max(1, config.data.max_response_length // 5)}",
        )


def check_filter(config: Any) -> Iterator[Problem]:
    """Dynamic sampling by a key that every score has."""
    groups = config.algorithm.filter_groups
    if groups.enable and groups.metric not in _KEYS:
        yield Problem(
            f"algorithm.filter_groups.metric {groups.metric!r} is in no score: training would stop with an error",
            "algorithm.filter_groups.metric=acc",
        )


CHECKS: tuple[Check, ...] = (check_function, check_options, check_manager, check_filter)
