"""Files that were prepared when data sources were named after rewards: they load, check and score as they did."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from r1_verl import compute_score
from r1_verl.data import check
from r1_verl.doctor import files, made_by, truths
from r1_verl.ground_truth import task_of
from r1_verl.scorers import find_scorer, task_source

FILE = "data_of_d47cf84.parquet"


@pytest.fixture(scope="module")
def old(fixtures) -> list[dict]:
    return pq.read_table(fixtures / FILE).to_pylist()


@pytest.fixture(scope="module")
def paid(fixtures) -> list[list]:
    """[index of the row, response, faithful, strict], the last two as [score, acc, format, outcome]."""
    text = gzip.decompress((fixtures / "data_of_d47cf84_scores.jsonl.gz").read_bytes())
    return [json.loads(line) for line in text.splitlines()]


def verdicts(row: dict, response: str, **settings) -> list[list]:
    found = []
    for mode in ("faithful", "strict"):
        truth, info = row["reward_model"]["ground_truth"], row["extra_info"]
        result = compute_score(row["data_source"], response, truth, info, mode=mode, **settings)
        found.append([result[key] for key in ("score", "acc", "format", "outcome")])
    return found


def test_every_old_data_source_pays_what_it_paid(old, paid):
    assert len(old) == 57 and len(paid) == 447 and {score for _, _, (score, *_), _ in paid} > {0.0, 1.0, -1.0, 2.0, 3.0}
    for index, response, *then in paid:
        assert verdicts(old[index], response) == then, (old[index]["data_source"], response)


def test_a_recipe_that_names_the_reward_pays_the_same_on_old_and_new_rows(old, paid):
    for index, response, *then in paid:
        row = old[index]
        reward = find_scorer(row["data_source"]).name
        new = {**row, "data_source": task_source(row["data_source"])}
        assert verdicts(row, response, reward=reward) == verdicts(new, response, reward=reward) == then


def test_old_names_fold_into_those_that_the_scripts_write_now(old):
    folded = {task_source(row["data_source"]) for row in old}
    assert folded == {
        "gsm8k", "math8k", "dapo", "deepscaler", "numina_tir", "math", "countdown", "countdown/3", "kk", "kk/3ppl",
        "multiply",
    }  # fmt: skip
    for row in old:
        assert find_scorer(task_source(row["data_source"])).task == task_of(row["reward_model"]["ground_truth"])


def test_the_check_finds_no_fault_but_that_each_problem_is_there_in_several_styles(fixtures):
    rows, faults = check.check_file(fixtures / FILE)
    assert len(rows) == 57
    assert [(fault.level, fault.what) for fault in faults] == [("warning", "the problem is there already")]


def test_the_doctor_takes_them_whether_or_not_the_recipe_names_the_reward(fixtures, old, tmp_path):
    def found(rows: list[dict], pays: str | None) -> str:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
        kwargs = {"mode": "faithful", "reward": pays}
        config = {
            "data": dict.fromkeys(("train_files", "val_files"), str(tmp_path / "x.parquet")) | {"train_batch_size": 1},
            "reward": {"custom_reward_function": {"path": "pkg://r1_verl.reward", "reward_kwargs": kwargs}},
        }
        checks = (files.check_data, made_by.check_set, truths.check_truths)
        return "\n".join(problem.what for check in checks for problem in check(OmegaConf.create(config)))

    mathematics = [row for row in old if task_of(row["reward_model"]["ground_truth"]) == "math"]
    assert found(old, None) == found(mathematics, "drgrpo") == ""
    assert "'drgrpo' judges the task math" in found(old, "drgrpo")


def test_verls_dataset_loads_them(fixtures, old, tmp_path):
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from r1_verl.training.tiny_model import build_tokenizer

    config = {"cache_dir": str(tmp_path), "prompt_key": "prompt", "filter_overlong_prompts": False}
    data = RLHFDataset([str(fixtures / FILE)], build_tokenizer(), OmegaConf.create(config))
    assert Counter(data[at]["data_source"] for at in range(len(data))) == Counter(row["data_source"] for row in old)
