"""The tokens of a conversation of several turns, as in training: what the model wrote stays as it is, and each message
that answers it is rendered by veRL's Continuous Token builder, so nothing is rendered or tokenised again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.rendering import opens_think
from r1_verl.runs import RunError

_END = "<|im_end|>"


class Seam(NamedTuple):
    """What stands between a turn of the model and the next: its tokens, and whether they open `<think>`."""

    ids: tuple[int, ...]
    opens_think: bool


class Conversation:
    """How one model's turns are joined. model_type: of its config.json. raw: prompts are whole strings, without a chat
    template."""

    def __init__(self, tokenizer: Any, model_type: str, raw: bool) -> None:
        from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

        settings = {"chat_template_kwargs": {"chat_template": PASS_THROUGH} if raw else {}}
        try:
            builder = create_continuous_token_builder(tokenizer, hf_model_type=model_type, **settings)
        except ValueError as error:  # of a family whose tokens this tokenizer lacks, as in verl_side/token_builder.py
            if "does not define required token" not in str(error):
                raise
            builder = create_continuous_token_builder(tokenizer, model_family="default", **settings)
        self._builder, self._tokenizer, self._raw = builder, tokenizer, raw
        end = tokenizer.get_vocab().get(_END, tokenizer.eos_token_id)
        self._close, self._ends = end, {end, tokenizer.eos_token_id}

    def seam(self, messages: Sequence[Mapping[str, str]], answer: str, ids: Sequence[int], feedback: str) -> Seam:
        """What follows the tokens `ids` (a prompt and what the model wrote) where `feedback` is the user's message.

        A turn that was cut off by its limit or a stop text is closed first. Raises RunError if the model's template
        can't show a message by itself.
        """
        closed = list(ids) if ids[-1] in self._ends else [*ids, self._close]
        said = turn_of_raw(messages[-1]["content"], feedback) if self._raw else feedback
        before = [*map(dict, messages), {"role": "assistant", "content": answer}]
        after = [*before, {"role": "user", "content": said}]
        try:
            whole = self._builder.merge_context_tokens(before, after, closed).token_ids
        except Exception as error:  # jinja's own, whatever a template raises, and a seam that tokens cross
            raise RunError(f"its chat template cannot show another turn ({error})") from error
        added = tuple(whole[len(ids) :])
        return Seam(added, opens_think(self._tokenizer.decode(added)))

    def text(self, ids: Sequence[int]) -> str:
        """Tokens as text without special tokens, as veRL's dumps have it."""
        return self._tokenizer.decode(ids, skip_special_tokens=True)


def turn_of_raw(prompt: str, feedback: str) -> str:
    """The user's message behind an answer to a raw prompt in ChatML; it ends as the prompt itself does, for example in
    `<|im_start|>assistant\\n<think>`. The feedback alone where the prompt is no ChatML."""
    _, marked, opening = prompt.rpartition(_END + "\n")
    return f"<|im_start|>user\n{feedback}{_END}\n{opening}" if marked else feedback
