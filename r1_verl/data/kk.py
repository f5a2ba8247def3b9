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

# Both lists are data of the published generator; their order matters.
_NAMES = (
    "Emma Liam Olivia Noah Ava Ethan Sophia Mason Isabella William Mia James Charlotte Benjamin Amelia Lucas Harper "
    "Henry Evelyn Alexander Abigail Michael Emily Daniel Elizabeth Jacob Sofia Logan Avery Jackson Ella Sebastian "
    "Scarlett Jack Grace Aiden Chloe Owen Victoria Samuel Riley Matthew Aria Joseph Lily Luke Aurora David Zoey "
    "Oliver Penelope"
)
NAMES = tuple(_NAMES.split())
TEMPLATES = (
    "{name} said that {content}.",
    "{name} told you that {content}.",
    '{name} said, "{content}."',
    '{name} stated, "{content}".',
    'According to {name}, "{content}".',
    'In {name}\'s words: "{content}".',
    '{name} remarked, "{content}".',
    '"{content}," {name} declared.',
    '{name} was heard saying, "{content}".',
    "{name} expressed that {content}.",
    '"{content}" - {name}.',
    'As {name} put it, "{content}".',
    '{name} asserted: "{content}".',
    '"{content}," {name} mentioned.',
    '{name} commented, "{content}".',
    'In a statement by {name}: "{content}".',
    '{name} noted, "{content}".',
    '"{content}," {name} claimed.',
)


class Logic(NamedTuple):
    """A puzzle without words. statements: one a person. solution: True for a knight. index: its place in the stream."""

    index: int
    statements: tuple[Statement, ...]
    solution: tuple[bool, ...]


class Puzzle(NamedTuple):
    """A puzzle in words. roles: the word for who tells the truth, and for who lies."""

    index: int
    quiz: str
    names: tuple[str, ...]
    statements: tuple[Statement, ...]
    solution: tuple[bool, ...]
    roles: tuple[str, str] = ("knight", "knave")

    @property
    def solution_text_format(self) -> str:
        """The numbered list that Logic-RL's ground truth holds."""
        return "\n".join(f"({i + 1}) {claim}" for i, claim in enumerate(self._claims()))

    @property
    def solution_text(self) -> str:
        """The solution as one sentence."""
        return f"{_listed(self._claims())}."

    def _claims(self) -> list[str]:
        return [f"{n} is a {self.roles[not s]}" for n, s in zip(self.names, self.solution, strict=True)]


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


def wording(index: int, people: int, seed: int = SEED) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and turns of phrase of a puzzle, from a random stream of its own, as published."""
    rng = np.random.default_rng(seed + index)
    names = rng.choice(NAMES, size=people, replace=False)
    return tuple(names.tolist()), tuple([TEMPLATES[rng.integers(len(TEMPLATES))] for _ in range(people)])


def put_in_words(puzzle: Logic, seed: int = SEED) -> Puzzle:
    """The puzzle as published."""
    names, templates = wording(puzzle.index, len(puzzle.statements), seed)
    quiz = tell(puzzle.statements, names, templates)
    return Puzzle(puzzle.index, quiz, names, puzzle.statements, puzzle.solution)


def tell(
    statements: Sequence[Statement],
    names: Sequence[str],
    templates: Sequence[str],
    roles: tuple[str, str] = ("knight", "knave"),
    order: Sequence[int] | None = None,
) -> str:
    """The question. order: who is quoted first; roles: (tells the truth, lies)."""
    truth, lie = roles
    said = [
        templates[i].format(name=names[i], content=_content(statements[i], names, roles))
        for i in (order if order is not None else range(len(names)))
    ]
    return (
        f"A very special island is inhabited only by {plural(truth)} and {plural(lie)}. {plural(truth).capitalize()} "
        f"always tell the truth, and {plural(lie)} always lie. You meet {len(names)} inhabitants: {_listed(names)}. "
        f"{' '.join(said)} So who is {_a(truth)} and who is {_a(lie)}?"
    )


def _content(statement: Statement, names: Sequence[str], roles: tuple[str, str]) -> str:
    kind = statement[0]
    if kind in ("telling-truth", "lying"):
        return f"{names[statement[1]]} is {_a(roles[kind == 'lying'])}"
    if kind == "not":
        _, (inner, who) = statement
        return f"{names[who]} is not {_a(roles[inner == 'lying'])}"
    a, b = (_content(part, names, roles) for part in statement[1:])
    if kind == "->":
        return f"If {a} then {b}"
    return f"{a} if and only if {b}" if kind == "<=>" else f"{a} {kind} {b}"


def plural(word: str) -> str:
    """The plural of a role word."""
    return f"{word[:-1]}es" if word.endswith("x") else "heroes" if word == "hero" else f"{word}s"


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"
