"""The tokens of an episode of several turns, and whose each one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Tokens(NamedTuple):
    """An episode so far. ids: of prompt and response. mask: of the response, 1 for a token of the model. log_probs: of
    the response, 0.0 for a token that is not the model's."""

    ids: list[int]
    mask: list[int]
    log_probs: list[float]

    @property
    def last(self) -> int:
        """The place in the response of the model's last token, -1 if there is none."""
        return max((place for place, mine in enumerate(self.mask) if mine), default=-1)

    def given(self, ids: Sequence[int]) -> Tokens:
        """With tokens that are not the model's."""
        nothing = [0] * len(ids)
        return Tokens([*self.ids, *ids], [*self.mask, *nothing], [*self.log_probs, *map(float, nothing)])

    def ended(self) -> Tokens:
        """Up to the model's last token."""
        surplus = len(self.mask) - self.last - 1
        return Tokens(*(values[: len(values) - surplus] for values in self))
