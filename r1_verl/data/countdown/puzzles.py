"""Countdown puzzles: use every number once with + - * / to reach the target (TinyZero's task).

Puzzles that differ in the order of the numbers alone count as one, and a hash of that identity decides which side of
the split a puzzle belongs to. Difficulty: how many numbers, plus 0.5 if + and - alone do not reach the target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from r1_verl.data.countdown import solve
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.example import Example, gold_response
from r1_verl.ground_truth import encode

TEST_SHARE = 8  # one puzzle in eight belongs to the test side, whatever the seed and the settings


class Puzzle(NamedTuple):
    """numbers in the order shown; answer: one expression that reaches the target; test_side: by the identity's hash."""

    numbers: tuple[int, ...]
    target: int
    answer: str
    difficulty: float
    test_side: bool


def identity(numbers: Sequence[int], target: int) -> str:
    """The puzzle apart from the order of its numbers, for example "19 35 44 = 98"."""
    return f"{' '.join(map(str, sorted(numbers)))} = {target}"


def on_test_side(name: str) -> bool:
    """Which side of the split an identity belongs to: a hash, so no two files made here can leak into each other."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()[0] % TEST_SHARE == 0


def easy(numbers: np.ndarray, targets: np.ndarray, operators: str = solve.OPERATORS) -> np.ndarray:
    """Which rows + and - (those of them that are allowed) solve. numbers: (N, k)."""
    signs = np.array([s for s in product((1, -1), repeat=numbers.shape[1]) if 1 in s])
    keep = np.ones(len(signs), bool)
    if "-" not in operators:
        keep &= (signs > 0).all(1)
    if "+" not in operators:
        keep &= (signs < 0).any(1)  # a - (b - c) is a sum too, but one minus is always there
    if not set(operators) & set("+-"):
        keep[:] = False
    return (numbers @ signs[keep].T == targets[:, None]).any(1)


def to_examples(puzzles: Iterable[Puzzle], split: str, style: str) -> Iterator[Example]:
    """Examples in order. Test rows are named by size (`countdown/3`), so that veRL validates each size on its own."""
    chosen = COUNTDOWN[style]
    for index, puzzle in enumerate(puzzles):
        yield Example(
            data_source=f"countdown/{len(puzzle.numbers)}" if split == "test" else "countdown",
            messages=chosen.build(puzzle.numbers, puzzle.target),
            ground_truth=encode("countdown", numbers=list(puzzle.numbers), target=puzzle.target),
            gold=gold_response(puzzle.answer, chosen.think_in_prompt),
            index=index,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            reward=chosen.reward,
            difficulty=puzzle.difficulty,
            question=identity(puzzle.numbers, puzzle.target),
        )
