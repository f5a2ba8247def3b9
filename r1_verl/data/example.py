"""One training example, and the one Arrow schema that every data set is written in.

Only this module knows veRL's columns. All sets share the schema, so files concatenate whatever they hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


_ADDED = "raw"  # the field of extra_info that files of earlier versions lack


class DataError(ValueError):
    """Something is wrong with a source, a file or an argument; the message is one line and names the fix."""


def reason(error: BaseException, most: int = 200) -> str:
    """The first line of what an error of a library says, for the message of a DataError."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most]


@dataclass(frozen=True)
class Example:
    """One row, before veRL's column names are put on it.

    data_source: the task or data set; its scorer judges the row unless a recipe names a reward.
    messages: (role, content) pairs as the chat template gets them.
    ground_truth: canonical JSON (`r1_verl.ground_truth.encode`). gold: a complete correct response, which must score
    1.0; "" if the scorer can build one from the ground truth (`r1_verl.data.gold.gold_response`).
    index: stable within the source and split. split: train, test or rest.
    style: the prompt style. think_in_prompt: the rendered prompt ends inside an open `<think>`.
    raw: the one message is the whole prompt, for the pass-through template; None leaves readers to judge by its text
    (`r1_verl.data.rendering.is_raw`).
    reward: the reward that the prompt announces, for the gold check; "" for the data source's. Not written.
    difficulty: larger is harder, on the data set's own scale; None where unknown.
    question: the problem alone, without instructions (overlap and duplicates are judged by it).
    meta: anything else, JSON-able (subject, level, identity in the source ...).
    """

    data_source: str
    messages: tuple[tuple[str, str], ...]
    ground_truth: str
    gold: str
    index: int
    split: str
    style: str
    think_in_prompt: bool = False
    raw: bool | None = field(default=None, kw_only=True)
    reward: str = field(default="", kw_only=True)
    difficulty: float | None = None
    question: str = ""
    ability: str = "math"
    meta: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def schema() -> pa.Schema:
    """The Arrow schema of every reinforcement-learning file."""
    import pyarrow as pa

    text = pa.string()
    message = pa.struct([("role", text), ("content", text)])
    extra = pa.struct(
        [
            ("index", pa.int64()),
            ("split", text),
            ("think_in_prompt", pa.bool_()),
            (_ADDED, pa.bool_()),
            ("style", text),
            ("difficulty", pa.float64()),
            ("question", text),
            ("gold", text),
            ("meta", text),
        ]
    )
    return pa.schema(
        [
            ("data_source", text),
            ("prompt", pa.list_(message)),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", extra),
        ]
    )


def in_schema(table: pa.Table) -> pa.Table | None:
    """The table in the common schema, without metadata; None if it has another one.

    A table that was written before rows had the flag `raw` gets it as null.
    """
    import pyarrow as pa

    table = table.replace_schema_metadata(None)
    if table.schema.equals(schema()):
        return table
    if not is_older(table.schema):
        return None
    of = schema().field("extra_info").type
    extra = table["extra_info"].combine_chunks()
    columns = dict(zip([f.name for f in extra.type], extra.flatten(), strict=True))
    columns[_ADDED] = pa.nulls(len(extra), pa.bool_())
    whole = pa.StructArray.from_arrays([columns[f.name] for f in of], fields=list(of), mask=extra.is_null())
    return table.set_column(table.schema.get_field_index("extra_info"), schema().field("extra_info"), whole)


def is_older(kind: pa.Schema) -> bool:
    """Whether an Arrow schema is the common one of earlier versions, whose rows have no flag `raw`."""
    import pyarrow as pa

    ours = schema()
    extra = pa.struct([f for f in ours.field("extra_info").type if f.name != _ADDED])
    return kind.remove_metadata().equals(ours.set(ours.get_field_index("extra_info"), pa.field("extra_info", extra)))


def to_batch(examples: Sequence[Example]) -> pa.RecordBatch:
    """The rows of `examples` as one Arrow batch: column by column, several times faster than through dicts."""
    import pyarrow as pa

    kind = schema()
    extra = kind.field("extra_info").type

    def column(name: str, of: pa.DataType) -> pa.Array:
        if name == "meta":
            return pa.array([_meta(e.meta) for e in examples], of)
        return pa.array([getattr(e, name) for e in examples], of)

    text = pa.string()
    flat = [message for e in examples for message in e.messages]
    message = pa.StructArray.from_arrays(
        [pa.array([role for role, _ in flat], text), pa.array([content for _, content in flat], text)],
        fields=list(kind.field("prompt").type.value_type),
    )
    offsets = pa.array([0, *accumulate(len(e.messages) for e in examples)], pa.int32())
    columns = {
        "data_source": column("data_source", text),
        "prompt": pa.ListArray.from_arrays(offsets, message, type=kind.field("prompt").type),
        "ability": column("ability", text),
        "reward_model": pa.StructArray.from_arrays(
            [pa.array(["rule"] * len(examples), text), column("ground_truth", text)],
            fields=list(kind.field("reward_model").type),
        ),
        "extra_info": pa.StructArray.from_arrays([column(f.name, f.type) for f in extra], fields=list(extra)),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in kind.names], schema=kind)


def _meta(meta: Mapping[str, Any]) -> str:
    return json.dumps(meta, sort_keys=True, ensure_ascii=False) if meta else "{}"


def gold_response(answer: str, think_in_prompt: bool = False) -> str:
    """The shortest well-formed response with this answer, as it follows a prompt that did or did not open `<think>`."""
    return f"{'' if think_in_prompt else '<think>'}\n</think>\n<answer>{answer}</answer>"
