"""A check of the NVIDIA driver: with one older than PyTorch's CUDA needs, PyTorch sees no card at all."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from r1_verl.doctor.nvidia import gpus
from r1_verl.doctor.problem import Check, Problem

_DRIVERS = {11: 450, 12: 525, 13: 580}  # a major version of CUDA, and the oldest driver that supports it


def check_driver(config: Any) -> Iterator[Problem]:
    """PyTorch is built with CUDA, and the driver is new enough for it."""
    cards = gpus()
    if config.trainer.device != "cuda" or not cards:
        return
    version, cuda = _torch()
    if not cuda:
        yield Problem(
            f"PyTorch {version} is built without CUDA: it would see no GPU",
            "rm -rf .venv and run the script again on this machine; it installs the build for its GPUs",
        )
        return
    major, have = int(cuda.split(".")[0]), cards[0].driver
    wanted, found = _DRIVERS.get(major, 0), re.match(r"\d+", have)
    if found and int(found[0]) < wanted and _libcuda() < major:
        yield Problem(
            f"the NVIDIA driver is {have}, PyTorch {version} is built for CUDA {cuda} and needs {wanted} or newer: it "
            "would see no GPU",
            f"a driver of {wanted} or newer (Ubuntu: apt-get install nvidia-driver-{wanted}-server and a reboot; in a "
            "container it is the host's)",
        )


def _torch() -> tuple[str, str]:
    """PyTorch's version and its CUDA's ("" without), from its files: importing it takes seconds."""
    spec = find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return "", "0"  # check_versions reports it
    text = (Path(spec.submodule_search_locations[0]) / "version.py").read_text(encoding="utf-8")
    version, cuda = (re.search(rf"^{name}\b.*?= '([^']+)'", text, re.MULTILINE) for name in ("__version__", "cuda"))
    return version[1] if version else "?", cuda[1] if cuda else ""


def _libcuda() -> int:
    """The major version of CUDA that libcuda supports, 0 without one. NVIDIA's compatibility package brings a newer
    libcuda than the driver's."""
    found = ctypes.c_int(0)
    try:
        ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(found))
    except (OSError, AttributeError):
        return 0
    return found.value // 1000


CHECKS: tuple[Check, ...] = (check_driver,)
