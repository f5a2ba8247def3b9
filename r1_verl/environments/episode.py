"""What a turn means: how a response becomes actions, what they earn, what the model is told, how an episode ends.

The agent loop, the scorers, rescoring and the tests share this file. Faithful is the published reward; strict is
success alone. An episode can be written down in one line (`Episode.record`) and played again from it (`replay`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from r1_verl.environments import Environment
from r1_verl.environments.returned import checked, start
from r1_verl.environments.rules import Rules, turn_text

SUCCESS, FAILED = "success", "failed"  # the environment ended it, as wanted or otherwise
OUT_OF_STEPS, OUT_OF_ACTIONS, OUT_OF_TURNS = "out_of_steps", "out_of_actions", "out_of_turns"
OUT_OF_TOKENS = "out_of_tokens"  # no room for another turn: said by the agent loop, which counts tokens
OUTCOMES = (SUCCESS, FAILED, OUT_OF_STEPS, OUT_OF_ACTIONS, OUT_OF_TURNS)

INVALID = "?"  # in a record: an action that is none
_NEXT_TURN = "/"
_MAX_ANSWER = 10_000  # characters
_MIDDLE = re.compile(r"</think>\s*<answer>")
_MARKS = ("<think>", "</think>", "<answer>", "</answer>", "<|im_start|>", "<|im_end|>")
_NUMBERED = re.compile(r"([1-9])(?:\s*\(([a-z]+)\))?", re.IGNORECASE)
_WARNING = "No valid action provided previously. Environment state remains the same. Please try again.\n"


class Turn(NamedTuple):
    """One turn. response: the model's text. actions: those that were played. invalid: how many were none.

    idle: how many of the played ones had no effect. reward: the environment's, which the model is told; penalty: of the
    rules, which it is not told. observation: the environment's text after the turn.
    """

    response: str
    actions: tuple[str, ...]
    invalid: int
    idle: int
    reward: float
    penalty: float
    observation: str


class Played(NamedTuple):
    """What an episode came to. moves: the environment's rewards summed; penalty: that of the rules."""

    success: bool
    moves: float
    penalty: float


class Episode:
    """An environment played by the rules, turn by turn.

    observation: what the environment shows now. turns: those played. outcome: one of OUTCOMES, "" while it goes on.
    """

    def __init__(self, environment: Environment, rules: Rules, seed: int | None = None) -> None:
        self.environment, self.rules = environment, rules
        self.turns: list[Turn] = []
        self.outcome = ""
        self.observation, _ = start(environment, seed)

    def play(self, response: str, opened: bool = False) -> Turn:
        """Play one response of the model. opened: its prompt opened `<think>`.

        Nothing in the response raises. Raises RuntimeError after the end, and BadEnvironmentError.
        """
        answer = answer_of(response, self.rules.answer, opened)
        actions, invalid = read_actions(answer, self.rules, self.environment.actions)
        return self.take(actions, invalid, response)

    def take(self, actions: Sequence[str], invalid: int = 0, response: str = "") -> Turn:
        """Play a turn's actions, as `play` reads them from a response."""
        if self.outcome:
            raise RuntimeError(f"the episode is over ({self.outcome})")
        rules, played, idle = self.rules, [], 0
        reward: float = 0  # RAGEN shows a turn without actions as 0
        for action in actions[: rules.actions - self.played]:
            self.observation, gained, terminated, truncated, info = checked(self.environment.step(action))
            reward += gained
            played.append(action)
            idle += not info.get("effective", True)
            if terminated:
                self.outcome = SUCCESS if info.get("success", gained > 0) else FAILED
            elif truncated:
                self.outcome = OUT_OF_STEPS
            if self.outcome:
                break
        penalty = (rules.invalid if invalid else 0.0) + rules.idle * idle
        turn = Turn(response, tuple(played), invalid, idle, reward, penalty, self.observation)
        self.turns.append(turn)
        if not self.outcome and self.played >= rules.actions:
            self.outcome = OUT_OF_ACTIONS
        if not self.outcome and len(self.turns) >= rules.turns:
            self.outcome = OUT_OF_TURNS
        return turn

    @property
    def played(self) -> int:
        """How many actions were played."""
        return sum(len(turn.actions) for turn in self.turns)

    @property
    def success(self) -> bool:
        return self.outcome == SUCCESS

    def played_so_far(self) -> Played:
        moves, penalty = sum(turn.reward for turn in self.turns), sum(turn.penalty for turn in self.turns)
        return Played(self.success, float(moves), float(penalty))

    def counts(self) -> dict[str, int]:
        """Turns, actions played, actions that were none (invalid), and played ones without effect (idle)."""
        invalid, idle = sum(turn.invalid for turn in self.turns), sum(turn.idle for turn in self.turns)
        return {"turns": len(self.turns), "actions": self.played, "invalid": invalid, "idle": idle}

    def reward(self, mode: str = "faithful") -> float:
        """Of the whole episode: faithful, all rewards and penalties; strict, 1.0 for success, else 0.0."""
        if mode == "strict":
            return float(self.success)
        _, moves, penalty = self.played_so_far()
        return moves + penalty

    def record(self) -> str:
        """The actions of all turns in one line, for example `Up Right/?/Left`; `?` is an action that was none.

        In JSON, [["look"], ["take lamp"]], where the environment's actions are no single words.
        """
        turns = [[*turn.actions, *[INVALID] * turn.invalid] for turn in self.turns]
        if are_words(self.environment.actions):
            return _NEXT_TURN.join(map(" ".join, turns))
        return json.dumps(turns, ensure_ascii=False)

    def feedback(self) -> str:
        """The user's message after the last turn, in the protocol's words; the environment's text where it has none."""
        rules, turn = self.rules, self.turns[-1]
        if rules.words:
            warning = "" if turn.actions else _WARNING
            left = rules.actions - self.played
            return f"Reward:\n{turn.reward}\n" + turn_text(rules, len(self.turns) + 1, turn.observation, left, warning)
        if rules.answer == "text":
            return turn.observation
        said = "After you take this action, the"
        if turn.invalid:
            said = "Action is invalid. You stay in the same position. The"
        done = self.outcome in (SUCCESS, FAILED, OUT_OF_STEPS)
        return f"{said} observation is: \n{turn.observation}\nreward: {turn.reward}\ndone: {done}\n"


def replay(environment: Environment, rules: Rules, record: str, seed: int | None = None) -> Episode:
    """Play an episode again from its record, for as long as it lasts. What is no action counts as `?`.

    Raises ValueError for a record in JSON that can't be read.
    """
    episode = Episode(environment, rules, seed)
    if are_words(environment.actions):
        turns = [turn.split() for turn in record[:_MAX_ANSWER].split(_NEXT_TURN)]
    else:
        turns = json.loads(record)
    for turn in turns:
        if episode.outcome:
            break
        names = [name_of(str(word), environment.actions) for word in turn]
        actions = [name for name in names if name is not None]
        episode.take(actions, len(names) - len(actions))
    return episode


def are_words(names: Sequence[str] | None) -> bool:
    """Whether actions are single words, so that a record holds them between blanks."""
    return names is not None and not any(set(name) & set(" \t\n/?") for name in names)


# --- reading a response -----------------------------------------------------------------------------------------------


def answer_of(response: str, where: str, opened: bool = False) -> str | None:
    """The answer of a response by `Rules.answer`; None if it has none. Linear in the text.

    `think` is the first match of `<think>(.*?)</think>\\s*<answer>(.*?)</answer>`, `line` that of
    `<answer>(.*?)</answer>`, whose dot is no line end.
    """
    if where == "text":
        return response[:_MAX_ANSWER]
    if where == "line":
        start = response.find("<answer>")
        while start >= 0:
            end = response.find("\n", start)
            line = response[start + 8 : len(response) if end < 0 else end]
            inside, closed, _ = line.partition("</answer>")
            if closed:
                return inside[:_MAX_ANSWER]
            start = response.find("<answer>", end) if end >= 0 else -1
        return None
    start = 0 if opened else response.find("<think>")
    middle = _MIDDLE.search(response, start) if start >= 0 else None
    end = response.find("</answer>", middle.end()) if middle else -1
    return response[middle.end() : end][:_MAX_ANSWER] if middle and end >= 0 else None


def read_actions(answer: str | None, rules: Rules, names: Sequence[str] | None) -> tuple[list[str], int]:
    """(the actions of an answer, how many were none). names: the environment's actions, None if any text is one.

    Without a separator the answer is one action. With one, RAGEN takes the marks of its format out, and only the first
    `per_turn` actions count.
    """
    if answer is None:
        return [], 1
    if not rules.separator:
        action = numbered(answer, names)
        return ([], 1) if action is None else ([action], 0)
    for mark in _MARKS:
        answer = answer.replace(mark, "").strip()
    asked = [part.strip() for part in answer.split(rules.separator) if part.strip()][: rules.per_turn]
    found = [name_of(part, names) for part in asked]
    actions = [name for name in found if name is not None]
    return actions, len(asked) - len(actions) or int(not asked)


def name_of(word: str, names: Iterable[str] | None) -> str | None:
    """The action of that name in any case, None if there is none. Where any text is an action, the text but `?`."""
    if names is None:
        return None if word == INVALID else word
    return next((name for name in names if name.lower() == word.lower()), None)


def numbered(text: str, names: Sequence[str] | None) -> str | None:
    """One action alone: by its name, its number from 1 or both, `1 (Up)`, where the number counts. None for none."""
    text = text.strip()
    if names is None:
        return text or None
    found = _NUMBERED.fullmatch(text)
    if found and int(found[1]) <= len(names) and (found[2] is None or name_of(found[2], names)):
        return names[int(found[1]) - 1]
    return name_of(text, names)
