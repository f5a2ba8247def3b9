"""A critic with the attention of its configuration.

veRL 0.9.1 writes flash_attention_2 into the call that loads a critic, whatever `critic.model.override_config` says.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from r1_verl.recipes.resolvers import FLASH


def mend(verl_model: ModuleType) -> None:
    """Replace `load_valuehead_model` where the configuration asks for another attention than veRL writes."""
    theirs = verl_model.load_valuehead_model

    def load_valuehead_model(
        local_path: str, torch_dtype: torch.dtype, model_config: Any, trust_remote_code: bool
    ) -> torch.nn.Module:
        asked = model_config._attn_implementation
        if asked == FLASH:
            return theirs(local_path, torch_dtype, model_config, trust_remote_code)
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification.from_pretrained(
            local_path, dtype=torch_dtype, config=model_config, attn_implementation=asked,
            trust_remote_code=trust_remote_code,
        )  # fmt: skip

    verl_model.load_valuehead_model = load_valuehead_model
