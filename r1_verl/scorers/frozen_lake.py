"""FrozenLake in one answer: the moves replayed on the row's lake, whose ice its seed fixes. As `sokoban.py` says.

Faithful: 1 at the goal, 0 for any other move, and the rules' penalty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.score import Score
from r1_verl.scorers import scorer
from r1_verl.scorers.sokoban import environment_of, judge, pay

EXAMPLES = (
    '{"map":"SG/FF","seed":0,"slippery":false,"task":"frozen_lake"}',
    '{"map":"SF/GF","seed":0,"slippery":false,"task":"frozen_lake"}',
)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """RAGEN's reward of the moves in one answer. format: 1.0 without a penalty."""
    return pay(solution_str, extra_info, environment_of(ground_truth, "frozen_lake"))


@scorer("frozen_lake", sources=["frozen_lake", "frozen_lake/*"], faithful=faithful, scale="parts", task="frozen_lake")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Replay the answer's moves on the row's lake. format: 1.0 if the answer holds moves alone."""
    return judge(solution_str, extra_info, environment_of(ground_truth, "frozen_lake"))


def ideal(ground_truth: Any) -> str | None:
    """The fewest moves that reach the goal on this row's ice as a response, None if there are none."""
    played = environment_of(ground_truth, "frozen_lake")
    moves = played[0].solution() if played else None
    return f"<think>\n</think>\n<answer>{' || '.join(moves)}</answer>" if moves else None
