"""Make a recipe's data files by the commands that stand in its YAML.

    r1_verl:
      data:
        data/gsm8k: gsm8k.py --style marked [--source $SOURCE] [--test-source $TEST_SOURCE]

The key is what a command makes: a folder, or one .parquet file. The command is a script of data_prep/ (or a file below
the working directory) with its arguments, without --out. A part in square brackets is used only where every variable in
it is set. Of several entries only those are made that hold a training or validation file of the recipe, or a file that
such a command reads.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic, recipes
from r1_verl.recipes.arguments import add_recipe
from r1_verl.recipes.overrides import settle
from r1_verl.runs import RunError

SCRIPTS = Path(__file__).parents[2] / "data_prep"  # of the checkout that this package is in
_PART = re.compile(r"(?<!\S)\[([^\[\]]*\$\w[^\[\]]*)\](?!\S)")  # optional; a path may have brackets of its own
_VARIABLE = re.compile(r"\$(\w+)")


class Step(NamedTuple):
    """One command. what: the folder or .parquet file that it makes; words: the script's name and its arguments."""

    what: str
    words: tuple[str, ...]

    @property
    def script(self) -> Path:
        """The file of the script, relative to the working directory where that is shorter. Raises RunError."""
        name = self.words[0]
        if (SCRIPTS / name).is_file():
            path = SCRIPTS / name
            return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        if Path(name).is_file():
            return Path(name)
        if not SCRIPTS.is_dir():
            raise RunError(
                f"{self.what} is not there, and data_prep/{name}, which makes it, is in the repository and not in the "
                "installed package: run in a checkout, or name files of your own with data.train_files and val_files"
            )
        raise RunError(f"r1_verl.data: {self.what}: no script {name} in {SCRIPTS}, and no such file here")

    def __str__(self) -> str:
        return shlex.join(["python", str(self.script), *self.words[1:], "--out", self.what])


def missing(config: Any) -> list[Step]:
    """The steps that make what a recipe's files need and what is not there, in the recipe's order. Raises RunError."""
    commands = _commands(config)
    wanted, found = set(_files(config)), []
    for what in reversed(commands):
        if any(_holder(commands, file) == what for file in wanted):
            step = _step(what, commands[what])
            wanted |= set(step.words[1:])  # a file that this command reads may be another entry's
            if not _is_there(what):
                found.append(step)
    return found[::-1]


def make(config: Any) -> None:
    """Run the commands of `missing`, their output on the terminal. A folder gets its name when it is complete.

    Raises RunError.
    """
    for step in missing(config):
        print(f"Making {step.what}: {step}", flush=True)
        if step.what.endswith(".parquet"):  # the script itself writes it atomically
            _run(step, step.what)
            continue
        with atomic.folder(Path(step.what).expanduser().resolve()) as part:  # the folder that a link leads to
            _run(step, str(part))


def step_of(config: Any, file: str) -> Step | None:
    """The step that makes one of a recipe's files; None if no entry does, or if its command can't be read."""
    commands = _commands(config)
    what = _holder(commands, file)
    try:
        return _step(what, commands[what]) if what else None
    except RunError:
        return None


def command(config: Any, file: str) -> str:
    """The shell command that makes one of a recipe's files; "" if no entry does."""
    step = step_of(config, file)
    try:
        return str(step or "")
    except RunError:
        return ""


def _run(step: Step, out: str) -> None:
    done = subprocess.run([sys.executable, str(step.script), *step.words[1:], "--out", out])
    if done.returncode:
        raise RunError(f"{step.what} could not be made: {step} ended with status {done.returncode} (see above)")


def _commands(config: Any) -> Mapping[str, str]:
    return dict((config.get("r1_verl") or {}).get("data") or {})


def _files(config: Any) -> Iterator[str]:
    for key in ("train_files", "val_files"):
        files = config.data[key]
        yield from [files] if isinstance(files, str) else files or ()


def _holder(commands: Mapping[str, str], file: str) -> str | None:
    """The entry that makes a file: its own, else the nearest folder's."""
    path = _absolute(file)
    holds = [what for what in commands if (whole := _absolute(what)) == path or whole in path.parents]
    return max(holds, key=len, default=None)


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))


def _is_there(what: str) -> bool:
    path = Path(what).expanduser()
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _step(what: str, text: str) -> Step:
    """Raises RunError if the command can't be read."""
    words: list[str] = []
    try:
        for at, part in enumerate(_PART.split(text)):
            variables = _VARIABLE.findall(part)
            if at % 2 == 0 or all(os.environ.get(name) for name in variables):
                words += (_VARIABLE.sub(lambda found: os.environ.get(found[1], ""), word) for word in shlex.split(part))
        return Step(what, (words[0], *words[1:]))
    except (TypeError, ValueError, IndexError) as error:
        raise RunError(
            f"r1_verl.data: {what}: {text!r} is no command ({error}): write a script of data_prep/ and its arguments"
        ) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make a recipe's data where they are missing, as `train` does before it starts."
    parser.epilog = "example:\n  SOURCE=train.jsonl r1-verl prepare gsm8k_ppo"
    add_recipe(parser)


def run(args: argparse.Namespace) -> int:
    config = recipes.compose(args.recipe, settle(args.recipe, args.overrides))
    make(config)
    for file in _files(config):
        if not _is_there(file):
            raise RunError(f"{file} is not there, and no command in the recipe's r1_verl.data makes it")
        print(f"there: {file}")
    return 0
