"""The Countdown generator: as many distinct solvable puzzles as asked for, each with a solution.

It draws numbers at random, evaluates every expression over them exactly and takes targets that are reached. Published
shape (Jiayi-Pan/Countdown-Tasks-3to4): 3 or 4 numbers, half and half, 1-99, targets 10-100.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, islice

import numpy as np

from r1_verl.data.countdown import solve
from r1_verl.data.countdown.puzzles import Puzzle, easy, identity, on_test_side
from r1_verl.data.countdown.solve import SLICE
from r1_verl.data.example import DataError
from r1_verl.data.parallel import ordered_map
from r1_verl.data.write import progress

GENERATOR = 1  # raise it when the same settings give other puzzles
_CHUNK = 1024  # number rows drawn by one task
_THIN = 8  # keep one in eight of the reachable targets, for variety
_DRAWN = 500  # from five numbers on, this many random expressions are evaluated instead of all
_COUNTABLE = 2e10  # evaluate at most this many expressions to count all puzzles


@dataclass(frozen=True)
class Settings:
    """What the generator may draw. Ranges are inclusive. Raises DataError for settings that make no sense."""

    sizes: tuple[int, ...] = (3, 4)
    low: int = 1
    high: int = 99
    min_target: int = 10
    max_target: int = 100
    operators: str = solve.OPERATORS
    seed: int = 0

    def __post_init__(self) -> None:
        biggest = solve.MAX_SIZE
        if not self.sizes or len(set(self.sizes)) < len(self.sizes) or not all(2 <= k <= biggest for k in self.sizes):
            raise DataError(f"sizes must be different whole numbers from 2 to {biggest}, got {list(self.sizes)}")
        if not 1 <= self.low <= self.high:
            raise DataError(f"numbers must be positive and in order, got {self.low} to {self.high}")
        if not 0 <= self.min_target <= self.max_target:
            raise DataError(
                f"targets must be whole numbers from 0 up and in order, got {self.min_target} to {self.max_target}"
            )
        if not self.operators or set(self.operators) - set(solve.OPERATORS):
            raise DataError(f"operators must be some of {solve.OPERATORS}, got {self.operators!r}")
        if self.seed < 0:
            raise DataError(f"seed must be 0 or more, got {self.seed}")
        if not solve.check_exact(max(self.sizes), self.high, self.max_target):
            raise DataError(
                f"{max(self.sizes)} numbers up to {self.high} with targets up to {self.max_target} leave the range of "
                "exact arithmetic: make one of the three smaller"
            )

    def describe(self) -> str:
        """The settings as a phrase for messages."""
        return (
            f"{' or '.join(map(str, self.sizes))} numbers {self.low}-{self.high}, targets {self.min_target}-"
            f"{self.max_target}, operators {self.operators}"
        )


def _puzzles(settings: Settings, plan: solve.Plan, numbers: np.ndarray, rng: np.random.Generator | None):
    """Puzzles over the rows of `numbers` (N, k); with an rng only some of them."""
    for start in range(0, len(numbers), SLICE[plan.size]):
        rows = numbers[start : start + SLICE[plan.size]]
        row, target, node = solve.reached(plan, rows, settings.min_target, settings.max_target)
        if rng is not None:
            keep = rng.integers(_THIN, size=len(row)) == 0
            row, target, node = row[keep], target[keep], node[keep]
        is_easy = easy(rows[row], target, settings.operators)
        for r, t, n, e in zip(row.tolist(), target.tolist(), node.tolist(), is_easy.tolist(), strict=True):
            shown = tuple(rows[r].tolist())
            side = on_test_side(identity(shown, t))
            yield Puzzle(shown, t, plan.text(n, shown), plan.size + (0.0 if e else 0.5), side)


def _draw(task: tuple[Settings, int, int]) -> list[Puzzle]:
    """The puzzles of one task (settings, size, number of the task): its own random stream, whoever runs it."""
    settings, size, number = task
    rng = np.random.default_rng([settings.seed, size, number])
    if size <= 4:
        plan = solve.all_expressions(size, settings.operators)
    else:
        plan = solve.random_expressions(size, settings.operators, rng, _DRAWN)
    return list(_puzzles(settings, plan, rng.integers(settings.low, settings.high + 1, (_CHUNK, size)), rng))


def _enumerate(task: tuple[Settings, int, int, int]) -> list[Puzzle]:
    """All puzzles over number rows start..stop of `combinations_with_replacement`."""
    settings, size, start, stop = task
    rows = islice(combinations_with_replacement(range(settings.low, settings.high + 1), size), start, stop)
    return list(_puzzles(settings, solve.all_expressions(size, settings.operators), np.array(list(rows)), None))


def every_puzzle(settings: Settings, size: int, processes: int = 1) -> Iterator[Puzzle] | None:
    """All puzzles of one size, numbers ascending; None if the settings have too many to count."""
    rows = math.comb(settings.high - settings.low + size, size)
    if size > 5 or rows * len(solve.all_expressions(size, settings.operators).nodes) > _COUNTABLE:
        return None
    step = 32 * SLICE[size]
    tasks = ((settings, size, at, min(at + step, rows)) for at in range(0, rows, step))
    done = ordered_map(_enumerate, tasks, processes)
    bar = progress(done, f"counting the puzzles with {size} numbers", total=math.ceil(rows / step))
    return (puzzle for part in bar for puzzle in part)


class _Quota:
    """How many puzzles are still wanted of each side; `rest` takes what its side has no room for."""

    def __init__(self, train: int, test: int, rest: int) -> None:
        self.left = {"train": train, "test": test, "rest": rest}
        self.parts: dict[str, list[Puzzle]] = {"train": [], "test": [], "rest": []}

    def take(self, puzzle: Puzzle) -> bool:
        side = "test" if puzzle.test_side else "train"
        part = side if self.left[side] else "rest"
        if self.left[part]:
            self.left[part] -= 1
            self.parts[part].append(puzzle)
        return not any(self.left.values())


def generate(settings: Settings, train: int, test: int, rest: int = 0, processes: int = 1) -> dict[str, list[Puzzle]]:
    """Distinct solvable puzzles in random order: {"train": [...], "test": [...], "rest": [...]}.

    Sizes get equal shares; what one size cannot give, the larger ones do. The result depends on the settings and counts
    alone. Raises DataError with the number of puzzles that exist if there are too few.
    """
    parts: dict[str, list[Puzzle]] = {"train": [], "test": [], "rest": []}
    wanted = {"train": train, "test": test, "rest": rest}
    sizes = sorted(settings.sizes)
    for place, size in enumerate(sizes):
        share = {name: math.ceil((wanted[name] - len(parts[name])) / (len(sizes) - place)) for name in parts}
        for name, puzzles in _one_size(settings, size, share, processes).items():
            parts[name] += puzzles
    if any(len(parts[name]) < wanted[name] for name in parts):
        raise DataError(_too_few(settings, wanted, parts, processes))
    for number, name in enumerate(parts):
        order = np.random.default_rng([settings.seed, 1 << 20, number]).permutation(len(parts[name]))
        parts[name] = [parts[name][i] for i in order]
    return parts


def _one_size(settings: Settings, size: int, share: dict[str, int], processes: int) -> dict[str, list[Puzzle]]:
    quota = _Quota(**share)
    total = sum(share.values())
    seen: set[tuple[int, ...]] = set()
    if not total:
        return quota.parts

    def new(puzzles: Iterable[Puzzle]) -> Iterator[Puzzle]:
        for puzzle in puzzles:
            key = (*sorted(puzzle.numbers), puzzle.target)
            if key not in seen:
                seen.add(key)
                yield puzzle

    stale = 0
    bar = progress(range(total), f"puzzles with {size} numbers", total=total)
    drawn = ordered_map(_draw, ((settings, size, number) for number in range(1 << 40)), processes)
    try:
        for puzzles in drawn:
            before = len(seen)
            for puzzle in new(puzzles):
                if quota.take(puzzle):
                    return quota.parts
            found = len(seen) - before
            bar.update(min(found, total - bar.n))
            stale = stale + 1 if 20 * found < max(len(puzzles), 20) else 0
            if stale >= 8:  # eight draws in a row with hardly a new puzzle: the space is nearly used up
                break
    finally:
        drawn.close()
        bar.close()
    everything = every_puzzle(settings, size, processes)
    if everything is not None:
        remaining = list(new(everything))
        order = np.random.default_rng([settings.seed, size, 1 << 41]).permutation(len(remaining))
        for i in order:
            if quota.take(remaining[i]):
                break
    return quota.parts


def _too_few(settings: Settings, wanted: dict[str, int], parts: dict[str, list[Puzzle]], processes: int) -> str:
    exist = {"train": 0, "test": 0}
    for size in settings.sizes:
        everything = every_puzzle(settings, size, processes)
        if everything is None:
            have = sum(map(len, parts.values()))
            return (
                f"{settings.describe()}: only {have} puzzles were found, {sum(wanted.values())} asked for; widen them"
            )
        for puzzle in everything:
            exist["test" if puzzle.test_side else "train"] += 1
    return (
        f"{settings.describe()}: only {sum(exist.values())} puzzles exist ({exist['train']} for training and "
        f"{exist['test']} for test), {sum(wanted.values())} asked for ({wanted['train']} train, {wanted['test']} test, "
        f"{wanted['rest']} rest): ask for fewer or widen the ranges"
    )
