"""The best validated checkpoint of a run, kept in RUN/best whatever veRL deletes.

RUN/best/global_step_N/   the whole checkpoint: hard links to veRL's files where the disk has them, else copies
RUN/best/best.json        its step and its validation accuracy
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from r1_verl import atomic
from r1_verl.runs import checkpoints
from r1_verl.runs.curve import Step, accuracies

RECORD = "best.json"


class Best(NamedTuple):
    """A validated step, and its accuracy: the mean over the data sources of the validation."""

    step: int
    accuracy: float


def validated(curve: Sequence[Step]) -> Iterator[Best]:
    """Every validation of a curve, in order."""
    for step in curve:
        if found := accuracies(step.data):
            yield Best(step.step, fmean(found.values()))


def kept(folder: Path) -> Best | None:
    """What the folder RUN/best holds; None for nothing whole."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        found = Best(int(record["step"]), float(record["accuracy"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if checkpoints.lacks_weights(folder, found.step) else found


def keep(curve: Sequence[Step], saved: Path, folder: Path) -> Best | None:
    """Keep the best of the curve's validated steps whose checkpoint is whole in `saved`, if it beats the one kept.

    Returns it if it is new. Raises OSError if it can't be kept; what was kept before stays.
    """
    before = kept(folder)
    least = before.accuracy if before else -1.0
    for best in sorted(validated(curve), key=lambda each: -each.accuracy):
        if best.accuracy <= least:
            return None
        name = f"global_step_{best.step}"
        if not (saved / name).is_dir() or checkpoints.fault(saved, best.step):
            continue  # not saved at this step, deleted, or still being written
        with atomic.folder(folder) as part:
            part.mkdir()
            shutil.copytree(saved / name, part / name, copy_function=_link)
            if lacks := checkpoints.lacks_weights(part, best.step):
                raise FileNotFoundError(f"{name} {lacks}: veRL deleted it meanwhile")
            (part / RECORD).write_text(json.dumps(best._asdict()) + "\n", encoding="utf-8")
        return best
    return None


def begin(folder: Path, step: int, anew: bool) -> str:
    """Make ready for an attempt that goes on after `step`: veRL writes later checkpoints over what they were, so a kept
    one that shares their files gets its own. anew: the run starts over, and its first validated checkpoint is better
    than what was kept of the one before. Returns what went wrong, for people; "" for nothing.
    """
    best = kept(folder)
    if best is None or (best.step <= step and not anew):
        return ""
    try:
        for path in (folder / f"global_step_{best.step}").rglob("*"):
            if path.is_file() and path.stat().st_nlink > 1:
                with atomic.file(path) as part:
                    shutil.copy2(path, part)
        if anew:
            with atomic.file(folder / RECORD) as part:
                part.write_text(json.dumps({"step": best.step, "accuracy": -1.0}) + "\n", encoding="utf-8")
    except OSError as error:
        return (
            f"The best checkpoint kept so far (step {best.step}) could not get files of its own ({error.strerror}): "
            "veRL will write over it at that step."
        )
    return ""


def _link(source: str, target: str) -> None:
    with contextlib.suppress(OSError):  # another disk, or one without hard links
        os.link(source, target)
        return
    shutil.copy2(source, target)
