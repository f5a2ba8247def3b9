"""The numbers and the target of a Countdown row, in every form that ground truths have."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl.ground_truth import decode


class Puzzle(NamedTuple):
    """numbers: sorted ascending. target: whole in Countdown; TinyZero's reward takes any finite number."""

    numbers: list[int]
    target: int | float


def read_puzzle(ground_truth: Any) -> Puzzle | None:
    """The puzzle of `{"task":"countdown","numbers":[..],"target":n}` or of upstream's dict; None if there is none.

    The ground truth is JSON or a mapping. "nums" may stand for "numbers", numpy values for plain ones. Never raises.
    """
    return _cached(ground_truth) if isinstance(ground_truth, str) else _read(ground_truth)


@lru_cache(maxsize=65536)
def _cached(text: str) -> Puzzle | None:
    return _read(decode(text))


def _read(value: Any) -> Puzzle | None:
    if not isinstance(value, Mapping) or value.get("task", "countdown") != "countdown":
        return None
    given, target = value.get("numbers", value.get("nums")), value.get("target")
    try:
        numbers = sorted(_whole(number) for number in given)
        target = float(target) if isinstance(target, float) else _whole(target)
    except (TypeError, ValueError):
        return None
    return Puzzle(numbers, target) if numbers and numbers[0] >= 0 and math.isfinite(target) else None


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    number = operator.index(value)
    if number.bit_length() > 63:
        raise ValueError("no number of a puzzle")
    return number
