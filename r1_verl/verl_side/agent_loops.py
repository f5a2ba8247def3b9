"""Agent loops of ours, listed in `agent_loops.yaml`; a row's `agent_name` column or
`actor_rollout_ref.rollout.agent.default_agent_loop` picks one."""

from __future__ import annotations

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop


class StopAgentLoop(SingleTurnAgentLoop):
    """One turn that ends at the recipe's `r1_verl.stop` (texts) and `r1_verl.stop_token_ids`, besides the model's end.

    veRL 0.9.1 has no key for either; what an agent loop adds to the sampling parameters goes to vLLM as it is.
    """

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        return await super().run({**sampling_params, **ends(self.config.get("r1_verl") or {})}, **kwargs)


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
