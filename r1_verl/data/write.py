"""Writing data sets: gold check, Parquet, provenance; a whole set appears at once or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1_verl import atomic
from r1_verl.data.example import DataError, Example, schema, to_batch
from r1_verl.data.gold import check_gold
from r1_verl.data.prompt_bytes import PromptBytes

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY = b"r1_verl"
_BATCH = 8192
_LISTED = 10_000  # at most so many rows left out are listed in the provenance; all are counted


class LeftOut(NamedTuple):
    """A source row that was not written, and why. row: its place in the source."""

    row: int
    reason: str
    what: str = ""


def write_set(
    folder: str | Path,
    parts: Mapping[str, Iterable[Example]],
    provenance: Mapping[str, Any],
    left_out: list[LeftOut] | None = None,
) -> dict[str, int]:
    """Write each part as `folder/NAME.parquet` with `NAME.provenance.json` beside it; returns the rows of each.

    Every gold response must score acc 1.0 or its row is left out. provenance: source, revision, arguments; nothing that
    differs between two equal runs. left_out: rows the caller dropped already; those dropped here are appended.
    Raises OSError (one line) when a file cannot be written and DataError when a part has no row left; either way no
    file of the set is touched.
    """
    folder = Path(folder)
    dropped = left_out if left_out is not None else []
    counts: dict[str, int] = {}
    with explained(), contextlib.ExitStack() as files:
        for name, examples in parts.items():
            part = files.enter_context(atomic.file(folder / f"{name}.parquet"))
            batches = map(to_batch, _batched(_kept(examples, name, dropped), _BATCH))
            counts[name] = parquet(part, schema(), batches, partial(_record, name, provenance, dropped, 5))
        listed = [entry._asdict() for entry in dropped[:_LISTED]]
        beside = {**provenance, "rows": counts, "left_out_counts": _by_reason(dropped), "left_out": listed}
        for name in parts:
            part = files.enter_context(atomic.file(folder / f"{name}.provenance.json"))
            part.write_text(_beside(f"{name}.parquet", beside), encoding="utf-8")
    return counts


def write_table(path: str | Path, table: Any, provenance: Mapping[str, Any]) -> None:
    """Write an Arrow table of prepared rows (checked when they were first written), with its provenance, atomically."""
    table = table.replace_schema_metadata(None)
    _write_batches(path, table.schema, table.to_batches(), provenance, [])


def write_rows(
    path: str | Path,
    kind: pa.Schema,
    rows: Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    left_out: list[LeftOut],
) -> int:
    """Write rows of another schema (supervised data) as they come, atomically; returns how many. As `write_set`."""
    return _write_batches(path, kind, _record_batches(rows, kind), provenance, left_out)


def _write_batches(
    path: str | Path,
    kind: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    provenance: Mapping[str, Any],
    left_out: list[LeftOut],
) -> int:
    path = Path(path)
    beside = path.with_name(f"{path.name.removesuffix('.parquet')}.provenance.json")
    record = partial(_record, path.name, provenance, left_out, 1)
    with explained(), contextlib.ExitStack() as files:
        rows = parquet(files.enter_context(atomic.file(path)), kind, batches, record)
        listed = {"left_out_rows": [entry._asdict() for entry in left_out[:_LISTED]]} if left_out else {}
        text = _beside(path.name, {**record(rows), **listed})
        files.enter_context(atomic.file(beside)).write_text(text, encoding="utf-8")
    return rows


def parquet(
    path: Path,
    kind: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    record: Callable[[int], Mapping[str, Any]] | None = None,
) -> int:
    """Write batches to a Parquet file as they come (not atomically: see `atomic`); returns the rows.

    record: given the number of rows, the provenance for the file's metadata; the longest prompt is added to it.
    """
    import pyarrow.parquet as pq

    rows, prompts = 0, PromptBytes(kind)
    with open(path, "wb") as file, pq.ParquetWriter(file, kind, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += len(batch)
            prompts.add(batch)
        if record is not None:
            whole = json.dumps({**record(rows), **prompts.record()}, sort_keys=True)
            writer.add_key_value_metadata({METADATA_KEY: whole})
    return rows


def _record_batches(rows: Iterable[Mapping[str, Any]], kind: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow batches; few rows each, since a trace or a response may be long."""
    import pyarrow as pa

    for batch in _batched(rows, 512):
        yield pa.RecordBatch.from_pylist(batch, schema=kind)


def _batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def _kept(examples: Iterable[Example], name: str, dropped: list[LeftOut]) -> Iterator[Example]:
    """The examples whose gold scores 1.0; the others go to `dropped`."""
    for example in progress(examples, f"{name}: gold check and writing"):
        info = {"think_in_prompt": example.think_in_prompt}
        gold = example.gold or None
        outcome = check_gold(example.data_source, example.ground_truth, info, gold, example.reward)
        if outcome:
            reason = f"gold does not score 1.0 ({outcome})"
            dropped.append(LeftOut(example.index, reason, example.ground_truth[:200]))
        else:
            yield example


def _record(name: str, provenance: Mapping[str, Any], left_out: list[LeftOut], shown: int, rows: int) -> dict[str, Any]:
    """The provenance in a file's own metadata, once its rows are counted. Raises DataError for a file without rows."""
    if not rows:
        raise DataError(f"{name}: no row is left to write{summary(left_out, shown)}")
    return {**provenance, "rows": rows, "left_out": _by_reason(left_out) or provenance.get("left_out", {})}


def _beside(name: str, record: Mapping[str, Any]) -> str:
    """The text of NAME.provenance.json."""
    return json.dumps({"file": name, **record}, indent=1) + "\n"


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an OSError of writing into one line that names the file and what to do."""
    try:
        yield
    except OSError as error:
        why = f"cannot write {error.filename}: {error.strerror or error}"
        raise OSError(
            error.errno, f"{why}; make room or choose another --out (no half-written file is left)"
        ) from error


def read_provenance(path: str | Path) -> dict[str, Any]:
    """The provenance in a Parquet file's metadata; {} if it has none."""
    import pyarrow.parquet as pq

    found = (pq.read_metadata(path).metadata or {}).get(METADATA_KEY)
    return json.loads(found) if found else {}


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of r1-verl, numpy, pyarrow and `packages`, for the provenance."""
    found = {}
    for package in ("r1-verl", "numpy", "pyarrow", *packages):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def sha256(path: str | Path) -> str:
    """The file's SHA-256: names a local source without naming a folder of this machine."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def progress(items: Iterable[Any], what: str, total: int | None = None) -> Iterator[Any]:
    """A progress bar on stderr for anything that takes more than two seconds."""
    from tqdm import tqdm

    return tqdm(items, desc=what, total=total, delay=2, mininterval=0.5, file=sys.stderr, leave=False)


def _by_reason(dropped: Iterable[LeftOut]) -> dict[str, int]:
    return dict(sorted(Counter(entry.reason for entry in dropped).items()))


def summary(dropped: Iterable[LeftOut], shown: int = 5) -> str:
    """Left-out rows by reason with the first few, for people; "" if there are none."""
    dropped = list(dropped)
    lines = [f"; left out {count}: {reason}" for reason, count in Counter(d.reason for d in dropped).most_common()]
    lines += [f"\n  row {d.row}: {d.reason}{f': {d.what}' if d.what else ''}" for d in dropped[:shown]]
    return "".join(lines)
