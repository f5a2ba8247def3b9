"""A model small enough to learn on two CPU cores in minutes, saved as an ordinary model folder.

Qwen2 architecture, about 0.45 M parameters. Whole numbers below 100 are single tokens (half the length of bytes and no
digit arithmetic), single bytes are the fallback, so any text can be written. The tags are ordinary tokens: veRL decodes
with `skip_special_tokens=True`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.environments.sokoban import MOVES
from r1_verl.recipes.overrides import override
from r1_verl.runs import RunError

MADE_WITH = "start-model.json"  # in OUT-sft: from which traces, with which seed OUT was made
_ELSEWHERE = "name another OUT, or move that folder away"
CHAT = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = ("<think>", "</think>", "<answer>", "</answer>", "user", "assistant", "system", "yes", "no")
NUMBERS = tuple(str(n) for n in range(10, 100))
# what the model plays: words that are tokens of their own besides, and the settings of its supervised start
TASKS = {"countdown": ((), "_quickstart_sft"), "sokoban": (MOVES, "_quickstart_sokoban_sft")}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def build(out: str | Path, seed: int, layers: int = 2, hidden: int = 128, words: Sequence[str] = ()) -> Path:
    """Write an untrained model and its tokenizer to `out` (atomically) and return it. words: more tokens."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    out = Path(out)
    tokenizer = build_tokenizer(words)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=layers,
        num_attention_heads=hidden // 32, num_key_value_heads=max(1, hidden // 64),  # vLLM on a CPU needs heads of 32
        max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.06,  # at this width the usual 0.02 takes three times the steps to learn to copy a number
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(config)
    with atomic.folder(out) as part:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
    return out


def start(out: str | Path, traces: str | Path, seed: int, task: str = "countdown") -> Path:
    """Build a model and give it its supervised start on `traces` (veRL SFT Parquet) with veRL's SFT trainer.

    task: one of TASKS.

    `out` appears when it is finished; the log and the loss curve stay in `out`-sft. Where `out` is there, made from the
    same traces and seed, nothing is done; an attempt that was interrupted is made again. Raises RunError, also for an
    `out` or `out`-sft that is not of this command, and unless VERL_PLATFORM=cpu is set.
    """
    from r1_verl.runs import Run
    from r1_verl.training.launch import run_verl

    out, work, traces = Path(out), Path(f"{out}-sft").resolve(), Path(traces).resolve()
    words, settings = TASKS[task]
    if not traces.is_file():
        raise RunError(f"--traces: {traces} is not there", f"data_prep/{task}_traces.py makes one")
    asked = {"seed": seed, "sha256 of the traces": hashlib.sha256(traces.read_bytes()).hexdigest()}
    if _holds_something(out):
        _require_made_with(out, work, asked)
        return out
    if _holds_something(work) and not (work / MADE_WITH).is_file():
        raise RunError(f"{work} is to hold the log of this start, and holds something else", _ELSEWHERE)
    if os.environ.get("VERL_PLATFORM", "").strip().lower() != "cpu":
        raise RunError("start-model trains on the CPU: veRL would look for CUDA", "export VERL_PLATFORM=cpu")
    with atomic.file(work / MADE_WITH) as part:
        part.write_text(json.dumps(asked))
    shutil.rmtree(work / "checkpoints", ignore_errors=True)  # of an attempt that was interrupted
    overrides = [
        override("data.train_files", traces), override("model.path", build(work / "untrained", seed, words=words)),
        override("trainer.default_local_dir", work / "checkpoints"), f"trainer.seed={seed}", f"engine.seed={seed}",
    ]  # fmt: skip
    run_verl(Run(work), "verl.trainer.sft_trainer", settings, overrides, total=None, every=100)
    with atomic.folder(out) as part:
        next(work.glob("checkpoints/global_step_*/huggingface")).rename(part)
    shutil.rmtree(work / "checkpoints")
    return out


def _holds_something(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _require_made_with(out: Path, work: Path, asked: dict[str, Any]) -> None:
    """Say that the model is there already. Raises RunError if `out` holds anything else."""
    try:
        made = json.loads((work / MADE_WITH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunError(f"{out} exists, and {work} does not say that start-model made it", _ELSEWHERE) from None
    if made != asked:
        raise RunError(f"{out} exists, and was made with other traces or another seed", _ELSEWHERE)
    print(f"{out} was made before, from the same traces and seed")


def build_tokenizer(words: Sequence[str] = ()):
    """A Qwen2 tokenizer: byte-level BPE without merges; whole numbers, tags, ChatML tokens and `words` are single
    tokens."""
    from tokenizers import AddedToken, pre_tokenizers
    from transformers import Qwen2Tokenizer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Qwen2Tokenizer(
        vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[],
        unk_token=None, bos_token=None, eos_token="<|im_end|>", pad_token="<|endoftext|>",
    )  # fmt: skip
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in CHAT], special_tokens=True)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (*WORDS, *NUMBERS, *words)])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make the quickstart's base model: a small untrained model, then a supervised start on TRACES."
    parser.epilog = "example:\n  r1-verl start-model models/mine --traces data/traces/train.parquet --seed 2"
    parser.add_argument("out", metavar="OUT", help="the model folder to make")
    parser.add_argument("--traces", metavar="FILE", required=True, help="a Parquet of data_prep/TASK_traces.py")
    parser.add_argument("--task", choices=list(TASKS), default="countdown", help="what the traces show")
    parser.add_argument("--seed", metavar="N", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    print(f"{start(args.out, args.traces, args.seed, args.task)}: an ordinary model folder")
    return 0
