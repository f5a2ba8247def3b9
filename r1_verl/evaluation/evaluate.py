"""Checkpoints on suites: what is there already, what is missing, asking it, judging it.

FOLDER/SUITE.PROTOCOL.KEY/ is a cell: `samples.jsonl` and `result.json`. KEY is a hash of the suite's revision, of what
a response depends on in the protocol, and of the model's files, so nothing that has changed is taken for done.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from r1_verl.evaluation import models, results, samples
from r1_verl.evaluation.asking import Cell, Checkpoint, ask_missing
from r1_verl.evaluation.contamination import Contamination
from r1_verl.evaluation.pool import Pool
from r1_verl.evaluation.protocols import Protocol
from r1_verl.evaluation.questions import Suite
from r1_verl.evaluation.rescore import score_many
from r1_verl.evaluation.results import Result
from r1_verl.runs import RunError


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
            ask_missing(cells, total, protocol, make_pool, failed)
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
) -> Iterator[Cell]:
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
            yield Cell(checkpoint, suite, folder, model_hash, found, {(q.id, at) for q, at in pairs}, missing)


# --- judging ----------------------------------------------------------------------------------------------------------


def _judge(cell: Cell, protocol: Protocol, leaks: Contamination) -> Result | None:
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
