"""What recipes set, as a file to read. `python tests/published_numbers.py` writes tests/fixtures/recipes.yaml anew.

A recipe's settings are those that differ from the ones that all recipes share: veRL's defaults, `_base.yaml` and
`_gpu.yaml`, for a recipe of the CPU `machine/cpu.yaml` as well. Interpolations stand as they are written. Left out are
a run's name, what makes the data and what is told about a recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import recipe_names
import yaml
from omegaconf import OmegaConf

from r1_verl import recipes

FILE = Path(__file__).parent / "fixtures" / "recipes.yaml"
_LEFT_OUT = ("r1_verl.about.", "r1_verl.data.", "trainer.experiment_name.")
_HEAD = "# Each recipe's settings beyond veRL's defaults and ours, written by tests/published_numbers.py.\n"


def settings(recipe: str, compose: Callable[[str], Any] = recipes.compose) -> dict[str, Any]:
    """{key: value} of what a recipe sets; "(none)" for a shared key that it lacks. compose: makes its configuration."""
    mine, shared = _flat(compose(recipe)), _shared(recipe in recipe_names.CPU)
    found = {key: mine.get(key, "(none)") for key in mine.keys() | shared.keys() if mine.get(key) != shared.get(key)}
    return {key: found[key] for key in sorted(found) if not f"{key}.".startswith(_LEFT_OUT)}


@cache
def _shared(cpu: bool) -> dict[str, Any]:
    return _flat(recipes.compose(str(recipes.FOLDER / "_gpu.yaml"), ["+machine=cpu"] if cpu else []))


def _flat(config: Any) -> dict[str, Any]:
    return dict(_walk("", OmegaConf.to_container(config, resolve=False)))


def _walk(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _walk(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, value


def main() -> None:
    blocks = (yaml.safe_dump({name: settings(name)}, sort_keys=False, width=120) for name in recipes.names())
    FILE.write_text(_HEAD + "\n" + "\n".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
