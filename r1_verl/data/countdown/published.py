"""Countdown puzzles from the hub's data set or a file: read, solved, split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from r1_verl.data import read
from r1_verl.data.countdown import solve
from r1_verl.data.countdown.puzzles import Puzzle, easy, identity, on_test_side
from r1_verl.data.countdown.solve import SLICE
from r1_verl.data.example import DataError
from r1_verl.data.write import LeftOut, progress, summary
from r1_verl.ground_truth import decode

HUB = "Jiayi-Pan/Countdown-Tasks-3to4"


def load(
    source: str, limit: int | None = None, repeats: str = "keep"
) -> tuple[list[Puzzle], dict[str, Any], list[LeftOut]]:
    """Puzzles of the hub's data set or a local file with columns `target` and `nums`, in order, each with a solution.

    A file prepared for veRL serves as well (reward_model.ground_truth with target and numbers), and d1's form (`input`,
    `output`). Rows that are malformed or have no solution are left out, and with repeats="drop" those that repeat an
    earlier one. Returns (puzzles, source record, left out).
    """
    found = read.load(source, HUB)
    rows = found.rows[:limit]
    left_out: list[LeftOut] = []
    usable: list[tuple[int, tuple[int, ...], int]] = []
    if rows and "nums" not in rows[0] and "reward_model" in rows[0]:
        rows = [_from_ground_truth(row) for row in rows]
    elif rows and set(rows[0]) == {"input", "output"}:
        rows = [_from_text(row) for row in rows]
    else:
        read.need(rows, ("target", "nums"), found.record)
    for at, row in enumerate(rows):
        puzzle, why = _read_row(row)
        if puzzle:
            usable.append((at, *puzzle))
        else:
            left_out.append(LeftOut(at, why, str(row)[:200]))
    puzzles: dict[int, Puzzle] = {}
    for size in sorted({len(numbers) for _, numbers, _ in usable}):
        puzzles |= _solved([entry for entry in usable if len(entry[1]) == size], left_out)
    seen: set[str] = set()
    kept = []
    for at, puzzle in sorted(puzzles.items()):
        name = identity(puzzle.numbers, puzzle.target)
        if name in seen and repeats == "drop":
            left_out.append(LeftOut(at, "repeats an earlier puzzle (number order apart)", name))
        else:
            kept.append(puzzle)
        seen.add(name)
    if not kept:
        raise DataError(f"{found.record['source']}: no usable puzzle{summary(left_out)}")
    return kept, found.record, sorted(left_out)


def _from_ground_truth(row: Mapping[str, Any]) -> dict[str, Any]:
    truth = decode((row.get("reward_model") or {}).get("ground_truth"))
    return {"target": truth.get("target"), "nums": truth.get("numbers")} if isinstance(truth, dict) else {}


def _from_text(row: Mapping[str, Any]) -> dict[str, Any]:
    """{"input": "30,100,93", "output": "23"}, as dllm-reasoning/d1 has it."""
    numbers, target = str(row.get("input")).split(","), str(row.get("output"))
    if not all(text.strip().isdecimal() for text in (*numbers, target)):
        return {}
    return {"target": int(target), "nums": [int(n) for n in numbers]}


def _read_row(row: Mapping[str, Any]) -> tuple[tuple[tuple[int, ...], int] | None, str]:
    numbers, target = row.get("nums"), row.get("target")
    if not isinstance(numbers, list) or type(target) is not int or not all(type(n) is int and n >= 0 for n in numbers):
        return None, "needs a whole-number target and a list of whole numbers"
    if not 2 <= len(numbers) <= solve.MAX_SIZE:
        return None, f"has {len(numbers)} numbers; 2 to {solve.MAX_SIZE} can be solved"
    if target < 0 or not solve.check_exact(len(numbers), max(*numbers, 1), target):
        return None, "its numbers or target leave the range of exact arithmetic"
    return (tuple(numbers), target), ""


def _solved(entries: list[tuple[int, tuple[int, ...], int]], left_out: list[LeftOut]) -> dict[int, Puzzle]:
    """Row -> puzzle with a solution, for rows of one size."""
    plan = solve.all_expressions(len(entries[0][1]))
    step = SLICE[plan.size]
    puzzles = {}
    for start in progress(range(0, len(entries), step), f"solving puzzles with {plan.size} numbers"):
        part = entries[start : start + step]
        numbers, targets = np.array([e[1] for e in part]), np.array([e[2] for e in part])
        nodes, simple = solve.solve(plan, numbers, targets), easy(numbers, targets)
        for (at, shown, target), node, is_easy in zip(part, nodes.tolist(), simple.tolist(), strict=True):
            name = identity(shown, target)
            if node < 0:
                left_out.append(LeftOut(at, "has no solution that uses every number once", name))
            else:
                difficulty = plan.size + (0.0 if is_easy else 0.5)
                puzzles[at] = Puzzle(shown, target, plan.text(node, shown), difficulty, on_test_side(name))
    return puzzles


def split(
    puzzles: Sequence[Puzzle], train: int | None, test: int | None, by_order: bool = False
) -> dict[str, list[Puzzle]]:
    """Train, test and rest of a source, in its order; None: up to 1,024 test rows, and all else for training.

    By identity (the hash in `on_test_side`), or by_order as TinyZero does: the first rows train, the next test.
    Raises DataError if there are fewer rows than asked for.
    """
    if by_order:
        test = min(1024, len(puzzles) // 2) if test is None else test
        train = len(puzzles) - test if train is None else train
        sides = {"train": list(puzzles[:train]), "test": list(puzzles[train : train + test])}
        rest = list(puzzles[train + test :])
    else:
        sides = {"train": [p for p in puzzles if not p.test_side], "test": [p for p in puzzles if p.test_side]}
        train = len(sides["train"]) if train is None else train
        test = min(1024, len(sides["test"])) if test is None else test
        rest = sides["train"][train:] + sides["test"][test:]
    for name, wanted in (("train", train), ("test", test)):
        if len(sides[name]) < wanted:
            raise DataError(
                f"{wanted} {name} rows asked for, but of the {len(puzzles)} puzzles only {len(sides[name])} are left "
                f"for {name}: ask for fewer"
            )
    return {"train": sides["train"][:train], "test": sides["test"][:test], "rest": rest}
