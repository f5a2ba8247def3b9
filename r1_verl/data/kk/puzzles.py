"""Knights and Knaves as examples: generated, or read from files of the published forms."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from r1_verl.data import read
from r1_verl.data.example import DataError, Example, gold_response
from r1_verl.data.kk import logic, perturb
from r1_verl.data.kk.prompts import KK
from r1_verl.data.kk.words import Puzzle, put_in_words
from r1_verl.data.parallel import ordered_map
from r1_verl.data.write import LeftOut
from r1_verl.ground_truth import encode

HUB = "K-and-K/knights-and-knaves"
# name -> (first training index, first test index, test rows there at most)
SPLITS = {"logic_rl": (100, 1000, None), "mem_kk": (100, 0, 100)}


class _Task(NamedTuple):
    people: int
    train: int
    test: int
    split: str
    perturbation: str | None
    seed: int


def generate(
    people: Collection[int],
    train: int,
    test: int,
    split: str = "logic_rl",
    perturbation: str | None = None,
    seed: int = logic.SEED,
    processes: int = 1,
) -> dict[str, list[Puzzle]]:
    """`train` and `test` puzzles for each number of people, fewest first.

    split "logic_rl": test from index 1000 on, training from 100 on without them; "mem_kk": test from 0, training from
    100. perturbation: one of perturb.KINDS, applied to every puzzle (those it cannot change are skipped).
    """
    most = SPLITS[split][2]
    if most is not None and test > most:
        raise DataError(f"--split {split} has at most {most} test puzzles for each number of people, {test} asked for")
    if 2 in people and split == "logic_rl":
        raise DataError(
            "only some 400 puzzles with two people exist and none is among Logic-RL's: --split mem_kk has them"
        )
    tasks = [_Task(n, train, test, split, perturbation, seed) for n in sorted(set(people))]
    parts: dict[str, list[Puzzle]] = {"train": [], "test": []}
    for made in ordered_map(_generate, tasks, processes):
        for name, puzzles in made.items():
            parts[name] += puzzles
    return parts


def _generate(task: _Task) -> dict[str, list[Puzzle]]:
    train_from, test_from, _ = SPLITS[task.split]
    first = logic.generate_logic(task.people, task.seed)
    parts: dict[str, list[Puzzle]] = {"train": [], "test": []}
    reserved = range(test_from, test_from + task.test)
    for one in first:
        if len(parts["train"]) >= task.train and len(parts["test"]) >= task.test:
            break
        if one.index in reserved:
            part = "test"
        elif one.index >= train_from and len(parts["train"]) < task.train:
            part = "train"
        else:
            continue
        if task.perturbation is None:
            parts[part].append(put_in_words(one, task.seed))
        elif (puzzle := perturb.perturb(one, task.perturbation, task.seed)) is not None:
            parts[part].append(puzzle)
        elif part == "test":
            reserved = range(test_from, reserved.stop + 1)
    return parts


def load(
    source: str, split: str, limit: int | None = None, people: Iterable[int] = ()
) -> tuple[list[Puzzle], dict[str, Any], list[LeftOut]]:
    """Puzzles of a raw K-and-K file or a Logic-RL Parquet, each solved anew: (puzzles, source record, left out).

    The hub has a configuration for each split and in it a split for each number of `people`.
    """
    if source == "hub":
        several = [read.load(source, HUB, f"{n}ppl", split) for n in people]
        found = read.Source([row for one in several for row in one.rows], several[0].record)
    else:
        found = read.load(source, HUB)
    read.need(found.rows, ("quiz", "names", "statements", "solution", "index"), found.record)
    puzzles, left_out = [], []
    for at, row in enumerate(islice(found.rows, limit)):
        puzzle, why = _read(row)
        if puzzle is None:
            left_out.append(LeftOut(at, why, str(row.get("quiz"))[:200]))
        else:
            puzzles.append(puzzle)
    if not puzzles:
        raise DataError(f"{found.record['source']}: no usable puzzle ({left_out[0].reason})")
    return puzzles, found.record, left_out


def _read(row: Mapping[str, Any]) -> tuple[Puzzle | None, str]:
    words = row.get("knight_knave") or {}
    roles = (str(words.get("knight", "knight")), str(words.get("knave", "knave")))
    try:
        statements = ast.literal_eval(row["statements"]) if isinstance(row["statements"], str) else row["statements"]
        names = tuple(map(str, row["names"]))
        if not 1 < len(names) == len(statements) <= logic.PEOPLE[-1]:
            return None, "names and statements do not match"
        solutions = logic.solve(statements)
        solution = tuple(map(bool, row["solution"]))
        index = int(row["index"])
    except (ValueError, SyntaxError, TypeError, IndexError, KeyError, RecursionError, MemoryError):
        return None, "its statements cannot be read"
    if len(solutions) != 1:
        return None, f"has {len(solutions)} solutions, not exactly one"
    if solutions[0] != solution:
        return None, "the given solution is not the puzzle's"
    return Puzzle(index, str(row["quiz"]), names, statements, solution, roles), ""


def to_examples(
    puzzles: Iterable[Puzzle], split: str, style: str, perturbation: str | None = None
) -> Iterator[Example]:
    """Examples in order. Test rows are named by size (`kk/3ppl`), so that veRL validates each size on its own."""
    chosen = KK[style]
    for index, puzzle in enumerate(puzzles):
        people = len(puzzle.names)
        extra = {} if puzzle.roles == ("knight", "knave") else {"roles": puzzle.roles}
        truth = encode(
            "kk", solution_text_format=puzzle.solution_text_format, statements=str(puzzle.statements), **extra
        )
        yield Example(
            data_source=f"kk/{people}ppl" if split == "test" else "kk",
            messages=chosen.build(puzzle.quiz),
            ground_truth=truth,
            gold=gold_response(puzzle.solution_text_format, chosen.think_in_prompt),
            index=index,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            difficulty=float(people),
            question=puzzle.quiz,
            ability="logic",
            meta={"index": puzzle.index, "people": people} | ({"perturbation": perturbation} if perturbation else {}),
        )
