r"""SimpleRL (hkust-nlp/simpleRL-reason): v0's +1 / -0.5 / -1 on the word "boxed", and v1's 1 / 0.

Faithful v0: the Qwen2.5-Math answer of the response against the gold as the row spells it (upstream normalises one
side only, so some golds can never be matched: kept).
Faithful v1: the same answer, compared by math-verify, both boxed; the response needs no box.
Strict, both: the one final answer outside the thinking, in a closed box, compared by `maths.judge`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import one_line, raw_golds
from r1_verl.score import BAD_GROUND_TRUTH, EMPTY, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import QWEN, MathPolicy, final_box, grade, grade_with
from r1_verl.scorers.graders.math_verify import outcome
from r1_verl.scorers.graders.qwen_answer import extract
from r1_verl.scorers.graders.qwen_equal import equal

_STOPS = ("</s>", "<|im_end|>", "<|endoftext|>")
_BOX = re.compile(r"\\boxed\{")
_BRACES = re.compile(r"[{}]")


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """v0's reward. format: 1.0 if the word "boxed" occurs; the scale pays -1 without it, right or wrong."""
    text = _cut(solution_str)
    boxed = float("boxed" in text)
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH, "", boxed)
    return grade_with(extract(text), wanted, equal, QWEN, boxed)


def faithful_v1(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """v1's reward. format: 1.0 if a closed box of at most three levels of braces occurs (its "independent" mode)."""
    text = _cut(solution_str)
    boxed = float(_has_box(text))
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH, "", boxed)
    pred = extract(text)
    return Score(outcome("boxed", pred, wanted) if pred else EMPTY, pred, boxed)


@scorer(
    "simplerl_v1",
    sources=("simplerl_v1", "simplerl_v1/*", "simplelr_*", "hkust-nlp/SimpleRL-Zoo-Data"),
    faithful=faithful_v1,
    scale="binary",
    task="math",
)
@scorer("simplerl", sources=("simplerl", "simplerl/*"), faithful=faithful, scale="simplerl", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the final answer, which must be boxed. format: 1.0 for a closed box."""
    found = final_box(_cut(solution_str), extra_info)
    return grade(found, ground_truth, float(found.boxed), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"\\boxed{{{one_line(ground_truth)}}}"


def _cut(text: str) -> str:
    """The response up to the first end mark; what a model writes after that is another turn."""
    for stop in _STOPS:
        text = text.partition(stop)[0]
    return text.strip()


def _has_box(text: str) -> bool:
    r"""Whether a `\boxed{...}` closes with at most two levels of braces inside it. Linear in the text."""
    for box in _BOX.finditer(text):
        depth = 1
        for brace in _BRACES.finditer(text, box.end()):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                return True
            if depth > 3:  # unclosed boxes nest: the walk from each box ends at the third box after it
                break
    return False
