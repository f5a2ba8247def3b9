"""A first look in floating point: whether two real trees are plainly different. It never says that they are equal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from r1_verl.maths.approx import to_fraction
from r1_verl.maths.evaluate import value_of
from r1_verl.maths.trees import Node

_LOST = 1e-7  # a number smaller than this part of what it came from may be nothing but rounding
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FAR = 1e-6  # and this is well beyond what rounding adds up to


class _Unsure(Exception):
    """Not real, not known here, or too near to a place where rounding grows."""


def plainly_different(
    a: Node, g: Node, apart: float = 0.0, point: int = 0, new: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Whether two trees differ at a point by more than the part `apart` of either, beyond doubt of rounding.

    new: other names for variables of the first.
    """
    theirs = _gold_look(g, point)
    ours = _look(a, point, new) if theirs else None
    if ours is None:
        return False
    x, y = ours[0], theirs[0]
    gap = abs(x - y)
    return gap > _FAR * max(ours[1], theirs[1]) and gap > apart * max(abs(x), abs(y))


def _look(node: Node, point: int, new: Mapping[str, str]) -> tuple[float, float] | None:
    """A tree's value and the largest number met on the way to it, or None where that is not sure."""
    look = _Look(point, new)
    try:
        return look.value(node), look.top
    except (_Unsure, ArithmeticError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _gold_look(node: Node, point: int) -> tuple[float, float] | None:
    """The same of a gold, which is compared with many answers: found once."""
    return _look(node, point, {})


class _Look:
    __slots__ = ("new", "point", "top")

    def __init__(self, point: int, new: Mapping[str, str]):
        self.point = point
        self.new = new
        self.top = 0.0  # the largest number met

    def value(self, node: Node) -> float:
        tag = node[0]
        if tag == "num":
            x = node[1]
            x = float(x) if type(x) is int else x.numerator / x.denominator
        elif tag == "sym":
            x = _float(self.new.get(node[1], node[1]), self.point)
        elif tag == "mul":
            x = 1.0
            for child in node[1]:
                x *= self.value(child)
        elif tag == "add":
            x = 0.0
            for child in node[1]:
                x += self.value(child)
        elif tag == "neg":
            return -self.value(node[1])
        elif tag == "div":
            x = self.value(node[1])
            y = self.value(node[2])
            if abs(y) <= _LOST * self.top:
                raise _Unsure
            x /= y
        elif tag == "pow":
            x = self.value(node[1])
            y = self.value(node[2])
            if x <= _LOST * self.top or abs(y) > 1000:
                raise _Unsure
            x = x**y
        elif tag == "fn":
            x = self.function(node[1], node[2])
        elif tag == "const":
            x = _CONSTANTS.get(node[1], math.nan)
        else:
            raise _Unsure
        if x > self.top:
            self.top = x
        elif -x > self.top:
            self.top = -x
        elif x != x:
            raise _Unsure
        return x

    def function(self, name: str, arguments: tuple[Node, ...]) -> float:
        if len(arguments) != 1:
            raise _Unsure
        x = self.value(arguments[0])
        if name == "sqrt" and x > 0:
            return math.sqrt(x)
        if name == "exp" and abs(x) < 300:
            return math.exp(x)
        if name == "log" and x > _LOST * self.top:
            return math.log(x)
        if name in ("sin", "cos") and abs(x) < 1000:
            return math.sin(x) if name == "sin" else math.cos(x)
        raise _Unsure


@lru_cache(maxsize=1024)
def _float(name: str, point: int) -> float:
    return float(to_fraction(value_of(name, point, "positive", 256)))
