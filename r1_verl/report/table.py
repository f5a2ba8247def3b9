"""The reports' table: checkpoints as rows, suites and their average as columns, the best of each column in bold."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from r1_verl.evaluation import results
from r1_verl.evaluation.results import Result
from r1_verl.report.curves import Curves
from r1_verl.runs import recorded
from r1_verl.scorers import task_source

# The order of the published tables, by the names of our suites; others follow by name.
_NAMES = {
    "gsm8k": "GSM8K", "math500": "MATH-500", "minerva": "Minerva", "olympiadbench": "OlympiadBench", "aime24": "AIME24",
    "aime25": "AIME25", "amc23": "AMC23",
}  # fmt: skip
_SEED = re.compile(r"[_-]?seed[_-]?\d+")


class Accuracy(NamedTuple):
    """mean: in [0, 1]; spread: its standard deviation over seeds, None for one seed."""

    mean: float
    spread: float | None = None

    def __str__(self) -> str:
        """In percent."""
        return f"{100 * self.mean:.1f}" + (f" ± {100 * self.spread:.1f}" if self.spread is not None else "")


class Table(NamedTuple):
    """Text in rows of equal length, the first column a checkpoint. runs: of each row, "" where all rows are one run's.
    best: (row, column) of what stands in bold."""

    caption: str
    head: list[str]
    runs: list[str]
    rows: list[list[str]]
    best: set[tuple[int, int]]
    notes: list[str]


def tables(curves: Curves, evaluated: Sequence[Sequence[Result]], models: Sequence[Result] = ()) -> list[Table]:
    """The table of validations, and of each protocol that `r1-verl evaluate` has run two: scores, and what is to be
    known of each.

    evaluated: of each run, the results of its evaluations. models: results of other models, which stand below those.
    """
    found = []
    groups = seeds(curves)
    measured = [
        {step.step: {source: Accuracy(value) for source, value in named.items()}
         for step in steps if (named := validation(step.data))}
        for steps in curves.steps
    ]  # fmt: skip
    if any(measured):
        found.append(_scores("Strict accuracy at validation, %", curves, groups, measured, {}))
    for protocol in sorted({each.protocol for run in (*evaluated, models) for each in run}):
        others = [each for each in models if each.protocol == protocol]
        chosen = [[each for each in run if each.protocol == protocol] for run in evaluated]
        measured = [{} for _ in curves.runs]
        for run, those in enumerate(chosen):
            for each in those:
                measured[run].setdefault(each.step or 0, {})[each.suite] = _accuracy(each)
        beside: dict[str, dict[str, Accuracy]] = {}
        for each in others:
            beside.setdefault(each.model, {})[each.suite] = _accuracy(each)
        scores = _scores(f"Strict accuracy by the protocol {protocol}, %", curves, groups, measured, beside)
        if any(each.seeds for those in (*chosen, others) for each in those):
            scores.notes.append("± of one checkpoint: standard deviation over its samples, each of them one seed.")
        found += [scores, _details(f"Of each score by the protocol {protocol}, %", curves, chosen, others)]
        if any(each.by_source for those in (*chosen, others) for each in those):
            found.append(_by_source(f"By source by the protocol {protocol}, %", curves, chosen, others))
    return found


def _accuracy(result: Result) -> Accuracy:
    return Accuracy(result.acc, result.seeds[1] if result.seeds else None)


def _scores(
    caption: str, curves: Curves, groups: Sequence[Sequence[int]],
    measured: Sequence[Mapping[int, Mapping[str, Accuracy]]], beside: Mapping[str, Mapping[str, Accuracy]],
) -> Table:  # fmt: skip
    """measured: of each run the accuracies by step and suite; beside: of other models by suite."""
    order = {name: at for at, name in enumerate(_NAMES)}
    suites = {suite for run in (*measured, beside) for cells in run.values() for suite in cells}
    columns = sorted(suites, key=lambda suite: (order.get(suite, len(order)), suite))
    labels: list[tuple[str, str]] = []
    cells: list[list[Accuracy | None]] = []
    notes = []
    for group in groups:
        name = _name(curves, group)
        if len(group) > 1:
            notes.append(f"{name}: mean ± standard deviation over {len(group)} runs that differ by their seed alone.")
        for step in sorted(set.intersection(*(set(measured[run]) for run in group))):
            there = [[measured[run][step].get(suite) for suite in columns] for run in group]
            labels.append((name if len(groups) > 1 else "", f"step {step}"))
            cells.append([_over_seeds(column) for column in zip(*there, strict=True)])
            if len(columns) > 1:
                cells[-1].append(_over_seeds([_average(row) for row in there]))
    for model, values in beside.items():
        row = [values.get(suite) for suite in columns]
        labels.append(("", model))
        cells.append([*row, _average(row)] if len(columns) > 1 else row)
    head = ["checkpoint", *(_NAMES.get(suite, suite) for suite in columns), *["average"] * (len(columns) > 1)]
    best = set()
    for at in range(len(head) - 1):
        means = {row: line[at].mean for row, line in enumerate(cells) if line[at] is not None}
        best |= {(row, at + 1) for row, mean in means.items() if len(means) > 1 and mean == max(means.values())}
    rows = [[label, *("–" if cell is None else str(cell) for cell in line)]
            for (_, label), line in zip(labels, cells, strict=True)]  # fmt: skip
    return Table(caption, head, [run for run, _ in labels], rows, best, notes)


def _over_seeds(values: Sequence[Accuracy | None]) -> Accuracy | None:
    """One accuracy of those of several runs; None if one is missing."""
    if any(value is None for value in values):
        return None
    means = [value.mean for value in values]
    return values[0] if len(means) == 1 else Accuracy(statistics.fmean(means), statistics.stdev(means))


def _average(values: Sequence[Accuracy | None]) -> Accuracy | None:
    """Over all suites; None if one is missing, because averages of different suites do not compare."""
    return None if None in values else Accuracy(statistics.fmean(value.mean for value in values))


def _details(caption: str, curves: Curves, chosen: Sequence[Sequence[Result]], others: Sequence[Result]) -> Table:
    """What has to be known of each score: how it was asked, its interval, what may spoil it."""
    head = ["checkpoint", "suite", "questions", "95 % interval", "pass@k", "maj@k", "published evaluator", "cut off",
            "contaminated"]  # fmt: skip
    rows = []
    runs = []
    for run, those in enumerate([*chosen, others]):
        for each in those:
            low, high = each.interval
            published, spoilt = each.published, each.contaminated
            of_run = run < len(chosen)
            runs.append(curves.names[run] if of_run and len(chosen) > 1 else "")
            rows.append([
                f"step {each.step or 0}" if of_run else each.model, _NAMES.get(each.suite, each.suite),
                f"{each.questions} x {each.samples}",
                f"{100 * low:.1f} to {100 * high:.1f}", _by_k(each.pass_at), _by_k(each.maj_at),
                f"{100 * published['acc']:.1f} ({published['evaluator']})" if published else "–",
                f"{100 * each.truncated:.1f}", f"{100 * spoilt['share']:.1f}" if spoilt else "–",
            ])  # fmt: skip
    return Table(
        caption,
        head,
        runs,
        rows,
        set(),
        [f"{note}." for those in (*chosen, others) for r in those for note in results.notes(r)],
    )


def _by_source(caption: str, curves: Curves, chosen: Sequence[Sequence[Result]], others: Sequence[Result]) -> Table:
    """Accuracies by data source, as of Sokoban by its shortest solution, beside the suite's own."""
    found = [(run, each) for run, those in enumerate([*chosen, others]) for each in those if each.by_source]
    sources = list(dict.fromkeys(source for _, each in found for source in each.by_source))
    rows, runs = [], []
    for run, each in found:
        of_run = run < len(chosen)
        runs.append(curves.names[run] if of_run and len(chosen) > 1 else "")
        cells = (str(Accuracy(each.by_source[s])) if s in each.by_source else "–" for s in sources)
        first = f"step {each.step or 0}" if of_run else each.model
        rows.append([first, _NAMES.get(each.suite, each.suite), str(Accuracy(each.acc)), *cells])
    return Table(caption, ["checkpoint", "suite", "all", *sources], runs, rows, set(), [])


def _by_k(values: Mapping[str, float]) -> str:
    """The value of the largest k, with the k."""
    return max((f"{100 * value:.1f} ({k})" for k, value in values.items() if k != "1"), default="–",
               key=lambda text: int(text.partition("(")[2][:-1]))  # fmt: skip


def seeds(curves: Curves) -> list[list[int]]:
    """The runs in groups that differ by their seeds alone; each by itself where no configuration is recorded."""
    groups: dict[str, list[int]] = {}
    for at, run in enumerate(curves.runs):
        settings = {
            key: _SEED.sub("", value) if isinstance(value, str) else value
            for key, value in recorded(run.folder).items()
            if not re.search(r"(^|[._])seed$", key)
        }
        groups.setdefault(json.dumps(settings, sort_keys=True, default=str) if settings else str(at), []).append(at)
    return list(groups.values())


def _name(curves: Curves, group: Sequence[int]) -> str:
    names = [curves.names[at] for at in group]
    return names[0] if len(names) == 1 else " + ".join(dict.fromkeys(_SEED.sub("", name) for name in names))


def validation(data: Mapping[str, float]) -> dict[str, float]:
    """The strict accuracy on each data source in one step's metrics; {} if the step has no validation.

    Data sources of earlier versions get the names that they have now; two that would get the same one keep their own.
    """
    found = {}
    for key, value in data.items():
        if match := re.fullmatch(r"val-core/(.+)/acc/mean@\d+", key):
            found[match[1]] = value
    now = [task_source(source) for source in found]
    return {
        name if now.count(name) == 1 else source: value
        for (source, value), name in zip(found.items(), now, strict=True)
    }


def markdown(table: Table) -> list[str]:
    """Lines of Markdown; a name is text there, whatever it holds."""
    rows = [
        [f"**{plain(cell)}**" if (row, column) in table.best else plain(cell) for column, cell in enumerate(cells)]
        for row, cells in enumerate(
            [", ".join(filter(None, (run, first))), *rest]
            for run, (first, *rest) in zip(table.runs, table.rows, strict=True)
        )
    ]
    notes = ["", *(f"- {plain(note)}" for note in table.notes)] if table.notes else []
    return [f"{plain(table.caption)}:", "", *aligned([[plain(cell) for cell in table.head], *rows]), *notes]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, its columns as wide in the file as on the page; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def plain(text: str) -> str:
    """Text on one line in which Markdown finds no markup."""
    return re.sub(r"([|`\\*<\[])", r"\\\1", " ".join(text.split()))
