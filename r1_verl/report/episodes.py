"""An episode of several turns as a reader sees it: replayed from its moves on the row's environment, move by move.

Only environments that cannot hang are replayed (`bounded`); of any other, the moves and the texts are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from r1_verl.environments import Environment, Step, registered
from r1_verl.environments.episode import INVALID, Episode, replay
from r1_verl.environments.rules import rules_of

MOST_TEXT = 20_000  # characters of one observation that are shown
MOST_MOVE = 500  # and of one move


class Frame(NamedTuple):
    """What stands after a move. turn: from 1 on, 0 before the first. move: "" at the start; `?` for what is no action,
    whose reward is the rules' penalty. shown: the environment's text."""

    turn: int
    move: str
    reward: float
    shown: str


class Playback(NamedTuple):
    """An episode to be shown. said: the model's text of each turn, where it was kept apart."""

    frames: list[Frame]
    said: list[str]
    outcome: str


def playback(ground_truth: Any, moves: str, said: Sequence[str] = (), ended: str = "") -> Playback | None:
    """The episode of a record (`Episode.record`); None if its environment is unknown here, may hang, or can't read it.

    ended: how it ended, where the moves do not tell. Never raises.
    """
    try:
        found, truth = registered(ground_truth)
        if not found.bounded:
            return None
        watched = _Watched(found.make(truth))
        episode = replay(watched, rules_of(truth), moves)
    except Exception:  # a record of nonsense, a row of another kind, whatever a third party's environment raises
        return None
    frames = list(_frames(watched, episode))
    return Playback(frames, list(said[: len(episode.turns)]), episode.outcome or ended)


class _Watched:
    """An environment whose texts and rewards are noted."""

    def __init__(self, environment: Environment) -> None:
        self._environment, self.actions = environment, environment.actions
        self.start, self.steps = "", []

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        self.start, info = self._environment.reset(seed=seed)
        return self.start, info

    def step(self, action: str) -> Step:
        step = self._environment.step(action)
        self.steps.append((action, step))
        return step


def _frames(watched: _Watched, episode: Episode) -> Iterator[Frame]:
    rules, shown, steps = episode.rules, watched.start[:MOST_TEXT], iter(watched.steps)
    yield Frame(0, "", 0.0, shown)
    for number, turn in enumerate(episode.turns, start=1):
        for action, (text, reward, _, _, info) in (next(steps) for _ in turn.actions):
            shown = text[:MOST_TEXT]
            idle = 0.0 if info.get("effective", True) else rules.idle
            yield Frame(number, action[:MOST_MOVE], float(reward) + idle, shown)
        if turn.invalid:
            yield Frame(number, INVALID, rules.invalid, shown)


def as_text(episode: Playback) -> list[str]:
    """Lines of text, a board after each move."""
    lines, total = [], 0.0
    for frame in episode.frames:
        total += frame.reward
        told = f"turn {frame.turn}: {' '.join(frame.move.split())}, reward {frame.reward:g}, so far {total:.4g}"
        lines += ["start" if not frame.turn else told, *(f"    {line}" for line in frame.shown.splitlines()), ""]
    return [*lines, f"outcome: {episode.outcome or 'cut off'}"]


def packed(episode: Playback) -> list[Any]:
    """[frames, said, outcome] as the page takes them, a board that stands still as 0."""
    frames: list[list[Any]] = []
    before = None
    for turn, move, reward, shown in episode.frames:
        frames.append([turn, move, round(reward, 6), 0 if shown == before else shown])
        before = shown
    return [frames, episode.said, episode.outcome]


def said_of(value: Any) -> tuple[str, ...]:
    """The model's texts of a sample's `turn_responses`; () for anything else."""
    turns = value if isinstance(value, list) else []
    found = [turn.get("response") if isinstance(turn, dict) else None for turn in turns]
    return tuple(found) if all(isinstance(text, str) for text in found) else ()
