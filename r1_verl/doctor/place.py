"""Checks of the place where the run is to live: its checkpoints, the right to write, paths too long for Ray."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl.doctor.machine import joins
from r1_verl.doctor.problem import Check, Problem
from r1_verl.runs import checkpoints, identity, recorded

_LONGEST_SOCKET = 107  # bytes, on Linux
_SOCKET = (
    "/session_2026-01-01_00-00-00_000000_/sockets/plasma_store"  # what Ray adds to its folder, but for a process id
)


def check_resume(config: Any) -> Iterator[Problem]:
    """Checkpoints where this run would write its own, from which veRL would go on: of something else, or none whole."""
    folder, mode = Path(config.trainer.default_local_dir), config.trainer.resume_mode
    found = checkpoints.look(folder)
    none = checkpoints.wrong(config.trainer.resume_from_path) if mode == "resume_path" else checkpoints.lost(folder)
    if none and mode != "disable":
        yield Problem(*none)
    if mode != "auto" or not (found.last or found.tracked):
        return
    from omegaconf import OmegaConf

    holds = f"{folder} holds a checkpoint of step {found.last or found.tracked}"
    theirs, another = recorded(folder.parent), "RUN=another-name for a new run"
    if not theirs and found.last:
        yield Problem(
            f"{holds} and nothing says of which configuration (no {folder.parent / 'config.yaml'} that can be read): "
            "the run would go on from it",
            f"{another}; DOUBTS=ok if the checkpoint is of this very configuration",
            doubt=True,
        )
    elif theirs and (differ := identity.differences(theirs, OmegaConf.to_container(config, resolve=True))):
        yield Problem(
            f"{holds} of another configuration ({differ}): the run would go on from it",
            f"{another}, the old settings to resume that one, or remove {folder.parent}",
        )


def check_writing(config: Any) -> Iterator[Problem]:
    """The run's folder, or the first of its parents that is there, can be written to."""
    folder = Path(config.trainer.default_local_dir).absolute().parent
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    fix = "RUNS=a folder that you may write to"
    if not there.is_dir():
        yield Problem(f"the run can't live in {folder}: {there} is no folder", fix)
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Problem(f"the run can't live in {folder}: nothing may be written to {there}", fix)


def check_socket_paths(config: Any) -> Iterator[Problem]:
    """Ray's own sockets have names that Linux allows."""
    if joins(config):
        return  # that Ray runs already
    name = next((name for name in ("RAY_TMPDIR", "TMPDIR") if name in os.environ), "")
    folder, fix = f"{os.environ.get(name, '/tmp')}/ray", "export RAY_TMPDIR=/tmp (for Ray's sockets alone)"
    if given := config.ray_kwargs.ray_init.get("_temp_dir"):
        name, folder, fix = "ray_kwargs.ray_init._temp_dir", str(given), "name a shorter folder there, or none"
    length = len(os.fsencode(folder)) + len(_SOCKET) + len(str(os.getpid()))
    if length > _LONGEST_SOCKET:
        yield Problem(
            f"{name}={folder.removesuffix('/ray')} is too long for Ray: its sockets there would have names of {length} "
            f"bytes, and Linux allows {_LONGEST_SOCKET}",
            fix,
        )


CHECKS: tuple[Check, ...] = (check_resume, check_writing, check_socket_paths)
