"""FrozenLake: lakes with a way to the goal, and RAGEN's prompts for them.

Lakes are drawn as RAGEN draws them (ragen/env/frozen_lake/utils.py): start and goal anywhere, every other cell frozen
with probability p, drawn again until a way leads to the goal. A hash of the map, apart from rotations and mirrors,
decides whether a lake belongs to train or to test. Difficulty: the moves of a shortest way without ice.

Prompts: `ragen_2025_02` is of ZihanWang314/ragen (February 2025), `ragen_v1` and `ragen_v2` are mll-lab-nu/RAGEN's
config/envs.yaml (FrozenLake, CoordFrozenLake) and ragen/llm_agent/ctx_manager.py, misprints included. RAGEN's v2 says
(5, 5) of a 4x4 lake; here the corner is the lake's own.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from r1_verl.data.countdown.puzzles import on_test_side
from r1_verl.data.example import DataError, Example, gold_response
from r1_verl.data.prompts import Messages, Style, chatml
from r1_verl.data.sokoban.prompts import available, meaning
from r1_verl.data.symmetry import canonical
from r1_verl.environments.frozen_lake import MOVES, FrozenLake
from r1_verl.environments.rules import RULES, turn_text
from r1_verl.environments.sokoban import neighbours
from r1_verl.ground_truth import encode

GENERATOR = 1  # raise it when the same settings give other lakes
_STALE = 5_000  # draws without a new lake
_2025_02 = """You are walking on a frozen lake.

FrozenLake Quick Guide
Goal: Reach the goal (G).

Symbols:
_ Frozen | O Hole | G Goal | P Player

Rules:
1. Avoid falling into holes (O).
2. Frozen tiles are slippery, you may move perpendicular to your intended direction.

Answers:
<answer> Left </answer> | <answer> Down </answer> | <answer> Right </answer> | <answer> Up </answer>

Rewards:
Fall into hole: 0
Reach goal: +1.0


[Cumulative Observations]:
{lake}
Decide the next action:
Always output: <think> [Your thoughts] </think> <answer> [your answer] </answer> with no extra text. Strictly follow \
this format. """
_V1 = (
    "You are solving the FrozenLake puzzle. Forbid the whole and go to the target. You may move to the unintended "
    "direction due to the slippery ice. Example answer format: <think>To forbid the hole and go to the target, I "
    "should go left then go up.</think><answer>Left || Up</answer>"
)
_SYMBOLS = "P: player, _: empty, O: hole, G: goal, X: player in hole, √: player on goal"
_V2 = """You are solving the FrozenLake puzzle. The observation includes both a symbol grid and zero-indexed \
coordinates for the start, goal, player, and any holes.
Coordinates range from the top-left corner (0, 0) to the bottom-right corner ({last}, {last}).
Beware that the ice is slippery, so the agent might slide and end up in an unintended tile.
Respond with a sequence of actions such as <answer>Left || Up || Up</answer>.
"""


def _ragen_2025_02(lake: str, size: int) -> Messages:
    ((_, text),) = chatml("", _2025_02.format(lake=lake), "<think>")
    return (("user", text.removeprefix("<|im_start|>system\n<|im_end|>\n")),)  # this version has no system message


def _ragen_v1(lake: str, size: int) -> Messages:
    rules = RULES["ragen_v1"]
    asked = _V1 + meaning(_SYMBOLS) + available(MOVES, rules.actions) + turn_text(rules, 1, lake, rules.actions)
    return ("system", "You're a helpful assistant. "), ("user", asked)


def _ragen_v2(lake: str, size: int) -> Messages:
    rules = RULES["ragen_v2"]
    told = "You're a helpful assistant. " + _V2.format(last=size - 1) + available(MOVES, rules.actions)
    return ("system", told), ("user", turn_text(rules, 1, lake, rules.actions))


def _tiny(lake: str, size: int) -> Messages:
    return (("user", lake),)


# build(lake as the style's rules show it, rows and columns)
FROZEN_LAKE = {
    "ragen_2025_02": Style(_ragen_2025_02, True, True),
    "ragen_v1": Style(_ragen_v1),
    "ragen_v2": Style(_ragen_v2),
    "tiny": Style(_tiny),
}


class Lake(NamedTuple):
    """rows of S, F, H, G. shortest: moves of a shortest way without ice. seed: of its ice."""

    rows: tuple[str, ...]
    shortest: int
    seed: int


def generate(size: int, frozen: float, train: int, test: int, seed: int = 0) -> dict[str, list[Lake]]:
    """Distinct lakes, {"train": [...], "test": [...]}. frozen: the share of frozen cells.

    Raises DataError for settings that make no sense, and if so many lakes are not found.
    """
    if not 2 <= size <= 32 or not 0 < frozen <= 1:
        raise DataError(f"--size takes 2 to 32 and --frozen more than 0 up to 1, got {size} and {frozen}")
    rng = random.Random(f"frozen_lake {size} {frozen} {seed}")
    wanted, parts, seen, stale = {"train": train, "test": test}, {"train": [], "test": []}, set(), 0
    while any(len(parts[name]) < wanted[name] for name in parts):
        rows = _draw(rng, size, frozen)
        shortest = shortest_way(rows)
        side = "test" if on_test_side(canonical(rows)) else "train"
        stale += 1
        if shortest and rows not in seen and len(parts[side]) < wanted[side]:
            seen.add(rows)
            parts[side].append(Lake(rows, shortest, rng.randrange(1 << 31)))
            stale = 0
        if stale > _STALE:
            raise DataError(
                f"only {len(parts['train'])} training and {len(parts['test'])} test lakes of {size}x{size} were found, "
                f"{train} and {test} asked for: ask for fewer, or for a larger --size"
            )
    return parts


def _draw(rng: random.Random, size: int, frozen: float) -> tuple[str, ...]:
    cells = ["F" if rng.random() < frozen else "H" for _ in range(size * size)]
    start, goal = rng.sample(range(size * size), 2)
    cells[start], cells[goal] = "S", "G"
    return tuple("".join(cells[at : at + size]) for at in range(0, size * size, size))


def shortest_way(rows: tuple[str, ...]) -> int:
    """Moves of a shortest way from S to G around the holes on ice that does not slip; 0 if there is none."""
    cells, ways = "".join(rows), neighbours(len(rows), len(rows[0]))
    edge, known, length = {cells.index("S")}, set(), 0
    while edge:
        known |= edge
        length += 1
        edge = {to for cell in edge for way in ways if (to := way[cell]) >= 0 and cells[to] != "H"} - known
        if any(cells[cell] == "G" for cell in edge):
            return length
    return 0


def to_examples(lakes: Iterable[Lake], split: str, style: str, slippery: bool) -> Iterator[Example]:
    """Examples in order. Test rows are named by length (`frozen_lake/3`). The gold is right on this row's ice."""
    chosen = FROZEN_LAKE[style]
    for index, lake in enumerate(lakes):
        world = FrozenLake(list(lake.rows), slippery, lake.seed, RULES[style].form)
        moves = world.solution()
        yield Example(
            data_source=f"frozen_lake/{lake.shortest}" if split == "test" else "frozen_lake",
            messages=chosen.build(world.render(), len(lake.rows)),
            ground_truth=encode(
                "frozen_lake", map="/".join(lake.rows), rules=style, seed=lake.seed, slippery=slippery,
                shortest=lake.shortest,
            ),
            gold=gold_response(" ".join(moves or ()), chosen.think_in_prompt),
            index=index,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            difficulty=float(lake.shortest),
            question="/".join(lake.rows),
            ability="agent",
        )  # fmt: skip
