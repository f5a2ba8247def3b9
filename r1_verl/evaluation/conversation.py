"""The tokens of a conversation of several turns, joined as in training: what the model wrote stays as it is, and each
message that answers it is rendered by itself, by veRL's Continuous Token builder as veRL's agent loops do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.environments.between import between, raw_turn
from r1_verl.runs import RunError


class Conversation:
    """How one model's turns are joined. model_type: of its config.json. raw: prompts are whole strings, which no chat
    template is put around."""

    def __init__(self, tokenizer: Any, model_type: str, raw: bool) -> None:
        self.tokenizer = tokenizer
        self._form = between(tokenizer, {"chat_template": PASS_THROUGH} if raw else {})
        self._builder = None if self._form.raw else _builder(tokenizer, model_type)

    def seam(
        self, messages: Sequence[Mapping[str, str]], answer: str, ids: Sequence[int], feedback: str, opened: bool
    ) -> tuple[int, ...]:
        """The tokens that follow `ids`, a conversation's up to the model's `answer`, where the user says `feedback`.

        messages: those before the answer. opened: the answer's prompt opened `<think>`. Raises RunError if the model's
        template cannot show a message by itself.
        """
        rest = list(self._form.rest(ids))
        if self._builder is None:
            return (*rest, *self.tokenizer(raw_turn(feedback, opened), add_special_tokens=False)["input_ids"])
        before = [*map(dict, messages), {"role": "assistant", "content": answer}]
        after = [*before, {"role": "user", "content": feedback}]
        try:
            whole = self._builder.merge_context_tokens(before, after, [*ids, *rest]).token_ids
        except Exception as error:  # jinja's own, whatever a template raises, and a seam that tokens cross
            raise RunError(f"its chat template cannot show another turn ({error})") from error
        return tuple(whole[len(ids) :])


def _builder(tokenizer: Any, model_type: str) -> Any:
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

    try:
        return create_continuous_token_builder(tokenizer, hf_model_type=model_type)
    except ValueError as error:  # a tokenizer without the tokens of its architecture's family
        if "does not define required token" not in str(error):
            raise
        return create_continuous_token_builder(tokenizer, model_family="default")
