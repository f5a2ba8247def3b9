"""Score one response.

veRL calls `compute_score` (reward.custom_reward_function.path=pkg://r1_verl.reward); so can you.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth import task_of
from r1_verl.response import until
from r1_verl.reward import compose, named
from r1_verl.score import CORRECT, ERROR, WRONG, Score
from r1_verl.scorers import Judge, Scorer, UnknownNameError, known_options, note_ladder, resolve, unknown_name

# Keywords that veRL itself may add to the call (experimental/reward_loop/reward_manager/naive.py).
_VERL_KEYWORDS = frozenset({"reward_router_address", "reward_model_tokenizer"})
_PRED_CHARS = 200  # enough for maj@k and for a person; a hostile answer may be a megabyte


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: str | Mapping[str, Any] | Sequence[Any] | None = None,
    mode: str = "strict",
    scale: str | None = None,
    stop: str | Sequence[str] = (),
    include_stop: bool = True,
    think_in_prompt: bool | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score one response.

    solution_str: the response alone, without its prompt. ground_truth: canonical JSON (`ground_truth.encode`), or
    upstream's own form. extra_info["think_in_prompt"]: the prompt already opened `<think>`.
    reward: the scorer that judges, by name or as {name, scale, options}; None is the data source's scorer. A list pays
    parts beside it (`reward.compose`); those that look at lengths need extra_info["response_tokens"] (of the policy's
    tokenizer) and extra_info["truncated"].
    mode: "faithful" is the published reward, "strict" the same task with its holes closed. scale: a reward scale by
    name; None is the scorer's default. stop, include_stop: texts at which generation ends, and whether they belong to
    the response (vLLM's include_stop_str_in_output); text after a stop, which the last token may bring, is not read.
    think_in_prompt: for rows whose extra_info does not say it.
    options: keywords of single scorers (each scorer gets those it knows).

    Returns the same keys for every source and outcome: `score` (the reward), `acc` (1.0 or 0.0, always the strict
    verdict), `format` (1.0 or 0.0, by the mode's own rule), `outcome`, `pred`, and `parts` (sub-rewards as a JSON
    object, "" if there are none: veRL needs one flat set of keys). Under a list `score` is the sum of `parts`, `acc`,
    `format` and `outcome` are the judge's, and one key more, `later`, names the parts of groups and of tokens, which
    the sampler adds in training ("" if there are none).

    Raises UnknownNameError for an unknown data source, reward, part, mode, scale or option, for a named reward that
    judges another task than the ground truth names, and for a part without the fact that it needs. Nothing else that a
    response or a ground truth holds raises.
    """
    if options and "ladder" in options:
        note_ladder()
        old = options.pop("ladder")
        scale = scale or old
    paid = compose.read(reward)
    if paid.judge is None:
        entry, chosen, to_reward = resolve(data_source, mode, scale)
        if options:
            options = _options(entry, options)
    else:
        name, own_scale, own_options = paid.judge
        entry, chosen, to_reward = resolve("", mode, scale or own_scale, name)
        task = task_of(ground_truth)
        if task != entry.task and task and entry.task:
            raise named.wrong_task(entry, task, data_source)
        options = {**own_options, **_options(entry, options)} if options else own_options
    text = solution_str if isinstance(solution_str, str) else ""
    if stop:
        text = until(text, (stop,) if isinstance(stop, str) else stop, include_stop)
    info = extra_info if extra_info is not None else {}
    if think_in_prompt is not None and info.get("think_in_prompt") is None:
        info = {**info, "think_in_prompt": think_in_prompt}
    score = strict = _call(entry.strict, text, ground_truth, info, options)
    if chosen is not entry.strict:
        score = _call(chosen, text, ground_truth, info, options)
    result = {
        "score": to_reward(score),
        "acc": 1.0 if strict.outcome == CORRECT else 0.0,
        "format": score.format,
        "outcome": score.outcome,
        "pred": str(score.pred)[:_PRED_CHARS],
        "parts": _parts(tuple(score.parts.items())) if score.parts else "",
    }
    if paid.listed:
        result |= compose.pay(paid, entry.name, to_reward, score, text, info, mode)
    return result


@lru_cache(maxsize=4096)
def _parts(parts: tuple[tuple[str, float], ...]) -> str:
    return json.dumps({name: float(value) for name, value in parts})


def _call(scorer: Judge, text: str, ground_truth: Any, info: Mapping[str, Any], options: Mapping[str, Any]) -> Score:
    """The scorer's verdict; ERROR if it raises, because veRL would lose the trajectory and go on."""
    try:
        score = scorer(text, ground_truth, info, **options) if options else scorer(text, ground_truth, info)
        if isinstance(score, Score):
            return score
        if isinstance(score, bool):
            return Score(CORRECT if score else WRONG, format=1.0)
        raise TypeError(f"a scorer returns a Score or a bool, not {score!r:.80}")
    except (UnknownNameError, KeyboardInterrupt, SystemExit):  # an option's value may name something unknown
        raise
    except BaseException as error:  # math-verify's timeout is no Exception
        compose.complain(f"r1_verl: scorer {scorer.__module__}.{scorer.__qualname__} raised {error!r:.200}")
        return Score(ERROR)


def _options(entry: Scorer, options: dict[str, Any]) -> dict[str, Any]:
    unknown = options.keys() - known_options() - _VERL_KEYWORDS
    if unknown:
        raise UnknownNameError(unknown_name("option", min(unknown), known_options() | {"mode", "scale", "reward"}))
    return {name: value for name, value in options.items() if name in entry.options}
