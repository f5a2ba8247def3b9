"""How long a file's prompts are, for its provenance: no prompt has more tokens than bytes.

Where the longest one fits into `data.max_prompt_length`, veRL need not tokenize every prompt to find those that do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from r1_verl.data.example import schema

if TYPE_CHECKING:
    import pyarrow as pa

_MAX_ROLES = 16  # sequences of roles; a file with more (long conversations) gets no record


class PromptBytes:
    """The longest prompt of a file in bytes, and the roles of its messages, gathered batch by batch.

    A file whose column `prompt` is not the common schema's has none.
    """

    def __init__(self, kind: pa.Schema) -> None:
        place = kind.get_field_index("prompt")
        self.usual = place >= 0 and kind.field(place).type == schema().field("prompt").type
        self.longest = 0
        self.roles: set[str] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the prompts of one batch, column by column."""
        if not self.usual or not len(batch):
            return
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        prompts = batch.column("prompt")
        sizes = pc.fill_null(pc.binary_length(pc.struct_field(prompts.flatten(), "content")), 0)
        rows = pc.list_parent_indices(prompts)
        totals = np.bincount(rows.to_numpy(), weights=sizes.to_numpy(), minlength=1)
        self.longest = max(self.longest, int(totals.max()))
        roles = pa.ListArray.from_arrays(prompts.offsets, pc.struct_field(prompts.values, "role"))
        self.roles.update(text for text in pc.unique(pc.binary_join(roles, "\n")).to_pylist() if text)

    def record(self) -> dict[str, Any]:
        """{"longest_prompt_bytes": UTF-8 bytes of a row's contents, "roles": the distinct sequences of roles}."""
        if not 0 < len(self.roles) <= _MAX_ROLES:
            return {}
        return {"longest_prompt_bytes": self.longest, "roles": sorted(text.split("\n") for text in self.roles)}
