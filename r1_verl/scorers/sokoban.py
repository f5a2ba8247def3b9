"""Sokoban: the episode, or all moves in one answer, replayed on the row's board (`episodes.py`).

Strict: they solve the level. Faithful: RAGEN's table, summed: -0.1 a move, 1 or -1 a box on or off its target, 10
solved, and the rules' penalty for each turn with what is no move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.environments.sokoban_search import SearchLimitError, solve
from r1_verl.ground_truth.sokoban import read_level
from r1_verl.score import Score
from r1_verl.scorers import episodes, scorer

EXAMPLES = (
    '{"board":"#####/#PXO#/#####","rules":"ragen_v1","shortest":1,"task":"sokoban"}',
    '{"board":"#####/#OXP#/#####","rules":"ragen_v1","shortest":1,"task":"sokoban"}',
)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """RAGEN's reward of the moves. format: 1.0 without a penalty."""
    return episodes.faithful(solution_str, episodes.named(ground_truth, "sokoban"), extra_info)


@scorer("sokoban", sources=["sokoban", "sokoban/*"], faithful=faithful, scale="parts", task="sokoban")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Whether the moves solve the row's board. format: 1.0 if they are moves alone."""
    return episodes.strict(solution_str, episodes.named(ground_truth, "sokoban"), extra_info)


def ideal(ground_truth: Any) -> str | None:
    """A shortest solution as a response, None if the row has none that a search finds."""
    level = read_level(ground_truth)
    try:
        moves = solve(level) if level else None
    except SearchLimitError:
        moves = None
    return f"<think>\n</think>\n<answer>{' || '.join(moves)}</answer>" if moves else None
