"""What public bug reports and their kin found, by kind: nothing wrong is paid, and what models write is read.

A line of a fixture is a gold and the answers to it, between double bars: `maths_something_else.txt` holds answers that
mean something else, `maths_written_otherwise.txt` those that mean the same. `judge_cases.jsonl.gz` holds responses.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from r1_verl.maths.judge import judge
from r1_verl.reward import compute_score

FIXTURES = Path(__file__).parent / "fixtures"
_REFUSED = 0.02  # of the right answers may be refused


def lines(name: str) -> list[list[str]]:
    """The golds of a fixture, each with its answers."""
    rows = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [row.split(" ‖ ") for row in rows if not row.startswith("# ")]


@pytest.mark.parametrize("row", lines("maths_something_else.txt"), ids=lambda row: row[0])
def test_something_else_is_not_paid(row):
    gold, *answers = row
    assert judge(gold, gold).equal
    assert [answer for answer in answers if judge(answer, gold).equal] == []


@pytest.mark.parametrize("row", lines("maths_written_otherwise.txt"), ids=lambda row: row[0])
def test_the_same_written_otherwise_is_paid(row):
    gold, *answers = row
    assert [answer for answer in answers if not judge(answer, gold).equal] == []


WORDS = json.loads((FIXTURES / "maths_words.json").read_text(encoding="utf-8"))
PLACES = {
    "behind": (r"5\text{ #}", "5 #", r"\text{5 #}", r"5 \textbf{#}", r"5\,\mathrm{#}", "$5$ #"),
    "before": (r"\text{# }5", "# 5", r"\text{# 5}", r"\text{# }x=5"),
    "behind in Chinese": (r"5\text{#}", "5#", r"5\text{ #}"),
}


@pytest.mark.parametrize("place", PLACES)
def test_words_that_say_something_are_evidence(place):
    answers = [form.replace("#", words) for form in PLACES[place] for words in WORDS[place]]
    assert [answer for answer in answers if judge(answer, "5").equal] == []


def test_the_collected_cases(data_dir):
    """Rows with `policy` are matters of taste."""
    with gzip.open(data_dir / "pairs" / "judge_cases.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if not row.get("policy")]
    paid = {
        row["id"]: compute_score(row["data_source"], row["response"], row["ground_truth"])["acc"] == 1.0 for row in rows
    }
    right = [row for row in rows if row["acc"]]
    assert (len(rows), len(right)) == (2032, 903)
    assert [row["id"] for row in rows if not row["acc"] and paid[row["id"]]] == []
    assert sum(not paid[row["id"]] for row in right) <= _REFUSED * len(right)


@pytest.mark.parametrize(
    ("response", "gold", "acc"),
    [
        (r"So \boxed{k=45} \text{ and } \boxed{n=2}", "k=45, n=2", 1),
        (r"She bought \boxed{7} goats and \boxed{4} helicopters.", "7,4", 1),
        (r"The roots are \boxed{1}, \boxed{2} and \boxed{3}.", r"\{1,2,3\}", 1),
        (r"First \boxed{9}. The roots are \boxed{1} and \boxed{2}.", "1,2", 1),
        (r"It is \boxed{7} or \boxed{4}.", "7", 0),
        (r"It is \boxed{4} or \boxed{7}, \boxed{8}.", "7", 0),
        (r"We get \boxed{7}. Then we get \boxed{4}.", "7,4", 0),
        (r"The roots are \boxed{1}, \boxed{2} and \boxed{3}.", "1,2", 0),
        (r"The roots are \boxed{1} and \boxed{1}.", "1,2", 0),
        (r"\boxed{1 and \boxed{2}", "1,2", 0),
    ],
)
def test_boxes_of_one_sentence_are_the_members_of_a_list(response, gold, acc):
    assert compute_score("math", response, gold)["acc"] == acc


@pytest.mark.parametrize(
    ("response", "gold"),
    [("Answer: **73** residents", "73"), ("Answer: **73**", "73"), ("**Answer:** 73", "73"), ("Answer: 2**3", "8")],
)
def test_bold_answers(response, gold):
    assert compute_score("math_dapo", response, gold)["acc"] == 1.0
