"""What a reward has to know of prompts whose rows do not say it: that they end inside an open `<think>`.

The rows of TinyZero's and Logic-RL's own files have no `think_in_prompt`, and their prompts open `<think>`. Upstream's
rewards see the prompt; veRL hands ours the response alone.
"""

from __future__ import annotations

from typing import Any

from r1_verl import doctor

_KEY = "reward.custom_reward_function.reward_kwargs.think_in_prompt"


def overrides(config: Any) -> list[str]:
    """The reward's keyword, said once for all rows; [] where the rows say it, or where no prompt opens `<think>`."""
    said = "think_in_prompt" in doctor.reward.options(config)
    if said or not doctor.reward.ours(config) or not doctor.prompts.opened_unsaid(config):
        return []
    print(f"The prompts open <think> and their rows do not say so: {_KEY}=True", flush=True)
    return [f"++{_KEY}=True"]
