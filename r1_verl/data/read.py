"""Reading data sets: from the hub (through `datasets`), or from a local file of any kind, row by row.

Every file of rows that this package reads comes through `rows_of`; whole Parquet tables come through `table`.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from r1_verl.data.example import DataError, reason
from r1_verl.data.write import sha256

SUFFIXES = (".parquet", ".jsonl", ".json", ".arrow")
_BATCH = 1024  # rows of a Parquet file that are in memory at a time


class Source(NamedTuple):
    """Rows as dicts in the source's order, and where they came from (for the provenance)."""

    rows: list[dict[str, Any]]
    record: dict[str, Any]


def load(source: str, hub: str, split: str = "train", config: str | None = None) -> Source:
    """Rows of `source`: "hub" (the data set `hub`) or a path to a local file. Raises DataError, one line."""
    rows, record = stream(source, hub, split, config)
    return Source(list(rows), record)


def stream(
    source: str, hub: str, split: str = "train", config: str | None = None
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """As `load`, for sets too large to hold: rows one by one, and the record. The iterator may raise DataError."""
    if source == "hub":
        data, record = _open_hub(hub, split, config)
        return iter(data), record
    return _stream_file(Path(source))


def from_file(path: str | Path) -> Source:
    """Rows of a Parquet, Arrow, JSON-lines or JSON file, plain or gzipped. Raises DataError, one line."""
    rows, record = _stream_file(Path(path))
    return Source(list(rows), record)


def _stream_file(path: Path) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """The rows of a file that hold named columns, the first of them read already, and the record."""
    if not path.exists():
        raise DataError(f"there is no file {path} (--source takes hub, a path, or generate where a data set has one)")
    kind = next((suffix for suffix in SUFFIXES if path.name.removesuffix(".gz").endswith(suffix)), None)
    if path.is_dir() or kind is None:
        raise DataError(f"{path} is not a file that ends in {', '.join(SUFFIXES)} (any of them may be gzipped)")
    rows = _named(rows_of(path, kind), path)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path} has no rows")
    return chain([first], rows), {"source": path.name, "revision": f"sha256:{sha256(path)}"}


def _named(rows: Iterable[Any], path: Path) -> Iterator[dict[str, Any]]:
    for row in rows:
        if isinstance(row, list):
            row = {"conversation": row}  # Open-Reasoner-Zero's form
        if not isinstance(row, dict):
            raise DataError(f"{path} is not a table: each entry must be an object with named fields")
        yield _in_text(row)


def _in_text(value: Any) -> Any:
    """The value with U+FFFD for each half of a character: a lone surrogate, which JSON can say and no file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_in_text(name): _in_text(inner) for name, inner in value.items()}
    return [_in_text(inner) for inner in value] if isinstance(value, list) else value


def rows_of(path: Path, kind: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The rows of a file as they come from the disk, gzipped if its name ends in .gz. A .json file is read whole,
    and may hold one array or JSON lines.

    kind: one of SUFFIXES. columns: of a Parquet file, the only ones to read. Raises DataError when it meets the fault.
    """
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb") as file:
            yield from _READERS[kind](file, columns)
    except DataError:
        raise
    except Exception as error:  # Arrow, gzip, JSON and the disk each have their own
        raise _unreadable(path, error) from error


def table(path: str | Path, columns: Sequence[str] | None = None) -> Any:
    """A Parquet, .json or .jsonl file as an Arrow table, as veRL reads it. columns: those wanted, of those it has.

    Raises DataError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    kind = next((kind for kind in (".jsonl", ".json") if path.name.endswith(kind)), ".parquet")
    try:
        if kind == ".parquet":
            with pq.ParquetFile(path) as file:  # `read_table` imports pandas
                there = file.schema_arrow.names
                return file.read(None if columns is None else [name for name in columns if name in there])
        found = pa.Table.from_pylist(list(_named(rows_of(path, kind), path)))
        return found if columns is None else found.select([name for name in columns if name in found.schema.names])
    except DataError:
        raise
    except Exception as error:  # Arrow's own, and the disk's
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"cannot read {path}: there is no such file")
    return DataError(f"cannot read {path}: {reason(error)}; it may be truncated or of another format")


def _parquet(file: IO[bytes], columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    whole = pq.ParquetFile(io.BytesIO(file.read()) if isinstance(file, gzip.GzipFile) else file)
    for batch in whole.iter_batches(_BATCH, columns=columns):
        yield from batch.to_pylist()


def _arrow(file: IO[bytes], columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    for batch in pa.ipc.open_stream(file):
        yield from batch.to_pylist()


def _json_lines(file: IO[bytes], columns: Sequence[str] | None) -> Iterator[Any]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number} is no JSON ({reason(error)})") from error
            yield row


def _json(file: IO[bytes], columns: Sequence[str] | None) -> Iterator[Any]:
    """One array of objects, or JSON lines all the same: both are called .json."""
    text = file.read().removeprefix(codecs.BOM_UTF8).strip()
    first = _value(text.partition(b"\n")[0])
    if isinstance(first, dict | list) and b"\n" in text:
        yield from _json_lines(io.BytesIO(text), columns)
        return
    data = json.loads(text)
    if not isinstance(data, list):
        raise ValueError("one array of objects, or an object a line, is needed")
    yield from data


def _value(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_READERS = {".parquet": _parquet, ".arrow": _arrow, ".jsonl": _json_lines, ".json": _json}


def _open_hub(hub: str, split: str, config: str | None) -> tuple[Any, dict[str, Any]]:
    try:
        import datasets
    except ImportError as error:
        raise DataError("reading the hub needs the package `datasets`: pip install datasets") from error
    try:
        try:
            data = datasets.load_dataset(hub, config, split=split)
        except ValueError:
            if config is None:
                raise
            data = datasets.load_dataset(hub, data_dir=config, split=split)  # a folder that is no configuration
    except Exception as error:  # what it raises depends on the version and on how the network fails
        raise DataError(
            f"cannot load {hub} from the hub ({reason(error)}). Without the hub: fill the cache elsewhere and point "
            "HF_HOME at it with HF_HUB_OFFLINE=1, set HF_ENDPOINT to a mirror, or give a local file (--source PATH)"
        ) from error
    checksums = sorted(getattr(data.info, "download_checksums", None) or {})
    revision = next((part.split("@", 1)[1].split("/", 1)[0] for part in checksums if "@" in part), "unknown")
    return data, {"source": hub, "split": split, "revision": revision}


def in_folder(folder: Path, *names: str) -> Path:
    """The one file in a folder that is called one of `names`, whatever its suffix. Raises DataError."""
    ways = ("{}", "{}/test", "{}/data-00000-of-00001")  # flat, SimpleRL's, `save_to_disk` of datasets
    stems = [way.format(name) for name in names for way in ways]
    files = [folder / (stem + suffix + packed) for stem in stems for suffix in SUFFIXES for packed in ("", ".gz")]
    found = [file for file in files if file.is_file()]
    if not found:
        raise DataError(f"{folder} holds no {' or '.join(names)} with a suffix of {', '.join(SUFFIXES)}")
    return found[0]


def need(rows: Iterable[dict[str, Any]], columns: Sequence[str], record: dict[str, Any]) -> None:
    """Raises DataError unless the first row has all the columns, saying what is there instead."""
    first = next(iter(rows), {})
    missing = [column for column in columns if column not in first]
    if missing:
        raise DataError(
            f"{record['source']} has no column {', '.join(missing)} (it has {', '.join(map(str, first)) or 'none'}): "
            f"it should have the hub's form with {', '.join(columns)}"
        )
