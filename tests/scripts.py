"""Helpers to run the scripts of run_scripts/ in tests: the environment that they find, and small sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = f'#!/bin/sh\nexec "{Path(sys.executable).parent}/NAME" "$@"\n'  # the environment of these tests
# overrides for two steps of a recipe on the CPU
SMALL = """
data.train_batch_size=4
data.max_prompt_length=1600
data.max_response_length=16
data.val_max_samples=4
actor_rollout_ref.actor.ppo_mini_batch_size=4
actor_rollout_ref.actor.fsdp_config.param_offload=false
actor_rollout_ref.actor.fsdp_config.optimizer_offload=false
actor_rollout_ref.ref.fsdp_config.param_offload=false
actor_rollout_ref.rollout.n=2
actor_rollout_ref.rollout.max_num_seqs=8
trainer.save_freq=1
trainer.total_training_steps=2
"""


def prefix(folder: Path, checkout: Path = ROOT, python: str = OURS) -> Path:
    """Make `folder` look like the environment that a checkout's scripts have set up, and return it.

    python: the shell script that stands for `python` and `ray` there; NAME in it becomes the program's name.
    """
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("python", "ray"):
        (folder / "bin" / name).write_text(python.replace("NAME", name))
        (folder / "bin" / name).chmod(0o755)
    stamp = subprocess.run(
        "cat pyproject.toml constraints.txt | cksum | tr ' ' '-'",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (folder / ".r1_verl").write_text(f"{stamp.strip()} {checkout}\ntrain test cpu cuda\n")
    return folder


def script(
    name: str, *arguments: str, env: dict[str, str], timeout: int = 1500, before: Sequence[str] = ()
) -> subprocess.CompletedProcess:
    """Run a script of the checkout that env["CHECKOUT"] names; it must end with status 0.

    before: words in front of the command, for example a program that starts it in another network namespace.
    """
    done = subprocess.run(
        [*before, "bash", f"{env['CHECKOUT']}/run_scripts/{name}.sh", *arguments],
        env=env, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
