"""A real run that is driven into collapse: veRL on the CPU, a learning rate that grows until nothing is left.

By hand, for its four minutes: `bash run_scripts/test.sh slow tests/test_guard_run.py`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from r1_verl.reward import compute_score
from r1_verl.runs import Run, best, read_curve
from r1_verl.training import stages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[1]
PUZZLES = 128
SETTINGS = [
    "+guard=stop", "data.train_batch_size=16", "actor_rollout_ref.actor.ppo_mini_batch_size=16",
    "actor_rollout_ref.rollout.val_kwargs.do_sample=false", "actor_rollout_ref.rollout.val_kwargs.temperature=0",
    "actor_rollout_ref.actor.kl_loss_coef=0.0", "actor_rollout_ref.actor.optim.lr=1.0e-2",
    "actor_rollout_ref.actor.optim.lr_warmup_steps=10", "trainer.save_freq=1", "trainer.test_freq=1",
    "trainer.max_actor_ckpt_to_keep=1", "trainer.total_training_steps=20",
]  # fmt: skip


@pytest.fixture(scope="module")
def ended(tmp_path_factory, composed):
    """(run, how it was ended, a function that gives the command again with more)."""
    place = tmp_path_factory.mktemp("guard")
    script, *arguments = shlex.split(composed("quickstart_grpo").r1_verl.data["data/quickstart"])
    fewer = ["--train-size", "320", "--test-size", str(PUZZLES), "--out", str(place)]
    subprocess.run([sys.executable, str(ROOT / "data_prep" / script), *arguments, *fewer], check=True)
    files = [f"data.train_files={place}/train.parquet", f"data.val_files={place}/test.parquet"]
    env = {**os.environ, "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "RUNS": str(place / "runs"), "CPU": "1"}

    def train(*more: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "r1_verl", "train", "quickstart_grpo", *files, *SETTINGS, *more]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=1200, cwd=place)

    return Run(place / "runs/quickstart_grpo"), train(), train


def test_it_is_stopped_after_a_checkpoint(ended):
    run, done, _ = ended
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    record = json.loads((run.folder / "stopped").read_text())
    curve = read_curve(run)
    # veRL ends a moment after the word to end, and its steps take three seconds here.
    assert record["step"] <= run.last_checkpoint() <= curve[-1].step + 1 < 20
    assert "ALARM: " in done.stdout and f"Stopped after step {record['step']}: {record['reason']}" in done.stdout
    assert "What the guard saw:" in (run.folder / "report.md").read_text() and not run.finished(20)


def test_the_best_checkpoint_is_kept_though_verl_deleted_it(ended):
    run, _, _ = ended
    kept = best.kept(run.best)
    assert kept == max(
        list(best.validated(read_curve(run)))[1:], key=lambda each: each.accuracy
    )  # step 0 saves nothing
    assert not (run.checkpoints / f"global_step_{kept.step}/actor").exists()


def test_its_export_is_as_good_as_the_best_validation(ended):
    """The greedy accuracy on the validation's puzzles, measured again by transformers."""
    run, _, _ = ended
    model = stages.export(run)
    assert abs(greedy_accuracy(model, run.folder.parents[1] / "test.parquet") - best.kept(run.best).accuracy) < 0.05


def greedy_accuracy(model: Path, puzzles: Path) -> float:
    import pandas
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = pandas.read_parquet(puzzles).to_dict("records")
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    prompts = [tokenizer.apply_chat_template(list(row["prompt"]), add_generation_prompt=True, tokenize=False)
               for row in rows]  # fmt: skip
    asked = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.no_grad():
        network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        said = network.generate(**asked, do_sample=False, max_new_tokens=98)[:, asked.input_ids.shape[1] :]
    responses = tokenizer.batch_decode(said, skip_special_tokens=True)
    right = (
        compute_score("countdown", response, row["reward_model"]["ground_truth"])["acc"]
        for response, row in zip(responses, rows, strict=True)
    )
    return sum(right) / len(rows)


def test_it_goes_on_only_at_a_word(ended):
    _, _, train = ended
    again = train()
    assert (
        again.returncode == 2
        and "was stopped after step" in again.stderr
        and "r1_verl.guard.go_on=true" in again.stderr
    )
