"""Stages: runs that start from another run's last checkpoint. `r1_verl.after` in a recipe names that other run.

A stage is a run of its own (new optimizer, own curve): RUN=another-name repeats it, the same command resumes it, and
MODEL=another-start skips the run before. `r1-verl export RUN` makes the model folder by hand.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.runs import Run, RunError, find_run

MODEL = "actor_rollout_ref.model.path"


def start(after: str, run: Run) -> str:
    """The model folder that `run`, a stage after the run called `after` beside it, starts from.

    A run that has begun keeps its start, even if the run before has made newer checkpoints since. Raises RunError.
    """
    import yaml

    saved = run.folder / "config.yaml"
    if saved.exists():
        return str(yaml.safe_load(saved.read_text())[MODEL])
    before = Run(run.folder.parent / after)
    if not before.last_checkpoint():
        raise RunError(
            f"run {run.folder.name!r} starts from the last checkpoint of run {after!r}, and there is none in "
            f"{before.checkpoints}: run that stage first, skip it with MODEL=a model folder or hub name, or name "
            "another run with r1_verl.after=NAME"
        )
    return str(export(before))


def export(run: Run, out: Path | None = None, step: int | None = None) -> Path:
    """Make an ordinary model folder of a run's checkpoint, atomically, unless it is there already. Returns the folder.

    step: default the last; out: default RUN/models/step_N. Raises RunError.
    """
    step = step or run.last_checkpoint()
    actor = run.checkpoints / f"global_step_{step}" / "actor"
    if not actor.is_dir():
        have = sorted(int(p.name.rpartition("_")[2]) for p in run.checkpoints.glob("global_step_*"))
        raise RunError(f"run {run.folder.name!r} has no checkpoint of step {step} (there are: {have or 'none'})")
    out = out or run.folder / "models" / f"step_{step}"
    if (out / "config.json").is_file():
        return out
    if out.exists():
        raise RunError(f"{out} exists and is no model folder: name another place")
    whole = actor / "huggingface"
    with atomic.folder(out) as part:
        if any(whole.glob("*.safetensors")):  # actor.checkpoint.save_contents had hf_model in it
            shutil.copytree(whole, part)
        else:
            _merge(actor, part)
    return out


def _merge(actor: Path, out: Path) -> None:
    """Run veRL's model merger, in a process of its own because it holds the whole model in memory."""
    print(f"Converting {actor} with veRL's model merger", flush=True)
    command = ["verl.model_merger", "merge", "--backend", "fsdp", "--local_dir", str(actor), "--target_dir", str(out)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, errors="replace")
    if done.returncode or not (out / "config.json").is_file():
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise RunError(
            f"veRL's model merger could not convert {actor}:\n{last}\n"
            "Shards of several nodes must lie in one folder: keep RUNS on a disk that all nodes share."
        )


def previous_run(config: Any) -> str | None:
    """The name of the run that a configuration starts from; None if it is no stage."""
    return (config.get("r1_verl") or {}).get("after")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make an ordinary model folder of a run's checkpoint, with veRL's model merger."
    parser.epilog = "example:\n  r1-verl export logicrl_stage1 models/stage1 --step 100"
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name below $RUNS (default runs/)")
    parser.add_argument("out", metavar="OUT", nargs="?", type=Path, help="default: RUN/models/step_N")
    parser.add_argument("--step", metavar="N", type=int, help="which checkpoint (default: the last)")


def run(args: argparse.Namespace) -> int:
    print(export(find_run(args.run), args.out, args.step))
    return 0
