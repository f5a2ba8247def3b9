"""`python -m r1_verl train RECIPE [overrides]`: preflight, veRL's trainer, one tidy line a step, a report.

veRL runs as its own process (`python -m verl.trainer.main_ppo`); what it and Ray print goes to the attempt's log.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from r1_verl import doctor, recipes, report
from r1_verl.runs import Run, RunError, Step, open_run, read_attempt

MODULE = "verl.trainer.main_ppo"
_POLL = 0.5  # seconds


def train(recipe: str, overrides: list[str]) -> int:
    """Run a recipe to its end, resuming an interrupted run of the same name. Returns the exit status.

    Environment: RUN (the run's name, default the recipe's), RUNS (where runs live, default ./runs), DRY_RUN=1 (print
    the resolved configuration only), WANDB=1 (log there too). Raises RecipeError, RunError.
    """
    from omegaconf import OmegaConf

    name = os.environ.get("RUN") or recipe
    folder = Path(os.environ.get("RUNS") or "runs").resolve() / name
    overrides = [*_of_this_run(folder, name), *overrides]
    config = recipes.compose(recipe, overrides)
    if os.environ.get("DRY_RUN") == "1":
        print(OmegaConf.to_yaml(config, resolve=True))
        print(f"# veRL's command: {' '.join(_command(MODULE, recipe, overrides))}")
        return 0
    doctor.require(config)
    run = open_run(folder, OmegaConf.to_container(config, resolve=True))
    with run.claimed():
        return _train(run, name, recipe, overrides, config.trainer.total_training_steps)


def _train(run: Run, name: str, recipe: str, overrides: list[str], total: int | None) -> int:
    done = run.last_checkpoint()
    if total and done >= total:
        print(f"Run {name!r} is finished ({done} steps).")
        report.write(run)
        return 0
    if done:
        print(f"Resuming run {name!r} after step {done} ({run.checkpoints}).")
        overrides.append("trainer.val_before_train=False")
    run_verl(run, MODULE, recipe, overrides, total)
    report.write(run)
    return 0


def _of_this_run(folder: Path, name: str) -> list[str]:
    """Absolute paths, because a Ray job's working directory is a temporary one."""
    found = [
        f"trainer.default_local_dir={folder}/checkpoints",
        f"trainer.validation_data_dir={folder}/validation",
        f"trainer.experiment_name={name}",
    ]
    if os.environ.get("WANDB") == "1":
        found.append("trainer.logger=[console,file,wandb]")
    return found


def run_verl(
    run: Run, module: str, recipe: str, overrides: list[str], total: int | None = None, every: int = 1
) -> None:
    """Run one of veRL's trainers as a process of its own to its end, printing a line every `every` steps.

    Raises RunError with the log's own reason if it fails; ends it, and the Ray it started, if we are interrupted.
    """
    curve, log = run.next_attempt()
    environment = {**os.environ, "VERL_FILE_LOGGER_PATH": str(curve), "HYDRA_FULL_ERROR": "1", "PYTHONUNBUFFERED": "1"}
    command = [*_command(module, recipe, overrides), f"hydra.run.dir={run.folder}/hydra"]
    print(f"Starting {module} ({recipe}); its own output goes to {log}", flush=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            _follow(process, curve, total, every)
        except BaseException:
            _stop(process)
            raise
    if process.returncode:
        raise RunError(f"{module} ended with status {process.returncode}:\n{_why(log)}\nThe whole log: {log}")


def _command(module: str, recipe: str, overrides: list[str]) -> list[str]:
    start = ["-m", module]
    if module.endswith("sft_trainer"):  # it wants torchrun's variables; --standalone picks a free port
        start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1", "-m", module]
    return [sys.executable, *start, "--config-name", recipe, *overrides]


def _follow(process: subprocess.Popen, curve: Path, total: int | None, every: int) -> None:
    """Print each new line of the curve until veRL ends; until the first one, say each half minute that it starts."""
    shown, began = 0, time.monotonic()
    said = began
    while True:
        running = process.poll() is None
        steps = read_attempt(curve) if curve.exists() else []
        for step in steps[shown:]:
            if step.step % every == 0:
                print(progress_line(step, total), flush=True)
        shown = len(steps)
        if not running:
            return
        if not shown and time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"  ... starting ({said - began:.0f} s)", flush=True)
        time.sleep(_POLL)


def progress_line(step: Step, total: int | None) -> str:
    """One line for people: step, reward, accuracy, response length, seconds, and validation where there is one."""
    data = step.data
    parts = [f"step {step.step:>4}" + (f"/{total}" if total else "")]
    if "critic/score/mean" in data:
        parts.append(f"reward {data['critic/score/mean']:.3f}")
        accuracies = [value for key, value in data.items() if re.fullmatch(r"train-reward/.*/acc", key)]
        if accuracies:
            parts.append(f"acc {sum(accuracies) / len(accuracies):.3f}")
        parts.append(f"length {data['response_length/mean']:.1f}")
        parts.append(f"{data['timing_s/step']:.1f} s")
    if "train/loss" in data:
        parts.append(f"loss {data['train/loss']:.3f}")
    for source, accuracy in report.validation(data).items():
        parts.append(f"validation {source} {accuracy:.3f}")
    return "  ".join(parts)


def _stop(process: subprocess.Popen) -> None:
    """End veRL and all that it started: politely, so that Ray cleans up, then whatever is left of it."""
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
    """The lines of a log that say why it ended: the last exception, else its last lines."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if re.search(r"\b\w*(Error|Exception|Killed|OutOfMemory)\b.*:", line)]
    chosen = told[-3:] if told else lines[-8:]
    return "\n".join(f"  {line[:400]}" for line in chosen)
