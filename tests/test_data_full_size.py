"""The sizes and seconds the project promises on 2 free cores; by hand: pytest -m slow tests/test_data_speed.py -s"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

SCRIPTS = Path(__file__).parents[1] / "data_prep"
pytestmark = pytest.mark.slow


def timed(folder: Path, name: str, *arguments: object) -> tuple[float, float]:
    """(seconds, GiB of the largest process) of one script."""
    start = time.perf_counter()
    subprocess.run([sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)], cwd=folder, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{name} {' '.join(map(str, arguments))}: {time.perf_counter() - start:.1f} s, {peak:.2f} GiB")
    return time.perf_counter() - start, peak


def test_490000_countdown_puzzles(tmp_path):
    common = ("--count", 490_000, "--train-size", 327_680, "--test-size", 1024)
    seconds, peak = timed(tmp_path, "countdown", *common, "--out", "a")
    assert seconds < 60 and peak < 2
    tables = {name: pq.read_table(tmp_path / f"a/{name}.parquet") for name in ("train", "test", "rest")}
    assert [table.num_rows for table in tables.values()] == [327_680, 1024, 161_296]
    truths = [
        t for table in tables.values() for t in table["reward_model"].combine_chunks().field("ground_truth").to_pylist()
    ]
    puzzles = {(*sorted(p["numbers"]), p["target"]) for p in map(json.loads, truths)}
    assert len(puzzles) == 490_000
    timed(tmp_path, "countdown", *common, "--out", "b", "--processes", 1)
    for name in tables:
        assert (tmp_path / f"a/{name}.parquet").read_bytes() == (tmp_path / f"b/{name}.parquet").read_bytes()


def test_100000_knights_and_knaves(tmp_path):
    seconds, peak = timed(tmp_path, "kk", "--train-size", 19_900, "--test-size", 100)
    assert seconds < 60 and peak < 2
    assert pq.read_metadata(tmp_path / "data/kk/train.parquet").num_rows == 99_500


def test_math_with_gold_check(tmp_path, data_dir):
    seconds, _ = timed(tmp_path, "math_lighteval", "--source", data_dir / "math", "--test-source", data_dir / "math")
    assert seconds < 30
