r"""DAPO (BytedTsinghua-SIA/DAPO; veRL's `math_dapo`): +1 if the last `Answer:` line equals the gold, else -1.

Faithful: the last `Answer:` in the last 300 characters, equal as normalised strings (Minerva's rules); if there is
none, the last box in the last 100 characters, equal as it stands.
Strict: the last `Answer:` line outside the thinking wherever it is, else the one final answer in a tag or box, compared
by `maths.judge`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth.math import one_line, raw_golds
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, NO_ANSWER, WRONG, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import MathPolicy, final_answer, grade, visible
from r1_verl.scorers.graders.hendrycks import MAX_CHARS

_SOURCES = (
    "dapo", "dapo/*", "math_dapo", "math_dapo_reasoning", "BytedTsinghua-SIA/DAPO*", "open-r1/DAPO-Math-17k-Processed",
)  # fmt: skip
_TAIL, _BOX_TAIL = 300, 100  # characters
_ANSWER = re.compile(r"(?i)Answer\s*:\s*([^\n]+)")
_INVALID = "[INVALID]"
# Minerva's normalisation (arXiv 2206.14858, appendix), with DAPO's additions: data, in order.
_SUBSTITUTIONS = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"), (",\\text{and}", ","),
    ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_REMOVED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "hours", "km", "units", "\\ldots", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
    "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
    "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip
_REWRITES = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"(.*?)(\$)(.*?)(\$)(.*)", r"$\3$"),
        (r"(\\text\{)(.*?)(\})", r"\2"),
        (r"(\\textbf\{)(.*?)(\})", r"\2"),
        (r"(\\overline\{)(.*?)(\})", r"\2"),
        (r"(\\boxed\{)(.*)(\})", r"\2"),
        (r"(frac)([^{])(.)", r"frac{\2}{\3}"),
        (r"(sqrt)([^{])", r"sqrt{\2}"),
    )
)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], **_: Any) -> Score:
    """DAPO's reward. format: 1.0 if there is an `Answer:` line."""
    wanted = raw_golds(ground_truth)
    if not wanted:
        return Score(BAD_GROUND_TRUTH)
    tail = solution_str[-_TAIL:]
    found = _ANSWER.findall(tail)
    pred = normalise(found[-1]) if found else _INVALID
    if pred != _INVALID:
        return Score(CORRECT if pred in map(normalise, wanted) else WRONG, pred, 1.0)
    box = _box(tail[-_BOX_TAIL:])
    if box is None:
        return Score(NO_ANSWER)
    return Score(CORRECT if box in wanted else WRONG, box)


def _box(text: str) -> str | None:
    at = text.rfind("\\boxed{")
    depth = 0
    for i in range(at, len(text)) if at >= 0 else ():
        depth += (text[i] == "{") - (text[i] == "}")
        if text[i] == "}" and depth == 0:
            return text[at + 7 : i]
    return None


@lru_cache(maxsize=2048)
def normalise(answer: str) -> str:
    """Minerva's `normalize_final_answer`, as veRL has it; an answer over MAX_CHARS is left as it is."""
    if len(answer) > MAX_CHARS:
        return answer
    s = answer.rpartition("=")[2]
    for old, new in _SUBSTITUTIONS:
        s = s.replace(old, new)
    for word in _REMOVED:
        s = s.replace(word, "")
    for pattern, by in _REWRITES:
        s = pattern.sub(by, s)
    s = s.replace("$", "")
    if s.replace(",", "").isdigit():
        s = s.replace(",", "")
    return s.strip()


@scorer("dapo", sources=_SOURCES, faithful=faithful, scale="plus_minus", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """Score the final answer. format: 1.0 if an `Answer:` line gives it."""
    outside = visible(solution_str, extra_info)
    at = max(outside.rfind("Answer:"), outside.rfind("answer:"), outside.rfind("ANSWER:"))
    found = final_answer(outside[max(at, 0) :])  # a tag or box after the mark is the later answer
    return grade(found, ground_truth, float(at >= 0 and bool(found.text)), math_policy)


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"Answer: {one_line(ground_truth)}"
