"""The sample of training responses: what is chosen and kept, within which bounds, and that our own reader reads it."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import resource
from pathlib import Path

import numpy as np
import pytest

from r1_verl import cli, reward
from r1_verl.evaluation.response_files import Columns, read
from r1_verl.recipes.settings import SampleBounds
from r1_verl.runs import folder_of
from r1_verl.runs.samples import files
from r1_verl.verl_side.samples import Samples, Text, choose, thinned
from r1_verl.verl_side.trajectories import Trajectory

TRUTH = '{"numbers":[1,2],"target":3,"task":"countdown"}'
RIGHT, WRONG = "1+2=3</think><answer>1+2</answer>", "hm</think><answer>2-1</answer>"
PROMPT = "Make 3 from 1 2.\n<think>"


def group(name: str, question: str, responses: list[str], step: int = 1) -> list[tuple[Trajectory, Text]]:
    """A group's responses as the sampler has them, scored by the real reward."""
    found = []
    for session, response in enumerate(responses):
        info = reward.compute_score("countdown", response, TRUTH, {"think_in_prompt": True})
        key = f"{name}{step}_{session}_0"
        truncated = "<answer>" not in response
        row = Trajectory(key, f"{name}{step}", "countdown", question, info, len(response), truncated, False)
        found.append((row, Text(PROMPT, response, TRUTH, {"index": 7, "note": "x" * 500})))
    return found


def step_of(*groups) -> tuple[list[Trajectory], object]:
    """(rows, read_texts) of a step."""
    both = {row.key: (row, text) for each in groups for row, text in each}
    return [row for row, _ in both.values()], lambda keys: [both[key][1] for key in keys]


def lines(path) -> list[dict]:
    with gzip.open(path, "rt", encoding="ascii") as file:
        return [json.loads(line) for line in file]


def test_a_row_holds_what_a_reader_needs(tmp_path):
    rows, texts = step_of(group("a", "countdown/train/7", [RIGHT, WRONG, "1+"]))
    found = Samples(tmp_path, SampleBounds()).write(5, rows, texts)
    assert found["train-facts/samples"] == 3
    first, second, third = lines(tmp_path / "5.jsonl.gz")
    assert first == {
        "step": 5, "question": "countdown/train/7", "group": "a1", "sample": 0, "data_source": "countdown",
        "prompt": PROMPT, "response": RIGHT, "ground_truth": TRUTH,
        "extra_info": {"index": 7, "response_tokens": len(RIGHT), "truncated": False}, "tokens": len(RIGHT),
        "truncated": False, "score": 1.0, "acc": 1.0, "format": 1.0, "outcome": "correct", "pred": "1+2", "parts": {},
        "masked": False,
    }  # fmt: skip
    assert (second["outcome"], third["outcome"], third["truncated"]) == ("wrong", "no_answer", True)


def test_score_reads_the_file_as_it_is_and_agrees_with_it(tmp_path, capsys):
    """The prompt opened the thinking, which only the sample's prompt tells: without it these rows have no format."""
    rows, texts = step_of(group("a", "q", [RIGHT, WRONG, "1+"]))
    Samples(tmp_path, SampleBounds()).write(5, rows, texts)
    file = tmp_path / "5.jsonl.gz"
    assert [row.extra_info["think_in_prompt"] for row in read(file, Columns())] == [True] * 3
    assert cli.main(["score", str(file)]) == 0
    assert "recorded reward: 3 rows, 3 agree, 0 differ" in capsys.readouterr().out


def test_a_row_without_an_index_has_its_question_from_its_prompt(tmp_path):
    sample = Samples(tmp_path, SampleBounds())
    for step in (1, 2):
        sample.write(step, *step_of(group("a", "", [RIGHT], step)))
    first, second = (lines(tmp_path / f"{step}.jsonl.gz")[0]["question"] for step in (1, 2))
    assert first == second and first.startswith("countdown//")


def test_parts_are_an_object_and_numbers_that_are_none_are_null(tmp_path):
    [(row, text)] = group("a", "q", [RIGHT])
    row.info.update(parts='{"countdown": 1.0, "repetition": -0.25}', score=float("nan"), score_before=1.0)
    text = text._replace(ground_truth={"target": np.array([1, 2]), "kind": {1}})
    Samples(tmp_path, SampleBounds()).write(1, *step_of([(row, text)]))
    [found] = lines(tmp_path / "1.jsonl.gz")
    assert found["parts"] == {"countdown": 1.0, "repetition": -0.25}
    assert (found["score"], found["score_before"]) == (None, 1.0)
    assert found["ground_truth"] == {"target": [1, 2], "kind": "{1}"}


HOSTILE = ["a\u2028b\u2029c\x85\x00\r\n", "\ud800 lone", "</script><b>", '"}\n{"step": 9}', "数学"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_one_line_and_comes_back_whole(tmp_path, text):
    Samples(tmp_path, SampleBounds()).write(1, *step_of(group("a", "q", [text, RIGHT])))
    assert [row["response"] for row in lines(tmp_path / "1.jsonl.gz")] == [text, RIGHT]
    assert gzip.decompress((tmp_path / "1.jsonl.gz").read_bytes()).count(b"\n") == 2


def test_a_question_that_comes_again_is_chosen_again():
    asked = [f"countdown/train/{index}" for index in range(400)]
    epochs = []
    for epoch in range(3):
        rows, _ = step_of(*(group(f"g{at}", question, [RIGHT] * 4, epoch) for at, question in enumerate(asked)))
        random.Random(epoch).shuffle(rows)
        epochs.append({row.question for row in choose(rows, 64)})
    assert len(epochs[0]) == 16 and epochs[0] == epochs[1] == epochs[2]


def test_groups_are_chosen_whole_and_one_at_least():
    rows, _ = step_of(group("a", "1", [RIGHT] * 5), group("b", "2", [RIGHT] * 3), group("c", "3", [RIGHT]))
    for most in range(1, 12):
        chosen = choose(rows, most)
        sizes = {each: sum(row.group == each for row in chosen) for each in {row.group for row in chosen}}
        assert all(sizes[each] == sum(row.group == each for row in rows) for each in sizes)
        assert len(chosen) <= most or len(sizes) == 1
        assert {row.key for row in choose(rows[::-1], most)} == {row.key for row in chosen}


def test_only_the_chosen_texts_are_read(tmp_path):
    rows, texts = step_of(*(group(f"g{at}", f"q{at}", [RIGHT] * 8) for at in range(50)))
    asked = []
    Samples(tmp_path, SampleBounds(responses=16)).write(1, rows, lambda keys: asked.extend(keys) or texts(keys))
    assert len(asked) == 16 == len(lines(tmp_path / "1.jsonl.gz"))


def test_long_texts_keep_both_ends_and_say_so(tmp_path):
    response = "<think>" + "x" * 5000 + "</think><answer>1+2</answer>"
    Samples(tmp_path, SampleBounds(characters=100)).write(1, *step_of(group("a", "q", [response])))
    [row] = lines(tmp_path / "1.jsonl.gz")
    assert row["cut"] == {"response": len(response)} and len(row["response"]) < 160
    assert row["response"].startswith("<think>xxx") and row["response"].endswith("<answer>1+2</answer>")
    assert f"{len(response) - 100} characters left out" in row["response"]


def test_a_long_answer_is_cut_too(tmp_path):
    [(row, text)] = group("a", "q", [RIGHT])
    row.info["pred"] = "9" * 10_000
    Samples(tmp_path, SampleBounds(characters=100)).write(1, *step_of([(row, text)]))
    [found] = lines(tmp_path / "1.jsonl.gz")
    assert found["cut"] == {"pred": 10_000} and len(found["pred"]) < 160


def test_where_a_run_that_veRL_started_itself_keeps_it():
    """Its default is checkpoints/PROJECT/RUN: beside RUN lie other runs."""
    assert folder_of("/r/quickstart_grpo/checkpoints") == Path("/r/quickstart_grpo")
    assert folder_of("checkpoints/r1_verl/mine") == Path("checkpoints/r1_verl/mine")


def test_facts_of_the_text(tmp_path):
    loop = "again and again " * 50  # 150 words, 148 windows of three, three of them new
    rows, texts = step_of(group("a", "q", [loop, "one two three four"]))
    found = Samples(tmp_path, SampleBounds()).write(1, rows, texts)
    assert found["train-facts/repetition"] == pytest.approx((1 - 3 / 148) / 2)
    assert found["train-facts/language_mixing"] == 0
    rows, texts = step_of(group("a", "q", ["Wir finden 数学 gut", "plain"]))  # three Latin words, two of Chinese
    found = Samples(tmp_path, SampleBounds()).write(2, rows, texts)
    assert found["train-facts/language_mixing"] == pytest.approx(2 / 5 / 2)


def test_the_run_stays_below_its_size_and_its_steps_stay_even(tmp_path, capsys):
    sample, letters = Samples(tmp_path, SampleBounds(megabytes=0.05)), random.Random(0)
    for step in range(1, 61):
        noise = ["".join(letters.choices("abcdefghij", k=4000)) for _ in range(2)]
        assert sample.write(step, *step_of(group("a", "q", noise, step)))["train-facts/samples"] == 2
    kept = files(tmp_path)
    assert sum(path.stat().st_size for _, path in kept) <= 50_000 and len(kept) > 6
    steps = [step for step, _ in kept]
    gaps = [after - before for before, after in itertools.pairwise(steps)]
    assert steps[0] == 1 and steps[-1] == 60 and max(gaps) <= 60 / len(steps) * 2.5
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "has reached 0.05 MB" in said


def test_thinned_never_gives_up_the_first_or_the_last():
    assert thinned([1]) is None and thinned([1, 2]) is None
    assert thinned([1, 5, 6, 7, 20]) == 6
    steps = list(range(1, 101))
    while (drop := thinned(steps)) and len(steps) > 10:
        steps.remove(drop)
    assert (steps[0], steps[-1]) == (1, 100)


def test_a_resumed_run_overwrites_its_steps_and_drops_those_that_were_lost(tmp_path):
    """As the curve does: what an attempt logged beyond the step that the next one starts from was lost."""
    first = Samples(tmp_path, SampleBounds())
    for step in range(1, 8):
        first.write(step, *step_of(group("a", "q", [WRONG], step)))
    (tmp_path / "notes.txt").write_text("mine")
    again = Samples(tmp_path, SampleBounds())
    again.write(4, *step_of(group("a", "q", [RIGHT], 4)))
    assert [step for step, _ in files(tmp_path)] == [1, 2, 3, 4]
    assert lines(tmp_path / "4.jsonl.gz")[0]["response"] == RIGHT and (tmp_path / "notes.txt").exists()


def test_a_step_in_several_batches_is_written_with_all_its_rows(tmp_path):
    sample, one, two = Samples(tmp_path, SampleBounds()), group("a", "q", [RIGHT]), group("b", "r", [WRONG])
    sample.write(3, *step_of(one))
    sample.write(3, *step_of(one, two))
    assert len(lines(tmp_path / "3.jsonl.gz")) == 2


def test_a_disk_that_takes_no_more_is_said_once_and_stops_nothing(tmp_path, capsys):
    """A real refusal of the kernel, in the middle of the file: the step's older file stays, and no half of one."""
    sample, rows = Samples(tmp_path, SampleBounds()), step_of(group("a", "q", [RIGHT] * 8))
    sample.write(1, *rows)
    before = (tmp_path / "1.jsonl.gz").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert [sample.write(step, *rows)["train-facts/samples"] for step in (1, 2, 3)] == [0, 0, 0]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["1.jsonl.gz"]
    assert (tmp_path / "1.jsonl.gz").read_bytes() == before
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no sample of step 1" in said and "training goes on" in said
    assert sample.write(4, *rows)["train-facts/samples"] == 8


def test_a_folder_that_can_not_be_made_stops_nothing(tmp_path, capsys):
    (tmp_path / "samples").write_text("a file")
    sample, rows = Samples(tmp_path / "samples", SampleBounds()), step_of(group("a", "q", [RIGHT]))
    assert sample.write(1, *rows)["train-facts/samples"] == 0 == sample.write(2, *rows)["train-facts/samples"]
    assert capsys.readouterr().err.count("\n") == 1
