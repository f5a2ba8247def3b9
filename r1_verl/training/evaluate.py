"""`r1-verl evaluate`: checkpoints on suites. This module finds the models that a user names, exporting those of runs;
the rest is `r1_verl/evaluation/`, which knows nothing of training."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1_verl.doctor.nvidia import gpus
from r1_verl.evaluation import protocols, questions, results
from r1_verl.evaluation.evaluate import Checkpoint, evaluate
from r1_verl.evaluation.generate import on_cpu
from r1_verl.evaluation.pool import Here, OnRay, Pool
from r1_verl.hub.fetch import is_local, whole_model
from r1_verl.runs import Run, RunError, checkpoints, find_run, recorded
from r1_verl.training import stages


def named(name: str, out: Path | None, against: tuple[Path, ...]) -> list[Checkpoint]:
    """The checkpoints that a user names: a model (folder or hub name), RUN (its last step), RUN@STEP, RUN@0 (what it
    started from) or RUN@all. Raises RunError."""
    base, at, step = name.rpartition("@")
    if not at and (Path(name).expanduser() / "config.json").is_file():
        return [_model(name, out, against)]
    if at and not (step.isdecimal() or step == "all"):
        raise RunError(f"{name}: {step!r} is no step", f"write {base}@20, {base}@0 for its start, or {base}@all")
    try:
        run = find_run(base if at else name)
    except RunError as error:
        if not at and "/" in name and not is_local(name):
            return [_model(name, out, against)]
        hint = "a model is a folder with a config.json, or owner/name on the hub"
        raise RunError(f"{error.what}", hint) from error
    if step == "all" and at:
        found = checkpoints.look(run.checkpoints).whole
        steps = [0, *found] if recorded(run.folder).get(stages.MODEL) else list(found)
    else:
        steps = [int(step) if at else run.last_checkpoint()]
    return [_of_run(run, each, out, against) for each in steps]


def _model(name: str, out: Path | None, against: tuple[Path, ...]) -> Checkpoint:
    folder = whole_model(name)
    return Checkpoint(name, folder, (out or Path("evaluation")) / _as_file(name), trained_on=against)


def _of_run(run: Run, step: int, out: Path | None, against: tuple[Path, ...]) -> Checkpoint:
    settings = recorded(run.folder)
    if step == 0 and settings.get(stages.MODEL):
        folder = whole_model(str(settings[stages.MODEL]))
    else:
        folder = stages.export(run, step=step or None)
    where = out / _as_file(f"{run.folder.name}@{step}") if out else run.folder / "evaluation" / f"step_{step}"
    label = f"{run.folder.name}@{step}"
    return Checkpoint(label, folder, where, str(run.folder), step, against or _trained_on(label, settings))


def _trained_on(label: str, settings: dict[str, Any]) -> tuple[Path, ...]:
    """The training files of a run; () with a word about it if one is not there any more."""
    files = settings.get("data.train_files") or ()
    paths = [Path(file) for file in ([files] if isinstance(files, str) else files)]
    if gone := [str(path) for path in paths if not path.is_file()]:
        print(f"{label}: its training file {gone[0]} is not there: no contamination (--against FILE)", file=sys.stderr)
        return ()
    return tuple(paths)


def _as_file(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_.@-" else "_" for c in name.strip("/"))


def _pool(engines: int | None, tensor_parallel: int) -> Pool:
    """Engines on the Ray cluster that RAY_ADDRESS names, or on this machine's GPUs; one in this process if that is
    all."""
    cpu, cluster = on_cpu(), bool(os.environ.get("RAY_ADDRESS"))
    here = 1 if cpu else len(gpus()) // tensor_parallel
    if not cluster and not here:
        have = len(gpus())
        raise RunError(f"--tensor-parallel {tensor_parallel} needs as many GPUs, this machine has {have}")
    if not cluster and (engines or here) == 1:
        return Here(tensor_parallel)
    return OnRay(engines or (None if cluster else here), tensor_parallel, gpus=not cpu)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Ask checkpoints the questions of suites, judge the responses strictly, and keep every one. The same command\n"
        "goes on where it was interrupted: nothing is asked twice, and no engine is started when nothing is left.\n"
        "Suites are prepared by data_prep/eval_suites.py. Results: RUN/evaluation/, or evaluation/MODEL/."
    )
    parser.epilog = (
        "protocols:\n" + protocols.table() + "\n\nexample:\n"
        "  r1-verl evaluate Qwen/Qwen2.5-Math-7B simplerl_v0_ppo@all --suites gsm8k,math500 --protocol simplerl_v0"
    )
    parser.add_argument("model", metavar="MODEL|RUN[@STEP]", nargs="+", help="RUN@0 is its start, RUN@all every step")
    parser.add_argument("--suites", required=True, help="comma-separated names, or prepared .parquet files")
    parser.add_argument("--data", metavar="DIR", type=Path, default=Path("data/eval"), help="where the suites are")
    parser.add_argument("--protocol", default="greedy", help="how they are asked (default greedy)")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", dest="settings", action="append", default=[], help="change the protocol: "
        "samples, temperature, top_p, max_tokens, stop, style ...",
    )  # fmt: skip
    parser.add_argument("--limit", metavar="N", type=int, help="ask the first N questions of each suite")
    parser.add_argument("--out", metavar="DIR", type=Path, help="put all results there")
    parser.add_argument(
        "--against", metavar="FILE", type=Path, action="append", default=[], help="training data to look for the "
        "questions in (default: a run's own)",
    )  # fmt: skip
    parser.add_argument("--engines", metavar="N", type=int, help="vLLM engines (default: one for each GPU, or group)")
    parser.add_argument("--tensor-parallel", metavar="N", type=int, default=1, help="GPUs of one engine (default 1)")


def run(args: argparse.Namespace) -> int:
    for name in ("limit", "engines", "tensor_parallel"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise RunError(f"--{name.replace('_', '-')} {getattr(args, name)} is no number from 1 up")
    if gone := [str(path) for path in args.against if not path.is_file()]:
        raise RunError(f"--against {gone[0]}: there is no such file")
    protocol = protocols.find(args.protocol, args.settings)
    names = dict.fromkeys(part.strip() for part in args.suites.split(",") if part.strip())
    suites = [questions.load(name, args.data, protocol, args.limit) for name in names]
    models = _unique(args.model, args.out, tuple(args.against))
    try:
        found, failed = evaluate(models, suites, protocol, lambda: _pool(args.engines, args.tensor_parallel))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command asks what is missing") from None
    if found:
        print(results.table(found))
    for line in failed:
        print(f"r1-verl evaluate: {line}", file=sys.stderr)
    return 1 if failed else 0


def _unique(names: Sequence[str], out: Path | None, against: tuple[Path, ...]) -> list[Checkpoint]:
    found = (checkpoint for name in names for checkpoint in named(name, out, against))
    return list({checkpoint.out.resolve(): checkpoint for checkpoint in found}.values())
