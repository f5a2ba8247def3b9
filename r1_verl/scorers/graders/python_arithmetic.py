"""What CPython's `eval` makes of text over the alphabet `0-9 + - * / ( ) .` and blanks, without `eval`, and bounded.

Published Countdown rewards evaluate such text, so that `**`, `//` and floats pay. The value is CPython's to the bit
(its own operators work on the numbers). An integer of more than 2**17 bits is refused: `9**9**9` takes CPython hours.
"""

from __future__ import annotations

import operator
import re
from typing import Any

MAX_CHARS = 4096
MAX_BITS = 1 << 17  # of an integer; a power of this size takes about 1 ms
_PARENTHESES = 200  # CPython's tokenizer takes no deeper nesting
_MAX_SIGNS = 2900  # nor its compiler a longer chain of unary signs (it fails above 2,990 less 3 a frame of the caller)
_STACK = 5975  # nor its parser both at once: a parenthesis costs it 28 levels, a sign 1

_tokens = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+|\*\*|//|\.\.\.|[^ \t\f]").findall
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "neg": 3, "pos": 3, "**": 4}
_OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "**": operator.pow,
}  # fmt: skip
_SIGNS = {"neg": operator.neg, "pos": operator.pos}


class HangsError(ArithmeticError):
    """An integer has more than MAX_BITS bits: CPython may need hours for the text."""


def evaluate(text: str) -> Any:
    """The value CPython's `eval` returns: int, float, complex, `()` or Ellipsis.

    Raises whatever the operators raise, SyntaxError for text that is no expression or is longer than MAX_CHARS, and
    HangsError for an integer of more than MAX_BITS bits.
    """
    stack: list[Any] = []
    for item in _compile(text):
        if item is _CALL:
            raise TypeError("a number is not callable")
        if not isinstance(item, str):
            stack.append(item)
        elif item in _SIGNS:
            stack[-1] = _SIGNS[item](stack[-1])
        else:
            right = stack.pop()
            stack[-1] = _apply(item, stack[-1], right)
    return stack[0]


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
                signs -= pending[-1] in _SIGNS
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
                signs -= pending[-1] in _SIGNS
                out.append(pending.pop())
            pending.append(token)
            operand = True
        elif not (just_opened == "call" and token in ("*", "**")):  # f(*x), f(**x)
            raise SyntaxError(f"unexpected {token!r}")
        if depth > _PARENTHESES or signs > _MAX_SIGNS or 28 * depth + signs > _STACK:
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


def _apply(sign: str, left: Any, right: Any) -> Any:
    whole = type(left) is type(right) is int
    if sign == "**" and whole and abs(left) > 1 and (left.bit_length() - 1) * right >= MAX_BITS:
        raise HangsError  # before the power is made, which may take hours
    value = _OPERATORS[sign](left, right)
    if type(value) is int and value.bit_length() > MAX_BITS:
        raise HangsError
    return value
