"""The house rules that imports can break: a light core, one direction of data flow, no evaluation of text."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "r1_verl"
HEAVY = {"torch", "verl", "ray", "hydra", "vllm", "omegaconf", "transformers", "trl", "datasets", "sympy", "pandas"}
# Where veRL is met, and what starts it; all else is the core.
OUTSIDE = ("r1_verl.verl_side", "r1_verl.recipes", "r1_verl.doctor")

# A module imports from rooms of its own rank or lower only.
RANKS = {
    "r1_verl.score": 0,
    "r1_verl.ground_truth": 1, "r1_verl.ladders": 1, "r1_verl.response": 1,
    "r1_verl.maths": 2,
    "r1_verl.scorers": 3,
    "r1_verl.reward": 4,
    "r1_verl": 5,  # the package itself gathers the public names
    "r1_verl.verl_side": 9, "r1_verl.recipes": 9, "r1_verl.doctor": 9, "r1_verl.launch": 9, "r1_verl.tiny_model": 9,
    "r1_verl.cli": 9, "r1_verl.__main__": 9,
}  # fmt: skip
REST = 6  # data preparation, reports, tools: they may use the core, and nothing in the core uses them


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "hydra_plugins" not in parts:  # a namespace of Hydra's, no part of the package
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _under(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def core() -> list[str]:
    return [name for name in modules() if not any(_under(name, room) for room in OUTSIDE)]


def rank(module: str) -> int:
    rooms = [room for room in RANKS if room != "r1_verl" and _under(module, room)]
    return RANKS[max(rooms, key=len)] if rooms else RANKS["r1_verl"] if module == "r1_verl" else REST


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: import by full names"
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: not the bodies of functions, not what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        yield child
        yield from run_at_import(child)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


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


def _names_modules_only(node: ast.AST, known: dict[str, Path]) -> bool:
    return isinstance(node, ast.ImportFrom) and all(f"r1_verl.{alias.name}" in known for alias in node.names)


@pytest.mark.parametrize("module", modules())
def test_imports_go_one_way(module: str) -> None:
    known = modules()
    backwards = set()
    for node in ast.walk(tree(known[module])):  # inside functions too
        for name in imported(node):
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name == "r1_verl" and _names_modules_only(node, known):
                continue  # `from r1_verl import score`: the module is looked at by its own name
            if name and rank(name) > rank(module):
                backwards.add(f"line {node.lineno}: {name}")
    assert backwards == set(), f"{module} (rank {rank(module)}) imports from a later room"


@pytest.mark.parametrize("module", [name for name in modules() if rank(name) < 9])
def test_nothing_but_verls_room_imports_verls_room(module: str) -> None:
    names = {name for node in ast.walk(tree(modules()[module])) for name in imported(node)}
    assert not any(_under(name, "r1_verl.verl_side") for name in names)


@pytest.mark.parametrize("module", [name for name in modules() if rank(name) <= RANKS["r1_verl.reward"]])
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
