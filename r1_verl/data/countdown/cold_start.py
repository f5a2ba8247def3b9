"""Cold-start traces for Countdown: written-out attempts for a supervised start, as weak as a base model's own.

A trace keeps the numbers in the prompt's order and tries random signs, works each try out step by step and correctly,
writes the target beside the result (a comparison of neighbours is learnt on every seed, one with the prompt is not),
says `yes` or `no`, and stops at the first hit. After a first miss it gives up with probability `give_up` and answers
with that try, which is wrong; else it goes on, never trying the same twice, and answers with its nearest try. So the
start can propose, calculate and check, and does it too rarely and at random: what reinforcement learning then sharpens.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAX_TRIES = 5
_LEADING_MINUS = 0.2  # a first number is seldom subtracted


class Trace(NamedTuple):
    """One supervised example: the response in full, and whether its answer is right."""

    response: str
    correct: bool


def traces(puzzles: Sequence[tuple[Sequence[int], int]], seed: int, give_up: float = 0.8) -> Iterator[Trace]:
    """One trace for each puzzle (numbers, target), in order, the same for the same seed. + and - only."""
    for index, (numbers, target) in enumerate(puzzles):
        yield _trace(numbers, target, random.Random(f"{seed}:{index}"), give_up)


def _trace(numbers: Sequence[int], target: int, rng: random.Random, give_up: float) -> Trace:
    lines, tries, signs_tried = [], [], set()
    while len(tries) < min(MAX_TRIES, 2 ** len(numbers)):
        signs = tuple(-1 if rng.random() < (0.5 if i else _LEADING_MINUS) else 1 for i in range(len(numbers)))
        if signs in signs_tried:
            continue
        signs_tried.add(signs)
        signed = [sign * number for sign, number in zip(signs, numbers, strict=True)]
        total, worked = signed[0], str(signed[0])
        for number in signed[1:]:
            total += number
            worked += f"{number:+d}={total}"
        lines.append(f"{worked} {target} {'yes' if total == target else 'no'}")
        tries.append((abs(total - target), "".join(f"{n:+d}" for n in signed).removeprefix("+")))
        if total == target or (len(tries) == 1 and rng.random() < give_up):
            break
    miss, best = min(tries, key=lambda tried: tried[0])
    thinking = "\n".join(lines)
    return Trace(f"<think>{thinking}</think><answer>{best}</answer>", not miss)
