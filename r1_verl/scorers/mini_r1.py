"""Mini-R1's Countdown reward (philschmid/deep-learning-pytorch-huggingface, training/scripts/run_r1_grpo.py).

The sum of two parts, each 1 or 0: `format` (thinking, then an answer and nothing after it) and `equation`.
datawhalechina/unlock-deepseek uses the same. Both prompts open `<think>`, and the published rule adds that tag to every
response. Departures: those of `tinyzero`; and the search for the first answer on one line stops after 1,000 tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.ground_truth.countdown import read_puzzle
from r1_verl.response import CLOSE, OPEN
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, NO_ANSWER, UPSTREAM_HANGS, Score
from r1_verl.scorers import countdown, scorer
from r1_verl.scorers.tinyzero import squeeze, verdict

_OPEN, _CLOSE = "<answer>", "</answer>"
_BLANKS = 100  # characters between tags
_MAX_LINES = 1000  # stop after this many `<answer>` tags that close on a later line (upstream searches on)


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """The published reward. Of several answers the first one written on one line counts."""
    puzzle = read_puzzle(ground_truth)
    if puzzle is None:
        return Score(BAD_GROUND_TRUTH)
    form = 1.0 if _published_form(solution_str) else 0.0
    answer = _first_on_one_line(solution_str)
    if answer is None:
        return _parts(Score(NO_ANSWER, "", form))
    answer = squeeze(answer)
    outcome = verdict(answer, puzzle, real=True)
    return _parts(Score(outcome, answer, 0.0 if outcome == UPSTREAM_HANGS else form))


@scorer(
    "mini_r1",
    sources=["mini_r1", "mini_r1/*", "unlock_deepseek", "unlock_deepseek/*"],
    faithful=faithful,
    scale="parts",
    task="countdown",
)
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Countdown's strict verdict in the same two parts. format: one thinking, then at once an answer.

    The response may open `<think>` itself; blanks between the two and text after the answer do no harm.
    """
    score = countdown.strict(solution_str, ground_truth, extra_info)
    return score if score.outcome == BAD_GROUND_TRUTH else _parts(_in_form(score, solution_str))


def _parts(score: Score) -> Score:
    return score._replace(parts={"format": score.format, "equation": 1.0 if score.outcome == CORRECT else 0.0})


def _in_form(score: Score, response: str) -> Score:
    if not score.format or response.rfind(CLOSE) < 0:
        return score._replace(format=0.0)
    opened, end = response.find(OPEN), response.find(CLOSE)
    answer = response.find(_OPEN, end)
    fits = (
        0 <= end < answer <= end + len(CLOSE) + _BLANKS
        and not response[end + len(CLOSE) : answer].strip()
        and response.find(CLOSE, answer) < 0
        and response.find(OPEN, opened + 1) < 0
        and (opened < 0 or (opened <= _BLANKS and not response[:opened].strip()))
    )
    return score if fits else score._replace(format=0.0)


def _published_form(response: str) -> bool:
    """`^<think>(no think tag)</think>\\n<answer>(anything)</answer>$` on `<think>` + response, in linear time."""
    stop = len(response) - len(_CLOSE) - response.endswith("\n")
    if stop < 0 or not response.startswith(_CLOSE, stop):
        return False
    end = response.find(CLOSE)
    if end < 0 or response.find(OPEN, 0, end) >= 0:
        return False
    start = end + len(CLOSE) + 1 + len(_OPEN)
    return response.startswith("\n" + _OPEN, end + len(CLOSE)) and start <= stop


def _first_on_one_line(text: str) -> str | None:
    """The inside of the first match of `<answer>(.*?)</answer>` (`.` is no newline); None if there is none."""
    opened = text.find(_OPEN) if text.rfind(_OPEN) >= 0 else -1
    for _ in range(_MAX_LINES):
        end = text.find(_CLOSE, opened) if opened >= 0 else -1
        if end < 0:
            return None
        line = text.rfind("\n", opened, end)
        if line < 0:
            return text[opened + len(_OPEN) : end]
        opened = text.find(_OPEN, line)  # no tag before this line's can match
    return None
