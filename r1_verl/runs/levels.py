"""An accuracy over the steps of a run: its level now, the best before, and whether that much can be chance."""

from __future__ import annotations

import math
from statistics import fmean, median

CHANCE = 1.0  # standard errors that a loss is larger than, beyond what luck alone puts between so many levels
SMALLEST = 0.15  # of the best accuracy: what is lost at least
SCATTER = 100  # values that tell how much they scatter
ENOUGH = 6  # values that must be there to tell it: the median of three bends may be any


class Levels:
    """An accuracy's levels: means of so many values in a row, the last one and the best before it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.steps: list[int] = []
        self.values: list[float] = []
        self.rewards: list[float | None] = []
        self.rows: list[int | None] = []
        self.best: int | None = None  # the place of the last value of the best level that ends before the last one

    def add(self, step: int, value: float, rows: int | None, reward: float | None = None) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.rows.append(rows)
        self.rewards.append(reward)
        ended = len(self.values) - 1 - self.width
        if ended >= self.width - 1 and (self.best is None or self.level(ended) > self.level(self.best)):
            self.best = ended

    def level(self, end: int) -> float:
        return fmean(self.values[end + 1 - self.width : end + 1])

    def error(self) -> float | None:
        """The standard error of a level, the larger of two; None if neither is known. That of shares of so many
        responses; and for levels of several values what those before the last level scatter: responses to one prompt
        are alike, which their number does not tell.
        """
        assert self.best is not None
        share = min(max(self.level(self.best), 0.05), 0.95)
        rows = [count for count in self.rows[self.best + 1 - self.width : self.best + 1] if count]
        found = [math.sqrt(share * (1 - share) / min(rows))] if rows else []
        before = self.values[-self.width - SCATTER : -self.width]
        if self.width > 1 and len(before) > ENOUGH:
            bends = [abs(x - 2 * y + z) for x, y, z in zip(before, before[1:], before[2:], strict=False)]
            found.append(median(bends) / 1.652)  # a steady rise has none; of chance alone they have this median
        return max(found) / math.sqrt(self.width) if found else None

    def loss(self) -> tuple[float, float] | None:
        """(best level, last level), if the last is lower by more than chance explains."""
        if self.best is None or (error := self.error()) is None:
            return None
        best, now = self.level(self.best), self.level(len(self.values) - 1)
        luck = math.sqrt(
            2 * math.log(max(2, len(self.values) / self.width))
        )  # of the best, and of the worst, of so many
        if best - now > error * (CHANCE + 2 * luck) and now <= (1 - SMALLEST) * best:
            return best, now
        return None

    def reward_held(self) -> str:
        """If the reward is as high as it was at the best accuracy, both in numbers; "" if it is not."""
        if self.best is None:
            return ""
        spans = self.rewards[self.best + 1 - self.width : self.best + 1], self.rewards[-self.width :]
        if any(value is None for span in spans for value in span):
            return ""
        then, now = map(fmean, spans)
        return f"reward {then:.3g} -> {now:.3g}" if now >= then else ""
