"""Sokoban in one answer: the moves of a whole solution, replayed on the row's board. FrozenLake's scorer shares this.

Both read moves by name in any case, by number or as `1 (Up)`, with `||`, commas or blanks between them, and the record
of an episode (`r1_verl.environments.episode`), in which `/` ends a turn and `?` is an action that was none.

Strict: the last `<answer>` outside the thinking holds moves alone; it is correct if they solve the level. What follows
the solving move is not played. Faithful: RAGEN's table, summed: -0.1 a move, 1 or -1 a box on or off its target, 10
solved, and the rules' penalty for each turn with what is no move; the answer is read where the rules read it.
Departure: RAGEN plays at most `Rules.per_turn` moves of an answer; here all of them are played, as one turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.environments import Environment, make
from r1_verl.environments.episode import INVALID, answer_of, numbered, replay
from r1_verl.environments.rules import Rules, rules_of
from r1_verl.environments.sokoban_search import SearchLimitError, solve
from r1_verl.ground_truth import decode
from r1_verl.ground_truth.sokoban import read_level
from r1_verl.response import after_thinking, last_answer
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, NO_ANSWER, UNREADABLE, WRONG, Score
from r1_verl.scorers import scorer

_MAX_ANSWER = 10_000  # characters: 1,000 moves and more
_NO_LIMIT = _MAX_ANSWER  # an answer holds fewer moves than characters
_PIECES = re.compile(r"/|[1-9]\s*\([A-Za-z]+\)|[^\s,/|]+")
EXAMPLES = (
    '{"board":"#####/#PXO#/#####","rules":"ragen_v1","shortest":1,"task":"sokoban"}',
    '{"board":"#####/#OXP#/#####","rules":"ragen_v1","shortest":1,"task":"sokoban"}',
)


def record_of(answer: str, environment: Environment) -> str:
    """The record (see `episode`) of an answer's moves, `?` for each piece that is none."""
    pieces = (piece.group() for piece in _PIECES.finditer(answer[:_MAX_ANSWER]))
    return " ".join(piece if piece == "/" else numbered(piece, environment.actions) or INVALID for piece in pieces)


def environment_of(ground_truth: Any, task: str) -> tuple[Environment, Rules] | None:
    """The row's environment and rules without limits on actions and turns; None if the row can't be read."""
    truth = decode(ground_truth)
    if not isinstance(truth, Mapping) or truth.get("task", task) != task:
        return None
    try:
        return make({**truth, "task": task}), rules_of(truth)._replace(actions=_NO_LIMIT, turns=_NO_LIMIT)
    except ValueError:
        return None


def judge(solution_str: str, info: Mapping[str, Any], played: tuple[Environment, Rules] | None) -> Score:
    """The strict verdict: does the last answer outside the thinking hold moves alone, and do they reach the end?"""
    if played is None:
        return Score(BAD_GROUND_TRUTH)
    answer = last_answer(after_thinking(solution_str, bool(info.get("think_in_prompt"))))
    if answer is None or len(answer) > _MAX_ANSWER:
        return Score(NO_ANSWER)
    if not answer.strip():
        return Score(EMPTY)
    record = record_of(answer, played[0])
    # The marks of a record are no words: `?` stands where it stood in the answer, and there is at least one move.
    if record.count(INVALID) > answer.count(INVALID) or not set(record) - set(" /?"):
        return Score(UNREADABLE, answer.strip())
    return Score(CORRECT if replay(*played, record).success else WRONG, record, 1.0)


def pay(solution_str: str, info: Mapping[str, Any], played: tuple[Environment, Rules] | None) -> Score:
    """The published reward: the table summed over the moves of the answer."""
    if played is None:
        return Score(BAD_GROUND_TRUTH)
    answer = answer_of(solution_str, played[1].answer, bool(info.get("think_in_prompt")))
    record = INVALID if answer is None else record_of(answer, played[0]) or INVALID
    episode = replay(*played, record)
    moves, penalty = sum(turn.reward for turn in episode.turns), sum(turn.penalty for turn in episode.turns)
    outcome = CORRECT if episode.success else NO_ANSWER if answer is None else WRONG
    return Score(outcome, record, float(not penalty), {"moves": float(moves), "format": float(penalty)})


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """RAGEN's reward of the moves in one answer. format: 1.0 without a penalty."""
    return pay(solution_str, extra_info, environment_of(ground_truth, "sokoban"))


@scorer("sokoban", sources=["sokoban", "sokoban/*"], faithful=faithful, scale="parts", task="sokoban")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Replay the answer's moves on the row's board. format: 1.0 if the answer holds moves alone."""
    return judge(solution_str, extra_info, environment_of(ground_truth, "sokoban"))


def ideal(ground_truth: Any) -> str | None:
    """A shortest solution as a response, None if the row has none that a search finds."""
    level = read_level(ground_truth)
    try:
        moves = solve(level) if level else None
    except SearchLimitError:
        moves = None
    return f"<think>\n</think>\n<answer>{' || '.join(moves)}</answer>" if moves else None
