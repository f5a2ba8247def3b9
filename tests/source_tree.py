"""The package's source: its modules, its rooms and what they import, read as text, nothing imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "r1_verl"
# Where veRL is met, and what starts it; all else is the core.
OUTSIDE = ("r1_verl.verl_side", "r1_verl.recipes", "r1_verl.doctor", "r1_verl.training")


def modules() -> dict[str, Path]:
    """The module names of the package, each with its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "hydra_plugins" not in parts:  # a namespace of Hydra's, no part of the package
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _under(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def core() -> list[str]:
    """The modules that must import nothing heavy."""
    return [name for name in modules() if not any(_under(name, room) for room in OUTSIDE)]


def room(module: str) -> str:
    """The file or folder directly under r1_verl/ that a module is in; `__init__` for the package itself."""
    return [*module.split("."), "__init__"][1]


def imported(node: ast.AST) -> list[str]:
    """The full names that an import statement may bind; [] for any other node."""
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


def targets(path: Path, known: dict[str, Path]) -> dict[str, int]:
    """The modules of the package that a file imports, inside functions too, each with a line."""
    found = {}
    for node in ast.walk(tree(path)):
        for name in imported(node):
            if (
                isinstance(node, ast.ImportFrom)
                and name == node.module
                and all(f"{name}.{alias.name}" in known for alias in node.names)
            ):
                continue  # `from r1_verl import score`: only the module is looked at
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name:
                found[name] = node.lineno
    return found
