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


class DataError(ValueError):
    """Something is wrong with a source, a file or an argument; the message is one line and names the fix."""


@dataclass(frozen=True)
class Example:
    """One row, before veRL's column names are put on it.

    data_source: names the scorer. messages: (role, content) pairs as the chat template gets them.
    ground_truth: canonical JSON (`r1_verl.ground_truth.encode`). gold: a whole response that must score 1.0; "" where
    the scorer can make one of the ground truth (`r1_verl.data.gold.gold_response`).
    index: stable within the source and split. split: train, test or rest.
    style: the prompt style. think_in_prompt: the rendered prompt ends inside an open `<think>`.
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
    difficulty: float | None = None
    question: str = ""
    ability: str = "math"
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """The row veRL 0.9.1 reads (`verl/utils/dataset/rl_dataset.py`); `schema()` is its Arrow type."""
        return {
            "data_source": self.data_source,
            "prompt": [{"role": role, "content": content} for role, content in self.messages],
            "ability": self.ability,
            "reward_model": {"style": "rule", "ground_truth": self.ground_truth},
            "extra_info": {
                "index": self.index,
                "split": self.split,
                "think_in_prompt": self.think_in_prompt,
                "style": self.style,
                "difficulty": self.difficulty,
                "question": self.question,
                "gold": self.gold,
                "meta": _meta(self.meta),
            },
        }


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
