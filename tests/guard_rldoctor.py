"""What rldoctor 0.2.0 says of the guard's curves: tests/fixtures/curves/rldoctor.json.

    uv run --no-project --with rldoctor==0.2.0 python tests/guard_rldoctor.py

It diagnoses finished runs (its live monitor says nothing before step 60), so it is given each curve up to each step, as
a user would who looks after every step. Its defaults; its own reader of veRL's file.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path

rl_doctor = importlib.import_module("rl_doctor")  # for this comparison alone: not among what the tests install
FOLDER = Path(__file__).parent / "fixtures" / "curves"


def first_steps(curve: Path) -> dict[str, list]:
    """{"warning": [step, detector], "critical": ...}: the first step with a finding at least as bad; without, none."""
    lines = [line for line in curve.read_text().splitlines() if "step" in json.loads(line)]
    found: dict[str, list] = {}
    for end in range(1, len(lines) + 1):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("\n".join(lines[:end]) + "\n")
            file.flush()
            findings = rl_doctor.diagnose(rl_doctor.load_jsonl(file.name)).findings
        for name, least in (("warning", rl_doctor.Severity.WARNING), ("critical", rl_doctor.Severity.CRITICAL)):
            worst = max(findings, key=lambda each: each.severity)
            if worst.severity >= least and name not in found:
                found[name] = [json.loads(lines[end - 1])["step"], worst.detector]
    return found


if __name__ == "__main__":
    said = {path.stem: first_steps(path) for path in sorted(FOLDER.glob("*.jsonl"))}
    (FOLDER / "rldoctor.json").write_text(json.dumps(said, indent=1) + "\n")
