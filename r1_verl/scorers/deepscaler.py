r"""DeepScaleR (agentica-project/deepscaler): 1 if the box after `</think>` equals any gold, else 0.

Faithful: both think tags are required (the opening one may be in the prompt); the last `\boxed{}` after the first
`</think>` counts, equal by the Hendrycks rules or by the PRM800K grader.
Strict: one thinking part, closed, and the one final boxed answer after it, compared by `maths.judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import golds, one_line
from r1_verl.response import CLOSE, OPEN
from r1_verl.score import BAD_FORMAT, BAD_GROUND_TRUTH, NO_ANSWER, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import EXACT, MathPolicy, final_box, grade, grade_with
from r1_verl.scorers.graders.hendrycks import last_box
from r1_verl.scorers.graders.prm800k import prm_equal


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """DeepScaleR's reward. format: 1.0 if both tags are there."""
    close = solution_str.find(CLOSE)
    if close < 0 or not (extra_info.get("think_in_prompt") or OPEN in solution_str):
        return Score(BAD_FORMAT)
    answer = last_box(solution_str[close + len(CLOSE) :], fbox=True)
    if answer is None:
        return Score(NO_ANSWER, format=1.0)
    wanted = golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH, answer, 1.0)
    return grade_with(answer, wanted, prm_equal, EXACT)


@scorer(
    "deepscaler",
    sources=("deepscaler", "deepscaler/*", "agentica-org/DeepScaleR*"),
    faithful=faithful,
    scale="binary",
    task="math",
)
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the boxed answer after the thinking. format: 1.0 for one opened and closed thinking part."""
    if not one_thinking(solution_str, extra_info):
        return Score(BAD_FORMAT)
    return grade(final_box(solution_str, extra_info), ground_truth, 1.0, math_policy)


def one_thinking(text: str, info: Mapping[str, Any]) -> bool:
    """Whether `<think>` (here or in the prompt) and `</think>` occur once each, in this order."""
    opened, close = text.find(OPEN), text.find(CLOSE)
    if close < 0 or text.find(CLOSE, close + 1) >= 0:
        return False
    if info.get("think_in_prompt"):
        # A model may repeat the tag that the prompt opened: once, at the start, it does no harm.
        return opened < 0 or (not text[:opened].strip() and text.find(OPEN, opened + 1) < 0)
    return 0 <= opened < close and text.find(OPEN, opened + 1) < 0


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"<think>\n</think>\n\\boxed{{{one_line(ground_truth)}}}"
