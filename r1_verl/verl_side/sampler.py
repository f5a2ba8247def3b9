"""Sub-scores in training: veRL's replay buffer, which also averages what the scorers said into the step's metrics.

veRL logs a reward's extra keys at validation only. Set by `trainer.v1.sampler.custom_sampler` in `recipes/_base.yaml`.
A custom sampler is not handed veRL's group filter and refill settings, so they come through `sampler_kwargs`; dynamic
sampling (`algorithm.filter_groups`, `trainer.v1.sampler.sync_refill_failed_groups`) then works as without us.

The only file that touches TransferQueue (which verl#6999 may remove).
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import transfer_queue as tq
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

from r1_verl.runs import TRAIN_REWARD


def train_rewards(records: list[tuple[str, dict[str, Any]]]) -> dict[str, float]:
    """Mean of every numeric sub-score and share of every outcome, for each data source.

    records: (data_source, reward_extra_info) of each trajectory. Keys: `train-reward/<source>/<key>`, parts as
    `train-reward/<source>/part_<name>`, outcomes as `train-reward/<source>/outcome_<name>`.
    """
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    rows: dict[str, int] = defaultdict(int)
    for source, info in records:
        prefix = f"{TRAIN_REWARD}/{source}"
        rows[prefix] += 1
        values = {name: value for name, value in info.items() if isinstance(value, int | float)}
        if info.get("parts"):
            values |= {f"part_{name}": value for name, value in json.loads(info["parts"]).items()}
        for name, value in values.items():
            sums[f"{prefix}/{name}"] += value
            counts[f"{prefix}/{name}"] += 1
        if info.get("outcome"):
            sums[f"{prefix}/outcome_{info['outcome']}"] += 1
    return {key: total / (counts[key] or rows[key.rsplit("/", 1)[0]]) for key, total in sums.items()}


class _TrainRewards:
    """Adds `train_rewards` of the sampled batch to the metrics that `sample` returns."""

    def __init__(self, *, sampler_kwargs, poll_interval: float = 2.0, **kwargs: Any) -> None:
        settings = dict(sampler_kwargs or {})
        groups = settings.get("filter_groups") or {}
        filtering = bool(groups.get("enable"))
        refill = bool(settings.get("sync_refill_failed_groups"))
        if filtering and not groups.get("metric"):
            raise ValueError("algorithm.filter_groups.metric must be set when group filtering is enabled")
        kwargs.update(
            filter_groups_metric=groups["metric"] if filtering else None,
            sync_refill_failed_groups=refill,
        )
        if isinstance(self, R1ReplayBuffer):  # as in PPOTrainer._build_replay_buffer
            batch = settings.get("train_batch_size")
            kwargs.update(
                train_batch_size=batch,
                gen_batch_size=1 if filtering or refill else (settings.get("gen_batch_size") or batch),
                max_inflight_gen_batches=groups.get("max_inflight_gen_batches", 1) if filtering else 1,
            )
        super().__init__(
            sampler_kwargs=sampler_kwargs, poll_interval=settings.get("poll_interval", poll_interval), **kwargs
        )

    def sample(self, global_steps: int, partition_id: str, batch_size: int):
        batch, metrics = super().sample(global_steps=global_steps, partition_id=partition_id, batch_size=batch_size)
        if partition_id == "train" and batch.keys:
            data = tq.kv_batch_get(
                keys=batch.keys, partition_id=partition_id, select_fields=["extra_fields", "data_source"]
            )
            plain = lambda value: getattr(value, "data", value)  # noqa: E731 - columns hold wrapped values
            records = [
                (str(plain(source)), (plain(extra) or {}).get("reward_extra_info") or {})
                for source, extra in zip(data["data_source"], data["extra_fields"], strict=True)
            ]
            metrics = {**metrics, **train_rewards(records)}
        return batch, metrics


class R1ReplayBuffer(_TrainRewards, ReplayBuffer):
    """For `trainer.v1.trainer_mode=sync`."""


class R1ReplayBufferAsync(_TrainRewards, ReplayBufferAsync):
    """For the asynchronous trainer modes."""
