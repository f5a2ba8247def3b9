"""What a part of a reward is, and what a part may know of a response besides its text."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from r1_verl.scorers import UnknownNameError

# A text part reads at most that many characters of a response, from its start: whatever a model writes, no part takes
# longer than 50 ms. A departure from every source; 100,000 characters are some 30,000 tokens of English.
MOST_CHARS = 100_000

REQUIRED: Any = inspect.Parameter.empty  # in the place of an option's default: the recipe has to say


class Facts(NamedTuple):
    """What is known of one response, besides its text.

    acc: 1.0 if the response is right by the mode, else 0.0. format: 1.0 or 0.0. tokens: its length in the policy's
    tokens, None if nobody counted. truncated: whether generation was cut off. question: the text of the question, "" if
    unknown. mode: "strict" or "faithful". score: the reward before group parts. think_in_prompt: the prompt already
    opened `<think>`.
    """

    acc: float
    format: float
    tokens: int | None
    truncated: bool | None
    question: str = ""
    mode: str = "strict"
    score: float = 0.0
    think_in_prompt: bool = False


class Part(NamedTuple):
    """A part of a reward, not yet weighted: a pure function whose values are finite and bounded.

    kind: "text" is `function(text, facts, **options) -> float`; "group" is `function(rows, **options) -> list[float]`
    over the Facts of one question's responses, one value a row whatever their order; "tokens" is
    `function(ids, facts, **options) -> list[float]`, one value a token of the response.
    options: names with their defaults, REQUIRED where there is none. needs: the facts it cannot do without, of
    {"tokens", "truncated", "question"}. source: paper or repository.
    """

    name: str
    kind: str
    function: Callable[..., Any]
    options: Mapping[str, Any]
    needs: frozenset[str]
    source: str


def part(name: str, kind: str, function: Callable[..., Any], source: str, *needs: str) -> Part:
    """A Part whose options are the keywords of its function."""
    keywords = list(inspect.signature(function).parameters.values())[1 if kind == "group" else 2 :]
    return Part(name, kind, function, {word.name: word.default for word in keywords}, frozenset(needs), source)


def number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """The value of the option `name`, a finite number from low to high. Raises UnknownNameError for any other."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not low <= value <= high:
        ends = " and ".join([f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf))
        raise UnknownNameError(f"{name} is {value!r}: give it a number{ends and f', {ends}'}")
    return float(value)


def whole(name: str, value: Any) -> int:
    """The value of the option `name`, a whole number from 1 on. Raises UnknownNameError for any other."""
    if not number(name, value, 1).is_integer():
        raise UnknownNameError(f"{name} is {value!r}: give it a whole number")
    return int(value)


def length(name: str, facts: Facts) -> int:
    """A response's length in the policy's tokens, for the part `name`. Raises UnknownNameError if nobody counted."""
    if facts.tokens is None:
        raise UnknownNameError(
            f"the part {name!r} needs each response's length in the policy's tokens: give extra_info['response_tokens']"
        )
    return facts.tokens
