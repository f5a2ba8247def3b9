"""Published rewards against the scorers that veRL 0.9.1 ships, on recorded responses and on random text."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from r1_verl.reward import compute_score

pytest.importorskip("verl", reason="veRL is not installed; the decision tables cover its scorers too")
from verl.utils.reward_score import gsm8k, math_dapo, math_reward

FRAGMENT_TEXT = (
    "Answer:|Answer :|answer: | |\n|5|\\boxed{|}|$|5.|1,000|\\frac12|\\text{m}|####| #### |-|=|x|\\sqrt3|a |km|.|,|**"
    "|{,}|\\boxed |^\\circ|\\left(|\\%|\\text{ cm}|0.5|\\dfrac|/|2|\\fbox{|"
)
FRAGMENTS = FRAGMENT_TEXT.split("|")
GOLDS = ("5", "1000", "1,000", "\\frac{1}{2}", "5.0", "-5", "0.5", "x=5", "5 \\text{ cm}")


def upstream(text: str, gold: str) -> dict[str, float]:
    return {
        "math_dapo": math_dapo.compute_score(text, gold)["score"],
        "gsm8k": gsm8k.compute_score(text, gold),
        "gsm8k_flexible": gsm8k.compute_score(text, gold, method="flexible"),
        "lighteval/MATH": math_reward.compute_score(text, gold),
    }


def ours(text: str, gold: str) -> dict[str, float]:
    return {source: compute_score(source, text, gold, mode="faithful")["score"] for source in upstream("", "5")}


def random_pairs(count: int) -> list[tuple[str, str]]:
    rng = random.Random(20250321)
    return [("".join(rng.choices(FRAGMENTS, k=rng.randrange(13))), rng.choice(GOLDS)) for _ in range(count)]


def test_random_text_is_paid_as_verl_pays_it():
    different = [(text, gold) for text, gold in random_pairs(20_000) if ours(text, gold) != upstream(text, gold)]
    assert different == []


def test_random_text_reaches_both_verdicts():
    """The test above would be idle if nothing scored: each scorer pays and refuses often enough."""
    for source in upstream("", "5"):
        paid = sum(
            compute_score(source, text, gold, mode="faithful")["score"] > 0 for text, gold in random_pairs(20_000)
        )
        assert 20 < paid < 19_000, source


@pytest.mark.long
def test_recorded_responses(data_dir):
    seen = different = 0
    for file in sorted((data_dir / "responses").glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row.get("task") in ("math", "gsm8k"):
                    # GPT-3's GSM8K samples mark the answer by "A:"; with the data set's own mark all four read them.
                    text = row["response"].replace("\nA: ", "\n#### ")
                    gold = row["ground_truth"].rpartition("\nA: ")[2].replace(",", "")
                    seen += 1
                    different += ours(text, gold) != upstream(text, gold)
    assert seen == 11_989 and different == 0
