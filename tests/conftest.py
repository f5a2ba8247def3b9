"""Fixtures every test file may use."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of upstream's data and recorded responses; a test that needs it is skipped where it is missing.

    R1_VERL_DATA names it, the default is `../shared/data` beside the repository.
    """
    folder = Path(os.environ.get("R1_VERL_DATA") or REPO.parent / "shared" / "data")
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"no data folder at {folder} (R1_VERL_DATA names it); the fixtures in tests/fixtures still run")
    return folder


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The small files kept with the tests."""
    return Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def composed():
    """A recipe's configuration; each is composed once a session (it takes a second), so copy before changing it."""
    from r1_verl import recipes

    return cache(recipes.compose)
