"""Knights and Knaves: the published data bit for bit, one solution each, perturbations, prompts."""

from __future__ import annotations

import gzip
import json
import re
from itertools import islice, product

import numpy as np
import pyarrow.parquet as pq
import pytest
from prepared import rows

from r1_verl.data import read
from r1_verl.data.example import DataError
from r1_verl.data.kk import logic, perturb, words
from r1_verl.data.kk import puzzles as kk_puzzles
from r1_verl.data.kk.prompts import KK


def true_of(statement, knights) -> bool:
    """Whether a statement is true: straight from the meaning of the words."""
    kind, *parts = statement
    if kind == "telling-truth":
        return knights[parts[0]]
    if kind == "lying":
        return not knights[parts[0]]
    values = [true_of(part, knights) for part in parts]
    return {
        "not": lambda a: not a,
        "and": lambda a, b: a and b,
        "or": lambda a, b: a or b,
        "->": lambda a, b: not a or b,
        "<=>": lambda a, b: a == b,
    }[kind](*values)


def by_enumeration(statements) -> list[tuple[bool, ...]]:
    every = product([True, False], repeat=len(statements))
    return [k for k in every if all(k[i] == true_of(s, k) for i, s in enumerate(statements))]


def test_below_draws_numpys_own_numbers():
    below, rng = logic._draws(7), np.random.default_rng(7)
    for n in [6, 2, 3, 51, 18, 6, 5, 7, 2**31 + 1] * 3000:  # the last one is often rejected and drawn again
        assert below(n) == rng.integers(n)


def test_the_solver_finds_what_enumeration_finds():
    below = logic._draws(0)
    counts = set()
    for people in (2, 3, 4, 5, 6) * 40:
        statements = tuple(logic.sample_statement(below, i, people, depth=3) for i in range(people))
        assert sorted(logic.solve(statements)) == sorted(by_enumeration(statements))
        counts.add(len(logic.solve(statements)))
    assert counts >= {0, 1, 2}


def matches(puzzle: words.Puzzle, row: dict) -> bool:
    return (
        puzzle.quiz == row["quiz"]
        and list(puzzle.names) == row["names"]
        and str(puzzle.statements) == row["statements"]
        and list(puzzle.solution) == row["solution"]
        and puzzle.solution_text == row["solution_text"]
        and puzzle.solution_text_format == row["solution_text_format"]
        and puzzle.index == row["index"]
    )


def test_the_first_published_puzzles(fixtures):
    published = [json.loads(line) for line in (fixtures / "data_kk_raw.jsonl").read_text().splitlines()]
    made = map(words.put_in_words, islice(logic.generate_logic(5), len(published)))
    assert all(map(matches, made, published))


@pytest.mark.parametrize("people", range(2, 9))
def test_the_raw_sets_bit_for_bit(data_dir, people):
    made = [words.put_in_words(p) for p in islice(logic.generate_logic(people), 300 if people == 2 else 1100)]
    seen = 0
    for path in (data_dir / "kk" / "mem_kk_raw").glob(f"*/people{people}_num*.jsonl.gz"):
        with gzip.open(path, "rt") as lines:
            for row in map(json.loads, lines):
                assert matches(made[row["index"]], row)
                assert logic.solve(made[row["index"]].statements) == [tuple(row["solution"])]
                seen += 1
    assert seen in (100, 300, 1100)


def same_prompt_and_truth(example, row) -> bool:
    truth = row["reward_model"]["ground_truth"]
    prompt = tuple((m["role"], m["content"]) for m in row["prompt"])
    return example.messages == prompt and json.loads(example.ground_truth) == {"task": "kk", **truth}


@pytest.mark.parametrize(("name", "style"), [("logic_rl", "raw_instruct"), ("base_template", "raw")])
def test_published_prompts_byte_for_byte(fixtures, name, style):
    published = rows(fixtures / f"data_kk_{name}.parquet")
    made = kk_puzzles.generate([3], len(published), 0)["train"]
    examples = list(kk_puzzles.to_examples(made, "train", style))
    assert all(map(same_prompt_and_truth, examples, published))
    assert all(e.think_in_prompt and e.gold.startswith("\n</think>") for e in examples)


def test_all_5000_rows_of_logic_rl(data_dir):
    parts = kk_puzzles.generate(range(3, 8), 900, 100)
    seen = 0
    for part in ("train", "test"):
        examples = list(kk_puzzles.to_examples(parts[part], part, "raw_instruct"))
        published = [r for n in range(3, 8) for r in rows(data_dir / f"kk/logic_rl/{n}ppl/{part}.parquet")]
        assert len(published) == len(examples)
        assert all(map(same_prompt_and_truth, examples, published))
        assert all(map(matches, parts[part], published))
        seen += len(published)
    assert seen == 5000
    base = list(kk_puzzles.to_examples(kk_puzzles.generate([3], 900, 100)["train"], "train", "raw"))
    published = rows(data_dir / "kk/base_template/3ppl/train.parquet")
    assert all(map(same_prompt_and_truth, base, published))


@pytest.mark.long
def test_the_script_gives_every_row_of_the_real_files(script, data_dir, tmp_path):
    folder, seen = data_dir / "kk", 0
    for path in sorted(folder.rglob("*.parquet")) + sorted(folder.rglob("*.jsonl.gz")):
        split = "train" if "train" in (path.parent.name, path.stem) else "test"
        there = len(read.from_file(path).rows)
        status, _, err = script("kk", "--source", path, "--source-split", split, "--out", "out")
        assert (status, err) == (0, "") and pq.read_metadata(tmp_path / f"out/{split}.parquet").num_rows == there
        seen += there  # a row whose puzzle has not exactly one solution, the given one, would be left out
    assert seen == 5000 + 1000 + 7 * 100 + 200 + 3 * 1000


def test_splits_do_not_overlap_and_go_on_beyond_upstream():
    usual = kk_puzzles.generate([3], 1200, 150)
    assert [p.index for p in usual["test"]] == list(range(1000, 1150))
    assert [p.index for p in usual["train"]] == [*range(100, 1000), *range(1150, 1450)]
    mem = kk_puzzles.generate([3], 5, 100, split="mem_kk")
    assert [p.index for p in mem["test"]] == list(range(100)) and mem["train"][0].index == 100
    trees = [p.statements for p in usual["train"] + usual["test"]]
    assert len(set(trees)) == len(trees)
    with pytest.raises(DataError, match=r"two people .* --split mem_kk"):
        kk_puzzles.generate([2, 3], 5, 5)
    with pytest.raises(DataError, match="at most 100 test puzzles"):
        kk_puzzles.generate([3], 5, 101, split="mem_kk")


def test_processes_change_nothing():
    assert kk_puzzles.generate([2, 4], 20, 5, "mem_kk", processes=2) == kk_puzzles.generate([4, 2], 20, 5, "mem_kk")


def test_so_few_puzzles_exist_for_two_people():
    with pytest.raises(DataError, match=r"after \d+ puzzles with 2 people .* ask for fewer"):
        for _ in logic.generate_logic(2):
            pass
    with pytest.raises(DataError, match="people must be 2 to 20"):
        next(logic.generate_logic(1))


@pytest.mark.parametrize("kind", perturb.KINDS)
def test_a_perturbation_changes_what_its_name_says(kind):
    changed = 0
    for people in (2, 3, 5):
        for one in islice(logic.generate_logic(people), 60):
            plain, new = words.put_in_words(one), perturb.perturb(one, kind)
            assert new == perturb.perturb(one, kind)
            if new is None:
                assert kind == "perturbed_leaf" or (kind == "perturbed_statement" and people == 2)
                continue
            changed += 1
            assert by_enumeration(new.statements) == [new.solution]
            assert new.quiz != plain.quiz
            if kind.startswith("perturbed_"):
                assert new.solution != plain.solution
                differ = [i for i in range(people) if new.statements[i] != plain.statements[i]]
                assert len(differ) == 1
                assert (new.names, new.roles) == (plain.names, plain.roles)
            else:
                assert (new.statements, new.solution) == (plain.statements, plain.solution)
            if kind == "perturbed_leaf":
                (at,) = differ
                old, now = (re.findall(r"'(?:lying|telling-truth)', \d", str(p.statements[at])) for p in (plain, new))
                assert len(old) == len(now) and sum(a != b for a, b in zip(old, now, strict=True)) == 1
            elif kind == "reorder_statement":
                assert sorted(new.quiz) == sorted(plain.quiz) and new.names == plain.names
            elif kind == "uncommon_name":
                assert not set(new.names) & set(words.NAMES)
            elif kind in ("random_pair", "flip_role"):
                truth, lie = new.roles
                assert (
                    f"{words.plural(truth).capitalize()} always tell the truth, and "
                    f"{words.plural(lie)} always lie." in new.quiz
                )
                assert (f"is a {truth}" in new.solution_text) == any(new.solution) or truth == "altruist"
    assert changed > 150


def test_role_words_read_well():
    quiz = words.tell([("not", ("lying", 1)), ("lying", 0)], ["A", "B"], words.TEMPLATES[:2], ("altruist", "egoist"))
    assert "Altruists always tell the truth, and egoists always lie" in quiz
    assert quiz.endswith("B told you that A is an egoist. So who is an altruist and who is an egoist?")
    assert "A said that B is not an egoist." in quiz
    assert words.plural("hero") == "heroes"


@pytest.mark.parametrize("style", KK)
def test_a_style_says_whether_its_prompt_opens_the_thinking(style):
    (example,) = kk_puzzles.to_examples(kk_puzzles.generate([2], 0, 1, "mem_kk")["test"], "test", style)
    assert example.data_source == "kk/2ppl" and example.difficulty == 2.0 and example.ability == "logic"
    assert example.think_in_prompt == example.messages[-1][1].endswith("<think>") == KK[style].raw


def test_sources_are_solved_anew(fixtures, tmp_path):
    good, record, left_out = kk_puzzles.load(str(fixtures / "data_kk_raw.jsonl"), "test")
    assert len(good) == 4 and not left_out and record["source"] == "data_kk_raw.jsonl"
    row = json.loads((fixtures / "data_kk_raw.jsonl").read_text().splitlines()[0])
    bad = [
        row,
        row | {"solution": [not s for s in row["solution"]]},
        row | {"statements": "(('telling-truth', 0),) * 5"},
        row | {"statements": str((("telling-truth", 0),) * 5)},
        row | {"names": row["names"][:2]},
        row | {"statements": "(" * 10_000},
        row | {"statements": str((("maybe", 0),) * 5)},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, bad)))
    puzzles, _, left_out = kk_puzzles.load(str(tmp_path / "x.jsonl"), "test")
    assert len(puzzles) == 1 and [entry.row for entry in left_out] == [1, 2, 3, 4, 5, 6]
    reasons = [entry.reason for entry in left_out]
    assert reasons[0] == "the given solution is not the puzzle's"
    assert "solutions, not exactly one" in reasons[2]


def test_the_script_writes_every_number_of_people(script, tmp_path):
    status, out, err = script(
        "kk", "--people", "3,5", "--train-size", 30, "--test-size", 4, "--style", "raw", "--processes", 1
    )
    assert (status, err) == (0, "") and "data/kk/train.parquet: 60 rows" in out
    test = rows(tmp_path / "data/kk/test.parquet")
    assert [r["data_source"] for r in test] == ["kk/3ppl"] * 4 + ["kk/5ppl"] * 4
    for kind in perturb.KINDS:
        arguments = ("--people", 4, "--train-size", 20, "--test-size", 0, "--perturbation", kind, "--out", kind)
        assert script("kk", *arguments)[0] == 0
        (changed,) = {
            json.loads(r["extra_info"]["meta"])["perturbation"] for r in rows(tmp_path / kind / "train.parquet")
        }
        assert changed == kind
    assert "--split mem_kk" in script("kk", "--people", "2,3")[2]
    assert "--limit is for" in script("kk", "--limit", 3)[2]
