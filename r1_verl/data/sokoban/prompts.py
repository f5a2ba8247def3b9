"""Sokoban's prompt styles: the first turn, word for word as RAGEN's versions say it.

Sources: `ragen_2025_02` and `ragen_2025_02_numbers` are the two forms of ZihanWang314/ragen's data/sokoban
(train_multiturn.parquet, 7d1d32a2; train.parquet, 35e3784f), spelling included. `ragen_v1`, `ragen_v2`:
mll-lab-nu/RAGEN, config/envs.yaml (SimpleSokoban of April 2025, CoordSokoban of April 2026) and
ragen/llm_agent/ctx_manager.py; upstream the assistant's `<think>` follows, which the model's chat template has to open.
"""

from __future__ import annotations

from r1_verl.data.prompts import Messages, Style, chatml
from r1_verl.environments.rules import RULES, turn_text
from r1_verl.environments.sokoban import MOVES

_GUIDE = """You are a Sokoban solver.

Sokoban Quick Guide
Goal: Push all boxes (X) onto targets (O).

Symbols:
"""
_MULTITURN = (
    _GUIDE
    + """# Wall | _ Floor | O Target | X Box | P You | √ = Box on Target | S = You on Target

Rules:
1. Push boxes (can't pull).
2. Avoid walls (#).

Answers:
<answer> 1 (Up) </answer> | <answer> 2 (Down) </answer> | <answer> 3 (Left) </answer> | <answer> 4 (Right) </answer>

Rewards:
Move: -0.1
Box on target: +1.0
All boxes placed: +10.0


[Cumulative Observations]:
{board}
Decide the next action:
Always output: <think> [Your thoughts] </think> <answer> [your answer] </answer> with no extra test. Strictly follow \
this format. """
)
_NUMBERS_SYSTEM = (
    "You are a helpful assistant. You first thinks about the reasoning process in the mind and then provides the user "
    "with the answer."
)
_NUMBERS = (
    _GUIDE
    + """# Wall | _ Floor | O Target | X Box | P You
√ = Box on Target | S = You on Target

Rules:
1. Push boxes (can’t pull).
2. Avoid walls (#).
3. Don’t trap boxes in corners.

Controls:
1 (Up) | 2 (Down) | 3 (Left) | 4 (Right)

Rewards:
Move: -0.1
Box on target: +1.0
All boxes placed: +10.0

**Answer format**:
**Respond in 2 steps**:
1. **Think**: Analyze map, risks, and best move.
2. **Reply ONLY**:
   Thoughts: [1-line strategy]
   Action: [1/2/3/4]

Tip: Plan moves ahead to avoid stuck boxes.
Win when all X become √! 🎯 \n
[Cumulative Observations]:
{board}
Decide the next action:
Show your work in <think> </think> tags. And return the final answer in <answer> </answer> tags, for example <think> \
[Your thoughts] </think> <answer> 1 </answer>"""
)
_V1 = (
    "You are solving the Sokoban puzzle. You are the player and you need to push all boxes to targets. When you are "
    "right next to a box, you can push it by moving in the same direction. You cannot push a box through a wall, and "
    "you cannot pull a box. The answer should be a sequence of actions, like <answer>Right || Right || Up</answer>"
)
_SYMBOLS = "#: wall, _: empty, O: target, √: box on target, X: box, P: player, S: player on target"
_V2 = """You are solving the Sokoban puzzle. You are the player and you need to push all boxes to targets.
You are provided with a symbol grid and the zero-indexed coordinates of the player, each box, and each target. \n\
Coordinates range from the top-left corner (0, 0) to the bottom-right corner ({bottom}, {right}). \n\
When you are exactly next to a box, you can push it by moving in the same direction. \n\
You cannot push a box through a wall, and you cannot pull a box.
The answer should be a sequence of actions, like <answer>Right || Right || Up</answer>.
"""


def available(moves: tuple[str, ...], actions: int) -> str:
    """What RAGEN's paper and v2 say about the actions."""
    return (
        f"\nYour available actions are:\n{', '.join(moves)}\nYou can make up to {actions} actions, separated by the "
        'action separator " || "\n'
    )


def meaning(symbols: str) -> str:
    """What RAGEN's paper says about the symbols."""
    return f"\nThe meaning of each symbol in the state is:\n{symbols}"


def _ragen_2025_02(board: str, rows: int, cols: int) -> Messages:
    return chatml("You are a helpful assistant. ", _MULTITURN.format(board=board), "<think>")


def _ragen_2025_02_numbers(board: str, rows: int, cols: int) -> Messages:
    return chatml(_NUMBERS_SYSTEM, _NUMBERS.format(board=board), "Let me solve this step by step.\n<think>")


def _ragen_v1(board: str, rows: int, cols: int) -> Messages:
    rules = RULES["ragen_v1"]
    asked = _V1 + meaning(_SYMBOLS) + available(MOVES, rules.actions) + turn_text(rules, 1, board, rules.actions)
    return ("system", "You're a helpful assistant. "), ("user", asked)


def _ragen_v2(board: str, rows: int, cols: int) -> Messages:
    rules = RULES["ragen_v2"]
    told = _V2.format(bottom=rows - 1, right=cols - 1) + available(MOVES, rules.actions)
    return (
        ("system", "You're a helpful assistant. " + told),
        ("user", turn_text(rules, 1, board, rules.actions)),
    )


def _tiny(board: str, rows: int, cols: int) -> Messages:
    return (("user", board),)


# build(board as the style's rules show it, rows, columns)
SOKOBAN = {
    "ragen_2025_02": Style(_ragen_2025_02, True, True),
    "ragen_2025_02_numbers": Style(_ragen_2025_02_numbers, True, True),
    "ragen_v1": Style(_ragen_v1),
    "ragen_v2": Style(_ragen_v2),
    "tiny": Style(_tiny),
}


def rules_name(style: str) -> str:
    """The rules that a style's prompt announces."""
    return style.removesuffix("_numbers")
