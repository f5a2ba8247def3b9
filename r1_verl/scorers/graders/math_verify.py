"""math-verify itself, as three recipes call it, in the judge's killable worker.

open-r1 runs it on whole responses with a configuration of its own; SimpleRL v1 on the extracted answer, both sides
boxed; veRL's `math_verify` (Skywork-OR1, NeMo-RL alike) on whole responses with the defaults. Upstream allows 5 to 10
seconds by a signal, which only a main thread can have; here the worker's deadline holds, and what exceeds it is wrong.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, TIMEOUT, WRONG
from r1_verl.scorers.graders import killable

DEADLINE = 1.0  # seconds of processor time a sample: a busy machine must not turn right answers into zeros
_MAX_TEXT = killable.MAX_MESSAGE - 200  # characters of gold and text as JSON; of a longer response the end counts
_MAX_GOLD = 10_000  # characters; MATH's longest worked solution has 6,767
_REPLIES = {"1": CORRECT, "g": BAD_GROUND_TRUTH}  # all else is a comparison that failed: wrong, as upstream


class _KilledError(Exception):
    """The child ran into a limit of time or memory. Raised, so that it is never kept as a verdict."""


def outcome(kind: str, text: str, wanted: tuple[str, ...]) -> str:
    """The outcome of `kind` ("openr1", "boxed" or "anywhere") on a text: correct if it equals any of the golds.

    Raises OSError where no worker can be started: that is no verdict.
    """
    found = WRONG
    for gold in wanted:
        try:
            ask = _kept if len(text) <= 200 else _ask
            found = ask(kind, gold, text, DEADLINE / len(wanted))
        except _KilledError:
            return TIMEOUT
        if found == CORRECT:
            break
    return found


def _ask(kind: str, gold: str, text: str, deadline: float) -> str:
    if len(gold) > _MAX_GOLD:
        return BAD_GROUND_TRUTH
    text = text[-_MAX_TEXT:]
    while len(json.dumps([gold, text])) > _MAX_TEXT and text:
        text = text[len(text) // 4 + 1 :]
    reply = killable.call(f"{__name__}:compare", (kind, gold, text), deadline)
    if reply == "t":
        raise _KilledError
    if not reply:
        raise OSError("no worker for math-verify: try `python -c 'import math_verify'`")
    return _REPLIES.get(reply, WRONG)


_kept = lru_cache(maxsize=2048)(_ask)


def compare(kind: str, gold: str, text: str) -> str:
    """As the recipe's own call of math-verify: "1", "0" or "g" (no gold could be read). Unbounded in time."""
    import logging

    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    logging.disable(logging.CRITICAL)
    patient: dict[str, Any] = {"parsing_timeout": None}
    if kind == "openr1":
        wanted, found = parse(gold, extraction_mode="first_match", **patient), None
        if wanted:
            found = parse(text, [_openr1()], extraction_mode="first_match", **patient)
    elif kind == "boxed":
        wanted, found = parse(_boxed(gold), **patient), parse(_boxed(text), **patient)
    else:
        wanted = parse(_boxed(gold), [LatexExtractionConfig()], **patient)
        found = parse(text, [ExprExtractionConfig(), LatexExtractionConfig()], **patient)
    if not wanted:
        return "g"
    return "1" if verify(wanted, found, timeout_seconds=None) else "0"


def _openr1() -> Any:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig

    normalization = NormalizationConfig(
        nits=False, malformed_operators=False, basic_latex=True, equations=True, boxed="all", units=True
    )
    return LatexExtractionConfig(
        normalization_config=normalization, boxed_match_priority=0, try_extract_without_anchor=False
    )


def _boxed(text: str) -> str:
    return text if "\\boxed" in text else f"\\boxed{{{text}}}"
