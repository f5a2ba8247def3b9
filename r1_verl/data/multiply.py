"""Multiplication (TinyZero's early task): products of two numbers of up to three digits.

Factors are drawn as published (examples/data_preprocess/multiply.py): one in three below 100, the others below 1000.
Unlike upstream's, repeats and mirrored pairs are dropped, and train and test are split by a hash of the pair.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from r1_verl.data.countdown.puzzles import on_test_side
from r1_verl.data.example import DataError, Example, gold_response
from r1_verl.data.prompts import Messages, Style
from r1_verl.ground_truth import encode

MOST = 500_500  # unordered pairs of numbers below 1000
_OPENER = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> RESULT_NUMBER </answer>."
)
_ASK = "Give me the answer of the following equation:"


def _base(a: int, b: int) -> Messages:
    return ("system", _OPENER), ("user", f"{_ASK} {a} * {b} =")


def _raw(a: int, b: int) -> Messages:
    return (("user", f"{_OPENER} User: {_ASK} {a} * {b} = Assistant: Ok let me think about it.\n<think>"),)


def _raw_arith(a: int, b: int) -> Messages:
    asked = f"{_OPENER} \nUser: {_ASK} {a} * {b}.\nAssistant: Let me solve this step by step.\n<think>"
    return (("user", asked),)


STYLES = {"base": Style(_base), "raw": Style(_raw, True, True), "raw_arith": Style(_raw_arith, True, True)}


def generate(train: int, test: int, seed: int = 1) -> dict[str, list[tuple[int, int]]]:
    """Distinct pairs: {"train": [...], "test": [...]}. Raises DataError if so many cannot exist."""
    if train > MOST * 6 // 10 or test > MOST // 12:
        raise DataError(
            f"--train-size goes to {MOST * 6 // 10} and --test-size to {MOST // 12}: no more pairs are likely"
        )
    rng = random.Random(seed)
    parts: dict[str, list[tuple[int, int]]] = {"train": [], "test": []}
    wanted = {"train": train, "test": test}
    seen: set[tuple[int, int]] = set()
    while any(len(parts[name]) < wanted[name] for name in parts):
        a, b = (rng.randint(0, 99 if rng.randint(1, 3) == 1 else 999) for _ in range(2))
        pair = (min(a, b), max(a, b))
        if pair in seen:
            continue
        seen.add(pair)
        side = "test" if on_test_side(f"{pair[0]} * {pair[1]}") else "train"
        if len(parts[side]) < wanted[side]:
            parts[side].append((a, b))
    return parts


def to_examples(pairs: Iterable[tuple[int, int]], split: str, style: str) -> Iterator[Example]:
    """Examples in order. Difficulty: digits of the smaller factor times digits of the larger."""
    chosen = STYLES[style]
    for index, (a, b) in enumerate(pairs):
        yield Example(
            data_source="multiply",
            messages=chosen.build(a, b),
            ground_truth=encode("multiply", answer=str(a * b)),
            gold=gold_response(str(a * b), chosen.think_in_prompt),
            index=index,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            difficulty=float(len(str(a)) * len(str(b))),
            question=f"{min(a, b)} * {max(a, b)}",
        )
