"""`r1-verl score FILE`: score a file of responses offline, on all cores, and compare with the recorded reward."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import itertools
import json
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic
from r1_verl.data.example import DataError
from r1_verl.data.parallel import ordered_map, usable_cpus
from r1_verl.data.write import explained, parquet, progress
from r1_verl.evaluation.comparison import SAME, Comparison
from r1_verl.evaluation.response_files import Columns, Row, count, read
from r1_verl.reward import compute_score
from r1_verl.score import OUTCOMES
from r1_verl.scorers import note_ladder

_CHUNK = 64  # responses a task: long enough to hide the passing of messages, short enough to keep the bar moving
_INLINE = 512  # responses that are scored sooner than worker processes start


def score_many(
    rows: Iterable[Row], workers: int | None = None, **settings: Any
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Each row with the result of `compute_score(..., **settings)`, in order. workers: processes, None for all cores.

    Rows are read a little ahead of the scoring, never all at once. Raises UnknownNameError as `compute_score` does.
    """
    rows = iter(rows)
    workers = workers or usable_cpus()
    head = list(itertools.islice(rows, _INLINE))
    if len(head) < _INLINE:
        workers = 1
    else:
        _score(head[0], settings)  # a wrong name is an error of the caller: raised here, not out of a worker
    waiting: deque[list[Row]] = deque()  # the chunks whose results are not there yet

    def chunks() -> Iterator[list[Row]]:
        everything = itertools.chain(head, rows)
        while chunk := list(itertools.islice(everything, _CHUNK)):
            waiting.append(chunk)
            yield chunk

    for results in ordered_map(partial(_score_all, settings=settings), chunks(), workers):
        yield from zip(waiting.popleft(), results, strict=True)


def _score_all(chunk: list[Row], settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [_score(row, settings) for row in chunk]


def _score(row: Row, settings: dict[str, Any]) -> dict[str, Any]:
    return compute_score(row.data_source, row.response, row.ground_truth, row.extra_info, **settings)


class Difference(NamedTuple):
    """A row whose recorded reward is another than the one given here."""

    row: int
    recorded: float
    score: float
    outcome: str
    pred: str


class Tally:
    """Counts for the summary, filled one result at a time."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = {}
        self.sums: dict[str, list[float]] = {}  # source -> [score, acc, format]
        self.recorded = self.recorded_sum = self.score_sum = 0.0
        self.different: list[Difference] = []
        self.rows = 0

    def add(self, row: Row, result: Mapping[str, Any]) -> None:
        """Count one result."""
        self.rows += 1
        self.outcomes.setdefault(row.data_source, Counter())[result["outcome"]] += 1
        sums = self.sums.setdefault(row.data_source, [0.0, 0.0, 0.0])
        for at, name in enumerate(("score", "acc", "format")):
            sums[at] += result[name]
        if row.reward is not None:
            self.recorded += 1
            self.recorded_sum += row.reward
            self.score_sum += result["score"]
            if abs(row.reward - result["score"]) > SAME:
                self.different.append(
                    Difference(self.rows, row.reward, result["score"], result["outcome"], result["pred"])
                )

    def text(self, shown: int = 10) -> str:
        """The summary by source and outcome, then the comparison with the recorded reward if there is one."""
        order = {outcome: at for at, outcome in enumerate(OUTCOMES)}
        lines = [f"{'source':<28} {'rows':>8} {'score':>8} {'acc':>7} {'format':>7}  outcomes"]
        for source, counts in sorted(self.outcomes.items()):
            n = counts.total()
            score, acc, form = (total / n for total in self.sums[source])
            told = ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=lambda name: order.get(name, 99)))
            lines.append(f"{source:<28} {n:>8} {score:>8.4f} {acc:>7.4f} {form:>7.4f}  {told}")
        if self.recorded:
            n = int(self.recorded)
            lines.append(
                f"recorded reward: {n} rows, {n - len(self.different)} agree, {len(self.different)} differ; "
                f"mean {self.recorded_sum / n:.4f} recorded, {self.score_sum / n:.4f} here"
            )
            for d in self.different[:shown]:
                lines.append(f"  row {d.row}: {d.recorded:g} recorded, {d.score:g} here ({d.outcome}) {d.pred[:60]!r}")
            if len(self.different) > shown:
                lines.append(f"  and {len(self.different) - shown} more")
        return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Score a file of responses on all cores; compare with the recorded reward if there is one."
    parser.epilog = (
        "example:\n  r1-verl score runs/tinyzero_ppo/validation/60.jsonl --mode faithful\n"
        "  r1-verl score responses.jsonl --against mode=faithful"
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="responses: .jsonl or .parquet, also .gz; veRL's dumps as they are",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write each row's result to .jsonl, .jsonl.gz or .parquet"
    )
    parser.add_argument("--source", help="data source of every row (default: the column data_source)")
    parser.add_argument("--mode", default="strict", help="strict (default) or faithful")
    parser.add_argument("--scale", help="reward scale by name (default: the source's own)")
    parser.add_argument("--ladder", dest="scale", action=_Ladder, help=argparse.SUPPRESS)
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a scorer's option, as JSON"
    )
    parser.add_argument(
        "--against", action="append", default=[], metavar="NAME=VALUE",
        help="score twice and compare: the second time with this mode, scale, reward or option (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--response", metavar="COLUMN", help="column of the response")
    parser.add_argument("--ground-truth", metavar="COLUMN", help="column of the ground truth")
    parser.add_argument("--reward", metavar="COLUMN", help="column of the recorded reward (default: score or reward)")
    parser.add_argument("--workers", metavar="N", type=int, help="processes (default: all cores)")


def run(args: argparse.Namespace) -> int:
    columns = Columns(args.source, args.response, args.ground_truth, args.reward)
    settings = {"mode": args.mode, "scale": args.scale, **dict(map(_option, args.option))}
    other = {**settings, **dict(_option(each, "--against") for each in args.against)} if args.against else None
    tally, comparison = Tally(), Comparison()
    try:
        results = _both(read(args.file, columns), args.workers, settings, other)
        with _writer(args.out) as write:
            for row, result, second in progress(results, f"scoring {args.file.name}", count(args.file)):
                tally.add(row, result)
                if second is not None:
                    comparison.add(tally.rows, row, result, second)
                write(row, result, second)
    except BrokenProcessPool:
        print("r1-verl score: a worker process was killed (memory?): try --workers 1", file=sys.stderr)
        return 1
    print(tally.text() if tally.rows else f"{args.file.name} holds no rows")
    if comparison.counts:
        print(comparison.text(" ".join(args.against)))
    return 0


def _both(
    rows: Iterable[Row], workers: int | None, settings: dict[str, Any], other: dict[str, Any] | None
) -> Iterator[tuple[Row, dict[str, Any], dict[str, Any] | None]]:
    """Each row with its result, and with that of the other settings if there are any."""
    if other is None:
        return ((row, result, None) for row, result in score_many(rows, workers, **settings))
    first, second = itertools.tee(rows)
    pairs = zip(score_many(first, workers, **settings), score_many(second, workers, **other), strict=True)
    return ((row, result, against) for (row, result), (_, against) in pairs)


class _Ladder(argparse.Action):
    """--ladder, the old name of --scale."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        note_ladder()
        setattr(namespace, self.dest, values)


def _option(text: str, argument: str = "--option") -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise DataError(f"{argument} {text}: write it as NAME=VALUE")
    with contextlib.suppress(ValueError):
        return name, json.loads(value)
    return name, value


@contextlib.contextmanager
def _writer(path: Path | None) -> Iterator[Any]:
    """Yields write(row, result, second result). The file appears under its name when the last result is in it."""
    if path is None:
        yield lambda row, result, second: None
        return
    kinds = path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]
    if kinds not in ([".jsonl"], [".jsonl", ".gz"], [".parquet"]):
        raise DataError(f"--out {path.name}: choose a name that ends in .jsonl, .jsonl.gz or .parquet")
    with explained(), atomic.file(path) as part:
        if kinds == [".parquet"]:
            records: list[dict[str, Any]] = []
            yield lambda *each: records.append(_record(*each, len(records)))
            import pyarrow as pa

            table = pa.Table.from_pylist(records)
            parquet(part, table.schema, table.to_batches())
            return
        with (
            open(part, "wb") as plain,
            gzip.GzipFile("", "wb", fileobj=plain, mtime=0)
            if path.suffix == ".gz"
            else contextlib.nullcontext(plain) as out,
        ):
            numbers = itertools.count()

            def write(row: Row, result: Mapping[str, Any], second: Mapping[str, Any] | None) -> None:
                record = _record(row, result, second, next(numbers))
                out.write((json.dumps(record, ensure_ascii=False) + "\n").encode())

            yield write


def _record(row: Row, result: Mapping[str, Any], second: Mapping[str, Any] | None, at: int) -> dict[str, Any]:
    against = {f"against_{name}": value for name, value in _in_text(second or {}).items()}
    return {"row": at, "data_source": row.data_source, **_in_text(result), "recorded": row.reward, **against}


def _in_text(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result without lone surrogates, which are no text to a file."""
    pred = {"pred": result["pred"].encode("utf-8", "replace").decode()} if "pred" in result else {}
    return {**result, **pred}
