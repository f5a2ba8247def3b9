r"""open-r1 (huggingface/open-r1): the sum of accuracy, format and tag count, as main's demo recipes have it.

Other sums are lists of parts, as `r1_verl.pays` takes them: `format_feb` (the pattern of February 2025, recipes of the
first weeks), `format_jan` (before #238, one line only), `soft_format` (the R1-Zero branch), `reasoning_steps` and more.
Faithful: the published patterns, so junk on a new line after `</answer>` and doubled blocks pass; accuracy is what
math-verify finds, anywhere in the text. A gold that math-verify cannot read takes accuracy out of the sum.
Strict: patterns anchored at both ends with every tag once (the opening `<think>` may be in the prompt), accuracy of the
last `<answer>` alone, compared by `maths.judge`, and steps counted in the thinking.
`openr1_weights`: the weights of the sum, as recipes said them before there were lists.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth.math import is_canonical, one_line, raw_golds
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, WRONG, Score
from r1_verl.scorers import UnknownNameError, scorer, unknown_name
from r1_verl.scorers.answers import NOTHING, MathPolicy, final_answer, grade, visible
from r1_verl.scorers.graders.math_verify import outcome
from r1_verl.scorers.openr1_forms import PUBLISHED, STRICT, opened

_MAIN = {"accuracy": 1.0, "format": 1.0, "tag_count": 1.0}


def faithful(
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any],
    openr1_weights: Mapping[str, float] | None = None,
    **_: Any,
) -> Score:
    """open-r1's rewards as weighted parts. format: 1.0 by main's pattern."""
    weights = _weights(openr1_weights)
    wanted = raw_golds(ground_truth)
    if is_canonical(ground_truth):  # a bare answer, which math-verify would read as prose
        wanted = tuple(f"\\boxed{{{gold}}}" for gold in wanted)
    verdict = outcome("openr1", solution_str, wanted[:1]) if wanted and "accuracy" in weights else WRONG
    if not wanted:
        verdict = BAD_GROUND_TRUTH
    parts = {}
    for name, weight in weights.items():
        if name != "accuracy":
            parts[name] = weight * PUBLISHED[name](solution_str)
        elif verdict != BAD_GROUND_TRUTH:
            parts[name] = weight * (verdict == CORRECT)
    return Score(verdict, final_answer(solution_str).text or "", float(PUBLISHED["format"](solution_str)), parts)


@scorer(
    "openr1",
    sources=("openr1", "openr1/*", "open_r1/*", "open-r1/*", "AI-MO/NuminaMath-TIR"),
    faithful=faithful,
    scale="parts",
    task="math",
)
def strict(
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any],
    openr1_weights: Mapping[str, float] | None = None,
    math_policy: MathPolicy = None,
    **_: Any,
) -> Score:
    """The same weighted parts with their holes closed. format: 1.0 for the whole form, every tag once."""
    weights = _weights(openr1_weights)
    text = opened(solution_str, bool(extra_info.get("think_in_prompt")))
    outside = visible(solution_str, extra_info)
    found = final_answer(outside) if "<answer>" in outside else NOTHING
    verdict = grade(found, ground_truth, float(STRICT["format"](text)), math_policy)
    parts = {}
    for name, weight in weights.items():
        if name != "accuracy":
            parts[name] = weight * STRICT[name](text)
        elif verdict.outcome != BAD_GROUND_TRUTH:
            parts[name] = weight * (verdict.outcome == CORRECT)
    return verdict._replace(parts=parts)


def _weights(given: Mapping[str, float] | None) -> Mapping[str, float]:
    if given is None:
        return _MAIN
    for name in given:
        if name != "accuracy" and name not in PUBLISHED:
            raise UnknownNameError(unknown_name("open-r1 reward", name, ("accuracy", *PUBLISHED)))
    _note_weights()
    return {name: float(weight) for name, weight in given.items()}


@lru_cache(maxsize=1)
def _note_weights() -> None:
    print(
        "r1_verl: `openr1_weights` is a list of parts now: r1_verl.pays=[{name: openr1, weight: 0}, accuracy, "
        "{part: format_feb, weight: 0.5}]; the next version no longer takes the old form",
        file=sys.stderr,
    )


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"<think>\n\n</think>\n<answer>\n\\boxed{{{one_line(ground_truth)}}}\n</answer>"
