"""Stages: runs that start from another run's last checkpoint. `r1_verl.after` in a recipe names that other run.

A stage is a run of its own (new optimizer, own curve): RUN=another-name repeats it, the same command resumes it, and
MODEL=another-start skips the run before; `r1_verl.after=NAME@best` starts from that run's best checkpoint. `r1-verl
export RUN` makes the model folder by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.runs import Run, RunError, best, checkpoints, find_run, recorded
from r1_verl.training import fold

MODEL = "actor_rollout_ref.model.path"
_FOLD = {  # what of a run's settings `fold` has to know, by its own names
    "base": MODEL, "adapter": "actor_rollout_ref.model.lora_adapter_path",
    "trust": "actor_rollout_ref.model.trust_remote_code",
}  # fmt: skip
RECORD = "exported_from.json"  # in the model folder: of which run and step it was made
_ELSEWHERE = "name another OUT, or move that folder away"


def start(after: str, run: Run) -> str:
    """The model folder that `run`, a stage after the run called `after` beside it, starts from.

    A run that has begun keeps its start, even if the run before has made newer checkpoints since. Raises RunError.
    """
    if begun := recorded(run.folder).get(MODEL):
        return str(begun)
    name, _, which = after.partition("@")
    if which not in ("", "last", "best"):
        raise RunError(f"r1_verl.after={after}: after the @ comes best or last")
    before = Run(run.folder.parent / name)
    ended = before.stopped()
    if ended and not ended.overruled and not which:
        raise RunError(
            f"run {name!r} was stopped after step {ended.step} ({ended.reason}): say where run {run.folder.name!r} "
            f"starts, r1_verl.after={name}@best or r1_verl.after={name}@last"
        )
    if which != "best" and not before.last_checkpoint():
        torn = "; ".join(checkpoints.look(before.checkpoints).torn)
        raise RunError(
            f"run {run.folder.name!r} starts from the last checkpoint of run {name!r}, and there is no whole one in "
            f"{before.checkpoints}{f' ({torn})' if torn else ''}: run that stage first, skip it with "
            "MODEL=a model folder or hub name, or name another run with r1_verl.after=NAME"
        )
    return str(export(before, best_one=which == "best", step=None if which == "best" else before.last_checkpoint()))


def export(run: Run, out: Path | None = None, step: int | None = None, best_one: bool = False) -> Path:
    """Make an ordinary model folder of a run's checkpoint, atomically, unless it was made before. Returns the folder.

    step: default the last, or the best if the guard ended the run. best_one: the best, whatever veRL has deleted since.
    out: default RUN/models/step_N. What is in `out` stays: RunError, unless it was made of this checkpoint. Raises
    RunError.
    """
    ended, kept = run.stopped(), best.kept(run.best)
    if best_one and not kept:
        raise RunError(f"run {run.folder.name!r} has kept no best checkpoint: no validated step of it was saved")
    if kept and (best_one or (step is None and ended and not ended.overruled)):
        print(f"The best checkpoint: step {kept.step}, validation accuracy {kept.accuracy:.3f}.", file=sys.stderr)
        return _export(run, run.best, kept.step, out)
    found = checkpoints.look(run.checkpoints)
    torn = "; ".join(found.torn)
    if step is None and not found.last:
        raise RunError(f"run {run.folder.name!r} has no checkpoint{f' that is whole ({torn})' if torn else ' yet'}")
    if step is None and torn:
        print(f"Torn: {torn}. The last whole checkpoint: step {found.last}.", file=sys.stderr)
    step = found.last if step is None else step
    if lacks := checkpoints.lacks_weights(run.checkpoints, step):
        there = f"there are: {list(found.whole) or 'none'}"
        if (run.checkpoints / f"global_step_{step}").is_dir():
            raise RunError(f"run {run.folder.name!r}: global_step_{step} {lacks}; whole checkpoints: {there}")
        raise RunError(f"run {run.folder.name!r} has no checkpoint of step {step} ({there})")
    return _export(run, run.checkpoints, step, out)


def _export(run: Run, saved: Path, step: int, out: Path | None) -> Path:
    """saved: the folder that holds the whole checkpoint of this step."""
    actor = saved / f"global_step_{step}" / "actor"
    out = out or run.folder / "models" / f"step_{step}"
    made = {"run": str(run.folder), "step": step, "weights": _fingerprint(actor)}
    if out.is_dir() and any(out.iterdir()):
        _require_made_of(out, made)
        return out
    whole, settings = actor / "huggingface", recorded(run.folder)
    with atomic.folder(out) as part:
        if (actor / fold.META).is_file():
            options = {name: settings.get(key) for name, key in _FOLD.items() if settings.get(key)}
            arguments = (str(actor), str(part), json.dumps(options))
            _convert(actor, part, "the fold of LoRA adapters", "r1_verl.training.fold", *arguments)
        elif any(whole.glob("*.safetensors")):  # actor.checkpoint.save_contents had hf_model in it
            shutil.copytree(whole, part)
        else:
            arguments = ("merge", "--backend", "fsdp", "--local_dir", str(actor), "--target_dir", str(part))
            _convert(actor, part, "veRL's model merger", "verl.model_merger", *arguments)
            if (part / "lora_adapter").exists():
                raise RunError(f"{actor} holds a LoRA adapter, and no {fold.META} says how large it is")
        (part / RECORD).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return out


def _convert(actor: Path, out: Path, converter: str, module: str, *arguments: str) -> None:
    """Run a converter, in a process of its own because it holds the whole model in memory."""
    print(f"Converting {actor} with {converter}", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, errors="replace")
    if done.returncode or not (out / "config.json").is_file():
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        reasons = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
        raise RunError(
            f"{converter} could not convert {actor}: {(reasons or lines)[-1]}\n"
            "Shards of several nodes must lie in one folder: keep RUNS on a disk that all nodes share."
        )


def _fingerprint(actor: Path) -> str:
    """What tells a checkpoint's weights from others: the ends of its files, where torch.save puts all checksums."""
    digest = hashlib.sha256()
    for path in sorted(actor.glob("model_*.pt")) or sorted((actor / "huggingface").glob("*.safetensors")):
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 2**20))
            digest.update(f"{path.name} {size} ".encode() + file.read())
    return digest.hexdigest()


def _require_made_of(out: Path, made: dict[str, Any]) -> None:
    """Say that the export is there already. Raises RunError if `out` holds anything else."""
    try:
        there = json.loads((out / RECORD).read_text(encoding="utf-8"))
        same = (there["step"], there["weights"]) == (made["step"], made["weights"])
    except (OSError, ValueError, KeyError, TypeError):
        holds = "a model" if (out / "config.json").is_file() else "files"
        raise RunError(f"{out} holds {holds}, and no record ({RECORD}) of its origin", _ELSEWHERE) from None
    if not same:
        raise RunError(f"{out} holds step {there['step']} of the run {there.get('run')}, of other weights", _ELSEWHERE)
    print(f"{out} was made before, of this very checkpoint (step {made['step']})", file=sys.stderr)


def previous_run(config: Any) -> str | None:
    """The name of the run that a configuration starts from; None if it is no stage."""
    return (config.get("r1_verl") or {}).get("after")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make an ordinary model folder of a run's checkpoint. A LoRA adapter is folded in, in fp32."
    parser.epilog = "example:\n  r1-verl export logicrl_stage1 models/stage1 --step 100"
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name below $RUNS (default runs/)")
    parser.add_argument("out", metavar="OUT", nargs="?", type=Path, help="default: RUN/models/step_N")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--step", metavar="N", type=int, help="which checkpoint (default: the last; of a stopped run the best)"
    )
    which.add_argument("--best", action="store_true", help="the one with the best validation")


def run(args: argparse.Namespace) -> int:
    print(export(find_run(args.run), args.out, args.step, args.best))
    return 0
