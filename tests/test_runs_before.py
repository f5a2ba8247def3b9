"""Runs that earlier versions of this package began: the same command goes on with them, another setting is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import r1_verl
from r1_verl import recipes
from r1_verl.runs import Run, RunError, identity, open_run, run_overrides

# What the first quickstart had, and its script still says under BASE=build.
FIRST = ("actor_rollout_ref.model.path=models/quickstart", "data.val_files=data/quickstart/test.parquet")
RECORDED = {
    "runs_d47cf84/tinyzero_ppo": (), "runs_d47cf84/quickstart_grpo": FIRST, "runs_eff6cb1/gsm8k_ppo": (),
    "runs_eff6cb1/gsm8k_grpo": (), "runs_eff6cb1/openr1_qwen_1_5b": (),
}  # fmt: skip


def begin(folder: Path, config: str) -> Run:
    """A run of this recorded configuration with one step in its curve."""
    run = Run(folder)
    run.folder.mkdir()
    (run.folder / "config.yaml").write_text(config)
    curve, _ = run.next_attempt()
    curve.write_text(json.dumps({"step": 1, "data": {"critic/score/mean": 0.1}}) + "\n")
    return run


def now(run: Run, recipe: str, *overrides: str) -> dict:
    given = [*run_overrides(run.folder), "++ray_kwargs.ray_init.address=local", *overrides]
    return OmegaConf.to_container(recipes.compose(recipe, given), resolve=True)


@pytest.fixture(params=RECORDED)
def begun_before(request, tmp_path, fixtures):
    """(run, recipe, overrides): as the package recorded it at the commit in the folder's name."""
    recorded = gzip.decompress((fixtures / f"{request.param}.yaml.gz").read_bytes()).decode()
    recipe = Path(request.param).name
    package = str(Path(r1_verl.__file__).parent)
    return begin(tmp_path / recipe, recorded.replace("PACKAGE", package)), recipe, RECORDED[request.param]


def test_a_run_begun_before_goes_on(begun_before):
    """Recipes have since come to set attention, the longest text, the reference's type and the reward's name."""
    run, recipe, overrides = begun_before
    assert open_run(run.folder, now(run, recipe, *overrides)) == run


def test_but_not_with_another_setting(begun_before):
    run, recipe, overrides = begun_before
    one_key = r"^.*\(algorithm.gamma: 1.0 there, 0.5 here\).*RUN=another-name.*$"
    with pytest.raises(RunError, match=one_key):
        open_run(run.folder, now(run, recipe, *overrides, "algorithm.gamma=0.5"))


@pytest.mark.parametrize("old", ["runs_eff6cb1/gsm8k_ppo", "runs_eff6cb1/openr1_qwen_1_5b"])
def test_nor_with_another_scale_or_option_of_the_reward(old, tmp_path, fixtures):
    recipe = Path(old).name
    run = begin(tmp_path / recipe, gzip.decompress((fixtures / f"{old}.yaml.gz").read_bytes()).decode())
    key, pays = {
        "gsm8k_ppo": ("scale: 'centred' there, 'binary' here", "r1_verl.pays.scale=binary"),
        "openr1_qwen_1_5b": (
            "reward.accuracy.weight: 1 there, 2 here",
            "r1_verl.pays=[{name:openr1,weight:0},{part:accuracy,weight:2},format_feb]",
        ),
    }[recipe]  # fmt: skip
    with pytest.raises(RunError, match=f"reward_kwargs.{key}"):
        open_run(run.folder, now(run, recipe, pays))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("drgrpo", "orz", "reward_kwargs.reward: 'drgrpo' there, 'orz' here"),
        ("null", "orz", "reward_kwargs.reward: None there, 'orz' here"),
        ("{name:drgrpo,scale:centred}", "drgrpo", "reward_kwargs.scale: 'centred' there, None here"),
        ("drgrpo", "{name:drgrpo}", ""),
        ("[drgrpo,{part:repetition,weight:0.5}]", "[{name:drgrpo,weight:1},{weight:0.5,part:repetition}]", ""),
        (
            "[drgrpo,{part:repetition,weight:0.5}]", "[drgrpo,repetition]",
            "reward_kwargs.reward.repetition.weight: 0.5 there, 1.0 here",
        ),
        (
            "[drgrpo,{part:repetition,ngram:3}]", "[drgrpo,{part:repetition,ngram:4}]",
            "reward_kwargs.reward.repetition.ngram: 3 there, 4 here",
        ),
        ("[drgrpo,repetition]", "[drgrpo]", "reward_kwargs.reward.repetition.weight: 1.0 there, None here"),
        (
            "[repetition,{part:repetition,ngram:2}]", "[repetition,{part:repetition,ngram:3}]",
            "reward_kwargs.reward.repetition_2.ngram: 2 there, 3 here",
        ),
        (
            "{name:openr1,options:{openr1_weights:{accuracy:1,tag_count:0.5}}}",
            "[{name:openr1,weight:0},accuracy,{part:tag_count,weight:0.5}]", "",
        ),
    ],
)  # fmt: skip
def test_a_run_goes_on_with_the_reward_it_began_with(first, second, said, tmp_path):
    run = Run(tmp_path / "drgrpo")
    open_run(run.folder, now(run, "drgrpo", f"r1_verl.pays={first}"))
    curve, _ = run.next_attempt()
    curve.write_text(json.dumps({"step": 1, "data": {}}) + "\n")
    changed = now(run, "drgrpo", f"r1_verl.pays={second}")
    if not said:
        assert open_run(run.folder, changed) == run
        return
    with pytest.raises(RunError) as refused:
        open_run(run.folder, changed)
    assert f"({identity.KWARGS.removesuffix('reward_kwargs')}{said})" in str(refused.value)


def test_a_run_of_dapo_goes_on_whose_reward_manager_had_the_penalty(tmp_path):
    """The part that stands in the recipe now pays the same; another buffer does not."""
    run, overlong = Run(tmp_path / "dapo"), "+reward.reward_kwargs.overlong_buffer_cfg"
    before = now(
        run, "dapo", "r1_verl.pays=dapo", "reward.reward_manager.name=dapo", "+reward.reward_kwargs.max_resp_len=20480",
        f"{overlong}.enable=true", f"{overlong}.len=4096", f"{overlong}.penalty_factor=1.0", f"{overlong}.log=true",
    )  # fmt: skip
    open_run(run.folder, before)
    curve, _ = run.next_attempt()
    curve.write_text(json.dumps({"step": 1, "data": {}}) + "\n")
    assert open_run(run.folder, now(run, "dapo")) == run
    with pytest.raises(RunError, match=r"reward_kwargs\.reward\.soft_overlong\.buffer: 4096 there, 2048 here"):
        open_run(run.folder, now(run, "dapo", "r1_verl.pays.1.buffer=2048"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["r1_verl.samples.responses=8"], ""),
        (["r1_verl.mask=truncated"], "(r1_verl.mask: None there, 'truncated' here)"),
    ],
)
def test_the_samples_kept_may_change_and_the_mask_may_not(changed, said, tmp_path):
    run = Run(tmp_path / "drgrpo")
    open_run(run.folder, now(run, "drgrpo"))
    curve, _ = run.next_attempt()
    curve.write_text(json.dumps({"step": 1, "data": {}}) + "\n")
    if not said:
        assert open_run(run.folder, now(run, "drgrpo", *changed)) == run
        return
    with pytest.raises(RunError) as refused:
        open_run(run.folder, now(run, "drgrpo", *changed))
    assert said in str(refused.value)


def test_what_makes_the_data_is_no_part_of_the_experiment(tmp_path):
    run = Run(tmp_path / "drgrpo")
    open_run(run.folder, now(run, "drgrpo"))
    (run.folder / "curve").mkdir()
    (run.folder / "curve/attempt-1.jsonl").write_text(json.dumps({"step": 1, "data": {}}) + "\n")
    changed = now(run, "drgrpo")
    changed["r1_verl"]["data"] = {"data/drgrpo": "my_own.py"}
    assert open_run(run.folder, changed) == run
