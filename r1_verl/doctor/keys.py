"""Checks of a configuration's keys against veRL's own: none misspelt, none missing.

veRL refuses an unknown key where it makes a dataclass of the section; elsewhere it takes the key and never reads it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from r1_verl.doctor import verl_config
from r1_verl.doctor.problem import Check, Problem

OURS = {
    "": ("r1_verl", "model_engine"),
    "r1_verl": ("pays", "stop", "stop_token_ids", "include_stop", "data", "about", "after", "mask",
                "schedule", "entropy", "samples", "guard", "turns", "keep"),
    "r1_verl.guard": ("stop", "go_on"),
    # ray.init's keywords that runs use; it refuses others
    "ray_kwargs.ray_init": (
        "address", "num_cpus", "num_gpus", "resources", "labels", "object_store_memory", "local_mode", "namespace",
        "ignore_reinit_error", "include_dashboard", "dashboard_host", "dashboard_port", "job_config", "log_to_driver",
        "configure_logging", "logging_level", "logging_format", "logging_config", "runtime_env",
        "enable_resource_isolation", "_temp_dir", "_memory", "_node_ip_address", "_system_config", "_plasma_directory",
    ),
    "reward": ("reward_kwargs",),
    "reward.custom_reward_function": ("reward_kwargs",),
    "algorithm": ("grpo_bias",),
    "actor_rollout_ref.rollout.engine_kwargs.vllm": (),
}  # fmt: skip
# Sections whose keys are somebody else's: of a function, an engine, a model, a person.
FREE = re.compile(
    r"(.*\.)?(override_config|override_optimizer_config|engine_kwargs\.\w+|checkpoint_engine\.engine_kwargs|reward_kwargs"
    r"|sampler_kwargs|runtime_env|apply_chat_template_kwargs|mm_processor_kwargs|kw_args|layer_name_map|custom"
    r"|mixed_precision|wrap_policy|turbo_config|global_batch_info|\w+_nsight_options)|r1_verl\.(data|about|pays"
    r"|schedule|entropy|samples)"
    r"|distillation\.teacher_models"
)
# veRL makes dataclasses of these.
STRICT = ("actor_rollout_ref.actor", "actor_rollout_ref.ref", "actor_rollout_ref.rollout", "actor_rollout_ref.model",
          "critic")  # fmt: skip
# Old forms, which V1's trainer does not look at (doctor/unread.py speaks of their values).
_OLD = ("reward_model", "custom_reward_function", "sandbox_fusion")
_SURE = 0.75  # as like a known key as a misspelling is


def check_keys(config: Any) -> Iterator[Problem]:
    """No key that veRL does not have, and all that it has."""
    from omegaconf import OmegaConf

    if not verl_config.defaults():
        return  # check_source reports it
    raw = OmegaConf.to_container(config, resolve=False)
    used = set(re.findall(r"\$\{(?:oc\.select:)?([\w.]+)", str(raw)))
    yield from _unknown(raw, verl_config.defaults(), "", used)
    yield from _missing(raw, verl_config.defaults(), "")


def known(path: str, section: Mapping[str, Any], default: Any) -> set[str]:
    """The keys that veRL, or r1-verl, knows in a section."""
    found = set(default) if isinstance(default, Mapping) else set()
    found |= verl_config.fields(str(section.get("_target_") or "")).keys() | set(OURS.get(path, ()))
    return found | {"_target_"}


def strict(path: str) -> bool:
    """Whether veRL makes a dataclass of the section, which refuses unknown keys."""
    return any(path == place or path.startswith(f"{place}.") for place in STRICT)


def _unknown(section: Mapping[str, Any], default: Any, path: str, used: Collection[str]) -> Iterator[Problem]:
    names = known(path, section, default)
    for key, value in section.items():
        place = f"{path}.{key}".lstrip(".")
        if key not in names:
            if not any(name == place or name.startswith(f"{place}.") for name in used):
                yield from _stranger(place, path, names, "_target_" in section)
        elif isinstance(value, Mapping) and not FREE.fullmatch(place):
            below = default.get(key) if isinstance(default, Mapping) else None
            typed = verl_config.fields(str(section.get("_target_") or "")).get(key)
            if isinstance(below, Mapping) or (typed and typed.section) or place in OURS:
                inner = {"_target_": typed.section, **value} if typed and typed.section else value
                yield from _unknown(inner, below, place, used)


def _stranger(place: str, path: str, names: Collection[str], dataclass: bool) -> Iterator[Problem]:
    """What to say of a key that veRL does not have."""
    key = place.rpartition(".")[2]
    refused = dataclass and strict(path)
    if not refused and path and not path.startswith(("r1_verl", "ray_kwargs")) and key in verl_config.optional(path):
        return
    likely = _likely(key, path, names)
    close = bool(likely) and difflib.SequenceMatcher(None, key, likely[0].rpartition(".")[2]).ratio() >= _SURE
    if path == "ray_kwargs.ray_init":
        does = "is no keyword of ray.init, which refuses it"
    elif refused:
        does = f"is no key of veRL 0.9.1's {path}, which refuses it"
    elif path.startswith("r1_verl"):
        does = "is no key of r1-verl: nothing reads it"
    else:
        does = "is no key that veRL 0.9.1 reads"
    fix = f"did you mean {' or '.join(likely)}?" if likely else f"leave {place} out"
    yield Problem(f"{place} {does}", fix, doubt=not (refused or close))


def _likely(key: str, path: str, names: Collection[str]) -> list[str]:
    """The known keys that are nearest: of the same section, else of any."""
    close = difflib.get_close_matches(key, sorted(names - {"_target_"}), n=1, cutoff=0.7)
    if close:
        return [f"{path}.{close[0]}".lstrip(".")]
    every: dict[str, list[str]] = {}
    top = path.partition(".")[0] or "actor_rollout_ref"
    for place in verl_config.paths():
        if place.partition(".")[0] not in (*_OLD, "skip"):
            every.setdefault(place.rpartition(".")[2], []).append(place)
    found = difflib.get_close_matches(key, sorted(every), n=1, cutoff=0.75)
    places = sorted(every[found[0]] if found else [], key=lambda place: not place.startswith(top))
    return places[:2]


def _missing(section: Mapping[str, Any], default: Mapping[str, Any], path: str) -> Iterator[Problem]:
    gone = []
    for key, value in default.items():
        place = f"{path}.{key}".lstrip(".")
        if place in _OLD or FREE.fullmatch(place):
            continue
        if key not in section:
            gone.append(place)
        elif isinstance(value, Mapping) and value and isinstance(section[key], Mapping):
            yield from _missing(section[key], value, place)
    if gone:
        more = f" and {len(gone) - 3} more keys of {path or 'the configuration'}" if len(gone) > 3 else ""
        are = "is" if len(gone) == 1 else "are"
        yield Problem(
            f"{', '.join(gone[:3])}{more} {are} missing, which veRL's own configuration has",
            f"leave ~{path if more else gone[0]} out, or build the recipe on ppo_trainer",
        )


CHECKS: tuple[Check, ...] = (check_keys,)
