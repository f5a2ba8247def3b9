"""What CPython's `eval` makes of text over the alphabet `0-9 + - * / ( ) .` and blanks, without `eval`, and bounded.

Published Countdown rewards evaluate such text, so that `**`, `//` and floats pay. The value is CPython's to the bit
(its own operators work on the numbers); what CPython would take hours over is refused instead. Integers above 2**17
bits are followed by their magnitude alone.
"""

from __future__ import annotations

import math
import operator
import re
from typing import Any, NamedTuple

MAX_CHARS = 4096
_EXACT_BITS = 1 << 17  # a power of this size takes CPython about 1 ms
_HANG_BITS = 1 << 26  # and one of this size about 20 s
_PARENTHESES = 200  # CPython's tokenizer takes no deeper nesting
_SIGNS = 2900  # nor its compiler a longer chain of unary signs (it fails above 2,990 less 3 a frame of the caller)
_STACK = 5975  # nor its parser both at once: a parenthesis costs it 28 levels, a sign 1

_tokens = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+|\*\*|//|\.\.\.|[^ \t\f]").findall
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "neg": 3, "pos": 3, "**": 4}
_OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "**": operator.pow,
}  # fmt: skip


class HangsError(ArithmeticError):
    """CPython would not come back, or not soon."""


class _Huge(NamedTuple):
    """An integer too large to hold: its sign, and bounds on log2 of its size."""

    sign: int
    low: float
    high: float


def evaluate(text: str) -> Any:
    """The value CPython's `eval` returns: int, float, complex, `()` or Ellipsis; an infinity for a vast integer.

    Raises whatever the operators raise, SyntaxError for text that is no expression or is longer than MAX_CHARS, and
    HangsError where CPython needs more than some 20 s.
    """
    stack: list[Any] = []
    for item in _compile(text):
        if item is _CALL:
            raise TypeError("a number is not callable")
        if not isinstance(item, str):
            stack.append(item)
        elif item in ("neg", "pos"):
            stack[-1] = _signed(item, stack[-1])
        else:
            right = stack.pop()
            stack[-1] = _apply(item, stack[-1], right)
    value = stack[0]
    return value.sign * math.inf if type(value) is _Huge else value


_CALL = object()  # `3(2)` is a call to CPython: its arguments are evaluated, then it raises


def _compile(text: str) -> list[Any]:
    """Reverse Polish, operands in CPython's order of evaluation. Raises SyntaxError."""
    if len(text) > MAX_CHARS:
        raise SyntaxError("expression too long")
    out: list[Any] = []
    pending: list[str] = []  # signs that wait for their operands; "(" and "call" for open parentheses
    depth = signs = 0
    operand, opened = True, ""  # an operand comes next; what the token before opened
    for token in _tokens(text):
        just_opened, opened = opened, ""
        if token in "\r\n":
            if not depth:
                raise SyntaxError("a second line")
            opened = just_opened
        elif token == "(":
            opened = "(" if operand else "call"
            pending.append(opened)
            operand = True
            depth += 1
        elif token == ")" and depth and (not operand or just_opened):
            while pending[-1] not in ("(", "call"):
                signs -= pending[-1] in ("neg", "pos")
                out.append(pending.pop())
            if pending.pop() == "call":
                out.append(_CALL)
            elif just_opened:
                out.append(())
            operand = False
            depth -= 1
        elif operand and token in "+-":
            pending.append("neg" if token == "-" else "pos")
            signs += 1
        elif operand and (token[0] in "0123456789" or token[1:].isdigit() or token == "..."):
            out.append(_atom(token))
            operand = False
        elif not operand and token in _OPERATORS:
            rank = _RANK[token] + (token == "**")  # ** groups from the right
            while pending and _RANK.get(pending[-1], 0) >= rank:
                signs -= pending[-1] in ("neg", "pos")
                out.append(pending.pop())
            pending.append(token)
            operand = True
        elif not (just_opened == "call" and token in ("*", "**")):  # f(*x), f(**x)
            raise SyntaxError(f"unexpected {token!r}")
        if depth > _PARENTHESES or signs > _SIGNS or 28 * depth + signs > _STACK:
            raise SyntaxError("nested too deeply")
    if operand or depth:
        raise SyntaxError("unfinished expression")
    return out + pending[::-1]


def _atom(token: str) -> Any:
    if token == "...":
        return ...
    if "." in token:
        return float(token)
    if token[0] == "0" and token.strip("0"):
        raise SyntaxError("leading zero")
    return int(token)


def _signed(sign: str, value: Any) -> Any:
    if type(value) is _Huge:
        return value._replace(sign=-value.sign) if sign == "neg" else value
    return -value if sign == "neg" else +value


def _apply(sign: str, left: Any, right: Any) -> Any:
    if type(left) is _Huge or type(right) is _Huge:
        return _vast(sign, left, right)
    if type(left) is type(right) is int:
        if sign == "*" and left.bit_length() + right.bit_length() > _EXACT_BITS:
            return _vast(sign, left, right)
        if sign == "**" and right > 1 and abs(left) > 1 and left.bit_length() * right > _EXACT_BITS:
            return _vast(sign, left, right)
    return _OPERATORS[sign](left, right)


def _vast(sign: str, left: Any, right: Any) -> Any:
    """Integer arithmetic where an operand or the result is too large to hold. Raises HangsError if undecided."""
    if not (isinstance(left, int | _Huge) and isinstance(right, int | _Huge)):
        raise OverflowError("integer too large for a float")
    (s, low, high), (t, other_low, other_high) = _size(left), _size(right)
    if sign in ("+", "-"):
        t = -t if sign == "-" else t
        if s == t:
            return _Huge(s, max(low, other_low), max(high, other_high) + 1)
        if low > other_high + 1:
            return _Huge(s, low - 1, high)
        if other_low > high + 1:
            return _Huge(t, other_low - 1, other_high)
        raise HangsError("the difference of two vast integers")
    if sign == "*":
        return _bounded(s * t, low + other_low, high + other_high) if s and t else 0
    if sign == "**":
        return _power(left, right, s, low, high, t)
    if not t:
        raise ZeroDivisionError
    if high < other_low - 1100:  # a fraction smaller than any float
        return 0.0 if sign == "/" else (-1 if s * t < 0 else 0)
    if low - other_high < 1100:
        raise HangsError("the quotient of two vast integers")
    if sign == "/":
        raise OverflowError("integer division result too large for a float")
    return _Huge(s * t, low - other_high - 1, high - other_low + 1)


def _power(base: Any, exponent: Any, s: int, low: float, high: float, t: int) -> Any:
    if t < 0:
        raise OverflowError("integer too large for a float")
    if not t:
        return 1
    if isinstance(base, int) and abs(base) < 2:
        if base == -1:
            raise HangsError("the parity of a vast integer")
        return base
    if type(exponent) is _Huge or exponent > _HANG_BITS:
        raise HangsError("a tower of exponents")
    return _bounded(s if exponent % 2 else 1, low * exponent, high * exponent)


def _bounded(sign: int, low: float, high: float) -> _Huge:
    if low > _HANG_BITS:
        raise HangsError("an integer of more than 2**26 bits")
    return _Huge(sign, low, high)


def _size(value: int | _Huge) -> _Huge:
    if type(value) is _Huge:
        return value
    log = math.log2(abs(value)) if value else -math.inf
    return _Huge((value > 0) - (value < 0), log - 1e-9 * abs(log), log * (1 + 1e-9))
