"""Examples, rows and prepared files for the tests of the data sets."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from r1_verl.data.example import Example, gold_response, to_batch
from r1_verl.ground_truth import encode


def example(index: int = 0, answer: str = "1 + 2 + 3", **change) -> Example:
    made = Example(
        data_source="countdown",
        messages=(("system", "Think."), ("user", "1 2 3 = 6")),
        ground_truth=encode("countdown", numbers=[1, 2, 3], target=6),
        gold=gold_response(answer),
        index=index,
        split="train",
        style="tiny",
        difficulty=3.0,
        question="1 2 3 = 6",
        meta={"b": 1, "a": "é"},
    )
    return replace(made, **change)


def row(made: Example) -> dict:
    """The row of an example as veRL reads it."""
    return to_batch([made]).to_pylist()[0]


def rows(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def older(table: pa.Table) -> pa.Table:
    """A prepared table as earlier versions wrote it: without extra_info.raw."""
    extra = table["extra_info"].combine_chunks()
    kept = [f for f in extra.type if f.name != "raw"]
    struct = pa.StructArray.from_arrays([extra.field(f.name) for f in kept], fields=kept)
    return table.set_column(table.schema.get_field_index("extra_info"), "extra_info", struct)


@contextmanager
def file_size_limit(size: int):
    """No file may grow beyond `size` bytes: what a full disk looks like to a writer."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
