"""A real TransferQueue with responses in it, as veRL's agent loop workers put them there; no model, no trainer running.

Each response is put by the lines of veRL's AgentLoopWorkerTQ, so that what our sampler reads and writes is veRL's form.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch


class Response(NamedTuple):
    """One response: its question's uid, what the scorer said, its tokens and how it ended."""

    group: str
    session: int
    ids: Sequence[int]
    score: float
    acc: float = 1.0
    truncated: bool = False
    parts: str = ""
    source: str = "countdown/3"
    index: int = 0
    output: int = 0  # of the session's outputs
    moves: str | None = None  # of an episode of several turns

    @property
    def key(self) -> str:
        return f"{self.group}_{self.session}_{self.output}"


@contextlib.contextmanager
def queue(units: int = 1) -> Iterator[None]:
    """Ray and a TransferQueue of its own, ended with the block."""
    import ray
    import transfer_queue as tq
    from omegaconf import OmegaConf

    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    try:
        tq.init(OmegaConf.create({"backend": {"SimpleStorage": {"num_data_storage_units": units}}}))
        yield
    finally:
        tq.close()
        ray.shutdown()


def put(responses: Sequence[Response], step: int = 1, partition: str = "train") -> None:
    """Each response under its key, and its question as finished."""
    import transfer_queue as tq
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    rows = []
    for each in responses:
        ids = list(each.ids)
        info = {"score": each.score, "acc": each.acc, "format": 1.0, "outcome": "correct" if each.acc else "wrong",
                "pred": "", "parts": each.parts or json.dumps({"countdown": each.score}), "later": ""}  # fmt: skip
        info |= {} if each.moves is None else {"moves": each.moves}
        output = AgentLoopOutput(
            prompt_ids=[1, 2, 3], response_ids=ids, response_mask=[1] * len(ids), response_logprobs=[-0.5] * len(ids),
            reward_score=each.score, num_turns=2, metrics=AgentLoopMetrics(),
            extra_fields={"turn_scores": [], "response_tokens": len(ids), "truncated": each.truncated,
                          "question_id": f"{each.source}/train/{each.index}", "reward_extra_info": info},
        )  # fmt: skip
        fields = output.as_dict()
        truth = {"style": "rule", "ground_truth": '{"task":"countdown"}'}
        extra = {"index": each.index, "split": "train", "think_in_prompt": False, "question": "", "meta": "{}"}
        fields |= {"uid": each.group, "data_source": each.source, "reward_model": truth, "extra_info": extra}
        fields |= {"loss_mask": fields["response_mask"], "raw_prompt": [{"role": "user", "content": "how many?"}]}
        input_ids = torch.cat([fields["prompts"], fields["responses"]])
        fields |= {"input_ids": input_ids, "position_ids": torch.arange(len(input_ids)), "multi_modal_inputs": {}}
        rows.append(fields)
    tags = [
        {"status": "success", "prompt_len": 3, "response_len": len(each.ids), "seq_len": 3 + len(each.ids),
         "global_steps": step, "min_global_steps": step - 1, "max_global_steps": step - 1}
        for each in responses
    ]  # fmt: skip
    keys = [each.key for each in responses]
    tq.kv_batch_put(keys=keys, partition_id=partition, fields=list_of_dict_to_tensordict(rows), tags=tags)
    groups = list(dict.fromkeys(each.group for each in responses))
    ended = [{"is_prompt": True, "status": "finished", "global_steps": step} for _ in groups]
    tq.kv_batch_put(keys=groups, partition_id=partition, tags=ended)


def get(keys: Sequence[str], *fields: str, partition: str = "train") -> list[dict[str, Any]]:
    """What lies under the keys now, a dict a key."""
    import transfer_queue as tq

    data = tq.kv_batch_get(keys=list(keys), partition_id=partition, select_fields=list(fields))
    plain = lambda value: value.tolist() if isinstance(value, torch.Tensor) else getattr(value, "data", value)  # noqa: E731
    columns = {name: [plain(value) for value in (data[name].unbind() if isinstance(data[name], torch.Tensor)
                                                 else data[name])] for name in fields}  # fmt: skip
    return [{name: columns[name][place] for name in fields} for place in range(len(keys))]
