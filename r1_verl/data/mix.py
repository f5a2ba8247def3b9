"""Several prepared files into one: how much of each, and in which order.

veRL 0.9.1 has no curriculum sampler: the order is in the file, and the recipe sets `data.shuffle=False`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from r1_verl.data import read
from r1_verl.data.example import DataError, in_schema

ORDERS = ("shuffle", "keep", "interleave", "easy-to-hard", "hard-to-easy")


class Part(NamedTuple):
    """One input. count: rows wanted; weight: share of the whole; both None for all rows."""

    path: Path
    count: int | None = None
    weight: float | None = None


class Band(NamedTuple):
    """Rows with low <= difficulty <= high, and their share of the whole."""

    low: float
    high: float
    share: float


def parse_part(text: str) -> Part:
    """FILE, FILE=2000 (rows) or FILE=0.3 or FILE=30% (share). Raises DataError."""
    path, sep, amount = text.rpartition("=")
    if not sep or "/" in amount or amount.endswith(".parquet"):
        return Part(Path(text))
    if re.fullmatch(r"[0-9]+", amount) and int(amount):
        return Part(Path(path), count=int(amount))
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)(%?)", amount)
    if not found or not float(found[1]):
        raise DataError(f"{text}: after = comes a number of rows (2000) or a share (0.3 or 30%)")
    return Part(Path(path), weight=float(found[1]) / (100 if found[2] else 1))


def parse_bands(text: str) -> list[Band]:
    """LOW-HIGH=SHARE, comma-separated. Raises DataError."""
    bands = []
    for piece in text.split(","):
        found = re.fullmatch(r"([0-9.]+)-([0-9.]+)=([0-9.]+)(%?)", piece.strip())
        try:
            low, high, share = (float(found[i]) for i in (1, 2, 3)) if found else (1.0, 0.0, 0.0)
        except ValueError:
            low, high, share = 1.0, 0.0, 0.0
        if low > high or share <= 0:
            raise DataError(f"{piece!r} is no band: write LOW-HIGH=SHARE, such as 1-2=0.3,3-5=0.7")
        bands.append(Band(low, high, share))
    return bands


def read_table(path: str | Path) -> Any:
    """A prepared file as an Arrow table of the common schema. Raises DataError if it was not prepared by us."""
    table = in_schema(read.table(path))
    if table is None:
        raise DataError(f"{path} has not the common schema: prepare it with a script of data_prep/ first")
    return table


def difficulties(table: Any) -> np.ndarray:
    """extra_info.difficulty as floats, NaN where unknown."""
    return np.array(
        table["extra_info"].combine_chunks().field("difficulty").to_numpy(zero_copy_only=False), dtype=float
    )


def pass_rates(table: Any, rollouts: Iterable[Mapping[str, Any]]) -> np.ndarray:
    """The mean `acc` (else `score`) of each row's recorded responses; NaN for rows without any.

    rollouts: veRL's rollout dumps (`input`, `gts`), or rows with `data_source`, `index` and perhaps `split`.
    """
    info = table["extra_info"].combine_chunks()
    rows = range(table.num_rows)
    places: dict[Any, list[int]] = defaultdict(list)
    truths = table["reward_model"].combine_chunks().field("ground_truth").to_pylist()
    asked = [messages[-1]["content"].strip() for messages in table["prompt"].to_pylist()]
    named = zip(table["data_source"].to_pylist(), info.field("index").to_pylist(), strict=True)
    for at, name in zip(rows, named, strict=True):
        places[name].append(at)
        places[truths[at]].append(at)
    total, count = np.zeros(table.num_rows), np.zeros(table.num_rows)
    for rollout in rollouts:
        value = rollout.get("acc", rollout.get("score"))
        if not isinstance(value, int | float):
            raise DataError("a rollout has neither acc nor score")
        if "gts" in rollout:
            shown = str(rollout.get("input", ""))
            found = [at for at in places.get(rollout["gts"], ()) if asked[at] in shown]
        else:
            found = places.get((rollout.get("data_source"), rollout.get("index")), [])
        for at in found:
            total[at] += value
            count[at] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def shares(sizes: Sequence[int], weights: Sequence[float], total: int | None) -> list[int]:
    """Rows to take of each by weight: `total` in all, or as many as fit without taking a row twice."""
    share = np.array(weights, dtype=float) / sum(weights)
    if total is None:
        total = int(min(size / s for size, s in zip(sizes, share, strict=True)) + 1e-9)
    exact = share * total
    counts = np.floor(exact).astype(int)
    for i in np.argsort(-(exact - counts), kind="stable")[: total - counts.sum()]:
        counts[i] += 1
    return counts.tolist()


def choose(sizes: Sequence[int], parts: Sequence[Part], total: int | None) -> list[int]:
    """How many rows of each part. Raises DataError for mixed kinds or more rows than there are."""
    kinds = {("count" if p.count else "share" if p.weight else "all") for p in parts}
    if len(kinds) > 1:
        raise DataError("give every file a number of rows, or every file a share, or none of them anything")
    if kinds == {"share"}:
        counts = shares(sizes, [p.weight for p in parts], total)
    elif total is not None:
        raise DataError("--size goes with shares (FILE=0.3); numbers of rows say the size themselves")
    else:
        counts = [p.count or size for p, size in zip(parts, sizes, strict=True)]
    for part, size, count in zip(parts, sizes, counts, strict=True):
        if count > size:
            raise DataError(f"{part.path} has {size} rows, {count} asked for: ask for fewer or make more")
    return counts


def pick(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of `total` rows at random, in their own order."""
    return np.sort(rng.permutation(total)[:count]) if count < total else np.arange(total)


def pick_bands(hardness: np.ndarray, bands: Sequence[Band], total: int | None, rng: np.random.Generator) -> np.ndarray:
    """Row numbers by difficulty band. Raises DataError if a band has too few."""
    inside = [np.nonzero((hardness >= b.low) & (hardness <= b.high))[0] for b in bands]
    counts = shares([len(rows) for rows in inside], [b.share for b in bands], total)
    for band, rows, count in zip(bands, inside, counts, strict=True):
        if count > len(rows) or not len(rows):
            raise DataError(f"band {band.low:g}-{band.high:g} has {len(rows)} rows, {count} asked for")
    return np.sort(np.concatenate([rows[pick(len(rows), n, rng)] for rows, n in zip(inside, counts, strict=True)]))


def ordered(order: str, origin: np.ndarray, hardness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The order of the rows; those of equal difficulty are shuffled. origin: which input each came from.

    Raises DataError if an order by difficulty meets rows without one.
    """
    count = len(origin)
    if order == "keep":
        return np.arange(count)
    mixed = rng.permutation(count)
    if order == "shuffle":
        return mixed
    if order == "interleave":  # each input spread evenly over the whole, its rows shuffled
        place = np.empty(count)
        for source in np.unique(origin):
            rows = mixed[origin[mixed] == source]
            place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        return np.lexsort((origin, place))
    if np.isnan(hardness).any():
        raise DataError(
            f"{int(np.isnan(hardness).sum())} rows have no difficulty: order them otherwise or give --rollouts"
        )
    keys = hardness[mixed] if order == "easy-to-hard" else -hardness[mixed]
    return mixed[np.argsort(keys, kind="stable")]


def read_rollouts(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Rollout rows of files and folders (veRL writes one JSON-lines file a step)."""
    rows: list[dict[str, Any]] = []
    for path in map(Path, paths):
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            rows += read.from_file(file).rows
    return rows
