"""Gold check: what a preparation script leaves out, and that every scorer knows what a right response looks like."""

from __future__ import annotations

import gzip
import json

import pytest

from r1_verl.data import gold
from r1_verl.ground_truth import encode
from r1_verl.scorers import UnknownNameError

MATH = encode("math", answer="\\frac{1}{2}")
FACES = (
    "simplerl simplerl_v1 openr1 gsm8k gsm8k_flexible grpo_bias deepscaler drgrpo drgrpo_r1 dapo orz grpo_demo math"
    " math_eval minerva math_verify"
)


def row(source, truth, **info):
    return {"data_source": source, "reward_model": {"style": "rule", "ground_truth": truth}, "extra_info": info}


@pytest.mark.parametrize("source", FACES.split())
@pytest.mark.parametrize("think", [False, True])
def test_a_good_gold_scores(source, think):
    assert gold.check_gold(source, MATH, {"think_in_prompt": think}) == ""
    assert gold.check_gold(source, encode("math", answers=["7", "8"]), {"think_in_prompt": think}) == ""


@pytest.mark.parametrize("source", FACES.split())
def test_a_gold_nobody_can_meet_is_named(source):
    for truth in (encode("math", answer=""), encode("math", answers=[]), "", None, {}):
        assert gold.check_gold(source, truth) == "bad_ground_truth"


def test_other_tasks():
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


def test_rows_are_kept_in_order_and_the_others_listed():
    rows = [row("math", MATH), row("math", encode("math", answer="")), row("gsm8k", "18"), {"data_source": "gsm8k"}]
    bad: list[gold.BadGold] = []
    assert list(gold.good_golds(rows, bad)) == [rows[0], rows[2]]
    assert [(entry.row, entry.data_source, entry.outcome) for entry in bad] == [
        (1, "math", "bad_ground_truth"),
        (3, "gsm8k", "bad_ground_truth"),
    ]
    told = gold.report(bad)
    assert "1 gold(s) of math left out: bad_ground_truth" in told and "row 3 (gsm8k)" in told
    assert gold.report([]) == ""


def test_a_source_without_a_scorer_is_the_scripts_mistake():
    with pytest.raises(UnknownNameError, match="did you mean"):
        gold.check_gold("gsm8", "18")


def test_long_lists_are_cut(capsys):
    told = gold.report([gold.BadGold(i, "math", "wrong", "x") for i in range(30)], shown=3)
    assert told.count("\n") == 4 and told.endswith("and 27 more")


def test_every_gold_of_the_real_sets(data_dir):
    """Every gold of the real sets scores with its own scorer, but for those that are empty."""
    import pyarrow.parquet as pq

    bad: list[gold.BadGold] = []
    sets = [
        "math/simplerl_8k/simplelr_qwen_level3to5_train.parquet",
        "dapo/train.parquet",
        "math/verl_schema/train.parquet",
    ]
    rows = [one for name in sets for one in pq.read_table(data_dir / name).to_pylist()]
    kept = list(gold.good_golds(rows, bad))
    assert len(kept) + len(bad) == len(rows) == 8523 + 17398 + 7500
    # MATH has two training rows whose answer is empty; both sets made from it carry them.
    assert [(entry.ground_truth, entry.outcome) for entry in bad] == [("", "bad_ground_truth")] * 4, gold.report(
        bad, 40
    )

    with gzip.open(data_dir / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        golds = [json.loads(line)["answer"] for line in lines]
    assert [truth for truth in golds if gold.check_gold("openai/gsm8k", truth)] == []
