"""The shell scripts: clean, and DRY_RUN=1 prints the configuration without starting anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from r1_verl import recipes

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "run_scripts").glob("*.sh"))
HELPERS = {"test", "ray_head", "ray_worker", "ray_submit", "slurm"}
VARIANTS = {
    "logicrl": ("stages", "stage1", "stage2", "stage3", "grpo", "reinforce_pp", "curriculum"),
    "simplerl": ("v1", "v0", "v0_1node"), "openr1": ("qwen_1_5b", "math_7b", "distill_7b"),
    "gsm8k": ("ppo", "kl_sweep", "grpo"), "deepscaler": ("8k", "16k", "24k"), "drgrpo": ("qwen_math", "r1"),
    "grpo_bias": ("gsm8k", "inverse_gsm8k", "countdown", "inverse_countdown", "countdown_baseline"),
}  # fmt: skip
RUNNERS = [
    (path.stem, *argument)
    for path in SCRIPTS
    if os.access(path, os.X_OK) and path.stem not in HELPERS
    for argument in [(name,) for name in VARIANTS.get(path.stem, ())] or [()]
]


OURS = f'#!/bin/sh\nexec "{Path(sys.executable).parent}/NAME" "$@"\n'  # the environment of these tests


def test_shellcheck():
    found = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), *map(str, SCRIPTS), ".ci/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout


def prefix(folder: Path, checkout: Path = ROOT, python: str = OURS) -> Path:
    """What a checkout's scripts take for an environment that they have set up; its `python` is this shell script."""
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "ray"):
        (folder / "bin" / name).write_text(python.replace("NAME", name))
        (folder / "bin" / name).chmod(0o755)
    stamp = subprocess.run(
        "cat pyproject.toml constraints.txt | cksum | tr ' ' '-'",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (folder / ".r1_verl").write_text(f"{stamp.strip()} {checkout}\ntrain test cpu cuda\n")
    return folder


@pytest.fixture
def environment(tmp_path):
    """The scripts' own set-up counts as done, by the environment of these tests."""
    venv = prefix(tmp_path / "prefix")
    return {**os.environ, "DRY_RUN": "1", "RUNS": str(tmp_path / "runs"), "VENV": str(venv)}


def run(script: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    path = str(ROOT / f"run_scripts/{script}.sh")
    return subprocess.run(["bash", path, *arguments], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("script", ["quickstart", "tinyzero_ppo", "logicrl", "slurm", "ray_submit"])
def test_dry_run(script, environment, tmp_path):
    """The whole way, from a script to the resolved configuration, for those that differ in it."""
    inner = {"slurm": ["dapo.sh"], "ray_submit": ["dapo.sh"], "logicrl": ["stage2"]}.get(script, [])
    environment |= {"NNODES": "2", "RAY_HEAD": "first-node"} if script in ("slurm", "ray_submit") else {}
    done = run(script, *inner, "data.train_batch_size=12345", env=environment)
    assert done.returncode == 0, done.stderr
    assert "train_batch_size: 12345" in done.stdout and "# veRL's command:" in done.stdout
    assert not (tmp_path / "runs").exists()
    if script == "logicrl":
        assert "the last checkpoint of run 'logicrl_stage1'" in done.stdout
    if script == "slurm":
        assert "sbatch --nodes=2" in done.stdout and "nnodes: 2" in done.stdout
    if script == "ray_submit":
        assert "ray job submit --address http://first-node:8265" in done.stdout
        assert "RAY_AUTH_TOKEN" not in done.stdout


@pytest.fixture
def recorder(tmp_path, environment):
    """An environment whose `python` writes down what the scripts start, and starts nothing."""
    log = tmp_path / "log"
    venv = prefix(tmp_path / "recording", python=f'#!/bin/sh\necho "RUN=${{RUN:-}} $*" >>{log}\n')
    return {**environment, "VENV": str(venv), "LOG": str(log)}


@pytest.mark.parametrize("script", RUNNERS, ids=" ".join)
def test_each_script_starts_a_known_recipe_with_the_users_settings(script, recorder, tmp_path):
    settings = tmp_path / "settings"
    settings.write_text("# small\ndata.max_response_length=7\n\ntrainer.save_freq=1\n")
    environment = recorder | {"MODEL": "my/model", "GPUS": "3", "NNODES": "2", "SETTINGS": str(settings)}
    done = run(*script, "data.train_batch_size=12345", env=environment)
    assert done.returncode == 0, done.stderr
    trained = [line for line in Path(recorder["LOG"]).read_text().splitlines() if "-m r1_verl train" in line]
    assert trained
    for line in trained:
        recipe, *overrides = line.split(" train ")[1].split()
        assert recipe in recipes.names()
        assert overrides[-1] == "data.train_batch_size=12345"
        if script[0] != "quickstart":
            common = ["trainer.n_gpus_per_node=3", "trainer.nnodes=2", "data.max_response_length=7"]
            assert [o for o in overrides if o in common] == common
    assert any("actor_rollout_ref.model.path=my/model" in line for line in trained)
    if script == ("logicrl", "stages"):
        assert [line.split(" train ")[1].split()[0] for line in trained] == [f"logicrl_stage{i}" for i in (1, 2, 3)]
        assert "my/model" not in trained[1] + trained[2]
    if script == ("logicrl", "curriculum"):
        assert [line.split()[0] for line in trained] == [f"RUN=logicrl_curriculum_{n}ppl" for n in (3, 4, 5, 6, 7)]
        assert "+r1_verl.after=logicrl_curriculum_6ppl" in trained[4] and "7ppl/train.parquet" in trained[4]
    if script == ("gsm8k", "kl_sweep"):
        sweep = [f"RUN=gsm8k_ppo_kl_{kl}" for kl in ("3e-4", "1e-3", "1e-2", "3e-2")]
        assert [line.split()[0] for line in trained] == sweep


@pytest.mark.parametrize("script", sorted({name for name, *_ in RUNNERS if name in VARIANTS}))
def test_an_unknown_argument_is_named(script, recorder):
    done = run(script, "nonsense", env=recorder)
    assert done.returncode == 2 and f"{script}.sh nonsense: choose" in done.stderr


def test_cluster_scripts_say_what_they_would_do_and_what_they_lack(recorder, tmp_path):
    head = run("ray_head", env=recorder | {"NNODES": "2", "GPUS": "8"})
    assert head.returncode == 0 and "--num-gpus=8 --num-cpus=40" in head.stdout and "--port=6379" in head.stdout
    worker = run("ray_worker", env=recorder | {"RAY_HEAD": "first-node", "RAY_CPUS": "99", "GPUS": "8"})
    assert worker.returncode == 0 and "ray start --address=first-node:6379 --num-gpus=8 --num-cpus=99" in worker.stdout
    asked = {"ray_head": "NNODES=2", "ray_worker": "RAY_HEAD=", "ray_submit": "RAY_HEAD=", "slurm": "name a script"}
    for script, fix in asked.items():
        lacking = run(script, env=recorder)
        assert lacking.returncode == 2 and fix in lacking.stderr
    alone = recorder | {"RAY_HEAD": "127.0.0.1", "RAY_PORT": "1", "RAY_WAIT": "1", "HOME": str(tmp_path)}
    del alone["DRY_RUN"]
    silent = run("ray_worker", env=alone)
    assert silent.returncode == 2 and "nothing answers at 127.0.0.1:1 after 1 s" in silent.stderr
    assert "no token here yet" in silent.stdout
    with socket.create_server(("127.0.0.1", 0)) as head:
        found = run("ray_worker", env=alone | {"RAY_PORT": str(head.getsockname()[1])})
    assert found.returncode == 2 and "no token: copy the head's" in found.stderr


def test_an_environment_of_another_checkout_is_set_up_anew(environment, tmp_path):
    """Or its scripts would run that checkout's code."""
    other = prefix(tmp_path / "other", tmp_path / "elsewhere")
    lines = 'source run_scripts/common.sh; find_python() { die "sets up"; }; setup_environment train cpu'
    for venv, status in ((environment["VENV"], 0), (other, 2)):
        env = environment | {"VENV": str(venv)}
        done = subprocess.run(["bash", "-c", lines], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
    assert "sets up" in done.stderr


def test_no_python_is_one_clear_line(environment, tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("python3.12", "python3.11", "python3", "python"):
        (fake / name).write_text("#!/bin/sh\nexit 1\n")
        (fake / name).chmod(0o755)
    environment |= {"PATH": f"{fake}:/usr/bin:/bin", "VENV": str(tmp_path / "venv"), "PYTHON": ""}
    done = subprocess.run(
        ["bash", str(ROOT / "run_scripts/quickstart.sh")], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "no Python 3.11 or 3.12 found" in done.stderr
