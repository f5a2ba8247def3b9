"""The smallest parts of an expression: numbers, names, brackets, functions and what backslash commands build."""

from __future__ import annotations

from fractions import Fraction

from r1_verl.maths.commands import bracket, command, environment, inside, symbol
from r1_verl.maths.exact import read_exact
from r1_verl.maths.tokens import Unreadable
from r1_verl.maths.trees import Node

# Tokens that can begin a factor of a product written without a sign.
STARTS = frozenset(
    (
        "num", "sym", "const", "fn", "unit", "text", "set", "cmd", "begin", "(", "[", "{", "{.", "[_", "[^", "<.", "$",
        "£", "€", "...",
    )
)  # fmt: skip
_INVERSE = {name: "arc" + name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")}


def number(text: str) -> Node:
    """The node of a number token; `0.1(6)` repeats its bracket for ever."""
    if len(text) < 20 and text.isdecimal():
        return ("num", int(text), 0)
    if "(" in text:
        head, _, tail = text.partition("(")
        tail = tail[:-1]
        decimals = len(head) - head.index(".") - 1
        fixed, nines = read_exact(head + "0"), 10 ** len(tail) - 1
        if fixed is None:
            raise Unreadable("number")
        return ("num", fixed + Fraction(int(tail), nines * 10**decimals), 0)
    value = read_exact(text)
    if value is None:
        raise Unreadable("number")
    mantissa = text.lower().partition("e")[0]
    digits = len(mantissa.replace(".", "").lstrip("0")) if len(mantissa) < len(text) or "." in text else 0
    return ("num", value, digits)


def atom(p) -> Node:
    """The factor at the parser's place, without what follows it (powers, marks, percent signs)."""
    kind, value = p.kind, p.value
    if kind == "num":
        p.advance()
        return number(value)
    if kind == "sym":
        p.advance()
        return symbol(p, value)
    if kind == "cmd":
        p.advance()
        return command(p, value)
    if kind in ("const", "unit", "set", "text", "..."):
        p.advance()
        return (kind, value)
    if kind == "fn":
        p.advance()
        return _function(p, value)
    if kind in ("(", "["):
        return bracket(p, kind)
    if kind == "{":
        p.advance()
        if p.peek(1) == "}" and (node := p.alone()):
            p.advance()
            return node
        node = inside(p, ("}", "choose"))
        if p.kind == "choose":
            p.advance()
            node = ("fn", "binom", (node, inside(p, ("}",))))
        p.expect("}")
        return ("braces", node[1]) if node[0] == "list" else node
    if kind == "{.":
        return _set(p)
    if kind == "<.":
        p.advance()
        node = inside(p, (".>",))
        p.expect(".>")
        return ("group", "(", ")", node[1]) if node[0] == "list" else node
    if kind in ("[_", "[^"):
        p.advance()
        node = inside(p, ("_]", "^]"))
        p.expect("_]" if kind == "[_" else "^]")
        return ("fn", "floor" if kind == "[_" else "ceil", (node,))
    if kind == "|":
        p.advance()
        outside, p.bars = p.bars, True
        node = p.additive()
        p.bars = outside
        p.expect("|")
        return ("fn", "det" if node[0] == "mat" else "abs", (node,))
    if kind in ("$", "£", "€"):
        p.advance()
        if p.kind in ("num", "-", "+", "cmd"):
            return ("mul", (p.signed(), ("unit", kind)))
        return ("unit", kind)
    if kind == "begin":
        return environment(p)
    raise Unreadable(f"no factor begins with {kind}")


def _set(p) -> Node:
    p.advance()
    if p.kind == ".}":
        p.advance()
        return ("set", "empty")
    bars, sets = p.bars, p.sets
    p.bars, p.sets = False, 1
    node = p.items((".}",))
    p.bars, p.sets = bars, sets
    p.expect(".}")
    items = node[1] if node[0] == "list" else (node,)
    first = items[0]
    if first[0] == "rel" and any(operator in (":", "mid") for operator in first[1]):
        at = next(n for n, operator in enumerate(first[1]) if operator in (":", "mid"))
        element = first[2][0] if at == 0 else ("rel", first[1][:at], first[2][: at + 1])
        rest = first[2][at + 1 :]
        condition = rest[0] if len(rest) == 1 else ("rel", first[1][at + 1 :], rest)
        return ("builder", element, (condition, *items[1:]))
    return ("braces", items)


def _function(p, name: str) -> Node:
    if name == "sqrt":
        order = None
        if p.kind == "[":
            p.advance()
            order = inside(p, ("]",))
            p.expect("]")
        radicand = atom(p)
        return ("fn", "sqrt", (radicand,) if order is None else (radicand, order))
    base = power = None
    while p.kind in ("^", "_"):
        mark = p.kind
        p.advance()
        if mark == "^":
            power = p.exponent()
        else:
            base = atom(p)
    arguments = _arguments(p)
    if base is not None:
        if name != "log":
            raise Unreadable("subscript")
        arguments = (*arguments, base)
    if power == ("neg", ("num", 1, 0)) and name in _INVERSE:
        return ("fn", _INVERSE[name], arguments)
    node = ("fn", name, arguments)
    return node if power is None else ("pow", node, power)


def _arguments(p) -> tuple[Node, ...]:
    if p.kind in ("(", "[", "{", "{.", "|"):
        node = atom(p)
        if node[0] == "group":
            return node[3]
        return node[1] if node[0] == "braces" else (node,)
    negative = p.kind == "-"
    if negative:
        p.advance()
    factors: list[Node] = []
    plain = True  # numbers and constants only, as in \\sin \\pi/3
    while p.kind in STARTS and p.kind != "fn" and not (factors and p.kind in ("(", "[", "{.")):
        plain = plain and (p.kind in ("num", "const") or (p.kind == "cmd" and p.value == "frac"))
        factors.append(p.factor())
        if plain and p.kind == "/" and p.peek(1) == "num":
            p.advance()
            factors = [("div", factors[0] if len(factors) == 1 else ("mul", tuple(factors)), p.factor())]
    if not factors:
        if p.kind != "fn":
            raise Unreadable("a function of nothing")
        factors = [p.factor()]
    node = factors[0] if len(factors) == 1 else ("mul", tuple(factors))
    return (("neg", node) if negative else node,)
