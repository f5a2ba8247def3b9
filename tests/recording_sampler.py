"""A replay buffer for tests that also writes down the tokens it samples (veRL's own dumps hold text)."""

from __future__ import annotations

import json

import transfer_queue as tq

from r1_verl.verl_side.sampler import R1ReplayBuffer


class RecordingReplayBuffer(R1ReplayBuffer):
    """`sampler_kwargs.record` names the file: a line a trajectory, its prompt's and its response's token ids."""

    def __init__(self, *, sampler_kwargs, **kwargs) -> None:
        self._record = sampler_kwargs["record"]
        super().__init__(sampler_kwargs=sampler_kwargs, **kwargs)

    def sample(self, global_steps: int, partition_id: str, batch_size: int):
        batch, metrics = super().sample(global_steps=global_steps, partition_id=partition_id, batch_size=batch_size)
        data = tq.kv_batch_get(keys=batch.keys, partition_id=partition_id, select_fields=["prompts", "responses"])
        with open(self._record, "a") as file:
            for prompt, response in zip(data["prompts"].unbind(), data["responses"].unbind(), strict=True):
                file.write(json.dumps({"prompt": prompt.tolist(), "response": response.tolist()}) + "\n")
        return batch, metrics
