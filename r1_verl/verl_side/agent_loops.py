"""Agent loops of ours, listed in `agent_loops.yaml`; a row's `agent_name` column picks one."""

from __future__ import annotations

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop


class GreedyAgentLoop(SingleTurnAgentLoop):
    """One turn at temperature 0, so that one validation holds sampled and greedy rows.

    veRL reads a row's `__do_sample__` in training only.
    """

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        return await super().run({**sampling_params, "temperature": 0.0, "top_p": 1.0, "top_k": -1}, **kwargs)
