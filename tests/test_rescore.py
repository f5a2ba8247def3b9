"""`r1-verl score FILE`: every file kind, the summary, the comparison with a recorded reward, bad input."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1_verl import cli
from r1_verl.evaluation import rescore
from r1_verl.evaluation.response_files import Columns, Row, read

ROWS = [
    {"data_source": "gsm8k", "response": "#### 18", "ground_truth": "18", "score": 1.0},
    {"data_source": "gsm8k", "response": "#### 19", "ground_truth": "18", "score": 0.0},
    {"data_source": "math", "response": "\\boxed{0.5}", "ground_truth": "\\frac{1}{2}", "score": 0.0},
    {"data_source": "math", "response": "no answer", "ground_truth": "7", "score": 0.0},
]


def write(path, rows=ROWS):
    if path.suffixes[0] == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path if path.suffix != ".gz" else path.with_suffix(""))
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.parquet", "r.parquet.gz"])
def test_every_kind_of_file(tmp_path, capsys, name):
    assert cli.main(["score", str(write(tmp_path / name))]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split() == ["gsm8k", "2", "0.5000", "0.5000", "1.0000", "correct", "1,", "wrong", "1"]
    assert out[2].split() == ["math", "2", "0.5000", "0.5000", "0.5000", "correct", "1,", "no_answer", "1"]
    assert out[3] == "recorded reward: 4 rows, 3 agree, 1 differ; mean 0.2500 recorded, 0.5000 here"
    assert out[4] == "  row 3: 0 recorded, 1 here (correct) '0.5'"


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.parquet"])
def test_verdicts_are_written_row_by_row(tmp_path, name):
    out = tmp_path / name
    assert cli.main(["score", str(write(tmp_path / "r.jsonl")), "--out", str(out), "--mode", "faithful"]) == 0
    if out.suffix == ".parquet":
        rows = pq.read_table(out).to_pylist()
    else:
        data = gzip.decompress(out.read_bytes()) if out.suffix == ".gz" else out.read_bytes()
        rows = [json.loads(line) for line in data.splitlines()]
    assert [(row["row"], row["data_source"], row["score"], row["outcome"], row["recorded"]) for row in rows] == [
        (0, "gsm8k", 1.0, "correct", 1.0),
        (1, "gsm8k", 0.0, "wrong", 0.0),
        (2, "math", 1.0, "correct", 0.0),
        (3, "math", 0.0, "no_answer", 0.0),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"r.jsonl", name}  # no temporary file stays


def test_verls_dumps_are_read_as_they_are(tmp_path, capsys):
    dump = [
        {"input": "Q <think>\n", "output": "so</think> \\boxed{5}", "gts": "5", "score": 1.0, "step": 1, "uid": "a"},
        {"input": "Q <think>\n", "output": "so \\boxed{5}", "gts": "5", "score": 1.0, "step": 1, "uid": "b"},
        {"input": "Q", "output": "so \\boxed{5}", "gts": "5", "score": 0.0, "step": 1, "uid": "c"},
    ]
    file = write(tmp_path / "1.jsonl", dump)
    rows = list(read(file, Columns(source="math")))
    assert [row.extra_info["think_in_prompt"] for row in rows] == [True, True, False]
    assert cli.main(["score", str(file), "--source", "math"]) == 0
    assert "3 rows, 1 agree, 2 differ" in capsys.readouterr().out  # an answer in the thinking is no answer


def test_verls_training_rows_and_named_columns(tmp_path):
    rows = [
        {"data_source": "math", "answer_text": "\\boxed{5}", "reward_model": {"ground_truth": "5", "style": "rule"},
         "extra_info": {"think_in_prompt": False, "index": 3}, "old": True},
    ]  # fmt: skip
    found = list(read(write(tmp_path / "r.jsonl", rows), Columns(response="answer_text", reward="old")))
    assert found == [Row("math", "\\boxed{5}", "5", {"think_in_prompt": False, "index": 3}, 1.0)]
    mixed = [{"data_source": "math", "response": "\\boxed{5}", "answer": "5", "gold": "6"}]
    assert next(read(write(tmp_path / "m.jsonl", mixed), Columns(ground_truth="gold"))).ground_truth == "6"


def test_scale_and_options_reach_the_scorer(tmp_path, capsys):
    rows = [{"data_source": "openr1", "response": "\\boxed{5}", "ground_truth": "$5$"}]
    file = str(write(tmp_path / "r.jsonl", rows))
    weights = 'openr1_weights={"tag_count": 1, "reasoning_steps": 1}'
    assert cli.main(["score", file, "--option", weights]) == 0
    assert "0.0000" in capsys.readouterr().out
    assert cli.main(["score", file, "--source", "math", "--scale", "plus_minus"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2] == "1.0000"


def test_the_old_option_ladder_still_scores(tmp_path, capsys):
    rescore.note_ladder.cache_clear()
    rows = [{"data_source": "math", "response": "\\boxed{6}", "ground_truth": "5"}]
    assert cli.main(["score", str(write(tmp_path / "r.jsonl", rows)), "--ladder", "plus_minus"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[1].split()[2] == "-1.0000" and "`scale`" in told.err


def test_all_cores_give_the_same_as_one(tmp_path):
    rows = [Row("math", f"\\boxed{{{i}}}", str(i % 7), {}, None) for i in range(1500)]
    one = list(rescore.score_many(rows, workers=1))
    two = list(rescore.score_many(iter(rows), workers=2))
    assert [row for row, _ in two] == rows and one == two
    assert sum(result["acc"] for _, result in two) == 7


def test_rows_are_read_little_by_little():
    """A file larger than memory: the reader is never far ahead of the results."""
    ahead = read_so_far = 0

    def rows():
        nonlocal read_so_far
        for _ in range(4000):
            read_so_far += 1
            yield Row("gsm8k", "#### 5", "5", {}, None)

    for done, _ in enumerate(rescore.score_many(rows(), workers=2)):
        ahead = max(ahead, read_so_far - done)
    assert read_so_far == 4000 and ahead <= 1200


BAD = [
    (["missing.jsonl"], "no file"),
    (["r.txt"], "neither .jsonl nor .parquet"),
    (["bad.jsonl"], "cannot read bad.jsonl: bad.jsonl: 1 line is no JSON and left out: 2 ("),
    (["list.jsonl"], "row 1 is no JSON object"),
    (["r.jsonl", "--source", "mth"], "unknown data source 'mth'; did you mean"),
    (["r.jsonl", "--mode", "stric"], "unknown mode 'stric'; did you mean 'strict'?"),
    (["r.jsonl", "--scale", "binry"], "unknown scale 'binry'; did you mean 'binary'?"),
    (["r.jsonl", "--option", "nothing"], "write it as NAME=VALUE"),
    (["r.jsonl", "--option", "nosuch=1"], "unknown option 'nosuch'"),
    (["r.jsonl", "--response", "text"], "has no column text: name it with --response"),
    (["r.jsonl", "--reward", "gain"], "has no column gain"),
    (["r.jsonl", "--out", "o.csv"], "choose a name that ends in"),
    (["nosource.jsonl"], "has no data_source: name one for all rows with --source"),
    (["notruth.jsonl"], "has no column ground_truth or gts or answer"),
    (["number.jsonl"], "the response is no text"),
    (["broken.jsonl.gz"], "cannot read"),
    (["broken.parquet"], "cannot read broken.parquet: Parquet magic bytes not found"),
    (["torn.jsonl.gz"], "cannot read torn.jsonl.gz: "),
]


@pytest.mark.parametrize(("args", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "r.jsonl")
    (tmp_path / "r.txt").write_text("x")
    (tmp_path / "bad.jsonl").write_text("\n{oops\n")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    write(tmp_path / "nosource.jsonl", [{"response": "a", "ground_truth": "b"}])
    write(tmp_path / "notruth.jsonl", [{"data_source": "math", "response": "a"}])
    write(tmp_path / "number.jsonl", [{"data_source": "math", "response": 5, "ground_truth": "b"}])
    (tmp_path / "broken.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    whole = gzip.compress((tmp_path / "r.jsonl").read_bytes())
    (tmp_path / "torn.jsonl.gz").write_bytes(whole[:20] + b"\0" * 20)
    before = {path.name for path in tmp_path.iterdir()}
    assert cli.main(["score", *args, *([] if "--out" in args else ["--out", "out.jsonl"])]) == 2
    told = capsys.readouterr()
    assert told.out == "" and message in told.err and told.err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("out", [[], ["--out", "o.jsonl"], ["--out", "o.parquet"]])
def test_an_empty_file_is_no_error(tmp_path, capsys, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.jsonl").write_text("\n")
    assert cli.main(["score", "r.jsonl", *out]) == 0
    assert capsys.readouterr().out == "r.jsonl holds no rows\n"
    assert not out or (tmp_path / out[1]).exists()


@pytest.mark.parametrize("name", ["R.JSONL", "r.json", "r.ndjson", "R.Parquet"])
def test_other_names_of_the_same_kinds(tmp_path, name):
    made = write(tmp_path / ("x.parquet" if name.lower().endswith("parquet") else "x.jsonl"))
    assert len(list(read(made.rename(tmp_path / name), Columns()))) == len(ROWS)


def test_hostile_rows_do_not_stop_the_file(tmp_path):
    rows = [
        {"data_source": "math", "response": "\\boxed{" + "9^{" * 3000, "ground_truth": "5"},
        {"data_source": "math", "response": "\\boxed{\ud800}", "ground_truth": "\ud800"},
        {"data_source": "math", "response": "", "ground_truth": None},
    ]
    out = tmp_path / "o.parquet"
    assert cli.main(["score", str(write(tmp_path / "r.jsonl", rows)), "--out", str(out)]) == 0
    assert len(pq.read_table(out)) == 3


def test_a_recorded_set_is_scored(data_dir, capsys):
    file = data_dir / "responses" / "olympiadbench_qwen25_3b.jsonl.gz"
    assert cli.main(["score", str(file), "--source", "olympiadbench", "--workers", "2"]) == 0
    line = capsys.readouterr().out.splitlines()[1].split()
    assert line[:2] == ["olympiadbench", "1096"] and 0.2 < float(line[3]) < 0.4


# --- two ways of scoring ----------------------------------------------------------------------------------------------

TWO = [
    {
        "data_source": "openr1",
        "response": "<think>\n\n</think>\n<answer>\n\\boxed{5}\n</answer>",
        "ground_truth": "$5$",
    },
    {"data_source": "openr1", "response": "\\boxed{5} it is", "ground_truth": "$5$"},
    {"data_source": "openr1", "response": "nothing", "ground_truth": "$5$"},
    {"data_source": "openr1", "response": "\\boxed{5} once more", "ground_truth": "$5$"},
]


def test_two_modes_side_by_side(tmp_path, capsys):
    """An answer in no tag: right as published (rows 2 and 4), none in strict mode."""
    file, out = write(tmp_path / "r.jsonl", TWO), tmp_path / "o.jsonl"
    assert cli.main(["score", str(file), "--against", "mode=faithful", "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()[2:]
    assert told[0] == "against mode=faithful: 4 rows, 1 of the same outcome, 2 paid otherwise"
    assert [line.split() for line in told[1:4]] == [
        ["correct", "wrong"],
        ["correct", "1", "."],
        ["no_answer", "2", "1"],
    ]
    assert told[4] == "no_answer -> correct, 2:" and told[7] == "no_answer -> wrong, 1:" and len(told) == 9
    assert told[5].startswith("  row 2: 0 / 1, '' / ") and told[5].endswith("ground truth '$5$'")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["score"], row["against_score"], row["against_outcome"]) for row in rows[:2]] == [
        (3.0, 3.0, "correct"), (0.0, 1.0, "correct"),
    ]  # fmt: skip


def test_two_rewards_and_scales_side_by_side(tmp_path, capsys):
    file = str(write(tmp_path / "r.jsonl", TWO))
    assert cli.main(["score", file, "--source", "math", "--against", "reward=openr1", "--against", "scale=binary"]) == 0
    assert (
        "against reward=openr1 scale=binary: 4 rows, 2 of the same outcome, 2 paid otherwise" in capsys.readouterr().out
    )
    assert cli.main(["score", file, "--source", "math", "--against", "scale=plus_minus"]) == 0
    told = capsys.readouterr().out
    assert (
        "4 rows, 4 of the same outcome, 1 paid otherwise" in told
        and "no_answer -> no_answer, 1:\n  row 3: 0 / -1" in told
    )


def test_comparing_many_rows_reads_the_file_once(tmp_path, capsys):
    rows = [{"data_source": "math", "response": f"\\boxed{{{i % 3}}}", "ground_truth": "1"} for i in range(1300)]
    assert (
        cli.main(["score", str(write(tmp_path / "r.jsonl", rows)), "--workers", "1", "--against", "scale=plus_minus"])
        == 0
    )
    assert (
        "against scale=plus_minus: 1300 rows, 1300 of the same outcome, 867 paid otherwise" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("against", "told"),
    [("faithful", "--against faithful: write it as NAME=VALUE"), ("mode=faith", "unknown mode 'faith'; did you mean")],
)
def test_bad_comparisons(tmp_path, capsys, against, told):
    assert cli.main(["score", str(write(tmp_path / "r.jsonl", TWO)), "--against", against]) == 2
    assert told in capsys.readouterr().err


# --- files that are cut off -------------------------------------------------------------------------------------------


def test_lines_that_cannot_be_read_are_said_and_the_rest_is_scored(tmp_path, capsys):
    text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    strange = json.dumps(ROWS[0] | {"response": "a\u2028b \u0085 #### 18"}, ensure_ascii=False).encode() + b"\n"
    (tmp_path / "r.jsonl").write_bytes(text + strange + b"oops\n" + text[:40])
    assert cli.main(["score", str(tmp_path / "r.jsonl")]) == 0
    told = capsys.readouterr()
    assert "gsm8k                               3" in told.out
    assert "r.jsonl: 2 lines are no JSON and left out: 6 (" in told.err and "cut off)" in told.err


def test_a_gzip_file_that_breaks_off_is_scored_as_far_as_it_goes(tmp_path, capsys):
    rows = [{"data_source": "math", "response": f"\\boxed{{{i * 7919}}}", "ground_truth": "1"} for i in range(2000)]
    path = write(tmp_path / "r.jsonl.gz", rows)
    path.write_bytes(path.read_bytes()[:-1000])
    assert cli.main(["score", str(path), "--workers", "1"]) == 0
    told = capsys.readouterr()
    assert "breaks off or can't be read" in told.err and 100 < int(told.out.splitlines()[1].split()[1]) < 2000


def test_columns_that_parts_of_a_reward_need(tmp_path):
    rows = [ROWS[0] | {"tokens": 7, "truncated": True, "prompt": "Q"}, ROWS[0] | {"extra_info": {"truncated": False}}]
    found = [row.extra_info for row in read(write(tmp_path / "r.jsonl", rows), Columns())]
    told = {"response_tokens": 7, "truncated": True, "question": "Q"}
    assert found == [{"think_in_prompt": False} | told, {"truncated": False}]


def test_a_training_response_is_compared_with_what_its_scorer_paid(tmp_path):
    """Parts of groups and tokens, which only training adds, are in `score` and not in `score_before`."""
    rows = [ROWS[0] | {"score": 0.4, "score_before": 1.0}]
    assert [row.reward for row in read(write(tmp_path / "r.jsonl", rows), Columns())] == [1.0]
