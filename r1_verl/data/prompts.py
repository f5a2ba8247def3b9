"""Prompt styles: what the model is shown, word for word as published.

veRL 0.9.1 always renders the messages through a chat template and adds the generation prompt. Hence two kinds:

- chat styles (`base`, `instruct`, `tiny` ...) are real messages for the model's own template. No published assistant
  prefix ("Let me solve this step by step.\\n<think>") can follow the generation prompt there, so the model opens
  `<think>` itself: think_in_prompt is False.
- raw styles (`raw`, `raw_instruct`) are the published string whole, in one user message, for the pass-through template
  PASS_THROUGH; a second template around them would spoil them. They end in `<think>`: think_in_prompt is True.

The styles of a task stand in its own room: countdown/prompts.py, kk/prompts.py, math/prompts.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# For raw styles: actor_rollout_ref.model.custom_chat_template (with {{ bos_token }} before it for models that use one).
PASS_THROUGH = "{% for m in messages %}{{ m['content'] }}{% endfor %}"

Messages = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Style:
    """A prompt style. build: makes the messages from the fields of a task; raw: needs PASS_THROUGH as chat template.

    reward: the reward whose answer format this prompt announces; "" for the data set's default.
    """

    build: Callable[..., Messages]
    think_in_prompt: bool = False
    raw: bool = False
    reward: str = ""


def chatml(system: str, user: str, prefix: str) -> Messages:
    """A raw style's one message: ChatML as Qwen2.5's template renders it, up to what the assistant begins with."""
    return (("user", f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
                     f"<|im_start|>assistant\n{prefix}"),)  # fmt: skip
