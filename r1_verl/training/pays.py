"""What a run pays, as one line for people."""

from __future__ import annotations

import json
from typing import Any

from r1_verl import doctor
from r1_verl.reward import named
from r1_verl.scorers import resolve


def line(config: Any) -> str:
    """For example "gsm8k, as published, scale centred". Raises UnknownNameError for a name that is not registered."""
    function = config.reward.custom_reward_function
    if not str(function.path or "").startswith(doctor.reward.OURS):
        return f"the reward function {function.name} of {function.path}"
    given = doctor.reward.options(config)
    mode, scale = given.get("mode") or "strict", given.get("scale") or given.get("ladder")
    how = "as published" if mode == "faithful" else mode
    if not given.get("reward"):
        return f"the reward of each row's data source, {how}" + (f", scale {scale}" if scale else "")
    reward = named.read(given["reward"])
    entry, _, chosen = resolve("", mode, scale or reward.scale, reward.name)
    options = {**reward.options, **{name: given[name] for name in given if name in entry.options}}
    parts = [entry.name, how, f"scale {chosen.__name__}", *(f"{key} {json.dumps(options[key])}" for key in options)]
    return ", ".join(parts)
