r"""open-r1 (huggingface/open-r1): the sum of accuracy, format and tag count, as main's demo recipes have it.

Other sums are lists of parts, as `r1_verl.pays` takes them; `form` holds those that look at the form of a response:
`format`, `format_feb` (the pattern of February 2025, recipes of the first weeks), `format_jan` (before #238, one line
only), `soft_format` (the R1-Zero branch), `tag_count`, `reasoning_steps`.
Faithful: the published patterns, so junk on a new line after `</answer>` and doubled blocks pass; accuracy is what
math-verify finds, anywhere in the text. A gold that math-verify cannot read takes accuracy out of the sum.
Strict: patterns anchored at both ends with every tag once (the opening `<think>` may be in the prompt), accuracy of the
last `<answer>` alone, compared by `maths.judge`, and steps counted in the thinking.
`openr1_weights`: the weights of the sum, as recipes said them before there were lists.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth.math import is_canonical, one_line, raw_golds
from r1_verl.response import CLOSE, OPEN
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, WRONG, Score
from r1_verl.scorers import UnknownNameError, scorer, unknown_name
from r1_verl.scorers.answers import NOTHING, MathPolicy, final_answer, grade, visible
from r1_verl.scorers.graders.math_verify import outcome

_MAIN = {"accuracy": 1.0, "format": 1.0, "tag_count": 1.0}
_STEP = re.compile(r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,")
_STEP_LINE = re.compile(r"Step \d+:|^\d+\.|^-|^\*|First,|Second,|Next,|Finally,", re.MULTILINE)
_MIDDLE = re.compile(r"</think>\s*<answer>")
_TAGS = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
_BARE_TAGS = (OPEN, CLOSE, "<answer>", "</answer>")


# --- faithful: each function is the published pattern in linear time --------------------------------------------------


def _format_main(text: str) -> bool:
    r"""`^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$` (re.match, DOTALL, MULTILINE: `$` ends any line)."""
    if not text.startswith("<think>\n"):
        return False
    middle = text.find("\n</think>\n<answer>\n", 8)
    return middle >= 0 and _ends_a_line(text, "\n</answer>", middle + 19)


def _format_feb(text: str) -> bool:
    r"""`^<think>.*?</think>\s*<answer>.*?</answer>$`, same flags."""
    middle = _MIDDLE.search(text, 7) if text.startswith(OPEN) else None
    return middle is not None and _ends_a_line(text, "</answer>", middle.end())


def _format_jan(text: str) -> bool:
    """`^<think>.*?</think><answer>.*?</answer>$` without flags: one line."""
    line = text.removesuffix("\n")
    middle = line.find("</think><answer>", 7)
    return line.startswith(OPEN) and "\n" not in line and middle >= 0 and line.endswith("</answer>", middle + 16)


def _ends_a_line(text: str, tag: str, start: int) -> bool:
    return (text.endswith(tag) and len(text) - len(tag) >= start) or text.find(tag + "\n", start) >= 0


def _soft_format(text: str) -> bool:
    """Exactly one closed `<think>` and one closed `<answer>` block, the thinking first."""
    think, answer = _blocks(text, OPEN, CLOSE), _blocks(text, "<answer>", "</answer>")
    return len(think) == 1 == len(answer) and think[0] < answer[0]


def _blocks(text: str, opening: str, closing: str) -> list[int]:
    """Where at most two blocks begin, found as `findall` of a lazy pattern finds them."""
    found: list[int] = []
    at = 0
    while len(found) < 2 and (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        found.append(start)
        at = end + len(closing)
    return found


_PUBLISHED: dict[str, Callable[[str], float]] = {
    "format": _format_main,
    "format_feb": _format_feb,
    "format_jan": _format_jan,
    "tag_count": lambda text: 0.25 * sum(text.count(tag) == 1 for tag in _TAGS),
    "reasoning_steps": lambda text: min(1.0, len(_STEP.findall(text)) / 3),
    "soft_format": _soft_format,
}
FORMS = tuple(_PUBLISHED)


def form(name: str, text: str, mode: str = "strict", think_in_prompt: bool = False) -> float:
    """What one of FORMS gives a response, 0 to 1. mode: "faithful" for the published pattern, else "strict"."""
    return float(_PUBLISHED[name](text)) if mode == "faithful" else _mended(name, text, think_in_prompt)


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
            parts[name] = weight * form(name, solution_str, "faithful")
        elif verdict != BAD_GROUND_TRUTH:
            parts[name] = weight * (verdict == CORRECT)
    return Score(verdict, final_answer(solution_str).text or "", float(_format_main(solution_str)), parts)


# --- strict -----------------------------------------------------------------------------------------------------------


def _mended(name: str, text: str, think_in_prompt: bool) -> float:
    opened = OPEN if think_in_prompt and not text.lstrip().startswith(OPEN) else ""
    text = (opened + text).strip()
    if name == "reasoning_steps":
        return min(1.0, len(_STEP_LINE.findall(text.partition(CLOSE)[0].removeprefix(OPEN))) / 3)
    once = sum(text.count(tag) == 1 for tag in _BARE_TAGS)
    if name == "tag_count":
        return 0.25 * once
    return float(once == 4 and text.startswith(OPEN) and bool(_MIDDLE.search(text)) and text.endswith("</answer>"))


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
    opened = bool(extra_info.get("think_in_prompt"))
    outside = visible(solution_str, extra_info)
    found = final_answer(outside) if "<answer>" in outside else NOTHING
    verdict = grade(found, ground_truth, form("format", solution_str, "strict", opened), math_policy)
    parts = {}
    for name, weight in weights.items():
        if name != "accuracy":
            parts[name] = weight * form(name, solution_str, "strict", opened)
        elif verdict.outcome != BAD_GROUND_TRUTH:
            parts[name] = weight * (verdict.outcome == CORRECT)
    return verdict._replace(parts=parts)


def _weights(given: Mapping[str, float] | None) -> Mapping[str, float]:
    if given is None:
        return _MAIN
    for name in given:
        if name != "accuracy" and name not in FORMS:
            raise UnknownNameError(unknown_name("open-r1 reward", name, ("accuracy", *FORMS)))
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
