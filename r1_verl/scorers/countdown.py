"""Countdown, strict: exact arithmetic over a bounded parse; no model text is evaluated.

The last closed `<answer>` outside the thinking holds one expression of the given numbers, each exactly once, with
+ - * / signs and parentheses. `**`, `//`, decimals, juxtaposition and digits of other scripts are refused (published
rewards pay for them). Tolerated: × ÷ − · ⋅ and \\times \\div \\cdot, one \\boxed{} and one pair of math delimiters
around the expression, a true `= target` after it, line breaks, text after the tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from r1_verl.ground_truth.countdown import Puzzle, read_puzzle
from r1_verl.response import after_thinking
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, INVALID, NO_ANSWER, UNREADABLE, WRONG, Score
from r1_verl.scorers import scorer, tinyzero

_OAT_ZERO = ["oat_zero", "oat_zero/*", "lkevinzc/CountDownZero"]
_MAX_ANSWER = 1000  # characters; six numbers with LaTeX operators and parentheses need some 150

_integers = re.compile(r"[0-9]+").findall
_tokens = re.compile(r"[0-9]+|\S").findall
_arithmetic = re.compile(r"[0-9+\-*/()\s]+").fullmatch
_decorated = re.compile(r"[=\\$\x80-\U0010ffff]").search
_RANK = {")": 0, "+": 1, "-": 1, "*": 2, "/": 2, "neg": 3}
_TWINS = str.maketrans("×÷−·⋅", "*/-**")
_LATEX = (("\\times", "*"), ("\\div", "/"), ("\\cdot", "*"))
_BOX = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)
_MATH = re.compile(r"\$\$(.*)\$\$|\$(.*)\$|\\\((.*)\\\)|\\\[(.*)\\\]", re.DOTALL)
_EQUALS = re.compile(r"([^=]*)=\s*(-?[0-9]+)")


@scorer("oat_zero", sources=_OAT_ZERO, faithful=tinyzero.faithful, scale="tinyzero", task="countdown")
@scorer(
    "countdown", sources=["countdown", "countdown/*"], faithful=tinyzero.faithful, scale="tinyzero", task="countdown"
)
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Score one response (see the module's text). format: 1.0 for a closed answer of 1 to 1,000 characters."""
    puzzle = read_puzzle(ground_truth)
    if puzzle is None:
        return Score(BAD_GROUND_TRUTH)
    outside: str | None = solution_str
    opened = bool(extra_info.get("think_in_prompt"))
    if opened or solution_str.rfind("think>") >= 0:  # a text without thinking is scanned once
        outside = after_thinking(solution_str, opened)
    start = outside.rfind("<answer>") if outside else -1
    end = outside.find("</answer>", start, start + _MAX_ANSWER + 17) if start >= 0 else -1
    if end < 0:  # no answer, an unclosed one, or one longer than any answer is
        return Score(NO_ANSWER)
    answer = outside[start + 8 : end].strip()
    if not answer:
        return Score(EMPTY)
    outcome = _verdict(answer, puzzle)
    if outcome == UNREADABLE and _decorated(answer):
        plain, stated = _plain(answer)
        if not plain:
            return Score(EMPTY)
        outcome = _verdict(plain, puzzle)
        if outcome == CORRECT and stated not in (None, puzzle.target):
            outcome = WRONG  # 1 + 2 + 3 = 7
    return Score(outcome, answer, 1.0)


def _verdict(expression: str, puzzle: Puzzle) -> str:
    if not expression.isascii():  # int() would read the digits of any script
        return UNREADABLE
    if sorted(map(int, _integers(expression))) != puzzle.numbers:
        return INVALID if _arithmetic(expression) else UNREADABLE
    try:
        value = _evaluate(_tokens(expression))
    except ZeroDivisionError:
        return INVALID
    except (ValueError, LookupError):
        return UNREADABLE
    return CORRECT if value == puzzle.target else WRONG


def _evaluate(tokens: list[str]) -> int | Fraction:
    """The exact value; ValueError or LookupError if the tokens are no expression, ZeroDivisionError if it has no value.

    Two stacks and no recursion, so nesting costs nothing; values stay small, since the numbers are the puzzle's own.
    """
    values: list[Any] = []
    signs = ["("]  # closed by the ")" added here
    operand = True  # the next token begins an operand
    tokens.append(")")
    for token in tokens:
        if operand:
            if token == "(":
                signs.append("(")
            elif token == "-":
                signs.append("neg")
            elif token != "+":
                values.append(int(token))
                operand = False
            continue
        rank = _RANK[token]  # KeyError for "(" and for a second number: there is no sign between them
        while (sign := signs[-1]) != "(" and _RANK[sign] >= rank:
            del signs[-1]
            right = values.pop()
            if sign == "+":
                values[-1] += right
            elif sign == "-":
                values[-1] -= right
            elif sign == "*":
                values[-1] *= right
            elif sign == "neg":
                values.append(-right)
            else:
                left = values[-1]
                values[-1] = left // right if left % right == 0 else Fraction(left, right)
        if rank:
            signs.append(token)
            operand = True
        else:
            del signs[-1]
    if signs:
        raise ValueError("unclosed parenthesis")
    return values[0]


def _plain(answer: str) -> tuple[str, int | None]:
    """The expression without its box, its math delimiters and `= value` (each once), in ASCII signs, and that value."""
    plain, stated, rules = answer, None, [_BOX, _MATH, _EQUALS]
    while found := next((found for rule in rules if (found := rule.fullmatch(plain))), None):
        rules.remove(found.re)
        if found.re is _EQUALS:
            plain, stated = found[1].strip(), int(found[2])
        else:
            plain = found[found.lastindex].strip()
    for latex, sign in _LATEX:
        plain = plain.replace(latex, sign)
    return " ".join(plain.translate(_TWINS).split()), stated
