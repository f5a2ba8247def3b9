"""Gold check: the outcome of a row's right response, and that every scorer can build such a response."""

from __future__ import annotations

import gzip
import json

import pytest

from r1_verl.data import gold
from r1_verl.ground_truth import encode
from r1_verl.scorers import UnknownNameError, scorers

MATH = encode("math", answer="\\frac{1}{2}")
MATHEMATICS = [entry.name for entry in scorers() if entry.task == "math"]


@pytest.mark.parametrize("source", MATHEMATICS)
@pytest.mark.parametrize("think", [False, True])
def test_a_good_gold_scores(source, think):
    assert gold.check_gold(source, MATH, {"think_in_prompt": think}) == ""
    assert gold.check_gold(source, encode("math", answers=["7", "8"]), {"think_in_prompt": think}) == ""


@pytest.mark.parametrize("source", MATHEMATICS)
def test_a_gold_nobody_can_meet_is_named(source):
    for truth in (encode("math", answer=""), encode("math", answers=[]), "", None, {}):
        assert gold.check_gold(source, truth) == "bad_ground_truth"


def test_golds_of_other_tasks():
    assert gold.check_gold("multiply/3", encode("math", answer="56088")) == ""
    assert gold.check_gold("multiply/3", encode("math", answer="about 56088")) == "bad_ground_truth"
    countdown = encode("countdown", numbers=[19, 36, 55, 7], target=65)
    assert gold.check_gold("countdown", countdown) == ""
    unsolvable = encode("countdown", numbers=[1, 1, 1], target=99)
    assert gold.check_gold("countdown", unsolvable) != ""


def test_a_row_may_bring_its_own_right_response():
    assert gold.check_gold("math", MATH, {"gold": "\\boxed{0.5}"}) == ""
    assert gold.check_gold("math", MATH, {"gold": "\\boxed{0.6}"}) == "wrong"
    assert gold.check_gold("math", MATH, response="no box") == "no_answer"


def test_a_source_without_a_scorer_is_the_scripts_mistake():
    with pytest.raises(UnknownNameError, match="did you mean"):
        gold.check_gold("gsm8", "18")


def test_every_gold_of_the_real_sets(data_dir):
    """Every gold of the real sets scores with its own scorer, but for those that are empty."""
    import pyarrow.parquet as pq

    sets = [
        "math/simplerl_8k/simplelr_qwen_level3to5_train.parquet",
        "dapo/train.parquet",
        "math/verl_schema/train.parquet",
    ]
    rows = [row for name in sets for row in pq.read_table(data_dir / name).to_pylist()]
    assert len(rows) == 8523 + 17398 + 7500
    truths = [(row["data_source"], row["reward_model"]["ground_truth"], row["extra_info"]) for row in rows]
    outcomes = [(truth, gold.check_gold(source, truth, info)) for source, truth, info in truths]
    # MATH has two training rows whose answer is empty; both sets made from it carry them.
    assert [found for found in outcomes if found[1]] == [("", "bad_ground_truth")] * 4

    with gzip.open(data_dir / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        golds = [json.loads(line)["answer"] for line in lines]
    assert [truth for truth in golds if gold.check_gold("openai/gsm8k", truth)] == []
