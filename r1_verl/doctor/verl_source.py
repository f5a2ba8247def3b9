"""What the installed veRL registers, read from its source with `ast`: importing veRL takes seconds.

Where a file of veRL is not as veRL 0.9.1 has it, these functions find no names: `check_source` reports that, and the
other checks call no name unknown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.doctor.problem import Check, Problem

_CORE_ALGOS = "trainer/ppo/core_algos.py"
_CORE_MODULE = "verl.trainer.ppo.core_algos"
_AGENT_LOOPS = "experimental/agent_loop"
_REWARD_MANAGERS = "experimental/reward_loop/reward_manager"
_OURS = Path(__file__).parents[1] / "verl_side/advantages.py"


class Estimator(NamedTuple):
    """An advantage estimator's parameters, and those of them without a default."""

    takes: frozenset[str]
    needs: frozenset[str]

    @property
    def compares(self) -> bool:
        """Whether it compares the responses to one prompt: it then takes their groups."""
        return "index" in self.takes


@cache
def estimators() -> dict[str, Estimator]:
    """Advantage estimators, veRL's and ours, by name; empty if veRL registers none."""
    verls: dict[str, Estimator] = {}
    for path in files(_CORE_ALGOS):
        verls |= _estimators(path)
    return verls | _estimators(_OURS) if verls else {}


@cache
def agent_loops() -> tuple[str, ...]:
    """The names of veRL's own agent loops."""
    return _names(_AGENT_LOOPS, "verl.experimental.agent_loop.agent_loop")


@cache
def reward_managers() -> tuple[str, ...]:
    """The names of veRL's reward managers, of its reward loop."""
    return _names(_REWARD_MANAGERS, "verl.experimental.reward_loop.reward_manager")


@cache
def policy_losses() -> tuple[str, ...]:
    """The names of veRL's policy losses."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files(_CORE_ALGOS))
    return tuple(name for tree in trees for name, _ in _registered(tree, "register_policy_loss", _CORE_MODULE))


@cache
def trainer_modes() -> tuple[str, ...]:
    """The names of veRL's V1 trainers."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files("trainer/ppo/v1"))
    module = "verl.trainer.ppo.v1.trainer_base"
    return tuple(sorted(name for tree in trees for name, _ in _registered(tree, "register_trainer", module)))


@cache
def words() -> frozenset[str]:
    """Every attribute and every quoted word of veRL's source: a setting whose key is none of them is never read."""
    found: set[str] = set()
    for path in sorted(package().rglob("*.py")) if package() else ():
        text = path.read_text(encoding="utf-8", errors="replace")
        found.update(re.findall(r"\.([A-Za-z_]\w*)", text), re.findall(r"""["']([\w.-]+)["']""", text))
    return frozenset(found)


def check_source(config: Any) -> Iterator[Problem]:
    """That the lists above could be read."""
    for place, names in (
        (_CORE_ALGOS, estimators()),
        (_AGENT_LOOPS, agent_loops()),
        (_REWARD_MANAGERS, reward_managers()),
    ):
        if not names:
            yield Problem(
                f"veRL's {place} is missing or registers nothing: this is not the veRL that r1-verl was proved on",
                "rm -rf .venv and run the script again; it installs the pinned set of constraints.txt",
            )


@cache
def package() -> Path | None:
    """The folder of the installed veRL; None if it is not installed."""
    spec = find_spec("verl")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def files(place: str) -> tuple[Path, ...]:
    """A file of veRL, or the files of a folder of veRL; () if there is no such place."""
    folder = package()
    path = folder / place if folder else None
    if path is None:
        return ()
    return (path,) if path.is_file() else tuple(sorted(path.glob("*.py")))


def _estimators(path: Path) -> dict[str, Estimator]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name: _estimator(function) for name, function in _registered(tree, "register_adv_est", _CORE_MODULE)}


def _estimator(function: ast.stmt) -> Estimator:
    if not isinstance(function, ast.FunctionDef):
        return Estimator(frozenset(), frozenset())
    names = [parameter.arg for parameter in function.args.args]
    needs = names[: len(names) - len(function.args.defaults)]
    return Estimator(frozenset(names), frozenset(needs))


def _names(place: str, module: str) -> tuple[str, ...]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files(place))
    return tuple(sorted({name for tree in trees for name, _ in _registered(tree, "register", module)}))


def _registered(tree: ast.Module, function: str, module: str) -> Iterator[tuple[str, ast.stmt]]:
    """(NAME, what is decorated) for each `@FUNCTION(NAME)` of a file, FUNCTION being `module`'s: imported from there,
    under any name, or defined in this file. NAME: a string, or a member of an enumeration of this file."""
    local, members = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            local |= {alias.asname or alias.name for alias in node.names if alias.name == function}
        elif isinstance(node, ast.FunctionDef) and node.name == function:
            local.add(function)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            members |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in local:
                (name,) = decorator.args
                yield (name.value if isinstance(name, ast.Constant) else members[name.attr]), node


CHECKS: tuple[Check, ...] = (check_source,)
