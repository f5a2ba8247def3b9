"""A run's checkpoints: which are whole, and what is torn.

veRL writes the shards of the actor and of the critic, then data.pt (the place in the data), then the tracker, a file
with the step that the next attempt goes on from. A kill, a full disk or a copy that stops cuts any of them off.
"""

from __future__ import annotations

import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TRACKER = "latest_checkpointed_iteration.txt"
_SHARD = re.compile(r"model_world_size_(\d+)_rank_(\d+)\.pt")


class Found(NamedTuple):
    """What lies in a folder of checkpoints.

    last: the step to go on from, 0 for none: the tracker's, or the highest whole one if the tracker names no whole one.
    tracked: the tracker's step, 0 if it names none. torn: what is not whole, for people.
    """

    last: int
    tracked: int
    whole: tuple[int, ...]
    torn: tuple[str, ...]


def look(folder: Path) -> Found:
    """What a run's folder `checkpoints` holds; nothing if there is no such folder."""
    said = _tracker(folder)
    tracked = int(said) if said and re.fullmatch(r"[0-9]{1,18}", said) else 0
    steps = _steps(folder)
    faults = {step: _fault(path, tracked == step) for step, path in steps}
    whole = [step for step, fault in faults.items() if not fault]
    newest = max(whole, default=0)
    torn = [
        f"{path.name} {faults[step]}" for step, path in steps if faults[step] and not (step < newest and _old(path))
    ]
    if said is not None and tracked not in whole:
        there = f"global_step_{tracked}"
        what = "is empty" if not said else f"holds {said[:40]!r}" if not tracked else f"names step {tracked}"
        gone = f", and there is no {there}" if tracked and not (folder / there).is_dir() else ""
        torn.append(f"{TRACKER} {what}{gone}")
    return Found(tracked if tracked in whole else newest, tracked, tuple(whole), tuple(torn))


def fault(folder: Path, step: int) -> str:
    """What the checkpoint of this step lacks, as words that follow its name; "" if it is whole."""
    return _fault(folder / f"global_step_{step}", _tracker(folder) == str(step))


def lacks_weights(folder: Path, step: int) -> str:
    """What the checkpoint of this step lacks to be made a model folder of, as `fault` says it; "" for nothing."""
    return _lacks_weights(folder / f"global_step_{step}")


def lost(folder: Path) -> tuple[str, str] | None:
    """(what, fix) if the tracker says that there is a checkpoint, and none is whole: veRL would fail, or start anew."""
    found = look(folder)
    if found.last or not (folder / TRACKER).is_file():
        return None
    return (
        f"no checkpoint in {folder} is whole ({'; '.join(found.torn)})",
        "bring the checkpoint back, RUN=another-name for a new run, or begin this one again at step 0 with "
        f"rm {shlex.quote(str(folder / TRACKER))}",
    )


def wrong(path: str | None) -> tuple[str, str] | None:
    """(what, fix) if trainer.resume_from_path names no whole checkpoint."""
    folder = Path(path or "")
    if not re.fullmatch(r"global_step_[0-9]{1,18}", folder.name):
        return f"trainer.resume_from_path={path} names no checkpoint", "name its folder: .../checkpoints/global_step_N"
    if lacks := fault(folder.parent, int(folder.name.rpartition("_")[2])):
        return f"trainer.resume_from_path={path}: {folder.name} {lacks}", "name a whole checkpoint"
    return None


def _tracker(folder: Path) -> str | None:
    """What the tracker says; None if there is none."""
    try:
        return (folder / TRACKER).read_text(errors="replace").strip()
    except OSError:
        return None


def _steps(folder: Path) -> list[tuple[int, Path]]:
    named = ((re.fullmatch(r"global_step_([0-9]{1,18})", path.name), path) for path in folder.glob("global_step_*"))
    return sorted((int(found[1]), path) for found, path in named if found and path.is_dir())


def _old(folder: Path) -> bool:
    """Whether this is what veRL leaves of a checkpoint beyond max_actor_ckpt_to_keep: all but the actor."""
    return (folder / "data.pt").is_file() and not (folder / "actor").exists()


def _fault(folder: Path, tracked: bool) -> str:
    """tracked: the tracker names this step, so veRL has written all of it once."""
    if lacks := _lacks_weights(folder):
        return lacks
    if torn := next(
        filter(_cut_off, (*folder.glob("actor/*.pt"), *folder.glob("critic/*.pt"), folder / "data.pt")), None
    ):
        return f"is torn: {torn.relative_to(folder)} was cut off"
    if missing := _missing_ranks(folder / "critic"):
        return f"lacks critic shards of {missing}"
    if not tracked and any(_shards(folder / "actor")) and not (folder / "data.pt").is_file():
        return "was cut off while veRL wrote it: it has no data.pt"
    return ""


def _lacks_weights(folder: Path) -> str:
    actor = folder / "actor"
    if not folder.is_dir():
        return "is not there"
    if not actor.is_dir():
        return "has no folder actor"
    if not any(actor.iterdir()):
        return "has nothing in its folder actor"
    if torn := next(filter(_cut_off, actor.glob("model_*.pt")), None):
        return f"is torn: actor/{torn.name} was cut off"
    if missing := _missing_ranks(actor):
        return f"lacks actor shards of {missing}"
    return ""


def _cut_off(path: Path) -> bool:
    """Whether a file of torch.save (a zip archive, whose table of contents comes last) has lost its end."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2)
    return not start or (start == b"PK" and not zipfile.is_zipfile(path))


def _shards(part: Path) -> Iterator[re.Match[str]]:
    return (found for path in part.glob("model_*.pt") if (found := _SHARD.fullmatch(path.name)))


def _missing_ranks(part: Path) -> str:
    """The ranks whose shards are not in this folder; "" for none, or if other nodes of the run may have them."""
    ranks: dict[int, set[int]] = {}
    for found in _shards(part):
        ranks.setdefault(int(found[1]), set()).add(int(found[2]))
    if not ranks or any(len(have) == size for size, have in ranks.items()) or _several_nodes(part.parents[2]):
        return ""
    size, have = max(ranks.items())
    missing = sorted(set(range(size)) - have)
    return f"{len(missing)} of {size} GPUs (rank {missing[0]}{' and more' if missing[1:] else ''})"


def _several_nodes(run: Path) -> bool:
    try:
        found = re.search(r"^trainer\.nnodes: (\d+)$", (run / "config.yaml").read_text(errors="replace"), re.MULTILINE)
    except OSError:
        return False
    return bool(found) and int(found[1]) > 1
