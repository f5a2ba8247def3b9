"""Numbers with units: which units an answer may leave out, and which have to be converted."""

from __future__ import annotations

import re

from r1_verl.maths.exact_values import Budget, exact_value
from r1_verl.maths.numbers import same_number
from r1_verl.maths.policy import Policy
from r1_verl.maths.trees import Node

_NEGATION = re.compile(r"\b(?:not?|never|wrong|incorrect|false|isn't)\b")
_FILLER = re.compile(r"(?:(?:.* )?(?:is|are|equals|about|approximately|exactly|only)|.*[:=])")
_PURE_NUMBERS = frozenset(("%", "deg", "rad"))


def split(node: Node) -> tuple[Node | None, list[Node]]:
    r"""The number of a tree (None if it consists of units alone) and its unit factors. Unknown words are dropped.

    A unit after a sum belongs to the whole sum: `2+\sqrt{3} \text{ cm}`.
    """
    tag = node[0]
    if tag == "unit" or (tag == "pow" and node[1][0] == "unit"):
        return None, [node]
    if (tag == "text" or (tag == "pow" and node[1][0] == "text")) and not _NEGATION.search(words(node)):
        return None, []
    if tag == "mul":
        return _split_product(node)
    if tag == "div":
        top, above = split(node[1])
        bottom, below = split(node[2])
        if top is node[1] and bottom is node[2]:
            return node, []
        units = above + [("div", ("num", 1, 0), unit) for unit in below]
        if top is None and bottom is None:
            return None, units
        one = ("num", 1, 0)
        return (top if bottom is None and top is not None else ("div", top or one, bottom or one)), units
    if tag == "neg":
        number, units = split(node[1])
        if number is node[1]:
            return node, []
        return (None if number is None else ("neg", number)), units
    if tag == "add":
        parts = [split(term) for term in node[1]]
        if not any(units or number is None for number, units in parts[:-1]) and parts[-1][0] is not None:
            if parts[-1][0] is node[1][-1]:
                return node, []
            return ("add", (*node[1][:-1], parts[-1][0])), parts[-1][1]
        units = parts[-1][1]
        if all(number is not None and found == units for number, found in parts):
            return ("add", tuple(number for number, _ in parts)), units
        if all(number is not None and found for number, found in parts):
            return node, [("num", 1, 0)]  # 1 hour 30 minutes is compared as a whole
    return node, []


def words(node: Node) -> str:
    return node[1] if node[0] == "text" else node[1][1]


def _split_product(node: Node) -> tuple[Node | None, list[Node]]:
    numbers, units = [], []
    word_seen = False  # a word after a number
    whole = True
    for factor in node[1]:
        number, found = split(factor)
        whole = whole and number is factor
        if number is not None:
            if word_seen:
                return node, []  # 5 \\text{ but } 6
            numbers.append(number)
        elif not found and numbers:
            word_seen = True
        elif not found and not (factor[0] == "text" and _FILLER.fullmatch(factor[1])):
            return node, []  # a word before the number is not its unit: print(5)
        units += found
    if whole:
        return node, []
    if not numbers:
        return None, units
    return (numbers[0] if len(numbers) == 1 else ("mul", tuple(numbers))), units


def same_quantity(a: Node, g: Node, policy: Policy, budget: Budget) -> bool | None:
    """Whether two scalar trees agree, with their units, under the policy; None if undecided."""
    x, units_x = split(a)
    y, units_y = split(g)
    if x is None or y is None:
        if x is None and y is None and units_x and units_y:
            return same_number(_join(None, units_x), _join(None, units_y), policy, budget)
        return same_number(a, g, policy, budget)
    if not units_x and not units_y:
        return same_number(x, y, policy, budget)
    if units_x and units_y:
        return same_number(_join(x, units_x), _join(y, units_y), policy, budget)
    units = units_x or units_y
    pure = all(unit[0] == "unit" and unit[1] in _PURE_NUMBERS for unit in units)
    percent = pure and units[0][1] == "%"
    if policy.percent if percent else policy.units:
        verdict = same_number(x, y, policy, budget)
        if verdict:
            return True
        if not pure:
            return verdict
    elif not pure:
        return False
    if percent and units_x:
        value = exact_value(y)
        if value is not None and value > 1 and value.denominator == 1:
            return False  # 2500 % does not answer 25: the question may have asked for per cent
    return same_number(_join(x, units_x), _join(y, units_y), policy, budget)


def _join(number: Node | None, units: list[Node]) -> Node:
    factors = tuple(units) if number is None else (number, *units)
    return factors[0] if len(factors) == 1 else ("mul", factors)
