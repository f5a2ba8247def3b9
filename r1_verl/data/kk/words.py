"""Knights and Knaves in words: names, turns of phrase and the question, as the published generator puts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from r1_verl.data.kk.logic import SEED, Logic, Statement

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
