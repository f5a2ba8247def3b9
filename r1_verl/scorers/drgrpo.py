r"""Dr. GRPO (sail-sg/understand-r1-zero): `drgrpo`, the boxed verifier, and `drgrpo_r1`, the answer-tag one; 1 or 0.

Faithful, both: the "fast" grader (Hendrycks rules or PRM800K), which refuses answers over 128 characters that repeat
themselves. The answer-tag verifier asks for the literal `</think> <answer>` and `</answer>`. Upstream pays 0 for a
response cut off at the length limit: veRL does not tell a scorer about that.
Strict: the one final answer outside the thinking, boxed or in the tag, compared by `maths.judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import golds, one_line
from r1_verl.score import BAD_FORMAT, BAD_GROUND_TRUTH, NO_ANSWER, UNREADABLE, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import EXACT, NOTHING, MathPolicy, final_answer, final_box, grade, grade_with, visible
from r1_verl.scorers.graders.hendrycks import MAX_CHARS, last_box
from r1_verl.scorers.graders.prm800k import prm_equal

_LONG = 128  # characters
_REPETITIVE = 0.2


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """The boxed verifier. format: 1.0 if there is a closed box."""
    answer = last_box(solution_str, fbox=True)
    return Score(NO_ANSWER) if answer is None else _grade(answer, ground_truth)


def faithful_r1(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """The answer-tag verifier. format: 1.0 if the literal tags are there."""
    if "</think> <answer>" not in solution_str or "</answer>" not in solution_str:
        return Score(BAD_FORMAT)
    answer = solution_str[solution_str.rfind("<answer>") + 8 :].replace("</answer>", "")
    if "\\boxed" in answer:
        boxed = last_box(answer, fbox=True)
        if boxed is None:
            return Score(NO_ANSWER, format=1.0)
        answer = boxed
    return _grade(answer, ground_truth)


def _grade(answer: str, ground_truth: Any) -> Score:
    wanted = golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH, answer, 1.0)
    if len(answer) > _LONG and (len(answer) > MAX_CHARS or repetition(answer) > _REPETITIVE):
        return Score(UNREADABLE, answer, 1.0)
    return grade_with(answer, wanted, prm_equal, EXACT)


def repetition(text: str) -> float:
    """2 x the sum of the longest common prefixes of neighbouring suffixes / (n (n + 1)); text of at most MAX_CHARS."""
    n = len(text)
    order = sorted(range(n), key=lambda i: text[i:])
    rank = [0] * n
    for place, i in enumerate(order):
        rank[i] = place
    total = common = 0
    for i in range(n):  # Kasai: the prefix shared with the neighbour shrinks by at most one from suffix to suffix
        if rank[i] == 0:
            common = 0
            continue
        j = order[rank[i] - 1]
        while i + common < n and j + common < n and text[i + common] == text[j + common]:
            common += 1
        total += common
        common = max(0, common - 1)
    return 2 * total / (n * (n + 1)) if n else 0.0


@scorer("drgrpo", faithful=faithful, scale="binary", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the final answer, which must be boxed. format: 1.0 for a closed box."""
    found = final_box(solution_str, extra_info)
    return grade(found, ground_truth, float(found.boxed), math_policy)


@scorer("drgrpo_r1", faithful=faithful_r1, scale="binary", task="math")
def strict_r1(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score what the last `<answer>` after the thinking holds. format: 1.0 if it is closed and the only one."""
    outside = visible(solution_str, extra_info)
    well_formed = outside.count("<answer>") == 1 == outside.count("</answer>")
    found = final_answer(outside) if "<answer>" in outside else NOTHING
    return grade(found, ground_truth, float(well_formed and found.text is not None), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in a form that both scorers accept."""
    return f"<think>\n</think> <answer>\\boxed{{{one_line(ground_truth)}}}</answer>"
