"""The quickstart's model folder and its cold-start traces."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from r1_verl import cli, compute_score
from r1_verl.data.countdown.cold_start import MAX_TRIES, traces
from r1_verl.training.tiny_model import NUMBERS, build, build_tokenizer

PUZZLES = [((3, 17, 8), 12), ((1, 2, 20), 19), ((5, 5, 9), 9), ((7, 1, 2), 10)] * 100


def test_traces_are_deterministic_honest_and_weak():
    found = list(traces(PUZZLES, seed=1))
    assert found == list(traces(PUZZLES, seed=1)) != list(traces(PUZZLES, seed=2))
    right = 0
    for (numbers, target), trace in zip(PUZZLES, found, strict=True):
        truth = json.dumps({"numbers": numbers, "target": target})
        result = compute_score("countdown", trace.response, truth)
        assert result["acc"] == trace.correct
        right += trace.correct
        tries = re.findall(r"([-+=\d]+) (\d+) (yes|no)", trace.response)
        assert 1 <= len(tries) <= MAX_TRIES
        for worked, wanted, verdict in tries:
            assert int(wanted) == target
            total = 0
            for term, value in re.findall(r"((?:^|[-+])\d+|^-\d+)(?:=(-?\d+))?", worked):
                total += int(term)
                assert value in ("", str(total))
            assert (verdict == "yes") == (total == target)
    assert 0.1 < right / len(found) < 0.5


def test_tokenizer_writes_any_text_and_numbers_as_one_token():
    tokenizer = build_tokenizer()
    for text in ("<think>3+17-8=12 yes</think><answer>3+17-8</answer>", "héllo 123 ∑\n\t", "<|im_end|"):
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert all(len(tokenizer(number).input_ids) == 1 for number in NUMBERS)
    assert len(tokenizer("\n").input_ids) == 1  # veRL's Qwen prompt builder asks for it


def test_the_model_is_an_ordinary_model_folder(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = build(tmp_path / "m", seed=1)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert 0.3e6 < sum(p.numel() for p in model.parameters()) < 1e6
    assert model.config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>") == tokenizer.eos_token_id
    assert not (tmp_path / "m.part").exists()
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "3 4 = 7"}], tokenize=False, add_generation_prompt=True
    )
    assert text == "<|im_start|>user\n3 4 = 7<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize("seed", [1, 2])
def test_first_weights_follow_the_seed(tmp_path, seed):
    first, again = build(tmp_path / "a", seed), build(tmp_path / "b", seed)
    other = build(tmp_path / "c", seed + 1)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (first, again, other)]
    assert weights[0] == weights[1] != weights[2]


def test_a_start_removes_nothing_that_is_there(tmp_path, capsys):
    out, traces = tmp_path / "mine", tmp_path / "traces.parquet"
    made = ["start-model", str(out), "--traces", str(traces)]
    assert cli.main(made) == 2 and f"{traces} is not there" in capsys.readouterr().err
    traces.write_bytes(b"rows")
    (tmp_path / "mine-sft").mkdir()
    (tmp_path / "mine-sft/notes.txt").write_text("mine")
    assert cli.main(made) == 2
    assert f"{tmp_path}/mine-sft is to hold the log of this start, and holds something else" in capsys.readouterr().err
    out.mkdir()
    (out / "config.json").write_text("{}")
    assert cli.main(made) == 2
    assert f"{out} exists, and {tmp_path}/mine-sft does not say that start-model made it" in capsys.readouterr().err
    record = {"seed": 1, "sha256 of the traces": hashlib.sha256(b"rows").hexdigest()}
    (tmp_path / "mine-sft/start-model.json").write_text(json.dumps(record))
    assert cli.main(made) == 0 and "was made before, from the same traces and seed" in capsys.readouterr().out
    assert cli.main([*made, "--seed", "2"]) == 2 and "with other traces or another seed" in capsys.readouterr().err
    traces.write_bytes(b"others")
    assert cli.main(made) == 2
    assert (out / "config.json").read_text() == "{}" and (tmp_path / "mine-sft/notes.txt").read_text() == "mine"
