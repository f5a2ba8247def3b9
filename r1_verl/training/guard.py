"""The guard of a run: it says in the launcher what the curve tells, keeps the best checkpoint, and may end the run.

`r1-verl guard RUN|CURVE.jsonl` says the same of any finished curve. The rule itself is `runs/health.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1_verl.recipes import RecipeError, guarding
from r1_verl.recipes.guarding import Guarding
from r1_verl.recipes.settings import SettingError
from r1_verl.runs import Run, RunError, Stopped, best, find_run, health, identity, read_curve, recorded
from r1_verl.runs.curve import Step, read_log


def settings(config: Any) -> Guarding:
    """The guard's settings in a configuration. Raises RecipeError."""
    try:
        return guarding.read((config.get("r1_verl") or {}).get("guard"))
    except SettingError as error:
        raise RecipeError(str(error)) from error


class Guard:
    """Watches one attempt of a run, which goes on after the step `start`.

    If the guard ended the run before, and its user went on, an alarm up to that step does not end it again.
    """

    def __init__(self, run: Run, config: Any, start: int = 0) -> None:
        from omegaconf import OmegaConf

        self.run, self.may_stop, self.saves = run, settings(config).stop, config.trainer.save_freq > 0
        self.flat = identity.flat(OmegaConf.to_container(config, resolve=True))
        self.overruled = start if run.stopped() else -1
        self.rows: int | None = None  # of a validation
        self.said: set[str] = set()  # what went wrong

    def look(self, steps: Sequence[int]) -> tuple[dict[int, list[str]], Stopped | None]:
        """(what to say of which of these new steps, why the run is to end now).

        Keeps the best checkpoint. A run is to end at the first step from an alarm on that has saved a checkpoint.
        """
        try:
            curve = read_curve(self.run)
            self.rows = self.rows or health.validation_rows(self.run)
            found = list(health.findings(curve, self.rows, self.flat))
            told = {step: [str(each) for each in found if each.step == step] for step in steps}
            told[steps[-1]] += self._keep(curve)
            alarm = next((each for each in found if each.alarm and each.step > self.overruled), None)
            if not (self.may_stop and alarm) or (self.saves and self.run.last_checkpoint() < alarm.step):
                return told, None
            return told, Stopped(curve[-1].step, alarm.text, alarm.remedy)
        except Exception as error:  # a training of days does not end because its guard fails
            return {steps[-1]: self._once(f"the guard failed here ({type(error).__name__}: {error!s:.200})")}, None

    def _keep(self, curve: Sequence[Step]) -> list[str]:
        try:
            best.keep(curve, self.run.checkpoints, self.run.best)
        except OSError as error:
            why = error.strerror or str(error)
            return self._once(f"the best checkpoint could not be kept in {self.run.best} ({why:.200})")
        return []

    def _once(self, line: str) -> list[str]:
        if line in self.said:
            return []
        self.said.add(line)
        return [line]


def require_word(run: Run, config: Any, name: str) -> None:
    """Raise RunError if the guard ended the run, unless `r1_verl.guard.go_on=true` says to go on; then record that. A
    run that is begun anew (`trainer.resume_mode=disable`) was never ended."""
    ended = run.stopped()
    if config.trainer.resume_mode == "disable":
        (run.folder / "stopped").unlink(missing_ok=True)
        return
    if ended is None or ended.overruled:
        return
    if settings(config).go_on:
        run.mark_stopped(ended._replace(overruled=True))
        print(f"Going on with run {name!r}, which the guard ended after step {ended.step}.", flush=True)
        return
    raise RunError(f"run {name!r} was stopped after step {ended.step} ({ended.reason})", _what_to_type(run, ended))


def say_stopped(run: Run, ended: Stopped) -> None:
    """Say that the guard has ended a run, why, and what to type."""
    print(f"Stopped after step {ended.step}: {ended.reason}.\n{_what_to_type(run, ended)}.", flush=True)


def _what_to_type(run: Run, ended: Stopped) -> str:
    name, kept = run.folder.name, best.kept(run.best)
    of = f"the best checkpoint (step {kept.step}, validation accuracy {kept.accuracy:.3f})" if kept else "the last one"
    return (
        f"`r1-verl export {name}` makes a model folder of {of}, from which the same command tries again with "
        f"RUN={name}_2 MODEL=FOLDER {ended.remedy}; with r1_verl.guard.go_on=true it goes on from the last checkpoint"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Say at which steps a curve shows symptoms of collapse (notes), and where accuracy went with them (alarms:\n"
        "exit status 1). CURVE.jsonl: a file of veRL's file logger, or JSON lines with a step of another framework."
    )
    parser.epilog = "example:\n  r1-verl guard quickstart_grpo"
    parser.add_argument("run", metavar="RUN", help="a run's folder or name below $RUNS, or a curve's file")


def run(args: argparse.Namespace) -> int:
    if (path := Path(args.run).expanduser()).is_file():
        curve = read_log(path)
        if not curve:
            raise RunError(f"no line of {path} is JSON with a step's number", "name a curve/attempt-N.jsonl, or a run")
        found = list(health.findings(curve))
    else:
        trained = find_run(args.run)
        curve = read_curve(trained)
        if not curve:
            raise RunError(f"run {trained.folder.name!r} has no step yet")
        found = list(health.findings(curve, health.validation_rows(trained), recorded(trained.folder)))
    for each in found:
        print(f"step {each.step}: {each}")
    alarms = sum(each.alarm for each in found)
    print(f"{len(curve)} steps: {alarms} alarms, {len(found) - alarms} notes")
    if lacks := health.missing(curve):
        print(lacks)
    return 1 if alarms else 0
