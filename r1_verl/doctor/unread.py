"""Checks of settings that veRL 0.9.1 accepts and never reads: a table, what its source does not name, old places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from r1_verl.doctor import verl_config
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import words


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
# Settings that other packages read (Ray, TransferQueue, Nsight), and those of old sections.
_OTHERS = ("transfer_queue.", "ray_kwargs.", "global_profiler.", "reward_model.", "custom_reward_function.",
           "sandbox_fusion.", "distillation.", "reward.reward_model.")  # fmt: skip


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
        yield _unread(setting.key, value, setting.instead, setting.why)


def check_words(config: Any) -> Iterator[Problem]:
    """Settings that are not veRL's default, and whose key no line of veRL's source names."""
    from omegaconf import OmegaConf

    known = words()
    if not known or not verl_config.defaults():
        return  # check_source reports it
    others = _OTHERS if config.algorithm.adv_estimator == "gae" else (*_OTHERS, "critic.")
    table = {setting.key for setting in UNREAD}
    table |= {key for key, text in _leaves(verl_config.defaults()) if "${" in str(text)}  # they follow another key
    for key, default in _leaves(verl_config.resolved()):
        if key in table or key.rpartition(".")[2] in known or key.startswith(others):
            continue
        value = OmegaConf.select(config, key, default=default, throw_on_missing=False)
        if value != default:
            yield _unread(key, value)


def check_old(config: Any) -> Iterator[Problem]:
    """Settings at the places that rewards had before veRL 0.7, which its V1 trainer does not look at."""
    from omegaconf import OmegaConf

    for section in ("reward_model", "custom_reward_function", "sandbox_fusion"):
        old = OmegaConf.to_container(config.get(section) or OmegaConf.create({}), resolve=True)
        for key, value in _leaves(old, f"{section}."):
            if value is not None:
                new = _moved(key)
                yield Problem(
                    f"{key} is the old name of {new}: veRL 0.9.1 does not read it", f"++{new}={value}", doubt=True
                )


def _moved(key: str) -> str:
    """Where a setting of an old section is now."""
    section, _, rest = key.partition(".")
    if section != "reward_model":
        return f"reward.{key}"
    loop = {"source": "source", "module_path": "module.path", "class_name": "module.name"}
    whole = {f"reward_loop_{old}": f"reward_manager.{new}" for old, new in loop.items()}
    whole |= {"reward_manager": "reward_manager.name", "num_workers": "num_workers"}
    whole |= {"model.path": "reward_model.model_path"}
    return f"reward.{whole.get(rest) or (rest if rest.startswith('reward_kwargs') else f'reward_model.{rest}')}"


def _leaves(section: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _unread(key: str, value: Any, instead: str | None = None, why: str = "") -> Problem:
    fix = f"++{instead}={value}" if instead else "leave it out"
    return Problem(f"{key}={value} is not read by veRL 0.9.1{why}", fix, doubt=True)


CHECKS: tuple[Check, ...] = (check_unread, check_words, check_old)
