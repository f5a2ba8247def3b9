"""What a training step says of a run's health: signals of its metrics, and symptoms, which are changes of a signal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import fmean
from typing import Any, NamedTuple

# A number of a training step: patterns of the metrics that hold it, of which the first that fits any counts (the mean
# of those it fits, one a data source). veRL's names and those that r1_verl adds, then TRL's.
SIGNALS: dict[str, tuple[str, ...]] = {
    "accuracy": (r"train-reward/.+/acc", r"(train/)?rewards/\w*acc\w*/mean"),
    "reward": (r"critic/score/mean", r"(train/)?reward"),
    "length": (r"response_length/mean", r"(train/)?completions/mean_length"),
    "truncated": (r"train-facts/truncated", r"(train/)?completions/clipped_ratio"),
    "format": (r"train-reward/.+/format", r"(train/)?rewards/\w*format\w*/mean"),
    "no answer": (r"train-facts/no_answer",),
    "repetition": (r"train-facts/repetition",),
    "language mixing": (r"train-facts/language_mixing",),
    "entropy": (r"train-facts/entropy", r"actor/entropy", r"(train/)?entropy"),
    "spread": (r"train-facts/spread", r"(train/)?reward_std"),
    "KL": (r"actor/kl_loss", r"(train/)?kl"),
    "gradient": (r"actor/grad_norm", r"(train/)?grad_norm"),
    "clipped": (r"actor/pg_clipfrac", r"(train/)?clip_ratio/region_mean"),
    "mismatch": (r"training/rollout_probs_diff_mean",),
}
_SHARES = {"accuracy"}  # a number beyond 0 and 1 is not what the metric's name says
_RESPONSES = ("perf/total_num_tokens", "response_length/mean", "prompt_length/mean")
# Dynamic sampling leaves out groups that are all right, so that a better policy trains on harder groups: the training
# accuracy of such a step is no measure.
_FILTERED = "/filter_groups/evicted_samples"


class Symptom(NamedTuple):
    """A change of a signal: whether `now` is one, `first` being the run's first steps; and what usually helps."""

    name: str
    signal: str
    shows: Callable[[float, float], bool]
    remedy: str


def _more(by: float) -> Callable[[float, float], bool]:
    return lambda now, first: now >= first + by


def _less(by: float) -> Callable[[float, float], bool]:
    return lambda now, first: now <= first - by


def _over(times: float) -> Callable[[float, float], bool]:
    return lambda now, first: 0 < first * times <= now


def _under(times: float) -> Callable[[float, float], bool]:
    return lambda now, first: now <= first * times and first > 0


_ACTOR = "actor_rollout_ref.actor"
_CALMER = f"{_ACTOR}.optim.lr={{lr}}"
_COOLER = "actor_rollout_ref.rollout.temperature={temperature}"
_NEARER = f"{_ACTOR}.use_kl_loss=true {_ACTOR}.kl_loss_coef={{kl}}"
HACKED = "reward without accuracy"
# The likeliest causes first: an alarm gives the remedy of its first symptom.
SYMPTOMS = (
    Symptom("updates clipped", "clipped", _more(0.1),
            f"{_ACTOR}.ppo_epochs=1 '{_ACTOR}.ppo_mini_batch_size=${{{{data.train_batch_size}}}}'"),
    Symptom("gradient up", "gradient", _over(4), _CALMER),
    Symptom("engines disagree", "mismatch", _over(3), "algorithm.rollout_correction.rollout_is=token"),
    Symptom("KL up", "KL", _more(0.3), f"{_CALMER} {_NEARER}"),
    Symptom("entropy up", "entropy", _over(1.5), _COOLER),
    Symptom("repetition", "repetition", _more(0.1), _COOLER),
    Symptom("language mixing", "language mixing", _more(0.1), _CALMER),
    Symptom("format lost", "format", _less(0.1), _COOLER),
    Symptom("no answer", "no answer", _more(0.1), _COOLER),
    Symptom("truncated", "truncated", _more(0.1), "r1_verl.mask=truncated"),
    Symptom("length up", "length", _over(1.5), f"{_ACTOR}.loss_agg_mode=seq-mean-token-sum-norm"),
    Symptom("length down", "length", _under(0.6), _NEARER),
    Symptom("entropy down", "entropy", _under(0.3), f"{_ACTOR}.clip_ratio_high=0.28"),
    Symptom("groups alike", "spread", _under(0.3),
            "algorithm.filter_groups.enable=true algorithm.filter_groups.metric=acc"),
)  # fmt: skip
OF_HACKED = "reward.custom_reward_function.reward_kwargs.mode=strict"


@lru_cache(maxsize=4096)
def _signal_of(key: str) -> tuple[str, int] | None:
    """(the signal that a metric holds, the place of its pattern); None for a metric that no symptom looks at."""
    return next(
        (
            (name, place)
            for name, patterns in SIGNALS.items()
            for place, pattern in enumerate(patterns)
            if re.fullmatch(pattern, key)
        ),
        None,
    )


def signals(data: Mapping[str, float]) -> dict[str, float]:
    """The signals of one step's metrics. What is no finite number is left out."""
    found: dict[str, tuple[int, list[float]]] = {}
    for key, value in data.items():
        if (place := _signal_of(key)) is None or not math.isfinite(value):
            continue
        name, rank = place
        if name in _SHARES and not 0 <= value <= 1:
            continue
        if name not in found or rank < found[name][0]:
            found[name] = (rank, [])
        if rank == found[name][0]:
            found[name][1].append(value)
    if any(key.endswith(_FILTERED) for key in data):
        found.pop("accuracy", None)
    return {name: fmean(values) for name, (_, values) in found.items()}


def responses(data: Mapping[str, float]) -> int | None:
    """How many responses a training step had, by its tokens; None if veRL's numbers of them are not there."""
    tokens, response, prompt = (data.get(key, math.nan) for key in _RESPONSES)
    count = tokens / (response + prompt) if response + prompt > 0 else math.nan
    return round(count) if math.isfinite(count) and count >= 1 else None


def filled(remedy: str, data: Mapping[str, float], settings: Mapping[str, Any]) -> str:
    """A remedy with its numbers, from what the run has now."""
    rate = data.get("actor/lr") or settings.get(f"{_ACTOR}.optim.lr") or 1e-6
    heat = settings.get("actor_rollout_ref.rollout.temperature") or 1.0
    coefficient = data.get("actor/kl_coef") or settings.get(f"{_ACTOR}.kl_loss_coef") or 0.0
    return remedy.format(
        lr=f"{rate / 2:.2g}",
        temperature=1.0 if heat > 1 else round(max(heat - 0.2, 0.2), 2),
        kl=f"{max(2 * coefficient, 0.001):.2g}",
    )
