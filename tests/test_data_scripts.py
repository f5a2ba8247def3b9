"""The scripts in data_prep/, as a user starts them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import file_size_limit, rows

from r1_verl.data import write
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.example import schema
from r1_verl.data.kk.prompts import KK

SCRIPTS = Path(__file__).parents[1] / "data_prep"


def test_countdown_as_the_quickstart_makes_it(script, tmp_path):
    status, out, err = script(
        "countdown", "--style", "tiny", "--sizes", 3, "--max", 20, "--min-target", 1, "--operators=+-",
        "--train-size", 300, "--test-size", 40, "--out", "cd", "--processes", 1,
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "cd/train.parquet: 300 rows" in out and "cd/test.parquet: 40 rows" in out
    train, test = rows(tmp_path / "cd/train.parquet"), rows(tmp_path / "cd/test.parquet")
    assert len(train) == 300 and Counter(r["data_source"] for r in test) == {"countdown/3": 40}
    assert [r["extra_info"]["index"] for r in train] == list(range(300))
    record = write.read_provenance(tmp_path / "cd/train.parquet")
    assert record["arguments"]["operators"] == "+-" and record["source"] == "generate"
    assert str(tmp_path) not in (tmp_path / "cd/train.provenance.json").read_text()


def test_countdown_surplus_goes_where_the_user_chose(script, tmp_path):
    common = ("--train-size", 50, "--test-size", 10, "--count", 100, "--processes", 1, "--sizes", 3)
    expected = {"file": (50, 10, 40), "train": (90, 10, 0), "test": (50, 50, 0), "drop": (50, 10, 0)}
    for rest, sizes in expected.items():
        assert script("countdown", *common, "--rest", rest, "--out", rest)[0] == 0
        found = [tmp_path / rest / f"{part}.parquet" for part in ("train", "test", "rest")]
        assert tuple(len(rows(path)) if path.exists() else 0 for path in found) == sizes


def test_countdown_from_a_prepared_file(script, tmp_path):
    assert script("countdown", "--train-size", 90, "--test-size", 10, "--out", "a", "--processes", 1)[0] == 0
    status, out, err = script("countdown", "--source", "a/train.parquet", "--style", "mini_r1", "--out", "b")
    assert (status, err) == (0, "") and "train.parquet: 90 rows, 90 usable" in out
    first, again = rows(tmp_path / "a/train.parquet"), rows(tmp_path / "b/train.parquet")
    assert [r["reward_model"] for r in first] == [r["reward_model"] for r in again]
    assert {r["extra_info"]["raw"] for r in first} == {False} and {r["extra_info"]["raw"] for r in again} == {True}


def test_the_quickstarts_greedy_rows_and_traces(script, tmp_path):
    tiny = ("--style", "tiny", "--sizes", 3, "--operators=+-", "--train-size", 30, "--test-size", 5, "--processes", 1)
    assert script("countdown", *tiny, "--out", "a")[0] == 0
    assert script("greedy", "a/test.parquet")[0] == 2  # without --out
    assert script("greedy", "a/test.parquet", "old.parquet")[0] == 0  # the form of earlier versions
    assert script("greedy", "a/test.parquet", "--out", "b/greedy.parquet")[:2] == (
        0,
        "b/greedy.parquet: 10 rows, half of them greedy\n",
    )
    table = pq.read_table(tmp_path / "b/greedy.parquet")
    assert (tmp_path / "old.parquet").read_bytes() == (tmp_path / "b/greedy.parquet").read_bytes()
    assert table.drop_columns("agent_name").schema.remove_metadata() == schema()
    assert Counter(zip(*(table[name].to_pylist() for name in ("data_source", "agent_name")), strict=True)) == {
        ("countdown/3", "single_turn_agent"): 5,
        ("countdown/3/greedy", "r1_greedy"): 5,
    }
    assert write.read_provenance(tmp_path / "b/greedy.parquet")["script"] == "greedy"
    status, out, _ = script("countdown_traces", "--puzzles", "a/train.parquet", "--count", 40, "--out", "c")
    assert status == 0 and "c/train.parquet: 40 traces" in out
    (first, *_) = made = rows(tmp_path / "c/train.parquet")
    assert len(made) == 40 and [m["role"] for m in first["messages"]] == ["user", "assistant"]
    assert write.read_provenance(tmp_path / "c/train.parquet")["arguments"]["count"] == 40


@pytest.mark.parametrize("name", ["none.parquet", "torn.parquet", "foreign.parquet", "empty.parquet"])
def test_the_quickstarts_scripts_refuse_other_files_in_one_line(script, tmp_path, name):
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "foreign.parquet")
    pq.write_table(schema().empty_table(), tmp_path / "empty.parquet")
    for arguments in (
        ("greedy", name, "--out", "out.parquet"),
        ("countdown_traces", "--puzzles", name, "--out", "out"),
    ):
        status, out, err = script(*arguments)
        assert (status, out) == (1, "") and err.startswith("error: ") and err.count("\n") == 1
        assert not list(tmp_path.glob("out*"))


def test_countdown_bytes_do_not_depend_on_processes_or_folder(script, tmp_path):
    for out, processes in (("a", 1), ("b", 2)):
        assert (
            script("countdown", "--train-size", 200, "--test-size", 20, "--out", out, "--processes", processes)[0] == 0
        )
    for name in ("train.parquet", "test.parquet", "train.provenance.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_dry_run_shows_what_the_model_will_see_and_writes_nothing(script, tmp_path):
    status, out, _ = script("countdown", "--dry-run", "--style", "raw", "--train-size", 5, "--test-size", 1)
    assert status == 0
    assert out.count("A conversation between User and Assistant.") == 4
    assert "pass-through template" in out and '"task":"countdown"' in out
    assert out.endswith("0 rows left out\ndry run: nothing was written\n")
    (tmp_path / "x.jsonl").write_text('{"problem": "What is 1 + 1?", "answer": "2"}\n{"problem": "Why?"}')
    status, out, _ = script("math_lighteval", "--dry-run", "--source", "x.jsonl")
    assert status == 0 and "[a right response] '" in out and "boxed{2}" in out
    assert "1 rows left out; left out 1: its solution has no box\n  row 1: its solution has no box" in out
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "nowhere.parquet"], "there is no file nowhere.parquet"),
        (["--source", "wrong.jsonl"], "has no column target, nums (it has a)"),
        (["--source", "truth.jsonl"], "no usable puzzle; left out 1: needs a whole-number target"),
        (["--sizes", "3", "--max", "4", "--train-size", "1000"], "puzzles exist"),
        (["--count", "10"], "--count 10 is less than"),
        (["--limit", "5"], "--limit and --split order are for --source hub or PATH"),
        (["--operators=^"], "operators must be"),
    ],
)
def test_countdown_bad_input_is_one_line(script, tmp_path, arguments, message):
    (tmp_path / "wrong.jsonl").write_text('{"a": 1}')
    (tmp_path / "truth.jsonl").write_text(json.dumps({"reward_model": {"ground_truth": "no JSON"}}))
    before = set(tmp_path.iterdir())
    status, out, err = script("countdown", *arguments, "--processes", 1)
    assert status == 1 and out == ""
    assert err.startswith("error: ") and message in err
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments", [["--train-size", "-1"], ["--train-size", "many"], ["--style", "nice"], ["--sizes", "3;4"], ["--frob"]]
)
def test_wrong_arguments_are_refused_by_name(script, arguments):
    status, _, err = script("countdown", *arguments)
    assert status == 2 and arguments[0] in err


def test_a_full_disk_is_one_line_and_leaves_nothing(script, tmp_path):
    with file_size_limit(3000):
        status, _, err = script("countdown", "--train-size", 2000, "--test-size", 5, "--processes", 1)
    assert status == 1
    assert err.startswith("error: ") and "train.parquet: File too large; make room or choose another --out" in err
    assert err.count("\n") == 1
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_script_runs_as_a_program(tmp_path):
    arguments = ["--train-size", "20", "--test-size", "5", "--sizes", "3", "--max", "30"]
    done = subprocess.run(
        [sys.executable, SCRIPTS / "countdown.py", *arguments], cwd=tmp_path, capture_output=True, text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "data/countdown/train.parquet")) == 20


def test_a_python_without_the_packages_is_told_of_the_one_that_has(tmp_path):
    command = [sys.executable, "-S", SCRIPTS / "countdown.py", "--out", "a b"]  # -S: without what is installed
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: this Python has no package pyarrow: ")
    assert done.stderr.endswith(f"{SCRIPTS.parent}/.venv/bin/python {SCRIPTS}/countdown.py --out 'a b'\n")


def test_a_data_set_of_ones_own_as_the_readme_says(tmp_path, monkeypatch, capsys):
    from r1_verl import cli

    text = (SCRIPTS / "README.md").read_text()
    code = text[text.index("```python\n") + 10 : text.rindex("```")]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out == "{'train': 2}\n"
    assert cli.main(["check", "data/mine/train.parquet"]) == 0


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("[!_]*.py")), ids=lambda path: path.name)
def test_a_script_says_what_it_makes_and_how_it_is_called(path):
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert re.match(r"[A-Z].{30,}[.]", said.replace("\n", " ")) and f"python data_prep/{path.name}" in said


def test_the_readme_names_scripts_that_are_there_and_every_style():
    from r1_verl.data import multiply
    from r1_verl.data.math import prompts

    text = (SCRIPTS / "README.md").read_text()
    assert set(re.findall(r"`(\w+[.]py)`", text)) <= {path.name for path in SCRIPTS.glob("*.py")}
    styles = set(COUNTDOWN) | set(KK) | set(multiply.STYLES) | set(prompts.MATH)
    assert [style for style in styles if f"`{style}`" not in text] == []
