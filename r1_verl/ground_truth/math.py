"""The gold answers of a mathematics row, in every form that ground truths have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth import decode
from r1_verl.response import last_boxed


def golds(ground_truth: Any) -> tuple[str, ...]:
    r"""The gold answers of a row, bare; () if there is none.

    Takes canonical JSON (`{"answer":"5","task":"math"}`, `"answers":[...]` for several), upstream's plain strings
    (bare, in a `\boxed{}`, or a GSM8K solution ending in `#### 5`), numbers, lists of these, and mappings.
    """
    return _golds_of_text(ground_truth) if isinstance(ground_truth, str) else _bare(_raw(ground_truth))


def raw_golds(ground_truth: Any) -> tuple[str, ...]:
    """The gold answers as the row spells them, for faithful scorers."""
    return _raw_of_text(ground_truth) if isinstance(ground_truth, str) else tuple(_raw(ground_truth))


@lru_cache(maxsize=65536)
def _golds_of_text(text: str) -> tuple[str, ...]:
    return _bare(_raw(text))


@lru_cache(maxsize=65536)
def _raw_of_text(text: str) -> tuple[str, ...]:
    return tuple(_raw(text))


def is_canonical(ground_truth: Any) -> bool:
    """Whether a ground truth is this package's JSON (its answer bare), not an upstream's own text."""
    return isinstance(ground_truth, str) and ground_truth.startswith("{") and isinstance(decode(ground_truth), Mapping)


def _raw(value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        found = decode(value) if value.startswith("{") and not depth else None
        if isinstance(found, Mapping) and ("answer" in found or "answers" in found):
            return _raw(found, depth + 1)
        return [value] if value.strip() else []
    if isinstance(value, Mapping):
        return _raw(value.get("answers", value.get("answer")), depth + 1) if depth < 2 else []
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [str(value)] if value - value == 0 else []  # no infinity, no NaN
    if hasattr(value, "tolist"):  # numpy, from Parquet
        return _raw(value.tolist(), depth)
    if isinstance(value, list | tuple) and depth < 4:
        return [text for item in value for text in _raw(item, depth + 1)]
    return []


def _bare(texts: Iterable[str]) -> tuple[str, ...]:
    out = []
    for text in texts:
        if "\\boxed" in text:
            text = last_boxed(text) or ""
        elif "####" in text:
            text = text[text.rfind("####") + 4 :]
        if text.strip():
            out.append(text.strip())
    return tuple(out)


def one_line(ground_truth: Any) -> str | None:
    """The first gold on one line, for an ideal response; None if there is none."""
    return next((" ".join(gold.split()) for gold in golds(ground_truth)), None)
