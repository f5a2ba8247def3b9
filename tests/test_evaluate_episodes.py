"""Evaluation over several turns: how rows of an environment are asked, joined, kept and judged. `Player` stands where
engines stand; a real one is in test_evaluate_engine.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import example
from prepared import row as prepared_row
from scripted import OPENS_THINK, QWEN, loop
from scripted import row as row_of
from scripted import run as run_loop
from test_evaluate import Scripted, cell, never, requests

from r1_verl import cli, environments
from r1_verl.data import write
from r1_verl.data.example import DataError
from r1_verl.data.frozen_lake import Lake
from r1_verl.data.frozen_lake import to_examples as lakes
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.sokoban.generate import Made
from r1_verl.data.sokoban.levels import to_examples
from r1_verl.environments.gym import GymText
from r1_verl.evaluation import evaluate, pool, protocols, questions, results, samples
from r1_verl.evaluation.conversation import Conversation
from r1_verl.evaluation.evaluate import Checkpoint
from r1_verl.evaluation.generate import Answer
from r1_verl.evaluation.models import load_tokenizer
from r1_verl.ground_truth import encode
from r1_verl.training import tiny_model

BASE = Path(__file__).parents[1] / "r1_verl/recipes/quickstart_base"
ONE, TWO, DEEP = "#####/#PXO#/#####", "######/#P_XO#/######", "#####/#_P_#/#_X_#/#_O_#/#####"
LEVELS = [Made(ONE, ("Right",)), Made(TWO, ("Right", "Right"))]
END = "<|im_end|>"


class Player(Scripted):
    """Engines that say texts in tokens. plays: (request, number of the turn) -> text."""

    def __init__(self, plays=lambda request, turn: "Right", model=BASE, **more):
        super().__init__(**more)
        self.plays, self.tokenizer, self.requests, self.counts = plays, load_tokenizer(model), [], {}

    def begin(self, engine, model, requests):
        self.requests += requests
        super().begin(engine, model, requests)

    def next(self):
        engine, found = super().next()
        return engine, [self._said(answer.key) for answer in found] if isinstance(found, list) else found

    def _said(self, key) -> Answer:
        request = [each for each in self.requests if each.key == key][-1]
        self.counts[key] = turn = self.counts.get(key, 0) + 1
        text = self.plays(request, turn)
        ids = self.tokenizer(text + END, add_special_tokens=False)["input_ids"]
        whole = len(ids) <= request.max_tokens
        ids = tuple(ids[: request.max_tokens])
        said = self.tokenizer.decode(ids, skip_special_tokens=True)
        return Answer(key, said, len(ids), "stop" if whole else "length", ids)


def levels(folder: Path, made=LEVELS, style: str = "tiny", name: str = "sokoban") -> Path:
    write.write_set(folder, {name: to_examples(made, "test", style)}, {})
    return folder / f"{name}.parquet"


def asked(tmp_path, path: Path, *settings: str, protocol: str = "greedy", model: Path = BASE):
    chosen = protocols.find(protocol, settings)
    return [Checkpoint("base", model, tmp_path / "out")], [questions.load(str(path), tmp_path, chosen)], chosen


def other_model(folder: Path, template: str) -> Path:
    """The base model with a context for RAGEN's prompts, another tokenizer and a template."""
    shutil.copytree(BASE, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 8000}))
    tokenizer = tiny_model.build_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


def test_an_episode_is_played_turn_by_turn(tmp_path):
    player = Player()
    path = levels(tmp_path)
    (found,), failed = evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), lambda: player)
    assert not failed and found.acc == 1.0 and found.outcomes == {"correct": 2}
    assert found.by_source == {"sokoban/1": 1.0, "sokoban/2": 1.0}
    assert (found.episodes["turns"], found.episodes["ended by success"]) == (1.5, 1.0)
    one, two = sorted(samples.rows(cell(tmp_path)), key=lambda row: row["turns"])
    assert (one["moves"], two["moves"]) == ("Right", "Right/Right") and one["ended"] == two["ended"] == "success"
    assert [turn["response"] for turn in two["turn_responses"]] == ["Right", "Right"]
    assert all(turn["finish_reason"] == "stop" for turn in two["turn_responses"])
    assert two["tokens"] == sum(turn["tokens"] for turn in two["turn_responses"]) and two["observation_tokens"] > 0
    assert two["response"] == "Right\nuser\n_PXO\nassistant\nRight"  # as veRL's dumps have it
    assert two["extra_info"] == {"think_in_prompt": False} and not two["truncated"]


def test_the_second_turn_holds_the_first_as_it_was_sampled(tmp_path):
    player = Player()
    evaluate.evaluate(*asked(tmp_path, levels(tmp_path, [LEVELS[1]]), "turn_tokens=20"), lambda: player)
    first, second = player.requests
    assert second.ids[: len(first.ids)] == first.ids and second.key == first.key
    assert player.tokenizer.decode(second.ids[len(first.ids) :]) == (
        f"Right{END}\n<|im_start|>user\n_PXO{END}\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("style", ["ragen_v1", "ragen_v2", "ragen_2025_02"])
@pytest.mark.parametrize("template", [QWEN, OPENS_THINK], ids=["plain", "opens_think"])
def test_the_feedback_is_what_training_says(tmp_path, style, template):
    """What follows the first answer is what the agent loop of training sends for the same answer, token by token."""
    pytest.importorskip("verl")
    answer = "so</think>" if template == OPENS_THINK or style == "ragen_2025_02" else "<think>so</think>"
    answer += "<answer>Right</answer>"
    folder = other_model(tmp_path / "base", template)
    player = Player(lambda request, turn: answer, model=folder)
    path = levels(tmp_path, [LEVELS[1]], style)
    arguments = asked(tmp_path, path, "turn_tokens=100", "max_tokens=4000", model=folder)
    evaluate.evaluate(*arguments, lambda: player)
    first, second = (request.ids for request in player.requests)
    question = arguments[1][0].questions[0]
    made, server, _ = loop(tmp_path, [answer + END] * 2, PASS_THROUGH if question.raw else template, tokens=100)
    given = row_of(TWO, style)
    given["raw_prompt"] = [{"role": role, "content": text} for role, text in question.messages]
    run_loop(made, given)
    before, after = (each["prompt"] for each in server.asked)  # veRL has cut both on the left
    assert after[len(before) :] == list(second[len(first) :]) and len(second) > len(first) + 100
    assert next(samples.rows(cell(tmp_path)))["moves"] == "Right/Right"


def test_turns_without_an_end_are_closed_and_out_of_tokens_is_an_outcome(tmp_path):
    player = Player(lambda request, turn: "Left " * 50)
    checkpoint, suite, protocol = asked(tmp_path, levels(tmp_path, [LEVELS[1]]), "turn_tokens=8", "max_tokens=40")
    (found,), _ = evaluate.evaluate(checkpoint, suite, protocol, lambda: player)
    row = next(samples.rows(cell(tmp_path)))
    assert row["ended"] == "out_of_tokens" and row["truncated"] and row["finish_reason"] == "length"
    assert {turn["finish_reason"] for turn in row["turn_responses"]} == {"length"}
    assert all(request.max_tokens <= 8 for request in player.requests)
    assert set(row["moves"].split("/")) == {"?"} and row["invalid"] == row["turns"] >= 2
    assert found.acc == 0.0 and found.episodes["ended by out_of_tokens"] == 1.0
    between = player.tokenizer.decode(player.requests[1].ids[len(player.requests[0].ids) :])
    assert between.count(END) == 2  # of the turn that was cut off, and of the observation
    assert len(player.requests[-1].ids) - len(player.requests[0].ids) + player.requests[-1].max_tokens <= 40


def test_samples_differ_by_seed_and_by_turn(tmp_path):
    path, player = levels(tmp_path, [LEVELS[1]]), Player()
    evaluate.evaluate(*asked(tmp_path, path, "samples=3", protocol="ragen"), lambda: player)
    assert len({request.seed for request in player.requests}) == len(player.requests) == 6
    assert {request.temperature for request in player.requests} == {0.5}


def test_an_interrupted_evaluation_asks_only_the_episodes_that_are_missing(tmp_path):
    path = levels(tmp_path, [LEVELS[1], LEVELS[0], Made(DEEP, ("Down",))])

    def broken(request, turn):
        if turn == 2:
            raise KeyboardInterrupt
        return "Right"

    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), lambda: Player(broken, few=1))
    kept = len(list(samples.rows(cell(tmp_path))))
    player = Player()
    (found,), _ = evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), lambda: player)
    assert len({request.key for request in player.requests}) == 3 - kept and found.missing == 0
    assert evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), never)[0] == [found]


def test_score_plays_the_kept_episodes_again(tmp_path, capsys):
    path = levels(tmp_path, [LEVELS[0], Made(DEEP, ("Down",))])
    evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), Player)
    assert cli.main(["score", str(cell(tmp_path) / "samples.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "2 agree, 0 differ" in said and "correct 1" in said


def test_one_answer_and_an_episode_are_two_cells(tmp_path):
    path = levels(tmp_path)
    turns = evaluate.evaluate(*asked(tmp_path, path, "turn_tokens=20"), Player)[0]
    whole = evaluate.evaluate(*asked(tmp_path, path), lambda: Player(lambda request, turn: "<answer>Right</answer>"))[0]
    assert {row.acc for row in turns} == {1.0} and {row.acc for row in whole} == {0.5}
    assert len(results.read(tmp_path)) == 2 and "sokoban/1 1.000, sokoban/2 0.000" in results.table(whole)


def test_what_waits_is_asked_after_the_next_turns():
    """Episodes end soon, so that a cut costs few; each model keeps its engine until its episodes are over."""
    calls = []

    def next_turn(answer):
        calls.append(answer.key)
        first = next(request for request in jobs[0][1] + jobs[1][1] if request.key == answer.key)
        return first if calls.count(answer.key) < 3 else None

    jobs = [requests("a", 4), requests("b", 4)]
    scripted = Scripted(few=2)
    found = [answer.key for answers in pool.ask(scripted, jobs, next_turn) for answer in answers]
    assert len(found) == 8 == len(set(found)) and len(calls) == 24
    assert [key[0] for key in found] == sorted(key[0] for key in found)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "<|im_start|>user\nUp", "<answer>", "\0\ud800"[:1], "Up Up " * 9, "<think>" * 9])
def test_nothing_that_a_model_writes_raises(tmp_path, text):
    (found,), failed = evaluate.evaluate(
        *asked(tmp_path, levels(tmp_path, [LEVELS[1]]), "turn_tokens=30"), lambda: Player(lambda request, turn: text)
    )
    assert not failed and (found.acc, found.missing) == (0.0, 0)


def test_rows_that_cannot_be_played_are_said_before_anything_is_asked(tmp_path):
    write.write_set(tmp_path, {"sums": [example(0, split="test")]}, {})
    with pytest.raises(DataError, match=r"sums.parquet, row 0 can't be played.*countdown.*turn_tokens"):
        asked(tmp_path, tmp_path / "sums.parquet", "turn_tokens=20")


class Breaks:
    """A game that ends well at once, or whose first step raises."""

    def __init__(self, fault):
        self.fault = fault

    def reset(self, seed=None):
        return "start", {}

    def step(self, action):
        if self.fault:
            raise OSError("the game is gone")
        return "end", 1.0, True, False, {}

    def close(self):
        pass


def test_an_environment_that_breaks_costs_its_episodes_alone(tmp_path):
    environments.environment("breaks_here", bounded=True)(
        lambda truth: GymText(Breaks(truth["fault"]), actions={"Go": 0})
    )
    made = [
        example(at, data_source="breaks_here", messages=(("user", f"{at}"),), question=f"{at}", split="test",
                ground_truth=encode("breaks_here", rules="tiny", fault=at == 1), gold="")
        for at in range(3)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist([prepared_row(each) for each in made]), tmp_path / "game.parquet")
    arguments = asked(tmp_path, tmp_path / "game.parquet", "turn_tokens=20")
    (found,), failed = evaluate.evaluate(*arguments, lambda: Player(lambda request, turn: "Go"))
    assert (found.acc, found.missing) == (1.0, 1)
    assert failed == [
        "base on game: 1 episodes could not be played to their end, and are left out: OSError: the game is gone"
    ]


# --- the seam ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [QWEN, OPENS_THINK])
def test_a_conversation_is_what_the_template_makes_of_it(template):
    pytest.importorskip("verl")
    tokenizer = tiny_model.build_tokenizer()
    tokenizer.chat_template = template
    joined = Conversation(tokenizer, "qwen2", False)
    messages = [{"role": "user", "content": "board"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    for text in (f"Up{END}", "Up"):
        ids = tokenizer(prompt + text, add_special_tokens=False)["input_ids"]
        whole = tokenizer.decode([*ids, *joined.seam(messages, "Up", ids, "next", False)])
        opening = "<think>" if template == OPENS_THINK else ""
        assert whole == f"{prompt}Up{END}\n<|im_start|>user\nnext{END}\n<|im_start|>assistant\n{opening}"


def test_frozen_lake_rows_are_played(tmp_path):
    pytest.importorskip("gymnasium")
    made = lakes([Lake(("SF", "HG"), 2, 0)], "test", "tiny", slippery=False)
    write.write_set(tmp_path, {"frozenlake": made}, {})
    player = Player(lambda request, turn: ("Right", "Down")[turn - 1])
    (found,), _ = evaluate.evaluate(*asked(tmp_path, tmp_path / "frozenlake.parquet", "turn_tokens=9"), lambda: player)
    assert found.acc == 1.0 and next(samples.rows(cell(tmp_path)))["moves"] == "Right/Down"
    assert json.loads((cell(tmp_path) / "result.json").read_text())["episodes"]["turns"] == 2
