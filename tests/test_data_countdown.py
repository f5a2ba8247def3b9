"""The Countdown generator and the readers of its sources."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction
from itertools import combinations_with_replacement

import pyarrow.parquet as pq
import pytest
from arithmetic import brute, exact
from prepared import rows

from r1_verl.data.countdown import published
from r1_verl.data.countdown import puzzles as countdown_puzzles
from r1_verl.data.countdown.generate import Settings, every_puzzle, generate
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.countdown.puzzles import identity
from r1_verl.data.example import DataError

TINY = Settings(sizes=(3,), low=1, high=6, min_target=1, max_target=20)


def check(puzzle: countdown_puzzles.Puzzle, settings: Settings) -> None:
    assert len(puzzle.numbers) in settings.sizes
    assert all(settings.low <= n <= settings.high for n in puzzle.numbers)
    assert settings.min_target <= puzzle.target <= settings.max_target
    assert set(re.findall(r"[-+*/]", puzzle.answer)) <= set(settings.operators)
    assert sorted(map(int, re.findall(r"\d+", puzzle.answer))) == sorted(puzzle.numbers)
    assert exact(puzzle.answer) == puzzle.target


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(sizes=(2, 3), low=5, high=30, min_target=0, max_target=12, operators="+-", seed=3),
        Settings(sizes=(4,), operators="*/", low=1, high=12, max_target=1000),
        Settings(sizes=(5, 6), seed=1),
    ],
)
def test_puzzles_keep_the_settings_and_are_solved_and_distinct(settings):
    parts = generate(settings, 150, 20, 30)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 150, "test": 20, "rest": 30}
    puzzles = [p for rows in parts.values() for p in rows]
    for puzzle in puzzles:
        check(puzzle, settings)
    assert len({identity(p.numbers, p.target) for p in puzzles}) == 200
    for size in settings.sizes:
        assert sum(len(p.numbers) == size for p in puzzles) == pytest.approx(200 / len(settings.sizes), abs=3)


def test_the_split_follows_identity_whatever_the_seed():
    sides = {}
    for seed in (0, 1, 2):
        parts = generate(replace(TINY, seed=seed), 200, 20)
        for name in ("train", "test"):
            for p in parts[name]:
                assert sides.setdefault(identity(p.numbers, p.target), name) == name
    assert countdown_puzzles.on_test_side("19 35 44 = 98") == countdown_puzzles.on_test_side(identity((44, 19, 35), 98))


@pytest.mark.parametrize(
    "settings",
    [Settings(seed=5), *(pytest.param(each, marks=pytest.mark.long) for each in (Settings(sizes=(5,)), TINY))],
)
def test_the_number_of_processes_changes_nothing(settings):
    one = generate(settings, 300, 20, 10, processes=1)
    assert generate(settings, 300, 20, 10, processes=3) == one
    assert generate(settings, 300, 20, 10, processes=1) == one
    assert generate(replace(settings, seed=settings.seed + 1), 300, 20, 10) != one


@pytest.fixture(scope="module")
def all_tiny() -> dict[str, bool]:
    """Every puzzle of TINY by brute force -> whether + and - suffice."""
    found = {}
    for numbers in combinations_with_replacement(range(TINY.low, TINY.high + 1), 3):
        for value in brute(tuple(map(Fraction, numbers))):
            if value.denominator == 1 and TINY.min_target <= value <= TINY.max_target:
                a, b, c = numbers
                sums = {a + b + c, a + b - c, a - b + c, b + c - a, a - b - c, b - a - c, c - a - b}
                found[identity(numbers, int(value))] = int(value) in sums
    return found


def test_every_puzzle_is_found_and_the_difficulty_is_right(all_tiny):
    made = list(every_puzzle(TINY, 3))
    assert {identity(p.numbers, p.target): p.difficulty == 3.0 for p in made} == all_tiny


def test_all_puzzles_there_are_can_be_had_and_not_one_more(all_tiny):
    test = sum(map(countdown_puzzles.on_test_side, all_tiny))
    train = len(all_tiny) - test
    parts = generate(TINY, train, test)
    assert {identity(p.numbers, p.target) for rows in parts.values() for p in rows} == set(all_tiny)
    for more in ({"train": train + 1, "test": test}, {"train": 1, "test": test + 1}, {"train": 10**6, "test": 0}):
        with pytest.raises(
            DataError, match=f"only {len(all_tiny)} puzzles exist \\({train} for training and {test} for"
        ):
            generate(TINY, **more)


def test_a_space_with_hardly_a_puzzle_ends_in_a_message():
    with pytest.raises(DataError, match="only 0 puzzles exist"):
        generate(Settings(sizes=(3,), low=50, high=60, operators="+", max_target=100), 1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": ()}, "sizes must be"),
        ({"sizes": (1,)}, "sizes must be"),
        ({"sizes": (7,)}, "2 to 6"),
        ({"sizes": (3, 3)}, "different"),
        ({"low": 0}, "numbers must be positive"),
        ({"low": 9, "high": 8}, "in order"),
        ({"min_target": 5, "max_target": 4}, "targets must be"),
        ({"operators": ""}, "operators must be"),
        ({"operators": "+^"}, "operators must be"),
        ({"seed": -1}, "seed must be"),
        ({"sizes": (6,), "high": 10**6}, "exact arithmetic"),
    ],
)
def test_settings_without_sense(change, message):
    with pytest.raises(DataError, match=message):
        Settings(**change)


def test_the_defaults_have_the_published_shape():
    parts = generate(Settings(), 2000, 200)
    puzzles = parts["train"] + parts["test"]
    assert {len(p.numbers) for p in puzzles} == {3, 4}
    assert min(min(p.numbers) for p in puzzles) == 1
    assert max(max(p.numbers) for p in puzzles) == 99
    assert min(p.target for p in puzzles) == 10
    assert max(p.target for p in puzzles) == 100
    tens = [sum(p.target // 10 == t for p in puzzles) / len(puzzles) for t in range(1, 10)]
    assert all(abs(share - 10 / 91) < 0.035 for share in tens)  # as uniform as the published targets


def test_test_rows_are_named_by_size_and_training_rows_are_not():
    parts = generate(Settings(), 10, 10)
    train = list(countdown_puzzles.to_examples(parts["train"], "train", "tiny"))
    test = list(countdown_puzzles.to_examples(parts["test"], "test", "tiny"))
    assert {e.data_source for e in train} == {"countdown"}
    assert {e.data_source for e in test} == {"countdown/3", "countdown/4"}
    assert [e.index for e in test] == list(range(10))


def test_prompts_are_the_published_strings(fixtures):
    row = pq.read_table(fixtures / "data_countdown_tinyzero.parquet").to_pylist()[0]
    numbers, target = row["nums"], row["target"]
    build = {name: style.build(numbers, target) for name, style in COUNTDOWN.items()}
    assert build["raw"] == (("user", row["prompt"][0]["content"]),)  # byte for byte TinyZero's
    assert build["tiny"] == (("user", f"{' '.join(map(str, numbers))} = {target}"),)
    # TinyZero's instruct string is what a ChatML template makes of the `instruct` messages, and a prefix.
    (_, system), (_, user) = build["instruct"]
    rendered = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    assert build["raw_instruct"][0][1] == rendered + "Let me solve this step by step.\n<think>"
    for style in COUNTDOWN.values():
        assert style.think_in_prompt == style.build(numbers, target)[-1][1].endswith("<think>") == style.raw


def test_a_prepared_file_comes_out_byte_for_byte(fixtures):
    path = fixtures / "data_countdown_tinyzero.parquet"
    compare(path)


@pytest.mark.parametrize("name", ["tinyzero_train_8001", "tinyzero_test_2001", "tinyzero_official_test_1024"])
def test_real_prepared_files_come_out_byte_for_byte(data_dir, name):
    compare(data_dir / "countdown" / f"{name}.parquet")


def compare(path) -> None:
    rows = pq.read_table(path).to_pylist()
    puzzles, record, left_out = published.load(str(path))
    assert not left_out
    assert record["revision"].startswith("sha256:")
    examples = list(countdown_puzzles.to_examples(puzzles, "train", "raw"))
    assert len(examples) == len(rows)
    for example, row in zip(examples, rows, strict=True):
        assert [(m["role"], m["content"]) for m in row["prompt"]] == list(example.messages)
        truth = row["reward_model"]["ground_truth"]
        numbers = str(truth["numbers"]).replace(" ", "")
        assert example.ground_truth == f'{{"numbers":{numbers},"target":{truth["target"]},"task":"countdown"}}'
        assert (example.ability, example.data_source) == (row["ability"], row["data_source"])


def test_the_hubs_file_keeps_or_drops_its_repeats(data_dir):
    path = data_dir / "countdown" / "tasks_3to4_first_10240.parquet"
    puzzles, _, left_out = published.load(str(path), repeats="drop")
    assert len(puzzles) == 10_240 - 22  # the shared README counts the repeats
    assert {entry.reason for entry in left_out} == {"repeats an earlier puzzle (number order apart)"}
    puzzles, _, left_out = published.load(str(path))
    assert len(puzzles) == 10_240 and not left_out
    parts = published.split(puzzles, None, None)
    assert len(parts["test"]) == 1024 and sum(map(len, parts.values())) == 10_240
    train, test = ({identity(p.numbers, p.target) for p in parts[name]} for name in ("train", "test"))
    assert not train & test
    parts = published.split(puzzles, 8001, 2001, by_order=True)
    theirs = pq.read_table(data_dir / "countdown" / "tinyzero_test_2001.parquet").to_pylist()
    assert [(list(p.numbers), p.target) for p in parts["test"]] == [(r["nums"], r["target"]) for r in theirs]


def test_rows_that_are_no_puzzles_are_left_out_with_a_reason(tmp_path):
    import json

    rows = [
        {"target": 6, "nums": [1, 2, 3]}, {"target": 6, "nums": [3, 2, 1]}, {"target": 24, "nums": [1, 1, 1, 1]},
        {"target": 5, "nums": [5]}, {"target": "6", "nums": [1, 2, 3]}, {"target": 6, "nums": None},
        {"target": 6, "nums": [1, 2.5]}, {"target": -6, "nums": [1, 2]}, {"target": 3, "nums": [1, 10**9, 3, 4]},
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    puzzles, _, left_out = published.load(str(path), repeats="drop")
    assert [p.numbers for p in puzzles] == [(1, 2, 3)]
    assert [entry.row for entry in left_out] == list(range(1, 9))
    assert len({entry.reason for entry in left_out}) == 5
    with pytest.raises(DataError, match="2 train rows asked for, but of the 1 puzzles"):
        published.split(puzzles, 2, 0)


def test_every_given_solution_of_the_uft_set_is_accepted(data_dir):
    puzzles, _, left_out = published.load(str(data_dir / "countdown" / "uft_solved_1024.jsonl.gz"))
    assert len(puzzles) == 1024 and not left_out
    assert all(exact(p.answer) == p.target for p in puzzles)


def test_the_form_of_d1_is_read(data_dir, tmp_path):
    puzzles, _, left_out = published.load(str(data_dir / "countdown" / "d1_cd3_test_256.jsonl"))
    assert (len(puzzles), left_out) == (256, [])
    (tmp_path / "x.jsonl").write_text('{"input": "1,2,3", "output": "6"}\n{"input": "1,x", "output": "6"}')
    puzzles, _, left_out = published.load(str(tmp_path / "x.jsonl"))
    assert [(p.numbers, p.target) for p in puzzles] == [((1, 2, 3), 6)] and [entry.row for entry in left_out] == [1]


REAL = {
    "tasks_3to4_first_10240.parquet": ((), (8926, 1024, 290)),
    "tinyzero_train_8001.parquet": (("--train-size", 8001, "--test-size", 0), (8001, 0, 0)),
    "tinyzero_test_2001.parquet": (("--train-size", 0, "--test-size", 2001), (0, 2001, 0)),
    "tinyzero_official_test_1024.parquet": (("--train-size", 0, "--test-size", 1024), (0, 1024, 0)),
    "uft_solved_1024.jsonl.gz": (("--train-size", 1024, "--test-size", 0), (1024, 0, 0)),
    "d1_cd3_test_256.jsonl": (("--train-size", 0, "--test-size", 256), (0, 256, 0)),
}


@pytest.mark.parametrize("name", REAL)
def test_the_script_gives_every_row_of_the_real_files(script, data_dir, tmp_path, name):
    sizes, expected = REAL[name]
    how = ("--split", "order", *sizes) if sizes else ()
    status, _, err = script("countdown", "--source", data_dir / "countdown" / name, *how, "--out", "out")
    assert (status, err) == (0, "")
    files = [tmp_path / "out" / f"{part}.parquet" for part in ("train", "test", "rest")]
    assert tuple(len(rows(file)) if file.exists() else 0 for file in files) == expected


def test_counting_stops_at_a_bound():
    assert every_puzzle(Settings(sizes=(6,)), 6) is None
    assert math.comb(99 + 5, 6) > 10**9  # so many number rows are never listed
