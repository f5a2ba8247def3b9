"""GSM8K's `#### number`: veRL's strict and flexible readings, and GRPO-Bias's, where the text must end with the number.

Sources: veRL 0.9.1 `utils/reward_score/gsm8k.py`; MYC000801/DS542-project (GRPO-Bias), branch final-update.
Faithful, all: texts are compared, so `18.0` is not `18`.
Strict: what follows the last `####` on its line, wherever that is outside the thinking (else the one final answer in a
tag or box), compared by `maths.judge`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import golds, is_canonical, one_line
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, NO_ANSWER, WRONG, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import MathPolicy, final_answer, grade, visible

_TAIL = 300  # characters; veRL looks no further back
_MARKED = re.compile(r"#### (-?[0-9.,]+)")
_NUMBER = re.compile(r"-?[0-9.,]+")
_AT_THE_END = re.compile(r"#### (-?[0-9.,]+)\Z")
_ENDS = ("<|endoftext|>", "<|im_end|>")


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """veRL's strict form: the last `#### number` of the last 300 characters."""
    found = _MARKED.findall(solution_str[-_TAIL:])
    return _exact(found[-1].replace(",", "") if found else None, ground_truth)


def flexible(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """veRL's flexible form: the last number of the last 300 characters, commas kept."""
    found = _NUMBER.findall(solution_str[-_TAIL:])
    number = next((text for text in reversed(found) if text != "."), found[0] if found else None)
    return _exact(number, ground_truth)


def grpo_bias(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """GRPO-Bias: the response ends with the number, after the end-of-text mark is removed (as veRL does)."""
    text = solution_str
    for mark in _ENDS:
        text = text.removesuffix(mark)
    found = _AT_THE_END.search(text, max(0, len(text) - _TAIL))
    return _exact(found[1].replace(",", "") if found else None, ground_truth)


def _exact(number: str | None, ground_truth: Any) -> Score:
    wanted = golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    if number is None:
        return Score(NO_ANSWER)
    if not isinstance(ground_truth, str) or is_canonical(ground_truth) or "####" in ground_truth:
        wanted = tuple(gold.replace(",", "") for gold in wanted)  # upstream's preparation does this to its golds
    return Score(CORRECT if number in wanted else WRONG, number, 1.0)


@scorer("grpo_bias", faithful=grpo_bias, scale="binary", task="math")
@scorer("gsm8k_flexible", faithful=flexible, scale="binary", task="math")
@scorer("gsm8k", sources=("gsm8k", "gsm8k/*", "openai/gsm8k"), faithful=faithful, scale="binary", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the final answer. format: 1.0 if a `####` marks it."""
    outside = visible(solution_str, extra_info)
    at = outside.rfind("####")
    found = final_answer(outside[max(at, 0) :])  # a tag or box after the mark is the later answer
    return grade(found, ground_truth, float(at >= 0 and bool(found.text)), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"#### {one_line(ground_truth)}"
