"""`r1-verl train RECIPE [KEY=VALUE ...]`: preflight, veRL's trainer, one tidy line a step, a report.

veRL runs as its own process (`python -m verl.trainer.main_ppo`); what it and Ray print goes to the attempt's log.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from r1_verl import cluster, doctor, recipes, runs
from r1_verl.data import make
from r1_verl.hub import fetch
from r1_verl.recipes import shape, variables
from r1_verl.recipes.arguments import add_recipe
from r1_verl.recipes.overrides import override, settle
from r1_verl.report import summary
from r1_verl.runs import (
    Run,
    RunError,
    Step,
    Stopped,
    best,
    open_run,
    read_attempt,
    record,
    recorded,
    run_folder,
    run_overrides,
)
from r1_verl.runs.curve import unsound
from r1_verl.training import guard, pays, prompt_end, prompt_length, resume, stages

if TYPE_CHECKING:
    from omegaconf import DictConfig

MODULE = "verl.trainer.main_ppo"
_POLL = 0.5  # seconds
_FULL = 2**20  # bytes: with less, the log may have no room to say so
_NO_WRITING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
_FORWARDED_ENV = ("VERL_FILE_LOGGER_PATH", "R1_VERL_SCORERS", "R1_VERL_ENVIRONMENTS")


def train(recipe: str, overrides: list[str]) -> int:
    """Run a recipe (a name of ours, or a .yaml file) to its end, resuming an interrupted run. Returns the exit status.

    Data files that are missing are made first. Environment: RUN (the run's name, default the recipe's), RUNS (where
    runs live, default ./runs), DRY_RUN=1 (print the resolved configuration only), CPU=1 (add +machine=cpu), WANDB=1
    (log there too), RAY_ADDRESS (a cluster to join; more than one node joins the one whose head is here). Raises
    RecipeError, RunError, UnknownNameError.
    """
    from omegaconf import OmegaConf

    folder = run_folder(recipe)
    name = folder.name
    overrides = [*run_overrides(folder), *settle(recipe, overrides)]
    config = recipes.compose(recipe, overrides)
    if wrong := next(shape.counts({"trainer": dict(config.trainer)}), None):
        raise recipes.RecipeError(wrong)
    guard.settings(config)
    joins = doctor.machine.joins(config)
    more = cluster_overrides(config) if joins else ["++ray_kwargs.ray_init.address=local"]  # a Ray of its own, always
    before = stages.previous_run(config)
    if before and any(word.lstrip("+").startswith(f"{stages.MODEL}=") for word in overrides):
        print(f"# Not starting from run {before!r}: a model was given.")
        before = None
    dry = variables.flag("DRY_RUN")
    if before and not dry:
        model = stages.start(before, Run(folder))
        more.append(override(stages.MODEL, model))
        print(f"Stage {name!r} starts from run {before!r}: {model}", flush=True)
    overrides += more
    if joins or before:
        config = recipes.compose(recipe, overrides)
    if dry:
        print(OmegaConf.to_yaml(config, resolve=True))
        print(f"# pays: {pays.line(config)}")
        for step in make.missing(config):
            print(f"# would make {step.what}: {step}")
        print(f"# veRL's command: {shlex.join(_command(MODULE, recipe, overrides))}")
        if before:
            print(f"# with {stages.MODEL}=the last checkpoint of run {before!r}")
        return 0
    plain = OmegaConf.to_container(config, resolve=True)
    with Run(folder).claimed():
        run = open_run(folder, plain)
        guard.require_word(run, config, name)
        print(f"Run {name!r} pays: {pays.line(config)}", flush=True)
        make.make(config)
        doctor.require(config)
        if config.trainer.resume_mode == "disable" or not recorded(folder):
            record(run, plain)
        for model in doctor.model.paths(config):
            fetch.whole_model(model)
            if joins:
                cluster.fetch(model)
        watch = cluster.Watch() if joins else None
        # How fast, and what the files tell of themselves: the recorded configuration lacks them.
        overrides += [*prompt_length.overrides(config), *prompt_end.overrides(config)]
        return _train(run, name, recipe, overrides, config, watch)


def cluster_overrides(config: DictConfig) -> list[str]:
    """Overrides that make veRL join the cluster. Counts of CPUs and GPUs go: they are for a Ray that veRL starts."""
    mine = config.ray_kwargs.ray_init
    os.environ.setdefault("RAY_ADDRESS", mine.get("address") or "auto")
    counts = [f"ray_kwargs.ray_init.{key}=null" for key in ("num_cpus", "num_gpus") if key in mine]
    return [override("++ray_kwargs.ray_init.address", cluster.address()), *counts]


def _train(
    run: Run, name: str, recipe: str, overrides: list[str], config: DictConfig, watch: cluster.Watch | None
) -> int:
    total, start = config.trainer.total_training_steps, resume.plan(run, config)
    anew = config.trainer.resume_mode == "disable"
    if not anew and ((total and start.step >= total) or run.finished(total)):
        print(f"Run {name!r} is finished ({start.step} steps).")
        summary.write(run)
        return 0
    for line in start.said:
        print(line, flush=True)
    if config.trainer.resume_mode == "auto" and start.step:
        resume.mend_tracker(run, start.step)
    if wrong := best.begin(run.best, start.step, anew):
        print(wrong, flush=True)
    watcher = guard.Guard(run, config, start.step)
    stopped = run_verl(run, MODULE, recipe, [*overrides, *start.overrides], total, watch=watch, watcher=watcher)
    if stopped:
        run.mark_stopped(stopped)
    else:
        run.mark_finished(total)
    summary.write(run)
    if stopped:
        guard.say_stopped(run, stopped)
    return 1 if stopped else 0


def run_verl(
    run: Run,
    module: str,
    recipe: str,
    overrides: list[str],
    total: int | None = None,
    every: int = 1,
    watch: cluster.Watch | None = None,
    watcher: guard.Guard | None = None,
) -> Stopped | None:
    """Run one of veRL's trainers to its end, in a process of its own, and print a line every `every` steps.

    watcher: the run's guard, which may end the trainer earlier; then its reason is returned.
    Raises RunError, with the reason from the log, if the trainer fails. Ends the trainer, and the Ray that it started,
    if this process is interrupted or if `watch` notices that a node has left.
    """
    curve, log = run.next_attempt()
    environment = {**os.environ, "VERL_FILE_LOGGER_PATH": str(curve), "HYDRA_FULL_ERROR": "1", "PYTHONUNBUFFERED": "1"}
    if watch:  # a process on a cluster has its node's environment, not this one's
        overrides = [*overrides, *forwarded_env(environment)]
    command = [*_command(module, recipe, overrides), override("hydra.run.dir", run.folder / "hydra")]
    print(f"Starting {module} ({recipe}); its own output goes to {log}", flush=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            if stopped := _follow(process, curve, total, every, watch, watcher):
                _stop(process)
                return stopped
        except BaseException:
            _stop(process)
            raise
    if process.returncode:
        _raise_if_node_lost(watch.gone_within(20) if watch else None)
        full = shutil.disk_usage(run.folder).free < _FULL
        why = f"  the disk of {run.folder} is full: free some space, then give the same command" if full else _why(log)
        raise RunError(f"{module} ended with status {process.returncode}:\n{why}\nThe whole log: {log}")
    return None


def forwarded_env(environment: Mapping[str, str]) -> list[str]:
    """Overrides that set this environment's `_FORWARDED_ENV` on all nodes of a cluster.

    Ray refuses a variable that the Ray job (ray_submit.sh) sets too, so one with the same value is left out. One with
    another value stays, and Ray reports the conflict.
    """
    job = json.loads(environment.get("RAY_JOB_CONFIG_JSON_ENV_VAR") or "{}")
    already = (job.get("runtime_env") or {}).get("env_vars") or {}
    left = [name for name in _FORWARDED_ENV if environment.get(name) and environment[name] != already.get(name)]
    return [override(f"++ray_kwargs.ray_init.runtime_env.env_vars.{name}", environment[name]) for name in left]


def _command(module: str, recipe: str, overrides: list[str]) -> list[str]:
    start = ["-m", module]
    if module.endswith("sft_trainer"):  # it needs torchrun's variables; --standalone picks a free port
        start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1", "-m", module]
    where = ["--config-name", recipe]
    if recipe.endswith((".yaml", ".yml")):  # somebody's own; ours are on Hydra's search path by the plugin
        folder, name = recipes.locate(recipe)
        where = ["--config-dir", str(folder), "--config-name", name]
    return [sys.executable, *start, *where, *overrides]


def _raise_if_node_lost(gone: str | None) -> None:
    if gone:
        raise RunError(
            f"node {gone} has left the Ray cluster, and veRL can't go on without it. Start it again there "
            "(run_scripts/ray_worker.sh), then give the same command: the run goes on from its last checkpoint"
        )


def _follow(
    process: subprocess.Popen,
    curve: Path,
    total: int | None,
    every: int,
    watch: cluster.Watch | None,
    watcher: guard.Guard | None,
) -> Stopped | None:
    """Print each new line of the curve until veRL ends, or until the guard says why it is to end. Before the first
    line, print every half minute how long it takes to start."""
    shown, size, began = 0, 0, time.monotonic()
    printed = began
    while True:
        running = process.poll() is None
        now = curve.stat().st_size if curve.exists() else 0
        new = read_attempt(curve)[shown:] if now > size else []
        size, shown = now, shown + len(new)
        said, stopped = watcher.look([step.step for step in new]) if new and watcher else ({}, None)
        for step in new:
            if step.step % every == 0:
                print("  ".join([progress_line(step, total), *said.get(step.step, ())]), flush=True)
        if not running or stopped:
            return stopped if running else None
        _raise_if_node_lost(watch.gone() if watch else None)
        if not shown and time.monotonic() - printed > 30:
            printed = time.monotonic()
            print(f"  ... starting ({printed - began:.0f} s)", flush=True)
        time.sleep(_POLL)


def progress_line(step: Step, total: int | None) -> str:
    """One line for people: step, reward, accuracy, response length, seconds; accuracies if the step validated."""
    data = step.data
    parts = [f"step {step.step:>4}" + (f"/{total}" if total else "")]
    if runs.MEAN_REWARD in data:
        parts.append(f"reward {data[runs.MEAN_REWARD]:.3f}")
        accuracies = [value for key, value in data.items() if re.fullmatch(rf"{runs.TRAIN_REWARD}/.*/acc", key)]
        if accuracies:
            parts.append(f"acc {sum(accuracies) / len(accuracies):.3f}")
    if runs.MEAN_LENGTH in data:
        parts.append(f"length {data[runs.MEAN_LENGTH]:.1f}")
    if runs.STEP_SECONDS in data:
        parts.append(f"{data[runs.STEP_SECONDS]:.1f} s")
    if "train/loss" in data:
        parts.append(f"loss {data['train/loss']:.3f}")
    for source, accuracy in summary.validation(data).items():
        parts.append(f"validation {source} {accuracy:.3f}")
    if broken := unsound(data):
        parts.append(f"NO NUMBER: {', '.join(broken)}")
    return "  ".join(parts)


def _stop(process: subprocess.Popen) -> None:
    """End veRL and its child processes: an interrupt first, so that Ray cleans up, then a kill for those left over."""
    import psutil

    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(20)
    for left in [*below, process]:  # vLLM's workers outlive their Ray actor
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            left.kill()


def _why(log: Path) -> str:
    """The lines of a log that give the reason of a failure: the last exceptions, else the last lines."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\b\w*(Error|Exception|Killed|OutOfMemory)\b.*:", line)]
    chosen = errors[-3:] if errors else lines[-8:]
    return "\n".join(f"  {line[:400]}" for line in chosen)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run a recipe to its end: a preflight, veRL's trainer with a line a step, a report. The same command resumes\n"
        "an interrupted run. Environment: RUN (the run's name, default the recipe's), RUNS (where runs live, default\n"
        "./runs), DRY_RUN=1 (print the resolved configuration only), WANDB=1 (log there too), RAY_ADDRESS (a Ray\n"
        "cluster to join); MODEL, GPUS, NNODES, CPU=1, SETTINGS (a file of overrides): see run_scripts/README.md."
    )
    parser.epilog = "example:\n  RUN=second_try r1-verl train quickstart_grpo trainer.total_training_steps=100"
    add_recipe(parser)


def run(args: argparse.Namespace) -> int:
    try:
        return train(args.recipe, args.overrides)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command resumes from the last checkpoint") from None
    except OSError as error:
        if error.errno not in _NO_WRITING:
            raise
        where, fix = error.filename or run_folder(args.recipe), "RUNS=a folder with room that you may write to"
        raise RunError(f"nothing can be written to {where} ({error.strerror})", fix) from error
