"""The shape of a configuration: what has to be a section, a count or a path before anything can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SECTIONS = (
    "data", "trainer", "algorithm", "actor_rollout_ref", "actor_rollout_ref.model", "actor_rollout_ref.actor",
    "actor_rollout_ref.rollout", "reward", "reward.custom_reward_function", "ray_kwargs", "ray_kwargs.ray_init",
)  # fmt: skip
_FILES = ("data.train_files", "data.val_files")


def faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is of the wrong kind, a line each. config: as plain Python, ${...} unresolved."""
    for key in _SECTIONS:
        if not isinstance(_at(config, key), Mapping):
            yield f"{key} holds settings of its own: write one of them, as {key}.KEY=VALUE"
            return
    for key in ("r1_verl", "r1_verl.data"):
        if not isinstance(_at(config, key) or {}, Mapping):
            yield f"{key} has to hold KEY: VALUE lines, not {_at(config, key)!r}"
            return
    for key in _FILES:
        value = _at(config, key)
        files = value if isinstance(value, list) else [value]
        if value is not None and not all(isinstance(file, str) for file in files):
            yield f"{key}={value}: a path, or a list of paths, is needed"
    if not isinstance(after := _at(config, "r1_verl.after"), str | None):
        yield f"r1_verl.after={after}: the name of a run is needed"


def counts(config: Mapping[str, Any]) -> Iterator[str]:
    """Nodes and GPUs that cannot be counted, a line each. config: as plain Python, resolved."""
    for key in ("trainer.nnodes", "trainer.n_gpus_per_node"):
        value = _at(config, key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield f"{key}={value}: a whole number from 1 up is needed"


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config
