"""Writing data sets: gold check, Parquet, provenance; a whole set appears at once or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from r1_verl.data.example import DataError, Example, schema, to_batch
from r1_verl.data.gold import check_gold

METADATA_KEY = b"r1_verl"
_BATCH = 8192
_LISTED = 10_000  # rows left out that the provenance names one by one; all are counted


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
    with _all_or_nothing(folder) as stage:
        for name, examples in parts.items():
            rows = _kept(examples, name, dropped)
            counts[name] = _write_parquet(stage(f"{name}.parquet"), rows, name, provenance, dropped)
        listed = [entry._asdict() for entry in dropped[:_LISTED]]
        record = {**provenance, "rows": counts, "left_out_counts": _by_reason(dropped), "left_out": listed}
        for name in parts:
            with stage(f"{name}.provenance.json") as file:
                file.write((json.dumps({"file": f"{name}.parquet", **record}, indent=1) + "\n").encode())
    return counts


def _kept(examples: Iterable[Example], name: str, dropped: list[LeftOut]) -> Iterator[Example]:
    """The examples whose gold scores 1.0; the others go to `dropped`."""
    for example in progress(examples, f"{name}: gold check and writing"):
        info = {"think_in_prompt": example.think_in_prompt}
        outcome = check_gold(example.data_source, example.ground_truth, info, example.gold or None)
        if outcome:
            reason = f"gold does not score 1.0 ({outcome})"
            dropped.append(LeftOut(example.index, reason, example.ground_truth[:200]))
        else:
            yield example


def _write_parquet(
    target: contextlib.AbstractContextManager[IO[bytes]],
    examples: Iterator[Example],
    name: str,
    provenance: Mapping[str, Any],
    dropped: list[LeftOut],
) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with target as file, pq.ParquetWriter(file, schema(), compression="zstd") as writer:
        while batch := list(islice(examples, _BATCH)):
            writer.write_batch(to_batch(batch))
            rows += len(batch)
        if not rows:
            raise DataError(f"{name}: no row is left to write{summary(dropped)}")
        record = {**provenance, "rows": rows, "left_out": _by_reason(dropped)}
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(record, sort_keys=True)})
    return rows


@contextlib.contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Any]:
    """Yields stage(name) -> context manager over a binary file; all staged files get their names at the end.

    Whatever goes wrong, the temporary files (beside their targets, so that the renaming is atomic) are removed.
    """
    staged: list[tuple[Path, Path]] = []

    @contextlib.contextmanager
    def stage(name: str) -> Iterator[IO[bytes]]:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=folder)
        staged.append((Path(temporary), folder / name))
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    try:
        yield stage
        umask = os.umask(0)
        os.umask(umask)
        for temporary, path in staged:
            os.chmod(temporary, 0o666 & ~umask)  # mkstemp's own mode shuts other users out
            os.replace(temporary, path)
    except OSError as error:
        last = staged[-1][1] if staged else folder
        why = error.strerror or str(error)
        raise OSError(
            error.errno, f"cannot write {last}: {why}; make room or choose another --out (no half-written file is left)"
        ) from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[IO[bytes]]:
    """One binary file that appears under its name only when it is whole."""
    path = Path(path)
    with _all_or_nothing(path.parent) as stage, stage(path.name) as file:
        yield file


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


def write_table(path: str | Path, table: Any, provenance: Mapping[str, Any]) -> None:
    """Write an Arrow table of prepared rows (checked when they were first written), with its provenance, atomically."""
    table = table.replace_schema_metadata(None)
    _write_batches(path, table.schema, table.to_batches(), provenance, [])


def write_rows(
    path: str | Path,
    kind: Any,
    rows: Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    left_out: list[LeftOut],
) -> int:
    """Write rows of another schema (supervised data) as they come, atomically; returns how many. As `write_set`."""
    import pyarrow as pa

    def batches() -> Iterator[Any]:
        left = iter(rows)
        while batch := list(islice(left, 512)):  # traces are long
            yield pa.RecordBatch.from_pylist(batch, schema=kind)

    return _write_batches(path, kind, batches(), provenance, left_out)


def _write_batches(
    path: str | Path, kind: Any, batches: Iterable[Any], provenance: Mapping[str, Any], left_out: list[LeftOut]
) -> int:
    import pyarrow.parquet as pq

    path, rows = Path(path), 0
    with _all_or_nothing(path.parent) as stage:
        with stage(path.name) as file, pq.ParquetWriter(file, kind, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += len(batch)
            if not rows:
                raise DataError(f"{path.name}: no row is left to write{summary(left_out, 1)}")
            record = {**provenance, "rows": rows, "left_out": _by_reason(left_out) or provenance.get("left_out", {})}
            writer.add_key_value_metadata({METADATA_KEY: json.dumps(record, sort_keys=True)})
        listed = {"left_out_rows": [entry._asdict() for entry in left_out[:_LISTED]]} if left_out else {}
        with stage(f"{path.name.removesuffix('.parquet')}.provenance.json") as file:
            file.write((json.dumps({"file": path.name, **record, **listed}, indent=1) + "\n").encode())
    return rows
