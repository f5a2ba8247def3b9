"""The value of a tree that is rational by plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial, gcd, isqrt, lcm

from r1_verl.maths.trees import Node

MAX_BITS = 40_000  # of an integer
MAX_FRACTION_BITS = 4_000  # of a fraction's denominator, whose reduction costs more
BUDGET = 1500  # operations for one pair, those on large numbers counted more than once; real pairs take up to 770

INTEGER_FUNCTIONS = frozenset(("floor", "ceil", "fact", "fact2", "binom", "mod", "gcd", "lcm"))
Number = int | Fraction


class OutOfBudget(ArithmeticError):
    """The pair costs more than an answer may."""


def spend(left: list[int], cost: int) -> None:
    """Count a pair's budget down. Raises OutOfBudget."""
    left[0] -= cost
    if left[0] < 0:
        raise OutOfBudget


def exact(node: Node, left: list[int] | None = None) -> Number | None:
    """The value of a tree that is rational by plain arithmetic; None if it is not, or is too large to write out.

    left: the budget, counted down. Raises OutOfBudget.
    """
    left = [BUDGET] if left is None else left
    tag = node[0]
    if tag == "num":
        return node[1]
    if tag == "neg":
        x = exact(node[1], left)
        return None if x is None else -x
    if tag in ("add", "mul"):
        total: Number = 0 if tag == "add" else 1
        for child in node[1]:
            x = exact(child, left)
            if x is None:
                return None
            total = total + x if tag == "add" else total * x
            if _too_large(total, left):
                return None
        return total
    if tag == "div":
        a = exact(node[1], left)
        b = None if a is None else exact(node[2], left)
        if a is None or not b:
            return None
        value = Fraction(a) / b
        return None if _too_large(value, left) else value
    if tag == "pow":
        a = exact(node[1], left)
        n = None if a is None else exact(node[2], left)
        if a is None or n is None or n.denominator != 1 or not (a or n > 0):
            return None
        bits = max(a.numerator.bit_length(), a.denominator.bit_length()) * abs(n)
        if bits > (MAX_BITS if a.denominator == 1 and n > 0 else MAX_FRACTION_BITS):
            return None
        spend(left, 1 + int(bits) // 256)
        return a ** int(n) if n > 0 else Fraction(a) ** int(n)
    if tag == "base":
        return _in_base(node[1], node[2])
    if tag == "fn" and len(node[2]) <= 2 and node[1][0] != "?":
        values = []
        for child in node[2]:
            x = exact(child, left)
            if x is None:
                return None
            values.append(x)
        return function(node[1], values, left)
    return None


def function(name: str, values: list[Number], left: list[int]) -> Number | None:
    """A function of rationals, where it is rational; else None."""
    spend(left, 1)
    x = values[0]
    if len(values) == 1:
        if name == "sqrt" and x >= 0:
            top, bottom = isqrt(x.numerator), isqrt(x.denominator)
            return Fraction(top, bottom) if top * top == x.numerator and bottom * bottom == x.denominator else None
        if name == "abs":
            return abs(x)
        if name in ("floor", "ceil"):
            return x.__floor__() if name == "floor" else x.__ceil__()
        if name in ("fact", "fact2") and x.denominator == 1 and 0 <= x <= 3500:
            spend(left, int(x) // 8)
            if name == "fact":
                return factorial(int(x))
            product = 1
            for k in range(int(x), 0, -2):
                product *= k
            return product
        return None
    y = values[1]
    if x.denominator != 1 or y.denominator != 1:
        return None
    x, y = int(x), int(y)
    if name == "binom" and 0 <= x <= 3000 and y >= 0:
        spend(left, x // 8)
        return comb(x, y)
    if name == "mod" and y:
        return x % y
    if name in ("gcd", "lcm"):
        return gcd(x, y) if name == "gcd" else lcm(x, y)
    return None


def _too_large(x: Number, left: list[int]) -> bool:
    top, bottom = x.numerator.bit_length(), x.denominator.bit_length()
    spend(left, 1 + top // 4096 + bottom // 256)
    return top > MAX_BITS or bottom > MAX_FRACTION_BITS


def _in_base(digits: str, base: int) -> Number | None:
    whole, _, part = digits.partition(".")
    try:
        return Fraction(int(whole + part, base), base ** len(part))
    except ValueError:  # a digit that the base has not
        return None
