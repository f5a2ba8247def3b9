r"""Check that a mathematics prompt and the reward belong together.

A prompt may tell the model to put the answer into `\boxed{}`, into `<answer>`, after `####` or after `Answer:`. A right
answer in that place must be paid, and earn the format: else a model that does as it is told learns nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from r1_verl.data.gold import gold_response
from r1_verl.data.math.prompts import GSM8K
from r1_verl.data.rendering import are_messages
from r1_verl.doctor.data_file import first_rows, mapping
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import judging, ours, pays
from r1_verl.ground_truth import task_of
from r1_verl.ground_truth.math import one_line
from r1_verl.reward import compute_score
from r1_verl.scorers import UnknownNameError, find_reward, find_scorer, scorers

_ROWS = 5  # a published grader may be unable to match the gold of one row
# What a prompt says, and a right answer there. "Answer:" at the end of a line is a turn of a few-shot prompt.
_TAGGED = ("<answer>%s</answer>", "<answer>\n$%s$\n</answer>", "<answer>\n%s\n</answer>\n")
_PLACES = {
    r"\boxed": (re.compile(r"\\boxed"), (r"\boxed{%s}",)),
    "<answer>": (re.compile("<answer>"), _TAGGED),
    "####": (re.compile("####"), ("#### %s",)),
    "Answer:": (re.compile("(?:[\"'`“]|form )Answer:"), ("Answer: %s",)),
}
_BOTH = r"<answer>\boxed{%s}</answer>"
_BEFORE = ("", "<think>\n\n</think>\n", "<think>\n</think> ", "\n</think>\n", "</think> ")
_REASONING = "<reasoning>\n\n</reasoning>\n"  # of grpo_demo


class Row(NamedTuple):
    """A row as a reward sees it, and the text of its prompt without the problem."""

    data_source: str
    truth: Any
    info: Mapping[str, Any]
    asks: str


def check_place(config: Any) -> Iterator[Problem]:
    """The first rows' gold answers in the places that their prompts ask for, under the recipe's reward."""
    kwargs, named = judging(config) if ours(config) else {}, pays(config)
    mode = kwargs.get("mode", "strict")
    for row in _rows(config) if ours(config) else ():
        try:
            entry = find_reward(named.name) if named else find_scorer(row.data_source)
            if entry.task != "math" or task_of(row.truth) not in ("", "math") or not _places(row.asks):
                return
            settings = {"reward": kwargs.get("reward") or entry.name, "mode": mode}
            correct, formatted = _paid(row, settings)
            if formatted:
                return
            ideal = gold_response(row.data_source, row.truth, entry.name)
            whole = _score(row, ideal or "", settings)
        except UnknownNameError:
            return  # reported by other checks
        if whole["outcome"] != "correct" or (correct and not whole["format"]):
            continue  # how a right response to this row looks is not known, or the reward has no format
        places = " and ".join(_places(row.asks))
        wrong = "gives a right answer there no format" if correct else "pays nothing for a right answer there"
        yield Problem(
            f"the prompts ask for the answer in {places}, and the reward {entry.name!r} ({mode}) {wrong}: it asks for "
            f"{ideal!r}",
            f"data in another style (--style {'|'.join(_styles(row, entry.name, settings)) or '...'}), or "
            f"r1_verl.pays={'|'.join(_rewards(row, mode)) or 'another reward'}",
            doubt=correct,
        )
        return


def _rows(config: Any) -> list[Row]:
    return [_row(row) for row in first_rows(config, "train_files", _ROWS) if are_messages(row["prompt"])]


def _row(row: Mapping[str, Any]) -> Row:
    info, text = mapping(row["extra_info"]), "\n".join(message["content"] for message in row["prompt"])
    asks = text.replace(str(info.get("question") or "\0"), "")
    return Row(row["data_source"], mapping(row["reward_model"]).get("ground_truth"), info, asks)


def _places(text: str) -> list[str]:
    """The places that a prompt asks for the answer in."""
    return [place for place, (told, _) in _PLACES.items() if told.search(text)]


def _responses(row: Row) -> Iterator[str]:
    """Right responses that do as the prompt says, with and without thinking."""
    gold, places = one_line(row.truth) or "", _places(row.asks)
    forms = [form for place in places for form in _PLACES[place][1]]
    forms += [_BOTH] if {r"\boxed", "<answer>"} <= set(places) else []
    before = (*_BEFORE, _REASONING) if "<reasoning>" in row.asks else _BEFORE
    yield from (f"{start}{form % gold}" for form, start in product(forms, before))


def _paid(row: Row, settings: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether one of these responses is correct, and whether one is correct and earns the format."""
    correct = False
    for response in _responses(row):
        found = _score(row, response, settings)
        if found["outcome"] == "correct":
            correct = True
            if found["format"]:
                return True, True
    return correct, False


def _score(row: Row, response: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return compute_score(row.data_source, response, row.truth, row.info, **settings)


def _styles(row: Row, reward: str, settings: Mapping[str, Any]) -> list[str]:
    """The prompt styles that announce the reward; without any, those under which it pays."""
    if announcing := [name for name, style in GSM8K.items() if style.reward == reward]:
        return announcing
    asked = {name: "\n".join(text for _, text in style.build("")) for name, style in GSM8K.items()}
    return [name for name, text in asked.items() if _places(text) and _paid(row._replace(asks=text), settings)[1]]


def _rewards(row: Row, mode: str) -> list[str]:
    """The rewards of mathematics that pay under this row's prompt."""
    fits = [entry.name for entry in scorers() if entry.task == "math" and (entry.faithful or mode == "strict")]
    return [name for name in fits if _paid(row, {"reward": name, "mode": mode})[1]]


CHECKS: tuple[Check, ...] = (check_place,)
