"""Speed of `r1-verl analyse`: `python tests/benchmarks/bench_analyse.py`; exit status 1 if the target is missed.

Target: 100,000 real responses in at most 60 s on two cores, by the clock. They are the recorded ones (data folder
R1_VERL_DATA), over and over, in a gzipped file. A busy machine misses it: look at the CPU time then.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(os.environ.get("R1_VERL_DATA") or Path(__file__).parents[3] / "shared" / "data")
COUNT, TARGET = 100_000, 60.0


def main() -> int:
    files = sorted((DATA / "responses").glob("*.jsonl.gz"))
    recorded = [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).split(b"\n") if line]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.jsonl.gz"
        characters = 0
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
            for at, row in enumerate(itertools.islice(itertools.cycle(recorded), COUNT)):
                prompt = str(row.get("prompt") or row.get("question"))
                made = {"step": at * 20 // COUNT, "question": f"{at}", "prompt": prompt, "response": row["response"]}
                out.write(json.dumps(made) + "\n")
                characters += len(row["response"])
        start = time.perf_counter()
        command = [sys.executable, "-m", "r1_verl", "analyse", str(path), "--workers", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        spent = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    counted = sum(int(line.split()[1]) for line in done.stdout.split("\n")[2:22])
    print(f"{counted:,} responses of {characters / COUNT:.0f} characters on average ({len(recorded):,} different ones)")
    print(f"{spent:.1f} s by the clock, {cpu:.1f} s of CPU, at most {used.ru_maxrss / 1024:.0f} MiB")
    missed = spent > TARGET or counted != COUNT
    print("a target was missed" if missed else "all targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
