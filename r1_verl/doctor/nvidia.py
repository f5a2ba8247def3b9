"""This machine's GPUs as nvidia-smi lists them, without those that CUDA_VISIBLE_DEVICES hides from this process."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from typing import NamedTuple

_FIELDS = ("memory.total", "memory.free", "uuid", "driver_version", "mig.mode.current", "name")


class Gpu(NamedTuple):
    """One card: its name, its memory in GiB (0: unknown, as where it shares the machine's), and whether it is cut into
    slices (MIG)."""

    name: str
    total: float
    free: float
    uuid: str = ""
    driver: str = ""
    sliced: bool = False


def gpus() -> list[Gpu]:
    """The cards that this process may use, [] where there are none."""
    cards = _cards(os.environ.get("PATH", ""))[0]
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return list(cards)
    found: list[int] = []
    for entry in named.split(","):
        index = _index(entry.strip(), cards)
        if index is None or index in found:
            break  # CUDA stops at the first entry that it can't find, as "-1", "" or a slice's name
        found.append(index)
    return [cards[index] for index in found]


def names_slices() -> bool:
    """Whether CUDA_VISIBLE_DEVICES names slices of cards."""
    return any(entry.strip().startswith("MIG-") for entry in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(","))


def refusal() -> str:
    """The error of nvidia-smi; "" if it works or is not installed."""
    return _cards(os.environ.get("PATH", ""))[1]


def _index(entry: str, cards: tuple[Gpu, ...]) -> int | None:
    if entry.isdecimal():
        return int(entry) if int(entry) < len(cards) else None
    found = [i for i, card in enumerate(cards) if entry.startswith("GPU-") and card.uuid.startswith(entry)]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=4)  # it takes seconds where the driver is not kept loaded
def _cards(path: str) -> tuple[tuple[Gpu, ...], str]:
    """(all cards, "") by the nvidia-smi of this PATH; ((), its error) if it fails."""
    query = ["nvidia-smi", f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, errors="replace", timeout=60)
    except OSError:
        return (), ""
    except subprocess.TimeoutExpired:
        return (), "no answer within a minute"
    if done.returncode:
        return (), " ".join((done.stdout + done.stderr).split())[:200]
    found = []
    for line in done.stdout.strip().splitlines():
        values = line.split(", ", len(_FIELDS) - 1)
        if len(values) < len(_FIELDS) or not values[2].startswith("GPU-"):
            continue  # a warning
        total, free, uuid, driver, slices, name = values
        found.append(
            Gpu(name, _gib(total), _gib(free if free.isdecimal() else total), uuid, driver, slices == "Enabled")
        )
    return tuple(found), ""


def _gib(mib: str) -> float:
    return int(mib) / 1024 if mib.isdecimal() else 0.0
