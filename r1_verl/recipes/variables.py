"""The variables of the environment that say what a run takes: README.md of run_scripts/ lists them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from r1_verl.recipes import RecipeError

_PART = re.compile(r"""(?<=[=\[{,:\s])(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<comment>\s#.*)|.""")


def flag(name: str) -> bool:
    """Whether a variable is 1. Raises RecipeError if it is anything but 1, 0 or nothing."""
    text = os.environ.get(name, "")
    if text not in ("", "0", "1"):
        raise RecipeError(f"{name}={text}: write {name}=1, or leave it out")
    return text == "1"


def number(name: str) -> str | None:
    """A variable that counts, if it is set. Raises RecipeError if it is no whole number from 1 up."""
    text = os.environ.get(name) or None
    if text and not re.fullmatch(r"[1-9][0-9]{0,6}", text):
        raise RecipeError(f"{name}={text}: a whole number from 1 up is needed")
    return text


def settings() -> Iterator[tuple[str, str]]:
    """The overrides in the file that SETTINGS names, each with its place for people. Raises RecipeError."""
    name = os.environ.get("SETTINGS")
    if not name:
        return
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"cannot be read ({error.strerror}): name a file with one override a line, # for comments"
        raise RecipeError(f"SETTINGS={name} {what}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"SETTINGS={name} is no text in UTF-8: it holds one override a line") from error
    for at, line in enumerate(text.splitlines(), start=1):
        if override := _without_comment(line):
            yield override, f"{name}, line {at}: "


def _without_comment(line: str) -> str:
    kept = ""
    for part in _PART.finditer(f" {line}"):  # the blank: a comment may begin a line
        if part["comment"]:
            break
        kept += part[0]
    return kept.strip()
