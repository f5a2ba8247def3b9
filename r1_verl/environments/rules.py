"""RAGEN's protocols by name: how a response is read, what a turn may do, what it costs, what the model is told.

Sources: the reward and the texts of `ragen_2025_02` are ragen/env/base.py of February 2025, those of `ragen_v1` and
`ragen_v2` ragen/llm_agent/ctx_manager.py and es_manager.py and config/envs.yaml of mll-lab-nu/RAGEN (April 2025 and
April 2026). The penalties are never in the text that the model sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from r1_verl.names import unknown_name


class Rules(NamedTuple):
    """One protocol.

    form: how the environment shows its state. answer: where a response's answer is, `line` (the first <answer> that
    closes on its line), `think` (the first answer right behind thinking), `text` (the whole response).
    separator: between several actions, "" for one action alone, which may be its number or `1 (Up)`.
    per_turn, actions, turns: at most so many actions in a turn, and actions and turns in an episode.
    invalid: the penalty of a turn that names no action, or one that is none. idle: that of an action without effect.
    words: the length that the prompt asks for.
    """

    form: str
    answer: str
    separator: str
    per_turn: int
    actions: int
    turns: int
    invalid: float
    idle: float = 0.0
    words: int = 0


RULES = {
    "ragen_2025_02": Rules("ragen", "line", "", 1, 10, 5, -1.0),
    "ragen_v1": Rules("grid", "think", "||", 5, 10, 5, -0.1, words=100),
    "ragen_v2": Rules("grid_coord", "think", "||", 2, 10, 5, -0.1, words=120),
    "tiny": Rules("tiny", "text", "", 1, 6, 6, -1.0, -1.0),  # ours, for models of a few million parameters
}
DEFAULT = "ragen_v1"


def rules_of(truth: Mapping[str, Any]) -> Rules:
    """The rules that a ground truth names under "rules", `ragen_v1` where it names none. Raises ValueError."""
    name = truth.get("rules", DEFAULT)
    if not isinstance(name, str) or name not in RULES:
        raise ValueError(unknown_name("rules", name, RULES))
    return RULES[name]


def turn_text(rules: Rules, number: int, state: str, actions_left: int, warning: str = "") -> str:
    """What RAGEN's paper and v2 say at the start of a turn, which counts from 1."""
    return (
        f"\nTurn {number}:\nState:\n{state}\n{warning}You have {actions_left} actions left. Always output: <think> "
        "[Your thoughts] </think> <answer> [your answer] </answer> with no extra text. Strictly follow this format. "
        f"Max response length: {rules.words} words (tokens).\n"
    )
