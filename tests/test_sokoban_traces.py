"""Conversations of Sokoban for a supervised start: whole games in the rules' words, which veRL's SFT data set reads."""

from __future__ import annotations

import copy
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import row, rows

from r1_verl import recipes
from r1_verl.data import write
from r1_verl.data.example import DataError
from r1_verl.data.sokoban import levels
from r1_verl.data.sokoban.generate import Settings, generate
from r1_verl.data.sokoban.traces import traces
from r1_verl.environments import make
from r1_verl.environments.episode import Episode, replay
from r1_verl.environments.rules import RULES
from r1_verl.environments.sokoban import MOVES
from r1_verl.training.tiny_model import build_tokenizer

SIX_BY_SIX = generate(Settings(least=1, most=9, seed=3), 60, 0)["train"]
THINK = recipes.compose("ragen_sokoban_ppo").actor_rollout_ref.model.custom_chat_template


def prepared(style: str, made=SIX_BY_SIX) -> list[dict]:
    return [row(example) for example in levels.to_examples(made, "train", style)]


@pytest.mark.parametrize("style", ["ragen_v1", "ragen_v2", "tiny"])
def test_a_game_is_a_shortest_solution_in_the_rules_words(style):
    """Played again from the responses alone, with the feedback that the messages hold."""
    given, rules = prepared(style), RULES[style]
    for asked, trace in zip(given, traces(given, len(given), 1), strict=True):
        truth = json.loads(asked["reward_model"]["ground_truth"])
        assert trace.solved == (truth["shortest"] <= rules.actions)
        assert trace.messages[: len(asked["prompt"])] == asked["prompt"]
        told = trace.messages[len(asked["prompt"]) :]
        assert [message["role"] for message in told] == (["assistant", "user"] * len(told))[: len(told)]
        episode = Episode(make(truth), rules)
        for at, message in enumerate(told):
            if message["role"] == "assistant":
                turn = episode.play(message["content"])
                assert turn.actions and not turn.invalid and not turn.idle
            else:
                assert message["content"] == episode.feedback() and at < len(told) - 1
        assert episode.success == trace.solved and episode.played == min(truth["shortest"], rules.actions)


def test_a_response_thinks_the_rest_of_the_plan_and_answers_with_a_turn_of_it():
    made = levels.Made("########/#PX___O#/########", ("Right",) * 4)
    (trace,) = traces(prepared("ragen_v2", [made]), 1, 0)
    assert [message["content"] for message in trace.messages if message["role"] == "assistant"] == [
        "<think> Right, Right, Right, Right </think> <answer> Right || Right </answer>",
        "<think> Right, Right </think> <answer> Right || Right </answer>",
    ]


def test_half_good_play_is_reproducible_and_half_good():
    given = prepared("tiny")
    found = list(traces(given, 300, 1, 0.5))
    assert found == list(traces(given, 300, 1, 0.5)) != list(traces(given, 300, 2, 0.5))
    assert found[:60] == list(traces(given, 60, 1, 0.5))
    moves = [m["content"] for trace in found for m in trace.messages if m["role"] == "assistant"]
    assert set(moves) == set(MOVES)
    shares = [sum(trace.solved for trace in traces(given, 300, 1, good)) / 300 for good in (0.0, 0.5, 1.0)]
    assert shares[0] < 0.35 < shares[1] < 0.9 and shares[1] < shares[2]


def test_a_box_that_is_stuck_is_played_on():
    stuck = levels.Made("#####/#X_O#/#__P#/#####", ("Up",))  # no such solution: the box is in a corner
    (trace,) = traces(prepared("tiny", [stuck]), 1, 0)
    assert not trace.solved and len(trace.messages) == 2 * RULES["tiny"].turns


@pytest.mark.parametrize("bad", ["raw", "countdown", "board", "good"])
def test_rows_of_no_use_are_named(bad):
    (given,) = prepared("ragen_2025_02" if bad == "raw" else "tiny", SIX_BY_SIX[:1])
    if bad == "countdown":
        given["reward_model"]["ground_truth"] = '{"task":"countdown","numbers":[1,2],"target":3}'
    if bad == "board":
        given["reward_model"]["ground_truth"] = '{"task":"sokoban","board":"###"}'
    said = {"raw": "one raw text", "good": "--good is a share from 0 to 1, got 2"}.get(bad, "no board")
    with pytest.raises(DataError, match=said):
        list(traces([given], 1, 0, 2 if bad == "good" else 1.0))


def test_the_script(script, tmp_path):
    assert script("sokoban", "--train-size", 40, "--test-size", 0, "--processes", 1, "--out", "a")[0] == 0
    status, out, err = script("sokoban_traces", "--levels", "a/train.parquet", "--out", "b")
    assert (status, err) == (0, "") and "b/train.parquet: 40 conversations, 100% of them end solved" in out
    record = write.read_provenance(tmp_path / "b/train.parquet")
    assert record["script"] == "sokoban_traces" and record["arguments"]["good"] == 1.0
    (first, *_) = rows(tmp_path / "b/train.parquet")
    assert [m["role"] for m in first["messages"]][:3] == ["system", "user", "assistant"]
    status, out, _ = script(
        "sokoban_traces", "--levels", "a/train.parquet", "--out", "c", "--good", "0.5", "--count", 90
    )
    assert status == 0 and "c/train.parquet: 90 conversations" in out
    assert script("sokoban", "--train-size", 4, "--test-size", 0, "--style", "ragen_2025_02", "--out", "raw")[0] == 0
    pq.write_table(pq.read_table(tmp_path / "a/train.parquet").slice(0, 0), tmp_path / "empty.parquet")
    for levels_file in ("none.parquet", "raw/train.parquet", "b/train.parquet", "empty.parquet"):
        status, out, err = script("sokoban_traces", "--levels", levels_file, "--out", "out")
        assert (status, out) == (1, "") and err.startswith("error: ") and err.count("\n") == 1 and levels_file in err
    assert script("sokoban_traces", "--levels", "a/train.parquet", "--out", "out", "--good", "half")[0] == 2
    assert not (tmp_path / "out").exists()


def test_levels_that_take_more_moves_than_the_rules_give_are_left_out(script, tmp_path):
    wall = "#" * 16
    far = levels.Made(f"{wall}/#PX{'_' * 11}O#/{wall}", ("Right",) * 12)
    made = levels.to_examples([*SIX_BY_SIX[:3], far], "train", "ragen_v1")
    write.write_set(tmp_path, {"train": made}, {"source": "test"})
    assert script("sokoban_traces", "--levels", "train.parquet", "--out", "b")[0] == 0
    record = json.loads((tmp_path / "b/train.provenance.json").read_text())
    assert record["rows"] == 3 and record["left_out"] == {"is not solved within the rules' actions": 1}
    assert script("sokoban_traces", "--levels", "train.parquet", "--out", "c", "--count", 0)[0] == 2


# --- as veRL reads them -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["tiny", pytest.param("smollm", marks=pytest.mark.long)])
def tokenizer(request):
    return build_tokenizer(MOVES) if request.param == "tiny" else request.getfixturevalue("smollm")


@pytest.mark.parametrize("style", ["ragen_v1", "ragen_v2", "tiny"])
def test_verls_sft_data_set_learns_the_assistants_messages_alone(style, tokenizer, tmp_path):
    """Under RAGEN's template as well, which opens <think>: the opened tag is the prompt's, not the model's."""
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    found = list(traces(prepared(style, SIX_BY_SIX[:6]), 6, 0))
    table = pa.table({"messages": [trace.messages for trace in found]})
    pq.write_table(table, tmp_path / "train.parquet")
    used, opened = copy.deepcopy(tokenizer), style != "tiny"
    if opened:
        used.chat_template = THINK
    config = OmegaConf.create({"max_length": 8192, "truncation": "error", "pad_mode": "no_padding"})
    data = MultiTurnSFTDataset(str(tmp_path / "train.parquet"), used, config)
    for at, trace in enumerate(found):
        item = data[at]
        whole = used.apply_chat_template(trace.messages, tokenize=False)
        assert used.decode(item["input_ids"]) == whole
        learnt = used.decode(item["input_ids"][item["loss_mask"].bool()])
        answers = [m["content"].removeprefix("<think>") for m in trace.messages if m["role"] == "assistant"]
        assert learnt == "".join(f"{answer}<|im_end|>\n" for answer in answers)


def test_a_row_of_the_quickstart_fits_its_lengths():
    """The tiny tokenizer: a move is one token; six turns of four tokens, closed where they are cut, fit the budget."""
    config, tokenizer = recipes.compose("quickstart_sokoban"), build_tokenizer(MOVES)
    assert all(len(tokenizer(move).input_ids) == 1 for move in MOVES)
    size = config.r1_verl.data["data/quickstart_sokoban"]
    assert "--size 5x5" in size and "--style tiny" in size
    made = generate(Settings(5, 5, 1, 1, 5, 0), 20, 0)["train"]
    most = 0
    for asked in prepared("tiny", made):
        prompt = tokenizer.apply_chat_template(asked["prompt"], add_generation_prompt=True, tokenize=False)
        assert len(tokenizer(prompt).input_ids) <= config.data.max_prompt_length
        episode = Episode(make(asked["reward_model"]["ground_truth"]), RULES["tiny"])
        episode.play("nonsense")
        said = [{"role": "user", "content": episode.feedback()}]
        more = tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        most = max(most, 1 + len(tokenizer(more).input_ids) + 1)  # the end of turn, its newline, the observation
    turns, tokens = RULES["tiny"].turns, config.r1_verl.turns.tokens
    assert turns * tokens + (turns - 1) * most <= config.data.max_response_length


def test_the_start_model_of_the_quickstart_plays():
    """The shipped one knows the moves as tokens, and its training loss is about moves."""
    folder = recipes.FOLDER / "quickstart_sokoban_base"
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    assert set(MOVES) <= {token["content"] for token in tokens["added_tokens"]}


def test_replaying_the_record_of_a_trace_solves_the_level():
    given = prepared("tiny")
    for asked, trace in zip(given, traces(given, 60, 0), strict=True):
        record = "/".join(m["content"] for m in trace.messages if m["role"] == "assistant")
        truth = asked["reward_model"]["ground_truth"]
        assert replay(make(truth), RULES["tiny"], record).success == trace.solved


def test_the_recipes_say_which_data_and_template_belong_together():
    """A template that opens <think> needs rows that say so."""
    for name in ("ragen_sokoban_ppo", "ragen_sokoban_grpo", "ragen_frozenlake", "ragen_v2_sokoban"):
        config = recipes.compose(name)
        (command,) = config.r1_verl.data.values()
        assert "--think-in-prompt" in command and config.actor_rollout_ref.model.custom_chat_template == THINK
        style = re.search(r"--style (\S+)", command)[1]
        assert RULES[style].turns == 5 and config.actor_rollout_ref.rollout.agent.default_agent_loop == "r1_turns"
