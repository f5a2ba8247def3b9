"""Files of model responses, row by row: JSON lines or Parquet, plain or gzipped, with any of the usual column names."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import DataError
from r1_verl.data.read import rows_of
from r1_verl.data.rendering import opens_think

# Where to look, in this order. `output` and `gts` are veRL's dumps (trainer.rollout_data_dir, validation_data_dir).
_RESPONSE = ("response", "output", "solution_str", "completion")
_GROUND_TRUTH = ("ground_truth", "gts", "answer")
_REWARD = ("score", "reward")
_KINDS = {".parquet": ".parquet", ".jsonl": ".jsonl", ".json": ".json", ".ndjson": ".jsonl"}


class Row(NamedTuple):
    """One response with what its scorer needs. reward: the recorded reward, None where there is none."""

    data_source: str
    response: str
    ground_truth: Any
    extra_info: dict[str, Any]
    reward: float | None


class Columns(NamedTuple):
    """Column names to use instead of the usual ones; source: the data source of every row."""

    source: str | None = None
    response: str | None = None
    ground_truth: str | None = None
    reward: str | None = None


def read(path: Path, columns: Columns) -> Iterator[Row]:
    """The rows of a file, streamed. Raises DataError, naming the row."""
    if not path.is_file():
        raise DataError(f"no file {path}: give a .jsonl, .jsonl.gz or .parquet file of responses")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next(iter(suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]), "")
    if kind not in _KINDS:
        raise DataError(f"{path.name} is neither .jsonl nor .parquet (.gz allowed): convert or rename it")
    for at, record in enumerate(rows_of(path, _KINDS[kind]), start=1):
        where = f"{path.name}, row {at}"
        if not isinstance(record, Mapping):
            raise DataError(f"{where} is no JSON object: one object a line, or an array of objects, is needed")
        yield _row(record, columns, where)


def count(path: Path) -> int | None:
    """How many rows a file has, for a progress bar; None where that cannot be told beforehand."""
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pq.read_metadata(path).num_rows
        if path.suffixes[-2:] == [".parquet", ".gz"]:
            return None
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except (OSError, EOFError, ValueError):
        return None  # the reader says what is wrong


def _row(record: Mapping[str, Any], columns: Columns, where: str) -> Row:
    info = record.get("extra_info")
    info = dict(info) if isinstance(info, Mapping) else {}
    prompt = record.get("input", record.get("prompt"))  # veRL's dumps, a run's samples
    if "think_in_prompt" not in info and isinstance(prompt, str):
        info["think_in_prompt"] = opens_think(prompt)
    model = record.get("reward_model")
    nested = {"ground_truth": model["ground_truth"]} if isinstance(model, Mapping) and "ground_truth" in model else {}
    source = columns.source or record.get("data_source")
    if not isinstance(source, str) or not source:
        raise DataError(f"{where} has no data_source: name one for all rows with --source")
    source = source.encode("utf-8", "replace").decode()  # a lone surrogate is no text to a terminal
    response = _column(record, columns.response, _RESPONSE, "--response", where)
    if not isinstance(response, str):
        raise DataError(f"{where}: the response is no text: name its column with --response")
    truth = _column({**nested, **record}, columns.ground_truth, _GROUND_TRUTH, "--ground-truth", where)
    return Row(source, response, truth, info, _reward(record, columns.reward, where))


def _column(record: Mapping[str, Any], named: str | None, usual: tuple[str, ...], option: str, where: str) -> Any:
    for name in (named,) if named else usual:
        if name in record:
            return record[name]
    have = ", ".join(map(str, list(record)[:20]))
    raise DataError(f"{where} has no column {named or ' or '.join(usual)}: name it with {option} (it has {have})")


def _reward(record: Mapping[str, Any], named: str | None, where: str) -> float | None:
    if named and named not in record:
        raise DataError(f"{where} has no column {named}: --reward names the recorded reward (default: score or reward)")
    value = next((record[name] for name in ((named,) if named else _REWARD) if name in record), None)
    if isinstance(value, Mapping):
        value = value.get("score")
    if isinstance(value, bool | int | float):
        return float(value)
    if value is not None and named:
        raise DataError(f"{where}: column {named} holds no number")
    return None
