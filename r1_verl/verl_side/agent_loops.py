"""Agent loops of ours, listed in `agent_loops.yaml`; a row's `agent_name` column or
`actor_rollout_ref.rollout.agent.default_agent_loop` picks one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
from verl.utils.fs import copy_to_local
from verl.utils.model import get_generation_config

from r1_verl.reward import compose
from r1_verl.verl_side.trajectories import question_id


class StopAgentLoop(SingleTurnAgentLoop):
    """One turn, in the place of veRL's `single_turn_agent`, that ends where the recipe says and tells how it ended.

    It ends at the recipe's `r1_verl.stop` (texts) and `r1_verl.stop_token_ids`, besides the model's end: veRL 0.9.1 has
    no key for either, and what an agent loop adds to the sampling parameters goes to vLLM as it is.
    It adds to `extra_fields`, which reach the scorer (`extra_info`, with the naive reward manager) and the sampler:
    response_tokens (int), truncated (bool), question_id (str), and question (str) if a part of the reward reads it.
    veRL's own loop of several turns, `tool_agent`, adds none of them.
    """

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        stops = ends(self.config.get("r1_verl") or {})
        output = await super().run({**sampling_params, **stops}, **kwargs)
        ids, row = output.response_ids, kwargs.get("extra_info")
        output.extra_fields |= {
            "response_tokens": len(ids),
            "truncated": truncated(ids, self._end_ids(stops), stops.get("stop", ()), self._text),
            "question_id": question_id(str(kwargs.get("data_source") or ""), row),
        }
        if reads_question(self.config):
            output.extra_fields["question"] = question(row, kwargs["raw_prompt"])
        return output

    def _end_ids(self, stops: Mapping[str, Any]) -> set[int]:
        """The tokens at which vLLM ends a response: those of the recipe and, unless it ignores them, of the model."""
        found = set(stops.get("stop_token_ids", ()))
        if not self.rollout_config.get("ignore_eos", False):
            model = self.config.actor_rollout_ref.model
            found |= {self.tokenizer.eos_token_id}
            found |= model_ends(model.get("hf_config_path") or model.path, bool(model.get("trust_remote_code")))
        return found

    def _text(self, ids: Sequence[int]) -> str:
        """The text in which vLLM looks for stops."""
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


class GreedyAgentLoop(StopAgentLoop):
    """The same at temperature 0, so that one validation holds sampled and greedy rows.

    veRL reads a row's `__do_sample__` in training only.
    """

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        return await super().run({**sampling_params, "temperature": 0.0, "top_p": 1.0, "top_k": -1}, **kwargs)


def ends(settings: Any) -> dict[str, Any]:
    """vLLM's sampling parameters for a recipe's `r1_verl` settings; {} where it names no end."""
    found = {}
    if settings.get("stop"):
        found["stop"] = list(settings["stop"])
        found["include_stop_str_in_output"] = bool(settings.get("include_stop", True))
    if settings.get("stop_token_ids"):
        found["stop_token_ids"] = list(settings["stop_token_ids"])
    return found


def truncated(
    ids: Sequence[int], end_ids: Collection[int], stops: Collection[str], to_text: Callable[[Sequence[int]], str]
) -> bool:
    """Whether a response was cut off: its last token is no end, and no stop text ended it.

    vLLM stops at the first stop text and keeps its tokens whether or not the text is cut back, so a stop text anywhere
    in the tokens' text is the one that ended the response. A length says nothing: what binds may be
    max_response_length or max_model_len, and an end token may stand exactly at the limit.
    """
    if not ids:
        return True
    if ids[-1] in end_ids:
        return False
    if not stops:
        return True
    text = to_text(ids)
    return not any(stop in text for stop in stops)


@cache
def model_ends(path: str, trust_remote_code: bool = False) -> frozenset[int]:
    """The end tokens (one or several) in a model's generation_config.json, else config.json, as vLLM reads them."""
    config = get_generation_config(copy_to_local(path), trust_remote_code=trust_remote_code)
    found = getattr(config, "eos_token_id", None)
    return frozenset(() if found is None else (found,) if isinstance(found, int) else found)


def question(extra_info: Any, messages: Sequence[Mapping[str, Any]]) -> str:
    """A row's question: its extra_info's, else the text of the last message of the user."""
    found = extra_info.get("question") if isinstance(extra_info, Mapping) else None
    if found:
        return str(found)
    said = [message["content"] for message in messages if message.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else ""


_asked: tuple[Any, bool] = (None, False)  # the configuration of the last response, and whether a part reads questions


def reads_question(config: Any) -> bool:
    """Whether a part of the recipe's reward reads the question."""
    global _asked
    if _asked[0] is not config:  # a worker has one; reading a list takes a millisecond
        kwargs = config.reward.custom_reward_function.get("reward_kwargs") or {}
        _asked = config, "question" in compose.needs(kwargs.get("reward"))
    return _asked[1]
