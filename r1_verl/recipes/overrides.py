"""What people write after a recipe's name, as the overrides that Hydra gets."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from r1_verl.recipes import FOLDER, RecipeError, locate, names, read, variables
from r1_verl.recipes.quoting import override

_KWARGS = "reward.custom_reward_function.reward_kwargs"
_PAYS = "r1_verl.pays"


def settle(recipe: str, given: Iterable[str]) -> list[str]:
    """The overrides for Hydra: those that the variables CPU, MODEL, GPUS, NNODES and SETTINGS say, then the given ones.

    Old names are translated; a value that Hydra could not read is quoted. Raises RecipeError for what is no override.
    """
    typed = [*variables.settings(), *((word, "") for word in given)]
    found = [each for word, where in typed for each in _whole(_readable(_renamed(_checked(recipe, word, where))))]
    has_machine = any(word.lstrip("+").startswith("machine=") for word in found)
    if variables.flag("CPU") and not has_machine and "machine" not in _groups(*locate(recipe)):
        found.insert(0, "+machine=cpu")
    counts = (("trainer.n_gpus_per_node", "GPUS"), ("trainer.nnodes", "NNODES"))
    said = [f"{key}={number}" for key, name in counts if (number := variables.number(name))]
    if model := os.environ.get("MODEL"):
        said.insert(0, override("actor_rollout_ref.model.path", model))
    return [*said, *found]


def _checked(recipe: str, word: str, where: str) -> str:
    """The word, without blanks around its first =. Raises RecipeError, which says what to write instead."""
    word = re.sub(r"^\s*([^\s=]+)\s*=\s*(?=\S|$)", r"\1=", word)
    if re.match(r"[^\s=-][^\s=]*=", word) or word.startswith("~"):  # Hydra's ~KEY deletes
        return word
    family, known = recipe.partition("_")[0], names()
    by_end = {name.partition("_")[2]: name for name in sorted(known, key=lambda name: name.startswith(family))}
    by_end = {end: name for end, name in by_end.items() if end} | {name: name for name in known}
    near = by_end.get(next(iter(difflib.get_close_matches(word, by_end, n=1)), ""))
    hint = f"; the recipe {near} is a script of its own: run_scripts/{near}.sh" if near else ""
    raise RecipeError(f"{where}{word!r} is no override: write KEY=VALUE, as trainer.total_epochs=2{hint}")


def _readable(word: str) -> str:
    """The override, its value quoted if it is a name or path that Hydra's grammar does not take."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        key, _, value = word.partition("=")
        return override(key, value) if re.match(r"[\w./~]", value) else word
    return word


def _whole(word: str) -> list[str]:
    """A reward that is named anew has no scale or option of the recipe's: Hydra would merge the two mappings."""
    return [f"{_PAYS}=null", word] if re.match(rf"(\+\+)?{re.escape(_PAYS)}=\{{.*\bname\s*:", word) else [word]


def _renamed(word: str) -> str:
    key, _, value = word.partition("=")
    if key.lstrip("+~") != f"{_KWARGS}.ladder":
        return word
    print(f"r1_verl: write {_KWARGS}.scale={value}: a ladder is called a scale now", file=sys.stderr)
    return f"++{_KWARGS}.scale={value}"


def _groups(folder: Path, name: str) -> set[str]:
    """The config groups (machine, stop, prompt) that a recipe, or one that it builds on, sets among its defaults."""
    return {key.removeprefix("override ") for entry in _defaults(folder, name, set()) for key in entry}


def _defaults(folder: Path, name: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    file = next((path for at in (folder, FOLDER) if (path := at / f"{name}.yaml").is_file()), None)
    if file is None or name in seen:
        return  # veRL's own
    for entry in read(file).get("defaults") or []:
        if isinstance(entry, dict):
            yield entry
        elif isinstance(entry, str) and entry != "_self_":
            yield from _defaults(folder, entry, seen | {name})
