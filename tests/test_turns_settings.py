"""Settings of several turns: how they are read, and what doctor says of a recipe that has them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from probes import overridden

from r1_verl import doctor
from r1_verl.data.example import Example, to_batch
from r1_verl.ground_truth import encode
from r1_verl.recipes.settings import Keep, SettingError, Turns, kept_groups, turns
from r1_verl.training import tiny_model


def test_settings_are_read():
    assert turns({"tokens": 4}) == Turns(4, False, 10.0, 2) and turns(None) is None
    assert turns({"tokens": 4, "dense": True, "deadline": 1, "retries": 0}) == Turns(4, True, 1, 0)
    assert kept_groups({"share": 0.25}) == Keep(0.25) and kept_groups({"top_p": 1}) == Keep(None, 1.0)
    assert kept_groups(None) is None


@pytest.mark.parametrize("read, setting, said", [
    (turns, {}, "no tokens"), (turns, 4, "is 4"), (turns, {"tokens": 0}, "whole number from 1"),
    (turns, {"tokens": 4, "retries": -1}, "whole number from 0"), (turns, {"tokens": 4, "dense": 1}, "true or false"),
    (turns, {"tokens": 4, "deadline": 0}, "deadline is 0"), (turns, {"tokens": 4, "token": 5}, "has no token"),
    (kept_groups, {}, "neither"), (kept_groups, {"share": 0.2, "top_p": 0.9}, "share and top_p"),
    (kept_groups, {"share": 0}, "above 0"), (kept_groups, {"top_p": 1.5}, "up to 1"), (kept_groups, 0.25, "is 0.25"),
])  # fmt: skip
def test_settings_that_cannot_be_meant(read, setting, said):
    with pytest.raises(SettingError, match=said):
        read(setting)


def table(truth: str, source: str = "sokoban", gold: str = "<answer>Right</answer>") -> pa.Table:
    made = [Example(source, (("user", "_PXO"),), truth, gold, i, "train", "tiny") for i in range(512)]
    return pa.Table.from_batches([to_batch(made)])


BOARD = encode("sokoban", board="#####/#PXO#/#####", rules="tiny", shortest=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turns")
    good = table(BOARD)
    far = encode("sokoban", board="#####/#PXO#/#####", rules="tiny", shortest=7)
    countdown = encode("countdown", numbers=[1, 2], target=3)
    tables = {
        "good": good, "far": table(far), "countdown": table(countdown, "countdown", "<answer>1+2</answer>"),
        "null": good.append_column("agent_name", pa.array([None, "r1_turns"] * 256)),
        "named": good.append_column("agent_name", pa.array(["r1_turns"] * 512)),
        "rules": table(encode("sokoban", board="#####/#PXO#/#####", rules="ragen_v9")),
    }  # fmt: skip
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"{name}.parquet")
    tiny_model.build(folder / "model", seed=0)
    return folder


SOUND = [
    "data.train_files={place}/good.parquet", "data.val_files={place}/good.parquet", "r1_verl.pays=null",
    "actor_rollout_ref.model.path={place}/model", "r1_verl.turns={tokens: 4}", "data.max_response_length=200",
    "actor_rollout_ref.rollout.max_model_len=248", "data.max_prompt_length=48", "data.train_batch_size=64",
    "actor_rollout_ref.rollout.agent.default_agent_loop=r1_turns", "trainer.default_local_dir={place}/ck",
    "reward.custom_reward_function.reward_kwargs.reward=null",
]  # fmt: skip
MODE = "reward.custom_reward_function.reward_kwargs.mode"
DENSE = ["r1_verl.turns={tokens: 4, dense: true}", f"{MODE}=faithful"]
LOOP = "actor_rollout_ref.rollout.agent.default_agent_loop"


@pytest.fixture
def problems(place, composed, monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def found(*overrides: str, recipe: str = "quickstart_grpo") -> str:
        config = overridden(composed(recipe), *(each.replace("{place}", str(place)) for each in (*SOUND, *overrides)))
        return "\n".join(f"{doctor.said(problem)} | {problem.fix}" for problem in doctor.examine(config))

    return found


def test_a_sound_recipe_of_several_turns_has_no_problem(problems):
    assert problems() == ""
    assert problems(*DENSE, "data.train_batch_size=256", recipe="quickstart_ppo") == ""
    assert problems("data.train_files={place}/named.parquet", f"{LOOP}=r1_stop") == ""


@pytest.mark.parametrize("overrides, said", [
    (["r1_verl.turns=null"], "the agent loop r1_turns has no settings"),
    ([f"{LOOP}=r1_stop"], "r1_verl.turns is set, and the agent loop is 'r1_stop'"),
    (["data.train_files={place}/null.parquet"], "agent_name is null in 256 rows"),
    (["data.train_files={place}/countdown.parquet"], "row 0 is no episode for r1_turns (unknown environment"),
    (["data.train_files={place}/rules.parquet"], "row 0 is no episode for r1_turns (unknown rules 'ragen_v9'"),
    (["data.train_files={place}/far.parquet"], "a doubt: data.train_files: 50 of the first 50 rows need more actions"),
    (["r1_verl.turns={tokens: 300}"], "r1_verl.turns.tokens 300 is more than data.max_response_length 200"),
    (["r1_verl.turns={tokens: 40}"], "a doubt: an episode may have 315 tokens"),
    (["r1_verl.turns={tokens: 4, dense: true}"], "a doubt: r1_verl.turns.dense changes nothing with adv_estimator="),
    (["r1_verl.turns={tokens: 4, dense: true}", f"{MODE}=strict"],
     "a doubt: r1_verl.turns.dense needs the published reward"),
    (["reward.custom_reward_function.reward_kwargs.reward=[sokoban,{part: repetition_dense, ngram: 3, penalty: -0.1}]"],
     "the part repetition_dense pays every token"),
    (["reward.reward_manager.name=dapo"], "the reward manager 'dapo' does not hand on the moves"),
    (["r1_verl.keep={share: 0.25}", "actor_rollout_ref.rollout.n=1"], "r1_verl.keep compares"),
    (["r1_verl.keep={share: 2}"], "r1_verl.keep.share is 2"),
    (["r1_verl.turns={token: 2}"], "r1_verl.turns has no token"),
    (["r1_verl.keep={share: 0.25}", "trainer.v1.sampler.custom_sampler.path=null"], "nothing follows r1_verl.keep"),
])  # fmt: skip
def test_each_mistake_is_named(problems, overrides, said):
    assert said in problems(*overrides)


def test_gamma_counts_tokens(problems):
    assert "algorithm.gamma=0.95 counts tokens, not turns" in problems("algorithm.gamma=0.95", recipe="quickstart_ppo")
    assert "gamma" not in problems("algorithm.gamma=0.95")
