"""Whether two trees are equal: lists, tuples, sets, matrices, ratios, equations, inequalities, congruences.

`Comparison.same` sends every pair of trees to what compares it: scalars to `numbers`, sets of reals to `intervals`,
numbers with units to `quantities`. Members and sides come back to it one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from r1_verl.maths import balls
from r1_verl.maths.balls import START_BITS
from r1_verl.maths.evaluate import Evaluator, NotScalar
from r1_verl.maths.evidence import is_name
from r1_verl.maths.exact_values import Budget, Number, exact_value
from r1_verl.maths.intervals import FLIP, is_only_a_set, real_set, same_set
from r1_verl.maths.numbers import same_scalars, written_decimal
from r1_verl.maths.policy import Policy
from r1_verl.maths.quantities import same_quantity, split
from r1_verl.maths.trees import Node, any_node, names, rebuild, rename, scalar_names

_VALUES = frozenset(
    ("num", "sym", "const", "unit", "text", "add", "neg", "mul", "div", "pow", "fn", "sum", "prod", "mat", "base")
)
_PLUS_MINUS = ("pm", "mp")
_LEAVES = ("num", "sym", "const")
_PARAMETERS = frozenset("klmn")
_GROUPS = frozenset(("group", "braces", "list"))
_OF_ITS_KIND = frozenset(("logic", "int", "cases"))
_MAX_CASES = 6
_MAX_MATCH = 24  # longest list that is matched pair by pair, which is quadratic
_PIECEWISE = frozenset(("abs", "floor", "ceil", "max", "min", "sgn", "mod"))
# Functions whose equation is still to be solved: `\\ln x = 5` gives no value to a name.
_UNEVALUATED = frozenset(("log", "lg", "exp", "sqrt", "cbrt", "abs", "floor", "ceil", "fact", "fact2"))
_EQUAL_SIGNS = frozenset(("=", "~"))
_ORDER_SIGNS = frozenset(("<", ">", "<=", ">=", "!="))
_POINTS_OF_EQUATIONS = tuple((kind, point) for kind in ("positive", "mixed") for point in range(4))
_OF_EITHER_SIGN = ("fn", "pow")  # nodes on which a sign may make a difference
_SMALL_NUMBERS = (0, 1)
_ABOUT = Fraction(1, 50)  # relative difference that an "approximately equal" sign allows


class Comparison:
    """Compares the trees of one pair, within one budget. All methods return None if undecided."""

    def __init__(self, policy: Policy):
        self.policy = policy
        self.budget = Budget()

    def same(self, a: Node, g: Node) -> bool | None:
        if a == g:
            return True
        names_a = scalar_names(a)
        names_g = None if names_a is None else scalar_names(g)
        if names_g is not None:  # most pairs: two numbers or functions without structure
            try:
                return same_scalars(a, g, names_a, names_g, self.policy, self.budget)
            except NotScalar:
                return None
        if a[0] in _OF_ITS_KIND or g[0] in _OF_ITS_KIND:
            if a[0] == g[0]:
                return self.of_one_kind(a, g)
            return None if "int" in (a[0], g[0]) else False
        a, g = _as_matrix(a), _as_matrix(g)
        if a[0] != g[0] and "mul" in (a[0], g[0]):
            a, g = _unnamed_point(a), _unnamed_point(g)
        if a[0] != g[0]:
            a, g = _unpack_membership(a, g), _unpack_membership(g, a)
        if "mat" in (a[0], g[0]) and a[0] != "rel" != g[0]:
            return self.matrices(a, g)
        if a[0] == "rel" or g[0] == "rel":
            verdict = self.relations(a, g)
            if verdict is not None or (a[0] != "list" and g[0] != "list"):
                return verdict
        if a[0] == "setop" == g[0] and a[1] == g[1] and (names(a) or names(g)) and self.operations(a, g):
            return True
        if is_only_a_set(a) or is_only_a_set(g):
            ours, theirs = real_set(a), real_set(g)
            if ours is not None and theirs is not None:
                return same_set(ours, theirs, self.same)
            if (ours is None and a[0] in _VALUES) or (theirs is None and g[0] in _VALUES):
                return False  # a set and a number
        items_a, items_g = _members(a), _members(g)
        if len(items_a) == 1 == len(items_g) and a[0] not in ("group", "list") and g[0] not in ("group", "list"):
            return self.single(items_a[0], items_g[0])
        return self.lists(a, g, items_a, items_g)

    def of_one_kind(self, a: Node, g: Node) -> bool | None:
        """Two integrals, two functions by cases, or two formulas of logic."""
        if a[0] == "cases":
            return self.cases(a[1], g[1])
        if a[0] == "int":
            return a[1:3] == g[1:3] and self.same(a[3], g[3])
        return a[1] == g[1] and self.unordered(a[2], g[2])

    def operations(self, a: Node, g: Node) -> bool | None:
        """Two unions, intersections or differences of sets with names."""
        sides_a, sides_g = _operands(a), _operands(g)
        return self.ordered(sides_a, sides_g) if a[1] == "minus" else self.unordered(sides_a, sides_g)

    def single(self, a: Node, g: Node) -> bool | None:
        """An answer and a gold that are no lists."""
        if a[0] in ("braces", "group", "rel") or g[0] in ("braces", "group", "rel"):
            return self.same(a, g)
        if g[0] == "base":  # a gold in a base asks for that spelling
            return a == g
        if a[0] == "cong" == g[0]:
            return _same_congruence(a, g)
        if "text" in (a[0], g[0]) and a[0] != g[0]:
            return False
        if "ratio" in (a[0], g[0]):
            return self.ratios(a, g)
        if "set" in (a[0], g[0]):
            return False
        try:
            return same_quantity(a, g, self.policy, self.budget)
        except NotScalar:
            return None

    def lists(self, a: Node, g: Node, items_a: Sequence[Node], items_g: Sequence[Node]) -> bool | None:
        tuple_a, tuple_g = a[0] == "group", g[0] == "group"
        if tuple_a and tuple_g:
            other_interval = len(items_a) == 2 and a[1:3] != g[1:3]  # (1,2] and [1,2) have the same members
            return False if other_interval else self.ordered(items_a, items_g)
        if tuple_a or tuple_g:
            # A list without brackets may stand for a tuple; a set may not, nor for [1,2], which is an interval.
            group, other, items = (a, g, items_g) if tuple_a else (g, a, items_a)
            if other[0] == "braces":
                return False
            if is_only_a_set(group):
                return False  # an interval: [2,5), (0,\\infty)
            if group[1:3] == ("[", "]"):
                return self.unordered(items_a, items_g)
            if len(items) < 2 or group[1:3] != ("(", ")"):
                return False
            items = _sort_assignments(items)  # x=1, y=2 in any order
            return self.ordered(items_a, items) if tuple_a else self.ordered(items, items_g)
        if self.policy.unordered or a[0] == "braces" == g[0]:
            return self.unordered(_without_index(items_a), _without_index(items_g))
        return self.ordered(items_a, items_g)

    def ordered(self, a: Sequence[Node], g: Sequence[Node]) -> bool | None:
        if len(a) != len(g):
            return False
        return _all(self.same, zip(a, g, strict=True))

    def unordered(self, a: Sequence[Node], g: Sequence[Node]) -> bool | None:
        """As multisets."""
        if len(a) != len(g):
            return False
        keys_a, keys_g = [_key(x, self.budget) for x in a], [_key(y, self.budget) for y in g]
        if None not in keys_a and None not in keys_g and Counter(keys_a) == Counter(keys_g):
            return True
        if len(a) > _MAX_MATCH:
            return self.ordered(a, g)
        return _in_any_order(self.same, a, g)

    def cases(self, a: Sequence[tuple[Node, Node]], g: Sequence[tuple[Node, Node]]) -> bool | None:
        """Two functions by their cases, in any order."""
        if len(a) != len(g) or len(a) > _MAX_CASES:
            return False
        return _in_any_order(lambda x, y: self.same(x[0], y[0]) and self.same(x[1], y[1]), a, g)

    def matrices(self, a: Node, g: Node) -> bool | None:
        rows_a, rows_g = _rows(a), _rows(g)
        if rows_a is None or rows_g is None:
            return False
        if a[0] != g[0] and 1 in (len(rows_a), len(rows_g)):  # a tuple may stand for a row or column vector
            flat_a, flat_g = ([x for row in rows for x in row] for rows in (rows_a, rows_g))
            if min(len(rows_a), len(rows_a[0])) > 1 or min(len(rows_g), len(rows_g[0])) > 1:
                return False
            return self.ordered(flat_a, flat_g)
        if len(rows_a) != len(rows_g) or len(rows_a[0]) != len(rows_g[0]):
            return False
        return self.ordered([x for row in rows_a for x in row], [x for row in rows_g for x in row])

    def ratios(self, a: Node, g: Node) -> bool | None:
        x, y = (node[1] if node[0] == "ratio" else (node, ("num", 1, 0)) for node in (a, g))
        if len(x) != len(y):
            return False
        crossed = [(("mul", (p, y[0])), ("mul", (q, x[0]))) for p, q in zip(x[1:], y[1:], strict=True)]
        return _all(self.same, crossed)

    # --- relations ----------------------------------------------------------------------------------------------------

    def relations(self, a: Node, g: Node) -> bool | None:
        """An answer and a gold of which one or both are relations."""
        if a[0] == g[0]:
            return self.two_relations(a, g)
        relation, other, answered = (a, g, True) if a[0] == "rel" else (g, a, False)
        if other[0] == "list":
            return None  # to be compared member by member
        if set(relation[1]) <= _EQUAL_SIGNS:
            return self.equation_and_value(relation, other, answered)
        if other[0] in ("group", "braces", "setop", "set", "builder"):
            ours, theirs = real_set(a), real_set(g)
            return None if ours is None or theirs is None else same_set(ours, theirs, self.same)
        return False

    def equation_and_value(self, equation: Node, other: Node, answered: bool) -> bool | None:
        r"""An equation (`x=5`, `x=2+3=5`, `x=1/3 \approx 0.33`) and a tree that is no relation.

        answered: the equation is the answer, not the gold.
        """
        left, right = equation[2][0], equation[2][-1]
        if equation[1] == ("=",) and left[0] != "sym" and _is_new(right, left) and self.policy.assignment:
            verdict = self.same(left, other) if answered else self.same(other, left)  # a+b=w
            if verdict:
                return verdict
        name, values = _solved(equation, self.policy.unevaluated)
        if (name is not None and not self.policy.assignment) or not values or not self.is_consistent(values):
            return False
        pairs = (((value, other) if answered else (other, value)) for _, value in _final_values(values))
        return _any(self.same, pairs)

    def is_consistent(self, values: list[tuple[str, Node]]) -> bool:
        """Whether no step of a chain of values is known to be false: 6=5 is."""
        for (_, x), (operator, y) in pairwise(values):
            if "rel" in (x[0], y[0]):
                continue
            if operator == "~" and (x[0] in _GROUPS) != (y[0] in _GROUPS):
                return False
            if _free_names(x) or _free_names(y):
                if operator == "~" and not (_free_names(x) and _free_names(y)):
                    return False
                continue
            if x[0] in _GROUPS or y[0] in _GROUPS:
                continue
            if operator == "=" and self.same(x, y) is False:
                return False
            if operator == "~" and not self.rounds_to(x, y):
                return False
        return True

    def rounds_to(self, x: Node, y: Node) -> bool:
        r"""Whether `x \\approx y` is a rounding: `\\sqrt{2} \\approx 1.41`, and not `100 \\approx 101`."""
        u, v = self.real_value(x), self.real_value(y)
        if u is None or v is None:
            return self.same(x, y) is not False and u is v
        if u == v:
            return True
        if abs(u - v) > _ABOUT * max(abs(u), abs(v)):
            return False
        written = written_decimal(y)
        if written is None:
            return v.denominator == 1 and u.denominator != 1 and abs(u - v) <= Fraction(1, 2)
        cut_off = abs(v) <= abs(u) and abs(u - v) < written[0]
        return cut_off or abs(u - v) <= written[0] / 2

    def real_value(self, node: Node) -> Fraction | None:
        try:
            value = Evaluator(0, "positive", START_BITS, self.budget).value(node)
        except (balls.Undefined, balls.TooLarge, balls.MoreBits):
            return None
        return balls.to_fraction(value) if value[1] is None else None

    def two_relations(self, a: Node, g: Node) -> bool | None:
        if a[1] != g[1]:
            a, g = _unpack_membership(a, g), _unpack_membership(g, a)
            if a[0] != "rel" or g[0] != "rel":
                return None if "list" in (a[0], g[0]) else self.same(a, g)
        if set(a[1]) <= _EQUAL_SIGNS and set(g[1]) <= _EQUAL_SIGNS:
            return self.two_equations(a, g)
        if a[1] == ("in",) == g[1] or (set(a[1]) | set(g[1])) & _ORDER_SIGNS:
            ours, theirs = real_set(a), real_set(g)
            if ours is not None and theirs is not None:
                return same_set(ours, theirs, self.same)
        if a[1] == g[1] and self.ordered(a[2], g[2]):
            return True
        return a[1] == tuple(FLIP.get(op) for op in g[1][::-1]) and self.ordered(a[2], g[2][::-1])

    def two_equations(self, a: Node, g: Node) -> bool | None:
        name_a, values_a = _solved(a)
        name_g, values_g = _solved(g)
        if name_a is not None and name_g is not None:
            renaming = _renaming(name_a, name_g)
            if renaming and any(names(x) & set(renaming.values()) - set(renaming) for _, x in values_a):
                return False  # f(y)=2x
            if renaming is not None and self.is_consistent(values_a):
                final = values_g[-1][1]
                verdict = _any(self.same, ((rename(x, renaming), final) for _, x in _final_values(values_a)))
                if verdict or verdict is None or not names(g[2][1]):
                    return verdict
        if name_a is None and name_g is None and values_a and values_g:
            return self.is_consistent(values_a) and self.same(values_a[-1][1], values_g[-1][1])
        if a[1] == ("=",) == g[1]:
            return self.equivalent_equations(a, g)
        return False

    def equivalent_equations(self, a: Node, g: Node) -> bool | None:
        """Whether two equations are multiples of each other, or have the same solution for a name that one isolates."""
        f, h = (("add", (node[2][0], ("neg", node[2][1]))) for node in (a, g))
        if names(f) != names(h) or any_node(f, ("fn",), _is_piecewise) != any_node(h, ("fn",), _is_piecewise):
            return False
        if self.multiples(f, h):
            return True
        for side in (a[2][0], g[2][0], a[2][1], g[2][1]):
            if side[0] == "sym" and not any(
                any_node(x, ("fn",), lambda node, name=side[1]: name in names(node)) for x in (f, h)
            ):
                verdict = self.same_solution(f, h, side[1])
                if verdict is not None:
                    return verdict
        return False

    def multiples(self, f: Node, h: Node) -> bool:
        """Whether the ratio of two functions is the same, and not zero, at three points or more."""
        first = None
        agreed = 0
        for kind, point in _points(f, h):
            evaluator = Evaluator(point, kind, START_BITS, self.budget)
            try:
                x, y = evaluator.value(f), evaluator.value(h)
                if kind == "mixed" and not x[1] is y[1] is None:
                    continue  # roots and logarithms of negative numbers
                ratio = balls.div(x, y, START_BITS)
                if first is None:
                    first = ratio
                    if balls.is_zero(ratio):
                        return False
                elif not balls.same(ratio, first, START_BITS):
                    return False
                agreed += 1
            except (balls.Undefined, balls.TooLarge, balls.MoreBits):
                continue
        return agreed >= 3

    def same_solution(self, f: Node, h: Node, name: str) -> bool | None:
        """Whether f=0 and h=0, linear in `name`, have the same solution for it; None if one is not linear."""
        agreed = 0
        for kind, point in _points(f, h):
            try:
                x = self.linear_root(f, name, kind, point)
                y = None if x is None else self.linear_root(h, name, kind, point)
                if x is None or y is None:
                    return None
                if not balls.same(x, y, START_BITS) and (kind == "positive" or x[1] is y[1] is None):
                    return False
                agreed += 1
            except (balls.Undefined, balls.TooLarge, balls.MoreBits):
                if kind == "positive":
                    return None
        return agreed >= 3 and not self.has_other_zeros(f, h, name)

    def has_other_zeros(self, f: Node, h: Node, name: str) -> bool:
        """Whether one function has a factor without `name` that is zero where the other one is not: x(y-1) and y-1."""
        for other in names(f) - {name}:
            for value in _SMALL_NUMBERS:
                evaluator = Evaluator(0, "positive", START_BITS, self.budget)
                evaluator.bound[other] = balls.rational(value, START_BITS)
                try:
                    if balls.is_zero(evaluator.value(f)) != balls.is_zero(evaluator.value(h)):
                        return True
                except (balls.Undefined, balls.TooLarge, balls.MoreBits):
                    continue
        return False

    def linear_root(self, f: Node, name: str, kind: str, point: int) -> balls.Ball | None:
        """The zero of `f` in the variable `name`, the others at a point; None if f is not linear in it."""
        evaluator = Evaluator(point, kind, START_BITS, self.budget)
        values = []
        for n in range(3):
            evaluator.bound[name] = balls.rational(n, START_BITS)
            values.append(evaluator.value(f))
        slope = balls.add([values[1], balls.neg(values[0])], START_BITS)
        bend = balls.add([values[2], balls.neg(values[1]), balls.neg(slope)], START_BITS)
        if not balls.is_zero(bend) or balls.is_zero(slope):
            return None
        return balls.neg(balls.div(values[0], slope, START_BITS))


def _all(same: Callable[[Node, Node], bool | None], pairs: Iterable[tuple[Node, Node]]) -> bool | None:
    """Whether every pair is equal; None if none is known to be unequal and one is undecided."""
    verdict: bool | None = True
    for x, y in pairs:
        one = same(x, y)
        if one is False:
            return False
        verdict = verdict and one
    return verdict


def _any(same: Callable[[Node, Node], bool | None], pairs: Iterable[tuple[Node, Node]]) -> bool | None:
    """Whether any pair is equal; None if none is known to be equal and one is undecided."""
    verdict: bool | None = False
    for x, y in pairs:
        one = same(x, y)
        if one:
            return True
        verdict = None if one is None else verdict
    return verdict


# --- the members of structures ----------------------------------------------------------------------------------------


def _as_matrix(node: Node) -> Node:
    r"""A multiple of a matrix as a matrix, \mathbb{R}-\{0\} as a difference of sets; other trees unchanged."""
    if node[0] == "neg" and _as_matrix(node[1])[0] == "mat":
        return ("mat", tuple(tuple(("neg", x) for x in row) for row in _as_matrix(node[1])[1]))
    if node[0] == "mul":
        inside = [n for n, factor in enumerate(node[1]) if factor[0] == "mat"]
        if len(inside) == 1:
            others = node[1][: inside[0]] + node[1][inside[0] + 1 :]
            return ("mat", tuple(tuple(("mul", (*others, x)) for x in row) for row in node[1][inside[0]][1]))
    if node[0] == "add" and node[1][0][0] == "set" and len(node[1]) == 2 and node[1][1][0] == "neg":
        return ("setop", "minus", node[1][0], node[1][1][1])
    if node[0] == "div" and node[1][0] == "mat":
        return ("mat", tuple(tuple(("div", x, node[2]) for x in row) for row in node[1][1]))
    return node


def _rows(node: Node) -> tuple[tuple[Node, ...], ...] | None:
    """The rows of a matrix, of a tuple of tuples, or of a tuple as one row; None for other trees."""
    if node[0] == "mat":
        return node[1]
    if node[0] != "group":
        return None
    if len({len(item[3]) if item[0] == "group" else 0 for item in node[3]}) == 1 and node[3][0][0] == "group":
        return tuple(item[3] for item in node[3])  # [[1,2],[3,4]]
    return (node[3],)


def _members(node: Node) -> tuple[Node, ...]:
    """The members of a list, a set or a tuple. A member of a list or a set with a plus-minus sign counts as two."""
    if node[0] in ("list", "braces"):
        return tuple(part for item in node[1] for part in _both_signs(item))
    if node[0] == "group":
        return node[3]
    return _both_signs(node)


def _operands(node: Node) -> tuple[Node, ...]:
    r"""What an operation on sets joins: A, B and C of A \\cup B \\cup C."""
    first = _operands(node[2]) if node[2][:2] == node[:2] and node[1] != "minus" else (node[2],)
    return (*first, node[3])


def _both_signs(node: Node) -> tuple[Node, ...]:
    if node[0] in _LEAVES or not any_node(node, _PLUS_MINUS):
        return (node,)
    return _with_sign(node, False), _with_sign(node, True)


def _with_sign(node: Node, flip: bool) -> Node:
    """The tree with the upper sign of every plus-minus, or (flip) with the lower one."""
    if node[0] in _PLUS_MINUS:
        inner = _with_sign(node[1], flip)
        return ("neg", inner) if (node[0] == "mp") != flip else inner
    return rebuild(node, lambda child: _with_sign(child, flip))


def _in_any_order(same: Callable[[Any, Any], bool | None], a: Sequence[Any], g: Sequence[Any]) -> bool | None:
    """Whether each item of `a` has a partner of its own in `g`; None if only undecided pairs stand in the way."""
    rest, unsure = list(g), False
    for x in a:
        for n, y in enumerate(rest):
            verdict = same(x, y)
            if verdict:
                del rest[n]
                break
            unsure = unsure or verdict is None
        else:
            return None if unsure else False
    return True


def _key(node: Node, budget: Budget) -> tuple | Number | None:
    """A value that equal trees share if it is not None: the exact value, or those of a tuple's members."""
    if node[0] == "group":
        inner = tuple(_key(item, budget) for item in node[3])
        return None if None in inner else (node[1], node[2], inner)
    return exact_value(node, budget) if node[0] not in ("base", "rel") else None


# --- the parts of equations ------------------------------------------------------------------------------------------


def _solved(equation: Node, unevaluated: bool = False) -> tuple[Node | None, list[tuple[str, Node]]]:
    """The name that an equation gives a value, and the values after "=" or "~". None for a chain of values."""
    sides = list(zip(("=", *equation[1]), equation[2], strict=True))
    if _is_name(sides[0][1]) or (unevaluated and sides[0][1][0] == "fn" and names(sides[0][1])):
        return sides[0][1], [("=", sides[1][1]), *sides[2:]] if sides[1][0] == "=" else sides[1:]
    right = sides[1][1]
    if len(sides) == 2 and _is_name(right) and (not names(sides[0][1]) or _is_new(right, sides[0][1])):
        return sides[1][1], sides[:1]
    if any(_free_names(value) for _, value in sides):
        return None, []  # 2x=10 is not solved
    return None, sides


def _free_names(value: Node) -> set[str]:
    """The names of a side of an equation without its units: none for 31 units."""
    found = names(value)
    return found and names(split(value, gold=True)[0] or value)


def _is_new(name: Node, value: Node) -> bool:
    """Whether a name of one letter is none of the names of a value: w in (a+1)^2=w."""
    return name[0] == "sym" and name[1] not in names(value) and value[0] != "sym"


def _final_values(values: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """The values that an equation may mean: the last one, and the exact one before the first "~"."""
    about = [n for n, (operator, _) in enumerate(values) if operator == "~"]
    if not about:
        return values[-1:]
    return [values[max(0, about[0] - 1)], values[-1]]


def _is_name(node: Node) -> bool:
    """Whether the side of an equation is a name for the other side: x, x_1, f(x), AB, m+n, (x,y), a word."""
    tag = node[0]
    if tag == "text":
        return is_name(node[1])
    if tag == "sym":
        return True
    if tag == "fn":
        if node[1][0] != "?" and (node[1] in _UNEVALUATED and not _is_length(node)):
            return False
        return (node[1][0] == "?" or bool(names(node))) and all(_is_name(x) or x[0] == "num" for x in node[2])
    if tag == "group":
        return all(_is_name(x) for x in node[3])
    if tag == "mul":
        return all(map(_is_name, node[1]))
    if tag in ("add", "div"):
        return all(_is_name(x[1] if x[0] == "neg" else x) for x in (node[1] if tag == "add" else node[1:]))
    return False


def _points(f: Node, h: Node) -> tuple[tuple[str, int], ...]:
    """The points at which two sides of equations are compared: of either sign if a sign may make a difference."""
    either = any_node(f, _OF_EITHER_SIGN, _depends_on_sign) or any_node(h, _OF_EITHER_SIGN, _depends_on_sign)
    return _POINTS_OF_EQUATIONS if either else _POINTS_OF_EQUATIONS[:3]


def _depends_on_sign(node: Node) -> bool:
    return node[0] == "fn" or not (node[2][0] == "num" and node[2][1].denominator == 1)


def _is_piecewise(node: Node) -> bool:
    """Whether a node is a function of variables that has another formula here than there."""
    return node[1] in _PIECEWISE and bool(names(node))


def _is_length(node: Node) -> bool:
    """Whether a tree is the length of a segment or of a vector: |AB|, |\\vec a|."""
    if node[1] != "abs":
        return False
    inside = node[2][0]
    letters = inside[1] if inside[0] == "mul" else (inside,)
    return all(x[0] == "sym" and (x[1][:1].isupper() or " " in x[1]) for x in letters)


def _renaming(a: Node, g: Node) -> dict[str, str] | None:
    """The new names of the answer's variables under which both name the same: {t: x} for f(t) and f(x); else None."""
    if a == g:
        return {}
    if a[0] == "sym" == g[0]:
        return {} if a[1].lower() == g[1].lower() else None
    if ("sym", "y") in (a, g) and any(x[0] == "fn" and x[1][0] == "?" and x[2] == (("sym", "x"),) for x in (a, g)):
        return {}  # y for f(x)
    if a[0] == "fn" == g[0] and a[1] == g[1] and len(a[2]) == len(g[2]):
        pairs = list(zip(a[2], g[2], strict=True))
        if all(x[0] == "sym" == y[0] for x, y in pairs) and len(set(a[2])) == len(a[2]):
            return {x[1]: y[1] for x, y in pairs if x != y}
    return None


def _unnamed_point(node: Node) -> Node:
    """The coordinates of a named point: P(3,-4)."""
    if node[0] != "mul" or len(node[1]) != 2:
        return node
    name, point = node[1]
    named = name[0] == "sym" and name[1][:1].isupper() and point[:3] == ("group", "(", ")")
    return point if named else node


def _unpack_membership(node: Node, other: Node) -> Node:
    r"""`x \in \{1,2\}` as the set; (a,b)=(1,2) as a=1, b=2 if the other tree is a list; other trees unchanged."""
    if node[0] != "rel" or len(node[2]) != 2:
        return node
    left, right = node[2]
    if node[1] == ("in",) and right[0] == "braces" and _is_name(left):
        if other[0] != "rel":
            return right
        return ("rel", ("=",), (left, right[1][0])) if len(right[1]) == 1 else node  # x \\in \\{5\\}
    if node[1] == ("=",) and other[0] == "list" and left[0] == "group" == right[0] and len(left[3]) == len(right[3]):
        return ("list", tuple(("rel", ("=",), pair) for pair in zip(left[3], right[3], strict=True)))
    return node


def _without_index(items: Sequence[Node]) -> Sequence[Node]:
    """x_1=3, x_2=5 as x=3, x=5; other items unchanged."""
    if items[:1] and items[0][0] != "rel":
        return items
    if not all(x[0] == "rel" and x[1] == ("=",) and x[2][0][0] == "sym" for x in items):
        return items
    stems = {x[2][0][1].partition("_")[0] for x in items}
    if len(stems) > 1 or not all(x[2][0][1].partition("_")[2].isdecimal() for x in items):
        return items
    return [("rel", ("=",), (("sym", *stems), *x[2][1:])) for x in items]


def _sort_assignments(items: Sequence[Node]) -> Sequence[Node]:
    """Assignments in the order of their variables; other items unchanged."""
    if all(x[0] == "rel" and x[1] == ("=",) and x[2][0][0] == "sym" for x in items):
        return sorted(items, key=lambda x: x[2][0][1])
    return items


def _same_congruence(a: Node, g: Node) -> bool | None:
    """Whether two congruences a = b (mod n) differ at most in the representative b."""
    if a[1] != g[1] and ("sym", "") not in (a[1], g[1]):
        return False
    x, y, n, m = (exact_value(node) for node in (a[2], g[2], a[3], g[3]))
    if None in (x, y, n, m) or not n:
        return None
    return n == m and (x - y) % n == 0


def match_derivatives(a: Node, g: Node) -> tuple[Node, Node]:
    """Two trees with the variables of their derivatives taken away if one writes y' and the other dy/dx.

    Only where the other takes all its derivatives by the same one variable.
    """
    ours, theirs = ({name for name in names(node) if _is_derivative(name)} for node in (a, g))
    if not ours or not theirs:
        return a, g
    if not any("|" in name for name in ours):
        return a, _without_variable(g, theirs)
    if not any("|" in name for name in theirs):
        return _without_variable(a, ours), g
    return a, g


def rename_parameter(a: Node, g: Node) -> Node | None:
    """The answer with its one integer parameter called as the gold's is, n for k; None if there is none."""
    ours, theirs = names(a), names(g)
    old, new = ours - theirs, theirs - ours
    if len(old) != 1 or len(new) != 1 or not old | new <= _PARAMETERS:
        return None
    return rename(a, dict(zip(old, new, strict=True)))


def _is_derivative(name: str) -> bool:
    return name[:1] == "D" and name[1:2].isdecimal() and "(" in name


def _without_variable(node: Node, derivatives: set[str]) -> Node:
    if len({variable for name in derivatives for variable in name.partition("|")[2].split()}) > 1:
        return node
    return rename(node, {name: name.partition("|")[0] for name in derivatives})
