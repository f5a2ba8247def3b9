"""The quickstarts' start models that the package ships, and that `start-model` makes one as good as it again."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scripts import ROOT

from r1_verl import compute_score, recipes
from r1_verl.environments import make
from r1_verl.environments.episode import Episode
from r1_verl.environments.rules import RULES

BASE = recipes.FOLDER / "quickstart_base"
LONGEST = 98  # tokens, as in the recipe


def accuracy(model: Path, puzzles: Path, samples: int) -> float:
    """The share of right responses to these puzzles, sampled at temperature 1 as the recipe validates.

    With 256 puzzles and 8 samples its standard error is about a point.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = pq.read_table(puzzles).to_pylist()
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    prompts = [tokenizer.apply_chat_template(r["prompt"], add_generation_prompt=True, tokenize=False) for r in rows]
    torch.manual_seed(0)
    with torch.inference_mode():
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        found = network.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, num_return_sequences=samples,
            max_new_tokens=LONGEST, pad_token_id=tokenizer.pad_token_id,
        )[:, inputs.input_ids.shape[1] :]  # fmt: skip
    texts = tokenizer.batch_decode(found, skip_special_tokens=True)
    asked = [row for row in rows for _ in range(samples)]
    right = [
        compute_score(row["data_source"], text, row["reward_model"]["ground_truth"], row["extra_info"])["acc"]
        for row, text in zip(asked, texts, strict=True)
    ]
    return sum(right) / len(right)


def run(folder: Path, *words: str) -> None:
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_start_model_makes_one_of_the_same_accuracy(tmp_path):
    """By the commands of `BASE=build bash run_scripts/quickstart.sh`, seed 1; within three points."""
    run(tmp_path, "-m", "r1_verl", "prepare", "quickstart_grpo")
    traces = ["--puzzles", "data/quickstart/train.parquet", "--out", "traces", "--seed", "1"]
    run(tmp_path, str(ROOT / "data_prep/countdown_traces.py"), *traces)
    run(tmp_path, "-m", "r1_verl", "start-model", "model", "--traces", "traces/train.parquet", "--seed", "1")
    puzzles = tmp_path / "data/quickstart/test.parquet"
    assert accuracy(tmp_path / "model", puzzles, 8) == pytest.approx(accuracy(BASE, puzzles, 8), abs=0.03)


@pytest.mark.parametrize("base", [BASE, recipes.FOLDER / "quickstart_sokoban_base"], ids=lambda base: base.name)
def test_the_shipped_files_are_those_of_the_provenance(base):
    record = json.loads((base / "provenance.json").read_text(encoding="utf-8"))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in base.iterdir()}
    del found["provenance.json"]
    assert found == record["sha256"]


def success(model: Path, data: Path, samples: int) -> float:
    """The share of Sokoban levels that are solved in the tiny rules' turns, sampled at temperature 1.

    With 256 levels and 4 samples its standard error is about a point and a half.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    truths = [row["reward_model"]["ground_truth"] for row in pq.read_table(data).to_pylist()] * samples
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    episodes = [Episode(make(truth), RULES["tiny"]) for truth in truths]
    talks = [[{"role": "user", "content": episode.observation}] for episode in episodes]
    torch.manual_seed(0)
    for _ in range(RULES["tiny"].turns):
        at = [index for index, episode in enumerate(episodes) if not episode.outcome]
        prompts = [tokenizer.apply_chat_template(talks[i], add_generation_prompt=True, tokenize=False) for i in at]
        with torch.inference_mode():
            inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
            found = network.generate(
                **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=4,
                pad_token_id=tokenizer.pad_token_id,
            )[:, inputs.input_ids.shape[1] :]  # fmt: skip
        for index, text in zip(at, tokenizer.batch_decode(found, skip_special_tokens=True), strict=True):
            episodes[index].play(text)
            talks[index] += [
                {"role": "assistant", "content": text}, {"role": "user", "content": episodes[index].observation}
            ]  # fmt: skip
    return sum(episode.success for episode in episodes) / len(episodes)


@pytest.mark.long
def test_the_start_model_of_sokoban_plays_half_well(script, tmp_path, composed):
    """Better than random play (about .25 on these levels), with room for 15 points and more."""
    name, *arguments = composed("quickstart_sokoban").r1_verl.data["data/quickstart_sokoban"].split()
    assert script(name.removesuffix(".py"), *arguments, "--out", "data")[0] == 0
    assert 0.33 < success(recipes.FOLDER / "quickstart_sokoban_base", tmp_path / "data/test.parquet", 2) < 0.5


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_start_model_makes_one_that_plays_sokoban_as_well(tmp_path):
    """By the commands of `ALGO=sokoban SEED=2 bash run_scripts/quickstart.sh`; within five points."""
    run(tmp_path, "-m", "r1_verl", "prepare", "quickstart_sokoban")
    data = "data/quickstart_sokoban"
    games = ["--levels", f"{data}/train.parquet", "--out", "traces", "--count", "12800", "--good", "0.5", "--seed", "2"]
    run(tmp_path, str(ROOT / "data_prep/sokoban_traces.py"), *games)
    made = ["start-model", "model", "--task", "sokoban", "--traces", "traces/train.parquet", "--seed", "2"]
    run(tmp_path, "-m", "r1_verl", *made)
    test = tmp_path / data / "test.parquet"
    shipped = success(recipes.FOLDER / "quickstart_sokoban_base", test, 4)
    assert success(tmp_path / "model", test, 4) == pytest.approx(shipped, abs=0.05)
