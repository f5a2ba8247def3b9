"""`r1_verl.pays` as a list: a judge and parts beside it."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from omegaconf import OmegaConf

from r1_verl import compute_score
from r1_verl.doctor import parts as doctor_parts
from r1_verl.doctor import reward as doctor_reward
from r1_verl.ground_truth import encode
from r1_verl.reward import compose, sources
from r1_verl.reward.compose import MissingFactError
from r1_verl.reward.parts import PARTS
from r1_verl.scorers import UnknownNameError
from r1_verl.training import pays

MATH = encode("math", answer="5")
RIGHT = "<think>x</think><answer>\\boxed{5}</answer>"
WRONG = "<think>again and again and again</think><answer>\\boxed{6}</answer>"
COSINE = {"part": "cosine", "max_length": 100}
KEYS = ["score", "acc", "format", "outcome", "pred", "parts", "later"]


def paid(text: str, reward: object, info: dict | None = None, mode: str = "strict", **more: object) -> dict:
    return compute_score(
        "math8k", text, MATH, {"response_tokens": 50, **(info or {})}, reward=reward, mode=mode, **more
    )


def parts(text: str, reward: object, **more: object) -> dict[str, float]:
    return json.loads(paid(text, reward, **more)["parts"])


@pytest.mark.parametrize("text", [RIGHT, WRONG, "", "\ud800\x00", "a " * 300_000])
@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_the_total_is_the_sum_of_the_logged_parts_and_acc_is_the_judges(text, mode):
    reward = [
        {"name": "openr1", "weight": 0.5}, "reasoning_steps", {"part": "repetition", "weight": 0.25, "ngram": 2},
        COSINE, {"part": "language", "weight": -1}, "kimi_length", {"part": "repetition_dense", "weight": 2},
    ]  # fmt: skip
    alone = paid(text, "openr1", mode=mode)
    found = paid(text, reward, mode=mode)
    logged = json.loads(found["parts"])
    assert list(found) == KEYS
    assert list(logged) == [
        *json.loads(alone["parts"]), "reasoning_steps", "repetition", "cosine", "language",
    ]  # fmt: skip
    assert found["score"] == pytest.approx(sum(logged.values()), abs=1e-9)
    assert {key: found[key] for key in KEYS[1:5]} == {key: alone[key] for key in KEYS[1:5]}
    assert found["later"] == "kimi_length, repetition_dense"
    for name, value in json.loads(alone["parts"]).items():
        assert logged[name] == 0.5 * value


def test_weights_multiply_and_a_judge_of_weight_0_pays_nothing_by_itself():
    assert parts(RIGHT, [{"name": "drgrpo", "scale": "plus_minus", "weight": 2}]) == {"drgrpo": 2.0}
    assert parts(WRONG, [{"name": "drgrpo", "scale": "plus_minus", "weight": 2}]) == {"drgrpo": -2.0}
    assert parts(RIGHT, [{"name": "drgrpo", "weight": 0}, {"part": "accuracy", "weight": 3}]) == {"accuracy": 3.0}
    assert paid(RIGHT, [{"name": "drgrpo", "weight": 0}, "kimi_length"])["parts"] == ""
    assert paid(RIGHT, [{"name": "drgrpo", "weight": 0}, "kimi_length"])["score"] == 0.0
    assert parts(WRONG, [{"name": "openr1", "scale": "plus_minus"}]) == {"openr1": -1.0}


def test_without_a_named_judge_the_data_source_judges():
    assert parts(RIGHT, ["soft_format"]) == {"math": 1.0, "soft_format": 1.0}
    assert parts(RIGHT, [{"name": None, "weight": 0}, "accuracy"]) == {"accuracy": 1.0}
    assert parts(RIGHT, [{"name": None, "weight": 2}]) == {"math": 2.0}
    assert parts(WRONG, ["soft_format"], scale="plus_minus") == {"math": -1.0, "soft_format": 1.0}


def test_every_logged_name_stands_once():
    twice = [{"name": "openr1"}, "format", "repetition", {"part": "repetition", "ngram": 2, "weight": 2}, "repetition"]
    assert list(parts(WRONG, twice)) == [
        "accuracy", "openr1_format", "tag_count", "format", "repetition", "repetition_2", "repetition_3",
    ]  # fmt: skip


def test_a_published_part_goes_by_the_published_verdict():
    """Faithful: math-verify finds the right answer in the thinking, where the strict judge does not look."""
    text = "<think>\\boxed{5}</think><answer>six</answer>"
    reward = [{"name": "openr1", "weight": 0}, "accuracy", {**COSINE, "min_value_correct": 0.5}]
    found = paid(text, reward, mode="faithful")
    assert (found["acc"], found["outcome"]) == (0.0, "correct")
    assert json.loads(found["parts"]) == {"accuracy": 1.0, "cosine": pytest.approx(0.75)}
    assert parts(text, reward, mode="strict")["accuracy"] == 0.0


def test_a_row_whose_ground_truth_cannot_be_read_earns_nothing_by_the_verdict():
    reward = [{"name": "openr1", "weight": 0}, "accuracy", COSINE, "cosine_characters", "soft_format"]
    found = compute_score("math8k", RIGHT, "", {"response_tokens": 5}, reward=reward)
    assert found["outcome"] == "bad_ground_truth"
    assert json.loads(found["parts"]) == {
        "accuracy": 0.0, "cosine": 0.0, "cosine_characters": 0.0, "soft_format": 1.0,
    }  # fmt: skip


def test_a_prompt_that_opened_the_thinking_counts_for_the_form():
    text = RIGHT.removeprefix("<think>")
    reward = [{"name": "openr1", "weight": 0}, "format"]
    assert parts(text, reward) == {"format": 0.0}
    assert parts(text, reward, info={"think_in_prompt": True}) == {"format": 1.0}
    assert parts(text, reward, think_in_prompt=True) == {"format": 1.0}


def test_text_after_a_stop_is_read_by_no_part():
    reward = [{"name": "openr1", "weight": 0}, "format"]
    assert parts(f"{RIGHT} and on", reward) == {"format": 0.0}
    assert parts(f"{RIGHT} and on", reward, stop="</answer>") == {"format": 1.0}


@pytest.mark.parametrize("tokens", [None, -1, "50", float("nan")])
def test_a_length_that_nobody_counted_is_named(tokens):
    with pytest.raises(MissingFactError) as caught:
        compute_score("math8k", RIGHT, MATH, {"response_tokens": tokens}, reward=["accuracy", COSINE])
    message = str(caught.value)
    assert "the part 'cosine' needs extra_info['response_tokens']" in message and "\n" not in message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # Ray and process pools pass it on


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        ("repetition", "'repetition' is a part of a reward: write a list, [REWARD, repetition]"),
        ({"part": "repetition"}, "'repetition' is a part of a reward: write a list"),
        ([], "an empty list pays nothing"),
        ([7], "7 in the list of what is paid is neither"),
        (["acuracy"], "unknown reward or part 'acuracy'; did you mean 'accuracy'?"),
        (["drgrp"], "unknown reward or part 'drgrp'; did you mean 'drgrpo'"),
        ([{"part": "acuracy"}], "unknown part 'acuracy'; did you mean 'accuracy'?"),
        ([{"name": "repetition"}], "unknown reward 'repetition'"),
        ([{"name": "drgrpo", "part": "accuracy"}], "in the list of what is paid is neither"),
        ([{"weight": 2}], "in the list of what is paid is neither"),
        (["drgrpo", {"name": "orz"}], "two rewards in one list, 'drgrpo' and 'orz': one judges"),
        ([{"name": "drgrpo", "wieght": 2}], "unknown key of the reward 'wieght'; did you mean 'weight'?"),
        ([{"name": "drgrpo", "weight": "1"}], "the weight of the reward 'drgrpo' is no number: '1'"),
        ([{"part": "accuracy", "weight": None}], "the weight of the part 'accuracy' is no number: None"),
        ([{"part": "accuracy", "weight": True}], "the weight of the part 'accuracy' is no number: True"),
        ([{"part": "accuracy", "weight": float("inf")}], "the weight of the part 'accuracy' is no number: inf"),
        ([{"part": "repetition", "n_gram": 3}], "part 'repetition': unknown option 'n_gram'; did you mean 'ngram'"),
        ([{"part": "repetition", "ngram": "three"}], "part 'repetition': ngram is 'three'"),
        ([{"part": "repetition", "max_penalty": 1}], "part 'repetition': max_penalty is 1"),
        (["cosine"], "part 'cosine': it needs the option 'max_length'"),
        ([{"name": "drgrpo", "scale": "binry"}], "unknown scale 'binry'"),
        ([{"name": "openr1", "options": {"openr1_weight": {}}}], "reward 'openr1': unknown option"),
    ],
)
def test_a_list_that_cannot_be_read_says_what_to_write(reward, words):
    with pytest.raises(UnknownNameError) as caught:
        paid(RIGHT, reward)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_name_that_is_a_reward_and_a_part_has_to_be_told_apart(monkeypatch):
    monkeypatch.setitem(PARTS, "drgrpo", PARTS["accuracy"]._replace(name="drgrpo"))
    with pytest.raises(UnknownNameError, match=r"is a reward and a part: write \{name: drgrpo\} or \{part: drgrpo\}"):
        paid(RIGHT, ["drgrpo"])
    assert parts(RIGHT, [{"name": "drgrpo"}, {"part": "drgrpo"}]) == {"drgrpo_drgrpo": 1.0, "drgrpo": 1.0}


def test_a_part_that_raises_is_told_once_and_worth_nothing(monkeypatch, capsys):
    def broken(text, facts):
        raise RuntimeError("oops" * bool(text))

    monkeypatch.setitem(PARTS, "accuracy", PARTS["accuracy"]._replace(function=broken))
    monkeypatch.setattr("r1_verl.reward.compose.check", lambda part, options: None)
    compose.complain.cache_clear()
    reward = ["accuracy", "soft_format"]
    assert [parts(RIGHT, reward) for _ in range(2)] == [{"math": 1.0, "accuracy": 0.0, "soft_format": 1.0}] * 2
    assert capsys.readouterr().err.count("part 'accuracy' raised RuntimeError('oops')") == 1


def test_the_same_list_is_read_once_and_a_changed_one_again(monkeypatch):
    reward = [{"name": "openr1", "weight": 0}, {"part": "accuracy", "weight": 1}]
    assert parts(RIGHT, reward) == {"accuracy": 1.0}
    first = compose.read(reward)
    assert compose.read(reward) is first and compose.read(copy.deepcopy(reward)) == first
    assert compose.read(reward) is not first  # another was read meanwhile
    reward[1]["weight"] = 3
    assert parts(RIGHT, reward) == {"accuracy": 3.0}


def test_a_list_comes_from_omegaconf_as_verl_hands_it_over():
    config = OmegaConf.create(
        {
            "data": {"length": 100},
            "pays": [{"name": "openr1", "weight": 0}, "accuracy", {"part": "cosine", "max_length": "${data.length}"}],
            "reward_kwargs": {"mode": "faithful", "reward": "${pays}"},
        }
    )
    keywords = dict(config.reward_kwargs)
    for _ in range(2):
        found = compute_score("math8k", RIGHT, MATH, {"response_tokens": 100}, **keywords)
        assert json.loads(found["parts"]) == {"accuracy": 1.0, "cosine": 0.5}
    assert compose.needs(keywords["reward"]) == {"tokens"}
    assert compose.needs("drgrpo") == compose.needs(None) == frozenset()
    assert compose.needs([{"part": "language"}, "kimi_length"]) == {"question", "tokens"}


# --- what recipes pay -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ("openr1_qwen_1_5b", "openr1, as published, judges and pays nothing by itself; parts: accuracy, format_feb"),
        ("dapo", "dapo, as published, scale plus_minus; parts: soft_overlong (max_length 20480, buffer 4096)"),
        ("logicrl_language", "kk, as published, scale logicrl; parts: language (language en)"),
    ],
)
def test_the_line_of_a_run_tells_the_parts(recipe, line, composed):
    assert pays.line(composed(recipe)) == line


def test_the_line_tells_what_the_sampler_adds_and_how_the_estimator_takes_it(composed):
    config = copy.deepcopy(composed("drgrpo"))
    config.r1_verl.pays = [{"name": "drgrpo", "weight": 2}, {"part": "repetition_dense", "weight": 0.5}, "kimi_length"]
    assert pays.line(config) == (
        "drgrpo, as published, scale binary, x 2; within each group: kimi_length; on each token, of which grpo takes a "
        "response's sum: repetition_dense x 0.5"
    )
    config.algorithm.adv_estimator = "gae"
    assert pays.line(config).endswith("; on each token: repetition_dense x 0.5")
    config.r1_verl.pays = ["accuracy"]
    assert pays.line(config) == "the reward of each row's data source, as published; parts: accuracy"


def test_open_r1s_list_pays_what_its_weights_paid():
    """openr1_weights, the older form, beside the list that stands in its place, over texts of every kind."""
    weights = {"accuracy": 1, "format_feb": 0.5, "tag_count": 0.25, "reasoning_steps": 2}
    reward = [{"name": "openr1", "weight": 0}, *({"part": name, "weight": weight} for name, weight in weights.items())]
    texts = (
        RIGHT, WRONG, "", "<think>\nFirst, x\n</think>\n<answer>\n$5$\n</answer>", "Step 1: \\boxed{5}",
        f"{RIGHT}\njunk", RIGHT + RIGHT, RIGHT.removeprefix("<think>"),
    )  # fmt: skip
    for mode in ("strict", "faithful"):
        for text in texts:
            before = compute_score("math8k", text, MATH, reward="openr1", mode=mode, openr1_weights=weights)
            found = paid(text, reward, mode=mode)
            assert found["score"] == pytest.approx(before["score"], abs=1e-9)
            assert json.loads(found["parts"]) == json.loads(before["parts"]) and found["acc"] == before["acc"]


def test_sources_lists_the_parts():
    table = sources.parts().splitlines()
    assert len(table) == len(PARTS) + 1
    line = next(line for line in table if line.startswith("cosine "))
    assert "max_length (needed)" in line and "demystify" in line
    assert "a group of responses" in next(line for line in table if line.startswith("kimi_length"))


# --- the doctor -------------------------------------------------------------------------------------------------------

PAYS = "r1_verl.pays"
MISFITS = [
    ({PAYS: ["acuracy"]}, "unknown reward or part 'acuracy'; did you mean 'accuracy'?"),
    ({PAYS: [{"part": "accuracy", "weight": "much"}]}, "the weight of the part 'accuracy' is no number: 'much'"),
    (
        {PAYS: ["drgrpo", COSINE], "reward.reward_manager.name": "dapo"},
        "the part cosine needs a response's length, and the reward manager 'dapo' does not hand it on",
    ),
    ({PAYS: ["drgrpo", COSINE], "reward.reward_manager.name": "gdpo"}, "the reward manager 'gdpo' does not hand it on"),
    (
        {PAYS: ["drgrpo", "kimi_length"], "actor_rollout_ref.rollout.agent.default_agent_loop": "tool_agent"},
        "the part kimi_length needs a response's length, and the agent loop 'tool_agent' does not count it",
    ),
    (
        {PAYS: ["drgrpo", COSINE], "actor_rollout_ref.rollout.agent.agent_loop_config_path": None},
        "the part cosine needs a response's length, and the agent loop",
    ),
    (
        {PAYS: ["drgrpo", "kimi_length", "repetition_dense"], "trainer.v1.sampler.custom_sampler.path": None},
        "the parts kimi_length and repetition_dense need our sampler",
    ),
    ({PAYS: ["drgrpo", "kimi_length"], "actor_rollout_ref.rollout.n": 1}, "the part kimi_length needs a group"),
    (
        {
            PAYS: ["drgrpo", "kimi_length"], "algorithm.filter_groups.enable": True,
            "algorithm.filter_groups.metric": "score",
        },
        "the part kimi_length needs whole groups, and algorithm.filter_groups.metric=score drops those",
    ),
    (
        {
            PAYS: ["drgrpo", {"part": "soft_overlong", "max_length": 3000, "buffer": 600}],
            "reward.reward_manager.name": "dapo",
            "reward.reward_kwargs": {
                "max_resp_len": 3000, "overlong_buffer_cfg": {"enable": True, "len": 600, "penalty_factor": 1.0},
            },
        },
        "the overlong penalty is paid twice: by the reward manager 'dapo' and by the part soft_overlong",
    ),
    (
        {PAYS: ["drgrpo", {"part": "soft_overlong", "max_length": 2000, "buffer": 600}]},
        "a doubt: the part soft_overlong reckons with max_length 2000, responses may have 3000 tokens",
    ),
    ({PAYS: ["drgrpo", "accuracy"]}, "a doubt: a right response is paid twice"),
]  # fmt: skip


def said(config: object) -> list[str]:
    checks = (*doctor_reward.CHECKS, *doctor_parts.CHECKS)
    return ["a doubt: " * each.doubt + each.what for check in checks for each in check(config)]


@pytest.mark.parametrize(("changes", "words"), MISFITS)
def test_the_doctor_names_what_a_part_lacks(changes, words, composed):
    config = copy.deepcopy(composed("drgrpo"))
    OmegaConf.set_struct(config, False)
    for key, value in changes.items():
        OmegaConf.update(config, key, value)
    assert any(words in line for line in said(config)), said(config)


@pytest.mark.parametrize("recipe", ["dapo", "demystify", "openr1_all_rewards", "openr1_math_7b", "logicrl_language"])
def test_the_doctor_finds_nothing_in_the_recipes_with_parts(recipe, composed):
    assert said(composed(recipe)) == []
