"""A check of the C compiler: Triton, under vLLM and torch.compile, compiles C at its first kernel, minutes later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from r1_verl.doctor.problem import Check, Problem

_PROGRAM = "#include <Python.h>\n#include <stdlib.h>\nint r1_verl(void) { return PY_MAJOR_VERSION; }\n"


def check_compiler(config: Any) -> Iterator[Problem]:
    """A compiler and Python's headers are where triton/runtime/build.py looks for them, and work together."""
    if config.trainer.device != "cuda":
        return
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    why = "vLLM and veRL's torch.compile compile C (Triton) when they start"
    install = f"apt-get install gcc libc6-dev {python}-dev (as root; other systems: gcc and this Python's headers)"
    asked = os.environ.get("CC")
    compiler = shutil.which(asked) if asked is not None else shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        missing = "no C compiler (gcc, clang, or CC=)" if asked is None else f"no C compiler at CC={asked}"
        yield Problem(f"{missing} is on this machine: {why}", install if asked is None else f"unset CC, or {install}")
    scheme = sysconfig.get_default_scheme()
    include = Path(sysconfig.get_paths(scheme="posix_prefix" if scheme == "posix_local" else scheme)["include"])
    if not (include / "Python.h").is_file():
        yield Problem(f"the headers of this Python are missing (no {include}/Python.h): {why}", install)
    elif compiler and (error := _compile(compiler, include)):
        yield Problem(f"{compiler} can't compile a C file with Python.h ({error:.200}): {why}", install)


@cache
def _compile(compiler: str, include: Path) -> str:
    """Compile a small file like Triton's. Returns the compiler's error, "" without one."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(_PROGRAM)
        command = [compiler, str(source), "-shared", "-fPIC", f"-I{include}", "-o", f"{folder}/probe.so"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
    return next((line for line in lines if "error" in line), lines[-1]) if done.returncode else ""


CHECKS: tuple[Check, ...] = (check_compiler,)
