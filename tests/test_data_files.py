"""Examples, the common schema, and files that appear whole or not at all."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import example, file_size_limit, older, row

from r1_verl import atomic
from r1_verl.data import read, write
from r1_verl.data.example import DataError, gold_response, in_schema, is_older, schema, to_batch


def test_a_row_has_the_columns_that_verl_reads():
    assert row(example(7, raw=False)) == {
        "data_source": "countdown",
        "prompt": [{"role": "system", "content": "Think."}, {"role": "user", "content": "1 2 3 = 6"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": '{"numbers":[1,2,3],"target":6,"task":"countdown"}'},
        "extra_info": {
            "index": 7,
            "split": "train",
            "think_in_prompt": False,
            "raw": False,
            "style": "tiny",
            "difficulty": 3.0,
            "question": "1 2 3 = 6",
            "gold": gold_response("1 + 2 + 3"),
            "meta": '{"a": "é", "b": 1}',
        },
    }


def test_a_batch_is_the_rows():
    examples = [example(0), example(1, messages=(("user", "x"),), difficulty=None, meta={}), example(2, raw=True)]
    batch = to_batch(examples)
    batch.validate(full=True)
    assert batch.schema == schema()
    assert batch.to_pylist() == [row(e) for e in examples]
    assert [len(r["prompt"]) for r in batch.to_pylist()] == [2, 1, 2]


def test_tables_of_earlier_versions_get_the_flag_as_unknown():
    table = pa.Table.from_batches([to_batch([example(0), example(1, difficulty=None)])])
    assert in_schema(table).equals(table)
    assert not is_older(table.schema) and is_older(older(table).schema)
    assert in_schema(older(table)).equals(table)  # `example` says nothing about raw
    assert in_schema(older(table).slice(1, 0)).schema == schema()
    assert in_schema(table.drop_columns("ability")) is None


def test_gold_response_follows_the_prompt():
    assert gold_response("1") == "<think>\n</think>\n<answer>1</answer>"
    assert gold_response("1", think_in_prompt=True) == "\n</think>\n<answer>1</answer>"


def test_write_and_read_back(tmp_path):
    counts = write.write_set(
        tmp_path / "new" / "set", {"train": map(example, range(20)), "test": [example(0)]}, {"source": "made", "n": 1}
    )
    assert counts == {"train": 20, "test": 1}
    folder = tmp_path / "new" / "set"
    names = ["test.parquet", "test.provenance.json", "train.parquet", "train.provenance.json"]
    assert sorted(p.name for p in folder.iterdir()) == names
    table = pq.read_table(folder / "train.parquet")
    assert table.schema.remove_metadata() == schema()
    assert table.to_pylist() == [row(example(i)) for i in range(20)]
    found = write.read_provenance(folder / "train.parquet")
    prompts = {"longest_prompt_bytes": len("Think.1 2 3 = 6"), "roles": [["system", "user"]]}
    assert found == {"source": "made", "n": 1, "rows": 20, "left_out": {}, **prompts}
    beside = json.loads((folder / "train.provenance.json").read_text())
    assert beside["file"] == "train.parquet" and beside["source"] == "made" and beside["rows"] == counts


def test_the_provenance_has_the_longest_prompt_in_bytes_whoever_writes_the_file(tmp_path):
    prompts = [(("user", "é" * 7),), (("system", "ab"), ("user", "😀")), (("user", ""),)]
    made = [example(i, messages=prompts[i % 3]) for i in range(9000)]  # two batches
    made.append(example(9000, messages=(("user", "x" * 15), ("assistant", "y"), ("user", "z"))))
    write.write_set(tmp_path, {"a": made}, {})
    roles = [["system", "user"], ["user"], ["user", "assistant", "user"]]
    record = write.read_provenance(tmp_path / "a.parquet")
    assert (record["longest_prompt_bytes"], record["roles"]) == (17, roles)
    table = pq.read_table(tmp_path / "a.parquet")
    agents = pa.array(["x"] * 6, pa.string())
    write.write_table(tmp_path / "b.parquet", table.slice(6000, 6).append_column("agent_name", agents), {})
    record = write.read_provenance(tmp_path / "b.parquet")
    assert (record["longest_prompt_bytes"], record["roles"]) == (14, roles[:2])
    write.write_table(tmp_path / "c.parquet", pa.table({"prompt": ["text"], "x": [1]}), {})
    assert "longest_prompt_bytes" not in write.read_provenance(tmp_path / "c.parquet")
    talks = [example(i, messages=(("user", "q"), ("assistant", "a")) * i + (("user", "q"),)) for i in range(17)]
    write.write_set(tmp_path, {"d": talks}, {})
    assert "roles" not in write.read_provenance(tmp_path / "d.parquet")


def test_equal_runs_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write.write_set(tmp_path / name, {"train": map(example, range(9000))}, {"versions": write.versions("pytest")})
    for file in ("train.parquet", "train.provenance.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_golds_that_do_not_score_are_counted_listed_and_left_out(tmp_path):
    wrong, unread = example(1, answer="1 + 2 - 3"), example(2, answer="six")
    left_out = [write.LeftOut(7, "repeats an earlier row")]
    counts = write.write_set(tmp_path, {"train": [example(0), wrong, unread]}, {}, left_out)
    assert counts == {"train": 1}
    assert [entry.row for entry in left_out] == [7, 1, 2]
    assert "gold does not score 1.0 (wrong)" in left_out[1].reason
    beside = json.loads((tmp_path / "train.provenance.json").read_text())
    assert [entry["row"] for entry in beside["left_out"]] == [7, 1, 2]
    assert sum(write.read_provenance(tmp_path / "train.parquet")["left_out"].values()) == 3
    assert "left out 1: repeats an earlier row" in write.summary(left_out)


def test_a_part_without_rows_writes_nothing(tmp_path):
    with pytest.raises(DataError, match="test: no row is left to write"):
        write.write_set(tmp_path, {"train": [example(0)], "test": [example(0, answer="0")]}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_files_and_nothing_else(tmp_path):
    write.write_set(tmp_path, {"train": [example(0)]}, {})
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    long = [example(i, question=f"{i * 7919:x}" * 200) for i in range(3000)]
    with (
        file_size_limit(20_000),
        pytest.raises(OSError, match=r"cannot write .*train\.parquet: File too large; make room"),
    ):
        write.write_set(tmp_path, {"train": long}, {})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_an_error_in_the_rows_leaves_nothing(tmp_path):
    def broken():
        yield example(0)
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        write.write_set(tmp_path, {"train": [example(0)], "test": broken()}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        write.write_set(tmp_path / "file" / "deeper", {"train": [example(0)]}, {})


def test_a_file_appears_when_it_is_complete(tmp_path):
    with atomic.file(tmp_path / "x") as part:
        part.write_text("old")
    with pytest.raises(ValueError), atomic.file(tmp_path / "x") as part:
        part.write_text("new")
        raise ValueError
    assert (tmp_path / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    with pytest.raises(OSError) as caught, atomic.file(tmp_path / "x" / "y"):
        pass
    assert "x" in caught.value.filename
    with pytest.raises(IsADirectoryError), atomic.file(""):
        pass


def test_a_folder_replaces_another_when_it_is_complete(tmp_path):
    def fill(part, text):
        part.mkdir()
        (part / "f").write_text(text)

    with atomic.folder(tmp_path / "deep/x") as part:
        fill(part, "old")
    for left in ("x.part", "x.old"):  # of an earlier call that was killed
        fill(tmp_path / "deep" / left, left)
    with pytest.raises(ValueError), atomic.folder(tmp_path / "deep/x") as part:
        fill(part, "new")
        raise ValueError
    assert (tmp_path / "deep/x/f").read_text() == "old"
    with atomic.folder(tmp_path / "deep/x") as part:
        fill(part, "new")
        assert (tmp_path / "deep/x/f").read_text() == "old"
    assert (tmp_path / "deep/x/f").read_text() == "new"
    with pytest.raises(OSError), atomic.folder(tmp_path / "deep/x"):
        pass  # nothing was made: the old folder stays
    assert (tmp_path / "deep/x/f").read_text() == "new"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x"]
    with pytest.raises(NotADirectoryError), atomic.folder(tmp_path / "deep/x/f"):
        pass
    (tmp_path / "link").symlink_to("deep/x")
    with atomic.folder(tmp_path / "link") as part:
        fill(part, "link")
    assert (tmp_path / "link/f").read_text() == "link" and (tmp_path / "deep/x/f").read_text() == "new"


def test_files_of_different_sets_concatenate_in_datasets(tmp_path):
    import datasets

    write.write_set(tmp_path, {"a": [example(0)], "b": [example(1, messages=(("user", "x"),), meta={})]}, {})
    a, b = (datasets.Dataset.from_parquet(str(tmp_path / f"{n}.parquet"), cache_dir=str(tmp_path)) for n in "ab")
    both = datasets.concatenate_datasets([a, b])
    assert len(both) == 2 and both.features == a.features


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.parquet", None, "there is no file .*missing.parquet"),
        ("x.csv", b"a,b\n", "not a file that ends in .parquet"),
        ("x.parquet", b"PAR1 and then nothing", "cannot read .*truncated"),
        ("x.jsonl", b'{"a": 1}\n{"a": ', "cannot read"),
        ("x.json", b'{"a": 1}', "one array of objects"),
        ("x.json", b"[]", "has no rows"),
        ("x.json", b"[1, 2]", "not a table"),
        ("x.jsonl.gz", b"not gzip", "cannot read"),
        ("x.jsonl", b"\xff\xfe\x00", "cannot read"),
    ],
)
def test_sources_that_cannot_be_read(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read.from_file(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_every_kind_of_file_gives_the_same_rows(tmp_path):
    rows = [{"a": i, "b": f"é {i}"} for i in range(3000)]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "x.parquet")
    with pa.ipc.new_stream(tmp_path / "x.arrow", table.schema) as file:
        file.write_table(table)
    (tmp_path / "x.json").write_text(json.dumps(rows))
    (tmp_path / "x.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    for path in list(tmp_path.iterdir()):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    for path in tmp_path.iterdir():
        found = read.from_file(path)
        assert found.rows == rows and found.record["source"] == path.name
        streamed, record = read.stream(str(path), "")
        assert next(streamed) == rows[0] and record == found.record


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_json_lines_are_read_one_at_a_time(tmp_path, name):
    """A fault far behind in the file is met when a reader comes to it, not before; so is the memory for it."""
    text = ('{"a": 1}\n' * 50_000 + '{"a": ').encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    rows, _ = read.stream(str(tmp_path / name), "")
    tracemalloc.start()
    assert sum(1 for _ in islice(rows, 50_000)) == 50_000
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    with pytest.raises(DataError, match="line 50001 is no JSON"):
        next(rows)


def test_a_missing_column_says_what_is_there(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"question": 1, "answer": 2}')
    found = read.from_file(tmp_path / "x.jsonl")
    with pytest.raises(DataError, match=r"x.jsonl has no column problem \(it has question, answer\)"):
        read.need(found.rows, ["problem", "answer"], found.record)


def test_hub_sets_are_read_by_configuration_or_folder(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    repo = tmp_path / "repo"  # `load_dataset` takes a folder as it takes a repository
    for folder in ("easy", "hard"):
        (repo / folder).mkdir(parents=True)
        (repo / folder / "train.jsonl").write_text(json.dumps({"problem": folder, "answer": "1"}))
        (repo / folder / "test.jsonl").write_text(json.dumps({"problem": f"{folder} test", "answer": "2"}))
    found = read.load("hub", str(repo), "test", "hard")
    assert found.rows == [{"problem": "hard test", "answer": "2"}]
    assert found.record["split"] == "test"
    rows, _ = read.stream("hub", str(repo), "train", "easy")
    assert [row["problem"] for row in rows] == ["easy"]
    with pytest.raises(DataError, match=r"cannot load .*HF_ENDPOINT"):
        read.load("hub", str(repo), "nosuch")


def test_the_hub_out_of_reach_names_the_offline_ways(tmp_path):
    code = (
        "from r1_verl.data import read\n"
        "try: read.load('hub', 'Jiayi-Pan/Countdown-Tasks-3to4')\n"
        "except ValueError as error: print(error)"
    )
    import os

    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | offline, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1, done.stderr
    for way in ("HF_HOME", "HF_ENDPOINT", "--source PATH", "Jiayi-Pan/Countdown-Tasks-3to4"):
        assert way in done.stdout


def test_the_data_rooms_import_nothing_heavy():
    import r1_verl.data

    names = sorted(p.stem for p in Path(r1_verl.data.__file__).parent.glob("*.py"))
    code = f"import sys\nfor name in {names}: __import__('r1_verl.data.' + name)\nprint(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in (
        "torch",
        "verl",
        "ray",
        "hydra",
        "transformers",
        "datasets",
        "pandas",
        "pyarrow",
        "sympy",
        "jinja2",
        "math_verify",
    ):
        assert f"'{heavy}'" not in loaded
