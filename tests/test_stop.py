"""Where responses end, and raw prompts: what the model is fed, token for token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

import r1_verl
from r1_verl import ground_truth
from r1_verl.data import prompts
from r1_verl.data.countdown.generate import Settings, generate
from r1_verl.data.countdown.prompts import COUNTDOWN, TINYZERO_BASE
from r1_verl.data.countdown.puzzles import to_examples
from r1_verl.training import tiny_model

ROOT = Path(__file__).parents[1]
TRUTH = ground_truth.encode("countdown", numbers=[1, 2], target=3)


def test_the_scorer_reads_up_to_the_stop():
    """A token may bring a line break behind the tag; TinyZero's rule would see an empty last line and pay nothing."""
    text = "so</think> <answer>1 + 2</answer>\n"
    assert r1_verl.compute_score("countdown", text, TRUTH, mode="faithful")["score"] == 0
    stopped = r1_verl.compute_score("countdown", text, TRUTH, mode="faithful", stop=["</answer>"])
    assert stopped["score"] == 1
    turn = "so</think> <answer>1 + 2</answer>\nUser:"
    kept, cut = (
        r1_verl.compute_score("countdown", turn, TRUTH, mode="faithful", stop="\nUser:", include_stop=keep)["score"]
        for keep in (True, False)
    )
    assert (kept, cut) == (0, 1)


def test_vllm_is_told_where_responses_end(composed):
    from r1_verl.verl_side.agent_loops import ends

    assert ends({}) == {}
    assert ends(composed("drgrpo_r1").r1_verl) == {"stop": ["</answer>"], "include_stop_str_in_output": True}
    oat = ends(composed("oat_zero").r1_verl)
    assert oat == {"stop": ["\nUser:"], "include_stop_str_in_output": False, "stop_token_ids": [151645, 151643]}
    assert ends(OmegaConf.create({"stop": [], "stop_token_ids": [7]})) == {"stop_token_ids": [7]}
    json.dumps(oat)  # plain values: they travel to another process


@pytest.mark.parametrize("style", ["raw", "raw_instruct", "mini_r1", "unlock_deepseek"])
def test_a_raw_prompt_reaches_the_model_token_for_token(style, composed):
    """By veRL's own prompt builder, with the template that a raw recipe sets."""
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

    tokenizer = tiny_model.build_tokenizer()
    tokenizer.chat_template = composed("tinyzero_ppo").actor_rollout_ref.model.custom_chat_template
    assert tokenizer.chat_template == prompts.PASS_THROUGH
    messages = COUNTDOWN[style].build([44, 19, 35], 98)
    fed = create_continuous_token_builder(tokenizer, hf_model_type="qwen2").build_initial_tokens(
        [{"role": role, "content": content} for role, content in messages]
    )
    assert fed == tokenizer(messages[0][1], add_special_tokens=False)["input_ids"]


def test_the_gold_of_mini_r1s_prompts_earns_both_parts_of_its_reward():
    puzzles = generate(Settings(), 2, 2)
    for style in ("mini_r1", "unlock_deepseek"):
        (row, *_), (test, *_) = (list(to_examples(puzzles[part], part, style)) for part in ("train", "test"))
        assert (row.data_source, row.reward) == ("countdown", "mini_r1") and test.data_source in (
            "countdown/3",
            "countdown/4",
        )
        pays = {"reward": row.reward, "extra_info": {"think_in_prompt": True}}
        score = r1_verl.compute_score(row.data_source, row.gold, row.ground_truth, **pays)
        assert score["score"] == 2.0 and row.messages[0][1].endswith("<think>")


@pytest.mark.train
@pytest.mark.timeout(1500)
def test_responses_end_at_the_answer_on_the_cpu(tmp_path):
    """veRL and vLLM for real, token for token: the prompts are the raw strings, nothing follows a closed answer or an
    end token of the model, which has two, and what the loop tells of each response is true.

    An untrained model writes each of its 358 tokens now and then, `</answer>` in about every third response.
    """
    tokenizer = tiny_model.build_tokenizer()
    tiny_model.build(tmp_path / "model", seed=0)
    end, other = tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("yes")
    (tmp_path / "model/generation_config.json").write_text(json.dumps({"eos_token_id": [end, other]}))
    config = tmp_path / "model/config.json"
    config.write_text(config.read_text().replace('"max_position_embeddings": 512', '"max_position_embeddings": 2048'))
    make = [sys.executable, str(ROOT / "data_prep/countdown.py"), "--out", str(tmp_path), "--style", "raw"]
    subprocess.run([*make, "--train-size", "32", "--test-size", "8"], check=True)
    overrides = [
        "+machine=cpu", "+stop=answer", f"data.train_files={tmp_path}/train.parquet", "data.max_prompt_length=800",
        f"data.val_files={tmp_path}/test.parquet", f"actor_rollout_ref.model.path={tmp_path}/model",
        "data.max_response_length=200", "data.train_batch_size=8", "actor_rollout_ref.actor.ppo_mini_batch_size=8",
        "trainer.total_training_steps=1", "trainer.test_freq=-1", "trainer.n_gpus_per_node=1",
        f"trainer.v1.sampler.custom_sampler.path={Path(__file__).with_name('recording_sampler.py')}",
        "trainer.v1.sampler.custom_sampler.name=RecordingReplayBuffer",
        f"+trainer.v1.sampler.sampler_kwargs.record={tmp_path}/tokens.jsonl",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "r1_verl", "train", "tinyzero_grpo", *overrides],
        env={**os.environ, "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "RUNS": str(tmp_path / "runs")},
        capture_output=True, text=True, timeout=1400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rows = [json.loads(line) for line in (tmp_path / "tokens.jsonl").read_text().splitlines()]
    texts = [message["content"] for [message] in pq.read_table(tmp_path / "train.parquet")["prompt"].to_pylist()]
    assert texts[0].startswith(TINYZERO_BASE) and texts[0].endswith("<think>")
    raw = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert len(rows) == 8 * 5 and all(row["prompts"] in raw for row in rows)
    closing = tokenizer.convert_tokens_to_ids("</answer>")
    assert {closing, other} <= {row["responses"][-1] for row in rows}
    for row in rows:
        *before, last = row["responses"]
        ended = last in (closing, end, other)
        assert not {closing, end, other} & set(before) and (ended or len(before) == 199)
        assert row["extra_fields"]["truncated"] is not ended
        assert row["extra_fields"]["response_tokens"] == len(row["responses"])
    assert {row["extra_fields"]["truncated"] for row in rows} == {True, False}
