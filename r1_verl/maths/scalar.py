"""Whether two scalar trees are the same number, or the same function of their variables."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import floor, log10

from r1_verl.maths import approx as A
from r1_verl.maths.evaluate import MAX_BITS, Evaluator
from r1_verl.maths.policy import Policy
from r1_verl.maths.quick import plainly_different
from r1_verl.maths.rational import BUDGET, INTEGER_FUNCTIONS, exact, spend
from r1_verl.maths.trees import Node, any_node, names, rename

START_BITS = 256
_ROUNDING_APART = 0.02  # more than three digits of a decimal can hide
_SIMPLE = 20  # a decimal that is a fraction with so small a denominator was hardly rounded
_POINTS = 2  # agreements beyond a hundred bits that make an identity
_LOOKS = range(2, 6)  # points at which floating point must not object
_COUNTING = frozenset("ijklmnpqrstMNK")  # names that mostly stand for whole numbers
_MAY_BE_OF_INTEGERS = ("fn", "sum", "prod", "pow")
_MAY_BRANCH = ("fn", "pow")
_SINGLE_VALUED = frozenset(("exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"))
_SIGNED = frozenset(("abs", "sgn", "max", "min"))
_ARBITRARY = re.compile(r"[cC]_?[0-9]")  # constants of integration, interchangeable


def same_number(a: Node, g: Node, policy: Policy, left: list[int]) -> bool | None:
    """Whether an answer's tree and a gold's are equal; None if that could not be told. Trees without a value: False."""
    if a == g:
        return True
    return same_scalars(a, g, names(a), names(g), policy, left)


def same_scalars(
    a: Node, g: Node, names_a: set[str], names_g: set[str], policy: Policy, left: list[int]
) -> bool | None:
    """The same of two trees whose names are known."""
    if names_a or names_g:
        return _same_function(a, g, names_a, names_g, left)
    return _same_constant(a, g, policy, left)


def infinite(node: Node) -> int:
    """1 or -1 for an infinity, else 0."""
    if node == ("const", "inf"):
        return 1
    return -infinite(node[1]) if node[0] == "neg" else 0


def _same_constant(a: Node, g: Node, policy: Policy, left: list[int]) -> bool | None:
    x, y = exact(a, left), exact(g, left)
    if x is not None and y is not None:
        return x == y or _rounded(a, g, x, y, policy)
    if infinite(a) or infinite(g):
        return infinite(a) == infinite(g)
    if plainly_different(a, g, max(_ROUNDING_APART, 2 * policy.tolerance)):
        return False
    bits = START_BITS
    while bits <= MAX_BITS:
        try:
            u = _value(a, 0, "positive", bits, left)
            v = _gold_value(g, 0, "positive", bits, left)
            if isinstance(u, ArithmeticError) or isinstance(v, ArithmeticError):
                # One side has no value, or none of a size that anybody writes: unequal. Neither has: not told.
                return None if isinstance(u, ArithmeticError) and isinstance(v, ArithmeticError) else False
            if A.same(u, v, bits):
                return True
            if u[1] is not None or v[1] is not None:
                return False
            return _rounded(a, g, A.to_fraction(u), A.to_fraction(v), policy)
        except A.MoreBits as more:
            bits = max(2 * bits, more.bits)
    return None


def _value(node: Node, point: int, kind: str, bits: int, left: list[int]):
    """The value, or the error that says there is none (in place of a value, so that the other side is asked too)."""
    try:
        return Evaluator(point, kind, bits, left).value(node)
    except (A.Undefined, A.TooLarge) as error:
        return error.with_traceback(None)


def _gold_value(node: Node, point: int, kind: str, bits: int, left: list[int]):
    """The same of a gold, which is compared with many answers: found once."""
    value, cost = _kept_value(node, point, kind, bits)
    spend(left, cost)
    if isinstance(value, A.MoreBits):
        raise A.MoreBits(value.bits)
    return value


@lru_cache(maxsize=512)
def _kept_value(node: Node, point: int, kind: str, bits: int):
    left = [BUDGET]
    try:
        value = _value(node, point, kind, bits, left)
    except A.MoreBits as error:
        value = error.with_traceback(None)
    return value, BUDGET - left[0]


def literal(node: Node) -> tuple[Fraction, int] | None:
    """The last place and the significant digits of a decimal as written (1.39, 1.39e9, 1.39 \\times 10^9), or None."""
    if node[0] == "neg":
        return literal(node[1])
    if node[0] == "num" and node[2]:
        value = Fraction(node[1])
        if not value:
            return None
        # The power of ten of the first digit, within one by the lengths in bits.
        top = floor((value.numerator.bit_length() - value.denominator.bit_length()) * log10(2)) - 1
        while abs(value) >= Fraction(10) ** (top + 1):
            top += 1
        return Fraction(10) ** (top - node[2] + 1), node[2]
    if node[0] == "mul" and len(node[1]) == 2 and node[1][1][0] == "pow" and node[1][1][1] == ("num", 10, 0):
        first, scale = literal(node[1][0]), exact(node[1][1])
        return (first[0] * scale, first[1]) if first and scale else None
    return None


def _decimal(node: Node) -> bool:
    return bool(node[2])


def _rounded(a: Node, g: Node, x: Fraction, y: Fraction, policy: Policy) -> bool:
    """Whether one side is a decimal that the other, an exact value, rounds to; or both lie within the tolerance."""
    if policy.tolerance and abs(x - y) <= Fraction(policy.tolerance) * abs(y):
        return True
    if not policy.rounding:
        return False
    ours, theirs = literal(a), literal(g)
    if theirs and not ours and theirs[1] >= policy.rounding / 2 and not any_node(a, ("num",), _decimal):
        if y.denominator <= _SIMPLE:
            return False  # 13.5 was meant exactly
        return abs(x - y) <= theirs[0] / 2
    if ours and not theirs and ours[1] >= policy.rounding and not any_node(g, ("num",), _decimal):
        return abs(x - y) <= ours[0] / 2
    return False


def _same_function(a: Node, g: Node, names_a: set[str], names_g: set[str], left: list[int]) -> bool | None:
    if names_a != names_g:
        # c for C is no error as long as neither side has both.
        lower_a, lower_g = {n.lower() for n in names_a}, {n.lower() for n in names_g}
        if lower_a == lower_g and len(lower_a) == len(names_a) == len(names_g):
            a, g = (rename(node, {n: n.lower() for n in names_a | names_g}) for node in (a, g))
            names_a = names_g = lower_a
    variables = names_a | names_g
    verdict = _identical(a, g, variables, left)
    if verdict is not False or len(names_g) < 2:
        return verdict
    arbitrary = sorted(n for n in names_g if _ARBITRARY.fullmatch(n))
    if 1 < len(arbitrary) <= 4 and set(arbitrary) <= names_a:
        for order in permutations(arbitrary):
            new = dict(zip(arbitrary, order, strict=True))
            if not plainly_different(a, g, new=new) and _identical(rename(a, new), g, variables, left):
                return True
    return verdict


def _identical(a: Node, g: Node, variables: set[str], left: list[int]) -> bool | None:
    """Agreement at enough points."""
    if plainly_different(a, g):  # never so with functions of whole numbers, which floating point does not know
        return False
    if any_node(a, _MAY_BE_OF_INTEGERS, _of_integers) or any_node(g, _MAY_BE_OF_INTEGERS, _of_integers):
        verdict = _agree(a, g, "integer", range(24), 20, left)
        if not verdict or variables <= _COUNTING:
            return verdict
    verdict = _agree(a, g, "positive", range(12), _POINTS, left)
    if verdict and any(plainly_different(a, g, point=point) for point in _LOOKS):
        return False
    if verdict and (any_node(a, ("fn",), _signed) or any_node(g, ("fn",), _signed)):
        return _agree(a, g, "mixed", range(12), 8, left)
    return verdict


def _agree(a: Node, g: Node, kind: str, points: range, enough: int, left: list[int]) -> bool | None:
    real = other = 0
    apart = False
    for point in points:
        same, is_real = _at(a, g, kind, point, left)
        if same is False and is_real:
            return False
        if same is None and is_real:  # no precision told them apart
            return None
        if same:
            real, other = real + is_real, other + (not is_real)
        elif same is False:
            apart = True  # roots and logarithms may take other branches, but only where they are not real
            if not any_node(a, _MAY_BRANCH, _branches) and not any_node(g, _MAY_BRANCH, _branches):
                return False
        if real >= enough or (real == 0 and other >= enough and not apart):
            return True
    if apart:
        return False
    return True if real + other >= 3 else None


def _at(a: Node, g: Node, kind: str, point: int, left: list[int]) -> tuple[bool | None, bool]:
    """Whether two trees agree at a point, and whether they are real there. (None, False): they have no value there."""
    bits = START_BITS
    while bits <= MAX_BITS:
        try:
            u = _value(a, point, kind, bits, left)
            v = _gold_value(g, point, kind, bits, left)
            if isinstance(u, ArithmeticError) or isinstance(v, ArithmeticError):
                # A number beyond all writing differs from one that is not.
                return (False, True) if isinstance(u, A.TooLarge) != isinstance(v, A.TooLarge) else (None, False)
            return A.same(u, v, bits), u[1] is None and v[1] is None
        except A.MoreBits as more:
            bits = max(2 * bits, more.bits)
    return None, True


def _of_integers(node: Node) -> bool:
    """A function of whole numbers, or a negative number to a variable power, which is real for whole numbers alone."""
    if node[0] == "fn":
        return node[1] in INTEGER_FUNCTIONS
    if node[0] == "pow":
        base = exact(node[1]) if node[2][0] != "num" and names(node[2]) else None
        return base is not None and base < 0
    return True  # a sum or a product


def _branches(node: Node) -> bool:
    """Whether a function or a power may have more than one value."""
    if node[0] == "fn":
        return node[1] not in _SINGLE_VALUED
    n = exact(node[2])
    return n is None or n.denominator != 1


def _signed(node: Node) -> bool:
    return node[1] in _SIGNED
