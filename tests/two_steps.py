"""Two real steps of a recipe on its model's stand-in, by the script that its users call.

`python tests/two_steps.py`            one recipe of each combination of model, estimator, agent loop and LoRA
`python tests/two_steps.py RECIPE ...` these
`python tests/two_steps.py --list`     what there is, and what has a result

Each result is a line of `r1_verl/recipes/ran.jsonl`, from which the table's last column is written. What has ended
well at this commit is not run again, so an interrupted series goes on. Everything is as published but sizes (batches,
lengths, numbers of GPUs); what a recipe needs changed besides is in `CHANGES`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import stand_ins
from scripts import ROOT, prefix

from r1_verl import recipes
from r1_verl.runs import Run, read_curve

FIXTURES = ROOT / "tests" / "fixtures"
RESULTS = ROOT / "r1_verl" / "recipes" / "ran.jsonl"
SETTINGS = """
data.train_batch_size=2
data.max_prompt_length=1600
data.max_response_length=16
data.val_max_samples=2
actor_rollout_ref.actor.ppo_mini_batch_size=2
actor_rollout_ref.rollout.n=2
actor_rollout_ref.rollout.max_num_seqs=8
actor_rollout_ref.rollout.val_kwargs.n=1
trainer.nnodes=1
trainer.n_gpus_per_node=1
actor_rollout_ref.rollout.tensor_model_parallel_size=1
trainer.save_freq=2
trainer.test_freq=2
trainer.total_training_steps=2
"""
# A stand-in's tokens are bytes: RAGEN's prompts and observations have some thousand, and there are to be turns.
_TURNS = ["data.max_prompt_length=2800", "data.max_response_length=1600", "r1_verl.turns.tokens=16"]
CHANGES = {
    # one card shares a sequence with nobody; a model that is never right has no group worth training on; the penalty's
    # range is 4,096 of 20,480 tokens
    "dapo": [
        "actor_rollout_ref.actor.ulysses_sequence_parallel_size=1",
        "actor_rollout_ref.actor.fsdp_config.ulysses_sequence_parallel_size=1",
        "algorithm.filter_groups.enable=false", "r1_verl.pays.1.buffer=4",
    ],
    "openr1_all_rewards": ["r1_verl.pays.8.buffer=4"],
    **dict.fromkeys(("ragen_sokoban_ppo", "ragen_sokoban_grpo", "ragen_frozenlake"), _TURNS),
    "ragen_v2_sokoban": [*_TURNS, "data.max_response_length=3400"],  # coordinates as well as the board, in each turn
}  # fmt: skip
# Data folders of Countdown and their prompt styles: a few puzzles lie there before a recipe would make 327,680.
COUNTDOWN = {"tinyzero": "raw", "mini_r1": "mini_r1", "unlock_deepseek": "unlock_deepseek"}
# (the data folder's file, the fixture that stands for it) for the variables with which a recipe's data folder is made
_GSM8K = {
    "SOURCE": ("gsm8k/train.jsonl.gz", "data_gsm8k.jsonl"),
    "TEST_SOURCE": ("gsm8k/test.jsonl.gz", "data_gsm8k.jsonl"),
}
_MATH = {"SOURCE": ("math/train.jsonl.gz", "data_math.jsonl")}
_MATH_8K = {"SOURCE": ("math/simplerl_8k/simplelr_qwen_level3to5_train.parquet", "data_math8k_qwen.parquet")}
SOURCES: dict[str, dict[str, tuple[str, str]]] = {
    "deepscaler": {
        "SOURCE": ("deepscaler/train_aime.json.gz", "data_deepscaler.json"),
        "EVAL_SOURCE": ("eval/deepscaler/aime.json", "data_eval/aime24.jsonl"),
    },
    "dapo": {
        "SOURCE": ("dapo/train.parquet", "data_dapo.parquet"),
        "EVAL_SOURCE": ("eval/simplerl/aime24.jsonl", "data_eval/aime24.jsonl"),
    },
    **dict.fromkeys(("gsm8k", "grpo_demo"), _GSM8K),
    **dict.fromkeys(("openr1_tir", "openr1_math_7b", "demystify"), _MATH),
    "openr1_220k": {"SOURCE": ("deepscaler/train_math.json.gz", "data_deepscaler.json")},
    **dict.fromkeys(("drgrpo", "drgrpo_r1", "simplerl_v0", "simplerl_v1"), _MATH_8K),
}  # fmt: skip
# One recipe of each combination (test_two_steps.py sees to it).
CHOSEN = (
    "gsm8k_grpo", "gsm8k_ppo", "grpo_bias_gsm8k", "tinyzero_grpo", "tinyzero_ppo", "oat_zero", "mini_r1", "grpo_demo",
    "unsloth_gsm8k", "logicrl_grpo", "logicrl_reinforce_pp", "simplerl_v0_ppo", "simplerl_v1_grpo", "drgrpo",
    "deepscaler_8k", "openr1_distill_7b", "dapo", "demystify", "ragen_sokoban_ppo", "ragen_sokoban_grpo",
    "ragen_v2_sokoban",
)  # fmt: skip
TIME_LIMIT = 1500  # seconds


class Result(NamedTuple):
    """How two steps ended: status 0, or the last words of what failed; and the run's folder, the last of several."""

    status: int
    seconds: float
    said: str
    run: Run


def combination(config: Any) -> tuple[Any, ...]:
    """What makes two recipes different for the machinery: model, estimator, agent loop, LoRA."""
    part = config.actor_rollout_ref
    return (part.model.path, config.algorithm.adv_estimator, part.rollout.agent.default_agent_loop,
            bool(part.model.lora_rank))  # fmt: skip


def run(recipe: str, folder: Path, device: str = "cpu", changes: Sequence[str] = ()) -> Result:
    """Two steps in `folder`, which stays. device: cpu, or cuda for the one card of this machine. changes: overrides."""
    config = recipes.compose(recipe)
    model = folder / "model"
    model.mkdir(parents=True)
    stand_ins.build(config.actor_rollout_ref.model.path, model)
    (folder / "settings").write_text("\n".join([SETTINGS, *CHANGES.get(recipe, []), *changes]))
    checkout(folder / "checkout")
    data = Path(config.data.train_files).parent.name
    variables = environment(folder, device) | sources(data)
    if data in COUNTDOWN:
        puzzles(folder / "checkout", data)
    began = time.monotonic()
    command = ["bash", str(folder / f"checkout/run_scripts/{recipe}.sh")]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=TIME_LIMIT)
        status, said = done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    except subprocess.TimeoutExpired:
        status, said = 124, f"not ended after {TIME_LIMIT} s"
    ran = [Run(path.parent) for path in sorted(folder.glob("runs/*/config.yaml"))]  # a curriculum has several
    if status == 0 and (not ran or any(each.last_checkpoint() != 2 for each in ran)):
        status, said = 1, f"ended without a checkpoint of step 2\n{said}"
    return Result(status, time.monotonic() - began, said, ran[-1] if ran else Run(folder))


def checkout(folder: Path) -> Path:
    """The scripts in a folder of their own: no small data may stay in our data/, for real runs to find."""
    for name in ("run_scripts", "data_prep"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "constraints.txt", "r1_verl"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def environment(folder: Path, device: str) -> dict[str, str]:
    """The variables of a script in `folder`/checkout that trains `folder`/model with `folder`/settings."""
    found = {**os.environ, "MODEL": str(folder / "model"), "SETTINGS": str(folder / "settings"),
             "RUNS": str(folder / "runs"), "VENV": str(prefix(folder / "prefix", folder / "checkout")),
             "CHECKOUT": str(folder / "checkout")}  # fmt: skip
    found.pop("VERL_PLATFORM", None)
    return found | ({"CPU": "1"} if device == "cpu" else {})


def sources(data: str) -> dict[str, str]:
    """What a folder of data/ is made from instead of the hub: the data folder, or the fixtures where there is none."""
    asked = SOURCES.get(data, {})
    return {name: str(published(real) or FIXTURES / small) for name, (real, small) in asked.items()}


def published(name: str) -> Path | None:
    """A file or folder of the data folder; None where there is no data folder."""
    there = Path(os.environ.get("R1_VERL_DATA") or ROOT.parent / "shared" / "data")
    return there / name if (there / "MANIFEST.tsv").is_file() else None


def puzzles(checkout: Path, name: str) -> None:
    """A few Countdown puzzles in data/NAME."""
    command = [sys.executable, "data_prep/countdown.py", "--style", COUNTDOWN[name], "--out", f"data/{name}",
               "--sizes", "3", "--train-size", "64", "--test-size", "8"]  # fmt: skip
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)


def agreement(found: Run) -> float:
    """The correlation of the probabilities that vLLM and the trainer give the same tokens, the worse of both steps."""
    return min(step.data["training/rollout_actor_probs_pearson_corr"] for step in read_curve(found)[-2:])


# --- results ----------------------------------------------------------------------------------------------------------


def commit() -> str:
    """The commit that the package and its scripts are at, with a plus where they differ from it."""
    show = lambda *words: subprocess.run(  # noqa: E731
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    parts = ("r1_verl", "run_scripts", "data_prep", f":!{RESULTS.relative_to(ROOT)}")
    changed = show("status", "--porcelain", "--", *parts)
    return show("rev-parse", "--short=7", "HEAD") + "+" * bool(changed)


def results() -> list[dict[str, Any]]:
    """Every line so far, oldest first."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def machine() -> str:
    return f"{os.cpu_count()} CPU cores"


def record(recipe: str, found: Result, machine: str) -> None:
    line = {
        "recipe": recipe, "what": "two steps on its model's stand-in", "machine": machine, "status": found.status,
        "seconds": round(found.seconds), "commit": commit(),
    }  # fmt: skip
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


def left(asked: Sequence[str]) -> Iterator[str]:
    """Those that have not ended well at this commit."""
    at = commit()
    ended = {line["recipe"] for line in results() if line["status"] == 0 and line["commit"] == at}
    yield from (name for name in asked if name not in ended)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipes", nargs="*", metavar="RECIPE")
    p.add_argument("--list", action="store_true", help="start nothing")
    args = p.parse_args()
    asked = args.recipes or CHOSEN
    if args.list:
        ran = {line["recipe"]: line for line in results()}
        for name in recipes.names():
            line = ran.get(name)
            said = f"status {line['status']}, {line['seconds']} s, {line['commit']}" if line else "no result"
            print(f"{name}: {said}" + ", chosen" * (name in CHOSEN))
        return 0
    failed = 0
    for name in left(asked):
        with tempfile.TemporaryDirectory() as folder:
            found = run(name, Path(folder) / name)
            agrees = f", engines correlate {agreement(found.run):.6f}" if found.status == 0 else f"\n{found.said}"
        record(name, found, machine())
        failed += found.status != 0
        print(f"{name}: status {found.status}, {found.seconds:.0f} s{agrees}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
