"""The six perturbations of K-and-K/perturbed-knights-and-knaves: does a model reason, or does it remember?

Two change the logic (and the solution, so that a remembered answer is wrong): `perturbed_statement`, `perturbed_leaf`.
Four change the words alone: `random_pair`, `flip_role`, `uncommon_name`, `reorder_statement`.
Kinds and role pairs are the published ones; the random choices and the uncommon names are our own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from r1_verl.data.kk.logic import SEED, Logic, Statement, sample_statement, solve
from r1_verl.data.kk.words import Puzzle, tell, wording

KINDS = (
    "perturbed_statement", "perturbed_leaf", "random_pair", "reorder_statement", "uncommon_name", "flip_role",
)  # fmt: skip
ROLE_PAIRS = (
    ("saint", "sinner"), ("hero", "villain"), ("angel", "devil"), ("altruist", "egoist"), ("sage", "fool"),
    ("pioneer", "laggard"),
)  # fmt: skip
_UNCOMMON = (
    "Zephyr Elowen Caspian Isolde Osiris Vesper Thaddeus Ondine Lysander Xanthe Oberon Calliope Leander Eulalia "
    "Florian Nephele Peregrine Ianthe Lazarus Cillian Ottoline Evander Saffron Caius Zora Cyprian Amaryllis Theron "
    "Perdita Ignatius Balthazar Melisande Zinnia Sylvester Cosima Percival Oceane Zenobia Eurydice Quillan Aeronwen "
    "Thorsten"
)
UNCOMMON_NAMES = tuple(_UNCOMMON.split())
_TRIES = 2000


def perturb(puzzle: Logic, kind: str, seed: int = SEED) -> Puzzle | None:
    """The perturbed puzzle in words, or None if no change of that kind leaves exactly one, other, solution.

    kind: one of KINDS. Depends on the puzzle, the kind and the seed alone.
    """
    people = len(puzzle.statements)
    rng = np.random.default_rng([seed, KINDS.index(kind), people, puzzle.index])
    names, templates = wording(puzzle.index, people, seed)
    statements, solution, roles, order = puzzle.statements, puzzle.solution, ("knight", "knave"), None
    if kind in ("perturbed_statement", "perturbed_leaf"):
        changed = _other_logic(puzzle, rng, _new_statement if kind == "perturbed_statement" else _new_leaf)
        if changed is None:
            return None
        statements, solution = changed
    elif kind == "random_pair":
        roles = ROLE_PAIRS[rng.integers(len(ROLE_PAIRS))]
    elif kind == "flip_role":
        roles = ("knave", "knight")
    elif kind == "uncommon_name":
        names = tuple(rng.choice(UNCOMMON_NAMES, size=people, replace=False).tolist())
    else:
        order = rng.permutation(people).tolist()
        while order == sorted(order):
            order = rng.permutation(people).tolist()
    quiz = tell(statements, names, templates, roles, order)
    return Puzzle(puzzle.index, quiz, names, statements, solution, roles)


def _other_logic(
    puzzle: Logic, rng: np.random.Generator, change: Callable[[Statement, int, int, np.random.Generator], Statement]
) -> tuple[tuple[Statement, ...], tuple[bool, ...]] | None:
    people = len(puzzle.statements)
    for _ in range(_TRIES):
        who = int(rng.integers(people))
        statements = list(puzzle.statements)
        statements[who] = change(statements[who], who, people, rng)
        found = solve(statements)
        if len(found) == 1 and found[0] != puzzle.solution:
            return tuple(statements), found[0]
    return None


def _new_statement(old: Statement, speaker: int, people: int, rng: np.random.Generator) -> Statement:
    return sample_statement(lambda n: int(rng.integers(n)), speaker, people)


def _new_leaf(statement: Statement, speaker: int, people: int, rng: np.random.Generator) -> Statement:
    """The statement with one leaf turned round or pointed at another person; still nobody calls himself a liar."""
    kind, *parts = statement
    if kind in ("telling-truth", "lying"):
        leaves = [(k, i) for k in ("telling-truth", "lying") for i in range(people)]
        leaves = [leaf for leaf in leaves if leaf != statement and leaf != ("lying", speaker)]
        return leaves[rng.integers(len(leaves))]
    at = int(rng.integers(len(parts)))
    new = parts[at]
    while new in parts:  # the two sides of a connective stay distinct
        new = _new_leaf(parts[at], speaker, people, rng)
    return (kind, *parts[:at], new, *parts[at + 1 :])
