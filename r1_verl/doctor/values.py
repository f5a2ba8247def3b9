"""Checks of single values: of the kind that veRL takes, within its range, one of its choices.

Kinds come from veRL's dataclasses, else from its defaults; ranges and choices are a table here, which veRL's own
defaults are within (tests/test_doctor.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from r1_verl.doctor import verl_config
from r1_verl.doctor.algorithm import near
from r1_verl.doctor.keys import FREE
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import policy_losses, trainer_modes

_SAID = {"int": "a whole number", "float": "a number", "bool": "True or False", "str": "a text", "list": "a list",
         "dict": "a section of keys", "null": "null"}  # fmt: skip
# Keys whose default, null or narrow, does not tell the kinds that veRL takes.
_KINDS = {
    "data.train_files": "str list", "data.val_files": "str list", "trainer.logger": "str list",
    "data.seed": "int null", "data.gen_batch_size": "int null", "data.val_batch_size": "int null",
    "trainer.total_training_steps": "int null", "trainer.max_actor_ckpt_to_keep": "int null",
    "trainer.max_critic_ckpt_to_keep": "int null", "trainer.esi_redundant_time": "float",
    "trainer.project_name": "str int", "trainer.experiment_name": "str int float", "critic.enable": "bool null",
    "ray_kwargs.ray_init.num_cpus": "float null", "ray_kwargs.ray_init.num_gpus": "float null",
    "actor_rollout_ref.model.exclude_modules": "str list null", "critic.model.exclude_modules": "str list null",
    "trainer.v1.sampler.custom_sampler.path": "str null", "trainer.resume_from_path": "str null",
    "trainer.rollout_data_dir": "str null", "trainer.validation_data_dir": "str null",
    "actor_rollout_ref.rollout.mtp": "dict null", "actor_rollout_ref.rollout.qat": "dict null",
    "actor_rollout_ref.actor.qat": "dict null", "reward.custom_reward_function.path": "str null",
    "reward.custom_reward_function.reward_kwargs": "dict null", "reward.reward_kwargs": "dict null",
    "actor_rollout_ref.rollout.engine_kwargs": "dict", "data.apply_chat_template_kwargs": "dict null",
    "data.mm_processor_kwargs": "dict null", "global_profiler.steps": "list null", "data.tool_config_path": "str null",
    "data.function_tool_path": "str null", "global_profiler.tool": "str null",
}  # fmt: skip
# LOW..HIGH, and the keys whose values are within, by their last word or whole. After ">" LOW itself is too little.
_RANGES = """
1.. train_batch_size gen_batch_size val_batch_size max_prompt_length max_response_length prompt_length response_length
1.. n rollout_n ppo_epochs total_epochs n_gpus_per_node nnodes num_workers trainer.total_training_steps num_cpus
1.. ppo_mini_batch_size ppo_micro_batch_size ppo_micro_batch_size_per_gpu ppo_infer_micro_batch_size_per_gpu
1.. log_prob_micro_batch_size log_prob_micro_batch_size_per_gpu forward_max_token_len_per_gpu pad_to_length_bucket
1.. ppo_max_token_len_per_gpu ppo_infer_max_token_len_per_gpu log_prob_max_token_len_per_gpu loss_scale_factor
1.. tensor_model_parallel_size data_parallel_size expert_parallel_size pipeline_model_parallel_size lora_alpha
1.. max_num_batched_tokens max_num_seqs max_model_len ulysses_sequence_parallel_size entropy_from_logits_chunk_size
1.. total_storage_size num_data_storage_units filter_overlong_prompts_workers update_weights_bucket_megabytes horizon
1.. max_inflight_gen_batches max_concurrent memory_limit_mb switch_cost_window_size trace_alloc_max_entries stack_depth
1.. memory_snapshot_num_steps
0.. dataloader_num_workers critic_warmup lora_rank rank weight_decay lr kl_coef kl_loss_coef clip_ratio target_kl
0.. cliprange_value num_cycles esi_redundant_time num_gpus max_num_gen_batches log_val_generations image_patch_size
0.. moe_load_balance_metrics_interval max_off_policy_threshold max_actor_ckpt_to_keep max_critic_ckpt_to_keep seed
0.. max_samples_per_step_per_worker num_warmup_batches ray_wait_register_center_timeout nccl_timeout
0.. skip_first wait warmup active repeat
0.. actor_rollout_ref.rollout.nnodes reward.reward_model.nnodes distillation.nnodes
0..1 lr_warmup_steps_ratio min_lr_ratio gamma lam clip_ratio_low over_sample_rate dropout
0..2 temperature
-1.. top_k fsdp_size train_max_samples val_max_samples total_training_steps lr_warmup_steps save_freq test_freq
>0.. clip_grad grad_clip clip_ratio_high rollout_is_threshold
>0..1 top_p gpu_memory_utilization switch_threshold_ratio
>1.. clip_ratio_c
"""
_DTYPES = ("bfloat16", "float16", "float32", "bf16", "fp16", "fp32", "auto", "half", "float")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "loss_agg_mode": ("token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean",
                      "seq-mean-token-sum-norm"),
    "kl_loss_type": tuple(f"{kind}{plus}" for kind in ("kl", "k1", "abs", "mse", "k2", "low_var_kl", "k3")
                          for plus in ("", "+")),
    "kl_penalty": ("kl", "k1", "abs", "mse", "k2", "low_var_kl", "k3"),
    "algorithm.kl_ctrl.type": ("fixed", "adaptive"),
    "lr_scheduler_type": ("constant", "cosine"),
    "warmup_style": ("constant", "cosine", None),
    "actor_rollout_ref.actor.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "actor_rollout_ref.ref.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "critic.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "fsdp_config.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "critic.fsdp.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "model_dtype": ("fp32", "bf16", "fp16", "float32", "bfloat16", "float16"),
    "actor_rollout_ref.rollout.dtype": _DTYPES,
    "actor_rollout_ref.rollout.name": ("vllm", "sglang", "trtllm"),
    "actor_rollout_ref.rollout.mode": ("async",),
    "data.truncation": ("error", "left", "right", "middle"),
    "trainer.resume_mode": ("auto", "disable", "resume_path"),
    "trainer.device": ("cuda", "cpu", "npu", "xpu"),
    "reward.reward_manager.source": ("register", "importlib"),
    "router_replay.mode": ("disabled", "R2", "R3"),
}  # fmt: skip
_CONTENTS = ("model", "optimizer", "extra", "hf_model")


def check_values(config: Any) -> Iterator[Problem]:
    """Every value of veRL's keys that this run uses."""
    from omegaconf import OmegaConf

    if verl_config.defaults():  # check_source reports a veRL without it
        raw, idle = OmegaConf.to_container(config, resolve=False), unused(config)
        trees = verl_config.resolved(), verl_config.defaults()
        found = list(_values(config, raw, *trees, "", "", idle))
        own = [problem for problem, own in found if own]
        yield from own or [problem for problem, _ in found]  # what refers to a wrong value is wrong with it


def unused(config: Any) -> tuple[str, ...]:
    """Sections that this run does not use: whatever they hold does no harm."""
    from omegaconf import OmegaConf

    def read(key: str) -> Any:
        try:
            return OmegaConf.select(config, key)
        except Exception:  # check_values reports the value
            return None

    critic = read("critic.enable")
    has_critic = bool(critic) if critic is not None else read("algorithm.adv_estimator") == "gae"
    found = ["reward_model", "custom_reward_function", "sandbox_fusion", "trainer.v1.sync", "skip"]
    found += [] if has_critic else ["critic"]
    found += (
        [] if read("reward.reward_model.enable") else ["reward.reward_model.rollout", "reward.reward_model.model_path"]
    )
    found += [] if read("distillation.enabled") else ["distillation.distillation_loss", "distillation.teacher_models"]
    found += ["distillation.nnodes", "distillation.n_gpus_per_node", "reward.reward_model.n_gpus_per_node"]
    mode = read("trainer.v1.trainer_mode")
    found += [f"trainer.v1.{name}" for name in ("colocate_async", "separate_async") if name != mode]
    return tuple(found)


def _values(
    config: Any, section: Mapping[str, Any], default: Any, written: Any, path: str, target: str, idle: tuple[str, ...]
) -> Iterator[tuple[Problem, bool]]:
    """What is wrong, and whether the value is written there, not one of another key."""
    typed = verl_config.fields(str(section.get("_target_") or target))
    for key, value in section.items():
        place = f"{path}.{key}".lstrip(".")
        below, text = (tree.get(key) if isinstance(tree, Mapping) else None for tree in (default, written))
        if isinstance(value, str) and value == text and "${" in value:
            continue  # veRL's own reference to another key, which is looked at where it is
        if place.startswith("r1_verl") or (place in idle and isinstance(value, Mapping) == isinstance(below, Mapping)):
            continue
        if key == "_target_":
            if below and value != below and not verl_config.is_dataclass(str(value)):
                yield Problem(f"{place}={value} is no dataclass of veRL 0.9.1", f"{place}={below}"), True
            continue
        field = typed.get(key, verl_config.Field())
        own = not (isinstance(value, str) and "${" in value)
        if not own:
            from omegaconf import OmegaConf

            try:
                value = OmegaConf.select(config, place)
            except Exception as error:
                broken = re.search(r"oc\.select|r1_verl_", value) is None  # else it is a key that this one refers to
                why = f"{place}={value} can't be resolved: {_first(error)}"
                yield Problem(why, "${KEY} with a key that is there"), broken
                continue
            value = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        if value == "???":
            yield Problem(f"{place} is not set, and veRL has no default for it", f"{place}=..."), own
            continue
        wrong = _kind(place, key, value, field, below) or _range(place, key, value) or _choice(place, key, value, field)
        if wrong:
            yield wrong, own
        elif isinstance(value, Mapping) and not FREE.fullmatch(place):
            yield from _values(config, value, below, text, place, field.section, idle)


def _kind(place: str, key: str, value: Any, field: verl_config.Field, default: Any) -> Problem | None:
    kinds = set(field.kinds)
    if place in _KINDS:
        kinds = set(_KINDS[place].split())
    elif not kinds and default is not None and _of(default):
        kinds = {_of(default)}
    elif kinds and default is None and key not in ("name",):
        kinds.add("null")
    if default is None and not field.kinds and place not in _KINDS:
        return None
    if not kinds or any(_is(value, kind) for kind in kinds):
        return None
    said = " or ".join(_SAID[kind] for kind in sorted(kinds, key=list(_SAID).index))
    shown = "null" if value is None else f"{value!r:.60}" if isinstance(value, str) else f"{value!s:.60}"
    default = f"{place}={default} is veRL's default" if _of(default) not in ("", "dict", "list") else f"{place}=..."
    return Problem(f"{place}={shown} is not {said}", default)


def _is(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
    if isinstance(value, bool):
        return False
    types = {"int": int, "float": (int, float), "str": str, "list": (list, tuple), "dict": Mapping, "null": type(None)}
    return isinstance(value, types[kind])


def _of(value: Any) -> str:
    """The kind of a default; "" if it tells none."""
    for kind in ("null", "bool", "int", "float", "str", "list", "dict"):
        if kind == "bool":
            if isinstance(value, bool):
                return kind
        elif _is(value, kind):
            return "" if kind == "null" else kind
    return ""


def _range(place: str, key: str, value: Any) -> Problem | None:
    found = _ranges().get(place) or _ranges().get(key)
    if found is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    low, high, above = found
    if math.isfinite(value) and value <= high and (value > low if above else value >= low):
        return None
    least = f"more than {low:g}" if above else f"{low:g} or more"
    return Problem(f"{place}={value} is out of range", least + ("" if high == math.inf else f", at most {high:g}"))


@cache
def _ranges() -> dict[str, tuple[float, float, bool]]:
    """The table: the least value, the largest, and whether the least is itself too little."""
    found = {}
    for line in _RANGES.strip().splitlines():
        limits, *names = line.split()
        low, _, high = limits.partition("..")
        found |= dict.fromkeys(names, (float(low.lstrip(">")), float(high or "inf"), limits.startswith(">")))
    return found


def _choice(place: str, key: str, value: Any, field: verl_config.Field) -> Problem | None:
    known = _choices().get(place) or _choices().get(key) or field.choices
    if not known:
        for end in ("fsdp_config.strategy", "router_replay.mode"):
            if place.endswith(f".{end}"):
                known = _CHOICES[end]
    if key in ("save_contents", "load_contents") and isinstance(value, list):
        odd = [word for word in value if word not in _CONTENTS]
        return Problem(f"{place} names {odd[0]!r}", near(str(odd[0]), _CONTENTS)) if odd else None
    if not known or value in known:
        return None
    return Problem(
        f"{place}={value!s:.60} is none of veRL's choices", near(str(value), [str(one) for one in known], 0.7)
    )


@cache
def _choices() -> dict[str, tuple[Any, ...]]:
    """The table, and what veRL registers."""
    return _CHOICES | {
        "actor_rollout_ref.actor.policy_loss.loss_mode": policy_losses(), "trainer.v1.trainer_mode": trainer_modes(),
    }  # fmt: skip


def _first(error: Exception) -> str:
    return re.sub(r"\s+", " ", (str(error).splitlines() or [""])[0])


CHECKS: tuple[Check, ...] = (check_values,)
