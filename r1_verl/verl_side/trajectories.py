"""One sampled response of a training step, as the sampler hands it to metrics, samples and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Trajectory(NamedTuple):
    """What is known of one response. key: TransferQueue's, `{uid}_{session}_{index}`. group: the uid, one a question
    and step. question: the same at every step (`question_id`). info: what the scorer said (score, acc, format, outcome,
    pred, parts ...), after group and token parts. tokens: the response's length; model_tokens: how many of them the
    model wrote, -1 for all. masked: it trains nothing. left_out: its group is not trained on."""

    key: str
    group: str
    data_source: str
    question: str
    info: dict[str, Any]
    tokens: int
    truncated: bool
    masked: bool
    model_tokens: int = -1
    left_out: bool = False

    @property
    def written(self) -> int:
        """The tokens that the model wrote."""
        return self.tokens if self.model_tokens < 0 else self.model_tokens


def question_id(data_source: str, extra_info: Any) -> str:
    """`<data_source>/<split>/<index>` of a row, the same at every step; "" if its extra_info has no index."""
    if not isinstance(extra_info, Mapping) or extra_info.get("index") is None:
        return ""
    return f"{data_source}/{extra_info.get('split') or ''}/{extra_info['index']}"
