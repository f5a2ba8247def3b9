"""An agent loop for models whose tokenizer is not the one that veRL expects of their architecture.

veRL 0.9.1 picks the builder of a conversation's tokens by config.json's model_type. The one for "qwen2" wants the
token <|im_end|>, which DeepSeek-R1-Distill-Qwen's tokenizers do not have (verl issue 7637).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any


def mend(agent_loop: ModuleType) -> None:
    """Where the architecture's builder does not fit the tokenizer, take veRL's default one: alike for one turn."""
    theirs = agent_loop.create_continuous_token_builder

    def create_continuous_token_builder(tokenizer: Any, **kwargs: Any) -> Any:
        try:
            return theirs(tokenizer, **kwargs)
        except ValueError as error:
            if "does not define required token" not in str(error):
                raise
            return theirs(tokenizer, **{**kwargs, "model_family": "default"})

    agent_loop.create_continuous_token_builder = create_continuous_token_builder
