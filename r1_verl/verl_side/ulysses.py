"""Ulysses refused where it would be wrong without a word.

veRL 0.9.1 gathers the sequence in transformers' flash attention alone; under any other attention each rank would attend
within its own slice of the sequence and training would go on with wrong log-probabilities.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from r1_verl.recipes.resolvers import FLASH


def mend(monkey_patch: ModuleType) -> None:
    """Have `apply_monkey_patch`, which every actor, reference and critic comes by, look first."""
    theirs = monkey_patch.apply_monkey_patch

    @functools.wraps(theirs)
    def apply_monkey_patch(model: Any, use_remove_padding: bool = True, ulysses_sp_size: int = 1, **kwargs: Any) -> Any:
        attention = model.config._attn_implementation
        if ulysses_sp_size > 1 and attention != FLASH:
            raise ValueError(
                f"ulysses_sequence_parallel_size={ulysses_sp_size} with attention {attention} gives wrong "
                "log-probabilities in veRL 0.9.1: install flash_attn, or set ulysses_sequence_parallel_size=1"
            )
        return theirs(model, use_remove_padding=use_remove_padding, ulysses_sp_size=ulysses_sp_size, **kwargs)

    monkey_patch.apply_monkey_patch = apply_monkey_patch
