"""Shared by the mathematics scorers: find the response's final answer, grade it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl.ground_truth.math import golds
from r1_verl.maths.judge import DEFAULT, Policy, is_list, judge
from r1_verl.response import after_thinking, boxes_together, last_boxed
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, NO_ANSWER, WRONG, Score
from r1_verl.scorers import UnknownNameError, unknown_name

_LINE = 500  # characters of an answer that stands on a line of its own
_BOLD = re.compile(r"^\*\*([^*]{1,400})\*\*")
_LABELS = ("####", "Answer:", "answer:", "ANSWER:")


MathPolicy = Mapping[str, Any] | Policy | None  # the option `math_policy` of strict scorers


class Answer(NamedTuple):
    """A final answer: its text (None where there is none) and whether it stands in a closed box."""

    text: str | None
    boxed: bool = False


class BoxedAnswer(Answer):
    """An answer in a closed box, which keeps the text around it: other boxes may belong to it."""

    around = ""


NOTHING = Answer(None)

# Policies for the judge in the place of sympy inside a published grader: numbers and expressions alone, no conventions.
EXACT = Policy(
    percent=False, units=False, unordered=False, assignment=False, rounding=0, gold_rounding=0, no_solution=False
)
QWEN = replace(EXACT, tolerance=1e-4)


# --- the final answer -------------------------------------------------------------------------------------------------


def visible(text: str, info: Mapping[str, Any]) -> str:
    """What a response says outside of its thinking; "" where the thinking never ends."""
    return after_thinking(text, bool(info.get("think_in_prompt"))) or ""


def final_answer(text: str) -> Answer:
    """The one answer of a text without its thinking: in the last `<answer>`, else in the last box, else after a label.

    Of several the last one counts, whatever came before. One that never closes is none, and no earlier one steps in:
    the exceptions are a closed box in an `<answer>` that generation stopped in (`</answer>` is a usual stop string) and
    a box behind an empty `<answer>`.
    """
    start = text.rfind("<answer>")
    if start < 0:
        return in_box(text) if _has_box(text) else labelled(text)
    end = text.find("</answer>", start)
    inside = text[start + 8 :] if end < 0 else text[start + 8 : end]
    if _has_box(inside):
        return in_box(inside)
    if end >= 0 and not inside.strip() and _has_box(text[end:]):
        return in_box(text[end:])
    if end < 0:
        return NOTHING
    inside = inside.strip()
    return Answer(inside[6:-1] if inside.startswith("boxed{") and inside.endswith("}") else inside)


def _has_box(text: str) -> bool:
    return text.rfind("\\boxed") >= 0 or "\\fbox" in text  # a box is near the end


def final_box(text: str, info: Mapping[str, Any]) -> Answer:
    """The final answer outside the thinking if it is boxed, else nothing."""
    found = final_answer(visible(text, info))
    return found if found.boxed else NOTHING


def in_box(text: str) -> Answer:
    """The inside of the last box; nothing if that box is not closed."""
    found = last_boxed(text)
    if found is None:
        return NOTHING
    answer = BoxedAnswer(found.strip(), boxed=True)
    answer.around = text
    return answer


def labelled(text: str) -> Answer:
    """What follows the last `####` or `Answer:` on its line (on the next line if its own is empty)."""
    at, length = max((text.rfind(label), len(label)) for label in _LABELS)
    if at < 0:
        return NOTHING
    rest = text[at + length : at + length + 4 * _LINE].lstrip(" \t:\r\n")
    line = _BOLD.sub(r"\1", rest.partition("\n")[0][:_LINE], count=1)
    return Answer(line.partition("<|")[0].strip(" \t*\r"))


# --- verdicts ---------------------------------------------------------------------------------------------------------


def grade(found: Answer, ground_truth: Any, form: float, math_policy: MathPolicy = None) -> Score:
    """The strict verdict on an answer: correct if it equals any gold.

    math_policy: see `policy_of`.
    """
    wanted, policy = golds(ground_truth), policy_of(math_policy)
    if not wanted:
        return Score(BAD_GROUND_TRUTH, found.text or "", form)
    if found.text is None:
        return Score(NO_ANSWER, "", form)
    if not found.text:
        return Score(EMPTY, "", form)
    outcome = ""
    for gold in wanted:
        verdict = judge(found.text, gold, policy)
        if verdict.equal or (isinstance(found, BoxedAnswer) and _members_in_boxes(found.around, gold, policy)):
            outcome = CORRECT
            break
        outcome = outcome or verdict.outcome
    return Score(outcome, found.text, form)


def _members_in_boxes(text: str, gold: str, policy: Policy) -> bool:
    """Whether the boxes of the last sentence are, each of its own, the members of a gold that is a list."""
    if text.rfind("\\boxed", 0, text.rfind("\\boxed")) < 0 or not is_list(gold):
        return False
    boxes = boxes_together(text)
    return len(boxes) > 1 and judge(", ".join(boxes), gold, policy).equal


def grade_with(
    answer: str, wanted: Iterable[str], equal: Callable[..., bool], policy: Policy, form: float = 1.0
) -> Score:
    """The verdict of a published grader, `equal(answer, gold, stand_in)`, with our judge in the place of sympy."""
    stand_in = SympyStandIn(policy)
    right = any(equal(answer, gold, stand_in) for gold in wanted)
    return Score(CORRECT if right else WRONG if answer else EMPTY, answer, form)


def policy_of(math_policy: MathPolicy) -> Policy:
    """The judge's conventions a recipe asks for (`math_policy: {percent: false}`). Raises UnknownNameError."""
    if math_policy is None:
        return DEFAULT
    return math_policy if isinstance(math_policy, Policy) else _policy(tuple(sorted(math_policy.items())))


@lru_cache(maxsize=64)
def _policy(items: tuple[tuple[str, Any], ...]) -> Policy:
    try:
        return Policy(**dict(items))
    except TypeError:
        unknown = next((name for name, _ in items if name not in Policy.__dataclass_fields__), "")
        raise UnknownNameError(unknown_name("math_policy key", unknown, Policy.__dataclass_fields__)) from None


class SympyStandIn:
    """The judge in the place of sympy inside a published grader: whether an answer equals a gold."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __call__(self, answer: str, gold: str) -> bool:
        return judge(answer, gold, self.policy).equal
