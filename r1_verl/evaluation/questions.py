"""The questions of a suite: prepared rows, with the prompt of a protocol in the place of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data import read
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.example import DataError
from r1_verl.data.kk.prompts import KK
from r1_verl.data.math.prompts import GSM8K
from r1_verl.data.prompts import Style
from r1_verl.data.rendering import are_messages, is_raw
from r1_verl.environments import make
from r1_verl.environments.rules import rules_of
from r1_verl.evaluation.protocols import Protocol
from r1_verl.ground_truth import decode, task_of
from r1_verl.names import UnknownNameError, unknown_name
from r1_verl.scorers import find_scorer

STYLES: dict[str, Mapping[str, Style]] = {"math": GSM8K, "kk": KK, "countdown": COUNTDOWN}


class Question(NamedTuple):
    """One question. id: a hash of its data source, problem and ground truth, the same in every file that has it.

    messages: (role, content) pairs; raw: the one message is the whole prompt. text: the problem alone.
    """

    id: str
    data_source: str
    messages: tuple[tuple[str, str], ...]
    raw: bool
    ground_truth: Any
    text: str


class Suite(NamedTuple):
    """A suite under one protocol. revision: a hash of all its prompts and ground truths, whatever part is asked.

    task: of its ground truths, "" for one without a canonical form.
    """

    name: str
    task: str
    revision: str
    questions: tuple[Question, ...]


def load(suite: str, folder: Path, protocol: Protocol, limit: int | None = None) -> Suite:
    """A suite by its name below `folder`, or a prepared Parquet file. limit: the first so many questions.

    Raises DataError.
    """
    path = Path(suite) if suite.endswith(".parquet") else folder / f"{suite}.parquet"
    name = path.stem if path.stem != "test" else path.resolve().parent.name
    if not path.is_file():
        fix = (
            f"python data_prep/eval_suites.py --suites {suite} --out {folder} makes it"
            if path.parent == folder
            else "name a prepared .parquet file"
        )
        raise DataError(f"the suite {suite} is not prepared: there is no {path} ({fix})")
    rows = read.table(path).to_pylist()
    if not rows or limit == 0:
        raise DataError(f"the suite {name} has no questions ({path} holds {len(rows)} rows, limit {limit})")
    read.need(rows, ("data_source", "prompt", "reward_model"), {"source": path.name})
    found, seen = [], {}
    for at, row in enumerate(rows):
        found.append(_question(row, name, protocol, f"{path.name}, row {at}", seen))
        if protocol.turn_tokens:
            _check_playable(found[-1], f"{path.name}, row {at}")
    revision = hashlib.sha256()
    for question in found:
        revision.update(json.dumps(question[1:5], sort_keys=True, default=str).encode("utf-8", "replace") + b"\n")
    return Suite(name, task_of(found[0].ground_truth), revision.hexdigest(), tuple(found[:limit]))


def _question(row: Mapping[str, Any], suite: str, protocol: Protocol, where: str, seen: dict[str, int]) -> Question:
    source, model, info = row["data_source"], row["reward_model"], row.get("extra_info")
    info = info if isinstance(info, Mapping) else {}
    truth = model.get("ground_truth") if isinstance(model, Mapping) else None
    if not isinstance(source, str) or truth is None or not are_messages(row["prompt"]):
        raise DataError(f"{where} is no prepared question: `r1-verl check` on the file says what it lacks")
    find_scorer(source)
    problem = str(info.get("question") or row["prompt"][-1]["content"])
    style = protocol.style_of(suite, task_of(truth))
    if style is None:
        messages = tuple((str(m.get("role")), m["content"]) for m in row["prompt"])
        raw = is_raw(row)
    else:
        messages, raw = _styled(style, task_of(truth), problem, truth, where)
    digest = hashlib.sha256(json.dumps([source, problem, str(truth)]).encode()).hexdigest()[:12]
    seen[digest] = seen.get(digest, 0) + 1  # a suite may hold a question twice
    name = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return Question(name, source, messages, raw, truth, problem)


def _check_playable(question: Question, where: str) -> None:
    """Raise DataError for a row that names no environment, or one that can't be made."""
    truth = decode(question.ground_truth)
    try:
        make(truth)
        rules_of(truth)
    except (ValueError, UnknownNameError) as error:
        fix = "a protocol without turn_tokens asks for one answer"
        raise DataError(f"{where} can't be played turn by turn: {error} ({fix})") from error


def _styled(style: str, task: str, problem: str, truth: Any, where: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    styles = STYLES.get(task, {})
    if style not in styles:
        what = unknown_name("prompt style", style, styles) if styles else f"no prompt styles for the task {task!r}"
        raise DataError(f"{where}: {what} (--set style= keeps the prompt as it was prepared)")
    chosen = styles[style]
    if task != "countdown":
        return chosen.build(problem), chosen.raw
    puzzle = decode(truth)  # its numbers stand in the order shown
    return chosen.build(puzzle["numbers"], puzzle["target"]), chosen.raw
