"""Agent loops of several turns against a server that says what a test wrote down; tokens in, tokens out, no model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1_verl.ground_truth import encode
from r1_verl.training import tiny_model

END = "<|im_end|>"
QWEN = (  # as Qwen2.5's template: a default system prompt where there is none
    "{%- if messages[0]['role'] != 'system' %}{{- '<|im_start|>system\\nDEFAULT<|im_end|>\\n' }}{%- endif %}"
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
OPENS_THINK = QWEN.replace("assistant\\n' }}{%- endif", "assistant\\n<think>' }}{%- endif")
BOARD = "#####/#PXO#/#####"  # one move to the right
FAR = "######/#P_XO#/######"  # two
STEPS = {"global_steps": 3, "min_global_steps": 3, "max_global_steps": 3}


class Server:
    """Says the texts in turn, cut at max_tokens as vLLM cuts them, and keeps what it was asked."""

    def __init__(self, tokenizer: Any, says: Sequence[str]) -> None:
        self.tokenizer, self.says, self.asked = tokenizer, list(says), []

    async def generate(self, request_id: str, *, prompt_ids: list[int], sampling_params: dict, **_: Any) -> Any:
        from verl.workers.rollout.replica import TokenOutput

        self.asked.append({"prompt": list(prompt_ids), "request": request_id, **sampling_params})
        ids = self.tokenizer(self.says.pop(0), add_special_tokens=False)["input_ids"][: sampling_params["max_tokens"]]
        step = {name: value + len(self.asked) - 1 for name, value in STEPS.items()}
        return TokenOutput(token_ids=ids, log_probs=[-1.0] * len(ids), extra_fields=step)


def folder(place: Path) -> Path:
    """A model's folder, as far as the loop reads it."""
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps({"model_type": "qwen2", "eos_token_id": 2}))
    return place


def loop(
    place: Path, says: Sequence[str], template: str = QWEN, model_type: str = "qwen2", room: int = 4000,
    mode: str = "faithful", pays: Any = None, ours: dict | None = None, **turns: Any,
) -> Any:  # fmt: skip
    """The loop of several turns, its server and its tokenizer."""
    from omegaconf import OmegaConf
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from r1_verl.verl_side.turns import TurnsAgentLoop

    tokenizer = tiny_model.build_tokenizer()
    tokenizer.chat_template = template
    config = OmegaConf.create({
        "actor_rollout_ref": {
            "rollout": {"prompt_length": 200, "response_length": room, "calculate_log_probs": True},
            "model": {"path": str(folder(place / "model"))},
        },
        "data": {}, "reward": {"custom_reward_function": {"reward_kwargs": {"mode": mode, "reward": pays}}},
        "r1_verl": {"turns": {"tokens": 60, "dense": True, "deadline": 5} | turns, **(ours or {})},
    })  # fmt: skip
    server = Server(tokenizer, says)
    made = lambda: TurnsAgentLoop(  # noqa: E731
        DictConfigWrap(config), server, tokenizer, None, RLHFDataset, DictConfigWrap(config.data),
        hf_model_type=model_type,
    )  # fmt: skip
    return made, server, tokenizer


def row(board: str = BOARD, rules: str = "tiny", prompt: str = "board", **truth: Any) -> dict[str, Any]:
    ground = encode(truth.pop("task", "sokoban"), **({"board": board} if board else {}), rules=rules, **truth)
    return {
        "raw_prompt": [{"role": "user", "content": prompt}], "reward_model": {"style": "rule", "ground_truth": ground},
        "data_source": "sokoban", "extra_info": {"index": 7, "split": "train"}, "uid": "u", "session_id": 0,
    }  # fmt: skip


def run(made: Any, given: dict[str, Any], **sampling: Any) -> Any:
    """One session, in an event loop of its own as in a worker."""

    async def session() -> Any:
        return await made().run({"temperature": 1.0, **sampling}, **given)

    return asyncio.run(session())
