"""Our files in veRL's own classes, with real tokenizers: they concatenate, load, and are templated exactly once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r1_verl.data import multiply, prompts, write
from r1_verl.data.check import check_file
from r1_verl.data.countdown import puzzles as countdown_puzzles
from r1_verl.data.countdown.generate import Settings, generate
from r1_verl.data.countdown.prompts import COUNTDOWN, TINYZERO_PREFIX
from r1_verl.data.kk import puzzles as kk_puzzles
from r1_verl.data.kk.prompts import KK
from r1_verl.data.math import cold_start
from r1_verl.data.math import problems as math_problems
from r1_verl.data.math import prompts as math_prompts
from r1_verl.data.math.sets import SETS
from r1_verl.data.math.traces import COT_SETS
from r1_verl.data.read import from_file

NUMBERS = ((44, 19, 35), 98)


@pytest.fixture(scope="module")
def tiny():
    """The quickstart's tokenizer (Qwen2, ChatML)."""
    from r1_verl.training.tiny_model import build_tokenizer

    return build_tokenizer()


@pytest.fixture(params=["tiny", pytest.param("smollm", marks=pytest.mark.long)])
def tokenizer(request):
    return request.getfixturevalue(request.param)


def math_examples(fixtures, name: str, file: str, style: str):
    left_out = []
    problems = math_problems.read_rows(from_file(fixtures / file).rows, SETS[name].read, left_out)
    return math_problems.to_examples(problems, name, "train", style, math_prompts.GSM8K)


@pytest.fixture(scope="module")
def every_file(tmp_path_factory, fixtures) -> list[Path]:
    """One file of every data set, in different styles."""
    parts = {
        "countdown": countdown_puzzles.to_examples(generate(Settings(), 8, 0)["train"], "train", "instruct"),
        "tiny": countdown_puzzles.to_examples(generate(Settings(), 8, 4)["test"], "test", "tiny"),
        "kk": kk_puzzles.to_examples(kk_puzzles.generate([3], 6, 0)["train"], "train", "instruct"),
        "multiply": multiply.to_examples(multiply.generate(6, 0)["train"], "train", "base"),
        "gsm8k": math_examples(fixtures, "gsm8k", "data_gsm8k.jsonl", "marked"),
        "math": math_examples(fixtures, "math", "data_math.jsonl", "openr1_math"),
        "math8k": math_examples(fixtures, "math8k", "data_math8k_qwen.parquet", "instruct"),
        "dapo": math_examples(fixtures, "dapo", "data_dapo.parquet", "dapo"),
        "deepscaler": math_examples(fixtures, "deepscaler", "data_deepscaler.json", "deepscaler"),
        "numina_tir": math_examples(fixtures, "numina_tir", "data_numina_tir.jsonl", "openr1"),
    }
    folder = tmp_path_factory.mktemp("sets")
    counts = write.write_set(folder, parts, {"source": "test"})
    assert all(counts.values())
    return [folder / f"{name}.parquet" for name in parts]


def test_all_sets_concatenate_in_datasets(every_file, tmp_path):
    import datasets

    loaded = [datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path)) for path in every_file]
    whole = datasets.concatenate_datasets(loaded)
    assert len(whole) == sum(map(len, loaded)) > 40
    assert {json.loads(row["reward_model"]["ground_truth"])["task"] for row in whole} == {
        "countdown",
        "kk",
        "multiply",
        "math",
    }


def test_all_sets_load_in_verls_dataset(every_file, tokenizer, tmp_path):
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset

    config = OmegaConf.create(
        {
            "cache_dir": str(tmp_path),
            "prompt_key": "prompt",
            "max_prompt_length": 4096,
            "filter_overlong_prompts": True,
            "filter_overlong_prompts_workers": 1,
        }
    )
    data = RLHFDataset([str(path) for path in every_file], tokenizer, config)
    rows = [row for path in every_file for row in from_file(path).rows]
    assert len(data) == len(rows)
    for at, row in enumerate(rows):
        item = data[at]
        assert item["raw_prompt"] == row["prompt"]
        assert item["data_source"] == row["data_source"]
        assert item["reward_model"] == row["reward_model"]
        assert item["index"] == row["extra_info"]["index"]
        assert item["extra_info"]["think_in_prompt"] is row["extra_info"]["think_in_prompt"]


def prompt_tokens(tokenizer, messages, template: str | None) -> list[int]:
    """The prompt as veRL's agent loop builds it (`AgentLoopBase.ct_build_initial_tokens`)."""
    import copy

    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

    used = copy.deepcopy(tokenizer)
    if template is not None:
        used.chat_template = template  # what actor_rollout_ref.model.custom_chat_template does
    builder = create_continuous_token_builder(used, hf_model_type="qwen2" if template is None else None)
    return list(builder.build_initial_tokens([{"role": r, "content": c} for r, c in messages]))


STYLES = (
    {f"countdown-{n}": (s, NUMBERS) for n, s in COUNTDOWN.items()}
    | {f"kk-{n}": (s, ("Who is a knight?",)) for n, s in KK.items()}
    | {f"math-{n}": (s, ("What is 1 + 1?",)) for n, s in math_prompts.GSM8K.items()}
    | {f"multiply-{n}": (s, (12, 34)) for n, s in multiply.STYLES.items()}
)


@pytest.mark.parametrize("name", STYLES)
def test_no_prompt_is_templated_twice(name, tokenizer):
    style, fields = STYLES[name]
    messages = style.build(*fields)
    if style.raw:
        tokens = prompt_tokens(tokenizer, messages, prompts.PASS_THROUGH)
        assert tokens == tokenizer(messages[0][1], add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(tokens) == messages[0][1]
        return
    text = tokenizer.decode(prompt_tokens(tokenizer, messages, None))
    plain = [{"role": role, "content": content} for role, content in messages]
    assert text == tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=False)
    for _, content in messages:
        assert text.count(content.strip()) == 1 and "<|im_start|>" not in content
    assert text.count("<|im_start|>user") == 1 and text.endswith("<|im_start|>assistant\n")


@pytest.mark.long
def test_tinyzeros_instruct_string_is_the_rendered_chat_style(smollm):
    chat, raw = (COUNTDOWN[name].build(*NUMBERS) for name in ("instruct", "raw_instruct"))
    rendered = smollm.decode(prompt_tokens(smollm, chat, None))
    assert rendered + TINYZERO_PREFIX == raw[0][1]


def test_check_with_a_real_tokenizer(every_file, tokenizer, tmp_path):
    for path in every_file:
        rows, faults = check_file(path, tokenizer, 4096)
        assert rows and not faults, faults
    raw = countdown_puzzles.to_examples(generate(Settings(), 4, 0)["train"], "train", "raw_instruct")
    write.write_set(tmp_path, {"raw": raw}, {"source": "test"})
    assert check_file(tmp_path / "raw.parquet", tokenizer)[1] == []
    (fault,) = check_file(tmp_path / "raw.parquet", tokenizer, raw=False)[1][:1]
    assert "would get a second one" in fault.what
    (fault,) = check_file(tmp_path / "raw.parquet", tokenizer, max_prompt_length=20)[1]
    assert "longer than 20 tokens" in fault.what


@pytest.mark.long
def test_long_traces_load_in_verls_sft_dataset(tmp_path, smollm):
    import pandas
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    row = {
        "problem": "What is 2+2?",
        "deepseek_reasoning": " ".join(f"Step {i}." for i in range(60)),
        "deepseek_solution": "It is \\boxed{4}.",
        "ground_truth_solution": "4",
        "domain": "math",
    }
    made = cold_start.convert([row], COT_SETS["openthoughts"], math_prompts.MATH["instruct"], [])
    path = tmp_path / "sft.parquet"
    assert write.write_rows(path, cold_start.schema(), map(cold_start.to_columns, made), {}, []) == 1
    config = OmegaConf.create(
        {"max_length": 1024, "truncation": "error", "messages_key": "messages", "pad_mode": "no_padding"}
    )
    data = MultiTurnSFTDataset(parquet_files=str(path), tokenizer=smollm, config=config)
    item = data[0]
    learnt = smollm.decode(item["input_ids"][item["loss_mask"].bool()])
    written = pandas.read_parquet(path)["messages"][0][-1]["content"]
    assert learnt.strip().removesuffix("<|im_end|>") == written
