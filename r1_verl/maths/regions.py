"""Sets of real numbers: intervals, unions, inequalities, `x \\in S`, set-builder notation."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from r1_verl.maths.approx import to_fraction
from r1_verl.maths.evaluate import Evaluator, NotScalar
from r1_verl.maths.rational import exact
from r1_verl.maths.scalar import START_BITS, infinite
from r1_verl.maths.trees import Node, names

_INF: Node = ("const", "inf")
_ALL = ("neg", _INF), False, _INF, False
_FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_MAX = 32  # intervals of one set

Interval = tuple[Node, bool, Node, bool]  # from, closed, to, closed


class Region(NamedTuple):
    """A union of intervals; `name` is the variable that an inequality or a membership names, "" for none."""

    intervals: tuple[Interval, ...]
    name: str = ""


def plainly(node: Node) -> bool:
    """Whether a tree can be nothing but a set of reals: `(1,2)` and `[1,2]` alone may be lists."""
    tag = node[0]
    if tag == "group":
        return (node[1:3] != ("(", ")") and len(node[3]) == 2) or any(infinite(item) for item in node[3])
    if tag == "rel":
        return any(operator in _FLIP or operator == "in" for operator in node[1])
    if tag == "list":
        return all(item[0] == "rel" and plainly(item) for item in node[1])
    return tag in ("setop", "builder") or (tag == "set" and node[1] in ("reals", "empty"))


def region(node: Node) -> Region | None:
    """The region that a tree describes, or None."""
    tag = node[0]
    if tag == "group":
        if len(node[3]) != 2:
            return None
        return Region(((node[3][0], node[1] == "[", node[3][1], node[2] == "]"),))
    if tag == "braces":
        return Region(tuple((x, True, x, True) for x in node[1])) if len(node[1]) <= _MAX else None
    if tag == "set":
        return {"reals": Region((_ALL,)), "empty": Region(())}.get(node[1])
    if tag == "rel":
        return _relation(node)
    if tag == "list":
        parts = [region(item) for item in node[1]] if len(node[1]) <= _MAX else [None]
        if None in parts or len({part.name for part in parts}) != 1:
            return None
        union = _union([interval for part in parts for interval in part.intervals])
        # Two conditions that hold everywhere between them were meant to hold both.
        if union is not None and len(union) == 1 and infinite(union[0][0]) and infinite(union[0][2]):
            return Region(_meet(parts[0].intervals, parts[1].intervals), parts[0].name) if len(parts) == 2 else None
        return Region(tuple(interval for part in parts for interval in part.intervals), parts[0].name)
    if tag == "builder":
        parts = [region(condition) for condition in node[2]]
        if node[1][0] == "rel":
            parts.append(region(node[1]))
        if None in parts or not parts or len(parts) > 3:
            return None
        whole = parts[0].intervals
        for part in parts[1:]:
            whole = _meet(whole, part.intervals)
        return Region(whole)
    if tag == "setop":
        left, right = region(node[2]), region(node[3])
        if left is None or right is None:
            return None
        name = left.name or right.name
        if node[1] == "cup":
            both = (*left.intervals, *right.intervals)
            return Region(both, name) if len(both) <= _MAX else None
        if node[1] == "cap":
            return Region(_meet(left.intervals, right.intervals), name)
        return Region(_meet(left.intervals, _complement(right.intervals)), name)
    return None


def _relation(node: Node) -> Region | None:
    operators, sides = node[1], node[2]
    if operators == ("in",):
        found = region(sides[1])
        return Region(found.intervals, _only_name(sides[0])) if found and _only_name(sides[0]) else None
    if any(operator not in _FLIP for operator in operators):
        return None
    if len(sides) == 2:
        name = _only_name(sides[0])
        operator, bound = operators[0], sides[1]
        if not name:
            name, operator, bound = _only_name(sides[1]), _FLIP[operator], sides[0]
        if not name or name in names(bound):
            return None
        if operator == "!=":
            return Region(((*_ALL[:2], bound, False), (bound, False, *_ALL[2:])), name)
        if operator[0] == "<":
            return Region(((*_ALL[:2], bound, operator == "<="),), name)
        return Region(((bound, operator == ">=", *_ALL[2:]),), name)
    name = _only_name(sides[1]) if len(sides) == 3 else ""
    if not name or {operator[0] for operator in operators} not in ({"<"}, {">"}):
        return None
    low, high = (sides[0], sides[2]) if operators[0][0] == "<" else (sides[2], sides[0])
    closed = [len(operator) == 2 for operator in operators]
    if operators[0][0] == ">":
        closed.reverse()
    return Region(((low, closed[0], high, closed[1]),), name)


def _only_name(node: Node) -> str:
    if node[0] == "sym":
        return node[1]
    if node[0] == "fn" and node[1][0] == "?":
        return node[1]
    return ""


def _number(node: Node) -> Fraction | float | None:
    """The place of an end on the line, or None."""
    sign = infinite(node)
    if sign:
        return sign * float("inf")
    value = exact(node)
    if value is None and not names(node):
        try:
            found = Evaluator(0, "positive", START_BITS, [400]).value(node)
        except (ArithmeticError, NotScalar):
            return None
        # Rounded, so that two spellings of one number meet.
        value = None if found[1] is not None else Fraction(round(to_fraction(found) * 2**160), 2**160)
    return value


def _meet(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> tuple[Interval, ...]:
    out = []
    ends = [[(_number(low), _number(high)) for low, _, high, _ in side] for side in (left, right)]
    if any(None in pair for side in ends for pair in side):
        raise ArithmeticError("symbolic ends")
    for a, (a_low, a_high) in zip(left, ends[0], strict=True):
        for b, (b_low, b_high) in zip(right, ends[1], strict=True):
            low, low_in = a[:2] if a_low > b_low else b[:2] if b_low > a_low else (a[0], a[1] and b[1])
            high, high_in = a[2:] if a_high < b_high else b[2:] if b_high < a_high else (a[2], a[3] and b[3])
            bottom, top = max(a_low, b_low), min(a_high, b_high)
            if bottom < top or (bottom == top and low_in and high_in):
                out.append((low, low_in, high, high_in))
    if len(out) > _MAX:
        raise ArithmeticError("too many intervals")
    return tuple(out)


def _complement(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    whole: tuple[Interval, ...] = (_ALL,)
    for low, low_in, high, high_in in intervals:
        outside = [(*_ALL[:2], low, not low_in), (high, not high_in, *_ALL[2:])]
        whole = _meet(whole, tuple(o for o in outside if not (infinite(o[2]) == -1 or infinite(o[0]) == 1)))
    return whole


def _union(intervals: list[Interval]) -> list[Interval] | None:
    """The same set as the fewest intervals in order; None if an end is symbolic or an interval runs backwards."""
    keyed = []
    for low, low_in, high, high_in in intervals:
        bottom, top = _number(low), _number(high)
        if bottom is None or top is None or bottom > top:
            return None
        if bottom < top or (bottom == top and low_in and high_in):
            keyed.append((bottom, not low_in, top, high_in, low, high))
    keyed.sort(key=lambda k: k[:4])
    out: list[list] = []
    for bottom, low_out, top, high_in, low, high in keyed:
        if out and (bottom < out[-1][2] or (bottom == out[-1][2] and (not low_out or out[-1][3]))):
            if top > out[-1][2] or (top == out[-1][2] and high_in):
                out[-1][2:4], out[-1][5] = [top, high_in], high
        else:
            out.append([bottom, low_out, top, high_in, low, high])
    return [(k[4], not k[1], k[5], k[3]) for k in out]


def same_region(a: Region, g: Region, same: Callable[[Node, Node], bool | None]) -> bool | None:
    """Whether two regions are one set. `same` compares two ends."""
    if a.name and g.name and a.name.lower() != g.name.lower():
        return False
    ours, theirs = _union(list(a.intervals)), _union(list(g.intervals))
    if ours is None or theirs is None:  # symbolic ends: the same intervals in the same order
        ours, theirs = list(a.intervals), list(g.intervals)
    if len(ours) != len(theirs):
        return False
    verdict: bool | None = True
    for x, y in zip(ours, theirs, strict=True):
        if x[1] != y[1] or x[3] != y[3]:
            return False
        for end, other in ((x[0], y[0]), (x[2], y[2])):
            found = same(end, other)
            if not found:
                if found is False:
                    return False
                verdict = None
    return verdict
