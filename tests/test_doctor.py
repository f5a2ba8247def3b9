"""The preflight: each mistake has a message of its own, and a sound recipe raises none."""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1_verl import doctor, ground_truth, recipes, tiny_model
from r1_verl.data.example import Example, to_batch


def rows(
    source: str = "countdown", truth: str = ground_truth.encode("countdown", numbers=[1, 2], target=3)
) -> pa.Table:
    example = Example(source, (("user", "1 2 = 3"),), truth, "<answer>1+2</answer>", 0, "train", "tiny")
    return pa.Table.from_batches([to_batch([example])])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    pq.write_table(rows(), folder / "good.parquet")
    pq.write_table(rows("countdwn"), folder / "source.parquet")
    pq.write_table(rows(truth='{"numbers":'), folder / "truth.parquet")
    pq.write_table(rows().drop_columns(["reward_model"]), folder / "column.parquet")
    pq.write_table(rows().slice(0, 0), folder / "empty.parquet")
    (folder / "torn.parquet").write_bytes((folder / "good.parquet").read_bytes()[:300])
    tiny_model.build(folder / "model", seed=0)
    return folder


def problems(place, *overrides: str, recipe: str = "quickstart_grpo") -> str:
    sound = [f"data.train_files={place}/good.parquet", f"data.val_files={place}/good.parquet",
             f"actor_rollout_ref.model.path={place}/model", f"trainer.default_local_dir={place}/ck"]  # fmt: skip
    found = doctor.examine(recipes.compose(recipe, [*sound, *(o.format(place=place) for o in overrides)]))
    return "\n".join(f"{problem.what} | {problem.fix}" for problem in found)


@pytest.mark.parametrize("recipe", ["quickstart_grpo", "quickstart_ppo"])
def test_a_sound_recipe_has_no_problem(place, recipe, monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    assert problems(place, recipe=recipe) == ""


MISTAKES = [
    ("data.train_files={place}/none.parquet", "none.parquet is not there"),
    ("data.train_files={place}/torn.parquet", "can't be read as Parquet"),
    ("data.val_files={place}/column.parquet", "has no column reward_model"),
    ("data.train_files={place}/empty.parquet", "has no rows"),
    ("data.train_files={place}/source.parquet", "unknown data source 'countdwn'; did you mean"),
    ("data.train_files={place}/truth.parquet", "a ground truth that can't be read"),
    ("reward.custom_reward_function.reward_kwargs.mode=strikt", "unknown mode 'strikt'; did you mean 'strict'"),
    ("reward.custom_reward_function.reward_kwargs.ladder=tinyzro", "unknown ladder 'tinyzro'; did you mean 'tinyzero'"),
    ("+reward.custom_reward_function.reward_kwargs.laddr=x", "no scorer takes the option 'laddr'"),
    ("ray_kwargs.ray_init.num_cpus=4", "Ray would have 4 CPUs, veRL asks for 5"),
    ("actor_rollout_ref.rollout.n=1", "every advantage is zero"),
    ("actor_rollout_ref.actor.ppo_mini_batch_size=128", "ppo_mini_batch_size 128 is more than train_batch_size 64"),
    ("actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=null", "ppo_micro_batch_size_per_gpu is not set"),
    ("actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=100", "are no multiple of"),
    ("trainer.n_gpus_per_node=3", "do not divide among 3 GPUs"),
    ("actor_rollout_ref.model.path=./nowhere", "the model folder ./nowhere is not there"),
    ("trainer.device=cuda", "VERL_PLATFORM=cpu is set"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES, ids=[mistake for mistake, _ in MISTAKES])
def test_each_mistake_is_named(place, mistake, message, monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    assert message in problems(place, mistake)


def test_the_platform_must_be_exported(place, monkeypatch):
    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    assert "export VERL_PLATFORM=cpu" in problems(place)


def test_versions(place, monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.setattr(doctor, "VERSIONS", {"verl": "9.9.9"})
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    found = problems(place)
    assert "verl is 0.9.1, proved on 9.9.9" in found and "Python 3.14 is not supported" in found


def test_no_room_on_the_disk(place, monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.setattr(doctor, "FREE_GIB", 10**6)
    assert "GiB free under" in problems(place)


def test_command_line(place, capsys, monkeypatch):
    from r1_verl import cli

    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    assert cli.main(["doctor", "quickstart_grpo", "data.train_files=none.parquet"]) == 1
    assert "none.parquet is not there" in capsys.readouterr().out
    assert cli.main(["doctor", "quikstart_grpo"]) == 2
    assert "did you mean quickstart_grpo" in capsys.readouterr().err
    assert cli.main(["doctor"]) == 2
    assert cli.main(["nonsense"]) == 2
