"""Curves of real runs that the guard is measured on: numbers alone, in tests/fixtures/curves/.

`python tests/guard_curves.py`          makes every curve that has no file yet, one after the other (5 minutes each)
`python tests/guard_curves.py NAME ...` makes these, as `temperature-2`

A run is the quickstart at 32 prompts x 4 responses on two CPU cores, from the shipped start model, with what makes it
healthy or ruins it. Its first line is the command; the rest is what veRL's file logger wrote, without times and memory.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from r1_verl.runs import Run, read_curve

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "fixtures" / "curves"
SIZES = (
    "data.train_batch_size=32", "actor_rollout_ref.actor.ppo_mini_batch_size=32", "actor_rollout_ref.rollout.n=4",
    "trainer.test_freq=3", "trainer.save_freq=-1",
)  # fmt: skip
_ACTOR = "actor_rollout_ref.actor"
_FREE = f"{_ACTOR}.kl_loss_coef=0.0"  # nothing holds the policy near its start; how far it goes is measured
# vLLM takes no temperature above 2
_HOT = (_FREE, f"{_ACTOR}.optim.lr=1.0e-3", "actor_rollout_ref.rollout.temperature=2.0")


class Kind(NamedTuple):
    """Runs of one kind: whether they stay healthy, how many steps, seeds, the recipe, what is set beyond `SIZES`."""

    healthy: bool
    steps: int
    seeds: tuple[int, ...]
    recipe: str
    settings: tuple[str, ...]


KINDS = {
    "quickstart": Kind(True, 24, (1, 2, 3), "quickstart_grpo", ()),
    "ppo": Kind(
        True, 24, (1,), "quickstart_ppo",
        ("data.train_batch_size=128", f"{_ACTOR}.ppo_mini_batch_size=128", "actor_rollout_ref.rollout.n=1"),
    ),
    "grpo-bias": Kind(
        True, 18, (1,), "quickstart_grpo", ("algorithm.adv_estimator=grpo_bias", "+algorithm.grpo_bias=0.1")
    ),
    "longer": Kind(True, 24, (1,), "quickstart_grpo", (_FREE, "data.max_response_length=196")),
    "warm": Kind(
        True, 30, (1,), "quickstart_grpo",
        (_FREE, "data.val_files=data/quickstart/test.parquet", "trainer.test_freq=2",
         "actor_rollout_ref.rollout.temperature=1.5"),
    ),
    "hot": Kind(True, 24, (1,), "quickstart_grpo", _HOT),  # it learns slowly, from where it starts
    "temperature": Kind(False, 14, (1, 2), "quickstart_grpo", (*_HOT, f"{_ACTOR}.entropy_coeff=0.03")),
    "learning-rate": Kind(
        False, 24, (1, 2), "quickstart_grpo",
        (_FREE, f"{_ACTOR}.optim.lr=4.0e-3", f"{_ACTOR}.optim.lr_warmup_steps=24"),
    ),
    "updates": Kind(
        False, 24, (1, 2), "quickstart_grpo",
        (_FREE, f"{_ACTOR}.ppo_epochs=8", f"{_ACTOR}.ppo_mini_batch_size=8",
         f"{_ACTOR}.ppo_micro_batch_size_per_gpu=32"),
    ),
    "hacked": Kind(
        False, 30, (1, 2), "quickstart_grpo",
        (_FREE, "r1_verl.pays=pays_for_length", "reward.custom_reward_function.reward_kwargs.mode=faithful"),
    ),
}  # fmt: skip
_LEFT_OUT = ("timing_", "perf/mfu", "perf/throughput", "perf/time_per", "actor/perf", "critic/perf", "global_seqlen",
             "training/", "num_turns", "val-aux/num_turns")  # fmt: skip


def names() -> list[str]:
    """Every curve, `KIND-SEED`: the first seed of each kind, then the others."""
    return sorted(
        (f"{kind}-{seed}" for kind, about in KINDS.items() for seed in about.seeds), key=lambda name: name[-1] != "1"
    )


def command(name: str) -> list[str]:
    """What makes the curve, but for RUN and RUNS."""
    kind, _, seed = name.rpartition("-")
    about = KINDS[kind]
    settings = (*SIZES, *about.settings, f"trainer.total_training_steps={about.steps}", f"data.seed={seed}")
    last = {word.partition("=")[0].lstrip("+"): word for word in settings}  # a kind's own sizes count
    return ["bash", "run_scripts/train.sh", about.recipe, *last.values()]


def make(name: str) -> Path:
    """Run it and keep its curve."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {
            "CPU": "1", "DOUBTS": "ok", "RUN": name, "RUNS": folder, "R1_VERL_SCORERS": "pays_for_length",
            "PYTHONPATH": str(ROOT / "tests"),
        }  # fmt: skip
        subprocess.run(command(name), cwd=ROOT, env=env, check=True)
        lines = [{"command": shlex.join(command(name))}]
        for step in read_curve(Run(Path(folder) / name)):
            numbers = {key: value for key, value in step.data.items() if not key.startswith(_LEFT_OUT)}
            lines.append({"step": step.step, "data": {key: _short(value) for key, value in numbers.items()}})
    path = FOLDER / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return path


def _short(value: float) -> float:
    """Six digits: more than anything here is known to."""
    return float(f"{value:.6g}") if math.isfinite(value) and not isinstance(value, int) else value


def main() -> int:
    for name in sys.argv[1:] or [name for name in names() if not (FOLDER / f"{name}.jsonl").exists()]:
        print(make(name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
