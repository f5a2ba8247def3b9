"""`r1-verl report RUN...`: tables of what the runs reached, their curves as a picture, sample responses, the page."""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

from r1_verl import atomic
from r1_verl.evaluation import results
from r1_verl.report import curves, episodes, page, responses, table
from r1_verl.report.curves import Curves
from r1_verl.report.table import aligned, validation
from r1_verl.runs import MEAN_LENGTH, MEAN_REWARD, STEP_SECONDS, Run, RunError, checkpoints, find_run, health
from r1_verl.runs.curve import unsound_steps

SAMPLES = 5
LOOKED_AT = 50  # responses of a file in which an episode is looked for
_FULL = "the disk may be full; the rest of the report is whole"


def write(*runs: Run, out: Path | None = None, models: Sequence[Path] = ()) -> str:
    """Write report.md, curve.png and report.html, print the report and return it.

    out: their folder; by default the run's own, of several runs one beside the first run. models: folders with results
    of other models, whose scores stand in the tables beside the runs'. What can't be written is
    said in the report: a training that has ended well does not fail by its report.
    """
    out = out or (runs[0].folder if len(runs) == 1 else together(runs))
    read = curves.read(runs)
    said = [_said(read, at) for at in range(len(runs))]
    failed = []
    try:
        read = curves.with_responses(read)
    except BrokenProcessPool:
        failed.append("What is in the kept responses was not counted: a worker process was killed (memory?).")
    evaluated = [results.read(run.folder / "evaluation") for run in runs]
    tables = table.tables(read, evaluated, [each for folder in models for each in results.read(folder)])
    lines = [f"# {', '.join(map(table.plain, read.names))}"]
    for at, name in enumerate(read.names):
        lines += ["", f"## {table.plain(name)}"] if len(runs) > 1 else []
        lines += ["", *_gains(read, at, said[at]), *health.lines(runs[at])]
    for each in tables:
        lines += ["", *table.markdown(each)]
    if len(runs) == 1:
        lines += ["", *_samples(runs[0]), *_episode(runs[0])]
    places = [("report", out / "report.md")]
    try:
        places += [("curves as a picture", drawn)] if (drawn := curves.draw(read, out / "curve.png")) else []
        made = page.write(out / "report.html", read, tables, said)
        failed += made.left_out
    except OSError as error:
        made = None
        failed.append(f"No page: {error} ({_FULL}).")
    for run, name in zip(runs, read.names, strict=True):
        of = f" of {name}" if len(runs) > 1 else ""
        places += [(f"{what}{of}", path) for what, path in _places(run)]
    lines += ["", "Where everything lies:", *(f"- {name}: {path}" for name, path in places)]
    lines += ["", "What is here, and what is not:", *(f"- {line}" for line in failed)]
    if made:
        lines += ["", f"The page with curves and responses, for a browser: {made.path.as_uri()}"]
    text = "\n".join(lines).encode("utf-8", "replace").decode()  # half of a character is none to a terminal or a file
    try:
        with atomic.file(out / "report.md") as part:
            part.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        text += f"\nThis report is in no file: {error}."
    print("\n" + text)
    return text


def together(runs: Sequence[Run]) -> Path:
    """The folder of a report on several runs, beside the first of them: the same one for the same runs."""
    names = "+".join(run.folder.name for run in runs)
    if len(names.encode()) > 100:  # a file's name has 255 bytes
        names = f"{len(runs)}-runs-{hashlib.sha256(names.encode('utf-8', 'replace')).hexdigest()[:12]}"
    return runs[0].folder.parent / f"report-{names}"


def _said(read: Curves, at: int) -> list[str]:
    """What is wrong with a run's files or numbers, sentences."""
    said = [f"Torn: {what}." for what in checkpoints.look(read.runs[at].checkpoints).torn]
    if broken := unsound_steps(read.steps[at]):
        said.append(broken)
    said += curves.gaps(read, at)
    validated = [step.step for step in read.steps[at] if validation(step.data)]
    dumped = {step for step, _ in read.runs[at].dumps()}
    if missing := [str(step) for step in validated if step not in dumped]:
        where = f"step{'s' * (len(missing) > 1)} {', '.join(missing[:5])}{' and more' if len(missing) > 5 else ''}"
        said.append(f"The validation of {where} left no responses (validation/STEP.jsonl).")
    if not validated:
        trained = any(MEAN_REWARD in step.data for step in read.steps[at])
        said.append("No validation yet." if trained else "No validation and no finished step yet.")
    return said


def _gains(read: Curves, at: int, said: Sequence[str]) -> list[str]:
    """What was before and what is after; nothing of a run without a number."""
    curve = read.steps[at]
    validated = [(step.step, found) for step in curve if (found := validation(step.data))]
    trained = [step for step in curve if MEAN_REWARD in step.data]
    if not validated and not trained:
        return list(said)
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
    seconds = sum(step.data.get(STEP_SECONDS, 0.0) for step in trained)
    ended = f"{len(trained)} step{'s' * (len(trained) != 1)}, {seconds / 60:.1f} minutes of training."
    return [*said, *[""] * bool(said), *aligned([[table.plain(cell) for cell in row] for row in rows]), "", ended]


def _samples(run: Run) -> list[str]:
    """Some responses of the last validation, with their scores; every 37th, because a dump may be sorted."""
    dumps = run.dumps()
    if not dumps:
        return []
    step, path = dumps[-1]
    found = responses.of_file(responses.VALIDATION, step, path, path.name, lambda line: None)
    lines = [f"Sample responses (step {step}):"]
    for each in islice(found, 0, 37 * SAMPLES, 37):
        lines += [
            "",
            f"- ground truth `{each.ground_truth}`, score {_two_digits(each.score)}, outcome {each.outcome}:",
            "",
            *("      " + part for part in each.response.splitlines()[:12]),
        ]
    return lines if lines[1:] else [f"No sample response: nothing in {path} can be read."]


def _episode(run: Run) -> list[str]:
    """One episode of several turns, of the last file of a kind that begins with one; nothing where there is none."""
    last = {kind: (kind, step, path) for kind, step, path in responses.files(run)}
    for kind, step, path in reversed(last.values()):
        for each in islice(responses.of_file(kind, step, path, path.name, lambda line: None), LOOKED_AT):
            found = episodes.playback(each.ground_truth, each.moves, each.turns, each.ended) if each.moves else None
            if found:
                lines = (f"      {line}".rstrip() for line in episodes.as_text(found))
                return ["", f"An episode ({kind}, step {step}), move by move:", "", *lines]
    return []


def _two_digits(score: float) -> str:
    return "None" if math.isnan(score) else f"{score:.2f}"


def _places(run: Run) -> list[tuple[str, Path]]:
    return [
        ("curve as data", run.folder / "curve"), ("checkpoints", run.checkpoints),
        ("validation responses", run.validation), ("veRL's own log", run.folder / "log"),
    ]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print what runs did, and write it as report.md, curve.png and report.html (a page that opens from disk,\n"
        "without network) into the run's folder. Several runs stand in one report, beside the first of them."
    )
    parser.epilog = (
        "example:\n  r1-verl report quickstart_grpo_seed1\n  r1-verl report gsm8k_ppo gsm8k_grpo --out ppo_and_grpo\n"
        "  r1-verl report gsm8k_grpo --models evaluation/Qwen_Qwen2.5-Math-7B"
    )
    where = "a run's folder, or its name below $RUNS (default runs/)"
    parser.add_argument("runs", metavar="RUN", nargs="+", help=where)
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="write there instead")
    parser.add_argument(
        "--models", metavar="FOLDER", type=Path, nargs="+", default=[], help="results of `r1-verl evaluate` on other "
        "models (evaluation/MODEL, or what --out named), for the tables",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    runs = list(dict.fromkeys(map(find_run, args.runs)))
    if args.out and args.out.exists() and not args.out.is_dir():
        raise RunError(f"--out {args.out} is a file", "name a folder")
    for folder in args.models:
        if not results.read(folder):
            raise RunError(f"--models {folder}: no results below it", "r1-verl evaluate writes evaluation/MODEL")
    write(*runs, out=args.out.absolute() if args.out else None, models=args.models)
    return 0
