"""Named recipes: Hydra YAML that holds only what differs from veRL's `ppo_trainer`."""

from __future__ import annotations

import atexit
import difflib
import importlib.util
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1_verl.recipes import parsed, refusal, resolvers, shape
from r1_verl.recipes.quoting import override

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
        path = Path(recipe).expanduser().absolute()
        if not path.is_file():
            other = path.with_suffix(".yml" if path.suffix == ".yaml" else ".yaml")
            found = sorted(each.name for each in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
            near = [other.name] * other.is_file() or [each for each in names() if each == recipe.rpartition(".")[0]]
            near = near or difflib.get_close_matches(path.name, found, n=1)
            hint = f"did you mean {near[0]}?" if near else f"`r1-verl recipes` lists ours; looked in {path.parent}"
            raise RecipeError(f"no recipe at {recipe}{' (a folder)' if path.is_dir() else ''}; {hint}")
        if not read(path).get("defaults"):
            raise RecipeError(
                f"{recipe} builds on nothing: begin it with `defaults: [tinyzero_grpo, _self_]`, as an example"
            )
        return (path.parent if path.suffix == ".yaml" else _linked(path)), path.stem
    if recipe not in names():
        near = difflib.get_close_matches(recipe, names(), n=3)
        file = next((each for end in (".yaml", ".yml") if (each := Path(f"{recipe}{end}")).is_file()), None)
        hint = f"known: {', '.join(names())}; or name a .yaml file"
        if file or near:
            hint = f"did you mean {file or ' or '.join(near)}?"
        raise RecipeError(f"unknown recipe {recipe!r}; {hint}")
    return FOLDER, recipe


@cache
def _linked(recipe: Path) -> Path:
    """A folder, until this process ends, of links to a .yml recipe and the files beside it: Hydra reads .yaml alone."""
    folder = Path(tempfile.mkdtemp(prefix="r1_verl_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in (recipe, *recipe.parent.iterdir()):
        link = folder / (f"{path.stem}.yaml" if path.suffix == ".yml" else path.name)
        if not link.is_symlink():
            link.symlink_to(path)
    return folder


def read(path: Path) -> dict[str, Any]:
    """What a recipe's file says, before Hydra composes it. Raises RecipeError if it is not YAML of a recipe's form."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is no text in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or str(error).splitlines()[0]
        if "\\t" in why:
            why = "a tab: YAML indents with blanks"
        raise RecipeError(f"{path}{place} is no YAML: {why}") from error
    if not isinstance(found or {}, dict) or not isinstance((found or {}).get("defaults") or [], list):
        raise RecipeError(f"{path} is no recipe: KEY: VALUE lines, and a list of `defaults`, are needed")
    return found or {}


def compose(recipe: str, overrides: list[str] | tuple[str, ...] = ()) -> DictConfig:
    """The full configuration of a recipe, as `verl.trainer.main_ppo --config-name RECIPE OVERRIDES` sees it.

    Does not import verl (seconds saved), only finds its YAML. Raises RecipeError.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    folder, name = locate(recipe)
    spec = importlib.util.find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError("verl is not installed in this environment: run a script of run_scripts/, which sets one up")
    verl_config = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    resolvers.register()
    search = override("hydra.searchpath", [f"file://{FOLDER}", f"{parsed.scheme()}://{verl_config}"])
    try:
        with initialize_config_dir(config_dir=str(folder), version_base=None):
            config = hydra_compose(name, [search, *overrides])
    except RecursionError as error:
        raise RecipeError(f"{recipe}: a recipe among its `defaults` builds on one that builds on it") from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        known = lambda: refusal.keys(OmegaConf.to_container(compose(recipe))) if overrides else ()  # noqa: E731
        raise RecipeError(f"{recipe}: {refusal.line(error, overrides, known, names())}") from error
    if "actor_rollout_ref" not in config or "trainer" not in config:
        raise RecipeError(f"{recipe} lacks veRL's settings: one of our recipes has to stand among its `defaults`")
    if wrong := next(shape.faults(OmegaConf.to_container(config)), None):
        raise RecipeError(f"{recipe}: {wrong}")
    return config
