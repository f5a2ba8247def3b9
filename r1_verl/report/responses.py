"""The responses that a run's folder keeps, one form for all: training samples, validation dumps, evaluations.

RUN/samples/STEP.jsonl.gz      what the sampler keeps of each training step
RUN/validation/STEP.jsonl      veRL's dumps, which name neither the data source nor the length in tokens
RUN/evaluation/**/samples.jsonl  what `r1-verl evaluate` asked

Files are read as far as they can be: what is left out, and why, is said, and nothing raises.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.rendering import opens_think
from r1_verl.environments.episode import OUT_OF_TOKENS, OUTCOMES, SUCCESS
from r1_verl.evaluation.response_files import RESPONSE, Say, counted, lines
from r1_verl.report.episodes import said_of
from r1_verl.runs import Run
from r1_verl.runs.samples import files as sample_files
from r1_verl.score import BAD_FORMAT, CORRECT, EMPTY, NO_ANSWER
from r1_verl.scorers import task_source

_ENDS = (*OUTCOMES, OUT_OF_TOKENS)
TRAINING, VALIDATION, EVALUATION = KINDS = ("training", "validation", "evaluation")


class Response(NamedTuple):
    """One response. Numbers that nobody wrote down are NaN, `tokens` -1, `truncated` None.

    key: the same for the same question at every step and in every run. characters: of the
    response before it was cut for the file. parts: sub-rewards by name. moves: of an episode, its record; turns: the
    model's texts of its turns, where they were kept apart; ended: how it ended. before: the score before parts of
    groups and tokens were added. masked: it trained nothing. left_out: its group was not trained on.
    """

    kind: str
    step: int
    key: tuple[str, str]
    sample: int
    source: str
    prompt: str
    think_in_prompt: bool
    response: str
    characters: int
    ground_truth: str
    pred: str
    outcome: str
    score: float
    acc: float
    format: float
    tokens: int
    truncated: bool | None
    parts: dict[str, float]
    moves: str = ""
    turns: tuple[str, ...] = ()
    ended: str = ""
    before: float = math.nan
    masked: bool | None = None
    left_out: bool | None = None

    @property
    def verdict(self) -> str:
        """right, wrong or unformatted: what a reader looks for first."""
        if self.outcome in (CORRECT, SUCCESS) or (not self.outcome and self.acc == 1):
            return "right"
        if self.format == 0 or self.outcome in (BAD_FORMAT, NO_ANSWER, EMPTY):
            return "unformatted"
        return "wrong"


def read(run: Run, say: Say) -> Iterator[Response]:
    """All responses of a run, by kind and step. say: told of each thing that was left out, a line each."""
    for kind, step, path in files(run):
        yield from of_file(kind, step, path, path.relative_to(run.folder), say)


def files(run: Run) -> list[tuple[str, int, Path]]:
    """(kind, step, file) of everything that holds responses; the start model's evaluation is step 0."""
    found = [(TRAINING, step, path) for step, path in sample_files(run.folder / "samples")]
    found += [(VALIDATION, step, path) for step, path in run.dumps()]
    for path in sorted((run.folder / "evaluation").glob("**/samples.jsonl")):
        steps = re.findall(r"step_(\d+)", str(path.relative_to(run.folder)), re.ASCII)
        found.append((EVALUATION, int(steps[0]) if steps else 0, path))
    return found


def of_file(kind: str, step: int | None, path: Path, name: Any, say: Say) -> Iterator[Response]:
    """The responses of one file. step: None for a file of several, where each response says its own (0 without)."""
    unread = elsewhere = twice = 0
    cut = False
    samples: Counter[Any] = Counter()
    answered: set[Any] = set()
    for line in lines(path, name, say):
        cut = False
        if not line.strip():
            continue
        record = _record(line)
        if record is None:
            unread += 1
            cut = not line.endswith("\n")
            continue
        of_step = record.get("step")
        if not isinstance(of_step, int):
            of_step = step or 0
        elsewhere += of_step != step and step is not None and kind != EVALUATION
        found = _response(kind, of_step if step is None else step, record)
        same = (found.key, found.source)
        if mark := _mark(record, found):
            if mark in answered:
                twice += 1
                continue
            answered.add(mark)
        if found.sample < 0:
            found = found._replace(sample=samples[same])
            samples[same] += 1
        yield found
    if unread:
        last = ", the last was cut off" if cut else ""
        say(f"{name}: {counted(unread, 'line')} left out, being no record of a response{last}.")
    if elsewhere:
        say(f"{name}: {counted(elsewhere, 'response')} of another step by their own words (two runs in one folder?).")
    if twice:
        say(f"{name}: {counted(twice, 'response')} there twice; the first one counts.")


def _mark(record: Mapping[str, Any], found: Response) -> tuple[Any, ...]:
    """What tells a response from all others of its file; () if nothing does."""
    if record.get("uid"):
        return (found.step, str(record["uid"]))
    return (found.step, found.key, found.source, found.sample, _text(record.get("group"))) if found.sample >= 0 else ()


def _record(line: str) -> dict[str, Any] | None:
    """A line as a record that holds a response; None if it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and _written(found) is not None else None


def _written(record: Mapping[str, Any]) -> str | None:
    """The response of a record, under any of the usual names."""
    return next((record[name] for name in RESPONSE if isinstance(record.get(name), str)), None)


def _response(kind: str, step: int, record: Mapping[str, Any]) -> Response:
    prompt = _text(record.get("prompt", record.get("input")))
    truth = _text(record.get("ground_truth", record.get("gts")))
    info = record.get("extra_info")
    opened = info.get("think_in_prompt") if isinstance(info, Mapping) else None
    truncated = record.get("truncated")
    if truncated is None and isinstance(record.get("finish_reason"), str):
        truncated = record["finish_reason"] == "length"
    sample, tokens = record.get("sample"), record.get("tokens")
    response, cut = _written(record) or "", record.get("cut")
    whole = cut.get("response") if isinstance(cut, Mapping) else None
    return Response(
        kind=kind,
        step=step,
        key=(_text(record.get("question")) or prompt, truth),
        sample=sample if isinstance(sample, int) and 0 <= sample < 2**16 else -1,
        source=task_source(_text(record.get("data_source"))),
        prompt=prompt,
        think_in_prompt=opens_think(prompt) if opened is None else bool(opened),
        response=response,
        characters=whole if isinstance(whole, int) and 0 <= whole < 2**32 else len(response),
        ground_truth=truth,
        pred=_text(record.get("pred")),
        outcome=_text(record.get("outcome"))[:40],
        score=_number(record.get("score")),
        acc=_number(record.get("acc")),
        format=_number(record.get("format")),
        tokens=tokens if isinstance(tokens, int) and 0 <= tokens < 2**31 else -1,
        truncated=None if truncated is None else bool(truncated),
        parts=_parts(record.get("parts")),
        moves=_text(record.get("moves", info.get("moves") if isinstance(info, Mapping) else None)),
        turns=said_of(record.get("turn_responses")),
        ended=next((each for each in (record.get("ended"), record.get("outcome")) if each in _ENDS), ""),
        before=_number(record.get("score_before")),
        masked=record["masked"] if isinstance(record.get("masked"), bool) else None,
        left_out=record["left_out"] if isinstance(record.get("left_out"), bool) else None,
    )


def _text(value: Any) -> str:
    """A value as text: messages of a chat one after another, anything else that is no text as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and "content" in each for each in value):
        return "\n".join(f"{each.get('role', '')}\n{_text(each['content'])}" for each in value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.inf


def _parts(value: Any) -> dict[str, float]:
    """Sub-rewards: an object, or (in veRL's dumps) an object as text."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return {str(name): _number(number) for name, number in value.items()} if isinstance(value, Mapping) else {}
