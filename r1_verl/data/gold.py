"""Gold check: the right response to a row, scored. `write_set` leaves a row out if it fails."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.countdown import read_puzzle
from r1_verl.reward import compute_score
from r1_verl.scorers import find_reward, find_scorer

NO_RESPONSE = "no_gold_response"  # no right response is given, and the scorer cannot build one


def check_gold(
    data_source: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    response: str | None = None,
    reward: str = "",
) -> str:
    """Return "" if the gold answer scores 1.0 under the reward, else the outcome it got.

    response: a complete right response; by default extra_info["gold"] (this package's rows carry it), else the one that
    the function `ideal(ground_truth)` in the scorer's module builds. reward: a scorer's name, "" for the data source's.
    Raises UnknownNameError for a data source or a reward without a scorer.
    """
    info = dict(extra_info or {})
    if response is None:
        response = info.get("gold") or gold_response(data_source, ground_truth, reward)
    if response is None:
        return NO_RESPONSE
    if info.get("think_in_prompt") and "</think>" not in response:
        response = "</think>\n" + response
    found = compute_score(data_source, response, ground_truth, info, reward=reward or None)
    return "" if found["acc"] == 1.0 else found["outcome"]


def gold_response(data_source: str, ground_truth: Any, reward: str = "") -> str | None:
    """A short right response to a row, built from its ground truth; None if its scorer cannot build one.

    The scorer is the one named `reward`; without a name, the data source's. Raises UnknownNameError.
    """
    entry = find_reward(reward) if reward else find_scorer(data_source)
    module = sys.modules[entry.strict.__module__]
    make = getattr(module, "ideal", None)
    if make is not None:
        return make(ground_truth)
    return _countdown(ground_truth)


def _countdown(ground_truth: Any) -> str | None:
    puzzle = read_puzzle(ground_truth)
    if puzzle is None:
        return None
    import numpy as np

    from r1_verl.data.countdown import solve

    size = len(puzzle.numbers)
    fits = 2 <= size <= 4 and isinstance(puzzle.target, int)  # five numbers have 27,142 expressions a row
    if not fits or not solve.check_exact(size, max(puzzle.numbers[-1], 1), abs(puzzle.target)):
        return None
    plan = solve.all_expressions(size)
    node = int(solve.solve(plan, np.array([puzzle.numbers]), np.array([puzzle.target]))[0])
    return f"<think>\n</think>\n<answer>{plan.text(node, puzzle.numbers)}</answer>" if node >= 0 else ""
