"""Where an attempt of a run starts: from which of its checkpoints, or from its beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic
from r1_verl.recipes.overrides import override
from r1_verl.runs import Run, RunError, checkpoints, recorded
from r1_verl.runs.identity import WORKERS


class Start(NamedTuple):
    """The step that veRL goes on from (0: the beginning), what to say of it, and the overrides that make it so."""

    step: int
    said: tuple[str, ...]
    overrides: tuple[str, ...]


def plan(run: Run, config: Any) -> Start:
    """How this attempt starts. Raises RunError if the checkpoint that it is to go on from is not there or not whole."""
    mode = config.trainer.resume_mode
    if mode == "disable":
        kept = run.last_checkpoint()
        return Start(0, (f"Not resuming after step {kept}: trainer.resume_mode=disable.",) if kept else (), ())
    if mode == "resume_path":
        if found := checkpoints.wrong(config.trainer.resume_from_path):
            raise RunError(*found)
        folder, said = Path(config.trainer.resume_from_path).absolute(), []
        step = int(folder.name.rpartition("_")[2])
    else:
        found = checkpoints.look(run.checkpoints)
        if lost := checkpoints.lost(run.checkpoints):
            raise RunError(*lost)
        folder, step = run.checkpoints / f"global_step_{found.last}", found.last
        said = [f"Torn: {what} ({run.checkpoints})." for what in found.torn]
    if not step:
        return Start(0, tuple(said), ())
    overrides = ["trainer.val_before_train=False"]
    if mode == "resume_path":  # absolute and without a slash at its end, as veRL needs it
        overrides.append(override("trainer.resume_from_path", folder))
    workers = recorded(run.folder).get(WORKERS) if folder.parent == run.checkpoints else None
    if workers is not None and workers != config.data.dataloader_num_workers:
        said.append(f"{WORKERS} stays {workers}: the checkpoint's place in the data is that of so many workers.")
        overrides.append(f"{WORKERS}={workers}")
    whole = "the last whole checkpoint, " if said and mode != "resume_path" else ""
    return Start(
        step, (*said, f"Resuming run {run.folder.name!r} after step {step} ({whole}{folder})."), tuple(overrides)
    )


def mend_tracker(run: Run, step: int) -> None:
    """Make veRL's tracker name this step, which veRL then goes on from."""
    tracker = run.checkpoints / checkpoints.TRACKER
    if checkpoints.look(run.checkpoints).tracked != step:
        with atomic.file(tracker) as part:
            part.write_text(str(step))
