"""math-verify with the settings of three published rewards, run in a worker process that can be killed.

open-r1 runs it on whole responses with settings of its own; SimpleRL v1 on the extracted answer, with both sides boxed;
veRL's `math_verify` (like Skywork-OR1 and NeMo-RL) on whole responses with the default settings. Upstream allows 5 to
10 seconds by a signal, which only a main thread can handle. Here the worker's deadline holds, and a comparison that
exceeds it earns nothing.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, TIMEOUT, WRONG
from r1_verl.scorers.graders import killable

DEADLINE = 1.0  # seconds of processor time a sample
_MAX_TEXT = killable.MAX_MESSAGE - 200  # characters of gold and text as JSON; a longer response is cut at its start
_MAX_GOLD = 10_000  # characters; MATH's longest worked solution has 6,767


class _KilledError(Exception):
    """The child ran into its limit of time or memory. An exception, so that the cache does not keep it as a verdict."""


def outcome(kind: str, text: str, wanted: tuple[str, ...]) -> str:
    """The outcome of `kind` ("openr1", "boxed" or "anywhere") on a text: correct if it equals any of the golds.

    Raises OSError if no worker can be started, since that is no verdict.
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
    if reply == killable.KILLED:
        raise _KilledError
    if reply == killable.NOT_STARTED:
        raise OSError("no worker for math-verify: try `python -c 'import math_verify'`")
    return WRONG if reply == killable.RAISED else reply  # a comparison that fails is wrong upstream too


_kept = lru_cache(maxsize=2048)(_ask)


def compare(kind: str, gold: str, text: str) -> str:
    """The outcome by the recipe's own call of math-verify: correct, wrong or bad_ground_truth. Unbounded in time."""
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
        return BAD_GROUND_TRUTH
    return CORRECT if verify(wanted, found, timeout_seconds=None) else WRONG


def warm_up() -> None:
    """Import math-verify and compare some texts, so that the worker's children find everything loaded."""
    for gold, text in ((r"\frac{1}{3}", r"\int_0^1 x^2 dx"), ("a_1-2", r"\sqrt{x}+\sin(2x)"), (r"\{3\}", "(1,2)")):
        for kind in ("openr1", "boxed", "anywhere"):
            compare(kind, _boxed(gold), _boxed(text))


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
