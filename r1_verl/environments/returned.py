"""What an environment returns: whether it is a start or a step at all."""

from __future__ import annotations

import math
from typing import Any

from r1_verl.environments import Environment, Step


class BadEnvironmentError(RuntimeError):
    """An environment returned what is no step. The message says what."""


def start(environment: Environment, seed: int | None) -> tuple[str, Any]:
    """What `reset` returns. Raises BadEnvironmentError if that is no text with info."""
    found = environment.reset(seed=seed)
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], str):
        raise BadEnvironmentError(f"reset() returned {found!r:.80}: it returns (text, info)")
    return found


def checked(step: Any) -> Step:
    """The step, with plain bools. Raises BadEnvironmentError for what is none."""
    if not isinstance(step, tuple) or len(step) != 5:
        raise BadEnvironmentError(
            f"step() returned {step!r:.80}: it returns (text, reward, terminated, truncated, info)"
        )
    text, reward, terminated, truncated, info = step
    try:
        number = math.isfinite(reward)
    except (TypeError, ValueError, OverflowError):
        number = False
    if not isinstance(text, str) or not number or not isinstance(info, dict):
        raise BadEnvironmentError(
            f"step() returned text {text!r:.40}, reward {reward!r:.40}, info {info!r:.40}: it returns a string, a "
            "finite number and a dict"
        )
    return text, reward, bool(terminated), bool(truncated), info
