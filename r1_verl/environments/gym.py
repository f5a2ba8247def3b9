"""Any Gymnasium environment as a text environment.

    @environment("guess")
    def make(truth):
        return GymText(gymnasium.make("my/Guess-v0"), actions={"Low": 0, "High": 1})

Only Gymnasium's calls are used (`reset`, `step`, `close`): this module needs no package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from r1_verl.environments import Step


class GymText:
    """env: the Gymnasium environment. show(observation): its text. actions: name -> the environment's own action.

    Without `actions` the model's text itself is the action (Gymnasium's Text space). seed: what `reset` takes where it
    is given none, so that a row can fix the start. A word that is no action is no step and earns 0.
    """

    def __init__(
        self,
        env: Any,
        show: Callable[[Any], str] = str,
        actions: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        self.env, self.show, self.seed = env, show, seed
        self.values = actions
        self.actions = None if actions is None else tuple(actions)
        self.text = ""

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        observation, info = self.env.reset(seed=self.seed if seed is None else seed)
        self.text = self.show(observation)
        return self.text, info

    def step(self, action: str) -> Step:
        if self.values is not None and action not in self.values:
            return self.text, 0.0, False, False, {"valid": False, "effective": False}
        value = action if self.values is None else self.values[action]
        observation, reward, terminated, truncated, info = self.env.step(value)
        self.text = self.show(observation)
        return self.text, float(reward), bool(terminated), bool(truncated), {"valid": True, **info}

    def close(self) -> None:
        self.env.close()
