"""The one face for scoring: veRL calls it (`reward.custom_reward_function.path=pkg://r1_verl.reward`), people too."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from r1_verl.response import until
from r1_verl.score import CORRECT, ERROR, WRONG, Score
from r1_verl.scorers import Judge, Scorer, UnknownNameError, known_options, resolve, unknown_name

# What veRL itself may add to the call (experimental/reward_loop/reward_manager/naive.py).
_VERL_KEYWORDS = frozenset({"reward_router_address", "reward_model_tokenizer"})
_PRED_CHARS = 200  # enough for maj@k and for a person; a hostile answer may be a megabyte


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    mode: str = "strict",
    ladder: str | None = None,
    stop: str | Sequence[str] = (),
    include_stop: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Score one response.

    solution_str: the response alone, without its prompt. ground_truth: canonical JSON (`ground_truth.encode`), or
    upstream's own form. extra_info["think_in_prompt"]: the prompt already opened `<think>`.
    mode: "faithful" is the published reward, "strict" the mended one. ladder: a reward scale by name; None is the
    source's own. stop, include_stop: texts at which generation ends, and whether they belong to the response (vLLM's
    include_stop_str_in_output); what the last token brought behind them is not read. options: what single scorers take
    (each gets those it knows).

    Returns the same keys for every source and outcome: `score` (the reward), `acc` (1.0 or 0.0, always the strict
    verdict), `format` (1.0 or 0.0, by the mode's own rule), `outcome`, `pred`, and `parts` (sub-rewards as a JSON
    object, "" where there are none: veRL wants one flat set of keys).

    Raises UnknownNameError for an unknown data source, mode, ladder or option; nothing that a response or a ground
    truth holds raises.
    """
    entry, judge, scale = resolve(data_source, mode, ladder)
    if options:
        options = _options(entry, options)
    text = solution_str if isinstance(solution_str, str) else ""
    if stop:
        text = until(text, (stop,) if isinstance(stop, str) else stop, include_stop)
    info = extra_info if extra_info is not None else {}
    score = strict = _judge(entry.strict, text, ground_truth, info, options)
    if judge is not entry.strict:
        score = _judge(judge, text, ground_truth, info, options)
    return {
        "score": scale(score),
        "acc": 1.0 if strict.outcome == CORRECT else 0.0,
        "format": score.format,
        "outcome": score.outcome,
        "pred": str(score.pred)[:_PRED_CHARS],
        "parts": _parts(tuple(score.parts.items())) if score.parts else "",
    }


@lru_cache(maxsize=4096)
def _parts(parts: tuple[tuple[str, float], ...]) -> str:
    return json.dumps({name: float(value) for name, value in parts})


def _judge(judge: Judge, text: str, ground_truth: Any, info: Mapping[str, Any], options: dict[str, Any]) -> Score:
    try:
        found = judge(text, ground_truth, info, **options) if options else judge(text, ground_truth, info)
        if isinstance(found, Score):
            return found
        if isinstance(found, bool):
            return Score(CORRECT if found else WRONG, format=1.0)
        raise TypeError(f"a scorer returns a Score or a bool, not {found!r:.80}")
    except (UnknownNameError, KeyboardInterrupt, SystemExit):  # an option's value may name something unknown
        raise
    except BaseException as error:  # a defect of the scorer (math-verify's timeout is no Exception); veRL would lose
        _complain(f"r1_verl: scorer {judge.__module__}.{judge.__qualname__} raised {error!r:.200}")
        return Score(ERROR)  # the trajectory and go on


@lru_cache(maxsize=256)
def _complain(message: str) -> None:
    """Say it once: the same defect comes with every sample, and the outcome counts them."""
    print(message, file=sys.stderr)


def _options(entry: Scorer, options: dict[str, Any]) -> dict[str, Any]:
    unknown = options.keys() - known_options() - _VERL_KEYWORDS
    if unknown:
        raise UnknownNameError(unknown_name("option", min(unknown), known_options() | {"mode", "ladder"}))
    return {name: value for name, value in options.items() if name in entry.options}
