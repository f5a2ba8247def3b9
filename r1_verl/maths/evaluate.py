"""The value of a tree at a point, as a ball.

A variable's value depends on its name and the point alone, so that a pair always gets the same verdict.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from zlib import crc32

from r1_verl.maths import balls
from r1_verl.maths.balls import Ball, TooLarge, Undefined
from r1_verl.maths.exact_values import INTEGER_FUNCTIONS, Budget, exact_function, exact_value
from r1_verl.maths.trees import Node, names
from r1_verl.maths.units import worth

MAX_BITS = 6000
_ELEMENTARY = frozenset(("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh",
                         "arccosh", "arctanh"))  # fmt: skip
_RECIPROCAL = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh", "sech": "cosh", "csch": "sinh"}
_ARC_RECIPROCAL = {"arcsec": "arccos", "arccsc": "arcsin"}


# Where the values of variables begin, and how far they go, from point to point.
_POSITIVE = ((0.55, 1.4), (1.9, 5.0), (0.06, 0.6))
_MIXED = ((0.55, 1.4), (1.9, 5.0), (7.0, 400.0))


class NotScalar(Exception):
    """The tree has no value: it is a tuple, a set, an equation, ..."""


@lru_cache(maxsize=1024)
def variable_value(name: str, point: int, kind: str, bits: int) -> Ball:
    """The value that a variable takes at a point. kind: "positive", "mixed" (either sign) or "integer"."""
    seed = crc32(f"{name}|{point}".encode())
    if kind == "integer":
        return balls.rational(1 + crc32(f"{name}#{point}".encode()) % 24, bits)
    low, width = (_MIXED if kind == "mixed" else _POSITIVE)[point % 3]
    value = Fraction(int(low * 2**32) + int(width * seed), 2**32)
    if kind == "mixed" and crc32(f"{name}/{point}".encode()) & 16:
        value = -value
    return balls.rational(value, bits)


@lru_cache(maxsize=1024)
def _integer(n: int, bits: int) -> Ball:
    return balls.rational(n, bits)


class Evaluator:
    """Values of trees at one point. kind: see `variable_value`."""

    def __init__(self, point: int, kind: str, bits: int, budget: Budget):
        self.point, self.kind, self.bits, self.budget = point, kind, bits, budget
        self.bound: dict[str, Ball] = {}  # variables with a value of their own: the indices of sums
        self.cost = max(1, (bits // 256) ** 2 // 8)  # of one node: functions cost more at more bits

    def variable(self, name: str) -> Ball:
        if name in self.bound:
            return self.bound[name]
        return variable_value(name, self.point, self.kind, self.bits)

    def value(self, node: Node) -> Ball:
        self.budget.spend(self.cost)
        tag, bits = node[0], self.bits
        if tag == "num":
            return _integer(node[1], bits) if type(node[1]) is int else balls.rational(node[1], bits)
        if tag == "sym" or tag == "text":
            return self.variable(node[1])
        if tag == "mul":
            result = self.value(node[1][0])
            for child in node[1][1:]:
                result = balls.mul(result, self.value(child), bits)
            return result
        if tag == "add":
            return balls.add([self.value(child) for child in node[1]], bits)
        if tag == "neg":
            return balls.neg(self.value(node[1]))
        if tag == "div":
            return balls.div(self.value(node[1]), self.value(node[2]), bits)
        if tag == "pow":
            return self.power(node[1], node[2])
        if tag == "fn":
            return self.function(node[1], node[2])
        if tag == "const":
            return self.constant(node[1])
        if tag == "unit":
            return self.unit(node[1])
        if tag in ("sum", "prod"):
            return self.series(node)
        if tag == "base":
            x = exact_value(node, self.budget)
            if x is not None:
                return balls.rational(x, bits)
        raise NotScalar(tag)

    def constant(self, name: str) -> Ball:
        if name in self.bound:
            return self.bound[name]
        if name == "pi":
            return balls.pi(self.bits)
        if name == "e":
            return balls.e(self.bits)
        if name == "i":
            return balls.IMAGINARY_UNIT
        raise Undefined

    def unit(self, name: str) -> Ball:
        if name == "deg":
            return balls.div(self.constant("pi"), balls.rational(180, self.bits), self.bits)
        return balls.rational(worth(name), self.bits)

    def power(self, base: Node, exponent: Node) -> Ball:
        x = self.value(base)
        n = exact_value(exponent, self.budget)
        if n is not None and n.denominator != 1 and n.denominator <= 64 and not names(exponent):
            if balls.is_zero(x) and n < 0:
                raise Undefined
            # A fractional power is a root of a power: real for an odd root of a negative number.
            return balls.power(
                balls.root(x, n.denominator, self.bits), balls.rational(n.numerator, self.bits), self.bits
            )
        return balls.power(x, self.value(exponent), self.bits)

    def function(self, name: str, arguments: tuple[Node, ...]) -> Ball:
        bits = self.bits
        if name in INTEGER_FUNCTIONS or name in ("abs", "sqrt"):
            found = exact_value(("fn", name, arguments), self.budget)
            if found is not None:
                return balls.rational(found, bits)
        values = [self.value(child) for child in arguments]
        x = values[0]
        if name in INTEGER_FUNCTIONS:
            return self.integers(name, values)
        if name[0] == "?":
            phase = self.variable(name)
            terms = [balls.mul(v, balls.rational(Fraction(7 + 3 * n, 5), bits), bits) for n, v in enumerate(values)]
            return balls.elementary("sin", balls.add([phase, *terms], bits), bits)
        if name in ("max", "min") and values:
            return balls.extreme(values, largest=name == "max")
        if name == "log" and len(values) == 2:
            return balls.div(balls.log(x, bits), balls.log(values[1], bits), bits)
        if name == "sqrt" and len(values) == 2:
            n = balls.whole(values[1])
            if n is None or not 0 < n <= 1000:
                return balls.power(x, balls.reciprocal(values[1], bits), bits)
            return balls.root(x, n, bits)
        if len(values) != 1:
            raise Undefined
        if name in _ELEMENTARY:
            return balls.elementary(name, x, bits)
        if name in _RECIPROCAL:
            return balls.reciprocal(balls.elementary(_RECIPROCAL[name], x, bits), bits)
        if name in _ARC_RECIPROCAL:
            return balls.elementary(_ARC_RECIPROCAL[name], balls.reciprocal(x, bits), bits)
        if name == "arccot":
            half = balls.div(self.constant("pi"), balls.rational(2, bits), bits)
            return balls.add([half, balls.neg(balls.elementary("arctan", x, bits))], bits)
        if name == "exp":
            return balls.exp(x, bits)
        if name == "log":
            return balls.log(x, bits)
        if name == "lg":
            return balls.div(balls.log(x, bits), balls.log(balls.rational(10, bits), bits), bits)
        if name in ("sqrt", "cbrt"):
            return balls.root(x, 2 if name == "sqrt" else 3, bits)
        if name == "abs":
            return balls.absolute(x, bits)
        if name == "sgn" and x[1] is None:
            return balls.rational(0 if balls.is_zero(x) else -1 if x[0][0] else 1, bits)
        raise NotScalar(name)

    def integers(self, name: str, values: list[Ball]) -> Ball:
        """Functions of integers, and the floor and ceiling of any real number."""
        x = values[0]
        if name in ("floor", "ceil"):
            if x[1] is not None or balls.size(x) > 64:
                raise Undefined
            n = balls.whole(x)
            if n is None:
                n = balls.to_fraction(x).__floor__() + (name == "ceil")
            return balls.rational(n, self.bits)
        numbers = [balls.whole(v) for v in values]
        result = exact_function(name, numbers, self.budget) if None not in numbers else None
        if result is None:
            raise Undefined
        return balls.rational(result, self.bits)

    def series(self, node: Node) -> Ball:
        kind, name, low, high, body = node
        first, last = balls.whole(self.value(low)), balls.whole(self.value(high))
        if first is None or last is None or not -1 <= last - first <= 300:
            raise TooLarge
        outer = self.bound.get(name)
        values = []
        for n in range(first, last + 1):
            self.bound[name] = balls.rational(n, self.bits)
            values.append(self.value(body))
        self.bound.pop(name, None)
        if outer is not None:
            self.bound[name] = outer
        if kind == "sum":
            return balls.add(values, self.bits) if values else balls.rational(0, self.bits)
        product = balls.rational(1, self.bits)
        for v in values:
            product = balls.mul(product, v, self.bits)
        return product
