"""Curves of several runs: which metrics stand in which picture, stages one after another, smoothing, a PNG."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from r1_verl import atomic
from r1_verl.data.parallel import usable_cpus
from r1_verl.report import responses, thinking
from r1_verl.runs import MEAN_LENGTH, MEAN_REWARD, TRAIN_REWARD, Run, Step, read_attempt, read_curve, recorded
from r1_verl.scorers import task_source

SMOOTHING = 0.6  # of a curve with MANY points or more: how much of the mean so far a new point leaves
MANY = 30
MOST_LINES = 8  # of a picture in which the eye tells them apart
_VALIDATION = r"val-core/(.+)/acc/mean@\d+"
# Of the responses that the run kept: their prefix in the metrics, by kind.
KEPT = {responses.TRAINING: "train-responses", responses.VALIDATION: "val-responses"}
_KEPT = "|".join(KEPT.values())
# Title, and the metrics that stand in the picture; the group of a pattern names the line.
PICTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Reward in training", (re.escape(MEAN_REWARD),)),
    ("Strict accuracy", (_VALIDATION, rf"{TRAIN_REWARD}/(.+)/acc")),
    ("Response length, tokens", (re.escape(MEAN_LENGTH),)),
    ("Thinking and answer, words", (rf"({_KEPT})/(think|answer)",)),
    ("Markers of steps and of reflection, a response", (rf"({_KEPT})/(steps|reflections)",)),
    ("Share in the asked format", (rf"{TRAIN_REWARD}/(.+)/format",)),
    ("Errors by kind, share", (rf"{TRAIN_REWARD}/(.+/outcome_(?!correct$).+)",)),
    ("Cut off, share", (r"train-facts/truncated",)),
    ("Groups all right or all wrong, share", (r"train-facts/(all_right|all_wrong)",)),
    ("Repetition and language mixing", (r"train-facts/(repetition|language_mixing)",)),
    ("Entropy", (r"train-facts/entropy", r"actor/entropy")),
    ("KL from the start", (r"actor/(kl_loss|reward_kl_penalty)",)),
    ("Gradient norm", (r"actor/grad_norm",)),
)


class Line(NamedTuple):
    """One metric of one run in a picture. steps and values: of the same length, without gaps."""

    run: int
    metric: str
    label: str
    steps: Sequence[int]
    values: Sequence[float]

    @property
    def points(self) -> bool:
        """Whether each point is a measurement of its own, as validations are, and is neither smoothed nor thinned."""
        return self.metric.startswith("val-")


class Curves(NamedTuple):
    """The curves of several runs. before: of each run, the steps of the stages that it goes on from (0 for none)."""

    runs: tuple[Run, ...]
    steps: tuple[list[Step], ...]
    before: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        """A name for each run: its folder's, with the folder above where two are called the same."""
        short = [run.folder.name for run in self.runs]
        return [
            name if short.count(name) == 1 else f"{run.folder.parent.name}/{name}"
            for name, run in zip(short, self.runs, strict=True)
        ]

    def metrics(self, run: int) -> dict[str, tuple[list[int], list[float]]]:
        """Steps and values of every metric of a run. An outcome that a step does not name is 0 there."""
        names = {key for step in self.steps[run] for key in step.data}
        found: dict[str, tuple[list[int], list[float]]] = {}
        for name in sorted(names):
            others = f"{name.rpartition('/outcome_')[0]}/acc"  # every step with responses of that source has it
            points = [
                (step.step, step.data.get(name, 0.0))
                for step in self.steps[run]
                if name in step.data or others in step.data
            ]
            found[name] = [at for at, _ in points], [value for _, value in points]
        return found


def read(runs: Sequence[Run]) -> Curves:
    """The curves of these runs. A run whose recipe starts from another one of them comes after it."""
    steps = tuple(read_curve(run) for run in runs)
    after = [recorded(run.folder).get("r1_verl.after") for run in runs]
    place = {run.folder.name: at for at, run in enumerate(runs)}

    def before(at: int, seen: frozenset[int] = frozenset()) -> int:
        earlier = place.get(str(after[at])) if after[at] else None
        if earlier is None or earlier in seen or earlier == at:
            return 0
        last = steps[earlier][-1].step if steps[earlier] else 0
        return last + before(earlier, seen | {at})

    return Curves(tuple(runs), steps, tuple(before(at) for at in range(len(runs))))


def with_responses(curves: Curves) -> Curves:
    """The curves with what `r1-verl analyse` counts in the responses that the runs kept, a mean a step."""
    made = []
    for run, steps in zip(curves.runs, curves.steps, strict=True):
        found = ((each.kind, each) for each in responses.read(run, lambda line: None) if each.kind in KEPT)
        data = {step.step: dict(step.data) for step in steps}
        for kind, by_step in thinking.analyse(found, "four_projects", workers=usable_cpus()):
            for step, counts in by_step.items():
                means = {f"{KEPT[kind]}/{name}": counts[name].mean for name in counts.values}
                data.setdefault(step, {}).update(means)
        made.append([Step(step, data[step]) for step in sorted(data)])
    return curves._replace(steps=tuple(made))


def pictures(curves: Curves) -> list[tuple[str, list[Line]]]:
    """Every picture of PICTURES that has a finite number, with its lines; one of too many lines is one a label."""
    metrics = [curves.metrics(run) for run in range(len(curves.runs))]
    found = []
    for title, patterns in PICTURES:
        lines = [
            Line(run, name, _label(match), *points)
            for pattern in patterns
            for run, named in enumerate(metrics)
            for name, points in named.items()
            if (match := re.fullmatch(pattern, name)) and any(map(math.isfinite, points[1]))
        ]
        if len(lines) <= MOST_LINES:
            found += [(title, lines)] if lines else []
            continue
        for label in dict.fromkeys(line.label for line in lines):
            found.append((f"{title}: {label}", [line._replace(label="") for line in lines if line.label == label]))
    return found


def _label(match: re.Match[str]) -> str:
    if not match.re.groups:
        return ""
    if match.re.groups == 2:  # of the responses kept
        return f"{next(kind for kind, name in KEPT.items() if name == match[1])}, {match[2]}"
    source, _, outcome = match[1].partition("/outcome_")
    place = "validation, " if match[0].startswith("val-") else ""
    return f"{place}{task_source(source)}" + (f", {outcome}" if outcome else "")


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential mean, without the pull towards 0 at its beginning (Adam's correction); a gap stays a gap.

    weight: in [0, 1): 0 leaves the values as they are.
    """
    mean, share, found = 0.0, 1.0, []
    for value in values:
        if not math.isfinite(value):
            found.append(math.nan)
            continue
        mean, share = weight * mean + (1 - weight) * value, share * weight
        found.append(mean / (1 - share))
    return found


def draw(curves: Curves, path: Path) -> Path | None:
    """The pictures as one PNG; None if there is nothing to draw. A smoothed curve has its raw one behind it, faint."""
    shown = pictures(curves)[:12]
    if not any(step.data.get(MEAN_REWARD) is not None for steps in curves.steps for step in steps):
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.6 * columns, 3.2 * rows), squeeze=False)
    for axis, (title, lines) in zip(axes.flat, shown, strict=False):
        styles: dict[str, str] = {}
        for line in lines:
            style = styles.setdefault(line.label, ("-", "--", ":", "-.")[len(styles) % 4])
            colour = f"C{line.run % 10}" if len(curves.runs) > 1 else f"C{(len(styles) - 1) % 10}"
            steps = [step + curves.before[line.run] for step in line.steps]
            values = [value if math.isfinite(value) else math.nan for value in line.values]
            if line.points:
                axis.plot(steps, values, "o" + style, color=colour, markersize=4, label=name(curves, line))
                continue
            weight = SMOOTHING if len(values) >= MANY else 0.0
            if weight:
                axis.plot(steps, values, style, color=colour, alpha=0.25)
            axis.plot(steps, smoothed(values, weight), style, color=colour, label=name(curves, line))
        axis.set_title(_literal(title), fontsize=10)
        axis.set_xlabel("step")
        if len(lines) > 1:
            axis.legend(fontsize=6)
    for axis in axes.flat[len(shown) :]:
        axis.remove()
    figure.tight_layout()
    with atomic.file(path) as part:
        figure.savefig(part, dpi=120, format="png")
    pyplot.close(figure)
    return path


def name(curves: Curves, line: Line) -> str:
    """What a legend calls a line."""
    run = curves.names[line.run] if len(curves.runs) > 1 else ""
    words = ": ".join(filter(None, (shortened(run), line.label)))
    return _literal(words or line.metric)


def _literal(text: str) -> str:
    """Text that matplotlib shows as it is: `$` and a leading `_` mean something to it."""
    return text.encode("utf-8", "replace").decode().replace("$", r"\$").lstrip("_")


def shortened(text: str, most: int = 40) -> str:
    """A long name with its middle left out."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def gaps(curves: Curves, run: int) -> list[str]:
    """What is missing in a run's curve, for people: steps that no line has, and attempts that began anew."""
    steps = [step.step for step in curves.steps[run]]
    missing = [(a + 1, b - 1) for a, b in pairwise(steps) if b > a + 1]
    said = []
    if 0 < len(missing) < len(steps) - 1:  # else only every so many steps are logged
        shown = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in missing[:5])
        said.append(f"The curve lacks the steps {shown}{' and more' if len(missing) > 5 else ''}.")
    reached = 0
    for path in curves.runs[run].attempts():
        attempt = [step.step for step in read_attempt(path)]
        if attempt and reached > 1 and min(attempt) <= 1:
            said.append(
                f"{path.name} began anew at step {min(attempt)}, where an attempt before had reached step {reached} "
                "(two runs in one folder?): the curve is the newer one's."
            )
        reached = max([*attempt, reached])
    return said
