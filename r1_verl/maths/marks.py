"""What may follow the smallest parts of an expression: powers, degrees, primes, a base, a mixed number's fraction."""

from __future__ import annotations

from fractions import Fraction

from r1_verl.maths.atoms import number
from r1_verl.maths.commands import flat
from r1_verl.maths.symbols import ORDINALS
from r1_verl.maths.tokens import Unreadable
from r1_verl.maths.trees import Node

_DIGITS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.")


def power(p, base: Node) -> Node:
    """The node that `^` makes of `base`; the parser is behind the mark."""
    kind = p.kind
    if kind == "deg" or (kind == "{" and p.peek(1) == "deg" and p.peek(2) == "}"):
        for _ in range(1 if kind == "deg" else 3):
            p.advance()
        return degrees(p, base)
    if kind == "*" or (kind == "sym" and p.value in ("prime", "dagger", "star")):
        prime = p.value == "prime"
        p.advance()
        return derived(base) if prime else ("sym", f"{_name(base)}^*")
    if kind == "{" and p.peek(1) == "sym" and p.tokens[p.at + 1][1] == "prime":
        p.advance()
        while p.kind == "sym" and p.value == "prime":
            base = derived(base)
            p.advance()
        p.expect("}")
        return base
    exponent = p.exponent()
    if exponent[0] == "text" and exponent[1] in ORDINALS:
        return base
    if base == ("const", "e"):
        return ("fn", "exp", (exponent,))
    return ("pow", base, exponent)


def degrees(p, node: Node) -> Node:
    """A number of degrees, of Celsius or Fahrenheit if a letter says so."""
    name = "deg"
    if p.kind in ("unit", "sym", "text") and p.value in ("C", "F", "c", "f"):
        name += p.value.upper()
        p.advance()
    return ("mul", (node, ("unit", name)))


def subscript(p, node: Node) -> Node:
    """A number written in a base, or a longer name; the parser is behind the `_`."""
    digits = p.tokens[p.at - 2][1].upper()
    index = flat(p)
    if node[0] == "num" or (node[0] == "text" and digits.isalnum()):
        base = index.removeprefix("base").strip()
        if not base.isdecimal() or not 2 <= int(base[:3]) <= 36 or not set(digits) <= _DIGITS:
            raise Unreadable("base")
        return ("base", digits.lstrip("0") or "0", int(base))
    if node[0] == "sym":
        return ("sym", f"{node[1]}_{index}")
    raise Unreadable("subscript")


def _name(node: Node) -> str:
    if node[0] != "sym":
        raise Unreadable("name")
    return node[1]


def derived(node: Node) -> Node:
    """The derivative of a named function, as a name."""
    name = _name(node)
    order, _, rest = name[1:].partition("(")
    if name[0] == "D" and rest and order.isdecimal():
        return ("sym", f"D{int(order) + 1}({rest}")
    return ("sym", f"D1({name})")


def mixed(p, factors: list[Node]) -> None:
    """`2 1/2` as typed; any other two numbers in a row mean nothing."""
    top = number(p.value)
    p.advance()
    if p.kind != "/":
        raise Unreadable("two numbers")
    p.advance()
    if p.kind != "num":
        raise Unreadable("two numbers")
    factors.append(("div", top, number(p.value)))
    p.advance()
    if not join_mixed(factors):
        raise Unreadable("two numbers")


def join_mixed(factors: list[Node]) -> bool:
    """Whether the last two factors were a whole number and a proper fraction; then they are one number."""
    whole, part = factors[-2:]
    if whole[0] == "num" and not whole[2] and part[0] == "div" and part[1][0] == "num" == part[2][0]:
        top, bottom = part[1], part[2]
        if not top[2] and not bottom[2] and 0 < top[1] < bottom[1]:
            factors[-2:] = [("num", whole[1] + Fraction(top[1], bottom[1]), 0)]
            return True
    return False
