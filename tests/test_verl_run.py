"""veRL for real on the CPU: its trainer, FSDP, vLLM rollouts, TransferQueue and Ray; nothing stands in for them.

One GRPO run is killed with all its processes and resumed; one PPO run has a critic. A start takes minutes, so the
tests look at the same two runs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from r1_verl.runs import Run, Step, read_attempt, read_curve

pytestmark = [pytest.mark.train, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[1]
STEPS = 3
SMALL = [
    "data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=8", "trainer.save_freq=1",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8", "critic.ppo_micro_batch_size_per_gpu=8",
    "trainer.test_freq=100", f"trainer.total_training_steps={STEPS}",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory, composed):
    """The quickstart's puzzles, fewer of them, and a validation file with greedy twins."""
    folder = tmp_path_factory.mktemp("verl")
    script, *arguments = shlex.split(composed("quickstart_grpo").r1_verl.data["data/quickstart"])
    fewer = ["--train-size", "64", "--test-size", "32", "--out", str(folder)]
    subprocess.run([sys.executable, str(ROOT / "data_prep" / script), *arguments, *fewer], check=True)
    twins = [str(folder / "test.parquet"), "--out", str(folder / "validation.parquet")]
    subprocess.run([sys.executable, str(ROOT / "data_prep/greedy.py"), *twins], check=True)
    return folder


def command(place: Path, recipe: str, *overrides: str) -> list[str]:
    return [
        sys.executable, "-m", "r1_verl", "train", recipe, f"data.train_files={place}/train.parquet",
        f"data.val_files={place}/validation.parquet", *SMALL, *overrides,
    ]  # fmt: skip


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "RUNS": str(place / "runs")}


def kill_tree(process: subprocess.Popen) -> None:
    """SIGKILL for the process and everything below it, at once."""
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in tree:
        each.suspend()
    for each in tree:
        each.kill()
    process.wait()


@pytest.fixture(scope="module")
def grpo(place):
    """(run, output, step): killed once a checkpoint was there, then torn, and started again as after running out of
    memory: with smaller micro-batches and fewer workers."""
    arguments = command(place, "quickstart_grpo")
    run = Run(place / "runs" / "quickstart_grpo")
    first = subprocess.Popen(arguments, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 700
    while run.last_checkpoint() < 1 or not any(step.step == 1 for step in read_curve(run)):  # saved first, then logged
        assert first.poll() is None and time.monotonic() < deadline, first.stdout.read().decode()[-3000:]
        time.sleep(0.2)
    kill_tree(first)
    kept = run.last_checkpoint()
    (run.checkpoints / "latest_checkpointed_iteration.txt").write_text("")
    (run.checkpoints / f"global_step_{kept + 5}").mkdir(exist_ok=True)
    arguments += ["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4", "data.dataloader_num_workers=3"]
    again = subprocess.run(arguments, env=environment(place), capture_output=True, text=True, timeout=700, cwd=place)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    return run, again.stdout, kept


def test_resumes_from_the_last_checkpoint_and_counts_no_step_twice(grpo):
    run, output, kept = grpo
    assert f"after step {kept} (the last whole checkpoint, {run.checkpoints}/global_step_{kept})" in output
    assert "Torn: latest_checkpointed_iteration.txt is empty" in output
    assert f"Torn: global_step_{kept + 5} has no folder actor" in output
    assert "data.dataloader_num_workers stays" in output
    attempts = [read_attempt(path) for path in run.attempts()]
    assert len(attempts) == 2
    assert min(step.step for step in attempts[1]) == kept + 1
    assert [step.step for step in read_curve(run)] == list(range(STEPS + 1))
    assert run.last_checkpoint() == STEPS


def test_sub_scores_of_training_are_the_trainers_own(grpo):
    run, _, _ = grpo
    for step in read_curve(run)[1:]:
        assert step.data["train-reward/countdown/score"] == pytest.approx(step.data["critic/score/mean"])
        shares = [value for key, value in step.data.items() if key.startswith("train-reward/countdown/outcome_")]
        assert sum(shares) == pytest.approx(1.0)


def test_vllm_and_trainer_agree_on_probabilities(grpo):
    """The old log-probabilities are vLLM's own (bypass_mode), so the divergence is that of the two engines."""
    run, _, _ = grpo
    assert all(abs(step.data["actor/ppo_kl"]) < 1e-4 for step in read_curve(run)[1:])


def test_validates_sampled_and_greedy(grpo):
    run, _, _ = grpo
    last: Step = read_curve(run)[-1]
    assert {"val-core/countdown/3/acc/mean@1", "val-core/countdown/3/greedy/acc/mean@1"} <= last.data.keys()
    with open(run.validation / f"{STEPS}.jsonl", encoding="utf-8") as dump:  # by lines: responses may hold U+2028
        records = [json.loads(line) for line in dump]
    assert len(records) == 64 and {"acc", "outcome", "pred", "output", "gts"} <= records[0].keys()


def test_the_shipped_model_is_a_base_model(grpo):
    """It is right now and then: there is something to reward, and something left to learn."""
    run, _, _ = grpo
    assert 0.03 < read_curve(run)[0].data["val-core/countdown/3/acc/mean@1"] < 0.6


def test_what_the_user_sees(grpo):
    run, output, _ = grpo
    lines = [line for line in output.splitlines() if line.startswith("step ")]
    assert re.fullmatch(rf"step +{STEPS}/{STEPS}  reward [\d.]+  acc [\d.]+  length [\d.]+  [\d.]+ s  .*", lines[-1])
    assert "(TaskRunner" not in output and "Where everything lies:" in output
    assert (run.folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    assert "accuracy, countdown/3" in (run.folder / "report.md").read_text()


def test_a_finished_run_says_so_and_refuses_other_settings(grpo, place):
    for extra, status, message in (((), 0, "is finished"), (("data.seed=9",), 2, "another configuration")):
        done = subprocess.run(
            command(place, "quickstart_grpo", *extra),
            env=environment(place),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == status and message in done.stdout + done.stderr


def test_ppo_trains_a_critic(place):
    done = subprocess.run(
        command(place, "quickstart_ppo", "trainer.total_training_steps=2", "trainer.val_before_train=False"),
        env=environment(place), capture_output=True, text=True, timeout=700,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    curve = read_curve(Run(place / "runs" / "quickstart_ppo"))
    assert [step.step for step in curve] == [1, 2]
    assert all("critic/vf_loss" in step.data for step in curve)
