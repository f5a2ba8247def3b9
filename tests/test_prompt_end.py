"""Rows that do not say whether their prompts open `<think>`: training tells the reward, as upstream's sees it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from probes import RAW_CHAT, overridden

from r1_verl import compute_score
from r1_verl.training import prompt_end

TRUTH = {"solution_text_format": "(1) Zoey is a knight\n(2) Mia is a knave"}  # as Logic-RL's files have it
RESPONSE = "So it is.</think>\n<answer>(1) Zoey is a knight\n(2) Mia is a knave</answer>"
TOLD = ["++reward.custom_reward_function.reward_kwargs.think_in_prompt=True"]


@pytest.mark.parametrize(
    ("prompt", "info", "told"),
    [
        (RAW_CHAT, {}, TOLD),
        (RAW_CHAT, {"think_in_prompt": None}, TOLD),
        (RAW_CHAT, {"think_in_prompt": True}, []),
        (RAW_CHAT.removesuffix("<think>"), {}, []),
    ],
)
def test_the_reward_is_told_what_the_rows_do_not_say(prompt, info, told, composed, tmp_path):
    row = {
        "data_source": "kk_logic", "prompt": [{"role": "user", "content": prompt}],
        "reward_model": {"style": "rule", "ground_truth": TRUTH}, "extra_info": {"index": 0, **info},
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row] * 3), tmp_path / "x.parquet")
    files = [f"data.{key}={tmp_path}/x.parquet" for key in ("train_files", "val_files")]
    assert prompt_end.overrides(overridden(composed("logicrl_grpo"), *files)) == told


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_the_reward_pays_by_it(mode):
    def paid(info: dict, **said) -> float:
        return compute_score("kk_logic", RESPONSE, TRUTH, info, mode=mode, **said)["score"]

    assert paid({}, think_in_prompt=True) == paid({"think_in_prompt": True}) == 3.0
    assert paid({"think_in_prompt": False}, think_in_prompt=True) == paid({}) < 3.0  # what a row says goes before
