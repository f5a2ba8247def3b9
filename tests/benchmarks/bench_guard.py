"""What the guard costs the launcher after a step: `python tests/benchmarks/bench_guard.py`; status 1 if that is missed.

A curve of 1,000 steps, each with the metrics that a step of the quickstart writes. Targets, in CPU time: 0.2 s, 1 % of
a step there; and 0.2 s to keep a checkpoint of 1,000 files by links.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from r1_verl import recipes
from r1_verl.runs import Run, best, read_curve
from r1_verl.training.guard import Guard

TARGET = 0.2
CURVE = Path(__file__).parents[1] / "fixtures" / "curves" / "full-1.jsonl"
STEPS = 1000


def long_curve(run: Run) -> None:
    lines = [json.loads(line) for line in CURVE.read_text().splitlines()][1:]
    curve, _ = run.next_attempt()
    steps = ({"step": at, "data": lines[1 + at % (len(lines) - 1)]["data"]} for at in range(1, STEPS + 1))
    curve.write_text("".join(json.dumps(step) + "\n" for step in steps))


def checkpoint(run: Run, step: int, files: int) -> None:
    folder = run.checkpoints / f"global_step_{step}" / "actor"
    folder.mkdir(parents=True)
    for at in range(files):
        with zipfile.ZipFile(folder / f"model_world_size_{files}_rank_{at}.pt", "w") as file:
            file.writestr("data.pkl", "0" * 1000)
    (folder.parent / "data.pt").write_bytes((folder / f"model_world_size_{files}_rank_0.pt").read_bytes())


def seconds(call) -> float:
    """CPU time, the best of three."""
    times = []
    for _ in range(3):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run")
        long_curve(run)
        guard = Guard(run, recipes.compose("quickstart_grpo"))
        found = {"a look after step 1,000": seconds(lambda: guard.look([STEPS]))}
        curve = read_curve(run)
        most = max(best.validated(curve), key=lambda each: each.accuracy)
        checkpoint(run, most.step, 1000)
        began = time.process_time()
        assert best.keep(curve, run.checkpoints, run.best) == most
        found["keeping the best checkpoint, 1,000 files"] = time.process_time() - began
    for what, took in found.items():
        print("met   " if took <= TARGET else "MISSED", f"{what} takes at most {TARGET} s ({took:.3f})")
    return 0 if max(found.values()) <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
