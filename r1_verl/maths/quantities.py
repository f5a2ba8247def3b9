"""Numbers with units: which units an answer may leave out, and which have to be converted."""

from __future__ import annotations

from r1_verl.maths.evidence import is_counter, may_be_same, nouns
from r1_verl.maths.exact_values import Budget, exact_value
from r1_verl.maths.numbers import same_number
from r1_verl.maths.policy import Policy
from r1_verl.maths.trees import Node, any_node

_MAY_BE_WORDS = ("text", "pow")
_WITHOUT_WORDS = frozenset(("num", "sym", "const", "fn", "pow"))
_PURE_NUMBERS = frozenset(("%", "deg", "rad"))


def split(node: Node, gold: bool = False) -> tuple[Node | None, list[Node]]:
    r"""The number of a tree (None if it consists of units alone) and its unit factors.

    Words that say nothing about the number are dropped; with any others the tree is returned as it is. A unit after a
    sum belongs to the whole sum: `2+\sqrt{3} \text{ cm}`. gold: its nouns may be of any length and behind any number.
    """
    tag = node[0]
    if tag == "unit" or (tag == "pow" and node[1][0] == "unit"):
        return None, [node]
    if tag == "mul":
        return _split_product(node, gold)
    if tag in _MAY_BE_WORDS and _is_words(node) and nouns(_words(node), gold):
        return None, []
    if tag == "div":
        top, above = split(node[1], gold)
        bottom, below = split(node[2], gold)
        if top is node[1] and bottom is node[2]:
            return node, []
        units = above + [("div", ("num", 1, 0), unit) for unit in below]
        if top is None and bottom is None:
            return None, units
        one = ("num", 1, 0)
        return (top if bottom is None and top is not None else ("div", top or one, bottom or one)), units
    if tag == "neg":
        number, units = split(node[1], gold)
        if number is node[1]:
            return node, []
        return (None if number is None else ("neg", number)), units
    if tag == "add":
        parts = [split(term, gold) for term in node[1]]
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


def _is_words(node: Node) -> bool:
    return node[0] == "text" or (node[0] == "pow" and node[1][0] == "text")


def _words(node: Node) -> str:
    return node[1] if node[0] == "text" else node[1][1]


def _split_product(node: Node, gold: bool) -> tuple[Node | None, list[Node]]:
    numbers, units = [], []
    whole, word_seen = True, False  # nothing dropped yet; a word behind a number
    for factor in node[1]:
        if factor[0] in _MAY_BE_WORDS and _is_words(factor):
            said = nouns(_words(factor), gold)
            if said is None or not numbers or not (gold or is_counter(said) or all(map(_is_plain, numbers))):
                return node, []
            whole, word_seen = False, True
            continue
        number, found = split(factor, gold)
        whole = whole and number is factor
        if number is not None:
            if word_seen:
                return node, []  # 5 \\text{ but } 6
            numbers.append(number)
        units += found
    if whole:
        return node, []
    if not numbers:
        return None, units
    return (numbers[0] if len(numbers) == 1 else ("mul", tuple(numbers))), units


def _is_plain(node: Node) -> bool:
    """Whether a tree is a number as people count: 12, -3, 2.5, 3/4."""
    tag = node[0]
    return tag == "num" or (tag in ("neg", "div") and all(map(_is_plain, node[1:])))


def _said(node: Node) -> tuple[str, ...]:
    """The nouns behind a number, () for none."""
    factors = node[1] if node[0] == "mul" else (node,)
    return tuple(word for factor in factors if _is_words(factor) for word in nouns(_words(factor), True) or ())


def same_quantity(a: Node, g: Node, policy: Policy, budget: Budget) -> bool | None:
    """Whether two scalar trees agree, with their units, under the policy; None if undecided."""
    x, units_x = split(a)
    y, units_y = split(g, gold=True)
    if x is not a and y is not g and not may_be_same(_said(a), _said(g)):
        return False
    if _evidence(x) != _evidence(y):
        return False  # whatever the numbers are: 0 apples or more is not 0
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
    if percent and len(units) > 1:
        return False  # 5 % %
    may_be_left_out = policy.percent and not (units_x and _is_part_of_one(x)) if percent else policy.units
    if pure and not percent and units_x and any_node(y, ("const",), lambda node: node[1] == "pi"):
        may_be_left_out = False  # pi/2 degrees do not answer pi/2
    if may_be_left_out:
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


def _is_part_of_one(node: Node | None) -> bool:
    """Whether a number lies between -1 and 1."""
    value = exact_value(node) if node is not None else None
    return value is not None and abs(value) < 1


def _evidence(node: Node | None) -> set[str]:
    """The words of a tree that were not dropped."""
    found: set[str] = set()
    if node is not None and node[0] not in _WITHOUT_WORDS:
        any_node(node, ("text",), lambda text: found.add(text[1]))
    return found


def _join(number: Node | None, units: list[Node]) -> Node:
    factors = tuple(units) if number is None else (number, *units)
    return factors[0] if len(factors) == 1 else ("mul", factors)
