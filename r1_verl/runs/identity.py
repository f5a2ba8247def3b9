"""Which settings make a run the run that it is, and which may change between two of its attempts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

KWARGS = "reward.custom_reward_function.reward_kwargs"
_NAME, _SCALE = f"{KWARGS}.reward", f"{KWARGS}.scale"
_MANAGER, _KEEPS = "reward.reward_manager.name", "reward.reward_kwargs"  # veRL's manager, and what it is told

# What may change without making it another experiment, by the reason why it may. A key stands for all below it;
# a star is one part of a key.
FREE: dict[str, tuple[str, ...]] = {
    "where veRL runs, and how long it waits": (
        "ray_kwargs", "trainer.ray_wait_register_center_timeout", "actor_rollout_ref.nccl_timeout", "transfer_queue",
        "r1_verl.turns.deadline",
    ),
    "where files lie, what they are called and what is logged": (
        "trainer.default_local_dir", "trainer.validation_data_dir", "trainer.rollout_data_dir",
        "trainer.experiment_name", "trainer.project_name", "trainer.logger", "trainer.log_val_generations",
        "global_profiler", "*.profiler", "*.*.profiler", "actor_rollout_ref.rollout.trace",
        "actor_rollout_ref.rollout.prometheus", "*.rollout.disable_log_stats", "r1_verl.about", "r1_verl.data",
        "r1_verl.samples", "r1_verl.guard",
    ),
    "what is compared where it is used or said": (
        "r1_verl.pays",  # in reward_kwargs
        *(f"trainer.v1.sampler.sampler_kwargs.{key}"
          for key in ("pays", "mode", "n", "mask", "keep", "schedule", "entropy", "samples", "checkpoints")),
    ),
    "how long the run goes on, how often it validates and saves, where it resumes": (
        "trainer.total_training_steps", "trainer.test_freq", "trainer.save_freq",
        "trainer.max_actor_ckpt_to_keep", "trainer.max_critic_ckpt_to_keep", "trainer.val_before_train",
        "trainer.resume_mode", "trainer.resume_from_path", "trainer.esi_redundant_time", "*.checkpoint.save_contents",
        "actor_rollout_ref.actor.checkpoint.save_contents",
    ),
    # veRL divides each loss by the tokens or sequences of the whole mini-batch, so the parts may have any size
    "into what parts a mini-batch is cut on its way through the GPU": (
        "*.*.ppo_micro_batch_size", "*.*.ppo_micro_batch_size_per_gpu", "*.*.ppo_max_token_len_per_gpu",
        "*.*.use_dynamic_bsz", "*.*.log_prob_micro_batch_size", "*.*.log_prob_micro_batch_size_per_gpu",
        "*.*.log_prob_max_token_len_per_gpu", "*.*.log_prob_use_dynamic_bsz", "critic.ppo_micro_batch_size",
        "critic.ppo_micro_batch_size_per_gpu", "critic.ppo_max_token_len_per_gpu", "critic.use_dynamic_bsz",
        "critic.ppo_infer_max_token_len_per_gpu", "critic.forward_micro_batch_size",
        "critic.forward_micro_batch_size_per_gpu", "critic.forward_max_token_len_per_gpu", "data.val_batch_size",
    ),
    "the same numbers (but for rounding), kept elsewhere or computed otherwise": (
        *(f"{part}.{key}" for part in ("*.*.fsdp_config", "critic.fsdp")
          for key in ("param_offload", "optimizer_offload", "offload_policy", "reshard_after_forward",
                      "forward_prefetch", "use_no_sync_for_gradient_accumulation", "pad_to_length_bucket")),
        *(f"{part}.{key}" for part in ("*.*", "*.*.fsdp_config", "critic.fsdp")
          for key in ("use_torch_compile", "ulysses_sequence_parallel_size", "pad_to_length", "entropy_checkpointing",
                      "entropy_from_logits_with_chunking", "entropy_from_logits_chunk_size")),
        *(f"*.model.{key}"
          for key in ("enable_gradient_checkpointing", "enable_activation_offload", "use_remove_padding",
                      "use_fused_kernels", "fused_kernel_options", "use_liger", "use_shm", "tiled_mlp",
                      "override_config.attn_implementation")),
        "critic.ulysses_sequence_parallel_size", "actor_rollout_ref.actor.use_remove_padding",
        "actor_rollout_ref.actor.use_fused_kernels", "data.use_shm",
    ),
    "vLLM's share of memory, and how many texts it writes at once": tuple(
        f"*.rollout.{key}"
        for key in ("gpu_memory_utilization", "max_num_batched_tokens", "max_num_seqs", "max_model_len",
                    "enforce_eager", "free_cache_engine", "enable_chunked_prefill", "enable_prefix_caching",
                    "cudagraph_capture_sizes", "tensor_model_parallel_size", "pipeline_model_parallel_size",
                    "data_parallel_size", "expert_parallel_size", "layered_summon", "multi_stage_wake_up",
                    "scheduling_policy", "checkpoint_engine.update_weights_bucket_megabytes")
    ),
    "how many processes share the work": (
        WORKERS := "data.dataloader_num_workers",  # a resumed attempt keeps the checkpoint's, training/resume.py
        "data.filter_overlong_prompts_workers", "actor_rollout_ref.rollout.agent.num_workers", "reward.num_workers",
        "reward_model.num_workers",
    ),
}  # fmt: skip
# What recipes have come to set, and what a run begun before that has there (None: nothing): such a run still goes on.
_BEFORE: dict[str, tuple[Any, ...]] = {
    "actor_rollout_ref.model.override_config": ({},),
    "critic.model.override_config": ({},),
    "actor_rollout_ref.ref.fsdp_config.model_dtype": ("fp32",),
}
# Folders of recipes that have another name now, with the same prompts and answers.
_MOVED = {"data/gsm8k_bias/": "data/gsm8k/", "data/openr1_math/": "data/openr1_math_7b/"}
# Settings that look like speed alone, and why they are not free.
_GPUS = "veRL loads a checkpoint with as many GPUs as wrote it"
_BOUND = {"trainer.nnodes": _GPUS, "trainer.n_gpus_per_node": _GPUS}
_KEYS = "|".join(re.escape(key).replace(r"\*", "[^.]+") for keys in FREE.values() for key in keys)
_PATTERN = re.compile(rf"(?:{_KEYS})(?:\..*)?")


def is_free(key: str) -> bool:
    """Whether this setting, given by its whole key, may change between two attempts of a run."""
    return _PATTERN.fullmatch(key) is not None


def to_record(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's config.yaml holds: all that makes it this run, and the workers of its place in the data."""
    return {key: value for key, value in flat(config).items() if key == WORKERS or not is_free(key)}


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as one level of whole keys."""
    found: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            found[prefix] = value

    walk("", config)
    return found


def differences(recorded: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The settings in which a configuration differs from a run's recorded one (flat), for people; "" if none counts."""
    theirs, mine = _as_keywords(_without_free(recorded)), _as_keywords(_without_free(flat(config)))
    if _NAME not in theirs:  # then the data sources named the reward, and a recipe's reward is still the same one
        mine.pop(_NAME, None)
    differ = [
        key
        for key in sorted(mine.keys() | theirs.keys(), key=lambda key: (not (key in mine and key in theirs), key))
        if mine.get(key) != theirs.get(key) and theirs.get(key) not in _BEFORE.get(key, ())
    ]
    shown = "; ".join(f"{key}: {theirs.get(key)!r} there, {mine.get(key)!r} here" for key in differ[:4])
    why = "".join(f"; {reason}" for reason in dict.fromkeys(_BOUND[key] for key in differ[:4] if key in _BOUND))
    return shown + (f" and {len(differ) - 4} more" if len(differ) > 4 else "") + why


def _as_keywords(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in one form: what it pays as keywords (name, scale, options, parts), however it says them.

    A recipe's `r1_verl.pays` is reward_kwargs.reward here; an earlier version said reward_kwargs.ladder for the scale.
    """
    found = {key: value for key, value in settings.items() if not f"{key}.".startswith(f"{_NAME}.")}
    for key, value in settings.items():
        if key == _NAME and isinstance(value, list):
            found |= _paid(value)
        elif key in (_NAME, f"{_NAME}.name"):
            found[_NAME] = value
        elif key == f"{_NAME}.scale" and found.get(_SCALE) is None:
            found[_SCALE] = value
        elif key.startswith(f"{_NAME}.options."):
            found.setdefault(key.replace(".reward.options.", "."), value)
    if (old := found.pop(f"{KWARGS}.ladder", None)) is not None:
        found[_SCALE] = old
    found = _with_lists(found)
    for key in ("actor_rollout_ref.actor.checkpoint.load_contents", "critic.checkpoint.load_contents"):
        if isinstance(found.get(key), list):  # by default it is what is saved; veRL loads no hf_model
            found[key] = [content for content in found[key] if content != "hf_model"]
    for key in ("data.train_files", "data.val_files"):
        for before, now in _MOVED.items():
            if str(found.get(key)).startswith(before):
                found[key] = now + str(found[key]).removeprefix(before)
    return found


def _paid(items: Iterable[Any]) -> dict[str, Any]:
    """A list that is paid, one level of keys: reward.NAME.weight, and a key for each option."""
    found: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for item in items:
        item = dict(item) if isinstance(item, Mapping) else {"name": item}
        name = str(item.pop("part", None) or item.pop("name", None))
        counts[name] += 1
        label = name if counts[name] == 1 else f"{name}_{counts[name]}"
        found |= {f"{_NAME}.{label}.{key}": value for key, value in flat({"weight": 1.0} | item).items()}
    return found


def _with_lists(found: dict[str, Any]) -> dict[str, Any]:
    """What was said otherwise before there were lists: open-r1's weights, and DAPO's penalty by its reward manager."""
    weights = f"{KWARGS}.openr1_weights."
    overlong = f"{_KEEPS}.overlong_buffer_cfg."
    name = found.get(_NAME)
    if name in (None, "openr1") and (given := [key for key in found if key.startswith(weights)]):
        parts = [{"part": key.removeprefix(weights), "weight": found.pop(key)} for key in given]
        found.pop(_NAME, None)
        return found | _paid([{"name": "openr1", "weight": 0}, *parts])
    if isinstance(name, str) and found.get(_MANAGER) == "dapo" and found.get(f"{overlong}enable"):
        part = {"part": "soft_overlong", "weight": found.get(f"{overlong}penalty_factor"),
                "max_length": found.get(f"{_KEEPS}.max_resp_len"), "buffer": found.get(f"{overlong}len")}  # fmt: skip
        kept = {key: value for key, value in found.items() if key != _NAME and not key.startswith(f"{_KEEPS}.")}
        return kept | {_MANAGER: "naive"} | _paid([name, part])
    return found


def _without_free(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if not is_free(key)}
