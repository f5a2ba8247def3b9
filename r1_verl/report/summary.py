"""The report on a run: a table of before and after, the curve as a picture, sample responses, its files."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.runs import MEAN_LENGTH, MEAN_REWARD, STEP_SECONDS, Run, Step, checkpoints, find_run, health, read_curve
from r1_verl.runs.curve import unsound_steps
from r1_verl.scorers import task_source

SAMPLES = 5


def validation(data: Mapping[str, float]) -> dict[str, float]:
    """The strict accuracy on each data source in one step's metrics; {} if the step has no validation.

    Data sources of earlier versions get the names that they have now; two that would get the same one keep their own.
    """
    found = {}
    for key, value in data.items():
        if match := re.fullmatch(r"val-core/(.+)/acc/mean@\d+", key):
            found[match[1]] = value
    now = {source: task_source(source) for source in found}
    shared = Counter(now.values())
    return {now[source] if shared[now[source]] == 1 else source: value for source, value in found.items()}


def write(run: Run) -> str:
    """Write report.md and curve.png into the run's folder, print the report and return it."""
    curve = read_curve(run)
    text = "\n".join(
        [
            f"# {run.folder.name}",
            "",
            *_table(run, curve),
            *health.lines(run),
            "",
            *_samples(run),
            "",
            *_places(run, _plot(run, curve)),
        ]
    )
    with atomic.file(run.folder / "report.md") as part:
        part.write_text(text + "\n")
    print("\n" + text)
    return text


def _table(run: Run, curve: Sequence[Step]) -> list[str]:
    validated = [(step.step, found) for step in curve if (found := validation(step.data))]
    trained = [step for step in curve if MEAN_REWARD in step.data]
    said = [f"Torn: {what}." for what in checkpoints.look(run.checkpoints).torn]
    if broken := unsound_steps(curve):
        said.append(broken)
    if not validated:
        said.append("No validation yet." if trained else "No validation and no finished step yet.")
    if not validated and not trained:
        return said
    first = validated[0][0] if validated else trained[0].step
    last = validated[-1][0] if validated else trained[-1].step
    rows = [("", f"before (step {first})", f"after (step {last})", "gain")]
    before, after = (validated[0][1], validated[-1][1]) if validated else ({}, {})
    for source in sorted(before.keys() & after.keys()):
        gain = 100 * (after[source] - before[source])
        rows.append((f"accuracy, {source}", f"{before[source]:.3f}", f"{after[source]:.3f}", f"{gain:+.1f} points"))
    for name, key in (("reward in training", MEAN_REWARD), ("response tokens", MEAN_LENGTH)):
        if measured := [step.data[key] for step in trained if key in step.data]:
            start, end = measured[0], measured[-1]
            rows.append((name, f"{start:.3f}", f"{end:.3f}", f"{end - start:+.3f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    seconds = sum(step.data.get(STEP_SECONDS, 0.0) for step in trained)
    ended = f"{len(trained)} step{'s' * (len(trained) != 1)}, {seconds / 60:.1f} minutes of training."
    return [*said, *[""] * bool(said), *lines, "", ended]


def _samples(run: Run) -> list[str]:
    """Some responses of the last validation, with their scores. A line that was cut off is left out."""
    dumps = run.dumps()
    if not dumps:
        return []
    step, path = dumps[-1]
    # split, not splitlines: a response may hold U+2028 and other ends of line that JSON leaves as they are
    written = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines = [f"Sample responses (step {step}):"]
    for record in islice(filter(None, map(_record, written[::37])), SAMPLES):
        score = record.get("score")
        lines += [
            "",
            f"- ground truth `{record.get('gts')}`, score {score if not isinstance(score, float) else f'{score:.2f}'}, "
            f"outcome {record.get('outcome')}:",
            "",
            *("      " + part for part in str(record["output"]).splitlines()[:12]),
        ]
    return lines if lines[1:] else [f"No sample response: nothing in {path} can be read."]


def _record(line: str) -> dict[str, Any] | None:
    """One line of a validation dump; None if it is empty, was cut off or holds no response."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "output" in found else None


def _plot(run: Run, curve: Sequence[Step]) -> Path | None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    trained = [step for step in curve if MEAN_REWARD in step.data]
    if not trained:
        return None
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6))
    steps = [step.step for step in trained]
    left.plot(steps, _finite(step.data[MEAN_REWARD] for step in trained), label="training reward")
    for source in sorted({source for step in curve for source in validation(step.data)}):
        points = [(step.step, validation(step.data)[source]) for step in curve if source in validation(step.data)]
        left.plot(*zip(*points, strict=True), "o-", label=f"validation accuracy, {source}")
    left.set(xlabel="step", ylim=(0, None))
    left.legend(fontsize=8)
    right.plot(steps, _finite(step.data.get(MEAN_LENGTH, math.nan) for step in trained))
    right.set(xlabel="step", ylabel="response length (tokens)")
    figure.tight_layout()
    path = run.folder / "curve.png"
    with atomic.file(path) as part:
        figure.savefig(part, dpi=120, format="png")
    pyplot.close(figure)
    return path


def _finite(numbers: Iterable[float]) -> list[float]:
    """With a gap where a number is infinite, which no axis can show."""
    return [number if math.isfinite(number) else math.nan for number in numbers]


def _places(run: Run, picture: Path | None) -> list[str]:
    places = [
        ("report", run.folder / "report.md"), ("curve as a picture", picture), ("curve as data", run.folder / "curve"),
        ("checkpoints", run.checkpoints), ("validation responses", run.validation),
        ("veRL's own log", run.folder / "log"),
    ]  # fmt: skip
    return ["Where everything lies:"] + [f"- {name}: {place}" for name, place in places if place is not None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what a run did, and write it into the run's folder as report.md and curve.png."
    parser.epilog = "example:\n  r1-verl report quickstart_grpo"
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name below $RUNS (default runs/)")


def run(args: argparse.Namespace) -> int:
    write(find_run(args.run))
    return 0
