"""A check of settings that veRL 0.9.1 accepts and never reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from r1_verl.doctor.problem import Check, Problem


class Unread(NamedTuple):
    """A setting that veRL never reads, its default; what veRL reads instead (None: nothing), and that one's default."""

    key: str
    default: Any
    instead: str | None = None
    its_default: Any = None
    why: str = ""


UNREAD = (
    # trainer/ppo/v1/trainer_base.py takes the other one for both passes
    Unread("critic.ppo_max_token_len_per_gpu", 32768, "critic.ppo_infer_max_token_len_per_gpu", 32768),
    Unread("critic.grad_clip", 1.0, "critic.optim.clip_grad", 1.0),
    Unread("critic.ulysses_sequence_parallel_size", 1, "critic.fsdp.ulysses_sequence_parallel_size", 1),
    Unread("actor_rollout_ref.actor.grad_clip", 1.0, "actor_rollout_ref.actor.optim.clip_grad", 1.0),
    # workers/engine_workers.py opens its process group without a timeout
    Unread("actor_rollout_ref.nccl_timeout", 600, why=": NCCL's own 10 minutes hold"),
    Unread("trainer.ray_wait_register_center_timeout", 300),
)


def check_unread(config: Any) -> Iterator[Problem]:
    """Settings of the table that are not veRL's default, unless what is read has the same value."""
    from omegaconf import OmegaConf

    for setting in UNREAD:
        value = OmegaConf.select(config, setting.key, default=setting.default)
        read = setting.instead and OmegaConf.select(config, setting.instead, default=setting.its_default)
        if value in (setting.default, read) or (
            setting.key.startswith("critic.") and config.algorithm.adv_estimator != "gae"
        ):
            continue
        yield Problem(
            f"{setting.key}={value} is not read by veRL 0.9.1{setting.why}",
            f"++{setting.instead}={value}" if setting.instead else "leave it out",
        )


CHECKS: tuple[Check, ...] = (check_unread,)
