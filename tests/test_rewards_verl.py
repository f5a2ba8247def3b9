"""Published rewards against the scorers that veRL 0.9.1 ships, on recorded responses and on random text."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from functools import partial

import pytest

from r1_verl.reward import compute_score

pytest.importorskip("verl", reason="veRL is not installed; the decision tables cover its scorers too")
import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.dapo import DAPORewardManager
from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
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


@pytest.mark.parametrize("gold", ["5", "6"])
def test_the_recipe_of_dapo_pays_what_verls_dapo_manager_paid(gold, composed):
    """By the naive manager, which hands on what the agent loop counted, and a part."""
    limit, buffer = 40, 16
    overlong = {"enable": True, "len": buffer, "penalty_factor": 1.0, "log": True}
    config = OmegaConf.create({"reward": {"reward_kwargs": {"overlong_buffer_cfg": overlong, "max_resp_len": limit}}})
    words = Tokenizer(WordLevel({"a": 0, "Answer:": 1, "5": 2}, unk_token="a"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)
    kwargs = OmegaConf.to_container(composed("dapo").reward.custom_reward_function.reward_kwargs, resolve=True)
    kwargs["reward"][1] |= {"max_length": limit, "buffer": buffer}

    async def rewards(length: int) -> list[dict]:
        managers = [
            NaiveRewardManager(config, tokenizer, partial(compute_score, **kwargs)),
            DAPORewardManager(config, tokenizer, partial(compute_score, reward="dapo", mode="faithful")),
        ]
        ids, mask = torch.zeros(1, length + 1, dtype=torch.long), torch.ones(1, length + 1, dtype=torch.long)
        ids[0, -2:] = torch.tensor([1, 2])
        found = []
        for manager in managers:
            others = {
                "data_source": ["math_dapo"], "reward_model": [{"ground_truth": gold}], "extra_info": [{}],
                "tool_extra_fields": [{"response_tokens": length, "truncated": False}],
            }  # fmt: skip
            data = DataProto.from_dict({"prompts": ids[:, :1], "responses": ids[:, 1:], "attention_mask": mask}, others)
            found.append(await manager.run_single(data))
        return found

    for length in range(2, limit + 1):
        ours, theirs = asyncio.run(rewards(length))
        assert ours["reward_score"] == pytest.approx(float(theirs["reward_score"]), abs=1e-6)
        parts = json.loads(ours["reward_extra_info"]["parts"])
        assert parts["soft_overlong"] == pytest.approx(float(theirs["reward_extra_info"]["overlong_reward"]), abs=1e-6)
        assert ours["reward_extra_info"]["acc"] == theirs["reward_extra_info"]["acc"] == float(gold == "5")
