"""A run's folder: the configuration that it belongs to, its attempts, and one curve over all of them.

runs/NAME/config.yaml           the resolved configuration; the run refuses another one
runs/NAME/curve/attempt-N.jsonl what veRL's file logger wrote (it empties its file at each start: one file an attempt)
runs/NAME/log/attempt-N.log     everything veRL and Ray printed
runs/NAME/checkpoints/          veRL's checkpoints; an interrupted run goes on from the last one
runs/NAME/validation/STEP.jsonl every validation response with its scores
runs/NAME/samples/STEP.jsonl.gz some of the step's training responses with theirs (runs/samples.py)
runs/NAME/best/                 the best validated checkpoint (best.py)
runs/NAME/entropy_coeff.jsonl   the entropy coefficient's way, where r1_verl.entropy moves it
runs/NAME/finished              the last step, once the run came to its end
runs/NAME/stopped               why the guard ended it, if it did
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic
from r1_verl.recipes import variables
from r1_verl.recipes.overrides import override
from r1_verl.runs import checkpoints, curve, identity
from r1_verl.runs.curve import (  # noqa: F401  the names that readers of a run need
    MEAN_LENGTH,
    MEAN_REWARD,
    STEP_SECONDS,
    TRAIN_FACTS,
    TRAIN_REWARD,
    Step,
    read_attempt,
)


class RunError(RuntimeError):
    """A run can't start or did not end well. what: the reason; fix: what to do about it, "" if `what` says it too."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what, self.fix = what, fix

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}" if self.fix else self.what


class Stopped(NamedTuple):
    """Why and after which step the guard ended a run. overruled: its user has gone on since."""

    step: int
    reason: str
    remedy: str
    overruled: bool = False


class Run(NamedTuple):
    """A run's folder, made by `open_run`."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def best(self) -> Path:
        return self.folder / "best"

    @property
    def validation(self) -> Path:
        return self.folder / "validation"

    def attempts(self) -> list[Path]:
        """Curve files, oldest first."""
        return [path for _, path in _numbered(self.folder / "curve", r"attempt-(\d+)\.jsonl")]

    def next_attempt(self) -> tuple[Path, Path]:
        """(curve file, log file) of a new attempt; their folders exist."""
        number = 1 + max((each for each, _ in _numbered(self.folder / "log", r"attempt-(\d+)\.log")), default=0)
        for name in ("curve", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        return self.folder / f"curve/attempt-{number}.jsonl", self.folder / f"log/attempt-{number}.log"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the run for this process, until its end at the latest. Raises RunError if another process holds it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            what = f"the run can't live in {self.folder} ({error.strerror})"
            raise RunError(what, "RUNS=a folder with room that you may write to") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"run {self.folder.name!r} is being trained by another process: wait for it, or RUN=another-name"
                ) from error
            yield

    def finished(self, total: int | None) -> bool:
        """Whether the run came to its end, with `total_training_steps` then as now, and nothing was trained since."""
        try:
            return (self.folder / "finished").read_text() == f"{self.last_checkpoint()} of {total}"
        except OSError:
            return False

    def mark_finished(self, total: int | None) -> None:
        """Record that the run came to its end: a run that counts epochs learns its last step only then."""
        with atomic.file(self.folder / "finished") as part:
            part.write_text(f"{self.last_checkpoint()} of {total}")

    def stopped(self) -> Stopped | None:
        """The record of the guard's stop; None if it never ended this run."""
        try:
            return Stopped(**json.loads((self.folder / "stopped").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def mark_stopped(self, stopped: Stopped) -> None:
        """Record that the guard ended the run, or that its user has gone on since."""
        with atomic.file(self.folder / "stopped") as part:
            part.write_text(json.dumps(stopped._asdict(), indent=2) + "\n", encoding="utf-8")

    def dumps(self) -> list[tuple[int, Path]]:
        """Validation dumps with their steps, the oldest first."""
        return _numbered(self.validation, r"(\d+)\.jsonl")

    def last_checkpoint(self) -> int:
        """The step of the last whole checkpoint, which the next attempt resumes from; 0 for none."""
        return checkpoints.look(self.checkpoints).last


def _numbered(folder: Path, name: str) -> list[tuple[int, Path]]:
    """The files of a folder whose whole name fits, by the number in it. Files that people put there are left out."""
    found = ((re.fullmatch(name, path.name, re.ASCII), path) for path in folder.glob("*"))
    return sorted((int(match[1]), path) for match, path in found if match and path.is_file())


def run_folder(recipe: str) -> Path:
    """The folder of a recipe's run (RECIPE: a name or a .yaml file): $RUNS/$RUN, by default ./runs/RECIPE."""
    name = os.environ.get("RUN") or Path(recipe).stem
    if Path(name).name in ("", ".."):
        raise RunError(f"RUN={name} is no name for a run", "write letters and digits, as RUN=second_try")
    return Path(os.environ.get("RUNS") or "runs").resolve() / name


def find_run(name: str) -> Run:
    """The run that a user names: by its folder, or by its name below $RUNS (default ./runs). Raises RunError."""
    runs = Path(os.environ.get("RUNS") or "runs")
    for folder in (Path(name).expanduser(), runs / name):
        if _is_run(folder):
            return Run(folder.resolve())
    names = sorted(folder.name for folder in runs.glob("*") if _is_run(folder))
    near = difflib.get_close_matches(name, names)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}"
    raise RunError(f"no run {name!r}, neither a run's folder nor a name below {runs.resolve()}; {hint}")


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() or (folder / "checkpoints").is_dir()


def folder_of(checkpoints: str | Path) -> Path:
    """The folder of the run whose checkpoints lie there (trainer.default_local_dir).

    veRL's own default is a folder a run inside one that all runs share: then the checkpoints' folder is the run's.
    """
    path = Path(checkpoints)
    return path.parent if path.name == "checkpoints" else path


def run_overrides(folder: Path) -> list[str]:
    """Hydra overrides that make veRL write into a run's folder.

    The paths are absolute, because the working directory of a Ray job is a temporary one.
    """
    overrides = [
        override("trainer.default_local_dir", folder / "checkpoints"),
        override("trainer.validation_data_dir", folder / "validation"),
        override("trainer.experiment_name", folder.name),
    ]
    if variables.flag("WANDB"):
        overrides.append("trainer.logger=[console,file,wandb]")
    return overrides


def open_run(folder: Path, config: Mapping[str, Any]) -> Run:
    """The run in `folder`, made if new. Raises RunError if it was trained with another configuration.

    A run with checkpoints and without a record of its configuration stays so: `doctor` has its doubts, and `record`
    follows once they are passed.
    """
    run = Run(folder)
    kept = run.last_checkpoint()
    theirs = recorded(folder)
    if theirs and (kept or read_curve(run)):  # else there is nothing to lose
        differ = identity.differences(theirs, config)
        if differ:
            raise RunError(
                f"run {folder.name!r} exists with another configuration ({differ}). Choose: RUN=another-name "
                f"for a new run, the old settings to resume it, or rm -r {shlex.quote(str(folder))} to start over."
            )
    if not kept:
        record(run, config)
    return run


def record(run: Run, config: Mapping[str, Any]) -> None:
    """Write the configuration that the run belongs to into its folder."""
    import yaml

    with atomic.file(run.folder / "config.yaml") as part:
        part.write_text(yaml.safe_dump(identity.to_record(config), allow_unicode=True), encoding="utf-8")


def recorded(folder: Path) -> dict[str, Any]:
    """The configuration (flat) that a run's folder records; {} if it has none, or one that can't be read."""
    import yaml

    try:
        found = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def read_curve(run: Run) -> list[Step]:
    """The run's curve over all its attempts (`curve.joined`)."""
    return curve.joined(run.attempts())
