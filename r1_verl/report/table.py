"""The reports' table: checkpoints as rows, suites and their average as columns, the best of each column in bold."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1_verl.report.curves import Curves
from r1_verl.runs import recorded
from r1_verl.scorers import task_source

# The order of the published tables, by the names of our suites; others follow by name.
_NAMES = {
    "gsm8k": "GSM8K", "math500": "MATH-500", "minerva": "Minerva", "olympiadbench": "OlympiadBench", "aime24": "AIME24",
    "aime25": "AIME25", "amc23": "AMC23",
}  # fmt: skip
_SEED = re.compile(r"[_-]?seed[_-]?\d+")


class Cell(NamedTuple):
    """Accuracy in [0, 1]; spread: the standard deviation over seeds, None for one seed."""

    mean: float
    spread: float | None = None

    def __str__(self) -> str:
        """In percent."""
        return f"{100 * self.mean:.1f}" + (f" ± {100 * self.spread:.1f}" if self.spread is not None else "")


class Table(NamedTuple):
    """rows: (checkpoint, a cell a column). notes: what a reader of the numbers has to know, sentences."""

    caption: str
    columns: list[str]
    rows: list[tuple[str, list[Cell | None]]]
    notes: list[str]

    def best(self) -> list[float | None]:
        """The highest mean of each column, None where fewer than two checkpoints can be compared."""
        columns = zip(*(cells for _, cells in self.rows), strict=True)
        found = [[cell.mean for cell in column if cell is not None] for column in columns]
        return [max(means) if len(means) > 1 else None for means in found]

    def is_best(self, cell: Cell | None, best: float | None) -> bool:
        return cell is not None and best is not None and cell.mean == best


def tables(curves: Curves, evaluated: Sequence[Sequence[Mapping[str, Any]]]) -> list[Table]:
    """The table of validations, and one of each protocol that `r1-verl evaluate` has run.

    evaluated: of each run, the results of its evaluations (evaluation/results.py).
    """
    found = []
    groups = seeds(curves)
    validated = [{step.step: named for step in steps if (named := validation(step.data))} for steps in curves.steps]
    if any(validated):
        measured = [{at: {key: (value, None) for key, value in named.items()} for at, named in run.items()}
                    for run in validated]  # fmt: skip
        found.append(_table("Strict accuracy at validation, %", curves, groups, measured))
    for protocol in dict.fromkeys(str(each["protocol"]) for results in evaluated for each in results):
        measured = [{} for _ in curves.runs]
        notes = []
        for run, results in enumerate(evaluated):
            for each in results:
                if str(each["protocol"]) != protocol or each.get("acc") is None:
                    continue
                spread = (each.get("seeds") or {}).get("std")
                measured[run].setdefault(each.get("step") or 0, {})[str(each["suite"])] = (each["acc"], spread)
                notes += _notes(curves, run, each)
        if any(measured):
            table = _table(f"Strict accuracy by the protocol {protocol}, %", curves, groups, measured)
            found.append(table._replace(notes=table.notes + notes))
    return found


def _notes(curves: Curves, run: int, result: Mapping[str, Any]) -> list[str]:
    """What stands beside a score: its interval, cut-off and contaminated shares, the published evaluator's verdict."""
    low, high = result.get("interval") or (None, None)
    said = [f"95 % interval {100 * low:.1f} to {100 * high:.1f}"] if low is not None and high is not None else []
    if result.get("questions"):
        said.append(f"{result['questions']} questions x {result.get('samples', 1)}")
    for name, words in (("truncated", "cut off"), ("contaminated", "contaminated")):
        if result.get(name):
            said.append(f"{100 * result[name]:.1f} % {words}")
    if (published := result.get("published")) and published.get("acc") is not None:
        said.append(f"{published.get('evaluator', 'published evaluator')}: {100 * published['acc']:.1f}")
    if result.get("missing"):
        said.append(f"{result['missing']} answers missing")
    where = f"{_short(curves, run)}step {result.get('step') or 0}, {result['suite']}"
    return [f"{where}: {'; '.join(said)}."] if said else []


def _short(curves: Curves, run: int) -> str:
    return f"{curves.names[run]}, " if len(curves.runs) > 1 else ""


def _table(
    caption: str, curves: Curves, groups: Sequence[Sequence[int]],
    measured: Sequence[Mapping[int, Mapping[str, tuple[float, float | None]]]],
) -> Table:  # fmt: skip
    """measured: of each run, by step and suite, the accuracy and its spread over seeds of sampling."""
    suites = {suite for run in measured for cells in run.values() for suite in cells}
    order = {name: at for at, name in enumerate(_NAMES)}
    columns = sorted(suites, key=lambda suite: (order.get(suite, len(order)), suite))
    rows: list[tuple[str, list[Cell | None]]] = []
    notes = []
    for group in groups:
        name = _name(curves, group)
        if len(group) > 1:
            notes.append(f"{name}: mean ± standard deviation over {len(group)} runs that differ by their seed alone.")
        for step in sorted(set.intersection(*(set(measured[run]) for run in group))):
            cells = [_over_seeds([measured[run][step].get(suite) for run in group]) for suite in columns]
            if len(columns) > 1:
                cells.append(_average([[measured[run][step].get(suite) for suite in columns] for run in group]))
            rows.append((f"{name}, step {step}" if len(groups) > 1 else f"step {step}", cells))
    shown = [_NAMES.get(suite, suite) for suite in columns]
    return Table(caption, [*shown, "average"] if len(columns) > 1 else shown, rows, notes)


def _over_seeds(values: Sequence[tuple[float, float | None] | None]) -> Cell | None:
    """None if a run of the group has no such number."""
    if None in values:
        return None
    means = [value[0] for value in values]
    if len(means) == 1:
        return Cell(*values[0])
    return Cell(statistics.fmean(means), statistics.stdev(means))


def _average(runs: Sequence[Sequence[tuple[float, float | None] | None]]) -> Cell | None:
    """Over all suites, None if one is missing."""
    if any(None in cells for cells in runs):
        return None
    means = [statistics.fmean(value for value, _ in cells) for cells in runs]
    return Cell(statistics.fmean(means), statistics.stdev(means) if len(means) > 1 else None)


def seeds(curves: Curves) -> list[list[int]]:
    """The runs in groups that differ by their seeds alone (each by itself where no configuration is recorded)."""
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
    best = table.best()
    rows = [
        (label, *("–" if cell is None else f"**{cell}**" if table.is_best(cell, top) else str(cell)
                  for cell, top in zip(cells, best, strict=True)))
        for label, cells in table.rows
    ]  # fmt: skip
    return [f"{table.caption}:", "", *aligned([("checkpoint", *table.columns), *rows]), *_listed(table.notes)]


def _listed(notes: Sequence[str]) -> list[str]:
    return ["", *(f"- {plain(note)}" for note in notes)] if notes else []


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, its columns as wide in the file as on the page; the first row is the head."""
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def plain(text: str) -> str:
    """Text in which Markdown finds no markup of its own and no end of a cell; bold stays."""
    return re.sub(r"([|<`\\])", r"\\\1", " ".join(text.split())).replace("\\<", "&lt;")

