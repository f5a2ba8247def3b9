"""Knights and Knaves: who tells the truth? The K-and-K data set, given back bit for bit, and as much more as one wants.

Facts of the generator: AlphaPav/mem-kk-logic (35385cf), whose output is K-and-K/knights-and-knaves. For each number of
people one random stream makes puzzles 0, 1, 2 ...: mem-kk-logic tests on 0-99 and trains on 100-1099, Logic-RL trains
on 100-999 and tests on 1000-1099. Whatever follows is new.

A statement is a nested tuple: ("telling-truth", i), ("lying", i), ("not", s), ("and" | "or" | "->" | "<=>", s, s).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from r1_verl.data.example import DataError

SEED = 1234
PEOPLE = range(2, 21)  # beyond twenty people a truth table has over a million rows
_TRIES = 1000  # upstream's, for one puzzle
Statement = tuple[Any, ...]


class Logic(NamedTuple):
    """A puzzle without words. statements: one a person. solution: True for a knight. index: its place in the stream."""

    index: int
    statements: tuple[Statement, ...]
    solution: tuple[bool, ...]


def _draws(seed: int) -> Callable[[int], int]:
    """below(n): the very numbers that `numpy.random.default_rng(seed).integers(n)` gives, one by one, only faster.

    numpy takes 32-bit words, the lower half of each 64-bit one first, and scales them by Lemire's method.
    """
    bits = np.random.default_rng(seed).bit_generator

    def words() -> Iterator[int]:
        while True:
            yield from bits.random_raw(8192).astype("<u8").view("<u4").tolist()

    word = words().__next__

    def below(n: int) -> int:
        product = word() * n
        if product & 0xFFFFFFFF < n:
            floor = (2**32 - n) % n
            while product & 0xFFFFFFFF < floor:
                product = word() * n
        return product >> 32

    return below


def sample_statement(below: Callable[[int], int], speaker: int, people: int, depth: int = 2) -> Statement:
    """A random statement of one person; nobody says of himself that he lies."""
    dice = below(6)
    if depth == 1 or dice == 0:
        while True:
            lying = below(2)
            who = below(people)
            if not lying or who != speaker:
                return ("lying" if lying else "telling-truth", who)
    if dice == 1:
        return ("not", sample_statement(below, speaker, people, depth - 1))
    first = sample_statement(below, speaker, people, depth - 1)
    second = sample_statement(below, speaker, people, depth - 1)
    while second == first:
        second = sample_statement(below, speaker, people, depth - 1)
    return (("and", "or", "->", "<=>")[dice - 2], first, second)


@lru_cache(maxsize=32)
def _columns(people: int) -> tuple[int, ...]:
    """Person i's column of the truth table over all 2**people assignments, as one integer: bit a is bit i of a."""
    rows = 1 << people
    columns = []
    for i in range(people):
        block = ((1 << (1 << i)) - 1) << (1 << i)  # 2**i zeros, then 2**i ones
        repeat = ((1 << rows) - 1) // ((1 << (2 << i)) - 1)
        columns.append(block * repeat)
    return tuple(columns)


def _table(statement: Statement, columns: Sequence[int], full: int) -> int:
    """The statement's truth-table column: every assignment at once, in a few operations on integers."""
    kind = statement[0]
    if kind == "telling-truth":
        return columns[statement[1]]
    if kind == "lying":
        return full ^ columns[statement[1]]
    if kind == "not":
        return full ^ _table(statement[1], columns, full)
    a, b = _table(statement[1], columns, full), _table(statement[2], columns, full)
    if kind == "and":
        return a & b
    if kind == "or":
        return a | b
    if kind == "->":
        return (full ^ a) | b
    return full ^ a ^ b


def solve(statements: Sequence[Statement]) -> list[tuple[bool, ...]]:
    """Every assignment in which each person is a knight exactly if his statement is true. True stands for a knight."""
    people = len(statements)
    columns, full = _columns(people), (1 << (1 << people)) - 1
    left = full
    for column, statement in zip(columns, statements, strict=True):
        left &= full ^ column ^ _table(statement, columns, full)
    found = []
    while left:
        row = (left & -left).bit_length() - 1
        found.append(tuple(bool(row >> i & 1) for i in range(people)))
        left &= left - 1
    return found


def generate_logic(people: int, seed: int = SEED) -> Iterator[Logic]:
    """The endless stream of puzzles with this many people; with the default seed it begins with the published ones.

    Raises DataError when a thousand tries give no new puzzle with exactly one solution.
    """
    if people not in PEOPLE:
        raise DataError(f"people must be {PEOPLE[0]} to {PEOPLE[-1]}, got {people}")
    below = _draws(seed)
    seen: set[tuple[Statement, ...]] = set()
    columns, full = _columns(people), (1 << (1 << people)) - 1
    while True:
        for _ in range(_TRIES):
            statements = tuple([sample_statement(below, person, people) for person in range(people)])
            left = full
            for column, statement in zip(columns, statements, strict=True):
                left &= full ^ column ^ _table(statement, columns, full)
            if left and not left & (left - 1) and statements not in seen:
                break
        else:
            raise DataError(
                f"after {len(seen)} puzzles with {people} people a thousand tries gave no new one: ask for fewer"
            )
        seen.add(statements)
        row = left.bit_length() - 1
        yield Logic(len(seen) - 1, statements, tuple([bool(row >> i & 1) for i in range(people)]))
