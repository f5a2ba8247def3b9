"""`r1-verl recipes`: the names of all recipes, and the table of them, from the YAMLs and a record of real runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from r1_verl import atomic, recipes
from r1_verl.recipes import FOLDER, RecipeError, names
from r1_verl.reward import compose
from r1_verl.score import BAD_FORMAT, CORRECT, UNREADABLE, WRONG, Scale, Score, parts
from r1_verl.scorers import find_reward, find_scale

COLUMNS = (
    "recipe", "algorithm", "model", "data", "pays", "batch x n (mini)", "prompt + response", "KL", "learning rate",
    "GPUs", "source", "has really run on",
)  # fmt: skip
BEGIN, END = "<!-- made by: r1-verl recipes --table r1_verl/recipes/README.md -->", "<!-- end of recipes -->"


def markdown(make: Callable[[str], Any] = recipes.compose) -> str:
    """All recipes, a row each; a section for each family, the families in the order of their names.

    make: makes a recipe's configuration.
    """
    families: dict[str, list[tuple[str, ...]]] = {}
    for name in names():
        config = make(name)
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
    """What a recipe pays (`r1_verl.pays`): its judge and what a verdict is worth, options, parts, whether strict."""
    paid = compose.read((config.get("r1_verl") or {}).get("pays"))
    if paid.judge is None:
        words = ["by data source"]
    else:
        name, scale, options = paid.judge
        scale = find_scale(scale) if scale else find_reward(name).scale
        words = [f"`{name}`: {worth(scale)}", *(f"{key}={_plain(value)}" for key, value in options.items())]
    if not paid.weight:
        words = [f"{words[0].partition(':')[0]} judges"]
    elif paid.weight != 1:
        words.append(f"x {paid.weight:g}")
    words += [f"+ {compose.told(chosen)}" for chosen in paid.text + paid.later]
    strict = config.reward.custom_reward_function.reward_kwargs.get("mode") == "strict"
    return ", ".join(words + ["strict"] * strict)


def worth(scale: Scale) -> str:
    """What a scale pays: right, wrong, unreadable, and without the format; a number that comes again is left out."""
    if scale is parts:
        return "the sum of its parts"
    scores = (Score(CORRECT, format=1.0), Score(WRONG, format=1.0), Score(UNREADABLE, format=1.0), Score(BAD_FORMAT))
    return " / ".join(f"{number:g}" for number in dict.fromkeys(map(scale, scores)))


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the names of the recipes, or print the table of them."
    parser.epilog = "example:\n  for recipe in $(r1-verl recipes); do DRY_RUN=1 r1-verl train $recipe; done"
    parser.add_argument(
        "--table", metavar="FILE", nargs="?", const="",
        help="print the table of all recipes; with FILE, put the table between its marks in FILE",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    if args.table is None:
        print("\n".join(names()))
        return 0
    if args.table:
        write(Path(args.table))
    else:
        print(markdown())
    return 0
