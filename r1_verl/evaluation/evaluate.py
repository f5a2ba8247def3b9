"""Checkpoints on suites: what is there already, what is missing, asking it, judging it.

FOLDER/SUITE.PROTOCOL.KEY/ is a cell: `samples.jsonl` and `result.json`. KEY is a hash of the suite's revision, of what
a response depends on in the protocol, and of the model's files, so nothing that has changed is taken for done.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.rendering import opens_think
from r1_verl.evaluation import models, results, samples
from r1_verl.evaluation.contamination import Contamination
from r1_verl.evaluation.conversation import Conversation
from r1_verl.evaluation.episodes import Playing
from r1_verl.evaluation.generate import Answer, Model, Request
from r1_verl.evaluation.pool import Failed, Pool, ask
from r1_verl.evaluation.protocols import Protocol
from r1_verl.evaluation.questions import Question, Suite
from r1_verl.evaluation.rescore import score_many
from r1_verl.evaluation.results import TOO_LONG, Result
from r1_verl.runs import RunError


# By cell and (question, sample): what a sample's row will hold besides the answer.
Rows = dict[str, dict[tuple[str, int], dict[str, Any]]]


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


class _Cell(NamedTuple):
    """One checkpoint on one suite. missing: (question, sample) pairs to ask, all first samples first."""

    checkpoint: Checkpoint
    suite: Suite
    folder: Path
    model_hash: str
    found: samples.Found
    wanted: set[tuple[str, int]]
    missing: list[tuple[Question, int]]


def evaluate(
    checkpoints: Sequence[Checkpoint],
    suites: Sequence[Suite],
    protocol: Protocol,
    make_pool: Callable[[], Pool],
) -> tuple[list[Result], list[str]]:
    """Ask what is missing, judge everything, and write and return the results, with what failed in words.

    make_pool is called if anything is missing. A checkpoint that cannot be read or loaded is told among what failed;
    the others go on. Raises RunError for a cell that another process fills, OSError for a disk that is full.
    """
    failed: list[str] = []
    with contextlib.ExitStack() as claims:
        cells = list(_cells(checkpoints, suites, protocol, claims, failed))
        total = sum(len(cell.missing) for cell in cells)
        there = sum(len(cell.wanted) for cell in cells) - total
        print(f"{there} samples are there, {total} to ask", file=sys.stderr, flush=True)
        if total:
            _ask(cells, total, protocol, make_pool, failed)
        found: list[Result] = []
        leaks = Contamination(failed)
        for cell in cells:
            if result := _judge(cell, protocol, leaks):
                results.write(cell.folder, result)
                found.append(result)
    return found, failed


def _cells(
    checkpoints: Sequence[Checkpoint],
    suites: Sequence[Suite],
    protocol: Protocol,
    claims: contextlib.ExitStack,
    failed: list[str],
) -> Iterator[_Cell]:
    for checkpoint in checkpoints:
        try:
            if lacks := models.lacking(checkpoint.folder):
                raise RunError(f"its folder {checkpoint.folder} lacks {lacks}")
            model_hash = models.digest(checkpoint.folder)
        except (RunError, OSError) as error:
            failed.append(f"{checkpoint.label} was left out: {error}")
            continue
        for suite in suites:
            key = hashlib.sha256(
                "\n".join([suite.revision, protocol.identity(suite.name, suite.task), model_hash]).encode()
            ).hexdigest()[:12]
            name = "".join(c if c.isalnum() or c in "_+=.-" else "_" for c in protocol.name)[:80]
            folder = checkpoint.out / f"{suite.name}.{name}.{key}"
            claims.enter_context(samples.claimed(folder))
            found = samples.look(folder)
            pairs = [(q, at) for at in range(protocol.samples_of(suite.name)) for q in suite.questions]
            missing = [(q, at) for q, at in pairs if (q.id, at) not in found.samples]
            yield _Cell(checkpoint, suite, folder, model_hash, found, {(q.id, at) for q, at in pairs}, missing)


# --- asking -----------------------------------------------------------------------------------------------------------


def _ask(
    cells: Sequence[_Cell], total: int, protocol: Protocol, make_pool: Callable[[], Pool], failed: list[str]
) -> None:
    """Ask what the cells miss, and append each answer to its cell as it comes."""
    rows: Rows = {}
    playing: dict[tuple[str, str, int], Playing] = {}
    jobs: list[tuple[Model, list[Request]]] = []
    by_model: dict[Path, list[_Cell]] = {}
    for cell in cells:
        if cell.missing:
            by_model.setdefault(cell.checkpoint.folder, []).append(cell)
    for folder, its in by_model.items():
        try:
            jobs.append(_prepared(folder, its, protocol, rows, playing))
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
        _collect(pool, jobs, rows, playing, by_model, failed, total)
    finally:
        pool.close()


def _collect(
    pool: Pool,
    jobs: list[tuple[Model, list[Request]]],
    rows: Rows,
    playing: dict[tuple[str, str, int], Playing],
    by_model: dict[Path, list[_Cell]],
    failed: list[str],
    total: int,
) -> None:
    """Append the samples of all jobs as they are finished. An episode whose environment broke is no sample."""
    from tqdm import tqdm

    def next_turn(answer: Answer) -> Request | None:
        return playing[answer.key].next_turn(answer) if answer.key in playing else None

    broken: dict[str, list[str]] = {}
    with tqdm(desc="samples", total=total, delay=2, mininterval=1.0, file=sys.stderr, leave=False) as bar:
        for found in ask(pool, jobs, next_turn):
            if isinstance(found, Failed):
                label = by_model[Path(found.model.folder)][0].checkpoint.label
                failed.append(f"{label} could not be asked: {found.reason}")
                continue
            lines: dict[str, list[dict[str, Any]]] = {}
            for answer in found:
                played = playing.pop(answer.key, None)
                if played is not None and played.failed:
                    broken.setdefault(answer.key[0], []).append(played.failed)
                else:
                    lines.setdefault(answer.key[0], []).append(_row(rows, answer, played))
            for folder, its in lines.items():
                samples.append(Path(folder), its)
            bar.update(len(found))
    for folder, why in broken.items():
        failed.append(f"{folder}: {len(why)} episodes could not be played, and are left out: {why[0]}")


def _row(rows: Rows, answer: Answer, played: Playing | None) -> dict[str, Any]:
    folder, question, sample = answer.key
    row = rows[folder].pop((question, sample))
    if played is not None:
        return row | played.row()
    return row | {
        "response": answer.text, "tokens": answer.tokens, "finish_reason": answer.finish_reason,
        "truncated": answer.finish_reason == "length",
    }  # fmt: skip


def _prepared(
    folder: Path,
    cells: Sequence[_Cell],
    protocol: Protocol,
    rows: Rows,
    playing: dict[tuple[str, str, int], Playing],
) -> tuple[Model, list[Request]]:
    """One model's requests, in `rows` what the sample of each will hold besides the answer, the episodes in `playing`.

    A prompt that leaves no room for a response is appended as answered: with nothing. Raises RunError.
    """
    room = models.positions(folder)
    tokenizer = models.load_tokenizer(folder)
    requests, longest = [], 0
    conversations: dict[bool, Conversation] = {}
    for cell in cells:
        mine = rows.setdefault(str(cell.folder), {})
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
            mine[question.id, sample] = row
            seed = _seed(protocol, question.id, sample)
            key = (str(cell.folder), question.id, sample)
            request = Request(
                key, ids, protocol.temperature, protocol.top_p, limit, protocol.stop, protocol.keep_stop, seed
            )
            if protocol.turn_tokens:
                if question.raw not in conversations:
                    kind = models.model_type(folder)
                    conversations[question.raw] = Conversation(tokenizer, kind, question.raw)
                playing[key] = Playing(
                    question, request, opens_think(text), conversations[question.raw], protocol.turn_tokens,
                    partial(_seed, protocol, question.id, sample),
                )  # fmt: skip
                request = playing[key].request
            requests.append(request)
        if too_long:
            samples.append(cell.folder, too_long)
    return Model(str(folder), models.shape(folder, tokenizer), longest), requests


def _without_answer(cell: _Cell, protocol: Protocol, question: Question, sample: int, prompt: str) -> dict[str, Any]:
    return {
        "suite": cell.suite.name, "protocol": protocol.name, "model": cell.checkpoint.label,
        "step": cell.checkpoint.step, "question": question.id, "sample": sample, "data_source": question.data_source,
        "prompt": prompt, "ground_truth": question.ground_truth,
        "extra_info": {"think_in_prompt": opens_think(prompt)},
    }  # fmt: skip


def _seed(protocol: Protocol, question: str, sample: int, turn: int = 0) -> int | None:
    if not protocol.temperature:
        return None
    text = f"{protocol.seed} {question} {sample}" + (f" {turn}" if turn else "")
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest()) >> 1


# --- judging ----------------------------------------------------------------------------------------------------------


def _judge(cell: _Cell, protocol: Protocol, leaks: Contamination) -> Result | None:
    """The result of a cell, its verdicts added where they are missing; None if it has no sample."""
    evaluator = protocol.evaluator_of(cell.suite.name, cell.suite.task)
    if any("acc" not in row or row.get("evaluator") != evaluator for row in samples.rows(cell.folder)):
        samples.rewrite(cell.folder, _judged(cell.folder, evaluator))
    have = cell.wanted & samples.look(cell.folder).samples
    if not have:
        return None
    figures = results.measure(samples.rows(cell.folder, have), cell.suite.task, protocol.samples_of(cell.suite.name))
    published = {"evaluator": evaluator, "acc": figures["published"]} if evaluator else None
    checkpoint = cell.checkpoint
    return Result(
        model=checkpoint.label, run=checkpoint.run, step=checkpoint.step, suite=cell.suite.name,
        protocol=protocol.name, source=protocol.source, questions=len(cell.suite.questions),
        samples=protocol.samples_of(cell.suite.name), missing=len(cell.wanted) - len(have),
        contaminated=leaks.of(checkpoint.trained_on, cell.suite), twice=cell.found.twice,
        unreadable=cell.found.unreadable, revision=cell.suite.revision, model_hash=cell.model_hash,
        **{**figures, "published": published},
    )  # fmt: skip


def _judged(folder: Path, evaluator: str | None) -> Iterator[dict[str, Any]]:
    """A cell's samples with the strict verdict, and the published evaluator's beside it."""
    verdicts = score_many(map(samples.to_row, samples.rows(folder)))
    settings = {"reward": evaluator, "mode": "faithful", "scale": "binary"}
    beside = score_many(map(samples.to_row, samples.rows(folder)), **settings) if evaluator else iter(())
    for row, (_, verdict) in zip(samples.rows(folder), verdicts, strict=True):
        verdict["pred"] = verdict["pred"].encode("utf-8", "replace").decode()  # a lone surrogate is no text to a file
        judged = {name: value for name, value in row.items() if name not in ("evaluator", "published")} | verdict
        if evaluator:
            judged |= {"evaluator": evaluator, "published": next(beside)[1]["score"]}
        yield judged
