"""The house rules that imports can break: a light core, one direction of data flow, no evaluation of text."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import PACKAGE, core, imported, modules, room, run_at_import, targets, tree

HEAVY = {"torch", "verl", "ray", "hydra", "vllm", "omegaconf", "transformers", "trl", "datasets", "sympy", "pandas"}

# The order of the rooms: a file imports from files of its own room and from rooms of a lower rank only.
RANKS = {
    "score": 0, "response": 0, "atomic": 0, "names": 0,
    "ground_truth": 1, "maths": 1, "recipes": 1,
    "environments": 2,
    "scorers": 3, "runs": 3,
    "reward": 4, "hub": 4,
    "cluster": 5, "__init__": 5,  # the package itself gathers the public names
    "data": 6, "verl_side": 6,
    "doctor": 7, "evaluation": 7,
    "report": 8,
    "training": 9,
    "cli": 10,
    "__main__": 11,
}  # fmt: skip


def test_the_walk_sees_the_package() -> None:
    assert {"r1_verl", "r1_verl.reward", "r1_verl.scorers.countdown", "r1_verl.data"} <= set(core())
    assert "r1_verl.verl_side.plugin" in modules() and "r1_verl.verl_side.plugin" not in core()


@pytest.mark.parametrize("module", core())
def test_the_core_imports_nothing_heavy(module: str) -> None:
    heavy = {
        f"line {node.lineno}: {name}"
        for node in run_at_import(tree(modules()[module]))
        for name in imported(node)
        if name.split(".")[0] in HEAVY
    }
    assert heavy == set(), f"{module}: import it inside the function that needs it"


def test_importing_the_whole_core_loads_nothing_heavy() -> None:
    """What the core's own imports pull in counts too. `__main__` would run; the recipes' plugin is veRL's to load."""
    names = [name for name in core() if not name.endswith("__main__")]
    program = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n    importlib.import_module(name)\n"
        "from r1_verl import scorers\nscorers.load_all()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_every_room_has_its_rank() -> None:
    """22 rooms at most, with data_prep/ and run_scripts/; `__init__` and `__main__` are doors, not rooms."""
    assert {room(name) for name in modules()} == RANKS.keys()
    assert len(RANKS.keys() - {"__init__", "__main__"}) + 2 <= 22


@pytest.mark.parametrize("module", modules())
def test_imports_go_one_way(module: str) -> None:
    mine, known = room(module), modules()
    backwards = {
        f"line {line}: {name}"
        for name, line in targets(known[module], known).items()
        if room(name) != mine and RANKS[room(name)] >= RANKS[mine]
    }
    assert backwards == set(), f"{module} (rank {RANKS[mine]}) imports from a room that is not before its own"


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "data_prep").glob("*.py")), ids=lambda path: path.name)
def test_data_prep_uses_data_and_what_is_before_it(path: Path) -> None:
    assert all(RANKS[room(name)] <= RANKS["data"] for name in targets(path, modules()))


def test_no_circle_of_files() -> None:
    known = modules()
    arrows = {name: set(targets(path, known)) - {name} for name, path in known.items()}
    left = arrows.keys()
    while ends := {name for name in left if not arrows[name] & left or not any(name in arrows[each] for each in left)}:
        left = left - ends
    assert left == set(), "these files import each other"


@pytest.mark.parametrize("module", [name for name in modules() if room(name) not in ("verl_side", "cli", "__main__")])
def test_nothing_but_verls_room_imports_verls_room(module: str) -> None:
    assert not any(room(name) == "verl_side" for name in targets(modules()[module], modules()))


@pytest.mark.parametrize("module", [name for name in modules() if RANKS[room(name)] <= RANKS["reward"]])
def test_no_scorer_evaluates_text(module: str) -> None:
    """Not eval, exec or compile, and not sympy's parsers, which eval what they parse."""
    forbidden = {"eval", "exec", "compile", "__import__", "parse_expr", "sympify", "parse_latex", "literal_eval"}
    used = set()
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Name) and node.id in forbidden:
            used.add(f"line {node.lineno}: {node.id}")
        if isinstance(node, ast.Attribute) and node.attr in forbidden - {"compile"}:  # re.compile
            used.add(f"line {node.lineno}: .{node.attr}")
        used |= {f"line {node.lineno}: {name}" for name in imported(node) if name.split(".")[-1] in forbidden}
    assert used == set()
