"""The value of a tree at a point, with a bound on its error.

Variables take fixed pseudo-random values by name and point, so that the same pair always gets the same verdict.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from zlib import crc32

from r1_verl.maths import approx as A
from r1_verl.maths import rational
from r1_verl.maths.approx import TooLarge, Undefined, Value
from r1_verl.maths.rational import INTEGER_FUNCTIONS, OutOfBudget, exact
from r1_verl.maths.trees import Node, names
from r1_verl.maths.units import worth

MAX_BITS = 6000
_ELEMENTARY = frozenset(("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh",
                         "arccosh", "arctanh"))  # fmt: skip
_RECIPROCAL = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh", "sech": "cosh", "csch": "sinh"}
_ARC_RECIPROCAL = {"arcsec": "arccos", "arccsc": "arcsin"}


class NotScalar(Exception):
    """The tree is a tuple, a set, an equation ...: it has no value."""


@lru_cache(maxsize=1024)
def value_of(name: str, point: int, kind: str, bits: int) -> Value:
    """The value that stands for a variable."""
    seed = crc32(f"{name}|{point}".encode())
    if kind == "integer":
        seed = crc32(name.encode())
        step = (1, 5, 7, 11)[seed // 24 % 4]  # through 1 to 24 in an order of its own
        return A.rational(1 + (step * point + seed) % 24, bits)
    low, width = ((0.55, 1.4), (1.9, 5.0), (0.06, 0.6))[point % 3]
    value = Fraction(int(low * 2**32) + int(width * seed), 2**32)
    if kind == "mixed" and crc32(f"{name}/{point}".encode()) & 16:
        value = -value
    return A.rational(value, bits)


@lru_cache(maxsize=1024)
def _integer(n: int, bits: int) -> Value:
    return A.rational(n, bits)


class Evaluator:
    """Values of trees at one point. kind: "positive", "mixed" (both signs) or "integer". left: the budget."""

    def __init__(self, point: int, kind: str, bits: int, left: list[int]):
        self.point, self.kind, self.bits, self.left = point, kind, bits, left
        self.bound: dict[str, Value] = {}  # the running variables of sums
        self.cost = max(1, (bits // 256) ** 2 // 8)  # what an exponential costs more at more bits

    def variable(self, name: str) -> Value:
        if name in self.bound:
            return self.bound[name]
        return value_of(name, self.point, self.kind, self.bits)

    def value(self, node: Node) -> Value:
        self.left[0] -= self.cost
        if self.left[0] < 0:
            raise OutOfBudget
        tag, bits = node[0], self.bits
        if tag == "num":
            return _integer(node[1], bits) if type(node[1]) is int else A.rational(node[1], bits)
        if tag == "sym" or tag == "text":
            return self.variable(node[1])
        if tag == "mul":
            result = self.value(node[1][0])
            for child in node[1][1:]:
                result = A.mul(result, self.value(child), bits)
            return result
        if tag == "add":
            return A.add([self.value(child) for child in node[1]], bits)
        if tag == "neg":
            return A.neg(self.value(node[1]))
        if tag == "div":
            return A.div(self.value(node[1]), self.value(node[2]), bits)
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
            x = exact(node, self.left)
            if x is not None:
                return A.rational(x, bits)
        raise NotScalar(tag)

    def constant(self, name: str) -> Value:
        if name in self.bound:
            return self.bound[name]
        if name == "pi":
            return (A.M.mpf_pi(self.bits, A.R), None, 3 - self.bits)
        if name == "e":
            return (A.M.mpf_e(self.bits, A.R), None, 3 - self.bits)
        if name == "i":
            return (A.ZERO, A.ONE, A.NOTHING)
        raise Undefined

    def unit(self, name: str) -> Value:
        if name == "deg":
            return A.div(self.constant("pi"), A.rational(180, self.bits), self.bits)
        return A.rational(worth(name), self.bits)

    def power(self, base: Node, exponent: Node) -> Value:
        x = self.value(base)
        n = exact(exponent, self.left)
        if n is not None and n.denominator != 1 and n.denominator <= 64 and not names(exponent):
            if A.is_zero(x) and n < 0:
                raise Undefined
            # A fractional power is a root of a power: real for an odd root of a negative number.
            y = A.power(A.root(x, n.denominator, self.bits), A.rational(n.numerator, self.bits), self.bits)
            return y
        return A.power(x, self.value(exponent), self.bits)

    def function(self, name: str, arguments: tuple[Node, ...]) -> Value:
        bits = self.bits
        if name in INTEGER_FUNCTIONS or name in ("abs", "sqrt"):
            found = exact(("fn", name, arguments), self.left)
            if found is not None:
                return A.rational(found, bits)
        values = [self.value(child) for child in arguments]
        x = values[0]
        if name in INTEGER_FUNCTIONS:
            return self.integers(name, values)
        if name[0] == "?":
            phase = self.variable(name)
            terms = [A.mul(v, A.rational(Fraction(7 + 3 * n, 5), bits), bits) for n, v in enumerate(values)]
            return A.elementary("sin", A.add([phase, *terms], bits), bits)
        if name in ("max", "min") and values:
            if any(v[1] is not None for v in values):
                raise Undefined
            best = x
            for v in values[1:]:
                if A.M.mpf_gt(v[0], best[0]) == (name == "max"):
                    best = v
            return best
        if name == "log" and len(values) == 2:
            return A.div(A.log(x, bits), A.log(values[1], bits), bits)
        if name == "sqrt" and len(values) == 2:
            n = A.whole(values[1])
            if n is None or not 0 < n <= 1000:
                return A.power(x, A.inverse(values[1], bits), bits)
            return A.root(x, n, bits)
        if len(values) != 1:
            raise Undefined
        if name in _ELEMENTARY:
            return A.elementary(name, x, bits)
        if name in _RECIPROCAL:
            return A.inverse(A.elementary(_RECIPROCAL[name], x, bits), bits)
        if name in _ARC_RECIPROCAL:
            return A.elementary(_ARC_RECIPROCAL[name], A.inverse(x, bits), bits)
        if name == "arccot":
            half = A.div(self.constant("pi"), A.rational(2, bits), bits)
            return A.add([half, A.neg(A.elementary("arctan", x, bits))], bits)
        if name == "exp":
            return A.exp(x, bits)
        if name == "log":
            return A.log(x, bits)
        if name == "lg":
            return A.div(A.log(x, bits), A.log(A.rational(10, bits), bits), bits)
        if name in ("sqrt", "cbrt"):
            return A.root(x, 2 if name == "sqrt" else 3, bits)
        if name == "abs":
            if x[1] is None:
                return A.neg(x) if x[0][0] else x
            return (A.M.mpc_abs((x[0], x[1]), bits, A.R), None, max(x[2], A.size(x) - bits) + 2)
        if name == "sgn" and x[1] is None:
            return A.rational(0 if A.is_zero(x) else -1 if x[0][0] else 1, bits)
        raise NotScalar(name)

    def integers(self, name: str, values: list[Value]) -> Value:
        """Functions of whole numbers, and the floor and ceiling of any real."""
        x = values[0]
        if name in ("floor", "ceil"):
            if x[1] is not None or A.size(x) > 64:
                raise Undefined
            n = A.whole(x)
            if n is None:
                n = A.to_fraction(x).__floor__() + (name == "ceil")
            return A.rational(n, self.bits)
        numbers = [A.whole(v) for v in values]
        result = rational.function(name, numbers, self.left) if None not in numbers else None
        if result is None:
            raise Undefined
        return A.rational(result, self.bits)

    def series(self, node: Node) -> Value:
        kind, name, low, high, body = node
        first, last = A.whole(self.value(low)), A.whole(self.value(high))
        if first is None or last is None or not -1 <= last - first <= 300:
            raise TooLarge
        outer = self.bound.get(name)
        values = []
        for n in range(first, last + 1):
            self.bound[name] = A.rational(n, self.bits)
            values.append(self.value(body))
        self.bound.pop(name, None)
        if outer is not None:
            self.bound[name] = outer
        if kind == "sum":
            return A.add(values, self.bits) if values else A.rational(0, self.bits)
        product = A.rational(1, self.bits)
        for v in values:
            product = A.mul(product, v, self.bits)
        return product
