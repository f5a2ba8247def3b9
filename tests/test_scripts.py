"""The shell scripts: clean, and DRY_RUN=1 prints the configuration without starting anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mistakes import quickstart
from omegaconf import OmegaConf
from scripts import ROOT, prefix

from r1_verl import recipes
from r1_verl.recipes.overrides import settle
from r1_verl.training import launch

SCRIPTS = sorted((ROOT / "run_scripts").glob("*.sh"))
HELPERS = {"common", "ray", "setup", "test", "train", "ray_head", "ray_worker", "ray_submit", "slurm"}
SEQUENCES = {
    "logicrl_stages": ["logicrl_stage1", "logicrl_stage2", "logicrl_stage3"],
    "logicrl_curriculum": ["logicrl_curriculum"] * 5, "gsm8k_kl_sweep": ["gsm8k_ppo"] * 4,
    "quickstart": ["quickstart_grpo"],
}  # fmt: skip
FORMER = {
    "logicrl": {word: f"logicrl_{word}" for word in ("stages", "stage1", "stage2", "stage3", "grpo", "reinforce_pp",
                                                     "curriculum")},
    "simplerl": {"v1": "simplerl_v1_grpo", "v0": "simplerl_v0_ppo", "v0_1node": "simplerl_v0_ppo_1node"},
    "openr1": {word: f"openr1_{word}" for word in ("qwen_1_5b", "math_7b", "distill_7b")},
    "gsm8k": {"ppo": "gsm8k_ppo", "kl_sweep": "gsm8k_kl_sweep", "grpo": "gsm8k_grpo"},
    "deepscaler": {word: f"deepscaler_{word}" for word in ("8k", "16k", "24k")},
    "drgrpo": {"qwen_math": "drgrpo", "r1": "drgrpo_r1"},
    "grpo_bias": {word: f"grpo_bias_{word}" for word in ("gsm8k", "inverse_gsm8k", "countdown", "inverse_countdown")}
    | {"countdown_baseline": "countdown_grpo"},
}  # fmt: skip


@pytest.mark.long
def test_shellcheck_finds_nothing():
    found = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), *map(str, SCRIPTS), ".ci/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout


def programs(folder: Path, scripts: dict[str, str]) -> Path:
    """A folder for PATH, with these shell scripts as programs by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def environment(tmp_path):
    """The scripts' own set-up counts as done, by the environment of these tests."""
    venv = prefix(tmp_path / "prefix")
    return {**os.environ, "DRY_RUN": "1", "RUNS": str(tmp_path / "runs"), "VENV": str(venv)}


def lines(commands: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    """Run these lines of bash in the checkout."""
    return subprocess.run(["bash", "-c", commands], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def run(script: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    path = str(ROOT / f"run_scripts/{script}.sh")
    return subprocess.run(["bash", path, *arguments], env=env, capture_output=True, text=True, timeout=60)


def test_every_recipe_has_a_script_of_its_name_and_no_other_is_left_over():
    """What begins with an underscore is no recipe; a script is a recipe's, a sequence, a former one or a helper."""
    there = {path.stem for path in SCRIPTS}
    assert set(recipes.names()) <= there
    assert there - set(recipes.names()) == (HELPERS | SEQUENCES.keys() | FORMER.keys()) - set(recipes.names())
    assert all(os.access(path, os.X_OK) for path in SCRIPTS if path.stem not in ("common", "ray"))


@pytest.mark.parametrize(
    ("script", "inner", "said"),
    [
        ("quickstart", [], ["# pays: countdown, strict, scale tinyzero", "device: cpu"]),
        ("quickstart_ppo", [], ["# pays: countdown, strict, scale tinyzero", "device: cpu"]),
        ("tinyzero_ppo", [], ["# pays: countdown, as published, scale tinyzero"]),
        (
            "logicrl_stage2",
            [],
            ["the last checkpoint of run 'logicrl_stage1'", "# pays: kk, as published, scale logicrl"],
        ),
        ("train", ["gsm8k_ppo"], ["# pays: gsm8k, as published, scale centred"]),
        ("slurm", ["dapo"], ["sbatch --nodes=2", "nnodes: 2", "--job-name=r1-verl-dapo"]),
        ("ray_submit", ["dapo.sh"], ["ray job submit --address http://first-node:8265"]),
    ],
)
def test_a_dry_run_prints_the_configuration(script, inner, said, environment, tmp_path):
    """The whole way, from a script to the resolved configuration, for those that differ in it."""
    environment |= {"NNODES": "2", "RAY_HEAD": "first-node"} if script in ("slurm", "ray_submit") else {}
    done = run(script, *inner, "data.train_batch_size=12345", env=environment)
    assert done.returncode == 0, done.stderr
    assert "train_batch_size: 12345" in done.stdout and "# veRL's command:" in done.stdout
    assert [text for text in said if text not in done.stdout] == []
    assert not (tmp_path / "runs").exists() and "RAY_AUTH_TOKEN" not in done.stdout


@pytest.mark.long
def test_a_checkout_and_a_home_of_any_name(environment, tmp_path):
    """Blanks, brackets, =, quotes and what is not ASCII: the dry run and the doctor of the quickstart."""
    checkout, home = tmp_path / "naïve (1)" / "r1 [x]=verl, 'it'", tmp_path / "Zoë Ünal"
    home.mkdir()
    for name in ("r1_verl", "run_scripts", "data_prep"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, checkout / name)
    quickstart(checkout / "data/quickstart")
    venv = prefix(tmp_path / "my venv", checkout)
    env = environment | {"VENV": str(venv), "HOME": str(home), "RUNS": "my runs", "PYTHONPATH": str(checkout)}
    script = str(checkout / "run_scripts/quickstart.sh")
    dry = subprocess.run(["bash", script], env=env, cwd=home, capture_output=True, text=True, timeout=60)
    assert dry.returncode == 0, dry.stderr
    config = OmegaConf.create(dry.stdout.partition("\n# pays")[0])
    assert config.trainer.default_local_dir == f"{home}/my runs/quickstart_grpo_seed1/checkpoints"
    assert config.actor_rollout_ref.model.path == f"{checkout}/r1_verl/recipes/quickstart_base"
    said = subprocess.run(
        [sys.executable, "-m", "r1_verl", "doctor", "quickstart_grpo"],
        env=env, cwd=checkout, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 0 and "0 problems" in said.stdout, said.stdout + said.stderr


def test_a_dry_run_names_the_commands_that_make_missing_data(environment, tmp_path):
    """In another folder than the checkout, where no data are."""
    given = environment | {"SOURCE": "my rows.jsonl"}
    done = subprocess.run(
        [sys.executable, "-m", "r1_verl", "train", "dapo"],
        cwd=tmp_path, env=given | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    scripts = ROOT / "data_prep"
    made = [line for line in done.stdout.splitlines() if line.startswith("# would make")]
    assert made == [
        f"# would make data/dapo: python {scripts}/dapo.py --source 'my rows.jsonl' --out data/dapo",
        f"# would make data/dapo_eval: python {scripts}/eval_suites.py "
        "--suites aime24 --style dapo --out data/dapo_eval",
    ]


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("train", [], "name a recipe first: bash run_scripts/train.sh tinyzero_ppo"),
        ("train", ["tinyzero_pp"], "unknown recipe 'tinyzero_pp'; did you mean tinyzero_ppo or tinyzero_grpo"),
        ("train", ["my.yaml"], "no recipe at my.yaml"),
        ("dapo", ["8k"], "'8k' is no override: write KEY=VALUE"),
        ("logicrl_grpo", ["stage2"], "recipe logicrl_stage2 is a script of its own: run_scripts/logicrl_stage2.sh"),
        ("tinyzero_ppo", ["r1_verl.pays={name:countdown,scale:binar}"], "unknown scale 'binar'; did you mean 'binary'"),
        ("tinyzero_ppo", ["r1_verl.pays=contdown"], "unknown reward 'contdown'; did you mean 'countdown'"),
        ("slurm", ["simplerl_v2"], "there is no recipe or script simplerl_v2; near it: simplerl.sh simplerl_v0_ppo.sh"),
        ("ray_submit", [], "name a recipe first"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_what_to_write(script, arguments, said, environment):
    done = run(script, *arguments, env=environment | {"RAY_HEAD": "first-node"})
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_every_variable_of_the_scripts_stands_in_their_readme():
    table = (ROOT / "run_scripts/README.md").read_text()
    used = {name for path in SCRIPTS for name in re.findall(r"\$\{([A-Z][A-Z_0-9]+):?[-+]", path.read_text())}
    inner = {"SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES"}
    assert len(used) > 15 and {name for name in used - inner if f"`{name}`" not in table} == set()


GIVEN = {"MODEL": "my/model", "GPUS": "3", "NNODES": "2", "SETTINGS": "settings"}  # what `r1-verl train` reads itself


@pytest.fixture
def recorder(tmp_path, environment):
    """An environment whose `python` writes down what the scripts start, and starts nothing."""
    log = tmp_path / "log"
    given = " ".join(f"{name}=${{{name}:-}}" for name in ("RUN", *GIVEN))
    venv = prefix(tmp_path / "recording", python=f'#!/bin/sh\necho "{given} $*" >>{log}\n')
    return {**environment, "VENV": str(venv), "LOG": str(log)}


def trained(recorder: dict[str, str]) -> list[tuple[str, str, list[str]]]:
    """(RUN, recipe, overrides) of each training that was started."""
    return [(run, recipe, overrides) for run, _, recipe, overrides in trained_with(recorder)]


def trained_with(recorder: dict[str, str]) -> list[tuple[str, dict[str, str], str, list[str]]]:
    """(RUN, the other variables, recipe, overrides) of each training that was started."""
    found = []
    for line in Path(recorder["LOG"]).read_text().splitlines():
        variables, is_training, words = line.partition(" -m r1_verl train ")
        if is_training:
            named = dict(word.split("=", 1) for word in variables.split(" "))
            found.append((named.pop("RUN"), named, words.split()[0], words.split()[1:]))
    return found


@pytest.mark.parametrize("script", sorted(set(recipes.names()) | SEQUENCES.keys()))
def test_each_script_starts_its_recipe_with_the_users_settings(script, recorder):
    done = run(script, "data.train_batch_size=12345", env=recorder | GIVEN)
    assert done.returncode == 0, done.stderr
    runs = trained_with(recorder)
    assert [recipe for _, _, recipe, _ in runs] == SEQUENCES.get(script, [script])
    for _, given, _, overrides in runs:
        assert overrides[-1] == "data.train_batch_size=12345"
        assert given | {"MODEL": ""} == GIVEN | {"MODEL": ""}
    with_model = [given["MODEL"] == "my/model" for _, given, _, _ in runs]
    assert with_model == ([True] * 4 if script == "gsm8k_kl_sweep" else [True] + [False] * (len(runs) - 1))


def test_the_variables_become_overrides_before_those_that_are_typed(tmp_path, monkeypatch):
    settings = tmp_path / "my settings"
    settings.write_text(
        "\ufeff# small\r\ndata.max_response_length=7  # tokens\r\n\r\ntrainer.logger=['a # b',\"c\"]\r\n"
        "data.train_files = it's # mine\n  trainer.save_freq=1"
    )
    for name, value in (GIVEN | {"MODEL": "/m/step=1 (é)", "SETTINGS": str(settings)}).items():
        monkeypatch.setenv(name, value)
    assert settle("tinyzero_ppo", ["data.seed=1", "data.val_files=/x (1)/a=b.parquet"]) == [
        "actor_rollout_ref.model.path='/m/step=1 (é)'", "trainer.n_gpus_per_node=3", "trainer.nnodes=2",
        "data.max_response_length=7", "trainer.logger=['a # b',\"c\"]", "data.train_files='it\\'s'",
        "trainer.save_freq=1", "data.seed=1", "data.val_files='/x (1)/a=b.parquet'",
    ]  # fmt: skip


def test_a_relative_path_is_taken_from_where_the_user_stands(recorder, tmp_path):
    """And else from the checkout, as a run of earlier may be there."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/settings").touch()
    (tmp_path / "here/my.yml").touch()
    script = str(ROOT / "run_scripts/train.sh")
    subprocess.run(
        ["bash", script, "my.yml"],
        cwd=tmp_path / "here",
        env=recorder | GIVEN | {"RUNS": "my runs"},
        timeout=60,
        check=True,
    )
    ((_, given, recipe, _),) = trained_with(recorder)
    assert recipe == f"{tmp_path}/here/my.yml" and given == GIVEN | {"SETTINGS": f"{tmp_path}/here/settings"}
    assert lines(f'cd {tmp_path}/here; RUNS="my runs"; source {ROOT}/run_scripts/common.sh; printf %s "$RUNS"',
                 recorder).stdout == f"{tmp_path}/here/my runs"  # fmt: skip


def test_the_sequences_say_what_each_run_takes(recorder):
    assert run("logicrl_stages", env=recorder | {"FEW": "2", "MANY": "3"}).returncode == 0
    assert run("logicrl_curriculum", env=recorder).returncode == 0
    assert run("gsm8k_kl_sweep", env=recorder).returncode == 0
    runs = trained(recorder)
    people = [[word.split("data/kk/")[1].split("/")[0] for word in given if "data/kk/" in word] for _, _, given in runs]
    assert people[:3] == [["2ppl", "2ppl"], ["3ppl", "3ppl"], ["3ppl", "3ppl"]]
    assert people[3:8] == [[f"{n}ppl", "5ppl"] for n in (3, 4, 5, 6, 7)]
    levels = [f"logicrl_curriculum_{n}ppl" for n in (3, 4, 5, 6, 7)]
    assert [name for name, _, _ in runs[3:]] == levels + [
        f"gsm8k_ppo_kl_{kl}" for kl in ("3e-4", "1e-3", "1e-2", "3e-2")
    ]
    assert [given[2] for _, _, given in runs[3:8]] == [f"+r1_verl.after={name}" for name in ("null", *levels[:4])]
    assert [given for _, _, given in runs[8:]] == [
        [f"algorithm.kl_ctrl.kl_coef={kl}"] for kl in ("3e-4", "1e-3", "1e-2", "3e-2")
    ]


@pytest.mark.parametrize(("former", "word"), [(name, word) for name, words in FORMER.items() for word in words])
def test_a_former_script_names_the_new_one_and_runs_it(former, word, recorder):
    new = FORMER[former][word]
    done = run(former, word, "data.train_batch_size=12345", env=recorder)
    assert (
        done.returncode == 0
        and f"write run_scripts/{new}.sh; the next version has no {former}.sh {word}" in done.stderr
    )
    runs = trained(recorder)
    assert [recipe for _, recipe, _ in runs] == SEQUENCES.get(new, [new])
    assert all(overrides[-1] == "data.train_batch_size=12345" for _, _, overrides in runs)


def test_a_former_stage_still_takes_easier_puzzles(recorder):
    assert run("logicrl", "stage1", env=recorder | {"FEW": "2"}).returncode == 0
    assert run("logicrl", "stage3", env=recorder | {"FEW": "2"}).returncode == 0
    first, third = trained(recorder)
    files = ["data.train_files=data/kk/2ppl/train.parquet", "data.val_files=data/kk/2ppl/test.parquet"]
    assert first == ("", "logicrl_stage1", files) and third == ("", "logicrl_stage3", [])


@pytest.mark.parametrize("former", FORMER)
def test_a_word_that_a_former_script_does_not_know_is_answered_with_the_new_ones(former, recorder):
    done = run(former, "nonsense", env=recorder)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"{former}.sh takes overrides alone" in done.stderr
    assert all(f"{new}.sh" in done.stderr for new in FORMER[former].values())


@pytest.mark.long
def test_slurm_takes_a_recipes_own_number_of_nodes(composed):
    """It reads the YAMLs itself: the node that a job is submitted from may have no environment."""
    asked = "; ".join(f"nodes_of {name}; echo" for name in (*recipes.names(), "logicrl_stages"))
    told = lines(f"source run_scripts/ray.sh; {asked}", dict(os.environ)).stdout.split()
    assert told == [*(str(composed(name).trainer.nnodes) for name in recipes.names()), "1"]


@pytest.mark.long
def test_cluster_scripts_say_what_they_would_do_and_what_they_lack(recorder, tmp_path):
    head = run("ray_head", env=recorder | {"NNODES": "2", "GPUS": "8"})
    assert head.returncode == 0 and "--num-gpus=8 --num-cpus=40" in head.stdout and "--port=6379" in head.stdout
    worker = run("ray_worker", env=recorder | {"RAY_HEAD": "first-node", "RAY_CPUS": "99", "GPUS": "8"})
    assert worker.returncode == 0 and "ray start --address=first-node:6379 --num-gpus=8 --num-cpus=99" in worker.stdout
    asked = {"ray_head": "NNODES=2", "ray_worker": "RAY_HEAD=", "ray_submit": "RAY_HEAD=", "slurm": "name a recipe"}
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
    commands = 'source run_scripts/common.sh; find_python() { die "sets up"; }; setup_environment train cpu'
    for venv, status in ((environment["VENV"], 0), (other, 2)):
        done = lines(commands, environment | {"VENV": str(venv)})
        assert done.returncode == status, done.stderr
    assert "sets up" in done.stderr


BROKEN, OLD, GOOD, NEW = "exit 1", "echo 3.10.13", "echo 3.12.1", "echo 3.13.0"  # what `python -c ...version...` does
NONE = {"python3.12": BROKEN, "python3.11": BROKEN, "python3": BROKEN, "python": BROKEN}
FIX = "3.11 or 3.12 is needed (remove PYTHON, or PYTHON=/path/to/python3.12)"


@pytest.mark.parametrize(
    ("there", "asked", "said"),
    [
        (NONE, "", "no Python 3.11 or 3.12 found: install one, or set PYTHON=/path/to/python3.12"),
        (NONE | {"python3": OLD, "python": NEW}, "", "found (python3 is 3.10.13, python is 3.13.0): install one"),
        (NONE | {"python3.13": NEW, "python3.12": GOOD}, "python3.13", f"PYTHON=python3.13 is Python 3.13.0: {FIX}"),
        (NONE | {"python3.12": GOOD}, "python3.11", f"PYTHON=python3.11 does not run here: {FIX}"),
        (NONE | {"python3.12": GOOD}, "nowhere/python", f"PYTHON=nowhere/python does not run here: {FIX}"),
    ],
)
def test_no_python_is_one_clear_line(there, asked, said, environment, tmp_path):
    path = f"{programs(tmp_path / 'bin', there)}:/usr/bin:/bin"
    done = run("quickstart", env=environment | {"PATH": path, "VENV": str(tmp_path / "venv"), "PYTHON": asked})
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("there", "asked", "taken"),
    [
        (NONE | {"python3.11": "echo 3.11.7"}, "", "python3.11"),
        (NONE | {"python3": OLD, "python": GOOD}, "", "python"),
        (NONE | {"python3.12": "echo 3.12.1", "mine": GOOD}, "mine", "mine"),
    ],
)
def test_a_python_that_fits_is_taken(there, asked, taken, environment, tmp_path):
    path = f"{programs(tmp_path / 'bin', there)}:/usr/bin:/bin"
    done = lines("source run_scripts/common.sh; find_python", environment | {"PATH": path, "PYTHON": asked})
    assert done.stdout == f"{taken}\n" and not done.stderr


def until(there, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_scripts_at_once_set_one_environment_up(environment, tmp_path):
    """The second one waits for the first one's end, and installs nothing."""
    log, go, venv = tmp_path / "log", tmp_path / "go", tmp_path / "venv"
    made = f'mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/uv"; while [ ! -e {go} ]; do sleep 0.05; done'
    python = f'echo "$*" >>{log}\ncase "$*" in *version*) echo 3.12.1 ;; "-m venv"*) {made} ;; esac'
    path = f"{programs(tmp_path / 'bin', {'python3.12': python, 'nvidia-smi': 'exit 1'})}:/usr/bin:/bin"
    commands = ["bash", "-c", "source run_scripts/common.sh; setup_environment train cpu; echo ready"]
    env = environment | {"PATH": path, "VENV": str(venv), "PYTHON": ""}
    said = [tmp_path / "first", tmp_path / "second"]
    try:
        first = subprocess.Popen(commands, cwd=ROOT, env=env, stdout=said[0].open("w"))
        until(lambda: (venv / "bin/uv").exists())
        second = subprocess.Popen(commands, cwd=ROOT, env=env, stdout=said[1].open("w"))
        until(lambda: "Waiting for another script that sets up" in said[1].read_text())
    finally:
        go.touch()
    assert first.wait(30) == second.wait(30) == 0
    assert said[0].read_text().startswith("Setting up") and "Setting up" not in said[1].read_text()
    assert all(path.read_text().endswith("ready\n") for path in said)
    assert [line.split()[1] for line in log.read_text().splitlines() if "install" in line] == ["pip", "install"]
    assert (venv / ".r1_verl").read_text().endswith("\ntrain cpu\n")


@pytest.mark.long
def test_a_worker_sets_up_after_the_head_is_there(environment, tmp_path):
    """On a shared disk the head has made the environment by then."""
    venv = tmp_path / "venv"
    env = environment | {"RAY_HEAD": "127.0.0.1", "RAY_PORT": "1", "RAY_WAIT": "1", "RAY_AUTH_TOKEN": "secret"}
    env |= {"VENV": str(venv), "PYTHON": "nowhere/python"}
    del env["DRY_RUN"]
    silent = run("ray_worker", env=env)
    assert silent.returncode == 2 and "nothing answers" in silent.stderr and not venv.exists()
    with socket.create_server(("127.0.0.1", 0)) as head:
        found = run("ray_worker", env=env | {"RAY_PORT": str(head.getsockname()[1])})
    assert found.returncode == 2 and "PYTHON=nowhere/python does not run here" in found.stderr


MIG = "  MIG 3g.40gb     Device  0: (UUID: MIG-1)\n  MIG 3g.40gb     Device  1: (UUID: MIG-2)\n"
CARDS = f"GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-1)\n{MIG}GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-2)\n"


@pytest.fixture
def with_cards(environment, tmp_path):
    """Two cards, one of them in slices."""
    path = programs(tmp_path / "cards", {"nvidia-smi": f"cat <<'.'\n{CARDS}."})
    env = environment | {"PATH": f"{path}:{environment['PATH']}"}
    env.pop("CUDA_VISIBLE_DEVICES", None)
    return env


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({}, 2), ({"GPUS": "8"}, 8), ({"CPU": "1"}, 1), ({"CPU": "1", "GPUS": "2"}, 2),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1), ({"CUDA_VISIBLE_DEVICES": "0,1"}, 2),
        ({"CUDA_VISIBLE_DEVICES": "MIG-1,MIG-2,GPU-2"}, 3), ({"CUDA_VISIBLE_DEVICES": ""}, 1),
        ({"CUDA_VISIBLE_DEVICES": "-1,-1"}, 1), ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0,1,-1,2"}, 2),
    ],
)  # fmt: skip
def test_cards_are_counted(more, count, with_cards):
    done = lines("source run_scripts/ray.sh; ray_counts; printf '%s ' \"${COUNTS[@]}\"", with_cards | more)
    assert done.stdout == f"--num-gpus={count} --num-cpus={3 * count + 16} ", done.stderr


def test_no_card_at_all_is_one_stand_in(with_cards, tmp_path):
    programs(tmp_path / "cards", {"nvidia-smi": "exit 9"})
    assert lines("source run_scripts/ray.sh; gpus_here", with_cards).stdout == "1"


def test_a_run_on_the_cpu_hides_the_cards(with_cards):
    """From CUDA, while Ray takes each entry for a card and starts as many stand-ins as it is told."""
    env = with_cards | {"CPU": "1", "CUDA_VISIBLE_DEVICES": "0,1"}
    done = lines("source run_scripts/common.sh; use_cpu; printenv CUDA_VISIBLE_DEVICES", env)
    assert done.stdout.strip().split(",") == ["-1"] * 64


def test_a_slurm_job_takes_whole_nodes_and_the_recipes_cards(with_cards, recorder, tmp_path):
    with_cards["VENV"] = recorder["VENV"]
    asked = run("slurm", "tinyzero_grpo", env=with_cards)
    assert "sbatch --nodes=1 --ntasks-per-node=1 --gpus-per-node=8 --exclusive --mem=0 " in asked.stdout, asked.stderr
    assert " GPUS= " in Path(recorder["LOG"]).read_text()
    asked = run("slurm", "tinyzero_grpo", env=with_cards | {"GPUS": "4"})
    assert "--gpus-per-node=4 " in asked.stdout and " GPUS=4 " in Path(recorder["LOG"]).read_text()
    programs(tmp_path / "cards", {"srun": 'echo "GPUS=${GPUS:-} $*"', "scontrol": "echo first; echo second"})
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "nodes", "NNODES": "2"}
    started = run("slurm", "tinyzero_grpo", "a=b", env=with_cards | job).stdout.strip()
    assert started == (
        "GPUS= --ntasks-per-node=1 --cpu-bind=none ray symmetric-run --address first:6379 --min-nodes 2 "
        "--num-gpus=2 --num-cpus=22 -- bash run_scripts/tinyzero_grpo.sh a=b"
    )


def test_a_ray_job_may_carry_what_a_run_tells_the_nodes():
    """ray_submit.sh passes R1_VERL_SCORERS in the job's runtime_env; the merge is Ray's own, None is its refusal."""
    from omegaconf import OmegaConf
    from ray._private.runtime_env.constants import RAY_JOB_CONFIG_JSON_ENV_VAR
    from ray.runtime_env.runtime_env import _merge_runtime_env

    def merged(environment: dict[str, str]) -> dict | None:
        config = recipes.compose("quickstart_grpo", launch.forwarded_env(environment))
        return _merge_runtime_env(job, OmegaConf.to_container(config.ray_kwargs.ray_init.runtime_env))

    ours = {"R1_VERL_SCORERS": "/my/scorers.py", "VERL_FILE_LOGGER_PATH": "/runs/a/curve.jsonl"}
    job = {"env_vars": {"R1_VERL_SCORERS": "/my/scorers.py", "NNODES": "2"}}
    in_the_job = ours | {RAY_JOB_CONFIG_JSON_ENV_VAR: json.dumps({"runtime_env": job, "metadata": {}})}
    assert merged(ours) is None
    assert merged(in_the_job)["env_vars"] == ours | {"NNODES": "2"}
    assert merged(in_the_job | {"R1_VERL_SCORERS": "/others.py"}) is None
    bare = ours | {RAY_JOB_CONFIG_JSON_ENV_VAR: json.dumps({"runtime_env": {"env_vars": None}})}
    assert launch.forwarded_env(bare) == launch.forwarded_env(ours) != []
