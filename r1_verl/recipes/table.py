"""The table of all recipes, a family a section, from the YAMLs and from what was recorded of real runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from r1_verl import atomic
from r1_verl.recipes import FOLDER, RecipeError, compose, names

COLUMNS = (
    "recipe", "algorithm", "model", "data", "pays", "batch x n (mini)", "prompt + response", "KL", "learning rate",
    "GPUs", "source", "has really run on",
)  # fmt: skip
BEGIN, END = "<!-- made by: r1-verl recipes --table r1_verl/recipes/README.md -->", "<!-- end of recipes -->"


def markdown(compose: Callable[[str], Any] = compose) -> str:
    """All recipes, a row each; a section for each family, the families in the order of their names.

    compose: makes a recipe's configuration.
    """
    families: dict[str, list[tuple[str, ...]]] = {}
    for name in names():
        config = compose(name)
        families.setdefault(_about(config).get("family", "Others"), []).append(row(name, config))
    return "\n\n".join(f"## {family}\n\n{_table(families[family])}" for family in sorted(families, key=str.lower))


def _table(rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (COLUMNS, ("---",) * len(COLUMNS), *rows))


def write(path: Path) -> None:
    """Put the table between the marks in a file."""
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise RecipeError(f"{path} has no place for the table: {BEGIN} ... {END}")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    with atomic.file(path) as part:
        part.write_text(f"{before}{BEGIN}\n{markdown()}\n{END}{after}", encoding="utf-8")


def row(name: str, config: Any) -> tuple[str, ...]:
    """The cells of one recipe."""
    about = _about(config)
    data, actor, rollout = config.data, config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    trainer = config.trainer
    if trainer.device == "cpu":
        gpus = "none"
    else:
        nodes = f"{trainer.nnodes} x " if trainer.nnodes > 1 else ""
        gpus = f"{nodes}{trainer.n_gpus_per_node} x {about.get('gpu', '?')}"
    model = Path(config.actor_rollout_ref.model.path)
    return (
        f"`{name}`",
        algorithm(config),
        model.name if model.is_relative_to(FOLDER) else str(model),
        about.get("data", data.train_files),
        reward(config),
        f"{data.train_batch_size} x {rollout.n} ({actor.ppo_mini_batch_size})",
        f"{data.max_prompt_length} + {data.max_response_length}",
        _kl(config),
        f"{actor.optim.lr:g}" + (" cosine" if actor.optim.lr_scheduler_type == "cosine" else ""),
        gpus,
        about.get("source", "ours"),
        _ran(name),
    )


def _about(config: Any) -> Mapping[str, Any]:
    return (config.get("r1_verl") or {}).get("about") or {}


def reward(config: Any) -> str:
    """The reward that a recipe names (`r1_verl.pays`), with scale, options and mode where they are special."""
    pays = (config.get("r1_verl") or {}).get("pays")
    if pays is None:
        return "by data source"
    named = {"name": pays} if isinstance(pays, str) else pays
    strict = config.reward.custom_reward_function.reward_kwargs.get("mode") == "strict"
    options = ", ".join(f"{key}={_plain(value)}" for key, value in (named.get("options") or {}).items())
    special = [f"scale {named['scale']}" if named.get("scale") else "", options, "strict" if strict else ""]
    return ", ".join([f"`{named['name']}`", *filter(None, special)])


def _plain(value: Any) -> str:
    return "+".join(f"{key}:{weight}" for key, weight in value.items()) if isinstance(value, Mapping) else str(value)


def _ran(name: str) -> str:
    """The last line of `ran.jsonl` about this recipe; `tests/two_steps.py` writes them."""
    lines = map(json.loads, (FOLDER / "ran.jsonl").read_text(encoding="utf-8").splitlines())
    of_this = [line for line in lines if line["recipe"] == name]
    if not of_this:
        return "not run"
    last = of_this[-1]
    failed = f", failed with status {last['status']}" if last["status"] else ""
    return f"{last['machine']}: {last['what']}{failed} ({last['seconds']} s)"


def algorithm(config: Any) -> str:
    """PPO, GRPO, Dr. GRPO, ... and LoRA where it is on."""
    name = {"gae": "PPO", "grpo": "GRPO", "reinforce_plus_plus": "REINFORCE++"}.get(config.algorithm.adv_estimator)
    if config.algorithm.adv_estimator == "grpo_bias":
        name = f"GRPO-Bias, {config.algorithm.grpo_bias:g}"
    elif config.algorithm.filter_groups.enable:
        name = "DAPO"
    elif name == "GRPO" and not config.algorithm.norm_adv_by_std_in_grpo:
        name = "Dr. GRPO"
    lora = config.actor_rollout_ref.model.lora_rank
    return f"{name or config.algorithm.adv_estimator}" + (f", LoRA {lora}" if lora else "")


def _kl(config: Any) -> str:
    if config.algorithm.use_kl_in_reward:
        return f"reward {config.algorithm.kl_ctrl.kl_coef:g}"
    actor = config.actor_rollout_ref.actor
    return f"loss {actor.kl_loss_coef:g}" if actor.use_kl_loss else "none"
