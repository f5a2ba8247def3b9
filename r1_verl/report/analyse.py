"""`r1-verl analyse RUN|FILE...`: how a model thinks, step by step, from any file of its responses.

What is counted: `r1_verl.report.thinking`; what a step and a reflection is: `r1_verl.report.keywords`.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic
from r1_verl.data.example import DataError
from r1_verl.data.parallel import usable_cpus
from r1_verl.evaluation.response_files import counted
from r1_verl.report import responses
from r1_verl.report.keywords import KEYWORDS
from r1_verl.report.responses import Response
from r1_verl.report.thinking import Analysis, Spread, analyse, first_above, load_tokenizer
from r1_verl.runs import RunError, find_run
from r1_verl.scorers import unknown_name

# --- what a reader is told --------------------------------------------------------------------------------------------

# Column, value, and how it is written: a count with its spread, a share.
_COLUMNS = (
    ("right", "right", True), ("think", "think", False), ("answer", "answer", False), ("steps", "steps", False),
    ("reflections", "reflections", False), ("reflecting", "reflecting", True),
    ("right if so", "right_reflecting", True), ("right if not", "right_not_reflecting", True), ("mixed", "mixed", True),
    ("repeated", "repetition", True), ("cut off", "truncated", True), ("code", "code", True),
)  # fmt: skip
_WATCHED = (("reflecting", "responses that reflect"), ("steps", "markers of steps a response"))


def text(analysis: Analysis, unit: str) -> str:
    """The tables of one kind of responses, and where it first rises above its first step."""
    rows = [["step", "n", *(title for title, _, _ in _COLUMNS)]]
    outcomes = [name for name, _ in sum((each.outcomes for each in analysis.by_step.values()), Counter()).most_common()]
    kinds = [["step", *outcomes]]
    for step, counts in analysis.by_step.items():
        total = counts.outcomes.total()
        rows.append([str(step), f"{total}", *(_cell(counts[name], share) for _, name, share in _COLUMNS)])
        kinds.append([str(step), *(f"{counts.outcomes[name] / total:.1%}" for name in outcomes)])
    lines = [f"{analysis.name} (lengths in {unit})", *_aligned(rows), "", "outcomes", *_aligned(kinds), ""]
    lines += [line for name, what in _WATCHED if (line := _rise(analysis, name, what))]
    if shortened := sum(each.shortened for each in analysis.by_step.values()):
        lines.append(
            f"{counted(shortened, 'response')} in the file without their middle: what stood there is not counted"
        )
    return "\n".join([*lines, *_missing(analysis)])


def _cell(value: Spread, share: bool) -> str:
    if not value.n:
        return "-"
    return f"{value.mean:.1%}" if share else f"{_short(value.mean)}±{_short(value.std)}"


def _short(number: float) -> str:
    return f"{number:,.{0 if number >= 100 else 1 if number >= 10 else 2}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _rise(analysis: Analysis, name: str, what: str) -> str:
    if len(analysis.by_step) < 2:
        return ""
    start = next(iter(analysis.by_step))
    above = first_above(analysis.by_step, name)
    base = _cell(analysis.by_step[start][name], name == "reflecting")
    told = f"{what}: {base} at step {start}{'' if start == 0 else ' (there is no step 0)'}"
    if above is None:
        return f"{told}, at no later step above that by two standard errors"
    return f"{told}, first above that by two standard errors at step {above}: " + _cell(
        analysis.by_step[above][name], name == "reflecting"
    )


def _missing(analysis: Analysis) -> list[str]:
    there = list(analysis.by_step)
    apart = min((b - a for a, b in pairwise(there)), default=0)
    gone = [step for step in range(there[0], there[-1], apart) if step not in analysis.by_step] if apart else []
    if not gone:
        return []
    few = ", ".join(map(str, gone[:8])) + (f" and {len(gone) - 8} more" if len(gone) > 8 else "")
    return [f"steps without responses, where others are {apart} apart: {few}"]


def record(analysis: Analysis) -> dict[str, Any]:
    """An analysis as JSON has it: {name, steps: [{step, n, outcomes, NAME: {mean, std, n}}]}, null without values."""
    made = []
    for step, counts in analysis.by_step.items():
        values = {name: counts[name]._asdict() for name in counts.values}
        made.append({"step": step, "n": counts.outcomes.total(), "outcomes": dict(counts.outcomes), **values})
    above = {name: first_above(analysis.by_step, name) for name, _ in _WATCHED}
    return {"name": analysis.name, "first_above_start": above, "steps": made}


# --- the command ------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Count what is in responses: thinking and answer apart, markers of steps, reflection and what it goes with,\n"
        "mixed languages, repetition, truncation, code, outcomes; a line a step, with the spread over its responses."
    )
    parser.epilog = (
        "example:\n  r1-verl analyse quickstart_grpo_seed1\n"
        "  r1-verl analyse responses.jsonl --keywords oat_zero --tokenizer Qwen/Qwen2.5-3B --out analysis.json"
    )
    where = "a run (its folder, or its name below $RUNS), or a file of responses: .jsonl, also .gz"
    parser.add_argument("sources", metavar="RUN|FILE", nargs="+", help=where)
    parser.add_argument(
        "--keywords", default="four_projects", metavar="LIST",
        help=f"what counts as reflection: {', '.join(KEYWORDS)} (default: four_projects)",
    )  # fmt: skip
    parser.add_argument("--tokenizer", default="", metavar="MODEL", help="count this model's tokens (default: words)")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write all numbers as JSON")
    parser.add_argument("--workers", metavar="N", type=int, help="processes (default: all cores)")


def run(args: argparse.Namespace) -> int:
    if args.keywords not in KEYWORDS:
        raise DataError(unknown_name("list of keywords", args.keywords, KEYWORDS))
    if args.tokenizer:
        try:
            load_tokenizer(args.tokenizer)
        except ImportError:
            raise
        except Exception as error:  # the libraries' own, and the hub's
            why = " ".join(str(error).split())[:200]
            raise DataError(f"--tokenizer {args.tokenizer}: no tokenizer can be loaded from there ({why})") from error
    say = functools.partial(print, file=sys.stderr)
    found = _responses([_source(each) for each in args.sources], say)
    analyses = analyse(found, args.keywords, args.tokenizer, args.workers or usable_cpus())
    unit = f"tokens of {args.tokenizer}" if args.tokenizer else "words"
    for analysis in analyses:
        print(text(analysis, unit) + "\n")
    if not analyses:
        print("there are no responses in " + ", ".join(args.sources))
    elif not any("right" in counts.values for each in analyses for counts in each.by_step.values()):
        print("no response has a verdict: `r1-verl score FILE` gives one")
    if args.out:
        made = {"keywords": args.keywords, "lengths": unit, "analyses": [record(each) for each in analyses]}
        with atomic.file(args.out) as part:
            part.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return 0


class _Source(NamedTuple):
    """A file of responses. name: of what it belongs to. step: None where each response says its own."""

    name: str
    kind: str
    step: int | None
    path: Path


def _source(given: str) -> list[_Source]:
    """The files that a user means. Raises DataError or RunError."""
    path = Path(given).expanduser()
    if path.is_file():
        if not path.name.endswith((".jsonl", ".jsonl.gz")):
            raise DataError(f"{given} is no .jsonl or .jsonl.gz file: give one object a line, with a response in each")
        return [_Source(path.name, responses.EVALUATION, None, path)]
    try:
        run = find_run(given)
    except RunError as error:
        raise RunError(f"{given} is neither a file nor a run", error.fix or str(error)) from error
    found = []
    for kind, step, file in responses.files(run):
        name = file.parent.name.rpartition(".")[0] if kind == responses.EVALUATION else ""
        found.append(_Source(f"{run.folder.name}, {kind}{' ' if name else ''}{name}", kind, step, file))
    return found


def _responses(sources: Iterable[Sequence[_Source]], say: Callable[[str], None]) -> Iterator[tuple[str, Response]]:
    for files in sources:
        for name, kind, step, path in files:
            for each in responses.of_file(kind, step, path, path.name, say):
                yield name, each
