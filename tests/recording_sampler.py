"""A replay buffer for tests that also writes down what veRL trains on, token by token (veRL's own dumps hold text)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # veRL loads this file by its path
import queued

from r1_verl.verl_side import schedules
from r1_verl.verl_side.sampler import R1ReplayBuffer

FIELDS = ("prompts", "responses", "rm_scores", "response_mask", "loss_mask", "advantages", "returns", "extra_fields")


class RecordingReplayBuffer(R1ReplayBuffer):
    """`sampler_kwargs.record` names the file: a line a trajectory, as it is once veRL has its advantage."""

    def __init__(self, *, sampler_kwargs, **kwargs) -> None:
        self._record, self._watched = sampler_kwargs["record"], False
        super().__init__(sampler_kwargs=sampler_kwargs, **kwargs)

    def sample(self, global_steps: int, partition_id: str, batch_size: int):
        if not self._watched:
            self._watch(schedules.trainer(self.refill_fn))
        return super().sample(global_steps=global_steps, partition_id=partition_id, batch_size=batch_size)

    def _watch(self, trainer: Any) -> None:
        theirs, self._watched = trainer._compute_advantage, True

        def computed(batch: Any, metrics: dict) -> Any:
            done = theirs(batch, metrics)
            keys = [key for key in batch.keys if not key.startswith("pad")]
            with open(self._record, "a") as file:
                for key, row in zip(keys, queued.get(keys, *FIELDS), strict=True):
                    file.write(json.dumps({"step": trainer.global_steps, "key": key, **row}) + "\n")
            return done

        trainer._compute_advantage = computed
