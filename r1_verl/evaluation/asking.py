"""What checkpoints are still to be asked, asked of engines: prompts, requests, and each answer appended as it comes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.rendering import opens_think
from r1_verl.evaluation import models, samples
from r1_verl.evaluation.conversation import Conversation
from r1_verl.evaluation.episodes import Playing
from r1_verl.evaluation.generate import Answer, Model, Request
from r1_verl.evaluation.pool import Failed, Pool, ask
from r1_verl.evaluation.protocols import Protocol
from r1_verl.evaluation.questions import Question, Suite
from r1_verl.evaluation.results import TOO_LONG
from r1_verl.runs import RunError


class Checkpoint(NamedTuple):
    """A model to evaluate. label: "RUN@STEP" or the model's name; folder: the model; out: where its cells go.

    trained_on: training files, for contamination.
    """

    label: str
    folder: Path
    out: Path
    run: str | None = None
    step: int | None = None
    trained_on: tuple[Path, ...] = ()


class Cell(NamedTuple):
    """One checkpoint on one suite. missing: (question, sample) pairs to ask, all first samples first."""

    checkpoint: Checkpoint
    suite: Suite
    folder: Path
    model_hash: str
    found: samples.Found
    wanted: set[tuple[str, int]]
    missing: list[tuple[Question, int]]


class _Asked(NamedTuple):
    """What is kept of the samples that are asked, by (cell's folder, question, sample), the key of their requests.

    rows: what each will hold besides the answer. playing: the episodes of those that are played.
    """

    rows: dict[tuple[str, str, int], dict[str, Any]]
    playing: dict[tuple[str, str, int], Playing]


def ask_missing(
    cells: Sequence[Cell], total: int, protocol: Protocol, make_pool: Callable[[], Pool], failed: list[str]
) -> None:
    """Ask what the cells miss, and append each answer to its cell as it comes."""
    asked = _Asked({}, {})
    jobs: list[tuple[Model, list[Request]]] = []
    by_model: dict[Path, list[Cell]] = {}
    for cell in cells:
        if cell.missing:
            by_model.setdefault(cell.checkpoint.folder, []).append(cell)
    for folder, its in by_model.items():
        try:
            jobs.append(_prepared(folder, its, protocol, asked))
        except RunError as error:
            failed.append(f"{its[0].checkpoint.label} was left out: {error}")
    longest = {model.shape: max(m.longest for m, _ in jobs if m.shape == model.shape) for model, _ in jobs}
    jobs = [(model._replace(longest=longest[model.shape]), requests) for model, requests in jobs if requests]
    if not jobs:
        return
    order = list(longest)
    jobs.sort(key=lambda job: order.index(job[0].shape))  # models of one shape together: one engine start
    pool = make_pool()
    try:
        _collect(pool, jobs, asked, by_model, failed, total)
    finally:
        pool.close()


def _collect(
    pool: Pool,
    jobs: list[tuple[Model, list[Request]]],
    asked: _Asked,
    by_model: dict[Path, list[Cell]],
    failed: list[str],
    total: int,
) -> None:
    """Append the samples of all jobs as they are finished. An episode whose environment broke is no sample."""
    from tqdm import tqdm

    def next_turn(answer: Answer) -> Request | None:
        return asked.playing[answer.key].next_turn(answer) if answer.key in asked.playing else None

    broken: dict[str, list[str]] = {}
    with tqdm(desc="samples", total=total, delay=2, mininterval=1.0, file=sys.stderr, leave=False) as bar:
        for found in ask(pool, jobs, next_turn):
            if isinstance(found, Failed):
                label = by_model[Path(found.model.folder)][0].checkpoint.label
                failed.append(f"{label} could not be asked: {found.reason}")
                continue
            lines: dict[str, list[dict[str, Any]]] = {}
            for answer in found:
                row, played = asked.rows.pop(answer.key), asked.playing.pop(answer.key, None)
                if played is None or not played.failed:
                    lines.setdefault(answer.key[0], []).append(_answered(row, answer, played))
                else:
                    broken.setdefault(f"{row['model']} on {row['suite']}", []).append(played.failed)
            for folder, its in lines.items():
                samples.append(Path(folder), its)
            bar.update(len(found))
    for where, why in broken.items():
        failed.append(f"{where}: {len(why)} episodes could not be played to their end, and are left out: {why[0]}")


def _answered(row: dict[str, Any], answer: Answer, played: Playing | None) -> dict[str, Any]:
    if played is not None:
        return row | played.row(row["extra_info"])
    return row | {
        "response": answer.text, "tokens": answer.tokens, "finish_reason": answer.finish_reason,
        "truncated": answer.finish_reason == "length",
    }  # fmt: skip


def _prepared(folder: Path, cells: Sequence[Cell], protocol: Protocol, asked: _Asked) -> tuple[Model, list[Request]]:
    """One model's requests, kept in `asked` as well.

    A prompt that leaves no room for a response is appended as answered: with nothing. Raises RunError.
    """
    room = models.positions(folder)
    tokenizer = models.load_tokenizer(folder)
    requests, longest = [], 0
    conversations: dict[bool, Conversation] = {}
    for cell in cells:
        too_long: list[dict[str, Any]] = []
        prompts: dict[str, tuple[str, tuple[int, ...]]] = {}
        for question, sample in cell.missing:
            if question.id not in prompts:
                text = models.prompt(tokenizer, question)
                # A raw prompt gets what the tokenizer itself puts first (a BOS, in some), as where vLLM is given text.
                prompts[question.id] = text, tuple(tokenizer(text, add_special_tokens=question.raw)["input_ids"])
            text, ids = prompts[question.id]
            row = _without_answer(cell, protocol, question, sample, text)
            limit = min(protocol.max_tokens, room - len(ids)) if room else protocol.max_tokens
            if limit < 1:
                nothing = {"response": "", "tokens": 0, "finish_reason": TOO_LONG, "truncated": True}
                too_long.append(row | nothing)
                continue
            longest = max(longest, len(ids) + limit)
            key = (str(cell.folder), question.id, sample)
            asked.rows[key] = row
            seed = partial(_seed, protocol, question.id, sample)
            request = Request(
                key, ids, protocol.temperature, protocol.top_p, limit, protocol.stop, protocol.keep_stop, seed(0)
            )
            if protocol.turn_tokens:
                if question.raw not in conversations:
                    kind = models.model_type(folder)
                    conversations[question.raw] = Conversation(tokenizer, kind, question.raw)
                asked.playing[key] = Playing(question, request, conversations[question.raw], protocol.turn_tokens, seed)
                request = asked.playing[key].request
            requests.append(request)
        if too_long:
            samples.append(cell.folder, too_long)
    return Model(str(folder), models.shape(folder, tokenizer), longest), requests


def _without_answer(cell: Cell, protocol: Protocol, question: Question, sample: int, prompt: str) -> dict[str, Any]:
    return {
        "suite": cell.suite.name, "protocol": protocol.name, "model": cell.checkpoint.label,
        "step": cell.checkpoint.step, "question": question.id, "sample": sample, "data_source": question.data_source,
        "prompt": prompt, "ground_truth": question.ground_truth,
        "extra_info": {"think_in_prompt": opens_think(prompt)},
    }  # fmt: skip


def _seed(protocol: Protocol, question: str, sample: int, turn: int) -> int | None:
    """The seed of a turn from 0 on, the first one's that of an answer alone; None if greedy."""
    if not protocol.temperature:
        return None
    text = f"{protocol.seed} {question} {sample}" + (f" {turn}" if turn else "")
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest()) >> 1
