"""Mixing, ordering, overlap: shares reached, determinism, and the numbers the shared README reports."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import example, older, rows

from r1_verl.data import mix, overlap, write
from r1_verl.data.example import DataError, schema
from r1_verl.data.mix import Part
from r1_verl.ground_truth import encode


@pytest.fixture
def two(tmp_path):
    """a.parquet: 60 rows of difficulty 1 to 3; b.parquet: 40 rows of difficulty 4."""

    def make(name: str, count: int, level) -> None:
        made = [
            example(i, split=name, question=f"{name} {i}", difficulty=level(i), messages=(("user", f"{name} {i}?"),))
            for i in range(count)
        ]
        write.write_set(tmp_path, {name: made}, {"source": name})

    make("a", 60, lambda i: 1.0 + i % 3)
    make("b", 40, lambda i: 4.0)
    return tmp_path


def taken(path) -> Counter:
    return Counter(r["extra_info"]["split"] for r in rows(path))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a.parquet", Part("a.parquet")),
        ("a.parquet=20", Part("a.parquet", count=20)),
        ("a.parquet=0.25", Part("a.parquet", weight=0.25)),
        ("a.parquet=25%", Part("a.parquet", weight=0.25)),
        ("x=y/a.parquet", Part("x=y/a.parquet")),
        ("x=y/a.parquet=5", Part("x=y/a.parquet", count=5)),
    ],
)
def test_a_part_is_a_file_and_an_amount(text, part):
    found = mix.parse_part(text)
    assert (str(found.path), found.count, found.weight) == (part.path, part.count, part.weight)


@pytest.mark.parametrize("text", ["a.parquet=some", "a.parquet=0", "a.parquet=-1", "a.parquet="])
def test_amounts_that_are_none(text):
    with pytest.raises(DataError, match="after = comes"):
        mix.parse_part(text)


def test_shares_are_reached_to_the_row():
    assert mix.shares([100, 100], [1, 3], None) == [33, 100]
    assert mix.shares([100, 100, 100], [1, 1, 1], 100) == [34, 33, 33]
    assert sum(mix.shares([10, 1000], [0.7, 0.3], 9)) == 9


def test_the_script_by_numbers_and_by_shares(script, two):
    status, out, err = script("mix", "a.parquet=30", "b.parquet=10", "--out", "m/x.parquet")
    assert (status, err) == (0, "") and "a.parquet: 30 of 60 rows, 75.0 %" in out
    assert taken(two / "m/x.parquet") == {"a": 30, "b": 10}
    assert script("mix", "a.parquet=1%", "b.parquet=3%", "--size", 40, "--out", "y.parquet")[0] == 0
    assert taken(two / "y.parquet") == {"a": 10, "b": 30}
    assert script("mix", "a.parquet=0.5", "b.parquet=0.5", "--out", "z.parquet")[0] == 0
    assert taken(two / "z.parquet") == {"a": 40, "b": 40}
    record = write.read_provenance(two / "z.parquet")
    assert record["script"] == "mix" and record["rows"] == 80 and len(record["sources"]) == 2
    names = [(r["extra_info"]["split"], r["extra_info"]["index"]) for r in rows(two / "z.parquet")]
    assert len(set(names)) == 80
    pa.concat_tables([pq.read_table(two / f"{n}.parquet").replace_schema_metadata(None) for n in "abz"])


def test_files_of_earlier_versions_mix_with_newer_ones(script, two):
    table = pq.read_table(two / "a.parquet")
    pq.write_table(older(table), two / "old.parquet")
    write.write_set(two, {"new": [example(0, raw=True)]}, {})
    assert script("mix", "old.parquet", "new.parquet", "--order", "keep", "--out", "x.parquet")[0] == 0
    mixed = pq.read_table(two / "x.parquet")
    assert mixed.schema.remove_metadata() == schema()
    assert [r["extra_info"]["raw"] for r in mixed.to_pylist()] == [None] * 60 + [True]
    assert mixed.slice(0, 60).to_pylist() == table.to_pylist()
    assert script("overlap", "old.parquet", "b.parquet", "--drop", "y.parquet")[0] == 0
    assert len(rows(two / "y.parquet")) == 60


def test_equal_runs_give_equal_bytes(script, two):
    for out in ("x", "y"):
        assert script("mix", "a.parquet=20", "b.parquet=20", "--seed", 3, "--out", f"{out}/m.parquet")[0] == 0
    assert (two / "x/m.parquet").read_bytes() == (two / "y/m.parquet").read_bytes()
    assert script("mix", "a.parquet=20", "b.parquet=20", "--seed", 4, "--out", "z/m.parquet")[0] == 0
    assert rows(two / "x/m.parquet") != rows(two / "z/m.parquet")


@pytest.mark.parametrize("order", mix.ORDERS)
def test_rows_come_in_the_order_asked_for(script, two, order):
    assert script("mix", "a.parquet", "b.parquet", "--order", order, "--out", "x.parquet")[0] == 0
    found = rows(two / "x.parquet")
    levels = [r["extra_info"]["difficulty"] for r in found]
    origin = [r["extra_info"]["split"] for r in found]
    assert len(found) == 100
    if order == "keep":
        assert origin == ["a"] * 60 + ["b"] * 40
    elif order == "easy-to-hard":
        assert levels == sorted(levels)
        assert [r["extra_info"]["index"] for r in found[:20]] != sorted(r["extra_info"]["index"] for r in found[:20])
    elif order == "hard-to-easy":
        assert levels == sorted(levels, reverse=True)
    elif order == "interleave":
        assert all(5 <= origin[i : i + 10].count("a") <= 7 for i in range(0, 100, 10))
    else:
        assert origin != sorted(origin) and levels != sorted(levels)


def test_bands_of_difficulty_get_their_shares(script, two):
    bands = ("--bands", "1-2=0.25,4-9=0.75", "--size", 40)
    assert script("mix", "a.parquet", "b.parquet", *bands, "--out", "x.parquet")[0] == 0
    found = Counter(r["extra_info"]["difficulty"] for r in rows(two / "x.parquet"))
    assert found[4.0] == 30 and found[1.0] + found[2.0] == 10
    assert "is no band" in script("mix", "a.parquet", "--bands", "2-1=1", "--out", "x.parquet")[2]
    assert "band 7-9 has 0 rows" in script("mix", "a.parquet", "--bands", "7-9=1", "--out", "y.parquet")[2]


def test_difficulty_from_measured_pass_rates(script, two):
    truth = example().ground_truth
    dump = [
        {"input": f"<user>a {i}?<assistant>", "gts": truth, "output": "", "acc": float(i < 5)} for i in range(10)
    ] * 2
    dump += [{"data_source": "countdown", "index": 39, "acc": 1.0}]
    (two / "rollouts").mkdir()
    (two / "rollouts/1.jsonl").write_text("\n".join(map(json.dumps, dump[:10])))
    (two / "rollouts/2.jsonl").write_text("\n".join(map(json.dumps, dump[10:])))
    status, out, _ = script(
        "mix", "a.parquet", "--rollouts", "rollouts", "--order", "hard-to-easy", "--out", "x.parquet"
    )
    assert status == 0 and "11 of 60 rows have recorded responses" in out
    found = [r["extra_info"]["index"] for r in rows(two / "x.parquet")]
    assert set(found[:5]) == {5, 6, 7, 8, 9} and set(found[5:]) == {0, 1, 2, 3, 4, 39}


def test_pass_rates_do_not_confuse_prompts_with_the_same_answer(two):
    table = mix.read_table(two / "a.parquet")
    truth = example().ground_truth
    rates = mix.pass_rates(
        table, [{"input": "... a 7?", "gts": truth, "acc": 1.0}, {"input": "a 7?", "gts": truth, "acc": 0.0}]
    )
    assert rates[7] == 0.5 and np.isnan(np.delete(rates, 7)).all()
    with pytest.raises(DataError, match="neither acc nor score"):
        mix.pass_rates(table, [{"input": "x"}])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.parquet=70"], "has 60 rows, 70 asked for"),
        (["a.parquet=7", "b.parquet=0.5"], "give every file a number of rows, or every file a share"),
        (["a.parquet", "--size", "5"], "--size goes with shares"),
        (["c.parquet"], "cannot read c.parquet"),
        (["foreign.parquet"], "has not the common schema"),
        (["none.parquet", "--order", "easy-to-hard"], "2 rows have no difficulty"),
        (["a.parquet=5", "--bands", "1-2=1"], "give the files without ="),
    ],
)
def test_bad_input_of_mix_is_one_line(script, two, arguments, message):
    pq.write_table(pa.table({"x": [1]}), two / "foreign.parquet")
    write.write_set(two, {"none": [example(0, difficulty=None), example(1, difficulty=None)]}, {})
    status, _, err = script("mix", *arguments, "--out", "x.parquet")
    assert status == 1 and err.startswith("error: ") and message in err
    assert not (two / "x.parquet").exists()


def item(question: str, answer: str = "1") -> overlap.Item:
    return overlap.Item(question, answer)


def test_a_normaliser_leaves_what_it_compares():
    assert overlap.by_text(" a  +\n$b$ ") == "a+$b$"
    assert overlap.by_latex(" \\(a\\)  +\n$\\frac{B}2$ ") == "(a)+fracb2"
    assert overlap.by_letters("Find $x+1$, Ö!") == "findx1"


def test_exact_overlap_and_repeats():
    train = [item("Find x + 1."), item("Find x+1."), item("Find $x-1$", "2"), item("new")]
    ours, hit = overlap.exact(train, [item("find x+1"), item("Find x+1.")], "text")
    assert (ours, hit) == ({0, 1}, {1})
    ours, hit = overlap.exact(train, [item("find x+1"), item("Find x+1.")], "letters")
    assert (ours, hit) == ({0, 1, 2}, {0, 1})
    assert overlap.repeats(train, "text") == ("text", 3, 1, 0)
    assert overlap.repeats(train, "letters") == ("letters", 2, 2, 1)


def test_grams_find_a_copy_with_another_beginning():
    body = " ".join(f"word{i}" for i in range(20))
    found = overlap.by_grams(
        [item(f"Once {body}"), item("short one")], {"s": [item(f"{body} at last."), item("Short: one")]}
    )
    assert found["s"] == ({0, 1}, {0, 1})
    phrase = [item(f"{body} number {i}") for i in range(11)]
    assert overlap.by_grams([item(body)], {"s": phrase})["s"] == (set(), set())


def test_rows_that_overlap_are_dropped(script, two):
    suite = [example(0, question="a 3"), example(1, question="A, 4!")]
    write.write_set(two, {"suite": suite}, {})
    for by, out in (("text", 59), ("letters", 58), ("n-gram", 58)):
        status, shown, _ = script("overlap", "a.parquet", "suite.parquet", "--by", by, "--drop", f"{by}.parquet")
        assert status == 0 and len(rows(two / f"{by}.parquet")) == out
    assert "suite                | letters    |                   2 |                2 | 2" in shown
    assert write.read_provenance(two / "text.parquet")["left_out"] == 1
    assert "letters: ASCII letters and digits" in shown  # the report names its normalisers
    (two / "odd.jsonl").write_text('{"x": 1}')
    assert "row 0 has no problem text; columns: x" in script("overlap", "odd.jsonl")[2]


def counts(data_dir, file, **suites):
    items = overlap.read(data_dir / file)
    matches, _ = overlap.compare(items, {name: overlap.read(data_dir / path) for name, path in suites.items()})
    return items, {(m.suite, m.normaliser): (m.train, m.suite_hit) for m in matches}


EVAL = "eval/simplerl/"


@pytest.mark.long
def test_math8k_against_math(data_dir):
    items, found = counts(
        data_dir, "math/simplerl_8k/simplelr_qwen_level3to5_train.parquet", train="math/train.jsonl.gz",
        test="math/test.jsonl.gz", math500=EVAL + "math500.jsonl", olympiad=EVAL + "olympiadbench.jsonl",
    )  # fmt: skip
    assert overlap.repeats(items, "text").distinct == 8521 and overlap.repeats(items, "letters").distinct == 8514
    for suite, text, letters in (("train", 5589, 5592), ("test", 2937, 2943), ("math500", 0, 1), ("olympiad", 0, 3)):
        assert found[suite, "text"][0] == text and found[suite, "letters"][0] == letters


@pytest.mark.long
def test_dapo_repeats_and_contradictions(data_dir):
    items, found = counts(
        data_dir, "dapo/train.parquet", amc23=EVAL + "amc23.jsonl", math500=EVAL + "math500.jsonl",
        olympiad=EVAL + "olympiadbench.jsonl",
    )  # fmt: skip
    assert overlap.repeats(items, "text")[2:] == (477, 8)
    assert overlap.repeats(items, "letters")[2:] == (1344, 51)
    for suite, text, letters in (("amc23", 6, 8), ("math500", 4, 7), ("olympiad", 4, 10)):
        assert found[suite, "text"][1] == text and found[suite, "letters"][1] == letters


def test_deepscaler_against_aime(data_dir):
    _, found = counts(
        data_dir, "deepscaler/train_aime.json.gz", aime="eval/logic_rl/aime_2021_2024.jsonl",
        math500=EVAL + "math500.jsonl",
    )  # fmt: skip
    # The README names no normaliser here: its 73, 5 (and 7 below) come out without white space and LaTeX decoration.
    assert found["aime", "latex"] == found["aime", "letters"] == (73, 73) and found["aime", "text"] == (68, 68)
    assert [found["math500", how][1] for how in overlap.NORMALISERS] == [4, 5, 6]
    _, found = counts(data_dir, EVAL + "aime24.jsonl", aime="eval/logic_rl/aime_2021_2024.jsonl")
    assert [found["aime", how][1] for how in overlap.NORMALISERS] == [5, 7, 7]


def test_prepared_files_are_read_by_question_and_answer(two):
    made = [
        example(0, question="Q", ground_truth=encode("math", answers=["1", "2"]), data_source="math", gold="\\boxed{1}")
    ]
    write.write_set(two, {"m": made}, {})
    assert overlap.read(two / "m.parquet") == [item("Q", "1 / 2")]
