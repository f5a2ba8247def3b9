"""A run's folder: identity, attempts, one curve over all of them."""

from __future__ import annotations

import json

import pytest

from r1_verl.report import summary
from r1_verl.runs import Run, RunError, Step, find_run, open_run, read_curve
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
