"""TinyZero's early task, the product of two numbers (Jiayi-Pan/TinyZero, verl/utils/reward_score/multiply.py).

Faithful: the last `<answer>...</answer>` that stands on one line, read by Python's `int`; 1, 0.1 for another integer, 0
for none. Upstream looks for its `Assistant:` header, which is in the prompt. No scorer of veRL 0.9.1 sees the prompt:
the header is taken to be there.
Strict: the last closed `<answer>` outside the thinking, one plain integer (thousands commas allowed).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import golds, one_line
from r1_verl.response import last_answer
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, NO_ANSWER, UNREADABLE, WRONG, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import visible

_PLAIN = re.compile(r"[+-]?(?:[0-9]{1,100}|[0-9]{1,3}(?:,[0-9]{3}){1,33})")
_MAX_DIGITS = 4300  # Python's own limit on int() of a text


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """TinyZero's reward. format: 1.0 if the answer is an integer."""
    product = _gold(ground_truth)
    if product is None:
        return Score(BAD_GROUND_TRUTH)
    answer = last_answer_on_a_line(solution_str)
    if answer is None:
        return Score(NO_ANSWER)
    try:
        value = int(answer[: _MAX_DIGITS + 1])
    except ValueError:
        return Score(UNREADABLE, answer)
    return Score(CORRECT if value == product else WRONG, answer, 1.0)


@scorer("multiply", sources=("multiply", "multiply/*", "yolo/*"), faithful=faithful, scale="tinyzero", task="multiply")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """Score the last closed `<answer>` outside the thinking. format: 1.0 if it is a plain integer."""
    product = _gold(ground_truth)
    if product is None:
        return Score(BAD_GROUND_TRUTH)
    answer = last_answer(visible(solution_str, extra_info))
    if answer is None:
        return Score(NO_ANSWER)
    answer = answer.strip()
    if not _PLAIN.fullmatch(answer):
        return Score(UNREADABLE if answer else EMPTY, answer)
    return Score(CORRECT if int(answer.replace(",", "")) == product else WRONG, answer, 1.0)


def ideal(ground_truth: Any) -> str:
    """A right response: the product in the form that this scorer asks for."""
    return f"<think>\n</think> <answer>{one_line(ground_truth)}</answer>"


def last_answer_on_a_line(text: str) -> str | None:
    """The last match of `<answer>(.*?)</answer>` (`.` is no newline), stripped; None if there is none. Linear."""
    end = len(text)
    while end > 0:
        start = text.rfind("\n", 0, end) + 1
        found, at = None, start
        while (opened := text.find("<answer>", at, end)) >= 0:
            closed = text.find("</answer>", opened, end)
            if closed < 0:
                break
            found, at = text[opened + 8 : closed], closed
        if found is not None:
            return found.strip()
        end = start - 1
    return None


def _gold(ground_truth: Any) -> int | None:
    for gold in golds(ground_truth)[:1]:
        if _PLAIN.fullmatch(gold):
            return int(gold.replace(",", ""))
    return None
