"""`python tests/guard_table.py` writes the table in r1_verl/training/GUARD.md anew, from tests/fixtures/curves/."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

from guard_curves import FOLDER, KINDS, ROOT

from r1_verl.runs import Step, best, health
from r1_verl.runs.curve import read_log

FILE = ROOT / "r1_verl" / "training" / "GUARD.md"
BEGIN, END = "<!-- made by: python tests/guard_table.py -->", "<!-- end of the table -->"
ROWS = 512  # of a validation of these runs: 256 puzzles, sampled and greedy


class Verdict(NamedTuple):
    """One curve: its best validation, the step at which validation had halved, and the first alarm of each rule."""

    name: str
    healthy: bool
    fixed: bool  # the rule was fixed on it
    best: best.Best
    last: float
    halved: int | None
    ours: health.Finding | None
    notes: int
    ragen: int | None
    warning: int | str | None
    critical: int | str | None


def judge(name: str) -> Verdict:
    curve = read_log(FOLDER / f"{name}.jsonl")
    found = list(health.findings(curve, ROWS))
    validated = list(best.validated(curve))
    asked = json.loads((FOLDER / "rldoctor.json").read_text()) if (FOLDER / "rldoctor.json").exists() else {}
    rldoctor = asked.get(name)
    kind, _, seed = name.rpartition("-")
    return Verdict(
        name, KINDS[kind].healthy, seed == "1", max(validated, key=lambda each: each.accuracy), validated[-1].accuracy,
        halved(validated), next((each for each in found if each.alarm), None), sum(not each.alarm for each in found),
        ragen(curve),
        *("not asked" if rldoctor is None else rldoctor.get(each, [None])[0] for each in ("warning", "critical")),
    )  # fmt: skip


def halved(validated: Sequence[best.Best]) -> int | None:
    """The first validated step at which accuracy is at most half of the best before."""
    most = 0.0
    for each in validated:
        if each.accuracy <= most / 2:
            return each.step
        most = max(most, each.accuracy)
    return None


def ragen(curve: Sequence[Step]) -> int | None:
    """The step at which RAGEN's rules stop a run (mll-lab-nu/RAGEN 20daedc, ragen/trainer/agent_trainer.py): ten steps
    in a row with a spread in groups below a tenth of the mean of the first ten, five without a group whose rewards
    differ, or five validations below 1 %."""
    spreads, dead, low = [], 0, 0
    for step in curve:
        for each in best.validated([step]):
            low = low + 1 if each.accuracy < 0.01 else 0
        spread = step.data.get("train-facts/spread")
        if spread is not None:
            spreads.append(spread)
            dead = dead + 1 if spread == 0 else 0
        base = sum(spreads[:10]) / 10
        if low >= 5 or dead >= 5 or (len(spreads) >= 20 and all(each < 0.1 * base for each in spreads[-10:])):
            return step.step
    return None


def table(verdicts: Sequence[Verdict]) -> list[str]:
    lines = [
        "| curve | best validation | at its end | halved at | alarm at | steps before | what it named | notes | RAGEN "
        "stops at | rldoctor warns at | rldoctor critical at |",
        "|" + " --- |" * 11,
    ]
    for each in verdicts:
        alarm = each.ours.step if each.ours else None
        before = each.halved - alarm if each.halved and alarm else None
        cells = [
            f"`{each.name}`{'' if each.fixed else ' *'}", f"{each.best.accuracy:.3f} (step {each.best.step})",
            f"{each.last:.3f}", _or_dash(each.halved), _or_dash(alarm), _or_dash(before),
            ", ".join(each.ours.symptoms) if each.ours else "-", str(each.notes), _or_dash(each.ragen),
            _or_dash(each.warning), _or_dash(each.critical),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _or_dash(value: int | str | None) -> str:
    return "-" if value is None else str(value)


def in_time(verdict: Verdict, alarm: int | None) -> bool:
    return alarm is not None and (verdict.halved is None or alarm < verdict.halved)


def counts(verdicts: Sequence[Verdict]) -> list[str]:
    """How often each rule is right: alarms on healthy curves, and on collapsed ones before validation had halved."""
    rules = {
        "r1-verl guard": lambda each: each.ours and each.ours.step, "RAGEN's stop rules": lambda each: each.ragen,
        "rldoctor, warnings": lambda each: each.warning, "rldoctor, critical": lambda each: each.critical,
    }  # fmt: skip
    groups = [
        ("fixed on", [each for each in verdicts if each.fixed]),
        ("others", [each for each in verdicts if not each.fixed]),
    ]
    lines = [
        "| rule | " + " | ".join(f"false alarms, {name} | in time, {name}" for name, _ in groups) + " |",
        "|" + " --- |" * 5,
    ]
    for rule, alarm in rules.items():
        cells = []
        for _, group in groups:
            well, ill = [each for each in group if each.healthy], [each for each in group if not each.healthy]
            if any(isinstance(alarm(each), str) for each in group):
                cells += ["not asked", "not asked"]
                continue
            cells += [
                f"{sum(alarm(each) is not None for each in well)} of {len(well)}",
                f"{sum(in_time(each, alarm(each)) for each in ill)} of {len(ill)}",
            ]
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def markdown() -> str:
    names = [f"{kind}-{seed}" for kind, about in KINDS.items() for seed in about.seeds]
    verdicts = [judge(name) for name in names if (FOLDER / f"{name}.jsonl").exists()]
    lines = []
    for title, group in (("Healthy", True), ("Collapsed", False)):
        lines += [f"### {title}", "", *table([each for each in verdicts if each.healthy == group]), ""]
    return "\n".join([*lines, "### How often each rule is right", "", *counts(verdicts)])


def main() -> int:
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
    FILE.write_text(f"{before}{BEGIN}\n{markdown()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
