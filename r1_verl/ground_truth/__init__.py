"""Ground truths: one canonical JSON string a row that names its task, so that all data sets concatenate."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


def encode(task: str, **fields: Any) -> str:
    """Canonical JSON (sorted keys, no spaces), for example {"numbers":[1,2],"target":3,"task":"countdown"}."""
    return json.dumps({"task": task, **fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=65536)
def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=65536)
def _task(text: str) -> str:
    value = _loads(text) if text.startswith("{") else None
    task = value.get("task") if isinstance(value, dict) else None
    return task if isinstance(task, str) else ""


def task_of(ground_truth: Any) -> str:
    """The task that a canonical ground truth names; "" for any other ground truth. Never raises."""
    return _task(ground_truth) if isinstance(ground_truth, str) else ""


def decode(ground_truth: Any) -> Any:
    """The value of a ground truth: parsed JSON for a string (None if it is no JSON), anything else unchanged.

    Strings are cached (a row is scored once a rollout): treat the result as read-only. Never raises.
    """
    return _loads(ground_truth) if isinstance(ground_truth, str) else ground_truth
