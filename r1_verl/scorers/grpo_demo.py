r"""willccb's grpo_demo.py: five rewards on `<reasoning>` and `<answer>` that sum to at most 4.0.

Source: the gist and the Unsloth notebooks made from it.
Faithful: the answer is the text after the last `<answer>` (without tags, the whole response), equal as text; the
formats are the original patterns, in which `.` does not match a newline (`grpo_demo_dotall=True`: a later version of
the gist, in which it does); the XML count subtracts 0.001 for each character after the closing tag.
Strict: the last closed `<answer>` outside the reasoning, compared by `maths.judge`; integers may have a sign and
thousands commas, the formats may span several lines, with or without a last newline, and the count is never below 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.math import golds, one_line, raw_golds
from r1_verl.response import last_answer
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, WRONG, Score
from r1_verl.scorers import scorer
from r1_verl.scorers.answers import NOTHING, Answer, MathPolicy, grade, visible

_TAGS = ("<reasoning>\n", "\n</reasoning>\n", "\n<answer>\n", "\n</answer>")
_STRICT_LINE = re.compile(r"<reasoning>\n.*\n</reasoning>\n<answer>\n.*\n</answer>\n\n?\Z")
_MIDDLE = re.compile(r"</reasoning>\s*<answer>")
_INTEGER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)")


def faithful(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], grpo_demo_dotall: bool = False, **_: Any
) -> Score:
    """The gist's rewards as parts. format: 1.0 for its strict format."""
    wanted = raw_golds(ground_truth)
    if wanted and "####" in wanted[0]:
        wanted = golds(ground_truth)
    answer = solution_str[solution_str.rfind("<answer>") + 8 :] if "<answer>" in solution_str else solution_str
    answer = answer.partition("</answer>")[0].strip()
    right = answer in wanted
    strict_format = _strict_format(solution_str, grpo_demo_dotall)
    parts = {
        "correctness": 2.0 * right,
        "int": 0.5 * answer.isdigit(),
        "strict_format": 0.5 * strict_format,
        "soft_format": 0.5 * _soft_format(solution_str, grpo_demo_dotall),
        "xml_count": _xml_count(solution_str),
    }
    outcome = BAD_GROUND_TRUTH if not wanted else CORRECT if right else WRONG if answer else EMPTY
    return Score(outcome, answer, float(strict_format), parts)


def _strict_format(text: str, dotall: bool) -> bool:
    r"""re.match of `^<reasoning>\n.*?\n</reasoning>\n<answer>\n.*?\n</answer>\n$`."""
    if not dotall:
        return _STRICT_LINE.match(text) is not None
    middle = text.find("\n</reasoning>\n<answer>\n", 12)
    ends = (text.endswith("\n</answer>\n"), text.endswith("\n</answer>\n\n"))
    close = len(text) - (11 if ends[0] else 12)
    return text.startswith("<reasoning>\n") and middle >= 0 and any(ends) and close >= middle + 23


def _soft_format(text: str, dotall: bool) -> bool:
    r"""re.match of `<reasoning>.*?</reasoning>\s*<answer>.*?</answer>`, in linear time.

    Without DOTALL the reasoning ends on its first line. Two of the places where the answer may open decide: the first
    has the most of that line after it, and only the last can be on another line.
    """
    if not text.startswith("<reasoning>"):
        return False
    newline = text.find("\n")
    end = len(text) if dotall or newline < 0 else newline
    places = [found.end() for found in _MIDDLE.finditer(text, 11) if found.start() <= end]
    for place in (places[:1] + places[-1:]) if places else ():
        newline = text.find("\n", place)
        if text.find("</answer>", place, len(text) if dotall or newline < 0 else newline) >= 0:
            return True
    return False


def _xml_count(text: str) -> float:
    count = 0.125 * (text.count(_TAGS[0]) == 1) + 0.125 * (text.count(_TAGS[1]) == 1)
    if text.count(_TAGS[2]) == 1:
        count += 0.125 - 0.001 * len(text.rpartition("\n</answer>\n")[2])
    if text.count(_TAGS[3]) == 1:
        count += 0.125 - 0.001 * (len(text.rpartition("\n</answer>")[2]) - 1)
    return count


@scorer("grpo_demo", faithful=faithful, scale="parts", task="math")
def strict(
    solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any], math_policy: MathPolicy = None, **_: Any
) -> Score:
    """The same five parts with their holes closed. format: 1.0 for the strict format."""
    outside = visible(solution_str, extra_info)
    answer = last_answer(_after_reasoning(outside))
    found = NOTHING if answer is None else Answer(answer.strip())
    once = [outside.count(tag) == 1 for tag in ("<reasoning>", "</reasoning>", "<answer>", "</answer>")]
    text = outside.strip()
    closed = all(once) and text.startswith("<reasoning>") and text.endswith("</answer>")
    soft = closed and _soft_format(text, dotall=True)
    strict_format = soft and _strict_format(text + "\n", dotall=True)
    verdict = grade(found, ground_truth, float(strict_format), math_policy)
    tail = len(outside.rpartition("</answer>")[2].strip()) if once[3] else 0
    parts = {
        "correctness": 2.0 * (verdict.outcome == CORRECT),
        "int": 0.5 * (_INTEGER.fullmatch(found.text or "") is not None),
        "strict_format": 0.5 * strict_format,
        "soft_format": 0.5 * soft,
        "xml_count": max(0.0, 0.125 * sum(once) - 0.001 * tail),
    }
    return verdict._replace(parts=parts)


def _after_reasoning(text: str) -> str:
    """What follows the last `</reasoning>`; "" if reasoning was opened and never closed."""
    close = text.rfind("</reasoning>")
    if close >= 0:
        return text[close + 12 :]
    return "" if "<reasoning>" in text else text


def ideal(ground_truth: Any) -> str:
    """A right response: the first gold answer in the form that this scorer asks for."""
    return f"<reasoning>\n\n</reasoning>\n<answer>\n{one_line(ground_truth)}\n</answer>\n"
