"""The file of a cell (one checkpoint on one suite under one protocol): a line a sample, appended as answers come.

An interruption at any moment costs at most the line that was being written: it is taken off, and its sample is asked
again. Verdicts are added when no sample is missing any more, or when nothing more can be asked.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic
from r1_verl.evaluation.response_files import Row
from r1_verl.runs import RunError

NAME = "samples.jsonl"


class Found(NamedTuple):
    """What a file of samples holds. samples: (question, sample) pairs; twice: lines that answer one of them again;
    unreadable: lines that are no sample."""

    samples: set[tuple[str, int]]
    twice: int
    unreadable: int


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a cell for this process. Raises RunError if another one asks its questions."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(f"{folder} is being filled by another process: wait for it") from error
        yield


def look(folder: Path) -> Found:
    """What the cell's file holds; a line that was cut off at its end is taken off first."""
    path = folder / NAME
    if path.is_file():
        _cut_to_whole_lines(path)
    samples: set[tuple[str, int]] = set()
    twice = unreadable = 0
    for row in _lines(path):
        key = _key(row)
        if key is None:
            unreadable += 1
        elif key in samples:
            twice += 1
        else:
            samples.add(key)
    return Found(samples, twice, unreadable)


def append(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add samples without a verdict. An OSError names the file and what to do."""
    path = folder / NAME
    text = b"".join(_encoded(row) for row in rows)
    try:
        with path.open("ab", buffering=0) as file:
            if file.write(text) != len(text):
                raise OSError(28, os.strerror(28))
    except OSError as error:
        why = f"cannot write {path}: {error.strerror}; make room, and the same command asks what is missing"
        raise OSError(error.errno, why) from error


def rows(folder: Path, wanted: set[tuple[str, int]] | None = None) -> Iterator[dict[str, Any]]:
    """The samples, the first of those that answer one question's sample twice. wanted: only these."""
    seen: set[tuple[str, int]] = set()
    for row in _lines(folder / NAME):
        key = _key(row)
        if key is not None and key not in seen and (wanted is None or key in wanted):
            seen.add(key)
            yield row


def rewrite(folder: Path, judged: Iterable[Mapping[str, Any]]) -> None:
    """Put the samples with their verdicts in the file's place, atomically."""
    with atomic.file(folder / NAME) as part, part.open("wb") as file:
        for row in judged:
            file.write(_encoded(row))


def to_row(row: Mapping[str, Any]) -> Row:
    """A sample as the scorers take it; an episode with its moves."""
    moves = {"moves": row["moves"]} if "moves" in row else {}
    return Row(row["data_source"], row["response"], row["ground_truth"], {**row["extra_info"], **moves}, None)


def _encoded(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _key(row: Any) -> tuple[str, int] | None:
    if not isinstance(row, dict) or not isinstance(row.get("response"), str):
        return None
    question, sample = row.get("question"), row.get("sample")
    return (question, sample) if isinstance(question, str) and isinstance(sample, int) else None


def _lines(path: Path) -> Iterator[Any]:
    """Each line's value; None for a line that is no JSON."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                yield None


def _cut_to_whole_lines(path: Path) -> None:
    """Take off what stands behind the last line break."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 20))
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        file.truncate(end)
