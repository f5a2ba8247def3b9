"""What backslash commands build: fractions, matrices, sums, derivatives and names with decorations."""

from __future__ import annotations

from r1_verl.maths import symbols as S
from r1_verl.maths.tokens import Token, Unreadable
from r1_verl.maths.trees import Node

_MATRICES = frozenset(("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix", "array"))
_APPLIED = frozenset("fghFGH")  # letters that mean a function when a bracket follows


def inside(p, stops: tuple[str, ...]) -> Node:
    """The items of a bracket; inside, a bar opens again."""
    bars, sets = p.bars, p.sets
    p.bars, p.sets = False, 0
    node = p.items(stops)
    p.bars, p.sets = bars, sets
    return node


def bracket(p, opened: str) -> Node:
    p.advance()
    node = inside(p, (")", "]"))
    closed = p.kind
    if closed not in (")", "]"):
        raise Unreadable("unclosed bracket")
    p.advance()
    if node[0] == "list":
        return ("group", opened, closed, node[1])
    if (opened, closed) not in (("(", ")"), ("[", "]")):
        raise Unreadable("brackets")
    return node


def flat(p) -> str:
    """The next token or group as a name."""
    if p.kind != "{":
        text = p.value or p.kind
        if p.kind == "end of text" or p.kind in ("}", ")", "]"):
            raise Unreadable("nothing there")
        p.advance()
        return text
    out, level = [], 0
    while True:
        if p.kind == "end of text":
            raise Unreadable("unclosed")
        level += (p.kind == "{") - (p.kind == "}")
        if p.kind not in ("{", "}"):
            out.append(p.value or p.kind)
        p.advance()
        if level == 0:
            return "".join(out)


def symbol(p, name: str) -> Node:
    if p.kind == "_":
        p.advance()
        name = f"{name}_{flat(p)}"
    if p.kind == "(" and name in _APPLIED:
        inside = bracket(p, "(")
        return ("fn", f"?{name}", inside[3] if inside[0] == "group" else (inside,))
    return ("sym", name)


def environment(p) -> Node:
    name = p.value
    p.advance()
    if name not in _MATRICES:
        raise Unreadable(name, heavy=True)
    if name == "array" and p.kind == "{":
        flat(p)
    rows: list[tuple[Node, ...]] = []
    row: list[Node] = []
    while True:
        row.append(inside(p, ("&", "row", "end")))
        if p.kind == "&":
            p.advance()
            continue
        rows.append(tuple(row))
        row = []
        while p.kind == "row":
            p.advance()
        if p.kind == "end":
            break
    if p.value != name or len({len(r) for r in rows}) != 1:
        raise Unreadable("matrix")
    p.advance()
    node = ("mat", tuple(rows))
    return ("fn", "det", (node,)) if name == "vmatrix" else node


def command(p, name: str) -> Node:
    if name == "frac":
        derivative = p.peek(1) in ("sym", "cmd") and _derivative(p)
        return derivative or ("div", p.argument(), p.argument())
    if name in ("binom", "dbinom", "tbinom"):
        return ("fn", "binom", (p.argument(), p.argument()))
    if name in ("sum", "prod"):
        return _sum(p, name)
    if name in ("dot", "ddot"):
        return ("sym", f"D{len(name) - 2}({flat(p)})")
    if name in S.DECORATION:
        return symbol(p, f"{name} {flat(p)}")
    if name in S.GEOMETRY:
        letters = [flat(p)] if p.kind == "{" else []
        while p.kind == "sym" and (not letters or p.value[0].isupper()):
            letters.append(flat(p))
            if p.kind == "_":
                p.advance()
                letters.append("_" + flat(p))
        return ("sym", f"{name} {''.join(letters)}")
    raise Unreadable(name, heavy=True)


def _derivative(p) -> Node | None:
    """dv/dt as one name, whatever it is taken by: an equation may write v' for it."""
    tokens, mark = p.tokens, ("sym", "d")
    top = _group(tokens, p.at)
    bottom = _group(tokens, p.at + len(top) + 2)
    if top[:1] == [("cmd", "partial")]:
        mark = top[0]
    if len(top) < 2 or top[0] != mark or bottom[:1] != [mark]:
        return None
    inner, order = top[1:], "1"
    if inner[0] == ("^", ""):
        power = _group(inner, 1) or inner[1:2]
        if len(power) != 1 or power[0][0] != "num":
            return None
        order = power[0][1][:2]
        inner = inner[4:] if inner[1][0] == "{" else inner[2:]
    names = [value or kind for kind, value in inner if kind not in ("{", "}")]
    if names[-3:-2] == ["("] and names[-1:] == [")"]:
        names = names[:-3]  # dx(t)/dt
    if not names:
        return None
    for _ in range(len(top) + len(bottom) + 4):
        p.advance()
    return ("sym", f"D{order}({''.join(names)})")


def _group(tokens: list[Token], at: int) -> list[Token]:
    """The tokens inside the braces that open at `at`; none if nothing opens there or it is long."""
    if at >= len(tokens) or tokens[at][0] != "{":
        return []
    level = 0
    for end in range(at, min(len(tokens), at + 40)):
        level += (tokens[end][0] == "{") - (tokens[end][0] == "}")
        if level == 0:
            return tokens[at + 1 : end]
    return []


def _sum(p, name: str) -> Node:
    low = high = None
    while p.kind in ("_", "^"):
        mark = p.kind
        p.advance()
        if mark == "_":
            low = inside(p, ()) if p.kind != "{" else p.atom()
        else:
            high = p.argument()
    if low is None or high is None or low[0] != "rel" or low[1] != ("=",) or low[2][0][0] not in ("sym", "const"):
        raise Unreadable(name, heavy=True)
    return (name, low[2][0][1], low[2][1], high, p.term())
