"""What facts and samples cost a training step: `python tests/benchmarks/bench_step_facts.py`; status 1 if the target is
missed.

Target: 0.2 s of CPU time together, 1 % of a quickstart step of 20 s: at the quickstart's size (512 short responses) and
for 1,024 real long ones (R1_VERL_DATA, default ../shared/data). Reading from veRL's queue is bench_sampler.py's.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

from r1_verl.recipes.settings import SampleBounds
from r1_verl.verl_side.samples import Samples, Text
from r1_verl.verl_side.step_facts import facts
from r1_verl.verl_side.trajectories import Trajectory

TARGET = 0.2
DATA = Path(os.environ.get("R1_VERL_DATA") or Path(__file__).parents[3] / "shared/data")
SHORT = "<think> 7 + 5 = 12 , 12 - 3 = 9 </think> <answer> 7 + 5 - 3 </answer>"


def long_ones() -> list[str]:
    with gzip.open(DATA / "responses/olympiadbench_qwen25_3b.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    texts = sorted((record["response"] for record in records), key=len)
    return texts[-1024:]


def row(at: int, group: int, text: str) -> Trajectory:
    info = {"score": at % 3 / 2, "acc": float(at % 3 == 0), "format": 1.0, "outcome": "wrong", "parts": '{"a": 0.5}'}
    return Trajectory(
        f"g{group}_{at}_0", f"g{group}", "math", f"math/train/{group}", info, len(text) // 4, False, False
    )


def seconds(texts: list[str], n: int, tokens: int, folder: Path) -> tuple[float, float, int]:
    """(facts, sample) in CPU seconds, the best of five, and the sample's bytes."""
    rows = [row(at, at // n, text) for at, text in enumerate(texts)]
    written = {row.key: Text("Solve it. " * 20, text, "7", {}) for row, text in zip(rows, texts, strict=True)}
    log_probs, best = -torch.rand(len(texts) * tokens), [9e9, 9e9]
    sample = Samples(folder, SampleBounds())
    for step in range(1, 6):
        began = time.process_time()
        facts(rows, log_probs)
        between = time.process_time()
        assert sample.write(step, rows, lambda keys: [written[key] for key in keys])["train-facts/samples"] == 64
        best = [min(best[0], between - began), min(best[1], time.process_time() - between)]
    return *best, (folder / "5.jsonl.gz").stat().st_size


def main() -> int:
    torch.set_num_threads(1)
    missed = 0
    for name, texts, n, tokens in (("quickstart", [SHORT] * 512, 8, 61), ("long", long_ones(), 16, 1000)):
        with tempfile.TemporaryDirectory() as folder:
            of_facts, of_sample, size = seconds(texts, n, tokens, Path(folder))
        missed += of_facts + of_sample > TARGET
        print(
            f"{name}: {len(texts)} responses of {sum(map(len, texts)) // len(texts)} characters: facts "
            f"{of_facts * 1e3:.1f} ms, sample of 64 {of_sample * 1e3:.1f} ms, {size / 1e3:.1f} kB a step"
        )
    print(f"target {TARGET} s together: {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
