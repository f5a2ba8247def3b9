"""What a run pays, as one line for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from r1_verl import doctor
from r1_verl.reward import compose
from r1_verl.reward.compose import Composition
from r1_verl.scorers import resolve

# veRL's other estimators (GRPO, RLOO ...) add up a response's rewards, wherever they lie.
_BY_TOKEN = ("gae", "reinforce_plus_plus", "remax", "optimal_token_baseline")


def line(config: Any) -> str:
    """For example "gsm8k, as published, scale centred; parts: language x 0.5".

    Raises UnknownNameError for a name that is not registered.
    """
    function = config.reward.custom_reward_function
    if not str(function.path or "").startswith(doctor.reward.OURS):
        return f"the reward function {function.name} of {function.path}"
    given = doctor.reward.options(config)
    paid = compose.read(given.get("reward"))
    mode, scale = given.get("mode") or "strict", given.get("scale") or given.get("ladder")
    how = "as published" if mode == "faithful" else mode
    if paid.judge is None:
        words = ["the reward of each row's data source", how] + ([f"scale {scale}"] if scale else [])
    else:
        entry, _, chosen = resolve("", mode, scale or paid.judge.scale, paid.judge.name)
        options = {**paid.judge.options, **{name: given[name] for name in given if name in entry.options}}
        words = [entry.name, how, f"scale {chosen.__name__}", *(f"{key} {json.dumps(options[key])}" for key in options)]
    if not paid.weight:
        words = [*words[:2], "judges and pays nothing by itself"]
    elif paid.weight != 1:
        words.append(f"x {paid.weight:g}")
    return "; ".join([", ".join(words), *_parts(paid, config)])


def _parts(paid: Composition, config: Any) -> Iterator[str]:
    if paid.text:
        yield f"parts: {', '.join(map(compose.told, paid.text))}"
    if paid.group:
        yield f"within each group: {', '.join(map(compose.told, paid.group))}"
    if paid.tokens:
        by_sum = config.algorithm.adv_estimator not in _BY_TOKEN
        counts = f", of which {config.algorithm.adv_estimator} takes a response's sum" if by_sum else ""
        yield f"on each token{counts}: {', '.join(map(compose.told, paid.tokens))}"
