"""Checks of data files, model folder and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_verl import ground_truth
from r1_verl.data import make
from r1_verl.doctor.model import look, paths
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import options, ours, pays, wrong_task
from r1_verl.hub import model_files
from r1_verl.runs import RunError, differences
from r1_verl.scorers import UnknownNameError, resolve

_ROWS = 100  # of each file; the first row of every data source comes in any case
_MAKE = "run the recipe's script, which makes it, or a script of data_prep/"


def data_files(config: Any, key: str) -> list[str]:
    """The files of data.train_files or data.val_files."""
    files = config.data[key]
    return [files] if isinstance(files, str) else list(files or [])


def check_data(config: Any) -> Iterator[Problem]:
    """Files there, columns there, data sources known, ground truths readable, enough rows for a batch."""
    rows = 0
    for key in ("train_files", "val_files"):
        for file in data_files(config, key):
            count, problems = _check_file(key, file, config)
            yield from problems
            rows += count if key == "train_files" else 0
    if 0 < rows < config.data.train_batch_size:
        yield Problem(
            f"{rows} training rows are less than one batch of {config.data.train_batch_size}: there would be no step",
            f"data.train_batch_size={rows} or less, or more rows",
        )


def _check_file(key: str, file: str, config: Any) -> tuple[int, list[Problem]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path, making = Path(file).expanduser(), make.command(config, file) or _MAKE
    if not path.is_file():
        return 0, [Problem(f"data.{key}: {file} is not there", making)]
    try:
        schema = pq.read_schema(path)
        missing = {"data_source", "prompt", "reward_model"} - set(schema.names)
        if missing:
            return 0, [Problem(f"data.{key}: {file} has no column {', '.join(sorted(missing))}", making)]
        table = pq.read_table(path, columns=["data_source", "reward_model"])
    except (OSError, ValueError) as error:
        return 0, [Problem(f"data.{key}: {file} can't be read as Parquet ({error})", making)]
    if not table.num_rows:
        return 0, [Problem(f"data.{key}: {file} has no rows", making)]
    if not ours(config):
        return table.num_rows, []
    found, sources = [], pc.unique(table["data_source"]).to_pylist()
    for source in [] if pays(config) else sources:
        try:
            resolve(source, options(config).get("mode", "strict"), None)
        except UnknownNameError as error:
            fix = "r1_verl.pays=NAME names the reward of all rows; or register a scorer for it (README)"
            found.append(Problem(f"data.{key}: {file}: {error}", fix))
    first = {pc.index(table["data_source"], source).as_py() for source in sources} - {-1}
    rows = table.take(sorted({*first, *range(min(_ROWS, table.num_rows))})).to_pylist()
    read = [(row["data_source"], (row["reward_model"] or {}).get("ground_truth")) for row in rows]
    unreadable = next((truth for _, truth in read if _unreadable(truth)), None)
    if any(_unreadable(truth) for _, truth in read):
        found.append(Problem(f"data.{key}: {file}: a ground truth that can't be read: {unreadable!r:.80}", making))
    elif misfit := wrong_task(config, key, read):
        found.append(misfit)
    return table.num_rows, found


def _unreadable(truth: Any) -> bool:
    return truth in (None, "") or (isinstance(truth, str) and truth[:1] == "{" and ground_truth.decode(truth) is None)


def check_model(config: Any) -> Iterator[Problem]:
    """Local model folders with all that is loaded of them; anything else is a hub's name, to be had."""
    for path in paths(config):
        model = look(path)
        if model.trouble:
            yield model.trouble
        elif not model.local or "://" in path:
            continue
        elif "config.json" not in model.files:
            yield Problem(
                f"the model folder {path} is not there (no config.json)",
                "MODEL=another folder or a hub's name, or the script that makes it",
            )
        elif lacks := model_files.lacking(Path(path).expanduser()):
            yield Problem(
                f"the model folder {path} lacks {lacks}",
                "copy the whole model there, or MODEL=another one; `r1-verl export RUN` makes one of a run",
            )


def check_resume(config: Any) -> Iterator[Problem]:
    """Checkpoints of something else where this run would write its own: resume_mode=auto would go on from them."""
    folder = Path(config.trainer.default_local_dir)
    tracker = folder / "latest_checkpointed_iteration.txt"
    if config.trainer.resume_mode != "auto" or not tracker.is_file():
        return
    from omegaconf import OmegaConf

    step = tracker.read_text().strip()
    try:
        differ = differences(folder.parent, OmegaConf.to_container(config, resolve=True))
    except RunError:
        differ = "no record of its configuration"
    if differ:
        yield Problem(
            f"{folder} holds a checkpoint of step {step} of another configuration ({differ}): the run would go on "
            "from it",
            "RUN=another-name for a new run, trainer.resume_mode=disable, or remove that folder",
        )


CHECKS: tuple[Check, ...] = (check_data, check_model, check_resume)
