"""What our sampler costs a training step, in a real TransferQueue: `python tests/benchmarks/bench_sampler.py`; status 1
if a target is missed.

Targets, in CPU seconds of the trainer's process: at the quickstart's size (512 responses of 60 tokens) 0.2 s for facts
and sample, 1 % of a step of 20 s; 2 s more a million tokens (1,024 responses of 1,000) for group and token parts and
the mask. Wall-clock seconds, of which most are the queue's own processes, stand beside them.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ["VERL_PLATFORM"] = "cpu"
sys.path.insert(0, str(Path(__file__).parents[1]))

import queued

STEP, MILLION = 0.2, 2.0
PARTS = "r1_verl.pays=[countdown,{part:kimi_length,weight:0.5},{part:repetition_dense,ngram:20}]"


def responses(number: int, tokens: int) -> list[queued.Response]:
    """Groups of eight; every third response is wrong, every tenth cut off, every fourth repeats itself."""
    found, chance = [], random.Random(0)
    for place in range(number):
        ids = [chance.randrange(10, 350) for _ in range(tokens + place % 7)]
        if place % 4 == 0:
            ids = ids[: tokens // 4] * 4
        acc = float(place % 3 == 0)
        found.append(queued.Response(f"g{place // 8}", place % 8, ids, acc, acc, place % 10 == 0, index=place // 8))
    return found


def seconds(folder: str, rows: list[queued.Response], *overrides: str) -> tuple[float, float]:
    """(CPU, wall-clock) seconds of the sampler's own work in `sample`, the best of three."""
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    from r1_verl import recipes

    where = f"trainer.default_local_dir={folder}/run/checkpoints"
    trainer = PPOTrainerSync(recipes.compose("quickstart_grpo", [where, *overrides]))
    trainer._init_tokenizer()
    shape, best = trainer.replay_buffer._shape, (9e9, 9e9)

    def timed(*args):
        nonlocal best
        began = time.process_time(), time.perf_counter()
        metrics = shape(*args)
        best = min(best, (time.process_time() - began[0], time.perf_counter() - began[1]))
        return metrics

    trainer.replay_buffer._shape = timed
    import transfer_queue as tq

    for step in range(1, 4):
        queued.put(rows, step)
        groups = len({row.group for row in rows})
        batch, _ = trainer.replay_buffer.sample(global_steps=step, partition_id="train", batch_size=groups)
        tq.kv_clear(keys=batch.keys, partition_id="train")
    return best


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, queued.queue():
        short, long = responses(512, 60), responses(1024, 1000)
        million = sum(len(row.ids) for row in long) / 1e6
        facts = seconds(folder, short)
        plain, shaped = seconds(folder, long), seconds(folder, long, PARTS, "r1_verl.mask=truncated")
    more = [(with_parts - without) / million for with_parts, without in zip(shaped, plain, strict=True)]
    print(f"facts and sample of 512 short responses: {facts[0]:.3f} s CPU ({facts[1]:.2f} s), target {STEP}")
    print(f"facts and sample of a million tokens:    {plain[0]:.3f} s CPU ({plain[1]:.2f} s)")
    print(f"parts and mask, a million tokens, more:  {more[0]:.3f} s CPU ({more[1]:.2f} s), target {MILLION}")
    return int(facts[0] > STEP or more[0] > MILLION)


if __name__ == "__main__":
    sys.exit(main())
