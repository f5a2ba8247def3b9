"""Checks of the reward: manager, what is paid, mode, scale, options, penalties, the group filter's metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from r1_verl.doctor.algorithm import near
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import reward_managers
from r1_verl.ground_truth import task_of
from r1_verl.reward import compose, named
from r1_verl.reward.compose import Composition
from r1_verl.scorers import UnknownNameError, find_reward, known_options, resolve, scorers

OURS, REWARD = "pkg://r1_verl", "reward.custom_reward_function"
_KEYS = ("acc", "score", "format", "reward", "seq_reward", "seq_final_reward")


def options(config: Any) -> dict[str, Any]:
    """What a recipe hands to our reward as keywords, as plain values."""
    from omegaconf import OmegaConf

    given = config.reward.custom_reward_function.get("reward_kwargs")
    return dict(OmegaConf.to_container(given, resolve=True)) if given else {}


def paid(config: Any) -> Composition | None:
    """What a recipe pays; None under another reward function, or if it cannot be read (check_pays reports that)."""
    try:
        return compose.read(options(config).get("reward")) if ours(config) else None
    except UnknownNameError:
        return None


def pays(config: Any) -> named.Named | None:
    """The reward that a recipe names, which judges; None if it names none, or none that can be read."""
    found = paid(config)
    return found.judge if found else None


def judging(config: Any) -> dict[str, Any]:
    """`options` without the parts, which need facts of a response and judge nothing."""
    given, found = options(config), paid(config)
    if found is None:
        return given
    return given | {"reward": found.judge and {key: value for key, value in found.judge._asdict().items() if value}}


def ours(config: Any) -> bool:
    """Whether the recipe's reward function is ours."""
    return str(config.reward.custom_reward_function.path or "").startswith(OURS)


def check_options(config: Any) -> Iterator[Problem]:
    """Mode, scale and options of our reward."""
    if not ours(config):
        return
    kwargs = options(config)
    mode, scale, old = (kwargs.pop(name, None) for name in ("mode", "scale", "ladder"))
    try:
        resolve("countdown", mode or "strict", scale or old)
    except UnknownNameError as error:
        yield Problem(str(error), "reward.custom_reward_function.reward_kwargs.{mode,scale}")
    for option in kwargs.keys() - known_options() - {"reward", "stop", "include_stop", "think_in_prompt"}:
        yield Problem(f"no scorer takes the option {option!r}", f"known: {', '.join(sorted(known_options()))}")


def check_pays(config: Any) -> Iterator[Problem]:
    """The judge and the parts: names, scale, weights and options, and a published form where the mode asks for one."""
    given = options(config).get("reward") if ours(config) else None
    if given is None:
        return
    mode = "faithful" if options(config).get("mode") == "faithful" else "strict"  # check_options reports another
    try:
        if judge := compose.read(given).judge:
            resolve("", mode, None, judge.name)
    except UnknownNameError as error:
        fix = (
            "r1_verl.pays=NAME, {name: NAME, scale: SCALE, options: {}} or "
            "[{name: NAME, weight: 1.0}, {part: NAME, weight: 1.0}]; `r1-verl sources` lists rewards and parts"
        )
        yield Problem(str(error), fix if "mode=" not in str(error) else f"{REWARD}.reward_kwargs.mode=strict")


def wrong_task(config: Any, key: str, rows: Iterable[tuple[str, Any]]) -> Problem | None:
    """The first of some rows, (data source, ground truth), whose task is not that of the reward the recipe names.

    key: train_files or val_files.
    """
    pay = pays(config)
    entry = find_reward(pay.name) if pay else None
    if entry is None or not entry.task:
        return None
    for source, truth in rows:
        task = task_of(truth)
        if task not in ("", entry.task):
            fits = sorted(other.name for other in scorers() if other.task == task)
            fix = f"r1_verl.pays={'|'.join(fits) or 'null'}, or data.{key} of the task {entry.task}"
            return Problem(f"data.{key}: {named.wrong_task(entry, task, source)}", fix)
    return None


def check_manager(config: Any) -> Iterator[Problem]:
    """A known reward manager; DAPO's penalty where it is read, and with the run's own lengths."""
    manager = config.reward.reward_manager
    if manager.source == "register" and (known := reward_managers()) and manager.name not in known:
        yield Problem(f"unknown reward manager {manager.name!r}", near(manager.name, known))
    kwargs = config.reward.get("reward_kwargs") or {}
    overlong = kwargs.get("overlong_buffer_cfg") or {}
    if overlong.get("enable") and manager.name != "dapo":
        yield Problem(
            f"the overlong penalty is set, and the reward manager {manager.name!r} does not read it",
            "{part: soft_overlong, max_length: LENGTH, buffer: TOKENS} in r1_verl.pays, or "
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
    """Dynamic sampling by a key that every score has; what a function of one's own returns is not known."""
    groups = config.algorithm.filter_groups
    if groups.enable and groups.metric not in _KEYS:
        unknown = "is in no score" if ours(config) else f"is none that every score has ({', '.join(_KEYS)})"
        yield Problem(
            f"algorithm.filter_groups.metric {groups.metric!r} {unknown}: without it training stops with an error",
            "algorithm.filter_groups.metric=acc" + ("" if ours(config) else ", or a key that your function returns"),
            doubt=bool(groups.metric) and not ours(config),
        )


CHECKS: tuple[Check, ...] = (check_options, check_pays, check_manager, check_filter)
