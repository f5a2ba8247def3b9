"""Runs for the tests of reports: folders in the form that training leaves."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from r1_verl.runs import Run

QUICKSTART = Path(__file__).parent / "fixtures/quickstart_run"  # a finished one's curve, and 39 of its 256 questions


def quickstart(folder: Path) -> Run:
    """A copy of the finished quickstart."""
    shutil.copytree(QUICKSTART, folder)
    (folder / "config.yaml").write_text("algorithm.adv_estimator: grpo\n")
    return Run(folder)


def run(
    folder: Path, curve: Mapping[int, Mapping[str, float]] | None = None,
    settings: str = "algorithm.adv_estimator: grpo\n", samples: Mapping[int, Iterable[Mapping[str, Any]]] | None = None,
) -> Run:  # fmt: skip
    """curve: metrics by step; samples: training samples by step (each needs a response)."""
    (folder / "curve").mkdir(parents=True)
    (folder / "config.yaml").write_text(settings)
    lines = [json.dumps({"step": step, "data": dict(data)}) for step, data in (curve or {}).items()]
    (folder / "curve/attempt-1.jsonl").write_text("".join(line + "\n" for line in lines))
    if samples:
        (folder / "samples").mkdir()
    for step, rows in (samples or {}).items():
        text = "".join(json.dumps({"step": step, **row}) + "\n" for row in rows)
        (folder / f"samples/{step}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    return Run(folder)


def validated(**accuracies: float) -> dict[str, float]:
    """The metrics of a validation, by suite."""
    return {f"val-core/{suite}/acc/mean@1": acc for suite, acc in accuracies.items()}
