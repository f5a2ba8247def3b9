"""A run's folder: identity, attempts, one curve over all of them."""

from __future__ import annotations

import json

import pytest
from omegaconf import OmegaConf
from probes import overridden

from r1_verl.report import summary
from r1_verl.runs import Run, RunError, Step, find_run, identity, open_run, read_curve, recorded
from r1_verl.training.launch import progress_line

CONFIG = {"data": {"train_batch_size": 64}, "trainer": {"total_training_steps": 60, "experiment_name": "a"}}


def attempt(run: Run, *records: dict, cut: str = "") -> None:
    curve, log = run.next_attempt()
    log.write_text("")
    curve.write_text("".join(json.dumps(record) + "\n" for record in records) + cut)


def trained(step: int, reward: float) -> dict:
    return {"step": step, "data": {"critic/score/mean": reward, "training/global_step": step}}


def test_same_configuration_opens_again(tmp_path):
    open_run(tmp_path / "r", CONFIG)
    longer = {**CONFIG, "trainer": {**CONFIG["trainer"], "total_training_steps": 100}}
    assert open_run(tmp_path / "r", longer).folder == tmp_path / "r"


def test_another_configuration_is_refused_with_the_choice(tmp_path):
    attempt(open_run(tmp_path / "r", CONFIG), trained(1, 0.1))
    with pytest.raises(RunError, match=r"data.train_batch_size: 64 there, 32 here.*RUN=.*rm -r"):
        open_run(tmp_path / "r", {**CONFIG, "data": {"train_batch_size": 32}})


def test_a_run_without_a_step_takes_another_configuration(tmp_path):
    other = {**CONFIG, "data": {"train_batch_size": 32}}
    attempt(open_run(tmp_path / "r", CONFIG))
    attempt(open_run(tmp_path / "r", other), trained(1, 0.1))
    with pytest.raises(RunError, match="32 there, 64 here"):
        open_run(tmp_path / "r", CONFIG)


def test_two_processes_cannot_share_a_run(tmp_path):
    run = open_run(tmp_path / "r", CONFIG)
    with run.claimed(), pytest.raises(RunError, match="another process"), Run(run.folder).claimed():
        pass
    with run.claimed():
        pass


def test_a_resumed_run_counts_no_step_twice(tmp_path):
    run = open_run(tmp_path / "r", CONFIG)
    validated = {"step": 0, "data": {"val-core/countdown/3/acc/mean@1": 0.2}}
    attempt(run, validated, *(trained(n, 0.1) for n in range(1, 8)), cut='{"step": 8, "da')
    attempt(run, *(trained(n, 0.9) for n in range(6, 9)))
    curve = read_curve(run)
    assert [step.step for step in curve] == list(range(9))
    assert [step.data["critic/score/mean"] for step in curve[1:]] == [0.1] * 5 + [0.9] * 3


def test_a_lost_tail_is_not_in_the_curve(tmp_path):
    run = open_run(tmp_path / "r", CONFIG)
    attempt(run, *(trained(n, 0.1) for n in range(1, 8)))
    attempt(run, {"step": 4, "data": {"val-core/x/acc/mean@1": 0.5}})
    curve = read_curve(run)
    assert [step.step for step in curve] == [1, 2, 3, 4]
    assert curve[-1].data == {**trained(4, 0.1)["data"], "val-core/x/acc/mean@1": 0.5}


# Settings of a recipe, each with another value.
MEMORY_AND_SPEED = (
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=2", "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=4096",
    "actor_rollout_ref.actor.use_dynamic_bsz=false", "critic.ppo_micro_batch_size_per_gpu=1",
    "critic.ppo_max_token_len_per_gpu=4096", "critic.forward_max_token_len_per_gpu=4096",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=2",
    "actor_rollout_ref.ref.log_prob_max_token_len_per_gpu=4096", "actor_rollout_ref.ref.fsdp_config.param_offload=true",
    "actor_rollout_ref.actor.fsdp_config.optimizer_offload=true",
    "actor_rollout_ref.actor.fsdp_config.param_offload=true",
    "critic.fsdp.param_offload=true", "actor_rollout_ref.actor.ulysses_sequence_parallel_size=2",
    "actor_rollout_ref.model.enable_gradient_checkpointing=false", "critic.model.enable_activation_offload=true",
    "actor_rollout_ref.model.use_fused_kernels=true", "actor_rollout_ref.actor.entropy_from_logits_with_chunking=true",
    "actor_rollout_ref.rollout.gpu_memory_utilization=0.2", "actor_rollout_ref.rollout.max_num_seqs=8",
    "actor_rollout_ref.rollout.max_num_batched_tokens=2048", "actor_rollout_ref.rollout.max_model_len=1400",
    "actor_rollout_ref.rollout.enforce_eager=true", "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
    "actor_rollout_ref.rollout.free_cache_engine=false", "actor_rollout_ref.rollout.agent.num_workers=1",
    "data.dataloader_num_workers=0", "data.filter_overlong_prompts_workers=2", "reward.num_workers=2",
    "data.val_batch_size=16", "trainer.save_freq=3", "trainer.project_name=mine",
    "actor_rollout_ref.actor.checkpoint.save_contents=[model,optimizer,extra,hf_model]",
)  # fmt: skip
ANOTHER_EXPERIMENT = (
    "data.train_batch_size=128", "data.max_response_length=512", "data.seed=2", "actor_rollout_ref.model.path=other",
    "actor_rollout_ref.actor.ppo_mini_batch_size=64", "actor_rollout_ref.actor.optim.lr=2e-6",
    "actor_rollout_ref.actor.fsdp_config.model_dtype=bf16", "actor_rollout_ref.actor.kl_loss_coef=0.1",
    "actor_rollout_ref.rollout.n=4", "actor_rollout_ref.rollout.temperature=0.6", "critic.optim.lr=1e-6",
    "actor_rollout_ref.rollout.val_kwargs.n=4", "actor_rollout_ref.actor.strategy=fsdp", "algorithm.lam=0.9",
    "actor_rollout_ref.model.lora_rank=8", "trainer.total_epochs=99", "actor_rollout_ref.rollout.dtype=float16",
)  # fmt: skip


@pytest.fixture(scope="module")
def begun(tmp_path_factory, composed):
    """(folder, configuration) of a run of a recipe with one step in its curve."""
    config = composed("gsm8k_ppo")
    run = open_run(tmp_path_factory.mktemp("runs") / "r", OmegaConf.to_container(config, resolve=True))
    attempt(run, trained(1, 0.1))
    return run.folder, config


def test_what_changes_memory_or_speed_alone_is_the_same_run(begun):
    folder, config = begun
    changed = OmegaConf.to_container(overridden(config, *MEMORY_AND_SPEED), resolve=True)
    assert open_run(folder, changed) == Run(folder)
    assert identity.flat(changed) != identity.flat(OmegaConf.to_container(config, resolve=True))


@pytest.mark.parametrize("override", ANOTHER_EXPERIMENT)
def test_what_changes_the_result_is_another(begun, override):
    folder, config = begun
    with pytest.raises(RunError, match=override.partition("=")[0]):
        open_run(folder, OmegaConf.to_container(overridden(config, override), resolve=True))


def test_a_checkpoint_is_of_a_number_of_gpus(begun):
    folder, config = begun
    with pytest.raises(RunError, match=r"n_gpus_per_node: 4 there, 8 here; veRL loads a checkpoint with as many GPUs"):
        open_run(folder, OmegaConf.to_container(overridden(config, "trainer.n_gpus_per_node=8"), resolve=True))


def test_each_free_setting_is_verls(composed):
    """A pattern that fits no setting of any recipe says nothing."""
    recipes = [composed(name) for name in ("gsm8k_ppo", "tinyzero_ppo")]
    recipes.append(composed("quickstart_sokoban", ("+r1_verl.turns.deadline=20",)))
    keys = {key for config in recipes for key in identity.flat(OmegaConf.to_container(config, resolve=True))}
    unused = [free for group in identity.FREE.values() for free in group if not any(fits(free, key) for key in keys)]
    assert unused == []


def fits(free: str, key: str) -> bool:
    parts, given = free.split("."), key.split(".")
    return len(parts) <= len(given) and all(a in ("*", b) for a, b in zip(parts, given, strict=False))


def test_an_unreadable_record_is_none(tmp_path):
    """The run is not overwritten, and `doctor` doubts it."""
    run = Run(tmp_path / "r")
    saved = run.checkpoints / "global_step_10/actor"
    saved.mkdir(parents=True)
    (saved / "config.json").write_text("{}")
    for record in (None, b"", b"[]", b"a: b: c", b"\xff\xfe", b"\t- x"):
        if record is not None:
            (run.folder / "config.yaml").write_bytes(record)
        assert recorded(run.folder) == {}
        assert open_run(run.folder, CONFIG).last_checkpoint() == 10
    assert (run.folder / "config.yaml").read_bytes() == b"\t- x"


def test_a_sample_response_may_hold_any_end_of_line(tmp_path):
    """veRL writes U+2028 and the like as they are."""
    run = Run(tmp_path)
    run.validation.mkdir()
    row = {"gts": "{}", "score": 1.0, "outcome": "correct", "output": "one\u2028two\x85three\x1cfour\nfive"}
    (run.validation / "3.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    text = summary.write(run)
    assert all(f"      {word}" in text for word in ("one", "two", "three", "four", "five"))


def test_a_dump_that_was_cut_off_loses_its_last_line(tmp_path):
    run = Run(tmp_path)
    run.validation.mkdir()
    row = json.dumps({"gts": "{}", "score": 1.0, "outcome": "correct", "output": "whole"})
    (run.validation / "3.jsonl").write_text("\n".join([row] * 37 + [row[:-9]]), encoding="utf-8")
    assert summary.write(run).count("      whole") == 1  # every 37th line is a sample: the first and the cut one


def test_a_report_takes_what_lies_there(tmp_path):
    """Names that people gave copies, lines that are no records, and ten steps without a validation."""
    run = Run(tmp_path)
    attempt(run, *(trained(step, step / 10) for step in range(1, 11)))
    for name in ("curve/attempt-1 (copy).jsonl", "curve/attempt-x.jsonl", "log/attempt-1.old.log", "log/attempt-.log"):
        (run.folder / name).write_text("{}")
    run.validation.mkdir()
    row = {"gts": "{}", "score": None, "outcome": "wrong", "output": "said"}
    (run.validation / "10.jsonl").write_text("\n".join([json.dumps(row), *["[1, 2]"] * 36, '"text"']))
    for name in ("10.jsonl.bak", "best.jsonl", "²0.jsonl", "-1.jsonl"):
        (run.validation / name).write_text("not read")
    (run.validation / "20.jsonl").mkdir()
    text = summary.write(run)
    assert "No validation yet." in text and "10 steps, " in text and "No validation and" not in text
    assert "reward in training" in text and "      said" in text and "score None" in text
    assert run.next_attempt()[0].name == "attempt-2.jsonl"


def test_numbers_that_are_none_are_said(tmp_path):
    """NaN and infinities in rewards or gradients; a correlation may be NaN."""
    run = Run(tmp_path)
    bad = [{"step": step, "data": {"critic/score/mean": 0.5, "actor/grad_norm": float("nan")}} for step in (3, 4)]
    worse = {"step": 5, "data": {"critic/score/mean": float("inf"), "response_length/mean": float("nan")}}
    fine = {"step": 2, "data": {"critic/score/mean": 0.5, "training/rollout_probs_corr": float("nan")}}
    attempt(run, trained(1, 0.1), fine, *bad, worse, {"step": 6, "data": None}, {"step": "NaN", "data": {}})
    text = summary.write(run)
    assert (
        "In 3 steps (from step 3 to step 5) a number was NaN or infinite (actor/grad_norm, critic/score/mean)" in text
    )
    assert "start again from a checkpoint before step 3" in text and (run.folder / "curve.png").is_file()
    lines = [progress_line(step, None) for step in read_curve(run)]
    assert ["NO NUMBER" in line for line in lines] == [False, False, True, True, True]
    assert lines[2].endswith("NO NUMBER: actor/grad_norm")


def test_old_data_sources_bear_their_tasks_name():
    def accuracies(*sources: str) -> dict[str, float]:
        return summary.validation({f"val-core/{name}/acc/mean@1": at / 10 for at, name in enumerate(sources)})

    assert accuracies("drgrpo/math8k", "mini_r1/3", "kk/3ppl") == {"math8k": 0.0, "countdown/3": 0.1, "kk/3ppl": 0.2}
    both = accuracies("drgrpo/math8k", "simplerl_v1/math8k", "gsm8k")
    assert both == {"drgrpo/math8k": 0.0, "simplerl_v1/math8k": 0.1, "gsm8k": 0.2}


def test_a_run_is_named_by_its_folder_or_below_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    open_run(tmp_path / "runs/mine", CONFIG)
    assert find_run("mine") == find_run(str(tmp_path / "runs/mine")) == Run(tmp_path / "runs/mine")
    (tmp_path / "runs/other").mkdir()  # a folder, and no run's
    for name in ("miné", "other"):
        with pytest.raises(RunError, match=rf"^no run '{name}', neither .*; (did you mean mine\?|there are: mine)$"):
            find_run(name)


def test_a_step_is_one_line():
    data = {
        "critic/score/mean": 0.25, "train-reward/countdown/acc": 0.2, "response_length/mean": 24.6,
        "timing_s/step": 9.87, "val-core/countdown/3/acc/mean@1": 0.4,
    }  # fmt: skip
    assert progress_line(Step(7, data), 60) == (
        "step    7/60  reward 0.250  acc 0.200  length 24.6  9.9 s  validation countdown/3 0.400"
    )
