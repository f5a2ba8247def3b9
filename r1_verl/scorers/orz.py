r"""Open-Reasoner-Zero: 1 if the box inside the last `<answer>...</answer>` equals the gold, else 0; no format reward.

Source: Open-Reasoner-Zero, `<answer>.*?(\\boxed{.*}).*?</answer>` and its `is_equal` (Hendrycks rules, else sympy's
`parse_latex`, which cannot be installed beside veRL: `maths.judge` replaces it, and reads only the first element of a
list, as it does). Upstream also requires that generation stopped by itself; a response cut off has no `</answer>`, so
not seeing the stop reason loses nothing.
Strict: the answer in the last `<answer>` outside the thinking, boxed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import one_line, raw_golds
from r1_verl.score import BAD_GROUND_TRUTH, NO_ANSWER, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import EXACT, NOTHING, MathPolicy, SympyStandIn, final_answer, grade, grade_with, visible
from r1_verl.scorers.graders.hendrycks import MAX_CHARS, first_element, is_equiv, last_box


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """Open-Reasoner-Zero's reward. format: 1.0 if the pattern is found."""
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    found = extract(solution_str)
    if found is None:
        return Score(NO_ANSWER)
    return grade_with(found, wanted, _equal, EXACT)


def _equal(answer: str, gold: str, symbolic: SympyStandIn) -> bool:
    if is_equiv(answer, gold):
        return True
    return len(answer) <= MAX_CHARS and symbolic(first_element(answer), first_element(gold))


def extract(text: str) -> str | None:
    r"""The last box between the first `<answer>` that has one and the last `</answer>`; None if the pattern fails.

    The published pattern is greedy inside, so several answer blocks are one match. Linear, unlike the pattern.
    """
    start = text.find("<answer>")
    box = text.find("\\boxed{", start) if start >= 0 else -1
    end = text.rfind("</answer>")
    if box < 0 or end < box:
        return None
    close = text.rfind("}", box, end)
    return last_box(text[box : close + 1]) if close >= 0 else None


@scorer("orz", sources=("orz", "orz/*", "Open-Reasoner-Zero/*"), faithful=faithful, scale="binary", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the final answer. format: 1.0 for a closed box in a closed `<answer>`; without it there is no answer."""
    outside = visible(solution_str, extra_info)
    found = final_answer(outside)
    well_formed = found.boxed and outside.rfind("</answer>") > outside.rfind("<answer>") >= 0
    return grade(found if well_formed else NOTHING, ground_truth, float(well_formed), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"<think>\n</think> <answer> \\boxed{{{one_line(ground_truth)}}} </answer>"
