"""The part `soft_overlong` against veRL's own `dapo` reward manager, on the lengths of recorded responses."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from r1_verl.reward.parts import PARTS, Facts

pytest.importorskip("verl", reason="veRL is not installed; the paper's numbers are in test_parts.py")
import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.dapo import DAPORewardManager


def test_soft_overlong_is_verls(data_dir):
    with gzip.open(data_dir / "responses" / "aime24_qwen25_3b.jsonl.gz", "rt", encoding="utf-8") as lines:
        lengths = sorted({len(json.loads(line)["response"]) for line in lines})
    limit, buffer = lengths[-1], lengths[-1] // 2
    overlong = {"enable": True, "len": buffer, "penalty_factor": 1.0, "log": True}
    config = OmegaConf.create({"reward": {"reward_kwargs": {"overlong_buffer_cfg": overlong, "max_resp_len": limit}}})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0}, unk_token="a")))

    async def of_verl() -> list[float]:
        manager = DAPORewardManager(config, tokenizer, lambda **_: 0.0)
        found = []
        for length in lengths:
            mask = torch.ones(1, length + 1, dtype=torch.long)
            data = DataProto.from_dict(
                {"prompts": mask[:, :1], "responses": mask[:, 1:] * 0, "attention_mask": mask},
                {"data_source": ["math_dapo"], "reward_model": [{"ground_truth": "5"}]},
            )
            found.append(float((await manager.run_single(data))["reward_score"]))
        return found

    theirs = asyncio.run(of_verl())
    ours = [
        PARTS["soft_overlong"].function("", Facts(0.0, 0.0, length, False), max_length=limit, buffer=buffer)
        for length in lengths
    ]
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert ours[0] == 0.0 and ours[-1] == -1.0 and len({*ours}) > 3
