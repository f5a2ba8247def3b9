"""Stages: where a run starts that follows another, and model folders of checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import stand_ins
import two_steps
import yaml
from scripts import SMALL, script

from r1_verl import cli
from r1_verl.runs import Run, RunError
from r1_verl.training import stages


def checkpoint(run: Run, step: int, weights: bool = True) -> None:
    """A run's checkpoint as veRL lays it out; with weights: save_contents had hf_model in it."""
    folder = run.checkpoints / f"global_step_{step}" / "actor" / "huggingface"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    if weights:
        (folder / "model.safetensors").write_bytes(b"weights")
    (run.checkpoints / "latest_checkpointed_iteration.txt").write_text(str(step))
    (run.folder / "config.yaml").write_text("{}")


def test_a_stage_starts_from_the_last_checkpoint_of_the_one_before(tmp_path):
    first, second = Run(tmp_path / "first"), Run(tmp_path / "second")
    with pytest.raises(RunError, match=r"run that stage first, skip it with MODEL="):
        stages.start("first", second)
    checkpoint(first, 10)
    checkpoint(first, 20)
    start = stages.start("first", second)
    assert start == str(tmp_path / "first/models/step_20") and (Path(start) / "model.safetensors").is_file()
    assert not list(tmp_path.glob("first/models/*.part"))


def test_a_stage_that_has_begun_keeps_its_start(tmp_path):
    first, second = Run(tmp_path / "first"), Run(tmp_path / "second")
    checkpoint(first, 10)
    second.folder.mkdir()
    (second.folder / "config.yaml").write_text(yaml.safe_dump({stages.MODEL: stages.start("first", second)}))
    checkpoint(first, 20)
    assert stages.start("first", second).endswith("step_10")
    assert stages.start("first", Run(tmp_path / "again")).endswith("step_20")  # repeated under another name


def test_a_checkpoint_is_exported_by_hand(tmp_path, capsys, monkeypatch):
    run = Run(tmp_path / "runs/mine")
    checkpoint(run, 5)
    checkpoint(run, 9)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    assert cli.main(["export", "mine", str(tmp_path / "out"), "--step", "5"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    assert cli.main(["export", str(run.folder)]) == 0 and (run.folder / "models/step_9/config.json").is_file()
    assert cli.main(["export", "mine", "--step", "7"]) == 2
    assert "has no checkpoint of step 7 (there are: [5, 9])" in capsys.readouterr().err
    assert cli.main(["export", "mien"]) == 2
    assert "no run 'mien', neither a run's folder nor a name below" in capsys.readouterr().err


def test_a_merger_that_fails_is_quoted_and_leaves_nothing(tmp_path):
    run = Run(tmp_path / "run")
    checkpoint(run, 3, weights=False)  # nothing to merge: veRL's merger itself says so
    with pytest.raises(RunError, match=r"model merger could not convert[\s\S]*Error[\s\S]*all nodes share"):
        stages.export(run)
    assert not (run.folder / "models/step_3").exists()


# --- for real ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """The scripts' variables for two steps on a CPU: its model's stand-in, small sizes, else as published."""
    (tmp_path / "model").mkdir()
    stand_ins.build("Qwen/Qwen2.5-7B-Instruct-1M", tmp_path / "model")
    (tmp_path / "settings").write_text(SMALL)
    two_steps.checkout(tmp_path / "checkout")
    return two_steps.environment(tmp_path, "cpu") | {"FEW": "2", "MANY": "3"}


@pytest.mark.train
@pytest.mark.timeout(3000)
def test_the_three_stages_of_logic_rl(small, tmp_path):
    """Each from the last one's checkpoint (FSDP shards, merged by veRL), by the script that a GPU run uses."""
    done = script("logicrl_stages", env=small, timeout=2900)
    runs = tmp_path / "runs"
    for before, stage in (("logicrl_stage1", "logicrl_stage2"), ("logicrl_stage2", "logicrl_stage3")):
        start = runs / before / "models/step_2"
        assert f"Stage {stage!r} starts from run {before!r}: {start}" in done.stdout
        assert list(start.glob("*.safetensors"))
    assert all(Run(runs / f"logicrl_stage{i}").last_checkpoint() == 2 for i in (1, 2, 3))
    again = script("logicrl_stages", env=small)
    assert again.stdout.count("is finished (2 steps)") == 3


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path):
    yield
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
