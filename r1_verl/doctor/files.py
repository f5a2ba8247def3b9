"""Checks of data files, model folder and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from r1_verl.data import make
from r1_verl.data.example import DataError
from r1_verl.doctor.data_file import KINDS, columns, data_files, table
from r1_verl.doctor.model import look, model_of, paths
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import options, ours, pays
from r1_verl.hub import model_files
from r1_verl.scorers import UnknownNameError, resolve

_MAKE = "run the recipe's script, which makes it, or a script of data_prep/"


def check_data(config: Any) -> Iterator[Problem]:
    """Files there and of a kind that veRL reads, columns there and in veRL's form, enough rows for a batch."""
    rows: int | None = 0
    for key in ("train_files", "val_files"):
        files = data_files(config, key)
        if not files:
            yield Problem(f"data.{key} names no file", f"data.{key}=FILE.parquet")
        for file in files:
            if "://" in file:
                rows = None  # fetched by veRL
                continue
            count, problems = _check_file(key, file, config)
            yield from problems
            rows = rows + count if key == "train_files" and rows is not None else rows
    if rows and rows < config.data.train_batch_size:
        yield Problem(
            f"{rows} training rows are less than one batch of {config.data.train_batch_size}: there would be no step",
            f"data.train_batch_size={rows} or less, or more rows",
        )


def _check_file(key: str, file: str, config: Any) -> tuple[int, list[Problem]]:
    path, making = Path(file).expanduser(), make.command(config, file) or _MAKE
    prompt, source = columns(config)

    def no(what: str, fix: str = making) -> tuple[int, list[Problem]]:
        return 0, [Problem(f"data.{key}: {file} {what}", fix)]

    if path.is_dir():
        inside = sorted(each.name for each in path.iterdir() if each.name.endswith(KINDS))
        return no("is a folder", f"data.{key}={file.rstrip('/')}/{inside[0] if inside else 'FILE.parquet'}")
    if not path.is_file():
        return no("is not there")
    if not path.name.endswith(KINDS):
        fix = f"unpack it, or write it as Parquet, and name that file in data.{key}"
        return no(f"has a name that veRL refuses: it reads {', '.join(KINDS)}", fix)
    try:
        found = table(config, file)
    except DataError as error:
        return no(f"can't be read as {'Parquet' if path.suffix == '.parquet' else 'JSON'} ({error})")
    if missing := {source, prompt, "reward_model"} - set(found.schema.names):
        return no(f"has no column {', '.join(sorted(missing))}")
    if not found.num_rows:
        return no("has no rows")
    problems = [Problem(f"data.{key}: {file}: {what}", fix) for what, fix in _forms(found, making)]
    if ours(config) and not pays(config):
        problems += _unknown_sources(key, file, config, found[source].unique().to_pylist())
    return found.num_rows, problems


def _forms(found: Any, making: str) -> Iterator[tuple[str, str]]:
    """Columns in a form in which veRL can't use them: (what is wrong, the fix)."""
    import pyarrow as pa

    model = found["reward_model"]
    if not pa.types.is_struct(model.type):
        fix = 'json.loads of a text; what veRL reads is a struct, {"style": "rule", "ground_truth": ...}'
        yield f"reward_model is {_form(model)}, and veRL reads its field ground_truth: every sample would fail", fix
    elif model.type.get_field_index("ground_truth") < 0:
        yield "reward_model has no field ground_truth, which veRL reads: every sample would fail", making
    elif model.null_count:
        yield f"reward_model is null in {model.null_count} of {len(model)} rows: veRL fails there", "leave them out"
    info = found["extra_info"] if "extra_info" in found.schema.names else None
    if info is not None and not pa.types.is_struct(info.type) and not pa.types.is_null(info.type):
        fix = "json.loads of a text, so that a struct is written; or leave the column out"
        yield f"extra_info is {_form(info)}, and veRL reads its field index: every sample would fail", fix


def _form(column: Any) -> str:
    """What a column holds that should hold structs, for people."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return "null in every row"
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return "text (JSON?)" if text else f"of type {column.type}"


def _unknown_sources(key: str, file: str, config: Any, sources: list[Any]) -> Iterator[Problem]:
    for source in sources:
        try:
            resolve(source, options(config).get("mode", "strict"), None)
        except UnknownNameError as error:
            fix = "r1_verl.pays=NAME names the reward of all rows; or register a scorer for it (README)"
            yield Problem(f"data.{key}: {file}: {error}", fix)


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
        elif cut := model_files.truncated(Path(path).expanduser()):
            yield Problem(f"the model folder {path}: {cut} is truncated", "copy that file there again")
        elif torn := model.torn():
            yield Problem(f"the model folder {path}: {torn}", "copy the whole model there again, or MODEL=another one")
    yield from _parts(config)
    yield from _libraries(config)
    yield from _template(config)


def _parts(config: Any) -> Iterator[Problem]:
    """A tokenizer or a config.json that is taken from elsewhere than the model."""
    wanted = {"tokenizer_path": ("tokenizer_config.json", "tokenizer.json"), "hf_config_path": ("config.json",)}
    for key, files in wanted.items():
        path = config.actor_rollout_ref.model.get(key)
        if not path or "://" in path or path == config.actor_rollout_ref.model.path:
            continue
        model, place = look(path), f"actor_rollout_ref.model.{key}"
        if model.trouble:
            yield Problem(f"{place}={path}: {model.trouble.what}", f"{place}=null for the model's own")
        elif not model.files.keys() & set(files):
            yield Problem(f"{place}={path}: there is no {files[0]}", f"{place}=null for the model's own")


def _libraries(config: Any) -> Iterator[Problem]:
    """Modules that veRL imports before it loads a model."""
    for part in ("actor_rollout_ref", *["critic"] * (config.algorithm.adv_estimator == "gae")):
        given = config[part].model.get("external_lib") or []
        for name in [given] if isinstance(given, str) else given:
            if find_spec(name.partition(".")[0]) is None:
                what = f"{part}.model.external_lib={name}: there is no such module here"
                yield Problem(what, f"{part}.model.external_lib=null, or the folder that holds it on PYTHONPATH")


def _template(config: Any) -> Iterator[Problem]:
    """A model without a chat template: veRL renders every prompt through one."""
    model = model_of(config)
    known = {"config.json", "tokenizer_config.json"} <= model.files.keys()
    own = (Path(model.path).expanduser() / "additional_chat_templates").is_dir() if model.local else False
    if known and not own and model.template() is None and not config.actor_rollout_ref.model.custom_chat_template:
        yield Problem(
            f"the model {model.path} has no chat template, and veRL renders every prompt through one",
            "+prompt=raw with data of a raw style, actor_rollout_ref.model.custom_chat_template=a template, or "
            "MODEL=one that has one",
        )


CHECKS: tuple[Check, ...] = (check_data, check_model)
