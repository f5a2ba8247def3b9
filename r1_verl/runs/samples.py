"""The sample of training responses that a run keeps: RUN/samples/STEP.jsonl.gz, a JSON object a response.

verl_side/samples.py writes it and says what a row holds. `r1-verl score` and any other reader of JSON lines reads it.
"""

from __future__ import annotations

import re
from pathlib import Path


def files(folder: Path) -> list[tuple[int, Path]]:
    """(step, file) of each step that RUN/samples has, the oldest first."""
    found = ((re.fullmatch(r"(\d+)\.jsonl\.gz", path.name, re.ASCII), path) for path in folder.glob("*.jsonl.gz"))
    return sorted((int(match[1]), path) for match, path in found if match)
