"""How a model thinks, counted in its responses: thinking and answer apart, steps, reflection, languages, repetition."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from r1_verl.data.parallel import ordered_map
from r1_verl.environments.episode import SUCCESS
from r1_verl.report.keywords import reflections, steps
from r1_verl.report.responses import Response
from r1_verl.reward.parts import PARTS, Facts
from r1_verl.score import CORRECT

_CHUNK = 256  # responses a task
_INLINE = 2048  # responses that are measured sooner than worker processes start
_TAGS = re.compile("</?think>|</?answer>")
_FEW = 1e-12


class Marks(NamedTuple):
    """What is counted in one response. think, answer: lengths in the unit chosen; the rest as in a table's columns."""

    think: int
    answer: int
    steps: int
    reflections: int
    mixing: float
    repetition: float
    code: bool


class Spread(NamedTuple):
    """A mean over n responses and their standard deviation (of the population); NaN without any."""

    mean: float
    std: float
    n: int


def split(response: str, think_in_prompt: bool = False) -> tuple[str, str]:
    """The thinking and the answer of a response, without their tags.

    The thinking ends at the last `</think>`; one that never ends is all of the response. Without tags of thinking it
    ends where `<answer>` begins, and without that tag too, all of the response is thinking.
    """
    thinking, close, answer = response.rpartition("</think>")
    if not close and not think_in_prompt and "<think>" not in response and "<answer>" in response:
        thinking, close, answer = response.partition("<answer>")
    if not close:
        thinking, answer = response, ""
    return _TAGS.sub("", thinking), _TAGS.sub("", answer)


def measure(texts: Sequence[tuple[str, bool, str]], keywords: str, tokenizer: str = "") -> list[Marks]:
    """The marks of responses. texts: (response, think_in_prompt, prompt) of each. tokenizer: of the model whose tokens
    are counted; "" counts words."""
    halves = [split(response, opened) for response, opened, _ in texts]
    lengths = _lengths([text for pair in halves for text in pair], tokenizer)
    found = []
    for at, ((response, opened, prompt), (thinking, _)) in enumerate(zip(texts, halves, strict=True)):
        known = Facts(0.0, 0.0, None, None, prompt, think_in_prompt=opened)
        found.append(
            Marks(
                lengths[2 * at], lengths[2 * at + 1], steps(thinking), len(reflections(thinking, keywords)),
                1.0 - PARTS["language"].function(response, known), abs(PARTS["repetition"].function(response, known)),
                "```" in response,
            )
        )  # fmt: skip
    return found


def _lengths(texts: list[str], tokenizer: str) -> list[int]:
    if not tokenizer:
        return [len(text.split()) for text in texts]
    sound = [text.encode("utf-8", "replace").decode() for text in texts]  # a lone surrogate has no tokens
    return [len(each) for each in load_tokenizer(tokenizer).encode_batch_fast(sound, add_special_tokens=False)]


@functools.lru_cache(maxsize=1)
def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model: a folder, or a name on the hub. Raises whatever the libraries raise."""
    from tokenizers import Tokenizer

    folder = Path(name).expanduser()
    return Tokenizer.from_file(str(folder / "tokenizer.json")) if folder.is_dir() else Tokenizer.from_pretrained(name)


class Counts:
    """The responses of one step, counted one at a time."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}
        self.outcomes: Counter[str] = Counter()
        self.shortened = 0  # whose file holds a part of the text only

    def add(self, response: Response, marks: Marks) -> None:
        """Count one response."""
        right = response.acc
        if math.isnan(right) and response.outcome:
            right = float(response.outcome in (CORRECT, SUCCESS))
        reflecting = marks.reflections > 0
        self._add(**marks._asdict(), mixed=marks.mixing > _FEW, reflecting=reflecting, right=right)
        self._add(**{"right_reflecting" if reflecting else "right_not_reflecting": right})
        if response.tokens >= 0:
            self._add(tokens=response.tokens)
        if response.truncated is not None:
            self._add(truncated=response.truncated)
        self.shortened += response.characters > len(response.response)
        self.outcomes[response.outcome or "not judged"] += 1

    def _add(self, **values: float) -> None:
        for name, value in values.items():
            if not math.isnan(value):
                self.values.setdefault(name, []).append(float(value))

    def __getitem__(self, name: str) -> Spread:
        values = self.values.get(name)
        return (
            Spread(float(np.mean(values)), float(np.std(values)), len(values))
            if values
            else Spread(math.nan, math.nan, 0)
        )


class Analysis(NamedTuple):
    """One kind of responses of one run or file. by_step: in the order of steps."""

    name: str
    by_step: dict[int, Counts]


def analyse(
    found: Iterable[tuple[str, Response]], keywords: str, tokenizer: str = "", workers: int = 1
) -> list[Analysis]:
    """The analyses of responses that come with the name of their kind, each measured on `workers` processes."""
    found = iter(found)
    waiting: list[list[tuple[str, Response]]] = []
    head = list(islice(found, _INLINE))

    def chunks() -> Iterator[list[tuple[str, bool, str]]]:
        everything = chain(head, found)
        while chunk := list(islice(everything, _CHUNK)):
            waiting.append(chunk)
            yield [(each.response, each.think_in_prompt, each.prompt or each.key[0]) for _, each in chunk]

    by_name: dict[str, dict[int, Counts]] = {}
    work = functools.partial(measure, keywords=keywords, tokenizer=tokenizer)
    for marks in ordered_map(work, chunks(), workers if len(head) == _INLINE else 1):
        for (name, response), each in zip(waiting.pop(0), marks, strict=True):
            by_name.setdefault(name, {}).setdefault(response.step, Counts()).add(response, each)
    return [Analysis(name, dict(sorted(by_step.items()))) for name, by_step in by_name.items()]


def first_above(by_step: dict[int, Counts], name: str) -> int | None:
    """The first step whose mean is above that of the first step by more than two standard errors of the difference."""
    (_, start), *later = by_step.items()
    base = start[name]
    for step, counts in later:
        value = counts[name]
        error = math.sqrt(base.std**2 / max(1, base.n) + value.std**2 / max(1, value.n))
        if value.n and base.n and value.mean - base.mean > 2 * error:
            return step
    return None
