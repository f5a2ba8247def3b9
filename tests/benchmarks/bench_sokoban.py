"""Speed of the Sokoban generator on two cores: `python tests/benchmarks/bench_sokoban.py`; exit status 1 on a miss.

Target: 100,000 levels of 6x6 with one box in 60 s, from the command to the written files. Two boxes and 8x8 are
reported. On a busy machine look at the CPU seconds: two cores give at most two a second.
"""

from __future__ import annotations

import os
import sys
import tempfile

from bench_data import run

JOBS = (
    ("6x6, one box", 100_000, ["--train-size=98976", "--test-size=1024"], 60),
    ("6x6, two boxes", 10_000, ["--train-size=9896", "--test-size=104", "--boxes=2", "--moves=2-30"], None),
    ("8x8, two boxes", 1_000, ["--train-size=950", "--test-size=50", "--boxes=2", "--moves=2-40", "--size=8x8"], None),
)


def main() -> int:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    missed = False
    for name, levels, arguments, seconds in JOBS:
        with tempfile.TemporaryDirectory() as out:
            wall, cpu, peak = run([sys.executable, "data_prep/sokoban.py", "--out", out, *arguments])
        missed |= seconds is not None and wall > seconds
        target = f", target {seconds} s" if seconds else ""
        print(f"{name}: {levels:,} levels in {wall:.1f} s{target}; {levels / wall:,.0f} a second; {cpu:.1f} CPU s, "
              f"{peak:.2f} GiB")  # fmt: skip
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
