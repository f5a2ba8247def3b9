"""Recorded verdicts of other evaluators on real responses: where the judge departs from one, a person has read why.

`math_disagreements.jsonl`: one row for each departure from the recorded score of upstream's evaluator or from
math-verify, with what the reader found ("right": the judge is).
"""

from __future__ import annotations

import gzip
import json
import re

import pytest

from r1_verl.maths.judge import judge
from r1_verl.response import last_boxed

NUMBER = re.compile(r"(?:(?<![\w)\]}])-)?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?")
KEYS = ("id", "ground_truth", "answer", "judge", "upstream", "math_verify")


def answer_of(row: dict) -> str:
    """The last box, else what upstream extracted, else the last number."""
    found = last_boxed(row["response"])
    if found is None:
        found = (row.get("upstream") or {}).get("pred")
    if found is None:
        found = next(reversed(NUMBER.findall(row["response"])), "")
    return found


@pytest.fixture(scope="module")
def listed(fixtures):
    return [json.loads(line) for line in (fixtures / "math_disagreements.jsonl").read_text().splitlines()]


def test_every_disagreement_has_a_verdict_and_a_reason(listed):
    assert all(row["verdict"] in ("right", "wrong") and row["reason"] for row in listed)
    assert sum(row["verdict"] == "wrong" for row in listed) <= 1
    for row in listed:
        assert judge(row["answer"], row["ground_truth"]).equal == row["judge"]


def test_no_disagreement_is_left_over(listed, data_dir):
    found = []
    for path in sorted((data_dir / "responses").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as file:
            for row in map(json.loads, file):
                recorded = row.get("upstream") or {}
                upstream = recorded.get("score", recorded.get("correct"))
                reference = row.get("ref_math_verify")
                if row["task"] != "math" or (upstream is None and reference is None):
                    continue
                answer = answer_of(row)
                equal = judge(answer, row["ground_truth"]).equal
                if (upstream is not None and bool(upstream) != equal) or (reference is not None and reference != equal):
                    found.append((row["id"], row["ground_truth"], answer, equal, upstream, reference))
    assert sorted(map(repr, found)) == sorted(repr(tuple(row[key] for key in KEYS)) for row in listed)
