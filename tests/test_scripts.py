"""The shell scripts: clean, and DRY_RUN=1 prints the configuration without starting anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "run_scripts").glob("*.sh"))
RUNNERS = [path for path in SCRIPTS if os.access(path, os.X_OK) and path.name != "test.sh"]


def test_shellcheck():
    found = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), *map(str, SCRIPTS), ".ci/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout


@pytest.fixture
def environment(tmp_path):
    """The scripts' own set-up counts as done: the environment of these tests."""
    return {**os.environ, "DRY_RUN": "1", "RUNS": str(tmp_path / "runs"), "VENV": sys.prefix}


@pytest.mark.parametrize("script", RUNNERS, ids=lambda path: path.stem)
def test_dry_run(script, environment, tmp_path):
    if not (Path(sys.prefix) / ".r1_verl").exists():
        pytest.skip("not in an environment that the scripts made (bash run_scripts/test.sh does)")
    done = subprocess.run(
        ["bash", str(script), "data.train_batch_size=12345"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "train_batch_size: 12345" in done.stdout and "# veRL's command:" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_no_python_is_one_clear_line(environment, tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("python3.12", "python3.11", "python3", "python"):
        (fake / name).write_text("#!/bin/sh\nexit 1\n")
        (fake / name).chmod(0o755)
    environment |= {"PATH": f"{fake}:/usr/bin:/bin", "VENV": str(tmp_path / "venv"), "PYTHON": ""}
    done = subprocess.run(
        ["bash", str(ROOT / "run_scripts/quickstart.sh")], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "no Python 3.11 or 3.12 found" in done.stderr
