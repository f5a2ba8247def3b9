"""What users type by mistake, from the tables in mistakes/: what is said, and what may not happen."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import mistakes
import pytest
from scripts import prefix
from user_cases import ENTRIES

MODULES = [module.name for module in pkgutil.iter_modules(mistakes.__path__)]
CASES = [case for name in MODULES for case in importlib.import_module(f"mistakes.{name}").CASES]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Of every case: no hub, and the environment of these tests for the scripts."""
    venv = prefix(tmp_path_factory.mktemp("scripts") / "prefix")
    return {"VENV": str(venv), "HF_HUB_OFFLINE": "1", "VERL_PLATFORM": "cpu"}


@pytest.mark.parametrize("case", CASES, ids=[case.name.replace(" ", "-") for case in CASES])
def test_a_mistake_is_said(case, tmp_path, environment, capfd):
    mistakes.check(case, tmp_path, environment, capfd)


def test_each_case_has_a_name_of_its_own():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_every_entry_of_what_users_met_is_held():
    held = {case.name for case in CASES}
    for test in {test for tests in ENTRIES.values() for test in tests} - held:
        file, _, name = test.partition("::")
        assert name and f"\ndef {name}(" in Path(__file__).with_name(file).read_text(encoding="utf-8"), test


def test_a_full_disk_is_one_line(tmp_path, environment, capfd):
    mistakes.quickstart(tmp_path / "data/quickstart")
    (tmp_path / "r/q").mkdir(parents=True)
    (tmp_path / "r/q/config.yaml.part").symlink_to("/dev/full")
    status, _, err = mistakes.typed("RUNS=r RUN=q r1-verl train quickstart_grpo", tmp_path, environment, capfd)
    assert (status, err) == (
        2,
        f"r1-verl train: nothing can be written to {tmp_path}/r/q/config.yaml (No space left on device): RUNS=a folder "
        "with room that you may write to\n",
    )
