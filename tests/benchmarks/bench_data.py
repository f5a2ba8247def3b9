"""Speed of data preparation on two cores: `python tests/benchmarks/bench_data.py [NAME ...]`; exit status 1 on a miss.

Targets: 490,000 Countdown rows and 100,000 Knights-and-Knaves puzzles each in 60 s and 2 GiB, MATH with its gold check
in 30 s, all published Knights-and-Knaves rows generated and compared in 20 s. `R1_VERL_DATA` names the data folder (as
in the tests). On a busy machine look at the CPU seconds: two cores give at most two a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).parents[2]
DATA = Path(os.environ.get("R1_VERL_DATA") or REPO.parent / "shared" / "data")
KK_TESTS = ["tests/test_data_kk.py", "-q", "-p", "no:cacheprovider", "-k", "5000 or raw_sets"]
# name -> (the program and its arguments, seconds, GiB of all its processes together)
JOBS = {
    "countdown": (["data_prep/countdown.py", "--count=490000", "--train-size=327680", "--test-size=1024"], 60, 2),
    "kk": (["data_prep/kk.py", "--train-size=19900", "--test-size=100"], 60, 2),
    "math": (["data_prep/math_lighteval.py", f"--source={DATA}/math", f"--test-source={DATA}/math"], 30, 2),
    "kk_published": (["-m", "pytest", *KK_TESTS], 20, 2),
}


def run(command: list[str]) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak GiB) of a program with all its processes."""
    import psutil

    before, start, peak = os.times(), time.perf_counter(), 0
    process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            family = [watched, *watched.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.Error:
            pass  # one of them has just ended
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu, peak / 2**30


def main() -> int:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    missed = []
    for name in sys.argv[1:] or JOBS:
        arguments, seconds, gib = JOBS[name]
        with tempfile.TemporaryDirectory() as out:
            more = ["--out", out] if arguments[0] != "-m" else []
            wall, cpu, peak = run([sys.executable, *arguments, *more])
        good = wall <= seconds and peak <= gib
        missed += [] if good else [name]
        print(f"{name:13} {wall:6.1f} s wall (target {seconds}), {cpu:6.1f} s CPU, {peak:.2f} GiB", flush=True)
    print(f"missed: {', '.join(missed)} (load {os.getloadavg()[0]:.1f})" if missed else "all targets met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
