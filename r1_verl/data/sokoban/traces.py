"""Cold-start conversations for Sokoban: a game played turn by turn, in the words of the row's rules.

The player plans the whole game: at each move, with probability `good`, one on a shortest way to the solution (any of
them where there are several), else any of the four. So with 1.0 the plan is a shortest solution, as breadth-first
search finds it. Where the rules ask for thinking, each response thinks the moves that are left of the plan and answers
with as many of them as a turn takes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl import ground_truth
from r1_verl.data.example import DataError
from r1_verl.environments import make
from r1_verl.environments.episode import Episode
from r1_verl.environments.rules import Rules, rules_of
from r1_verl.environments.sokoban import MOVES, moved
from r1_verl.environments.sokoban_search import distances
from r1_verl.ground_truth.sokoban import Level, read_level

_STUCK = 1 << 62  # more than any distance: no way leads to the solution


class Trace(NamedTuple):
    """A whole game: the messages from the row's prompt to the last response, and whether it solved the level."""

    messages: list[dict[str, str]]
    solved: bool


def traces(rows: Sequence[Mapping[str, Any]], count: int, seed: int, good: float = 1.0) -> Iterator[Trace]:
    """`count` games on the levels of prepared rows in order, again and again; the same for the same seed.

    Raises DataError for a row that is no Sokoban level, or whose prompt is one raw text.
    """
    if not 0 <= good <= 1:
        raise DataError(f"--good is a share from 0 to 1, got {good}")
    for index in range(count):
        yield _trace(rows[index % len(rows)], random.Random(f"{seed}:{index}"), good)


def _trace(row: Mapping[str, Any], rng: random.Random, good: float) -> Trace:
    prompt, level, episode = _start(row)
    rules = episode.rules
    plan = _plan(level, rules.actions, good, rng)
    messages = [{"role": message["role"], "content": message["content"]} for message in prompt]
    while plan and not episode.outcome:
        if episode.turns:
            messages.append({"role": "user", "content": episode.feedback()})
        response = _response(plan, rules)
        turn = episode.play(response)
        plan = plan[len(turn.actions) :]
        messages.append({"role": "assistant", "content": response})
    return Trace(messages, episode.success)


def _start(row: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, str]], Level, Episode]:
    try:
        prompt, extra = row["prompt"], row["extra_info"]
        truth = ground_truth.decode(row["reward_model"]["ground_truth"])
        level, rules = read_level(truth), rules_of(truth)
        if level is None:
            raise DataError("its ground truth holds no board")
        if extra["raw"]:
            raise DataError("its prompt is one raw text: prepare the levels with a style that has messages")
        return prompt, level, Episode(make(truth), rules)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"row of no use for a conversation of Sokoban ({error})") from error


def _plan(level: Level, most: int, good: float, rng: random.Random) -> list[str]:
    """The moves of one game, at most `most`."""
    left = _distances(level._replace(boxes=level.targets, player=-1))
    boxes, player, plan = level.boxes, level.player, []
    while boxes != level.targets and len(plan) < most:
        after = {name: moved(level, boxes, player, at) for at, name in enumerate(MOVES)}
        nearer = [name for name in MOVES if left.get(after[name], _STUCK) < left.get((boxes, player), 0)]
        name = rng.choice(nearer if nearer and rng.random() < good else MOVES)
        boxes, player = after[name]
        plan.append(name)
    return plan


@lru_cache(maxsize=512)
def _distances(room: Level) -> dict[tuple[int, int], int]:
    return distances(room)


def _response(plan: Sequence[str], rules: Rules) -> str:
    now = f" {rules.separator} ".join(plan[: rules.per_turn])
    if rules.answer == "text":
        return now
    return f"<think> {', '.join(plan)} </think> <answer> {now} </answer>"
