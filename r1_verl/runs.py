"""A run's folder: the configuration that it belongs to, its attempts, and one curve over all of them.

runs/NAME/config.yaml           the resolved configuration; the run refuses another one
runs/NAME/curve/attempt-N.jsonl what veRL's file logger wrote (it empties its file at each start: one file an attempt)
runs/NAME/log/attempt-N.log     everything veRL and Ray printed
runs/NAME/checkpoints/          veRL's checkpoints; an interrupted run goes on from the last one
runs/NAME/validation/STEP.jsonl every validation response with its scores
runs/NAME/finished              the last step, once the run came to its end
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic

# What may change between two attempts of one run without making it another experiment.
_FREE = ("ray_kwargs", "trainer.logger", "trainer.default_local_dir", "trainer.validation_data_dir",
         "trainer.rollout_data_dir", "trainer.total_training_steps", "trainer.test_freq", "trainer.save_freq",
         "trainer.max_actor_ckpt_to_keep", "trainer.max_critic_ckpt_to_keep", "trainer.resume_mode",
         "trainer.val_before_train", "r1_verl.about", "r1_verl.data", "r1_verl.pays",
         "actor_rollout_ref.model.override_config.attn_implementation",
         "critic.model.override_config.attn_implementation",
         "actor_rollout_ref.rollout.gpu_memory_utilization")  # fmt: skip
# What recipes have come to set, and what a run begun before that has there (None: nothing): such a run still goes on.
_BEFORE: dict[str, tuple[Any, ...]] = {
    "actor_rollout_ref.model.override_config": ({},),
    "critic.model.override_config": ({},),
    "actor_rollout_ref.rollout.max_model_len": (None,),
    "actor_rollout_ref.ref.fsdp_config.model_dtype": ("fp32",),
    "critic.ppo_infer_max_token_len_per_gpu": (None,),
}
_KWARGS = "reward.custom_reward_function.reward_kwargs"
_NAME, _SCALE = f"{_KWARGS}.reward", f"{_KWARGS}.scale"
_MOVED = {"data/gsm8k_bias/": "data/gsm8k/"}  # the same prompts and answers


# Names of metrics in the curve: veRL's own, and the prefix of those that verl_side/sampler.py adds.
MEAN_REWARD, MEAN_LENGTH, STEP_SECONDS = "critic/score/mean", "response_length/mean", "timing_s/step"
TRAIN_REWARD = "train-reward"


class RunError(RuntimeError):
    """A run can't start or did not end well. what: the reason; fix: what to do about it, "" if `what` says it too."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what, self.fix = what, fix

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}" if self.fix else self.what


class Step(NamedTuple):
    """One line of the curve: the trainer's step (0 is the validation before training) and its metrics."""

    step: int
    data: Mapping[str, float]


class Run(NamedTuple):
    """A run's folder, made by `open_run`."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def validation(self) -> Path:
        return self.folder / "validation"

    def attempts(self) -> list[Path]:
        """Curve files, oldest first."""
        return sorted(self.folder.glob("curve/attempt-*.jsonl"), key=lambda path: int(path.stem.split("-")[1]))

    def next_attempt(self) -> tuple[Path, Path]:
        """(curve file, log file) of a new attempt; their folders exist."""
        number = 1 + max((int(p.stem.split("-")[1]) for p in self.folder.glob("log/attempt-*.log")), default=0)
        for name in ("curve", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        return self.folder / f"curve/attempt-{number}.jsonl", self.folder / f"log/attempt-{number}.log"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the run for this process, until its end at the latest. Raises RunError if another process holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
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

    def last_checkpoint(self) -> int:
        """The step of the last checkpoint, which the next attempt resumes from; 0 for none."""
        tracker = self.checkpoints / "latest_checkpointed_iteration.txt"
        try:
            return int(tracker.read_text().strip())
        except (OSError, ValueError):
            return 0


def run_folder(recipe: str) -> Path:
    """The folder of a recipe's run (RECIPE: a name or a .yaml file): $RUNS/$RUN, by default ./runs/RECIPE."""
    return Path(os.environ.get("RUNS") or "runs").resolve() / (os.environ.get("RUN") or Path(recipe).stem)


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


def run_overrides(folder: Path) -> list[str]:
    """Hydra overrides that make veRL write into a run's folder.

    The paths are absolute, because the working directory of a Ray job is a temporary one.
    """
    overrides = [
        f"trainer.default_local_dir={folder}/checkpoints",
        f"trainer.validation_data_dir={folder}/validation",
        f"trainer.experiment_name={folder.name}",
    ]
    if os.environ.get("WANDB") == "1":
        overrides.append("trainer.logger=[console,file,wandb]")
    return overrides


def open_run(folder: Path, config: Mapping[str, Any]) -> Run:
    """The run in `folder`, made if new. Raises RunError if it was trained with another configuration."""
    import yaml

    run, saved = Run(folder), folder / "config.yaml"
    if saved.exists() and (run.last_checkpoint() or read_curve(run)):  # else there is nothing to lose
        differ = differences(folder, config)
        if differ:
            raise RunError(
                f"run {folder.name!r} exists with another configuration ({differ}). Choose: RUN=another-name "
                f"for a new run, the old settings to resume it, or rm -r {folder} to start over."
            )
        return run
    with atomic.file(saved) as part:
        part.write_text(yaml.safe_dump(_identity(config), sort_keys=True))
    return run


def differences(folder: Path, config: Mapping[str, Any]) -> str:
    """The settings in which a configuration differs from a run's recorded one, for people; "" if none that matters.

    Raises RunError if the folder has no recorded configuration.
    """
    import yaml

    try:
        theirs = _as_keywords(_without_free(yaml.safe_load((folder / "config.yaml").read_text())))
    except OSError as error:
        raise RunError(f"{folder} is no run's folder: it has no config.yaml") from error
    mine = _as_keywords(_identity(config))
    if _NAME not in theirs:  # then the data sources named the reward, and a recipe's reward is still the same one
        mine.pop(_NAME, None)
    differ = sorted(
        key
        for key in mine.keys() | theirs.keys()
        if mine.get(key) != theirs.get(key) and theirs.get(key) not in _BEFORE.get(key, ())
    )
    shown = "; ".join(f"{key}: {theirs.get(key)!r} there, {mine.get(key)!r} here" for key in differ[:4])
    return shown + (f" and {len(differ) - 4} more" if len(differ) > 4 else "")


def _identity(config: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = value

    walk("", config)
    return _without_free(flat)


def _as_keywords(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with its reward as keywords (name, scale, options), in whichever form it says them.

    A recipe's `r1_verl.pays` is reward_kwargs.reward here; an earlier version said reward_kwargs.ladder for the scale.
    """
    found = {key: value for key, value in flat.items() if not f"{key}.".startswith(f"{_NAME}.")}
    for key, value in flat.items():
        if key in (_NAME, f"{_NAME}.name"):
            found[_NAME] = value
        elif key == f"{_NAME}.scale" and found.get(_SCALE) is None:
            found[_SCALE] = value
        elif key.startswith(f"{_NAME}.options."):
            found.setdefault(key.replace(".reward.options.", "."), value)
    if (old := found.pop(f"{_KWARGS}.ladder", None)) is not None:
        found[_SCALE] = old
    for key in ("data.train_files", "data.val_files"):
        for before, now in _MOVED.items():
            if str(found.get(key)).startswith(before):
                found[key] = now + str(found[key]).removeprefix(before)
    return found


def _without_free(flat: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in flat.items() if not any(k == free or k.startswith(free + ".") for free in _FREE)}


def read_curve(run: Run) -> list[Step]:
    """The run's curve: each step once, from the last attempt that reached it. Half-written lines are left out.

    An attempt that resumes after step s drops what earlier attempts logged beyond s: their work beyond s was lost.
    """
    steps: dict[int, dict[str, float]] = {}
    for path in run.attempts():
        new = read_attempt(path)
        if not new:
            continue
        first = min(step.step for step in new)
        steps = {number: data for number, data in steps.items() if number <= first}
        for step in new:
            validation_only = all(key.startswith("val") for key in step.data)
            steps[step.step] = {**steps.get(step.step, {}), **step.data} if validation_only else dict(step.data)
    return [Step(number, steps[number]) for number in sorted(steps)]


def read_attempt(path: Path) -> list[Step]:
    """The lines of one file of veRL's file logger, in order."""
    found = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            record = json.loads(line)
            found.append(Step(int(record["step"]), record["data"]))
        except (ValueError, KeyError, TypeError):
            continue  # the line that a kill cut off
    return found
