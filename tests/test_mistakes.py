"""What users type by mistake, from the tables in mistakes/: what is said, and what may not happen."""

from __future__ import annotations

import importlib
import pkgutil

import mistakes
import pytest
from scripts import prefix

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
