"""veRL for real on the CPU: its trainer, FSDP, vLLM rollouts, TransferQueue and Ray; nothing stands in for them.

One GRPO run is killed with all its processes and resumed; one PPO run has a critic. Both pay parts of every kind, GRPO
masks and moves its coefficients as well. A start takes minutes, so the tests look at the same two runs.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from r1_verl.evaluation.rescore import score_many
from r1_verl.evaluation.response_files import Columns, read
from r1_verl.runs import Run, Step, read_attempt, read_curve
from r1_verl.runs.samples import files

pytestmark = [pytest.mark.train, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[1]
STEPS = 3
SMALL = [
    "data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=8", "trainer.save_freq=1",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8", "critic.ppo_micro_batch_size_per_gpu=8",
    "trainer.test_freq=100", f"trainer.total_training_steps={STEPS}",
    "data.max_response_length=40",  # so that about every tenth response is cut off
    "r1_verl.pays=[countdown,{part:cosine,weight:0.2,max_length:40},{part:kimi_length,weight:0.5},"
    "{part:repetition_dense,ngram:3,penalty:-0.02}]",
    f"trainer.v1.sampler.custom_sampler.path={Path(__file__).with_name('recording_sampler.py')}",
    "trainer.v1.sampler.custom_sampler.name=RecordingReplayBuffer",
]  # fmt: skip
GRPO = [
    "r1_verl.mask=truncated", "r1_verl.schedule={kl_loss_coef:{0:0.0,3:0.05}}", "+entropy=target",
    "r1_verl.entropy.target=9",
]  # fmt: skip
PARTS = ("countdown", "cosine", "kimi_length", "repetition_dense")


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
        f"data.val_files={place}/validation.parquet", *SMALL, f"trainer.rollout_data_dir={place}/{recipe}",
        f"+trainer.v1.sampler.sampler_kwargs.record={place}/{recipe}.jsonl", *overrides,
    ]  # fmt: skip


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "RUNS": str(place / "runs"),
            "DOUBTS": "ok"}  # fmt: skip


def records_of(file: Path) -> list[dict]:
    with open(file, encoding="utf-8") as dump:  # by lines: responses may hold U+2028
        return [json.loads(line) for line in dump]


def recorded(place: Path, recipe: str, step: int) -> dict[str, dict]:
    """{key: what veRL trained on} of a step's responses; the last attempt's, where two made the step."""
    rows = {row["key"]: row for row in records_of(place / f"{recipe}.jsonl") if row["step"] == step}
    kept = {row["uid"] for row in records_of(place / recipe / f"{step}.jsonl")}
    return {key: row for key, row in rows.items() if key in kept}


def sees_every_part(place: Path, recipe: str, curve: list[Step]) -> None:
    """Every part is logged each step; the total is their sum in the curve, in veRL's score and in its dump."""
    for step in curve:
        data, prefix = step.data, "train-reward/countdown"
        parts = [data[f"{prefix}/part_{name}"] for name in PARTS]
        assert all(parts), parts
        assert data[f"{prefix}/score"] == pytest.approx(sum(parts), abs=1e-6)
        assert data["critic/score/mean"] == pytest.approx(sum(parts), abs=1e-6)
        assert data[f"{prefix}/score_before"] == pytest.approx(parts[0] + parts[1], abs=1e-6)
        dump = {row["uid"]: row["score"] for row in records_of(place / recipe / f"{step.step}.jsonl")}
        rows = recorded(place, recipe, step.step)
        assert dump.keys() == rows.keys()
        for key, row in rows.items():
            info = row["extra_fields"]["reward_extra_info"]
            assert sum(json.loads(info["parts"]).values()) == pytest.approx(info["score"], abs=1e-6)
            assert sum(row["rm_scores"]) == pytest.approx(info["score"], abs=1e-6)
            assert dump[key] == pytest.approx(info["score"], abs=1e-6)


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
    arguments = command(place, "quickstart_grpo", *GRPO)
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


def test_every_part_is_in_the_total_that_grpo_trains_on(grpo, place):
    run, _, _ = grpo
    sees_every_part(place, "quickstart_grpo", read_curve(run)[1:])


def test_advantages_by_hand(grpo, place):
    """A response that was cut off trains nothing and counts in its group's mean and spread."""
    masked = []
    for step in range(1, STEPS + 1):
        groups: dict[str, list[dict]] = {}
        for key, row in recorded(place, "quickstart_grpo", step).items():
            groups.setdefault(key.rsplit("_", 2)[0], []).append(row)
        assert [len(group) for group in groups.values()] == [8] * 8
        for group in groups.values():
            totals = [sum(row["rm_scores"]) for row in group]
            for row, total in zip(group, totals, strict=True):
                cut_off = row["extra_fields"]["truncated"]
                masked.append(cut_off)
                assert row["response_mask"] == row["loss_mask"] == [1 - cut_off] * len(row["responses"])
                by_hand = (total - statistics.mean(totals)) / (statistics.stdev(totals) + 1e-6) * (1 - cut_off)
                assert row["advantages"] == pytest.approx([by_hand] * len(row["responses"]), abs=1e-5)
    assert 0 < sum(masked) < len(masked)


def test_facts_of_each_step(grpo, place):
    run, _, _ = grpo
    for step in read_curve(run)[1:]:
        rows = recorded(place, "quickstart_grpo", step.step).values()
        cut_off = statistics.mean(row["extra_fields"]["truncated"] for row in rows)
        assert step.data["train-facts/truncated"] == step.data["train-facts/masked"] == pytest.approx(cut_off)
        assert step.data["train-facts/mask_left_out"] == 0
        assert step.data["train-facts/entropy"] > 0 and step.data["train-facts/samples"] > 0
        assert step.data["timing_s/shape"] < 0.1 * step.data["timing_s/step"]
    assert [step for step, _ in files(run.folder / "samples")] == list(range(1, STEPS + 1))


def test_coefficients_move_and_go_on_where_they_were(grpo):
    """Those that the workers' loss used: KL off, then on; entropy below its target in each step, so a step up."""
    run, _, _ = grpo
    steps = [step.data for step in read_curve(run)[1:]]
    used = [(data["actor/kl_coef"], data["actor/entropy_coeff"]) for data in steps]
    assert used == [(data["train-facts/kl_loss_coef"], data["train-facts/entropy_coeff"]) for data in steps]
    assert used == [(0.0, pytest.approx(0.005)), (0.0, pytest.approx(0.01)), (0.05, pytest.approx(0.015))]


def test_the_sampled_entropy_is_near_the_trainers_own(grpo):
    """One is a mean over sampled tokens, the other over all that could have been sampled there."""
    for step in read_curve(grpo[0])[1:]:
        assert step.data["train-facts/entropy"] == pytest.approx(step.data["actor/entropy_loss"], rel=0.25)


def test_the_sample_of_a_step_holds_its_responses(grpo):
    """64 responses a step are kept, and so many there are: the file tells the step's numbers anew."""
    run, _, _ = grpo
    kept = dict(files(run.folder / "samples"))
    for step in read_curve(run)[1:]:
        with gzip.open(kept[step.step], "rt", encoding="ascii") as file:
            rows = [json.loads(line) for line in file]
        groups: dict[str, list[dict]] = {}
        for row in rows:
            groups.setdefault(row["group"], []).append(row)
        assert [len({row["sample"] for row in group}) for group in groups.values()] == [8] * 8
        assert all(len({row["question"] for row in group}) == 1 for group in groups.values())
        facts = {name.removeprefix("train-facts/"): value for name, value in step.data.items()}
        assert facts["samples"] == 64
        assert step.data["critic/score/mean"] == pytest.approx(statistics.fmean(row["score"] for row in rows))
        assert step.data["response_length/mean"] == pytest.approx(statistics.fmean(row["tokens"] for row in rows))
        assert all(row["masked"] == row["truncated"] for row in rows)
        spreads = [statistics.stdev(row["score"] for row in group) for group in groups.values()]
        assert facts["spread"] == pytest.approx(statistics.fmean(spreads))
        assert facts["all_wrong"] == statistics.fmean(not any(row["acc"] for row in group) for group in groups.values())


def test_a_sample_is_rescored_to_what_was_paid_before_the_group_parts(grpo):
    run, _, _ = grpo
    pays = yaml.safe_load(next(each for each in SMALL if "pays" in each).partition("=")[2].replace(":", ": "))
    for _, file in files(run.folder / "samples"):
        with gzip.open(file, "rt", encoding="ascii") as opened:
            paid = [json.loads(line)["score_before"] for line in opened]
        found = [result["score"] for _, result in score_many(read(file, Columns()), 1, mode="strict", reward=pays)]
        assert found == pytest.approx(paid)


def test_vllm_and_trainer_agree_on_probabilities(grpo):
    """The old log-probabilities are vLLM's own (bypass_mode), so the divergence is that of the two engines."""
    run, _, _ = grpo
    assert all(abs(step.data["actor/ppo_kl"]) < 1e-4 for step in read_curve(run)[1:])


def test_validates_sampled_and_greedy(grpo):
    run, _, _ = grpo
    last: Step = read_curve(run)[-1]
    assert {"val-core/countdown/3/acc/mean@1", "val-core/countdown/3/greedy/acc/mean@1"} <= last.data.keys()
    records = records_of(run.validation / f"{STEPS}.jsonl")
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
            command(place, "quickstart_grpo", *GRPO, *extra),
            env=environment(place),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == status and message in done.stdout + done.stderr


def test_ppo_trains_a_critic(place):
    done = subprocess.run(
        command(place, "quickstart_ppo", "trainer.total_training_steps=2", "trainer.val_before_train=False",
                "actor_rollout_ref.rollout.n=2"),
        env=environment(place), capture_output=True, text=True, timeout=700,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    curve = read_curve(Run(place / "runs" / "quickstart_ppo"))
    assert [step.step for step in curve] == [1, 2]
    assert all("critic/vf_loss" in step.data for step in curve)
    sees_every_part(place, "quickstart_ppo", curve)
    dense = [row for row in recorded(place, "quickstart_ppo", 2).values() if any(row["rm_scores"][:-1])]
    assert dense  # a penalty stands where the repetition does
