"""Countdown at its published size: distinct puzzles, the same bytes from any run. Minutes: by hand, pytest -m slow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).parents[1] / "data_prep/countdown.py"
SIZES = {"train": 327_680, "test": 1024, "rest": 161_296}
pytestmark = pytest.mark.slow


def test_490000_countdown_puzzles(tmp_path):
    for out, processes in (("a", 2), ("b", 2), ("c", 1)):
        arguments = ["--count", sum(SIZES.values()), "--train-size", SIZES["train"], "--test-size", SIZES["test"]]
        command = [sys.executable, SCRIPT, *arguments, "--processes", processes, "--out", out]
        subprocess.run([str(part) for part in command], cwd=tmp_path, check=True)
    puzzles = set()
    for name, size in SIZES.items():
        truths = pq.read_table(tmp_path / f"a/{name}.parquet")["reward_model"].combine_chunks().field("ground_truth")
        assert len(truths) == size
        puzzles |= {(*sorted(p["numbers"]), p["target"]) for p in map(json.loads, truths.to_pylist())}
        for other in "bc":
            for file in (f"{name}.parquet", f"{name}.provenance.json"):
                assert (tmp_path / "a" / file).read_bytes() == (tmp_path / other / file).read_bytes()
    assert len(puzzles) == 490_000
