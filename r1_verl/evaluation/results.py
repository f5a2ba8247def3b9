"""What an evaluation found: one result a cell (a checkpoint, a suite, a protocol), as a file and as a table."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.evaluation import statistics
from r1_verl.maths.judge import judge

NAME = "result.json"
_PLAYED = ("turns", "actions", "invalid", "idle", "observation_tokens")
TOO_LONG = "prompt_too_long"  # the finish_reason of a sample whose prompt leaves no room for a response


@dataclass(frozen=True)
class Result:
    """The scores of one checkpoint on one suite. Shares and accuracies are from 0 to 1.

    model: "RUN@STEP", or the name as it was given; run, step: None for a model that is no run's. questions: asked for;
    samples: asked for, of each; missing: samples that could not be had: no score counts them. acc: the mean over the
    questions of the mean over their samples (avg@k), strict; interval: of acc, 95 %, clustered by question. seeds:
    mean and standard deviation over the samples 0, 1, ..., None for one. pass_at, maj_at: by k. published: the
    protocol's evaluator and its accuracy (faithful), None without one. truncated: cut off by the token limit, the
    prompts that left no room for a response among them (too_long). contaminated: questions that are in the training
    data, None if unknown. twice, unreadable: lines of the samples' file that were left out. by_source: acc of each data
    source where there are several, as of Sokoban by its shortest solution (`sokoban/5`). episodes: means over the
    samples that were played turn by turn, {} if none was; `ended by OUTCOME` is a share.
    """

    model: str
    run: str | None
    step: int | None
    suite: str
    protocol: str
    source: str
    questions: int
    samples: int
    missing: int
    acc: float
    interval: tuple[float, float]
    seeds: tuple[float, float] | None
    pass_at: Mapping[str, float]
    maj_at: Mapping[str, float]
    published: Mapping[str, Any] | None
    format: float
    truncated: float
    too_long: float
    contaminated: Mapping[str, Any] | None
    tokens: float
    outcomes: Mapping[str, int]
    twice: int
    unreadable: int
    revision: str
    model_hash: str
    by_source: Mapping[str, float] = field(default_factory=dict)
    episodes: Mapping[str, float] = field(default_factory=dict)


def measure(rows: Iterable[Mapping[str, Any]], task: str, samples: int) -> dict[str, Any]:
    """The figures of a Result that the judged samples give. task: of the ground truths; samples: asked of each."""
    accs: dict[str, list[float]] = defaultdict(list)
    preds: dict[str, list[str]] = defaultdict(list)
    seeds: dict[int, list[float]] = defaultdict(list)
    sources: dict[str, str] = {}
    outcomes: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    played: Counter[str] = Counter()
    count = 0
    for row in rows:
        count += 1
        sources[row["question"]] = row.get("data_source", "")
        if "moves" in row:
            played.update({name: row[name] for name in _PLAYED} | {f"ended by {row['ended']}": 1})
        accs[row["question"]].append(row["acc"])
        preds[row["question"]].append(row["pred"])
        seeds[row["sample"]].append(row["acc"])
        outcomes[row["outcome"]] += 1
        for name in ("format", "truncated", "tokens"):
            sums[name] += row[name]
        sums["too_long"] += row["finish_reason"] == TOO_LONG
        sums["published"] += row.get("published") or 0.0
    right = [round(sum(values)) for values in accs.values()]
    of = [len(values) for values in accs.values()]
    means = [r / n for r, n in zip(right, of, strict=True)]
    ks = [k for k in sorted({1, 2, 4, 8, 16, 32, 64, samples}) if k <= samples]
    passed = {str(k): value for k in ks if (value := statistics.pass_at(k, right, of)) is not None}
    maj = {}
    if samples > 1 and min(of) == samples:
        votes = [statistics.majority(_classes(preds[q], accs[q], task), [a > 0 for a in accs[q]]) for q in accs]
        maj = {str(samples): sum(votes) / len(votes)}
    by_source: dict[str, list[float]] = defaultdict(list)
    for question, mean in zip(accs, means, strict=True):
        by_source[sources[question]].append(mean)
    by_seed = [sum(values) / len(values) for _, values in sorted(seeds.items())]
    return {
        "acc": sum(means) / len(means), "interval": statistics.interval(means, max(of)),
        "seeds": statistics.over_seeds(by_seed), "pass_at": passed, "maj_at": maj,
        "outcomes": dict(outcomes.most_common()), "published": sums["published"] / count,
        "by_source": {name: sum(found) / len(found) for name, found in sorted(by_source.items(), key=_by_number)}
        if len(by_source) > 1 else {},
        "episodes": {name: total / count for name, total in sorted(played.items())},
        **{name: sums[name] / count for name in ("format", "truncated", "too_long", "tokens")},
    }  # fmt: skip


def _by_number(item: tuple[str, Any]) -> tuple[str, int, str]:
    """The order of data sources: `sokoban/9` before `sokoban/10`."""
    base, _, number = item[0].rpartition("/")
    return (base, int(number), "") if number.isdecimal() and number.isascii() else (item[0], -1, "")


def _classes(preds: Sequence[str], accs: Sequence[float], task: str) -> list[str | None]:
    """For each answer of one question the one that it agrees with; None for a response without an answer.

    Right ones agree. Wrong ones agree if their texts do, and in mathematics if the judge finds them equal.
    """
    classes: list[str | None] = []
    first: dict[str, str] = {}
    for pred, acc in zip(preds, accs, strict=True):
        if acc:
            classes.append("right")
        elif not pred.strip():
            classes.append(None)
        else:
            if pred not in first:
                same = (known for known in set(first.values()) if task == "math" and judge(pred, known).equal)
                first[pred] = next(same, pred)
            classes.append(f"wrong {first[pred]}")
    return classes


def write(folder: Path, result: Result) -> None:
    """Write a cell's result, atomically."""
    with atomic.file(folder / NAME) as part:
        part.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(folder: Path) -> list[Result]:
    """The results below a folder (RUN/evaluation, a folder of --out), by step, suite and protocol. What is no result
    of this version is left out."""
    found = []
    for path in folder.glob(f"**/{NAME}"):
        try:
            found.append(Result(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            continue
    return sorted(found, key=lambda r: (r.run or r.model, r.step or 0, r.suite, r.protocol))


def table(results: Sequence[Result]) -> str:
    """The results for people: a line a cell, then what has to be said about them."""
    head = ["checkpoint", "suite", "protocol", "questions", "acc", "95 % interval"]
    cells = []
    for r in results:
        line = [r.model, r.suite, r.protocol, f"{r.questions} x {r.samples}", f"{r.acc:.4f}",
                f"{r.interval[0]:.3f} - {r.interval[1]:.3f}"]  # fmt: skip
        extra = {f"pass@{k}": f"{v:.4f}" for k, v in r.pass_at.items() if k == str(r.samples) and r.samples > 1}
        extra |= {f"maj@{k}": f"{v:.4f}" for k, v in r.maj_at.items()}
        extra |= {"over seeds": f"± {r.seeds[1]:.4f}"} if r.seeds else {}
        extra |= {"published": f"{r.published['acc']:.4f} ({r.published['evaluator']})"} if r.published else {}
        extra |= {"truncated": f"{r.truncated:.1%}", "tokens": f"{r.tokens:.1f}"}
        extra |= {"contaminated": f"{r.contaminated['share']:.1%}"} if r.contaminated else {}
        cells.append((line, extra))
    columns = list(dict.fromkeys(name for _, extra in cells for name in extra))
    rows = [[*head, *columns], *([*line, *(extra.get(name, "-") for name in columns)] for line, extra in cells)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *(note for r in results for note in notes(r))])


def notes(r: Result) -> list[str]:
    """What a reader of a result's figures has to know besides."""
    where, total = f"{r.model} on {r.suite}", r.questions * r.samples
    told = []
    if r.by_source:
        told.append(f"{where}, acc by source: {', '.join(f'{name} {acc:.3f}' for name, acc in r.by_source.items())}")
    if r.episodes:
        told.append(f"{where}, a mean episode: {', '.join(f'{name} {x:.3g}' for name, x in r.episodes.items())}")
    if r.missing:
        told.append(f"{where}: {r.missing} of {total} samples are missing, and no score counts them")
    if r.too_long:
        told.append(f"{where}: {r.too_long:.1%} of the prompts leave no room for a response, and count as wrong")
    if r.truncated - r.too_long > 0.99:
        told.append(f"{where}: every response was cut off: does the model end, or is max_tokens too small?")
    if r.twice:
        told.append(f"{where}: {r.twice} lines answered a sample twice; the first of each counts")
    if r.unreadable:
        told.append(f"{where}: {r.unreadable} lines of the samples' file are no samples, and were asked again")
    return told
