"""Files of model responses, row by row: JSON lines or Parquet, plain or gzipped, with any of the usual column names."""

from __future__ import annotations

import codecs
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import DataError, reason
from r1_verl.data.read import rows_of
from r1_verl.data.rendering import opens_think

Say = Callable[[str], None]
# Where to look, in this order. `output` and `gts` are veRL's dumps (trainer.rollout_data_dir, validation_data_dir).
RESPONSE = ("response", "output", "solution_str", "completion")
_GROUND_TRUTH = ("ground_truth", "gts", "answer")
# score_before: of a training response, what the scorer alone paid, before parts that only training adds.
_REWARD = ("score_before", "score", "reward")
# What parts of a reward, and episodes of several turns, need besides the response, and the columns that have it.
_FACTS = (
    ("response_tokens", "tokens", int), ("truncated", "truncated", bool), ("question", "prompt", str),
    ("moves", "moves", str),
)  # fmt: skip
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


def _to_stderr(what: str) -> None:
    print(what, file=sys.stderr)


def read(path: Path, columns: Columns, say: Say = _to_stderr) -> Iterator[Row]:
    """The rows of a file, streamed. say: told of the lines that can't be read, and left out.

    Raises DataError, naming the row, for one that lacks a column, and for a file without a readable row.
    """
    if not path.is_file():
        raise DataError(f"no file {path}: give a .jsonl, .jsonl.gz or .parquet file of responses")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next(iter(suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]), "")
    if kind not in _KINDS:
        raise DataError(f"{path.name} is neither .jsonl nor .parquet (.gz allowed): convert or rename it")
    records = _json_lines(path, say) if _KINDS[kind] == ".jsonl" else enumerate(rows_of(path, _KINDS[kind]), start=1)
    for at, record in records:
        where = f"{path.name}, row {at}"
        if not isinstance(record, Mapping):
            raise DataError(f"{where} is no JSON object: one object a line, or an array of objects, is needed")
        yield _row(record, columns, where)


def _json_lines(path: Path, say: Say) -> Iterator[tuple[int, Any]]:
    """(number, value) of each line that holds JSON. Raises DataError if there are others only."""
    good, bad, said = 0, [], []
    for number, line in enumerate(lines(path, path.name, said.append), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad.append(f"{number} ({reason(error)}{', cut off' if not line.endswith(chr(10)) else ''})")
            continue
        good += 1
        yield number, value
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        said.append(f"{path.name}: {counted(len(bad), 'line')} no JSON and left out: {', '.join(bad[:3])}{more}")
    if said and not good:
        raise DataError(f"cannot read {path}: {said[-1]}")
    for each in said:
        say(f"r1-verl: {each}")


def lines(path: Path, name: Any, say: Say) -> Iterator[str]:
    """The lines of a text file, gzipped or not, as far as the file can be read.

    A line ends at a line feed alone: a response may hold U+2028 and other ends of line that JSON leaves as they are.
    """
    strange = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            head = file.read(2)
            file.seek(0)
            if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                yield from file.read().decode("utf-16", "replace").split("\n")
                return
            for line in file:
                try:
                    yield line.removeprefix(codecs.BOM_UTF8).decode()
                except UnicodeDecodeError:
                    strange += 1
                    yield line.decode(errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        say(f"{name} breaks off or can't be read ({error}): what comes after is left out.")
    if strange:
        say(f"{name}: {counted(strange, 'line')} not in UTF-8; � stands for what could not be read.")


def counted(number: int, what: str) -> str:
    """`1 line is`, `2 lines are`."""
    return f"{number:,} {what}{'s are' if number > 1 else ' is'}"


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
    for fact, column, kind in _FACTS:
        if fact not in info and isinstance(record.get(column), kind):
            info[fact] = record[column]
    model = record.get("reward_model")
    nested = {"ground_truth": model["ground_truth"]} if isinstance(model, Mapping) and "ground_truth" in model else {}
    source = columns.source or record.get("data_source")
    if not isinstance(source, str) or not source:
        raise DataError(f"{where} has no data_source: name one for all rows with --source")
    source = source.encode("utf-8", "replace").decode()  # a lone surrogate is no text to a terminal
    response = _column(record, columns.response, RESPONSE, "--response", where)
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
