"""What the benchmarks of one scorer share: a fair clock and hostile megabytes."""

from __future__ import annotations

import time
import timeit

MEGABYTE = 1_000_000


def microseconds(number: int, *calls) -> list[float]:
    """CPU time of each call, the best of nine rounds; they take turns, so that a busy machine is fair to all."""
    rounds = [[timeit.timeit(call, timer=time.process_time, number=number) for call in calls] for _ in range(9)]
    return [min(times) / number * 1e6 for times in zip(*rounds, strict=True)]


def fill(piece: str, before: str = "", after: str = "") -> str:
    """A million characters: `piece` over and over between the two others."""
    return before + piece * ((MEGABYTE - len(before) - len(after)) // len(piece)) + after
