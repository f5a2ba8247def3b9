"""Is a run healthy? What its curve alone tells: symptoms of collapse, and whether accuracy was lost with them.

The symptoms show in health too: in a quickstart that goes from .27 to .70 truncation rises from .2 to 9 %, the format's
share falls from 1 to .9, responses get 85 % longer. So no limit here is fixed. A symptom is a change against the run's
own first steps that lasts; alone it is a note. An alarm is a symptom together with a loss of accuracy: below the run's
own best by more than chance explains. What is told of a step never depends on a later one.
How the rule was found, and what it misses: `r1_verl/training/GUARD.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

from r1_verl.runs import Run, read_curve, recorded
from r1_verl.runs.curve import Step, accuracies
from r1_verl.runs.levels import Levels
from r1_verl.runs.symptoms import HACKED, OF_HACKED, SIGNALS, SYMPTOMS, Symptom, filled, responses, signals

FIRST = 3  # the run's first steps, whose median later steps are compared with
LASTING = 3  # steps that a symptom lasts, and steps that make a level of accuracy
UNKNOWN_ROWS = 100  # validation rows, where nobody says how many there are


class Finding(NamedTuple):
    """What is told at a step. symptoms: their names; text: the numbers, for people; remedy: what usually helps after an
    alarm, as overrides to paste."""

    step: int
    alarm: bool
    symptoms: tuple[str, ...]
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"ALARM: {self.text}; the usual remedy: {self.remedy}" if self.alarm else f"note: {self.text}"


def missing(curve: Sequence[Step]) -> str:
    """What the curve lacks for the symptoms or for an alarm, as a line for people; "" if it has all."""
    have = {name for step in curve for name in signals(step.data)}
    validated = any(accuracies(step.data) for step in curve)
    if not have and not validated:
        return "none of its metrics is known: nothing can be told (veRL's, r1_verl's and TRL's names are)"
    unseen = [symptom.name for symptom in SYMPTOMS if symptom.signal not in have]
    said = [f"not seen, for want of their metrics: {', '.join(unseen)}"] if unseen else []
    if "accuracy" not in have and not validated:
        said.append("no accuracy in it, so nothing can be an alarm")
    elif not validated:
        said.append("no validation in it: a loss is told by the training accuracy alone")
    elif "accuracy" not in have:
        said.append("no training accuracy in it: a loss is told by validations alone")
    return "; ".join(said)


def findings(
    curve: Sequence[Step], rows: int | None = None, settings: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """What a curve tells at which of its steps, in order; steps may be missing, and metrics of any of them.

    rows: responses of one validation, None if unknown. settings: the run's (flat), from which remedies are worked out.
    """
    values: dict[str, list[float]] = {name: [] for name in SIGNALS}
    held = dict.fromkeys((symptom.name for symptom in SYMPTOMS), 0)  # for how many values a symptom has shown
    accuracy, validation, at, lost_for = Levels(LASTING), Levels(1), 0, 0
    last: dict[str, int] = {}  # what was told -> the training step, counted, at which it stood last

    def fresh(name: str) -> bool:
        """Whether to tell it: it stands, and has not done so for a while."""
        before, last[name] = last.get(name), at
        return before is None or at - before > LASTING

    for step in curve:
        now, validated = signals(step.data), accuracies(step.data)
        at += bool(now)
        if validated:
            validation.add(step.step, fmean(validated.values()), rows or UNKNOWN_ROWS)
        if "accuracy" in now:
            accuracy.add(step.step, now["accuracy"], responses(step.data), now.get("reward"))
        for name, value in now.items():
            values[name].append(value)
        for symptom in SYMPTOMS:
            if symptom.signal in now and len(values[symptom.signal]) > FIRST:
                shows = symptom.shows(now[symptom.signal], median(values[symptom.signal][:FIRST]))
                held[symptom.name] = held[symptom.name] + 1 if shows else 0
        if not now and not validated:
            continue
        standing = [symptom for symptom in SYMPTOMS if held[symptom.name] >= LASTING]
        new = [symptom for symptom in standing if fresh(symptom.name)]
        lost = _loss(accuracy, validation)
        lost_for = lost_for + 1 if lost else 0
        hacked = accuracy.reward_held() if lost else ""
        if lost and (standing or hacked):
            if fresh("alarm"):
                names = [HACKED] * bool(hacked) + [symptom.name for symptom in standing]
                changes = [f"{HACKED}: {hacked}"] * bool(hacked) + [_change(symptom, values) for symptom in standing]
                remedy = filled(OF_HACKED if hacked else standing[0].remedy, step.data, settings or {})
                yield Finding(step.step, True, tuple(names), f"{lost}, with {'; '.join(changes)}", remedy)
        elif lost:
            if lost_for >= LASTING and fresh("loss"):
                yield Finding(step.step, False, (), f"{lost}, without a symptom")
        else:
            for symptom in new:
                yield Finding(step.step, False, (symptom.name,), _change(symptom, values))


def _loss(training: Levels, validation: Levels) -> str:
    """What accuracy was lost, in numbers; "" for none. Training rows may get harder: a validation as good as the best
    speaks against a loss in training."""
    told = []
    if lost := validation.loss():
        told.append(f"validation accuracy {lost[0]:.3f} -> {lost[1]:.3f}")
    elif validation.best is not None and training.steps and validation.steps[-1] > training.steps[-LASTING:][0]:
        error = validation.error()
        if error is not None and validation.values[-1] >= validation.level(validation.best) - error:
            return ""
    if lost := training.loss():
        told.insert(0, f"training accuracy {lost[0]:.3f} -> {lost[1]:.3f}")
    return ", ".join(told)


def _change(symptom: Symptom, values: Mapping[str, Sequence[float]]) -> str:
    of = values[symptom.signal]
    return f"{symptom.name}: {median(of[:FIRST]):.3g} -> {median(of[-LASTING:]):.3g}"


def lines(run: Run) -> list[str]:
    """What the curve of a run tells, and why its guard ended it, for its report; [] for nothing."""
    found = [
        f"step {each.step}: {each}" for each in findings(read_curve(run), validation_rows(run), recorded(run.folder))
    ]
    if ended := run.stopped():
        found.append(f"step {ended.step}: stopped by the guard{', and its user went on' * ended.overruled}")
    return ["", "What the guard saw:", *(f"- {each}" for each in found)] if found else []


def validation_rows(run: Run) -> int | None:
    """Responses of the run's last validation; None if there is none yet."""
    dumps = run.dumps()
    return dumps[-1][1].read_bytes().count(b"\n") or None if dumps else None
