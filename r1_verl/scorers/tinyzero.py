"""TinyZero's published Countdown reward (Jiayi-Pan/TinyZero, verl/utils/reward_score/countdown.py), bounded.

Upstream scores prompt and response together and starts after the prompt's `Assistant:`; here only the response is seen,
and that header is taken to precede it. Of the last line, the last `<answer>...</answer>` decides: its digits must be
the given numbers, its characters `0-9 + - * / ( ) .` or blanks, and its value as Python evaluates it within 1e-5 of
the target. oat-zero pays the same.

Departures:
- Upstream never returns on a tower of powers such as `9**9**9`. Here an answer that makes an integer of more than 2**17
  bits is UPSTREAM_HANGS (score 0). The smaller of these upstream does compute, in seconds, and pays 0.1 or 1.
- An answer of more than 4,096 characters (a run of blanks counts one) is not evaluated: it is unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.countdown import Puzzle, read_puzzle
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, EMPTY, INVALID, NO_ANSWER, UNREADABLE, UPSTREAM_HANGS, WRONG, Score
from r1_verl.scorers.graders.python_arithmetic import MAX_CHARS, HangsError, evaluate

_OPEN, _CLOSE = "<answer>", "</answer>"
_WINDOW = 8 * MAX_CHARS
_OTHER_BLANKS = "\r\v\f\x1c\x1d\x1e\x1f"  # to Python they are no mere space
_integers = re.compile(r"[0-9]+").findall
_allowed = re.compile(r"[\d+\-*/().\s]+").fullmatch


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """TinyZero's reward. format: 1.0 if the last line holds a closed answer, even an empty one (upstream pays it 0.1).

    extra_info["style"] "instruct" or "raw_instruct": upstream's chat prompt has no `Assistant:`, so the first one in
    the response is taken for the header.
    """
    puzzle = read_puzzle(ground_truth)
    if puzzle is None:
        return Score(BAD_GROUND_TRUTH)
    if extra_info.get("style") in ("instruct", "raw_instruct"):
        before, header, after = solution_str.partition("Assistant:")
        solution_str = after if header else before
    answer = last_match(solution_str[solution_str.rfind("\n") + 1 :])
    if answer is None:
        return Score(NO_ANSWER)
    answer = squeeze(answer)
    outcome = verdict(answer, puzzle)
    return Score(outcome, answer, 0.0 if outcome == UPSTREAM_HANGS else 1.0)


def last_match(line: str) -> str | None:
    """The inside of the last match of `<answer>(.*?)</answer>`, without the quadratic search for it.

    Matches do not overlap, so the last one ends at the first closing tag after the last opening tag that has one, and
    begins at the first opening tag after the closing tag before that. An answer too long to be read may come cut.
    """
    end = line.rfind(_CLOSE)
    opened = line.rfind(_OPEN, 0, end) if end >= 0 else -1
    if opened < 0:
        return None
    start = line.find(_OPEN, line.rfind(_CLOSE, 0, opened) + 1) + len(_OPEN)
    near = line.find(_CLOSE, opened, opened + _WINDOW)
    if near < 0 and _crowded(line[start : start + _WINDOW]):
        return line[start : start + _WINDOW]
    if near < 0 and line.rfind(_CLOSE, opened, end) >= 0:
        near = line.find(_CLOSE, opened)
    return line[start : end if near < 0 else near]


def squeeze(answer: str) -> str:
    """The answer stripped; in a long one each run of blanks becomes one, so that a megabyte of them costs no parse."""
    if len(answer) <= MAX_CHARS:
        return answer.strip()
    if _crowded(answer[:_WINDOW]) or not answer.isascii() or any(blank in answer for blank in _OTHER_BLANKS):
        return answer
    return " ".join(answer.split(None, MAX_CHARS // 2))


def _crowded(text: str) -> bool:
    return len("".join(text.split())) > MAX_CHARS


def verdict(equation: str, puzzle: Puzzle, real: bool = False) -> str:
    """The outcome of a stripped answer by upstream's rules. What upstream pays 0.1 has several outcomes here.

    real: refuse a complex value (a fractional power of a negative number), as Mini-R1 does, instead of comparing it.
    """
    if not equation:
        return EMPTY
    if len(equation) > MAX_CHARS or not equation.isascii():  # eval takes no digit and no blank of another script
        return UNREADABLE
    if sorted(map(int, _integers(equation))) != puzzle.numbers:
        return INVALID
    if not _allowed(equation):
        return UNREADABLE
    try:
        value = evaluate(equation)
        return CORRECT if abs((float(value) if real else value) - puzzle.target) < 1e-5 else WRONG
    except HangsError:
        return UPSTREAM_HANGS
    except Exception:  # whatever Python's operators raise; upstream catches everything too
        return UNREADABLE
