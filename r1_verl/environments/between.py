"""What stands between two turns of a model, in tokens: training and evaluation share it.

A turn that a limit or a stop text cut off is closed as the chat template closes one, so that the next does not begin
inside it. Nothing that the model writes is read as the mark of a turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_MARK = "r1verl"
_END = "<|im_end|>"
_LOOK_BACK = 8  # tokens: more than `<think>` and a line end have


class Between(NamedTuple):
    """What a chat template puts between two turns. closing: the tokens behind a response, its end token first.

    raw: the template adds nothing (the prompt is one whole string), so the loop writes ChatML itself.
    """

    closing: tuple[int, ...]
    raw: bool

    def rest(self, ids: Sequence[int]) -> Sequence[int]:
        """The tokens that close a turn, of which the model may have written the first."""
        return self.closing[1:] if self.closing and ids[-1] == self.closing[0] else self.closing


@lru_cache(maxsize=8)
def _between(tokenizer: Any, template: str, settings: str) -> Between:
    def render(*messages: Mapping[str, str], **more: Any) -> str:
        return tokenizer.apply_chat_template(list(messages), tokenize=False, **json.loads(settings), **more)

    user, model = {"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}
    closing = render(user, model).rpartition(_MARK)[2]
    raw = not closing and render({**user, "content": _MARK}, add_generation_prompt=True).endswith(_MARK)
    if raw:
        known = _END in tokenizer.get_vocab()
        return Between((tokenizer.convert_tokens_to_ids(_END) if known else tokenizer.eos_token_id,), True)
    return Between(tuple(tokenizer(closing, add_special_tokens=False)["input_ids"]), False)


def between(tokenizer: Any, template_settings: Mapping[str, Any]) -> Between:
    """What the tokenizer's chat template puts between turns. template_settings: `data.apply_chat_template_kwargs`."""
    return _between(tokenizer, str(tokenizer.chat_template), json.dumps(dict(template_settings), sort_keys=True))


def raw_turn(feedback: str, opened: bool) -> str:
    """What follows a closed turn under the pass-through template, as RAGEN of February 2025 wrote it.

    Source: ZihanWang314/ragen, ragen/env/base.py and ragen/llm_agent/generation.py.
    """
    think = "<think>" if opened else ""
    return f"\n <|im_start|>user\n{feedback}{_END}\n<|im_start|>assistant\n{think}"


def opens_think(tokenizer: Any, ids: Sequence[int]) -> bool:
    """Whether what the model is to go on with ends in an open `<think>`."""
    return tokenizer.decode(ids[-_LOOK_BACK:]).rstrip().endswith("<think>")
