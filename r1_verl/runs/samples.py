"""The sample of training responses that a run keeps: RUN/samples/STEP.jsonl.gz, a JSON object a response.

verl_side/samples.py writes it and says what a row holds. `r1-verl score` and any other reader of JSON lines reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "samples"


class Settings(NamedTuple):
    """`r1_verl.samples`. responses: kept a step, in whole groups. characters: of a text; the middle of a longer one is
    left out. megabytes: of the run's whole sample, compressed."""

    responses: int = 64
    characters: int = 20_000
    megabytes: float = 64


def settings(setting: Mapping[str, Any]) -> Settings:
    """`r1_verl.samples` as Settings. Raises ValueError, one line."""
    known = ", ".join(Settings._fields)
    if not isinstance(setting, Mapping):
        raise ValueError(f"r1_verl.samples is {setting!r}: write r1_verl.samples={{responses:64}} or null (no sample)")
    if strange := sorted(map(str, setting.keys() - set(Settings._fields))):
        raise ValueError(f"r1_verl.samples has no {', '.join(strange)}: it has {known}")
    for name, value in setting.items():
        kinds = int | float if name == "megabytes" else int
        if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
            raise ValueError(f"r1_verl.samples.{name} is {value!r}: write a number above 0, or r1_verl.samples=null")
    return Settings(**setting)


def files(folder: Path) -> list[tuple[int, Path]]:
    """(step, file) of each step that RUN/samples has, the oldest first."""
    found = ((re.fullmatch(r"(\d+)\.jsonl\.gz", path.name, re.ASCII), path) for path in folder.glob("*.jsonl.gz"))
    return sorted((int(match[1]), path) for match, path in found if match)
