"""Whether two trees say the same: lists, tuples, sets, intervals, matrices, equations, quantities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from r1_verl.maths import relations
from r1_verl.maths.evaluate import NotScalar
from r1_verl.maths.policy import Policy
from r1_verl.maths.quantity import same_quantity
from r1_verl.maths.rational import BUDGET, exact
from r1_verl.maths.regions import plainly, region, same_region
from r1_verl.maths.scalar import same_scalars
from r1_verl.maths.trees import Node, any_node, rebuild, scalar_names

_VALUES = frozenset(
    ("num", "sym", "const", "unit", "text", "add", "neg", "mul", "div", "pow", "fn", "sum", "prod", "mat", "base")
)
_PLUS_MINUS = ("pm", "mp")
_BARE = ("num", "sym", "const")  # what has no parts
_MAX_MATCH = 24  # lists that need more than their exact values are matched pair by pair up to here


class Comparison:
    """One pair's comparison, with one budget. `same` returns None where it could not be told."""

    def __init__(self, policy: Policy):
        self.policy = policy
        self.left = [BUDGET]

    def same(self, a: Node, g: Node) -> bool | None:
        if a == g:
            return True
        names_a = scalar_names(a)
        names_g = None if names_a is None else scalar_names(g)
        if names_g is not None:  # most pairs: nothing of what follows concerns them
            try:
                return same_scalars(a, g, names_a, names_g, self.policy, self.left)
            except NotScalar:
                return None
        a, g = _shape(a), _shape(g)
        if a[0] != g[0]:
            a, g = relations.members(a, g), relations.members(g, a)
        if "mat" in (a[0], g[0]) and a[0] != "rel" != g[0]:
            return self.matrices(a, g)
        if a[0] == "rel" or g[0] == "rel":
            found = relations.same_relation(self, a, g)
            if found is not None or (a[0] != "list" and g[0] != "list"):
                return found
        if plainly(a) or plainly(g):
            ours, theirs = region(a), region(g)
            if ours is not None and theirs is not None:
                return same_region(ours, theirs, self.same)
            if (ours is None and a[0] in _VALUES) or (theirs is None and g[0] in _VALUES):
                return False  # a set and a number
        items_a, items_g = _spread(a), _spread(g)
        if len(items_a) == 1 == len(items_g) and a[0] not in ("group", "list") and g[0] not in ("group", "list"):
            return self.single(items_a[0], items_g[0])
        return self.lists(a, g, items_a, items_g)

    def single(self, a: Node, g: Node) -> bool | None:
        if a[0] in ("braces", "group", "rel") or g[0] in ("braces", "group", "rel"):
            return self.same(a, g)
        if g[0] == "base" or (a[0] == "base" == g[0]):
            return a == g
        if a[0] == "cong" == g[0]:
            return relations.same_congruence(self, a, g)
        if "text" in (a[0], g[0]) and a[0] != g[0]:
            return False
        if "ratio" in (a[0], g[0]):
            return self.ratios(a, g)
        if "set" in (a[0], g[0]):
            return False
        try:
            return same_quantity(a, g, self.policy, self.left)
        except NotScalar:
            return None

    def lists(self, a: Node, g: Node, items_a: Sequence[Node], items_g: Sequence[Node]) -> bool | None:
        tuple_a, tuple_g = a[0] == "group", g[0] == "group"
        if tuple_a and tuple_g:
            square = len(items_a) == 2 and a[1:3] != g[1:3]  # two members between other brackets: another interval
            return False if square else self.ordered(items_a, items_g)
        if tuple_a or tuple_g:
            # A bare list may be a tuple that lost its brackets; a set is none, and [1,2] is an interval.
            group, other, items = (a, g, items_g) if tuple_a else (g, a, items_a)
            if other[0] == "braces":
                return False
            if group[1] == "[" and group[2] == "]":
                return False if len(group[3]) == 2 else self.unordered(items_a, items_g)
            if len(items) < 2:
                return False
            items = relations.by_name(items)  # x=1, y=2 in any order
            return self.ordered(items_a, items) if tuple_a else self.ordered(items, items_g)
        if self.policy.unordered or a[0] == "braces" == g[0]:
            return self.unordered(items_a, items_g)
        return self.ordered(items_a, items_g)

    def ordered(self, a: Sequence[Node], g: Sequence[Node]) -> bool | None:
        if len(a) != len(g):
            return False
        verdict: bool | None = True
        for x, y in zip(a, g, strict=True):
            found = self.same(x, y)
            if found is False:
                return False
            verdict = verdict and found
        return verdict

    def unordered(self, a: Sequence[Node], g: Sequence[Node]) -> bool | None:
        """As multisets."""
        if len(a) != len(g):
            return False
        keys_a, keys_g = [_key(x, self.left) for x in a], [_key(y, self.left) for y in g]
        if None not in keys_a and None not in keys_g and Counter(keys_a) == Counter(keys_g):
            return True
        if len(a) > _MAX_MATCH:
            return self.ordered(a, g)
        rest, unsure = list(g), False
        for x in a:
            for n, y in enumerate(rest):
                found = self.same(x, y)
                if found:
                    del rest[n]
                    break
                unsure = unsure or found is None
            else:
                return None if unsure else False
        return True

    def matrices(self, a: Node, g: Node) -> bool | None:
        rows_a, rows_g = _rows(a), _rows(g)
        if rows_a is None or rows_g is None:
            return False
        if a[0] != g[0] and 1 in (len(rows_a), len(rows_g)):  # a tuple may stand for a row or a column
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
        verdict: bool | None = True
        for p, q in crossed:
            found = self.same(p, q)
            if found is False:
                return False
            verdict = verdict and found
        return verdict


def _shape(node: Node) -> Node:
    """A multiple of a matrix as a matrix; a single-member bracket as its member."""
    if node[0] == "neg" and _shape(node[1])[0] == "mat":
        return ("mat", tuple(tuple(("neg", x) for x in row) for row in _shape(node[1])[1]))
    if node[0] == "mul":
        inside = [n for n, factor in enumerate(node[1]) if factor[0] == "mat"]
        if len(inside) == 1:
            others = node[1][: inside[0]] + node[1][inside[0] + 1 :]
            return ("mat", tuple(tuple(("mul", (*others, x)) for x in row) for row in node[1][inside[0]][1]))
    if node[0] == "add" and node[1][0][0] == "set" and len(node[1]) == 2 and node[1][1][0] == "neg":
        return ("setop", "minus", node[1][0], node[1][1][1])  # \\mathbb{R}-\\{0\\}
    if node[0] == "div" and node[1][0] == "mat":
        return ("mat", tuple(tuple(("div", x, node[2]) for x in row) for row in node[1][1]))
    return node


def _rows(node: Node) -> tuple[tuple[Node, ...], ...] | None:
    if node[0] == "mat":
        return node[1]
    if node[0] != "group":
        return None
    if len({len(item[3]) if item[0] == "group" else 0 for item in node[3]}) == 1 and node[3][0][0] == "group":
        return tuple(item[3] for item in node[3])  # [[1,2],[3,4]]
    return (node[3],)


def _spread(node: Node) -> tuple[Node, ...]:
    """The members of a list, a set or a tuple, with every plus-minus as two."""
    if node[0] in ("list", "braces"):
        return tuple(part for item in node[1] for part in _signs(item))
    if node[0] == "group":
        return node[3]
    return _signs(node)


def _signs(node: Node) -> tuple[Node, ...]:
    if node[0] in _BARE or not any_node(node, _PLUS_MINUS):
        return (node,)
    return _chosen(node, False), _chosen(node, True)


def _chosen(node: Node, flip: bool) -> Node:
    """The tree with every plus-minus taken one way."""
    if node[0] in _PLUS_MINUS:
        inner = _chosen(node[1], flip)
        return ("neg", inner) if (node[0] == "mp") != flip else inner
    return rebuild(node, lambda child: _chosen(child, flip))


def _key(node: Node, left: list[int]):
    """Something equal for equal trees, or None where only a comparison tells."""
    if node[0] == "group":
        inner = tuple(_key(item, left) for item in node[3])
        return None if None in inner else (node[1], node[2], inner)
    return exact(node, left) if node[0] not in ("base", "rel") else None
