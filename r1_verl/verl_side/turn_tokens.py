"""The tokens of an episode of several turns: whose each one is, and what stands between two turns of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_MARK = "r1verl"
_END = "<|im_end|>"
_LOOK_BACK = 8  # tokens: more than `<think>` and a line end have


class Tokens(NamedTuple):
    """An episode so far. ids: of prompt and response. mask: of the response, 1 for a token of the model. log_probs: of
    the response, 0.0 for a token that is not the model's."""

    ids: list[int]
    mask: list[int]
    log_probs: list[float]

    @property
    def last(self) -> int:
        """The place in the response of the model's last token, -1 if there is none."""
        return max((place for place, mine in enumerate(self.mask) if mine), default=-1)

    def given(self, ids: Sequence[int]) -> Tokens:
        """With tokens that are not the model's."""
        nothing = [0] * len(ids)
        return Tokens([*self.ids, *ids], [*self.mask, *nothing], [*self.log_probs, *map(float, nothing)])

    def ended(self) -> Tokens:
        """Up to the model's last token."""
        surplus = len(self.mask) - self.last - 1
        return Tokens(*(values[: len(values) - surplus] for values in self))


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
    """What the tokenizer's chat template puts between two turns. template_settings: `data.apply_chat_template_kwargs`."""
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
