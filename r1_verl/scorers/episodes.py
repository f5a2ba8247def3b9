"""Episodes scored by playing them again, for every registered environment; Sokoban's and FrozenLake's scorers share it.

extra_info["moves"] is the record of an episode of several turns (`Episode.record`), which the agent loop gives: it is
played again on the row's environment by the row's rules. Without it the response is one answer with all actions, by
name in any case, by number or as `1 (Up)`, with `||`, commas or blanks between them; where any text is an action, the
answer is one. A `/` ends a turn and `?` is an action that was none, as in a record.

Strict: the environment ended the episode as wanted. In one answer, the last `<answer>` outside the thinking holds
actions alone; what follows the one that ends the episode is not played. Faithful: the environment's rewards summed
(moves), and the rules' penalty for each turn with what is no action (format); the answer is read where the rules read
it. Departure: RAGEN plays at most `Rules.per_turn` actions of an answer; here all of one answer are one turn.

A foreign environment plays in a process of its own. In training it is not played twice: what the agent loop saw of it
(extra_info["played"]) is believed, because it may be left to chance what a second play gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from r1_verl.environments import Environment, registered
from r1_verl.environments.episode import INVALID, Played, answer_of, are_words, numbered, replay
from r1_verl.environments.isolated import close, opened
from r1_verl.environments.rules import Rules, rules_of
from r1_verl.ground_truth import decode
from r1_verl.names import UnknownNameError
from r1_verl.response import after_thinking, last_answer
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, NO_ANSWER, UNREADABLE, WRONG, Score

_MAX_ANSWER = 10_000  # characters: 1,000 moves and more
_NO_LIMIT = _MAX_ANSWER  # an answer holds fewer moves than characters
_PIECES = re.compile(r"/|[1-9]\s*\([A-Za-z]+\)|[^\s,/|]+")


def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Whether the environment ended the episode as wanted. format: 1.0 if all that the model did was actions."""
    return _score(solution_str, ground_truth, extra_info, faithful=False)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """The environment's rewards and the rules' penalties, summed. format: 1.0 without a penalty."""
    return _score(solution_str, ground_truth, extra_info, faithful=True)


def _score(text: str, ground_truth: Any, info: Mapping[str, Any], faithful: bool) -> Score:
    truth = decode(ground_truth)
    try:
        bounded, rules = registered(truth)[0].bounded, rules_of(truth)
    except (ValueError, UnknownNameError):
        return Score(BAD_GROUND_TRUTH)
    record = info.get("moves")
    if isinstance(record, str) and not bounded and (seen := info.get("played")):
        return _verdict(Played(**seen), record, faithful)
    try:
        environment = opened(truth)
    except ValueError:
        return Score(BAD_GROUND_TRUTH)
    try:
        if not isinstance(record, str):
            if bounded:
                rules = rules._replace(actions=_NO_LIMIT, turns=_NO_LIMIT)
            return _of_answer(text, info, environment, rules, faithful)
        return _verdict(_played(environment, rules, record), record, faithful)
    except (ValueError, TypeError, RecursionError):
        return Score(UNREADABLE)
    finally:
        close(environment)


def _played(environment: Environment, rules: Rules, record: str) -> Played:
    return replay(environment, rules, record).played_so_far()


def _verdict(played: Played, record: str, faithful: bool) -> Score:
    outcome, form = CORRECT if played.success else WRONG, float(not played.penalty)
    return Score(outcome, record, form, {"moves": played.moves, "format": played.penalty} if faithful else None)


def _of_answer(text: str, info: Mapping[str, Any], environment: Environment, rules: Rules, faithful: bool) -> Score:
    """The verdict on all actions in one answer."""
    opened_think = bool(info.get("think_in_prompt"))
    if faithful:
        answer = answer_of(text, rules.answer, opened_think)
        record = INVALID if answer is None else record_of(answer, environment) or INVALID
        found = _verdict(_played(environment, rules, record), record, True)
        return found._replace(outcome=NO_ANSWER) if answer is None and found.outcome != CORRECT else found
    answer = last_answer(after_thinking(text, opened_think))
    if answer is None or len(answer) > _MAX_ANSWER:
        return Score(NO_ANSWER)
    if not answer.strip():
        return Score(EMPTY)
    record = record_of(answer, environment)
    # The marks of a record are no words: `?` stands where it stood in the answer, and there is at least one move.
    words = are_words(environment.actions)
    if words and (record.count(INVALID) > answer.count(INVALID) or not set(record) - set(" /?")):
        return Score(UNREADABLE, answer.strip())
    return _verdict(_played(environment, rules, record), record, False)._replace(format=1.0)


def record_of(answer: str, environment: Environment) -> str:
    """The record (see `episode`) of an answer's actions, `?` for each piece that is none."""
    names = environment.actions
    if not are_words(names):
        action = numbered(answer[:_MAX_ANSWER], names)
        return json.dumps([[INVALID if action is None else action]], ensure_ascii=False)
    pieces = (piece.group() for piece in _PIECES.finditer(answer[:_MAX_ANSWER]))
    return " ".join(piece if piece == "/" else numbered(piece, names) or INVALID for piece in pieces)


def named(ground_truth: Any, task: str) -> Any:
    """The ground truth of a task, which it may leave unsaid; None for one of another task, and for none."""
    truth = decode(ground_truth)
    return {**truth, "task": task} if isinstance(truth, Mapping) and truth.get("task", task) == task else None


def ideal(ground_truth: Any) -> str | None:
    """A right response, None: nobody knows the way through a foreign environment."""
    return None
