"""The exact value of a tree that is rational by plain arithmetic, and the budget that bounds a comparison."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial, gcd, isqrt, lcm

from r1_verl.maths.trees import Node

MAX_BITS = 40_000  # of an integer
MAX_FRACTION_BITS = 4_000  # of a fraction's denominator, whose reduction costs more
PAIR_BUDGET = 1500  # real pairs spend up to 770

INTEGER_FUNCTIONS = frozenset(("floor", "ceil", "fact", "fact2", "binom", "mod", "gcd", "lcm"))
Number = int | Fraction


class OutOfBudget(ArithmeticError):
    """Comparing the pair costs more than an answer may cost."""


class Budget:
    """The operations that one pair may still cost. An operation on large numbers costs more than one."""

    __slots__ = ("left",)

    def __init__(self, left: int = PAIR_BUDGET):
        self.left = left

    def spend(self, cost: int) -> None:
        """Take `cost` from the budget. Raises OutOfBudget."""
        self.left -= cost
        if self.left < 0:
            raise OutOfBudget


def exact_value(node: Node, budget: Budget | None = None) -> Number | None:
    """The value of a tree that is rational by plain arithmetic; None for other trees and values of too many digits.

    budget: without one, the tree gets a budget of its own. Raises OutOfBudget.
    """
    budget = budget or Budget()
    tag = node[0]
    if tag == "num":
        return node[1]
    if tag == "neg":
        x = exact_value(node[1], budget)
        return None if x is None else -x
    if tag in ("add", "mul"):
        total: Number = 0 if tag == "add" else 1
        for child in node[1]:
            x = exact_value(child, budget)
            if x is None:
                return None
            total = total + x if tag == "add" else total * x
            if _too_large(total, budget):
                return None
        return total
    if tag == "div":
        a = exact_value(node[1], budget)
        b = None if a is None else exact_value(node[2], budget)
        if a is None or not b:
            return None
        value = Fraction(a) / b
        return None if _too_large(value, budget) else value
    if tag == "pow":
        a = exact_value(node[1], budget)
        n = None if a is None else exact_value(node[2], budget)
        if a is None or n is None or n.denominator != 1 or not (a or n > 0):
            return None
        bits = max(a.numerator.bit_length(), a.denominator.bit_length()) * abs(n)
        if bits > (MAX_BITS if a.denominator == 1 and n > 0 else MAX_FRACTION_BITS):
            return None
        budget.spend(1 + int(bits) // 256)
        return a ** int(n) if n > 0 else Fraction(a) ** int(n)
    if tag == "base":
        return _in_base(node[1], node[2])
    if tag == "fn" and len(node[2]) <= 2 and node[1][0] != "?":
        values = []
        for child in node[2]:
            x = exact_value(child, budget)
            if x is None:
                return None
            values.append(x)
        return exact_function(node[1], values, budget)
    return None


def exact_function(name: str, values: list[Number], budget: Budget) -> Number | None:
    """The value of a function of rationals if it is rational, else None."""
    budget.spend(1)
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
            budget.spend(int(x) // 8)
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
        budget.spend(x // 8)
        return comb(x, y)
    if name == "mod" and y:
        return x % y
    if name in ("gcd", "lcm"):
        return gcd(x, y) if name == "gcd" else lcm(x, y)
    return None


def _too_large(x: Number, budget: Budget) -> bool:
    top, bottom = x.numerator.bit_length(), x.denominator.bit_length()
    budget.spend(1 + top // 4096 + bottom // 256)
    return top > MAX_BITS or bottom > MAX_FRACTION_BITS


def _in_base(digits: str, base: int) -> Number | None:
    whole, _, part = digits.partition(".")
    try:
        return Fraction(int(whole + part, base), base ** len(part))
    except ValueError:  # a digit that the base does not have
        return None
