"""Published rewards against the verdicts that upstreams recorded; every departure is in `rewards_departures.jsonl`.

`rewards_departures.jsonl`: what "verdict" and "answer" are single recorded responses, "rule" is a property of a reward,
with an example where one can be run. `rewards_recorded.jsonl` is a sample of the recorded responses,
`rewards_prm800k.jsonl` of the rule-made pairs with the verdict of MathRuler 0.1.0 (the PRM800K grader), which evals
what it compares and is not run.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from r1_verl.reward import compute_score
from r1_verl.scorers import find_scorer
from r1_verl.scorers.answers import EXACT, SympyStandIn
from r1_verl.scorers.graders.prm800k import prm_equal
from r1_verl.scorers.graders.qwen_answer import extract, normalise


def rows_of(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.fixture(scope="module")
def departures(fixtures):
    return list(rows_of(fixtures / "rewards_departures.jsonl"))


def qwen(source, row) -> tuple[str, bool]:
    """The evaluator's answer (normalised a second time, as its script does) and its verdict."""
    keep_units = source == "minerva"
    answer = normalise(extract(row["response"], keep_units), keep_units)
    return answer, compute_score(source, row["response"], row["ground_truth"], mode="faithful")["score"] == 1.0


def test_qwen_evaluator_on_every_recorded_response(departures, data_dir):
    found, seen = [], 0
    for path in sorted((data_dir / "responses").glob("*.jsonl.gz")):
        source = "minerva" if "minerva" in path.name else "math_eval"
        for row in rows_of(path):
            recorded = row.get("upstream") or {}
            if "pred" not in recorded:
                continue
            seen += 1
            answer, right = qwen(source, row)
            if answer != recorded["pred"]:
                found.append(("answer", row["id"]))
            if right != recorded["score"]:
                found.append(("verdict", row["id"]))
    listed = [(entry["what"], entry["id"]) for entry in departures if entry["what"] != "rule"]
    assert seen == 5998
    assert sorted(found) == sorted(listed)  # none left over on either side


def test_qwen_evaluator_on_the_sample(fixtures):
    rows = list(rows_of(fixtures / "rewards_recorded.jsonl"))
    assert len(rows) > 60 and {row["score"] for row in rows} == {True, False}
    assert [row["id"] for row in rows if qwen(row["source"], row) != (row["pred"], row["score"])] == []


def math_verify(row) -> bool:
    score = compute_score("math_verify", row["response"], row["ground_truth"], mode="faithful")
    return score["score"] == 1.0


def test_math_verify_on_the_sample(fixtures):
    rows = list(rows_of(fixtures / "rewards_recorded.jsonl"))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(math_verify, rows))
    assert [row["id"] for row, right in zip(rows, found, strict=True) if right != row["math_verify"]] == []


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.long)])
def test_math_verify_on_recorded_responses(data_dir, every):
    rows = [row for path in sorted((data_dir / "responses").glob("*.jsonl.gz")) for row in rows_of(path)]
    rows = list(islice((row for row in rows if "ref_math_verify" in row), 0, None, every))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(math_verify, rows))
    assert [row["id"] for row, right in zip(rows, found, strict=True) if right != row["ref_math_verify"]] == []
    assert len(rows) == -(-7641 // every)


def test_gsm8k_on_openais_labels(data_dir):
    """GPT-3's samples mark the answer by "A:"; with the data set's own mark both modes agree with every label."""
    seen = Counter()
    for row in rows_of(data_dir / "responses" / "gsm8k_openai_examples.jsonl.gz"):
        response, truth = (row[key].replace("\nA: ", "\n#### ") for key in ("response", "ground_truth"))
        for mode in ("strict", "faithful"):
            score = compute_score("gsm8k", response, truth, mode=mode)["score"]
            seen[score == 1.0, row["upstream"]["is_correct"]] += 1
    assert seen == {(True, True): 2 * 1646, (False, False): 2 * 2702}


def test_prm800k_grader_on_recorded_pairs(fixtures):
    rows = list(rows_of(fixtures / "rewards_prm800k.jsonl"))
    found = [prm_equal(row["answer"], row["gold"], SympyStandIn(EXACT)) for row in rows]
    assert [row for row, equal in zip(rows, found, strict=True) if equal != row["mathruler"]] == []
    assert len(rows) > 300 and 100 < sum(found) < 250


def test_every_listed_rule_shows(departures):
    rules = [entry for entry in departures if entry["what"] == "rule"]
    assert len(rules) >= 10
    for entry in rules:
        assert find_scorer(entry["reward"]).name == entry["reward"] and len(entry["reason"]) > 30
        if entry["response"] is None:
            continue
        options = {"openr1_weights": {"accuracy": 1}} if entry["reward"] == "openr1" else {}
        response = entry["response"] + " x" * (entry.get("pad", 0) // 2)
        found = compute_score(entry["reward"], response, entry["gold"], mode="faithful", **options)["score"]
        assert found == entry["ours"] != entry["upstream"], entry


def test_golds_that_simplerl_v0_can_never_match(data_dir):
    """Upstream normalises the answer and not the gold: a box around exactly the gold failed for 421 of 8,523 rows."""
    import pyarrow.parquet as pq

    table = pq.read_table(data_dir / "math/simplerl_8k/simplelr_qwen_level3to5_train.parquet", columns=["reward_model"])
    golds = [row["ground_truth"] for row in table.column("reward_model").to_pylist()]
    failed = [
        gold
        for gold in golds
        if gold and compute_score("simplerl", f"\\boxed{{{gold}}}", gold, mode="faithful")["score"] != 1.0
    ]
    assert len(golds) == 8523 and 410 <= len(failed) <= 445
    decorated = [gold for gold in golds if "^\\circ" in gold or "\\$" in gold]
    assert set(decorated) <= set(failed)
