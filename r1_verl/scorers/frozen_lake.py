"""FrozenLake: the episode, or all moves in one answer, replayed on the row's lake, whose ice its seed fixes.

Strict: they reach the goal. Faithful: 1 at the goal, 0 for any other move, and the rules' penalty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.environments import make
from r1_verl.score import Score
from r1_verl.scorers import episodes, scorer

EXAMPLES = (
    '{"map":"SG/FF","seed":0,"slippery":false,"task":"frozen_lake"}',
    '{"map":"SF/GF","seed":0,"slippery":false,"task":"frozen_lake"}',
)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """RAGEN's reward of the moves. format: 1.0 without a penalty."""
    return episodes.faithful(solution_str, episodes.named(ground_truth, "frozen_lake"), extra_info)


@scorer("frozen_lake", sources=["frozen_lake", "frozen_lake/*"], faithful=faithful, scale="parts", task="frozen_lake")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Whether the moves reach the goal. format: 1.0 if they are moves alone."""
    return episodes.strict(solution_str, episodes.named(ground_truth, "frozen_lake"), extra_info)


def ideal(ground_truth: Any) -> str | None:
    """The fewest moves that reach the goal on this row's ice as a response, None if there are none."""
    try:
        moves = make(episodes.named(ground_truth, "frozen_lake")).solution()
    except ValueError:
        return None
    return f"<think>\n</think>\n<answer>{' || '.join(moves)}</answer>" if moves else None
