"""Repeated n-grams: open-r1's share of a response's words, demystify's penalty on each repeated token.

N-grams are compared exactly: no hashes that a hostile text could make collide. Time grows with the logarithm of n.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from r1_verl.reward.parts.language import HAN, LANGUAGES
from r1_verl.reward.parts.part import MOST_CHARS, Facts, number, whole
from r1_verl.scorers import UnknownNameError, unknown_name

_WORD = re.compile(f"[{HAN}]|[^\\s{HAN}]+")


def repetition(text: str, facts: Facts, ngram: int = 3, max_penalty: float = -1.0, language: str = "en") -> float:
    """The share of n-grams of words that stood before, times max_penalty (at most 0); from max_penalty to 0.

    Words are lower-case and separated by blanks; a response of fewer than n has no n-gram and gets 0. language "zh"
    makes each Chinese character a word. Departure: open-r1 cuts Chinese with jieba there, which takes longer than a
    part may; none of its recipes sets a language. Strict: Chinese characters are words whatever the language, or a
    loop in Chinese would be one long word and cost nothing.
    Source: demystify-long-cot, arXiv 2502.03373 C.2; open-r1, rewards.py, `get_repetition_penalty_reward`.
    """
    size, worst = whole("ngram", ngram), number("max_penalty", max_penalty, high=0)
    if language not in LANGUAGES:
        raise UnknownNameError(unknown_name("language", language, LANGUAGES))
    text = text[:MOST_CHARS].lower()
    chinese = (language == "zh" or facts.mode == "strict") and not text.isascii()
    words = _WORD.findall(text) if chinese else text.split()
    if len(words) < size:
        return 0.0
    import numpy as np

    places = {word: place for place, word in enumerate(dict.fromkeys(words))}
    grams = _windows(np.array([*map(places.__getitem__, words)]), size)
    # Each window's number is below the number of different ones. Adding 0.0 makes -0.0 plain.
    return (1 - (int(grams.max()) + 1) / len(grams)) * worst + 0.0


def repetition_dense(ids: Sequence[int], facts: Facts, ngram: int = 40, penalty: float = -0.05) -> list[float]:
    """`penalty` (at most 0) on each token of an n-gram of tokens that stood before, 0.0 on every other token.

    The penalty is set, not added: a token of several repeated n-grams has it once. ids: the response's tokens, end
    token included. Not taken over: `only_start`, which no published script uses.
    Source: demystify-long-cot, openrlhf/reward/repetition.py, `RepetitionDensePenalty`; the paper's n and penalty.
    """
    size, value = whole("ngram", ngram), number("penalty", penalty, high=0)
    if len(ids) < size:
        return [0.0] * len(ids)
    import numpy as np

    grams = _windows(np.unique(np.asarray(ids), return_inverse=True)[1], size)
    first = np.unique(grams, return_index=True)[1]
    repeated = np.arange(len(grams)) != first[grams]
    steps = np.zeros(len(ids) + 1, np.int64)  # +1 where a repeated n-gram begins, -1 behind its end
    steps[: len(grams)] += repeated
    steps[size : size + len(grams)] -= repeated
    return np.where(steps.cumsum()[:-1] > 0, value, 0.0).tolist()


def _windows(ids: Any, size: int) -> Any:
    """A number for the window of `size` ids at each place, the same for equal windows; from 0, none left out.

    ids: int64 [L], numbers from 0, none left out. Returns int64 [L - size + 1]. A window's number is made of those of
    the shorter windows that cover it, as many at a time as fit into 63 bits.
    """
    import numpy as np

    length = 1
    while length < size:
        base = int(ids.max()) + 1
        if base == len(ids):  # no two are equal, so no longer ones are
            return np.arange(len(ids) - (size - length))
        last = min(size, length * max(2, 63 // base.bit_length())) - length
        keys = np.zeros(len(ids) - last, np.int64)
        for place in (*range(0, last, length), last):
            keys = keys * base + ids[place : place + len(keys)]
        ids = np.unique(keys, return_inverse=True)[1]
        length += last
    return ids
