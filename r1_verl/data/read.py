"""Reading data sets: from the hub (through `datasets`) or from a local file of the hub's form."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import DataError
from r1_verl.data.write import sha256

SUFFIXES = (".parquet", ".jsonl", ".json", ".arrow")


class Source(NamedTuple):
    """Rows as dicts in the source's order, and where they came from (for the provenance)."""

    rows: list[dict[str, Any]]
    record: dict[str, Any]


def load(source: str, hub: str, split: str = "train", config: str | None = None) -> Source:
    """Rows of `source`: "hub" (the data set `hub`) or a path to a local file. Raises DataError, one line."""
    return _from_hub(hub, split, config) if source == "hub" else from_file(source)


def stream(
    source: str, hub: str, split: str = "train", config: str | None = None
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """As `load`, for sets too large to hold: rows one by one, and the record."""
    if source == "hub":
        data, record = _open_hub(hub, split, config)
        return iter(data), record
    path = Path(source)
    if path.suffix != ".parquet" or not path.is_file():
        found = from_file(path)
        return iter(found.rows), found.record
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    rows = (row for batch in file.iter_batches(256) for row in batch.to_pylist())
    return rows, {"source": path.name, "revision": f"sha256:{sha256(path)}"}


def _unreadable(path: Path, error: Exception) -> DataError:
    why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return DataError(f"cannot read {path}: {why}; it may be truncated or of another format")


def _from_hub(hub: str, split: str, config: str | None) -> Source:
    data, record = _open_hub(hub, split, config)
    return Source(list(data), record)


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
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(
            f"cannot load {hub} from the hub ({why}). Without the hub: fill the cache elsewhere and point HF_HOME at "
            "it with HF_HUB_OFFLINE=1, set HF_ENDPOINT to a mirror, or give a local file (--source PATH)"
        ) from error
    checksums = sorted(getattr(data.info, "download_checksums", None) or {})
    revision = next((part.split("@", 1)[1].split("/", 1)[0] for part in checksums if "@" in part), "unknown")
    return data, {"source": hub, "split": split, "revision": revision}


def from_file(path: str | Path) -> Source:
    """Rows of a Parquet, Arrow, JSON-lines or JSON file (the last two also gzipped). Raises DataError, one line."""
    path = Path(path)
    name = path.name.removesuffix(".gz")
    if not path.exists():
        raise DataError(f"there is no file {path} (--source takes hub, a path, or generate where a data set has one)")
    if path.is_dir() or not name.endswith(SUFFIXES):
        raise DataError(f"{path} is not a file that ends in {', '.join(SUFFIXES)} (the JSON ones may be gzipped)")
    try:
        rows = _read(path, name)
    except Exception as error:  # Arrow, gzip, JSON and the disk each have their own
        raise _unreadable(path, error) from error
    if not rows:
        raise DataError(f"{path} has no rows")
    rows = [{"conversation": row} if isinstance(row, list) else row for row in rows]  # Open-Reasoner-Zero's form
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is not a table: each entry must be an object with named fields")
    return Source(rows, {"source": path.name, "revision": f"sha256:{sha256(path)}"})


def in_folder(folder: Path, *names: str) -> Path:
    """The one file in a folder that is called one of `names`, whatever its suffix. Raises DataError."""
    ways = ("{}", "{}/test", "{}/data-00000-of-00001")  # flat, SimpleRL's, `save_to_disk` of datasets
    stems = [way.format(name) for name in names for way in ways]
    files = [folder / (stem + suffix + packed) for stem in stems for suffix in SUFFIXES for packed in ("", ".gz")]
    found = [file for file in files if file.is_file()]
    if not found:
        raise DataError(f"{folder} holds no {' or '.join(names)} with a suffix of {', '.join(SUFFIXES)}")
    return found[0]


def _read(path: Path, name: str) -> list[Any]:
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pylist()
    if name.endswith(".arrow"):
        import pyarrow as pa

        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_stream(file).read_all().to_pylist()
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        if name.endswith(".jsonl"):
            return [json.loads(line) for line in file if line.strip()]
        data = json.load(file)
    if not isinstance(data, list):
        raise ValueError("a JSON file must hold one array of objects (JSON lines end in .jsonl)")
    return data


def need(rows: Iterable[dict[str, Any]], columns: Sequence[str], record: dict[str, Any]) -> None:
    """Raises DataError unless the first row has all the columns, saying what is there instead."""
    first = next(iter(rows), {})
    missing = [column for column in columns if column not in first]
    if missing:
        raise DataError(
            f"{record['source']} has no column {', '.join(missing)} (it has {', '.join(map(str, first)) or 'none'}): "
            f"it should have the hub's form with {', '.join(columns)}"
        )
