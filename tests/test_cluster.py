"""Two Ray nodes for real, on this machine, by the shipped scripts: FSDP over both, a vLLM server on each."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from scripts import SMALL, prefix, script
from two_steps import checkout

from r1_verl.runs import Run, read_curve

pytestmark = [pytest.mark.train, pytest.mark.timeout(3000)]
STEPS = 3
# two people in a puzzle: little to make
PEOPLE = ("data.train_files=data/kk/2ppl/train.parquet", "data.val_files=data/kk/2ppl/test.parquet")
HEAD, OTHER, LINK = "198.18.0.1", "198.18.0.2", "r1nodes"  # addresses that are kept for tests of networks


@pytest.fixture(scope="module")
def space():
    """A network namespace for the other node, linked to this one: an address of its own. None where we may not."""
    name = f"r1-{os.getpid()}"
    steps = (
        f"netns add {name}", f"link add {LINK} type veth peer name {LINK} netns {name}",
        f"addr add {HEAD}/30 dev {LINK}", f"link set {LINK} up", f"-n {name} addr add {OTHER}/30 dev {LINK}",
        f"-n {name} link set {LINK} up", f"-n {name} link set lo up", f"-n {name} route add default via {HEAD}",
    )  # fmt: skip
    can = shutil.which("ip") and shutil.which("nsenter")
    yield name if can and all(ip(step) for step in steps) else None
    if can:
        ip(f"netns del {name}")


def ip(arguments: str) -> bool:
    return subprocess.run(["ip", *arguments.split()], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def variables(tmp_path_factory, space):
    """What a user would export on every node; a home folder and a Ray of its own, so that nobody else's is touched."""
    from r1_verl.training.tiny_model import build

    folder = tmp_path_factory.mktemp("cluster")
    short = Path(tempfile.mkdtemp(prefix="r1", dir="/tmp"))  # Ray's sockets want a short path
    build(folder / "model", seed=0)
    config = folder / "model/config.json"
    config.write_text(config.read_text().replace('"max_position_embeddings": 512', '"max_position_embeddings": 2048'))
    more = f"trainer.total_training_steps={STEPS}\ntrainer.test_freq=-1\ndata.train_batch_size=8\n"
    (folder / "settings").write_text(SMALL.replace("trainer.total_training_steps=2\n", "") + more)
    scripts = checkout(folder / "checkout")
    venv = prefix(folder / "prefix", scripts)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    yield {
        **clean, "HOME": str(short), "RAY_TMPDIR": str(short), "RAY_PORT": "26379", "RAY_DASHBOARD_PORT": "28265",
        "RAY_HEAD": HEAD if space else "127.0.0.1", "RAY_WAIT": "120", "NNODES": "2", "CPU": "1", "GPUS": "1",
        "VENV": str(venv),
        "MODEL": str(folder / "model"), "SETTINGS": str(folder / "settings"), "RUNS": str(folder / "runs"),
        "CHECKOUT": str(scripts), **({"GLOO_SOCKET_IFNAME": LINK} if space else {}),
    }  # fmt: skip
    kill(mine(short))
    shutil.rmtree(short, ignore_errors=True)


def mine(home: Path, name: str = "") -> list[psutil.Process]:
    """The processes that run in this test's home folder, oldest first."""
    found = []
    for process in psutil.process_iter(["name", "create_time"]):
        try:
            if process.environ().get("HOME") == str(home) and name in process.info["name"]:
                found.append(process)
        except psutil.Error:
            continue
    return sorted(found, key=lambda process: process.info["create_time"])


def worker(variables: dict[str, str], space: str | None) -> str:
    """Start the other node; what the script said."""
    before = ["nsenter", f"--net=/run/netns/{space}"] if space else []
    return script("ray_worker", env=variables, before=before).stdout


def joining(variables: dict[str, str]) -> dict[str, str]:
    return variables | {"RAY_ADDRESS": f"{variables['RAY_HEAD']}:{variables['RAY_PORT']}"}


def kill(processes: list[psutil.Process]) -> None:
    """SIGKILL for these and all below them (whose titles Ray writes over their environment)."""
    found = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += process.children(recursive=True)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture(scope="module")
def nodes(variables, space):
    """The head, waiting with a count, and a worker."""
    head = subprocess.Popen(
        ["bash", f"{variables['CHECKOUT']}/run_scripts/ray_head.sh"], env=variables, stdout=subprocess.PIPE, text=True
    )
    joined = worker(variables, space)
    said, _ = head.communicate(timeout=200)
    assert head.returncode == 0, said
    return said, joined


def test_the_head_counts_and_the_token_is_private(nodes, variables):
    said, joined = nodes
    token = Path(variables["HOME"]) / ".ray/auth_token"
    assert "2 of 2 nodes" in said and "This node is in the cluster" in joined
    assert token.stat().st_mode & 0o077 == 0 and token.read_text() not in said + joined


def test_missing_nodes_are_told_with_the_reason(nodes, variables):
    done = subprocess.run(
        [sys.executable, "-m", "r1_verl", "nodes", "3", "--wait", "3"],
        env={**joining(variables), "RAY_AUTH_MODE": "token"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2 and "2 of 3 nodes" in done.stdout
    assert "only 2 of 3 nodes after 3 s" in done.stderr and "ray_worker.sh" in done.stderr


def test_a_lost_node_ends_the_run_and_the_run_goes_on(nodes, variables, space):
    """GRPO over both nodes; one is killed after the first checkpoint; the same command finishes the run."""
    environment = joining(variables)
    run = Run(Path(variables["RUNS"]) / "logicrl_stage1")
    command = ["bash", f"{variables['CHECKOUT']}/run_scripts/logicrl_stage1.sh", *PEOPLE]
    training = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        end = time.monotonic() + 1500
        while not run.last_checkpoint():
            assert training.poll() is None and time.monotonic() < end, training.communicate()[0][-3000:]
            time.sleep(1)
        raylet = mine(Path(variables["HOME"]), "raylet")[-1]  # the worker's, started last
        killed = time.monotonic()
        kill([raylet])
        said, _ = training.communicate(timeout=60)
    finally:
        if training.poll() is None:
            os.killpg(training.pid, signal.SIGKILL)
    assert training.returncode == 2 and time.monotonic() - killed < 60
    assert f"node {OTHER} has left the Ray cluster" in said if space else "has left the Ray cluster" in said
    assert "give the same command" in said
    worker(variables, space)
    before = run.last_checkpoint()
    done = script("logicrl_stage1", *PEOPLE, env=environment)
    assert f"Resuming run 'logicrl_stage1' after step {before}" in done.stdout
    assert run.last_checkpoint() == STEPS
    assert [step.step for step in read_curve(run) if "critic/score/mean" in step.data][-1] == STEPS
    shards = sorted((run.checkpoints / f"global_step_{STEPS}/actor").glob("model_world_size_2_rank_*.pt"))
    assert len(shards) == 2  # FSDP over both nodes
