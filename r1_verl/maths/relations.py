"""Equations, assignments, approximations and inequalities as answers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from r1_verl.maths import approx as A
from r1_verl.maths.evaluate import Evaluator
from r1_verl.maths.rational import exact
from r1_verl.maths.regions import region, same_region
from r1_verl.maths.scalar import START_BITS
from r1_verl.maths.trees import Node, names, rename

if TYPE_CHECKING:
    from r1_verl.maths.compare import Comparison

_LIKE = frozenset(("=", "~"))
_ORDER = frozenset(("<", ">", "<=", ">=", "!="))


def same_relation(judge: Comparison, a: Node, g: Node) -> bool | None:
    """Whether an answer and a gold agree, one or both of them a relation."""
    if a[0] == g[0]:
        return _both(judge, a, g)
    rel, other, answered = (a, g, True) if a[0] == "rel" else (g, a, False)
    if other[0] == "list":
        return None  # members are compared one by one
    if set(rel[1]) <= _LIKE:
        return _against(judge, rel, other, answered)
    if other[0] in ("group", "braces", "setop", "set", "builder"):
        x, y = region(a), region(g)
        return None if x is None or y is None else same_region(x, y, judge.same)
    return False


def _against(judge: Comparison, rel: Node, other: Node, answered: bool) -> bool | None:
    """An equation (`x=5`, `x=2+3=5`, `x=1/3 \\approx 0.33`) against what is none."""
    name, values = solved(rel)
    if (name is not None and not judge.policy.assignment) or not values:
        return False
    if not consistent(judge, values):
        return False
    verdict: bool | None = False
    for _, value in candidates(values):
        found = judge.same(value, other) if answered else judge.same(other, value)
        if found:
            return True
        verdict = found if found is None else verdict
    return verdict


def solved(rel: Node) -> tuple[Node | None, list[tuple[str, Node]]]:
    """What an equation names (None: nothing, it is a chain of values), and its values after "=" or "~"."""
    sides = list(zip(("=", *rel[1]), rel[2], strict=True))
    if is_name(sides[0][1]):
        return sides[0][1], [("=", sides[1][1]), *sides[2:]] if sides[1][0] == "=" else sides[1:]
    if len(sides) == 2 and is_name(sides[1][1]) and not names(sides[0][1]):
        return sides[1][1], sides[:1]
    if any(names(value) for _, value in sides):
        return None, []  # 2x=10 gives no value
    return None, sides


def candidates(values: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """The values that an equation may be read as: the last exact one, and what it is said to be about."""
    about = [n for n, (operator, _) in enumerate(values) if operator == "~"]
    if not about:
        return values[-1:]
    return [values[max(0, about[0] - 1)], values[-1]]


def consistent(judge: Comparison, values: list[tuple[str, Node]]) -> bool:
    """Whether a chain of values holds as far as it can be told: 6=5 does not."""
    for (_, x), (operator, y) in pairwise(values):
        if x[0] in ("rel", "group", "braces", "list") or y[0] in ("rel", "group", "braces", "list"):
            continue
        if names(x) or names(y):
            continue
        if operator == "=" and judge.same(x, y) is False:
            return False
        if operator == "~":
            u, v = _constant(x, judge), _constant(y, judge)
            if u is not None and v is not None and abs(u - v) > Fraction(1, 50) * max(abs(u), abs(v)):
                return False
    return True


def _constant(node: Node, judge: Comparison) -> Fraction | None:
    try:
        value = Evaluator(0, "positive", START_BITS, judge.left).value(node)
    except (A.Undefined, A.TooLarge, A.MoreBits):
        return None
    return A.to_fraction(value) if value[1] is None else None


def is_name(node: Node) -> bool:
    """Whether the side of an equation names what the other side is worth: x, x_1, f(x), AB, m+n, (x,y), a word."""
    tag = node[0]
    if tag in ("sym", "text"):
        return True
    if tag == "fn":
        return (node[1][0] == "?" or bool(names(node))) and all(is_name(x) or x[0] == "num" for x in node[2])
    if tag == "group":
        return all(is_name(x) for x in node[3])
    if tag == "mul":
        first, *rest = node[1]
        if first[0] == "sym" and len(rest) == 1 and rest[0][0] == "num":
            return True  # T(10)
        return is_name(first) and all(is_name(x) for x in rest)
    if tag in ("add", "div"):
        return all(is_name(x[1] if x[0] == "neg" else x) for x in (node[1] if tag == "add" else node[1:]))
    return False


def members(node: Node, other: Node) -> Node:
    """`x \\in \\{1,2\\}` as the set; (a,b)=(1,2) as a=1, b=2 where the other side is a list."""
    if node[0] != "rel" or len(node[2]) != 2:
        return node
    left, right = node[2]
    if node[1] == ("in",) and right[0] == "braces" and is_name(left):
        return right
    if node[1] == ("=",) and other[0] == "list" and left[0] == "group" == right[0] and len(left[3]) == len(right[3]):
        return ("list", tuple(("rel", ("=",), pair) for pair in zip(left[3], right[3], strict=True)))
    return node


def by_name(items: Sequence[Node]) -> Sequence[Node]:
    """Assignments to different variables in the order of their names; other items as they are."""
    if all(x[0] == "rel" and x[1] == ("=",) and x[2][0][0] == "sym" for x in items):
        return sorted(items, key=lambda x: x[2][0][1])
    return items


def _both(judge: Comparison, a: Node, g: Node) -> bool | None:
    if set(a[1]) <= _LIKE and set(g[1]) <= _LIKE:
        name_a, values_a = solved(a)
        name_g, values_g = solved(g)
        if name_a is not None and name_g is not None:
            renamed = _rename(name_a, name_g)
            if renamed is not None and consistent(judge, values_a):
                verdict: bool | None = False
                for _, x in candidates(values_a):
                    found = judge.same(rename(x, renamed), values_g[-1][1])
                    if found:
                        return True
                    verdict = found if found is None else verdict
                if verdict is None or not names(g[2][1]):
                    return verdict
        if name_a is None and name_g is None and values_a and values_g:
            return consistent(judge, values_a) and judge.same(values_a[-1][1], values_g[-1][1])
        if a[1] == ("=",) == g[1]:
            return _same_equation(judge, a, g)
        return False
    if a[1] == ("in",) == g[1] or (set(a[1]) | set(g[1])) & _ORDER:
        x, y = region(a), region(g)
        if x is not None and y is not None:
            return same_region(x, y, judge.same)
    return a[1] == g[1] and judge.ordered(a[2], g[2])


def _rename(a: Node, g: Node) -> dict[str, str] | None:
    """How to rename the answer's variables so that it names what the gold names (f(t) for f(x)), or None."""
    if a == g:
        return {}
    if a[0] == "sym" == g[0]:
        return {} if a[1].lower() == g[1].lower() else None
    if ("sym", "y") in (a, g) and any(x[0] == "fn" and x[1][0] == "?" and x[2] == (("sym", "x"),) for x in (a, g)):
        return {}  # y for f(x)
    if a[0] == "fn" == g[0] and a[1] == g[1] and len(a[2]) == len(g[2]):
        pairs = list(zip(a[2], g[2], strict=True))
        if all(x[0] == "sym" == y[0] for x, y in pairs):
            return {x[1]: y[1] for x, y in pairs}
    return None


def _same_equation(judge: Comparison, a: Node, g: Node) -> bool | None:
    """Whether two equations are multiples of each other, or solve to the same for a name that one of them isolates."""
    f, h = (("add", (node[2][0], ("neg", node[2][1]))) for node in (a, g))
    if names(f) != names(h):
        return False
    if _multiples(judge, f, h):
        return True
    for side in (a[2][0], g[2][0], a[2][1], g[2][1]):
        if side[0] == "sym":
            found = _same_solution(judge, f, h, side[1])
            if found is not None:
                return found
    return False


def _multiples(judge: Comparison, f: Node, h: Node) -> bool:
    first = None
    agreed = 0
    for point in range(8):
        evaluator = Evaluator(point, "positive", START_BITS, judge.left)
        try:
            ratio = A.div(evaluator.value(f), evaluator.value(h), START_BITS)
            if first is None:
                first = ratio
                if A.is_zero(ratio):
                    return False
            elif not A.same(ratio, first, START_BITS):
                return False
            agreed += 1
        except (A.Undefined, A.TooLarge, A.MoreBits):
            continue
        if agreed == 4:
            return True
    return False


def _same_solution(judge: Comparison, f: Node, h: Node, name: str) -> bool | None:
    """Whether both equations, linear in `name`, give it the same value; None if one is not linear."""
    for point in range(4):
        roots = []
        for node in (f, h):
            evaluator = Evaluator(point, "positive", START_BITS, judge.left)
            at = []
            try:
                for n in range(3):
                    evaluator.bound[name] = A.rational(n, START_BITS)
                    at.append(evaluator.value(node))
                slope = A.add([at[1], A.neg(at[0])], START_BITS)
                bend = A.add([at[2], A.neg(at[1]), A.neg(slope)], START_BITS)
                if not A.is_zero(bend) or A.is_zero(slope):
                    return None
                roots.append(A.neg(A.div(at[0], slope, START_BITS)))
            except (A.Undefined, A.TooLarge, A.MoreBits):
                return None
        try:
            if not A.same(roots[0], roots[1], START_BITS):
                return False
        except A.MoreBits:
            return None
    return True


def same_congruence(judge: Comparison, a: Node, g: Node) -> bool | None:
    """a = b (mod n) against the same with another representative."""
    if a[1] != g[1] and ("sym", "") not in (a[1], g[1]):
        return False
    x, y, n, m = exact(a[2]), exact(g[2]), exact(a[3]), exact(g[3])
    if None in (x, y, n, m) or not n:
        return None
    return n == m and (x - y) % n == 0
