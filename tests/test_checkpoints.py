"""Checkpoints that a kill, a full disk or a copy has torn: the last whole one is found, and what is torn is named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from r1_verl.runs import Run, RunError, checkpoints, open_run
from r1_verl.training import resume


def saved(run: Run, step: int, ranks: int = 1, parts: tuple[str, ...] = ("actor",)) -> Path:
    """A checkpoint as veRL lays it out; what torch.save writes is a zip archive."""
    folder = run.checkpoints / f"global_step_{step}"
    for part in parts:
        (folder / part / "huggingface").mkdir(parents=True)
        for rank in range(ranks):
            for what in ("model", "optim", "extra_state"):
                _archive(folder / part / f"{what}_world_size_{ranks}_rank_{rank}.pt", step)
    _archive(folder / "data.pt", step)
    (run.checkpoints / checkpoints.TRACKER).write_text(str(step))
    return folder


def _archive(path: Path, step: int) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", f"step {step} " * 100)


def cut(path: Path, to: int = 50) -> None:
    path.write_bytes(path.read_bytes()[:to])


@pytest.fixture
def run(tmp_path):
    """Two whole checkpoints, of steps 10 and 20."""
    run = Run(tmp_path / "run")
    saved(run, 10)
    saved(run, 20)
    return run


def remove(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            remove(inner)
        path.rmdir()
    else:
        path.unlink()


# what happens to the run's checkpoints, the step to go on from, what is said (the last one of it)
TORN = {
    "whole": (lambda at: None, 20, ""),
    "the tracker is empty": (
        lambda at: (at / checkpoints.TRACKER).write_text(""), 20, f"{checkpoints.TRACKER} is empty"
    ),
    "the tracker is cut off": (
        lambda at: (at / checkpoints.TRACKER).write_text("2"), 20,
        f"{checkpoints.TRACKER} names step 2, and there is no global_step_2"
    ),
    "the tracker is no number": (
        lambda at: (at / checkpoints.TRACKER).write_text("\x00\x00"), 20, f"{checkpoints.TRACKER} holds '\\x00\\x00'"
    ),
    "the tracker is gone": (lambda at: remove(at / checkpoints.TRACKER), 20, ""),
    "the last folder is gone": (
        lambda at: remove(at / "global_step_20"), 10,
        f"{checkpoints.TRACKER} names step 20, and there is no global_step_20"
    ),
    "the tracker was set back": (lambda at: (at / checkpoints.TRACKER).write_text("10\n"), 10, ""),
    "no actor": (lambda at: remove(at / "global_step_20/actor"), 10, "global_step_20 has no folder actor"),
    "veRL deleted the first beyond max_actor_ckpt_to_keep": (lambda at: remove(at / "global_step_10/actor"), 20, ""),
    "an empty actor": (
        lambda at: [remove(each) for each in (at / "global_step_20/actor").iterdir()], 10,
        "global_step_20 has nothing in its folder actor"
    ),
    "a shard is empty": (
        lambda at: cut(at / "global_step_20/actor/model_world_size_1_rank_0.pt", 0), 10,
        "global_step_20 is torn: actor/model_world_size_1_rank_0.pt was cut off"
    ),
    "the optimizer is cut off": (
        lambda at: cut(at / "global_step_20/actor/optim_world_size_1_rank_0.pt"), 10,
        "global_step_20 is torn: actor/optim_world_size_1_rank_0.pt was cut off"
    ),
    "the place in the data is cut off": (
        lambda at: cut(at / "global_step_20/data.pt"), 10, "global_step_20 is torn: data.pt was cut off"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TORN)
def test_the_last_whole_checkpoint(case, run):
    tear, last, said = TORN[case]
    tear(run.checkpoints)
    found = checkpoints.look(run.checkpoints)
    assert found.last == run.last_checkpoint() == last
    assert (said == "" and found.torn == ()) or any(said in each for each in found.torn), found.torn


@pytest.mark.parametrize("case", TORN)
def test_verl_is_made_to_go_on_from_it(case, run):
    """The tracker, which veRL reads, names that checkpoint (`test_verl_run.py` sees veRL resume from it)."""
    tear, last, said = TORN[case]
    tear(run.checkpoints)
    start = resume.plan(run, config())
    resume.mend_tracker(run, start.step)
    assert start.step == last and f"Resuming run 'run' after step {last}" in start.said[-1]
    assert not said or any(line.startswith("Torn: ") and said in line for line in start.said)
    assert (run.checkpoints / checkpoints.TRACKER).read_text().strip() == str(last)
    assert checkpoints.look(run.checkpoints).last == last


def config(mode: str = "auto", path: Path | str | None = None, workers: int = 8):
    """The settings that decide where an attempt starts."""
    return OmegaConf.create({
        "trainer": {"resume_mode": mode, "resume_from_path": path and str(path)},
        "data": {"dataloader_num_workers": workers},
    })  # fmt: skip


def test_a_save_that_was_cut_off_before_the_tracker_is_not_the_last(run):
    """The shards of step 30 are whole, and veRL had not come to the rest."""
    later = saved(run, 30)
    (later / "data.pt").unlink()
    (run.checkpoints / checkpoints.TRACKER).write_text("")
    found = checkpoints.look(run.checkpoints)
    assert found.last == 20 and "global_step_30 was cut off while veRL wrote it: it has no data.pt" in found.torn


def test_nothing_whole_is_left(run):
    """veRL would train from scratch where the tracker's folder is gone, and fail where the tracker is empty."""
    for step in (10, 20):
        remove(run.checkpoints / f"global_step_{step}/actor")
    with pytest.raises(RunError, match=r"no checkpoint .* is whole .*global_step_20 has no folder actor.*RUN=.* rm "):
        resume.plan(run, config())


def test_a_first_save_that_was_cut_off_begins_the_run_again(tmp_path):
    run = Run(tmp_path / "run")
    cut(saved(run, 10) / "actor/model_world_size_1_rank_0.pt")
    (run.checkpoints / checkpoints.TRACKER).unlink()
    start = resume.plan(run, config())
    assert start.step == 0 and start.overrides == () and "global_step_10 is torn" in start.said[0]


@pytest.mark.parametrize(("nodes", "whole"), [(1, False), (2, True)])
def test_shards_of_other_nodes_may_lie_there(tmp_path, nodes, whole):
    run = Run(tmp_path / "run")
    folder = saved(run, 10, ranks=4, parts=("actor", "critic"))
    (run.folder / "config.yaml").write_text(f"trainer.n_gpus_per_node: 2\ntrainer.nnodes: {nodes}\n")
    assert checkpoints.look(run.checkpoints).torn == ()
    for part in ("actor", "critic"):
        for rank in (2, 3):
            (folder / part / f"model_world_size_4_rank_{rank}.pt").unlink()
    torn = () if whole else ("global_step_10 lacks actor shards of 2 of 4 GPUs (rank 2 and more)",)
    assert checkpoints.look(run.checkpoints).torn[: len(torn) or None] == torn


def test_other_names_are_no_checkpoints(run):
    for name in ("global_step_x", "global_step_", "global_step_30.old", "global_step_²"):
        (run.checkpoints / name).mkdir()
    (run.checkpoints / "global_step_40").write_text("")
    assert checkpoints.look(run.checkpoints) == checkpoints.Found(20, 20, (10, 20), ())


def test_resuming_from_a_named_checkpoint(run):
    named = run.checkpoints / "global_step_10"
    start = resume.plan(run, config("resume_path", f"{named}/"))
    assert start.step == 10
    assert start.overrides == ("trainer.val_before_train=False", f"trainer.resume_from_path={named}")
    for path, said in (("global_step_30", "is not there"), ("latest", "names no check"), ("", "names no check")):
        with pytest.raises(RunError, match=said):
            resume.plan(run, config("resume_path", run.checkpoints / path if path else None))


def test_starting_over_is_said(run):
    assert resume.plan(run, config("disable")) == resume.Start(
        0, ("Not resuming after step 20: trainer.resume_mode=disable.",), ()
    )


def test_the_place_in_the_data_keeps_its_workers(tmp_path):
    """torchdata's loader refuses the place that another number of workers saved."""
    run, eight = Run(tmp_path / "run"), {"data": {"dataloader_num_workers": 8}}
    open_run(run.folder, eight)
    saved(run, 10)
    open_run(run.folder, {"data": {"dataloader_num_workers": 2}})
    start = resume.plan(run, config(workers=2))
    assert "data.dataloader_num_workers=8" in start.overrides and "stays 8" in start.said[0]
    assert resume.plan(run, config(workers=8)).overrides == ("trainer.val_before_train=False",)
