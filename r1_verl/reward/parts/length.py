"""Parts that look at a response's length: cosine, relative to the group, soft overlong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from r1_verl.reward.parts.part import Facts, length, number

MARGIN = 16  # tokens before max_length at which demystify's `exceed` begins


def cosine(
    text: str,
    facts: Facts,
    *,
    max_length: float,
    min_value_wrong: float = -1.0,
    max_value_wrong: float = -0.5,
    min_value_correct: float = 0.5,
    max_value_correct: float = 1.0,
    exceed: float | None = None,
) -> float:
    """A value on a half cosine wave over the response's length in the policy's tokens.

    A right response goes from max_value_correct at length 0 down to min_value_correct at max_length, a wrong one from
    min_value_wrong up to max_value_wrong (neither above 0): be brief when right, think longer when wrong. exceed: what
    a response pays, right or wrong, from 16 tokens before max_length on; None for no such rule.
    Defaults are those of open-r1's function. Its command line has min_value_wrong 0.0, above max_value_wrong, so that
    there a wrong response is paid for being short (open-r1#305, #312): name that value to train as it did. demystify's
    recipes name all five (-10, 0, 1, 2, exceed -10) with max_length the length of generation.
    Beyond max_length, faithful: the wave swings back; strict: it stays.
    Source: demystify-long-cot, arXiv 2502.03373 (tokens, exceed); open-r1, rewards.py, `get_cosine_scaled_reward`.
    """
    return _cosine(
        length("cosine", facts), facts, max_length, min_value_wrong, max_value_wrong, min_value_correct,
        max_value_correct, exceed,
    )  # fmt: skip


def cosine_characters(
    text: str,
    facts: Facts,
    max_length: float = 1000,
    min_value_wrong: float = -1.0,
    max_value_wrong: float = -0.5,
    min_value_correct: float = 0.5,
    max_value_correct: float = 1.0,
) -> float:
    """`cosine` over the response's length in characters, as open-r1 measures it."""
    return _cosine(
        len(text), facts, max_length, min_value_wrong, max_value_wrong, min_value_correct, max_value_correct, None
    )


def _cosine(
    size: int,
    facts: Facts,
    max_length: float,
    min_wrong: float,
    max_wrong: float,
    min_right: float,
    max_right: float,
    exceed: float | None,
) -> float:
    end = number("max_length", max_length, low=1)
    wrong = number("min_value_wrong", min_wrong, high=0), number("max_value_wrong", max_wrong, high=0)
    right = number("max_value_correct", max_right), number("min_value_correct", min_right)
    beyond = None if exceed is None else number("exceed", exceed)
    if beyond is not None and size + MARGIN >= end:
        return beyond
    progress = size / end if facts.mode == "faithful" else min(1.0, size / end)
    first, last = right if facts.acc == 1.0 else wrong
    return last + 0.5 * (first - last) * (1.0 + math.cos(progress * math.pi))


def kimi_length(rows: Sequence[Facts]) -> list[float]:
    """Kimi k1.5's length reward within a group: from 0.5 for the shortest response to -0.5 for the longest.

    A wrong response gets no more than 0. All of one length, or alone: 0. Lengths are in the policy's tokens; open-r1's
    `len_reward` counts characters, over all completions of a call. A wrong short response beats a wrong long one: see
    `gated_length`.
    Source: Kimi k1.5, arXiv 2501.12599, 2.3.3; open-r1, rewards.py, `len_reward`.
    """
    lengths = [length("kimi_length", row) for row in rows]
    shortest, spread = min(lengths, default=0), max(lengths, default=0) - min(lengths, default=0)
    if not spread:
        return [0.0] * len(rows)
    values = [0.5 - (size - shortest) / spread for size in lengths]
    return [value if row.acc == 1.0 else min(0.0, value) for row, value in zip(rows, values, strict=True)]


def gated_length(rows: Sequence[Facts]) -> list[float]:
    """A bonus for brevity among a group's right responses: 1 - length / their mean length, and no less than 0.

    From 0 to 1. A wrong response gets 0 whatever its length, so that failing fast is not paid for.
    Source: PrimeIntellect-ai/prime-rl #2265 (there the reward is multiplied by 1 + bonus, which a right response's
    reward of 1 makes the same).
    """
    lengths = [length("gated_length", row) for row in rows]
    right = [size for row, size in zip(rows, lengths, strict=True) if row.acc == 1.0]
    total = sum(right)
    if not total:
        return [0.0] * len(rows)
    mean = total / len(right)
    return [max(0.0, 1.0 - size / mean) if row.acc == 1.0 else 0.0 for row, size in zip(rows, lengths, strict=True)]


def soft_overlong(text: str, facts: Facts, *, max_length: float, buffer: float) -> float:
    """DAPO's penalty: 0 up to max_length - buffer tokens, from there in a straight line to -1 at max_length.

    Longer responses, which max_length as the limit of generation does not let happen, get -1 as in the paper; the
    `dapo` manager of veRL goes on below it. Its `penalty_factor` is the part's weight.
    Source: DAPO, arXiv 2503.14476, equation 13; verl, reward_manager/dapo.py.
    """
    end = number("max_length", max_length, low=1)
    before = number("buffer", buffer, low=1, high=end)
    return max(-1.0, min(0.0, (end - before - length("soft_overlong", facts)) / before))
