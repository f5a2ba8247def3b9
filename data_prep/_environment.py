"""Imported first by the scripts here. Where this Python lacks their packages, one line says what to do instead."""

import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

try:
    import pyarrow  # noqa: F401

    import r1_verl  # noqa: F401
except ModuleNotFoundError as error:
    python, setup = ROOT / ".venv/bin/python", shlex.join(["bash", f"{ROOT}/run_scripts/setup.sh"])
    first = "" if python.exists() else f"{setup}, then "
    sys.exit(f"error: this Python has no package {error.name}: {first}{shlex.join([str(python), *sys.argv])}")
