"""veRL's own configuration: each key, its default, the kinds of value it takes.

Read from veRL's files without importing veRL: from `_generated_ppo_trainer.yaml` and,
with `ast`, from the dataclasses that its sections name as `_target_`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.doctor.verl_source import files, package

YAML = "trainer/config/_generated_ppo_trainer.yaml"
_DATACLASSES = (
    "workers/config",
    "trainer/config",
    "utils/profiler/config.py",
    "utils/skip",
    "utils/qat",
    "base_config.py",
)
_READERS = {
    "data": ("utils/dataset", "trainer/ppo/v1", "trainer/ppo/utils.py"),
    "trainer": ("trainer/ppo", "trainer/main_ppo.py", "utils/tracking.py"),
    "algorithm": ("trainer/ppo",),
}
_ANYWHERE = ("trainer", "workers", "utils", "experimental")
# How veRL reads a key that may not be there.
_OPTIONAL = re.compile(
    r"""(?:\.get\(|getattr\([\w.]+,|select\([\w.]+,)\s*["']([\w.]+)["']|["'](\w+)["'] (?:not )?in\b"""
)
_SIMPLE = {"int", "float", "bool", "str", "list", "dict"}
_NAMES = {"List": "list", "Dict": "dict", "tuple": "list", "Tuple": "list", "Sequence": "list", "Mapping": "dict"}


class Field(NamedTuple):
    """A field of a dataclass. kinds: of values (int, float, bool, str, list, dict, null), empty for any; choices: of a
    Literal; section: the dataclass of the mapping that it holds, by name."""

    kinds: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()
    section: str = ""


@cache
def defaults() -> dict[str, Any]:
    """veRL's configuration as its YAML has it, interpolations and all; {} where the file is missing."""
    import yaml

    path = package() / YAML if package() else None
    if path is None or not path.is_file():
        return {}
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def resolved() -> dict[str, Any]:
    """The same with the interpolations resolved: what kind of value they stand for."""
    from omegaconf import OmegaConf

    config = OmegaConf.create(defaults())
    try:
        return dict(OmegaConf.to_container(config, resolve=True))
    except Exception:  # an interpolation that this veRL can't resolve either
        return defaults()


@cache
def fields(target: str) -> Mapping[str, Field]:
    """The fields of a dataclass, by its name or whole path, with those of its bases; {} for an unknown one."""
    node = _classes().get(target.rpartition(".")[2])
    if node is None:
        return {}
    found: dict[str, Field] = {}
    for base in node.bases:
        found |= fields(base.id if isinstance(base, ast.Name) else "")
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            found[line.target.id] = _field(line.annotation, line.value)
    return found


def is_dataclass(target: str) -> bool:
    """Whether a `_target_` names a dataclass of veRL's by a module that is there."""
    top, *folders = target.rpartition(".")[0].split(".")
    place = package().joinpath(*folders) if package() and top == "verl" else None
    return bool(fields(target)) and place is not None and (place.is_dir() or place.with_suffix(".py").is_file())


@cache
def optional(section: str) -> frozenset[str]:
    """The names of keys that veRL may look for in this section: those that the files which read the section look for
    without relying on them (`config.get("KEY")` and the like)."""
    words: set[str] = set()
    for place in _READERS.get(section.partition(".")[0], _ANYWHERE):
        path = package() / place if package() else Path()
        for file in (path,) if path.is_file() else sorted(path.rglob("*.py")) if package() else ():
            for first, second in _OPTIONAL.findall(file.read_text(encoding="utf-8", errors="replace")):
                words |= set((first or second).split("."))
    return frozenset(words)


@cache
def paths() -> tuple[str, ...]:
    """All keys with their paths, sections too."""
    return tuple(_paths(defaults()))


def _paths(section: Mapping[str, Any], start: str = "") -> Iterator[str]:
    for key, value in section.items():
        yield f"{start}{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{start}{key}.")


@cache
def _classes() -> dict[str, ast.ClassDef]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for place in _DATACLASSES for path in files(place))
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def _field(annotation: ast.expr, value: ast.expr | None) -> Field:
    kinds, choices, sections = set(), [], []
    for part in _alternatives(annotation):
        name = part.value if isinstance(part, ast.Subscript) else part
        word = name.id if isinstance(name, ast.Name) else getattr(name, "attr", "")
        word = _NAMES.get(word, word)
        if word == "Literal" and isinstance(part, ast.Subscript):
            elements = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            choices += [element.value for element in elements if isinstance(element, ast.Constant)]
            kinds.add("str")
        elif word in _SIMPLE:
            kinds.add(word)
        elif isinstance(part, ast.Constant) and part.value is None:
            kinds.add("null")
        elif word in _classes():
            kinds.add("dict")
            sections.append(word)
        else:
            return Field()  # Any, a callable
    if isinstance(value, ast.Constant) and value.value is None:
        kinds.add("null")  # as veRL writes `strategy: str = None`
    return Field(frozenset(kinds), tuple(choices), sections[0] if sections else "")


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    """The parts of `A | B`, `Optional[A]` and `Union[A, B]`."""
    if isinstance(annotation, ast.BinOp):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
        return
    name = getattr(annotation.value, "id", "") if isinstance(annotation, ast.Subscript) else ""
    if name not in ("Optional", "Union"):
        yield annotation
        return
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    for part in inner:
        yield from _alternatives(part)
    if name == "Optional":
        yield ast.Constant(None)
