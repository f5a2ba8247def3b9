"""veRL's replay buffer, which also shapes what it samples: parts of the reward that need a group or tokens, masks,
groups that are left out; and which adds to the step's metrics what the scorers said and facts that veRL does not log.

Set by `trainer.v1.sampler.custom_sampler` in `recipes/_base.yaml`. A custom sampler is not handed veRL's group filter
and refill settings, so they come through `sampler_kwargs`, as ours do; dynamic sampling (`algorithm.filter_groups`,
`trainer.v1.sampler.sync_refill_failed_groups`) then works as without us.

Validation passes through here too and is left as it is. The only file that touches TransferQueue (which verl#6999 may
remove).
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
import transfer_queue as tq
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync
from verl.utils.tensordict_utils import list_of_dict_to_tensordict

from r1_verl.recipes.settings import kept_groups, masks_truncated, sample_bounds
from r1_verl.reward import compose
from r1_verl.runs import TRAIN_FACTS, TRAIN_REWARD, folder_of
from r1_verl.verl_side import groups, samples, schedules, shaping, step_facts
from r1_verl.verl_side.trajectories import Trajectory


def train_rewards(records: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, float]:
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


class _Shaping:
    """Shapes the sampled batch of the train partition, and adds its metrics to those that `sample` returns."""

    def __init__(self, *, sampler_kwargs, poll_interval: float = 2.0, **kwargs: Any) -> None:
        settings = sampler_kwargs or {}
        if OmegaConf.is_config(settings):
            settings = OmegaConf.to_container(settings, resolve=True)
        filters = settings.get("filter_groups") or {}
        filtering = bool(filters.get("enable"))
        refill = bool(settings.get("sync_refill_failed_groups"))
        if filtering and not filters.get("metric"):
            raise ValueError("algorithm.filter_groups.metric must be set when group filtering is enabled")
        kwargs.update(
            filter_groups_metric=filters["metric"] if filtering else None,
            sync_refill_failed_groups=refill,
        )
        if isinstance(self, R1ReplayBuffer):  # as in PPOTrainer._build_replay_buffer
            batch = settings.get("train_batch_size")
            kwargs.update(
                train_batch_size=batch,
                gen_batch_size=1 if filtering or refill else (settings.get("gen_batch_size") or batch),
                max_inflight_gen_batches=filters.get("max_inflight_gen_batches", 1) if filtering else 1,
            )
        super().__init__(
            sampler_kwargs=sampler_kwargs, poll_interval=settings.get("poll_interval", poll_interval), **kwargs
        )
        self._reward, self._mode = compose.read(settings.get("pays")), settings.get("mode") or "strict"
        self._masks = masks_truncated(settings.get("mask"))
        self._keep, self._n = kept_groups(settings.get("keep")), settings.get("n") or 1
        self._schedules = schedules.Schedules(settings, self.refill_fn)
        bounds = sample_bounds(settings.get("samples"))
        self._samples = bounds and samples.Samples(folder_of(settings["checkpoints"]) / "samples", bounds)
        self._step: int | None = None
        self._rows: list[Trajectory] = []  # those of the step so far: it may sample several mini-batches
        self._log_probs: list[torch.Tensor] = []
        self._not_masked = 0  # mini-batches of the step that could not be masked, since all was cut off
        self._asked = 0  # questions of the step

    def sample(self, global_steps: int, partition_id: str, batch_size: int):
        batch, metrics = super().sample(global_steps=global_steps, partition_id=partition_id, batch_size=batch_size)
        if partition_id == "train" and batch.keys:
            more, batch = self._shape(batch, global_steps, batch_size)
            metrics = {**metrics, **more}
        return batch, metrics

    def _shape(self, batch: Any, step: int, asked: int) -> tuple[dict[str, float], Any]:
        """The metrics of the step so far, and the batch without the groups that are left out."""
        began = time.perf_counter()
        if step != self._step:
            self._step, self._rows, self._log_probs, self._not_masked, self._asked = step, [], [], 0, 0
        rows = self._shaped(batch)
        gone = {row.key for row in self._rows if row.left_out}  # with an earlier mini-batch
        self._rows += rows
        self._asked += asked
        metrics = train_rewards([(row.data_source, row.info) for row in self._rows])
        metrics |= step_facts.facts(self._rows, torch.cat(self._log_probs) if self._log_probs else None)
        kept = len({row.group for row in self._rows if not row.left_out})
        of_groups = groups.facts(self._rows, self._n, self._asked, kept)
        metrics |= {f"{TRAIN_FACTS}/{name}": value for name, value in of_groups.items()}
        if self._masks:
            metrics[f"{TRAIN_FACTS}/masked"] = sum(row.masked for row in self._rows) / len(self._rows)
            self._not_masked += all(row.truncated for row in rows if not row.left_out)
            metrics[f"{TRAIN_FACTS}/mask_left_out"] = float(self._not_masked)
        if self._samples:
            metrics |= self._samples.write(step, [row for row in self._rows if row.key not in gone], self._texts)
        metrics |= self._schedules.apply(step, metrics.get(f"{TRAIN_FACTS}/entropy"))
        batch = self._without(batch, [row.key for row in rows if row.left_out])
        return {**metrics, "timing_s/shape": time.perf_counter() - began}, batch

    @staticmethod
    def _without(batch: Any, keys: list[str]) -> Any:
        """The batch without some keys, which leave the queue; veRL fills up what it needs."""
        if not keys:
            return batch
        tq.kv_clear(keys=keys, partition_id=batch.partition_id)
        dropped = set(keys)
        return batch.select_keys([key for key in batch.keys if key not in dropped])

    def _shaped(self, batch: Any) -> list[Trajectory]:
        """The batch's responses, with what the reward's later parts add and masks take, in veRL's queue as well."""
        fields = ["extra_fields", "data_source", "rollout_log_probs"]
        fields += ["rm_scores"] * bool(self._reward.later) + ["responses"] * bool(self._reward.tokens)
        data = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        extra = [_plain(value) or {} for value in data["extra_fields"]]
        rows = [
            _trajectory(key, tag, str(_plain(source)), fields)
            for key, tag, source, fields in zip(batch.keys, batch.tags, data["data_source"], extra, strict=True)
        ]
        if "rollout_log_probs" in data.keys():  # noqa: SIM118 - a TensorDict
            self._log_probs.append(_sampled(batch, data["rollout_log_probs"], extra))
        if self._reward.later:
            rows = self._paid(batch, rows, extra, data)
        kept = groups.trained(rows, self._n, self._keep)
        rows = [row._replace(left_out=row.group not in kept) for row in rows]
        if self._masks:
            masked = {row.key for row in shaping.masked([row for row in rows if not row.left_out]) if row.masked}
            rows = [row._replace(masked=row.key in masked) for row in rows]
        nothing = {row.key: torch.zeros(row.tokens, dtype=torch.int64) for row in rows if row.masked}
        self._put(batch, {key: {"response_mask": zeros, "loss_mask": zeros} for key, zeros in nothing.items()})
        return rows

    def _paid(
        self, batch: Any, rows: Sequence[Trajectory], extra: Sequence[dict[str, Any]], data: Any
    ) -> list[Trajectory]:
        """The responses with what the group and token parts add to them."""
        ids = [each.tolist() for each in data["responses"].unbind()] if self._reward.tokens else []
        added = shaping.added(self._reward, rows, ids, self._mode)
        paid, changed = [], {}
        for row, fields, scores, more in zip(rows, extra, data["rm_scores"].unbind(), added, strict=True):
            info = shaping.told(row.info, more.parts)
            paid.append(row._replace(info=info))
            if more.on_last or any(more.on_tokens):
                scores = scores.clone()
                scores[-1] += more.on_last
                if more.on_tokens:
                    scores += torch.tensor(more.on_tokens, dtype=scores.dtype)
                changed[row.key] = {"rm_scores": scores, "extra_fields": {**fields, "reward_extra_info": info}}
        self._put(batch, changed)
        return paid

    @staticmethod
    def _put(batch: Any, rows: dict[str, dict[str, Any]]) -> None:
        if rows:
            tq.kv_batch_put(
                keys=list(rows), partition_id=batch.partition_id, fields=list_of_dict_to_tensordict(list(rows.values()))
            )

    def _texts(self, keys: list[str]) -> list[samples.Text]:
        """Prompt and response as the reward manager reads them, and what their rows hold of the truth."""
        tokenizer = schedules.trainer(self.refill_fn).tokenizer
        fields = ["prompts", "responses", "reward_model", "extra_info"]
        data = tq.kv_batch_get(keys=keys, partition_id="train", select_fields=fields)
        prompts, responses = (
            tokenizer.batch_decode([ids.tolist() for ids in data[name].unbind()], skip_special_tokens=True)
            for name in ("prompts", "responses")
        )
        truths = [(_plain(each) or {}).get("ground_truth") for each in data["reward_model"]]
        infos = [_plain(each) or {} for each in data["extra_info"]]
        return [samples.Text(*row) for row in zip(prompts, responses, truths, infos, strict=True)]


def _plain(value: Any) -> Any:
    return getattr(value, "data", value)  # columns hold wrapped values


def _trajectory(key: str, tag: dict[str, Any], source: str, fields: dict[str, Any]) -> Trajectory:
    """An agent loop that is not ours tells neither length nor truncation: then its length is that of all its turns, and
    it counts as not cut off."""
    return Trajectory(
        key=key,
        group=key.rsplit("_", 2)[0],
        data_source=source,
        question=fields.get("question_id") or "",
        info=fields.get("reward_extra_info") or {},
        tokens=tag["response_len"],
        truncated=bool(fields.get("truncated")),
        masked=False,
        model_tokens=fields.get("response_tokens", -1),
    )


def _sampled(batch: Any, log_probs: torch.Tensor, extra: Sequence[dict[str, Any]]) -> torch.Tensor:
    """The log-probabilities of all tokens that the model itself wrote, flat: of our loops of one turn, all tokens."""
    if all(fields.get("response_tokens") == len(each) for fields, each in zip(extra, log_probs.unbind(), strict=True)):
        return torch.cat(log_probs.unbind())
    masks = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["response_mask"])
    pairs = zip(log_probs.unbind(), masks["response_mask"].unbind(), strict=True)
    return torch.cat([values[mask.bool()] for values, mask in pairs])


class R1ReplayBuffer(_Shaping, ReplayBuffer):
    """For `trainer.v1.trainer_mode=sync`."""


class R1ReplayBufferAsync(_Shaping, ReplayBufferAsync):
    """For the asynchronous trainer modes."""
