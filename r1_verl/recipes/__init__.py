"""Named recipes: Hydra YAML that holds only what differs from veRL's `ppo_trainer`."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from r1_verl.recipes import resolvers

if TYPE_CHECKING:
    from omegaconf import DictConfig

FOLDER = Path(__file__).parent


class RecipeError(ValueError):
    """A recipe, or an override of it, that does not compose. The message is for people."""


def names() -> list[str]:
    """Every recipe that ships with the package."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.yaml"))


def locate(recipe: str) -> tuple[Path, str]:
    """The folder and the config name of a recipe: one of ours by name, or anyone's by its file, `my/recipe.yaml`.

    Raises RecipeError.
    """
    if recipe.endswith((".yaml", ".yml")):
        path = Path(recipe).expanduser().resolve()
        if not path.is_file():
            raise RecipeError(f"no recipe at {recipe}")
        return path.parent, path.stem
    if recipe not in names():
        near = difflib.get_close_matches(recipe, names(), n=3)
        raise RecipeError(
            f"unknown recipe {recipe!r}; "
            + (f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names())}; or name a .yaml file")
        )
    return FOLDER, recipe


def compose(recipe: str, overrides: list[str] | tuple[str, ...] = ()) -> DictConfig:
    """The full configuration of a recipe, as `verl.trainer.main_ppo --config-name RECIPE OVERRIDES` sees it.

    Does not import verl (seconds saved), only finds its YAML. Raises RecipeError.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    folder, name = locate(recipe)
    spec = importlib.util.find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError("verl is not installed in this environment: run a script of run_scripts/, which sets one up")
    verl_config = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    resolvers.register()
    try:
        with initialize_config_dir(config_dir=str(folder), version_base=None):
            return hydra_compose(name, [f"hydra.searchpath=[file://{FOLDER},file://{verl_config}]", *overrides])
    except HydraException as error:
        raise RecipeError(f"{recipe}: {' '.join(str(error).split())}") from error
