"""Countdown's arithmetic by other means than the package's: Python's own syntax tree, and trying everything."""

from __future__ import annotations

import ast
import operator
from fractions import Fraction
from itertools import permutations

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def exact(text: str) -> Fraction:
    """The value of a text over whole numbers, the four operators and parentheses, on Python's own syntax tree."""

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant):
            return Fraction(node.value)
        return OPERATORS[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(text, mode="eval").body)


def brute(numbers: tuple[Fraction, ...]) -> set[Fraction]:
    """Every value that the numbers can make, each used once, by trying all pairs over and over."""
    if len(numbers) == 1:
        return {numbers[0]}
    values: set[Fraction] = set()
    for a, b, *rest in permutations(numbers):
        made = [a + b, a - b, a * b] + ([a / b] if b else [])
        for value in made:
            values |= brute((value, *rest))
    return values
