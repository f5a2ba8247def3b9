"""All arithmetic expressions over k numbers, each used once, evaluated exactly for many number rows at a time.

A Plan is a list of expression nodes without algebraic repeats: 6, 68, 1170, 27142 for 2, 3, 4, 5 numbers and + - * /
(OEIS A140606). Rationals are pairs of integers kept in float64, which is exact up to 2**53 and vectorises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np

OPERATORS = "+-*/"
MAX_SIZE = 6  # 793,002 expressions; seven numbers have 27 million
SLICE = {2: 1024, 3: 256, 4: 64, 5: 8, 6: 2}  # rows evaluated at once: their values should fit the cache
_PRIME = 2**61 - 1
# Two expressions that agree at this point modulo the prime are the same rational function (but for odds of 1e-12).
_POINT = (
    1380649070371234577,
    602214076129012337,
    299792458104729343,
    667430151299709893,
    161803398874989484,
    271828182845904523,
)
_EXACT = 2**53


@dataclass(frozen=True)
class Plan:
    """Expression nodes over `size` numbers. nodes[i] = (operator, left, right); the first `size` nodes are the numbers.

    Operands come before what uses them; nodes from `first_top` on use every number. levels: (operator, first node,
    lefts, rights) for runs of nodes that one numpy call evaluates.
    """

    size: int
    nodes: tuple[tuple[str, int, int], ...]
    first_top: int
    levels: tuple[tuple[str, int, np.ndarray, np.ndarray], ...]

    def text(self, node: int, numbers: Iterable[int]) -> str:
        """The expression with these numbers, with no more parentheses than it needs."""
        return _text(self.nodes, node, tuple(numbers))[0]


def _text(nodes: tuple[tuple[str, int, int], ...], node: int, numbers: tuple[int, ...]) -> tuple[str, int]:
    operator, left, right = nodes[node]
    if not operator:
        return str(numbers[node]), 3
    a, bind_a = _text(nodes, left, numbers)
    b, bind_b = _text(nodes, right, numbers)
    bind = 1 if operator in "+-" else 2
    if bind_a < bind:
        a = f"({a})"
    if bind_b < bind or (bind_b == bind and operator in "-/"):
        b = f"({b})"
    return f"{a} {operator} {b}", bind


class _Builder:
    """Collects nodes, one for each distinct rational function of each set of numbers."""

    def __init__(self, size: int) -> None:
        self.nodes: list[tuple[str, int, int]] = [("", -1, -1)] * size
        self.values = list(_POINT[:size])
        self.masks = [1 << i for i in range(size)]
        self.seen = {(1 << i, v): i for i, v in enumerate(self.values)}

    def add(self, operator: str, left: int, right: int) -> int:
        a, b = self.values[left], self.values[right]
        if operator == "+":
            value = (a + b) % _PRIME
        elif operator == "-":
            value = (a - b) % _PRIME
        elif operator == "*":
            value = a * b % _PRIME
        else:
            value = a * pow(b, -1, _PRIME) % _PRIME
        key = (self.masks[left] | self.masks[right], value)
        if key not in self.seen:
            self.seen[key] = len(self.nodes)
            self.nodes.append((operator, left, right))
            self.values.append(value)
            self.masks.append(key[0])
        return self.seen[key]

    def plan(self, size: int) -> Plan:
        order = sorted(range(len(self.nodes)), key=lambda i: (self.masks[i].bit_count(), self.nodes[i][0], i))
        new = {old: i for i, old in enumerate(order)}
        nodes = [self.nodes[old] for old in order]
        nodes = [(op, new[left], new[right]) if op else (op, -1, -1) for op, left, right in nodes]
        runs = groupby(range(size, len(nodes)), key=lambda i: (self.masks[order[i]].bit_count(), nodes[i][0]))
        levels = []
        for (_, operator), run in runs:
            run = list(run)
            levels.append((operator, run[0], *(np.array([nodes[i][side] for i in run]) for side in (1, 2))))
        below = sum(mask.bit_count() < size for mask in self.masks)
        return Plan(size, tuple(nodes), below, tuple(levels))


@lru_cache(maxsize=16)
def all_expressions(size: int, operators: str = OPERATORS) -> Plan:
    """Every expression over `size` numbers with these operators, algebraic repeats apart."""
    build = _Builder(size)
    by_mask: dict[int, list[int]] = {1 << i: [i] for i in range(size)}
    for mask in sorted(range(1, 1 << size), key=lambda m: (m.bit_count(), m)):
        if mask in by_mask:
            continue
        found: dict[int, None] = {}
        part = (mask - 1) & mask
        while part:
            for operator in operators:
                if operator in "+*" and part < mask ^ part:
                    continue  # commutative: one order is enough
                for left in by_mask[part]:
                    for right in by_mask[mask ^ part]:
                        found[build.add(operator, left, right)] = None
            part = (part - 1) & mask
        by_mask[mask] = list(found)
    return build.plan(size)


def random_expressions(size: int, operators: str, rng: np.random.Generator, count: int) -> Plan:
    """At most `count` random expressions: for sizes where all of them are too many to try on every row."""
    build = _Builder(size)

    def tree(leaves: list[int]) -> int:
        if len(leaves) == 1:
            return leaves[0]
        cut = int(rng.integers(1, len(leaves)))
        return build.add(operators[int(rng.integers(len(operators)))], tree(leaves[:cut]), tree(leaves[cut:]))

    for _ in range(count):
        tree([int(i) for i in rng.permutation(size)])
    return build.plan(size)


def evaluate(plan: Plan, numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Exact values of the expressions that use every number, one run at a time.

    numbers: (N, size) integers, small enough for `check_exact`. Yields (first node, numerators (T, N), denominators
    (T, N)); a denominator of 0 marks a division by zero somewhere in the expression.
    """
    num = np.empty((plan.first_top, len(numbers)))
    den = np.ones_like(num)
    num[: plan.size] = numbers.T
    for operator, first, left, right in plan.levels:
        n, d = _apply(operator, num[left], den[left], num[right], den[right])
        if first >= plan.first_top:
            yield first, n, d
        else:
            num[first : first + len(left)], den[first : first + len(left)] = n, d


def _apply(
    operator: str, an: np.ndarray, ad: np.ndarray, bn: np.ndarray, bd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if operator == "*":
        return an * bn, ad * bd
    if operator == "/":
        n, d = an * bd, ad * bn
        n[d == 0] = 0  # 0/0 stays 0/0 in whatever it enters
        return n, d
    n, b = an * bd, bn * ad
    return (n + b if operator == "+" else n - b), ad * bd


def check_exact(size: int, largest: int, target: int) -> bool:
    """Whether every intermediate value over `size` numbers up to `largest` is exact in float64."""
    return (2 * largest) ** size * max(target, 1) < _EXACT


def solve(plan: Plan, numbers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """For each row the first node whose value is the row's target, or -1. numbers: (N, size); targets: (N,)."""
    found = np.full(len(numbers), -1)
    for first, num, den in evaluate(plan, numbers):
        hit = (num == targets * den) & (den != 0)
        where = hit.argmax(0)
        new = hit[where, np.arange(len(numbers))] & (found < 0)
        found[new] = first + where[new]
    return found


def reached(plan: Plan, numbers: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every whole target in low..high that a row reaches, once: (row, target, a node that reaches it), sorted."""
    keys, nodes = [], []
    span = high - low + 1
    for first, num, den in evaluate(plan, numbers):
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = num / den
            whole = np.rint(quotient)
            ok = (quotient == whole) & (quotient >= low) & (quotient <= high)
        node, row = np.nonzero(ok)
        value = whole[node, row]
        exact = value * den[node, row] == num[node, row]  # a division may round to a whole number, this cannot
        keys.append((row * span + (value.astype(np.int64) - low))[exact])
        nodes.append((node + first)[exact])
    if not keys:
        return (np.empty(0, np.int64),) * 3
    key, where = np.unique(np.concatenate(keys), return_index=True)
    return key // span, key % span + low, np.concatenate(nodes)[where]
