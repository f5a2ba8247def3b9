"""The data files of a recipe, read as veRL reads them: .parquet, .json and .jsonl, by the end of their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from r1_verl.data import read
from r1_verl.data.example import DataError

KINDS = (".parquet", ".json", ".jsonl")
_FIRST = 100


def data_files(config: Any, key: str) -> list[str]:
    """The files of data.train_files or data.val_files."""
    files = config.data[key]
    return [files] if isinstance(files, str) else [str(file) for file in files or ()]


def columns(config: Any) -> tuple[str, str]:
    """The names of the columns that hold the prompt and the data source."""
    return str(config.data.get("prompt_key") or "prompt"), str(config.data.get("reward_fn_key") or "data_source")


def table(config: Any, file: str) -> Any:
    """A data file's columns that veRL and the reward read, as an Arrow table. Raises DataError."""
    path = Path(file).expanduser()
    try:
        seen = path.stat()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    return _table(path, (*columns(config), "reward_model", "extra_info", "agent_name"), seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=2)  # the same training and validation files for every check
def _table(path: Path, names: tuple[str, ...], *_: int) -> Any:
    return read.table(path, names)


def tables(config: Any) -> Iterator[tuple[str, str, Any]]:
    """(train_files or val_files, the file, its table) of each data file with rows; check_data reports the others."""
    for key in ("train_files", "val_files"):
        for file in data_files(config, key):
            try:
                found = table(config, file)
            except DataError:
                continue
            if found.num_rows:
                yield key, file, found


def first_rows(config: Any, key: str, most: int = _FIRST) -> list[dict[str, Any]]:
    """The first rows of the first file, with `prompt`, `data_source`, `reward_model` and `extra_info`.

    [] if the file can't be read or has other columns: check_data reports that.
    """
    for file in data_files(config, key)[:1]:
        try:
            return list(_rows(config, table(config, file).slice(0, most)))
        except DataError:
            return []
    return []


def _rows(config: Any, part: Any) -> Iterator[dict[str, Any]]:
    prompt, source = columns(config)
    for row in part.to_pylist():
        if prompt in row:
            yield {
                "prompt": row[prompt], "data_source": row.get(source), "reward_model": row.get("reward_model"),
                "extra_info": row.get("extra_info"),
            }  # fmt: skip


def mapping(value: Any) -> dict[str, Any]:
    """A struct's value as a dict; {} for null and for anything else, such as text."""
    return dict(value) if isinstance(value, Mapping) else {}


def is_json(value: Any) -> bool:
    """Whether a text is a JSON object or array."""
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        return False
