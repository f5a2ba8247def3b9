r"""Competition mathematics for any recipe and for evaluation: `math`, `math_eval`, `minerva` and `math_verify`.

Strict, all four: the one final answer outside the thinking (in `<answer>`, else the last closed box, else a labelled
line), compared by `maths.judge`.
Faithful: `math` is veRL's own reward for `lighteval/MATH` and its copies (GRPO-Bias's too): last box, Hendrycks string
rules. `math_eval` and `minerva` are the Qwen2.5-Math evaluator behind the tables of SimpleRL and PRIME (for Minerva it
takes no word for a unit). `math_verify` is veRL's reward of that name.
veRL's `prime_math` (its reward for `numina_*`) evals model text and is never called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import one_line, raw_golds
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, NO_ANSWER, WRONG, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import QWEN, MathPolicy, final_answer, grade, grade_with, visible
from r1_verl.scorers.graders.hendrycks import is_equiv, last_box
from r1_verl.scorers.graders.math_verify import outcome
from r1_verl.scorers.graders.qwen_answer import extract, normalise
from r1_verl.scorers.graders.qwen_equal import equal

_MATH = (
    "math", "math/*", "math8k", "math8k/*", "numina_tir", "numina_*", "openr1_math", "openr1_math/*",
    "lighteval/MATH*", "DigitalLearningGmbH/MATH-lighteval", "xDAN2099/lighteval-MATH", "HuggingFaceH4/MATH-500",
)  # fmt: skip
_SUITES = (
    "math_eval", "math_eval/*", "math500", "math500/*", "aime*", "AIME*", "amc*", "AMC*", "olympiad*",
    "Maxwell-Jia/AIME*", "math-ai/*", "opencompass/AIME*", "gpqa_diamond", "mmlu_pro", "theoremqa",
)  # fmt: skip


def hendrycks(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    r"""veRL's `math_reward`: the last `\boxed{}` of the whole response, equal as normalised strings."""
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    found = last_box(solution_str)
    if found is None:
        return Score(NO_ANSWER)
    return Score(CORRECT if any(is_equiv(found, gold) for gold in wanted) else WRONG, found, 1.0)


def qwen(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """The Qwen2.5-Math evaluator: both sides normalised (the answer twice, as its script does)."""
    return _qwen(solution_str, ground_truth, keep_units=False)


def qwen_minerva(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """`qwen` as its script calls it for Minerva: no word is taken for a unit."""
    return _qwen(solution_str, ground_truth, keep_units=True)


def _qwen(text: str, ground_truth: Any, keep_units: bool) -> Score:
    wanted = [normalise(gold, keep_units) for gold in raw_golds(ground_truth)]
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    pred = normalise(extract(text, keep_units), keep_units)
    return grade_with(pred, wanted, equal, QWEN, float("boxed" in text))


def math_verify(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """veRL's `math_verify`: math-verify on the whole response. format: 1.0 if the word "boxed" occurs."""
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    found = final_answer(solution_str).text or ""
    return Score(outcome("anywhere", solution_str, wanted), found, float("boxed" in solution_str))


@scorer("math_verify", faithful=math_verify, scale="binary", task="math")
@scorer("minerva", sources=("minerva", "minerva*"), faithful=qwen_minerva, scale="binary", task="math")
@scorer("math_eval", sources=_SUITES, faithful=qwen, scale="binary", task="math")
@scorer("math", sources=_MATH, faithful=hendrycks, scale="binary", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the one final answer. format: 1.0 if there is one."""
    found = final_answer(visible(solution_str, extra_info))
    return grade(found, ground_truth, float(found.text is not None), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"\\boxed{{{one_line(ground_truth)}}}"
