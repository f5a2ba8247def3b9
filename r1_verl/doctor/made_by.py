"""A check that a recipe's data folder holds the set, in the prompt style, that the recipe's own command makes.

Two scripts may write to one folder, and one script makes a set in many styles. Every file that data_prep/ makes carries
its script and arguments; sizes, sources, seeds and the like do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data import make
from r1_verl.data.math.sets import SETS
from r1_verl.data.script import ONCE
from r1_verl.data.write import read_provenance
from r1_verl.doctor.data_file import data_files
from r1_verl.doctor.problem import Check, Problem

_NAMES = {"math_lighteval": "math"}  # scripts whose set is called otherwise
_OF_FILES = ("greedy", "mix", "overlap")  # they make files of files: their rows may be any set's


class Made(NamedTuple):
    """What makes a file. name: the set's; style: the prompt style, "" where it is not known."""

    name: str
    style: str

    def __str__(self) -> str:
        return f"the set {self.name!r}" + (f" in the style {self.style!r}" if self.style else "")


def check_set(config: Any) -> Iterator[Problem]:
    """Files where the recipe's command would put its own, and made of another set or in another style."""
    told: set[Path] = set()
    for key in ("train_files", "val_files"):
        for file in data_files(config, key):
            step, path = make.step_of(config, file), Path(file).expanduser()
            if step is None or not path.is_file() or path.suffix != ".parquet" or path.parent in told:
                continue
            here, wanted = _recorded(path), _wanted(step)
            if here is None or wanted is None or not _differ(here, wanted):
                continue
            told.add(path.parent)
            mark = here.name if here.name != wanted.name else here.style
            other = f"{step.what.rstrip('/').removesuffix('.parquet')}_{mark}"
            yield Problem(
                f"data.{key}: {file} holds {here}, and this recipe trains on {wanted}",
                f"mv {step.what} {other}, and the recipe's own is made ({step}); to train on what is there now, name "
                f"the files of {other} in data.train_files and data.val_files",
            )


def _differ(here: Made, wanted: Made) -> bool:
    return here.name != wanted.name or bool(here.style and wanted.style and here.style != wanted.style)


def _recorded(path: Path) -> Made | None:
    """What a file says of its making; None if it says nothing, or was made of other files."""
    try:
        record = read_provenance(path)
    except (OSError, ValueError):
        return None  # check_data reports it
    script, arguments = record.get("script"), record.get("arguments")
    if not isinstance(script, str) or script in _OF_FILES:
        return None
    style = arguments.get("style") if isinstance(arguments, dict) else None
    return Made(script, ONCE.get(str(style), str(style or "")))


def _wanted(step: make.Step) -> Made | None:
    """What a recipe's command makes; None for a script of files, or of one's own."""
    script = Path(step.words[0]).stem
    name = _NAMES.get(script, script)
    if name in _OF_FILES or not (make.SCRIPTS / step.words[0]).is_file():
        return None
    words = [part for word in step.words[1:] for part in word.split("=", 1)]
    given = words[words.index("--style") + 1] if "--style" in words[:-1] else ""
    return Made(name, given or (SETS[name].style if name in SETS else ""))


CHECKS: tuple[Check, ...] = (check_set,)
