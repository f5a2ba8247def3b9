"""The table of mistakes: what a user typed, and what the package must say. One line a case, in the files beside this.

A file of cases:

    CASES = (
        case("misspelt command", "r1-verl trian quickstart_grpo", "did you mean 'train'?"),
        case("no recipe here", "RUNS={folder}/r r1-verl train my.yml", "no recipe at my.yml", "my.yaml"),
        case("a tab", "r1-verl doctor my.yaml", "my.yaml, line 2", files={"my.yaml": "data:\n\tseed: 1\n"}),
    )

What is typed is read as a shell reads it: variables, a program, words. The program is `r1-verl`, a script of data_prep/
(`data_prep/gsm8k.py`) or one of run_scripts/ (`run_scripts/train.sh`, with DRY_RUN=1 unless the case says DRY_RUN=).
Each case has an empty working directory, {folder}, with the files that it names; files={"data/quickstart": quickstart}
are the quickstart's data.

What never may happen is checked for every case: a traceback, a file of the user's changed or removed, a file left
behind (but those below the paths of `makes`), more than two lines for one mistake.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

ROOT = Path(__file__).parents[2]
_OURS = (
    "RUN", "RUNS", "MODEL", "GPUS", "NNODES", "SETTINGS", "SOURCE", "TEST_SOURCE", "EVAL_SOURCE", "CPU", "DOUBTS", 
    "WANDB", "DRY_RUN", "FEW", "MANY", "SEED", "BASE", "ALGO", "PYTHON", "RAY_ADDRESS", "R1_VERL_SCORERS",
    "R1_VERL_ENVIRONMENTS",
)  # fmt: skip


class Case(NamedTuple):
    """One mistake. says: parts of what has to be said (a break of lines counts as a space); never: parts that must not.

    files: by their path in the folder, the text or bytes of a file, or a function that makes what is at the path.
    """

    name: str
    typed: str
    says: tuple[str, ...]
    never: tuple[str, ...]
    files: Mapping[str, str | bytes | Callable[[Path], Any]]
    status: int
    makes: tuple[str, ...]
    lines: int


def case(
    name: str,
    typed: str,
    *says: str,
    never: tuple[str, ...] = (),
    files: Mapping[str, Any] | None = None,
    status: int = 2,
    makes: tuple[str, ...] = (),
    lines: int = 2,
) -> Case:
    return Case(name, typed, says, never, files or {}, status, makes, lines)


def check(case: Case, folder: Path, environment: Mapping[str, str], capture: pytest.CaptureFixture) -> None:
    """Type it, in the empty `folder`, and assert what has to be so."""
    for path, what in case.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if callable(what):
            what(folder / path)
            capture.readouterr()
        else:
            (folder / path).write_bytes(what.encode() if isinstance(what, str) else what)
    before = dict(_contents(folder))
    status, out, err = typed(case.typed, folder, environment, capture)
    said = " ".join(f"{out}\n{err}".split())
    assert "Traceback" not in said, err[-3000:]
    assert status == case.status, f"status {status}: {said[-3000:]}"
    assert [part for part in case.says if " ".join(part.split()).replace("{folder}", str(folder)) not in said] == [], (
        said
    )
    assert [part for part in case.never if part in said] == [], said
    after = dict(_contents(folder))
    assert {path: after.get(path) for path in before} == before, "a file of the user's was changed or removed"
    left = [path for path in after.keys() - before.keys() if not path.startswith(case.makes or ("//",))]
    assert left == [], "left behind"
    if case.status == 2 and "this run would fail:" not in err and "is this run what you mean?" not in err:
        assert len(err.splitlines()) <= case.lines, err


def typed(
    text: str, folder: Path, environment: Mapping[str, str], capture: pytest.CaptureFixture
) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a command line in `folder`."""
    words = [word.replace("{folder}", str(folder)) for word in shlex.split(text)]
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    program, *arguments = words
    env = {name: value for name, value in os.environ.items() if name not in _OURS} | environment
    if program.startswith("run_scripts/"):
        done = subprocess.run(
            ["bash", str(ROOT / program), *arguments], cwd=folder, env=env | {"DRY_RUN": "1"} | variables,
            capture_output=True, text=True, errors="replace", timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr
    with mock.patch.dict(os.environ, env | variables, clear=True), contextlib.chdir(folder):
        return _in_process(program, arguments), *capture.readouterr()


def _in_process(program: str, arguments: list[str]) -> int:
    from r1_verl import cli

    if program == "r1-verl":
        return cli.main(arguments)
    with mock.patch.object(sys, "argv", [program, *arguments]):
        return _ran(ROOT / program)


def _ran(script: Path) -> int:
    try:
        with mock.patch.object(sys, "path", [str(script.parent), *sys.path]):  # as Python does for a script
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


def _contents(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
        elif path.is_symlink() or not path.is_dir():
            yield str(path.relative_to(folder)), None


def quickstart(path: Path) -> None:
    """For `files`, as {"data/quickstart": quickstart}: the quickstart's data, of fewer rows."""
    shutil.copytree(_quickstart(), path)


@cache
def _quickstart() -> Path:
    made = Path(tempfile.mkdtemp(prefix="r1_verl_mistakes_"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    puzzles = "--style tiny --sizes 3 --min 1 --max 15 --operators=+- --min-target 1 --max-target 45"
    for words in (
        f"countdown.py {puzzles} --train-size 192 --test-size 64 --seed 0 --out {made}",
        f"greedy.py {made}/test.parquet --out {made}/validation.parquet",
    ):
        script, *arguments = words.split()
        with mock.patch.object(sys, "argv", [script, *arguments]):
            assert _ran(ROOT / "data_prep" / script) == 0
    return made


def copied(source: Path) -> Callable[[Path], Any]:
    """For `files`: a copy of a file or folder."""
    return lambda path: (shutil.copytree if source.is_dir() else shutil.copyfile)(source, path)
