"""Sets of real numbers as unions of intervals: intervals, inequalities, `x \\in S`, set-builder notation."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from r1_verl.maths.balls import START_BITS, to_fraction
from r1_verl.maths.evaluate import Evaluator, NotScalar
from r1_verl.maths.exact_values import Budget, exact_value
from r1_verl.maths.numbers import infinity_sign
from r1_verl.maths.trees import Node, names

_INF: Node = ("const", "inf")
_ALL = ("neg", _INF), False, _INF, False  # the interval of all real numbers
FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_MAX_INTERVALS = 32  # of one set
_END_BUDGET = 400  # operations to evaluate one end of an interval

Interval = tuple[Node, bool, Node, bool]  # lower end, whether it is closed, upper end, whether it is closed


class RealSet(NamedTuple):
    """A union of intervals; `name` is the variable of an inequality or a membership, "" for none."""

    intervals: tuple[Interval, ...]
    name: str = ""


def is_only_a_set(node: Node) -> bool:
    """Whether a tree is to be compared as a set of reals first. `(1,2)` is not: it may be a pair."""
    tag = node[0]
    if tag == "group":
        return (node[1:3] != ("(", ")") and len(node[3]) == 2) or any(infinity_sign(item) for item in node[3])
    if tag == "rel":
        return any(operator in FLIP or operator == "in" for operator in node[1])
    if tag == "list":
        return all(item[0] == "rel" and is_only_a_set(item) for item in node[1])
    return tag in ("setop", "builder") or (tag == "set" and node[1] in ("reals", "empty"))


def real_set(node: Node) -> RealSet | None:
    """The set that a tree describes; None if it describes none that is a union of intervals."""
    tag = node[0]
    if tag == "group":
        if len(node[3]) != 2:
            return None
        return RealSet(((node[3][0], node[1] == "[", node[3][1], node[2] == "]"),))
    if tag == "braces":
        return RealSet(tuple((x, True, x, True) for x in node[1])) if len(node[1]) <= _MAX_INTERVALS else None
    if tag == "set":
        return {"reals": RealSet((_ALL,)), "empty": RealSet(())}.get(node[1])
    if tag == "rel":
        return _set_of_relation(node)
    if tag == "list":
        parts = [real_set(item) for item in node[1]] if len(node[1]) <= _MAX_INTERVALS else [None]
        if None in parts or len({part.name for part in parts}) != 1:
            return None
        union = _union([interval for part in parts for interval in part.intervals])
        # If every real number satisfies one of two conditions, both were meant to hold.
        if union is not None and len(union) == 1 and infinity_sign(union[0][0]) and infinity_sign(union[0][2]):
            return (
                RealSet(_intersection(parts[0].intervals, parts[1].intervals), parts[0].name)
                if len(parts) == 2
                else None
            )
        return RealSet(tuple(interval for part in parts for interval in part.intervals), parts[0].name)
    if tag == "builder":
        parts = [real_set(condition) for condition in node[2]]
        if node[1][0] == "rel":
            parts.append(real_set(node[1]))
        if None in parts or not parts or len(parts) > 3:
            return None
        whole = parts[0].intervals
        for part in parts[1:]:
            whole = _intersection(whole, part.intervals)
        return RealSet(whole)
    if tag == "setop":
        left, right = real_set(node[2]), real_set(node[3])
        if left is None or right is None:
            return None
        name = left.name or right.name
        if node[1] == "cup":
            both = (*left.intervals, *right.intervals)
            return RealSet(both, name) if len(both) <= _MAX_INTERVALS else None
        if node[1] == "cap":
            return RealSet(_intersection(left.intervals, right.intervals), name)
        return RealSet(_intersection(left.intervals, _complement(right.intervals)), name)
    return None


def _set_of_relation(node: Node) -> RealSet | None:
    operators, sides = node[1], node[2]
    if operators == ("in",):
        found = real_set(sides[1])
        return RealSet(found.intervals, _only_name(sides[0])) if found and _only_name(sides[0]) else None
    if any(operator not in FLIP for operator in operators):
        return None
    if len(sides) == 2:
        name = _only_name(sides[0])
        operator, bound = operators[0], sides[1]
        if not name:
            name, operator, bound = _only_name(sides[1]), FLIP[operator], sides[0]
        if not name or name in names(bound):
            return None
        if operator == "!=":
            return RealSet(((*_ALL[:2], bound, False), (bound, False, *_ALL[2:])), name)
        if operator[0] == "<":
            return RealSet(((*_ALL[:2], bound, operator == "<="),), name)
        return RealSet(((bound, operator == ">=", *_ALL[2:]),), name)
    name = _only_name(sides[1]) if len(sides) == 3 else ""
    if not name or {operator[0] for operator in operators} not in ({"<"}, {">"}):
        return None
    low, high = (sides[0], sides[2]) if operators[0][0] == "<" else (sides[2], sides[0])
    closed = [len(operator) == 2 for operator in operators]
    if operators[0][0] == ">":
        closed.reverse()
    return RealSet(((low, closed[0], high, closed[1]),), name)


def _only_name(node: Node) -> str:
    if node[0] == "sym":
        return node[1]
    if node[0] == "fn" and node[1][0] == "?":
        return node[1]
    return ""


def _end_value(node: Node) -> Fraction | float | None:
    """The value of an end of an interval; None if it depends on a variable or is not real."""
    sign = infinity_sign(node)
    if sign:
        return sign * float("inf")
    value = exact_value(node)
    if value is None and not names(node):
        try:
            found = Evaluator(0, "positive", START_BITS, Budget(_END_BUDGET)).value(node)
        except (ArithmeticError, NotScalar):
            return None
        # Rounded, so that two spellings of one number give one value.
        value = None if found[1] is not None else Fraction(round(to_fraction(found) * 2**160), 2**160)
    return value


def _intersection(left: tuple[Interval, ...], right: tuple[Interval, ...]) -> tuple[Interval, ...]:
    out = []
    ends = [[(_end_value(low), _end_value(high)) for low, _, high, _ in side] for side in (left, right)]
    if any(None in pair for side in ends for pair in side):
        raise ArithmeticError("symbolic ends")
    for a, (a_low, a_high) in zip(left, ends[0], strict=True):
        for b, (b_low, b_high) in zip(right, ends[1], strict=True):
            low, low_in = a[:2] if a_low > b_low else b[:2] if b_low > a_low else (a[0], a[1] and b[1])
            high, high_in = a[2:] if a_high < b_high else b[2:] if b_high < a_high else (a[2], a[3] and b[3])
            bottom, top = max(a_low, b_low), min(a_high, b_high)
            if bottom < top or (bottom == top and low_in and high_in):
                out.append((low, low_in, high, high_in))
    if len(out) > _MAX_INTERVALS:
        raise ArithmeticError("too many intervals")
    return tuple(out)


def _complement(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    whole: tuple[Interval, ...] = (_ALL,)
    for low, low_in, high, high_in in intervals:
        outside = [(*_ALL[:2], low, not low_in), (high, not high_in, *_ALL[2:])]
        whole = _intersection(
            whole, tuple(o for o in outside if not (infinity_sign(o[2]) == -1 or infinity_sign(o[0]) == 1))
        )
    return whole


def _union(intervals: list[Interval]) -> list[Interval] | None:
    """The same set as the fewest intervals in order; None if an end is symbolic or an interval is reversed."""
    keyed = []
    for low, low_in, high, high_in in intervals:
        bottom, top = _end_value(low), _end_value(high)
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


def same_set(a: RealSet, g: RealSet, same: Callable[[Node, Node], bool | None]) -> bool | None:
    """Whether two sets are equal; None if undecided. `same` compares two ends."""
    if a.name and g.name and a.name.lower() != g.name.lower():
        return False
    ours, theirs = _union(list(a.intervals)), _union(list(g.intervals))
    if ours is None or theirs is None:  # an end is symbolic: compare interval by interval
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
