"""What people write after a recipe's name, as the overrides that Hydra gets."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from r1_verl.recipes import FOLDER, RecipeError, locate, names

_KWARGS = "reward.custom_reward_function.reward_kwargs"
# What Hydra reads as a string, and as the same one, without quotes.
_PLAIN = re.compile(r"(?!(?:null|true|false|inf|nan)$)[a-z_/][\w./-]*", re.ASCII | re.IGNORECASE)


def override(key: str, value: str | os.PathLike[str] | int | float | Sequence[str] | None) -> str:
    """KEY=VALUE as Hydra reads back exactly this value: a string or path stays one, whatever characters it has.

    key: with Hydra's prefix (+, ++) if it needs one.
    """
    return f"{key}={_written(value)}"


def _written(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        return text if _PLAIN.fullmatch(text) else _quoted(text)
    if isinstance(value, Sequence):
        return f"[{','.join(map(_written, value))}]"
    return "null" if value is None else str(value)


def _quoted(text: str) -> str:
    """In Hydra's quotes: backslashes count only before a quote (Hydra) and before ${, an interpolation (OmegaConf)."""
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)\Z", r"\1\1", text) + "'"


def settle(recipe: str, given: Iterable[str]) -> list[str]:
    """The overrides for Hydra: old names translated, and +machine=cpu added where the variable CPU is 1.

    Raises RecipeError for a word that is no override.
    """
    found = [_renamed(override) for override in given if _is_override(override)]
    has_machine = any(override.lstrip("+").startswith("machine=") for override in found)
    if os.environ.get("CPU") == "1" and not has_machine and "machine" not in _groups(*locate(recipe)):
        found.insert(0, "+machine=cpu")
    return found


def _is_override(word: str) -> bool:
    """True. Raises RecipeError, which says what to write instead."""
    if "=" in word or word.startswith("~"):  # Hydra's ~KEY deletes
        return True
    near = difflib.get_close_matches(word, [end for name in names() for end in (name, name.partition("_")[2])], n=1)
    recipe = next((name for name in names() if near and name.endswith(near[0])), "")
    hint = f"; the recipe {recipe} is a script of its own: run_scripts/{recipe}.sh" if recipe else ""
    raise RecipeError(f"{word!r} is no override: write KEY=VALUE, as trainer.total_epochs=2{hint}")


def _renamed(override: str) -> str:
    key, _, value = override.partition("=")
    if key.lstrip("+~") != f"{_KWARGS}.ladder":
        return override
    print(f"r1_verl: write {_KWARGS}.scale={value}: a ladder is called a scale now", file=sys.stderr)
    return f"++{_KWARGS}.scale={value}"


def _groups(folder: Path, name: str) -> set[str]:
    """The config groups (machine, stop, prompt) that a recipe, or one that it builds on, sets among its defaults."""
    return {key.removeprefix("override ") for entry in _defaults(folder, name) for key in entry}


def _defaults(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    import yaml

    file = next((path for at in (folder, FOLDER) if (path := at / f"{name}.yaml").is_file()), None)
    if file is None:
        return  # veRL's own
    for entry in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("defaults") or []:
        if isinstance(entry, dict):
            yield entry
        elif entry != "_self_" and entry != name:
            yield from _defaults(folder, entry)
