"""Two ways of scoring the same responses, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from r1_verl.evaluation.response_files import Row
from r1_verl.score import OUTCOMES

SAME = 1e-6  # rewards that differ by less are one
_EXAMPLES = 3  # of each cell


class Comparison:
    """Two verdicts on each row: how often which outcome stands beside which, with examples, filled row by row."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], list[str]] = {}  # (outcome, the other's) -> its first examples
        self.counts: Counter[tuple[str, str]] = Counter()
        self.paid_otherwise = 0

    def add(self, at: int, row: Row, one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        """Count one row, the `at`th."""
        cell = (one["outcome"], other["outcome"])
        self.counts[cell] += 1
        paid = abs(one["score"] - other["score"]) > SAME
        self.paid_otherwise += paid
        examples = self.cells.setdefault(cell, [])
        if (paid or cell[0] != cell[1]) and len(examples) < _EXAMPLES:
            preds = f"{one['pred'][:60]!r}" + (f" / {other['pred'][:60]!r}" if one["pred"] != other["pred"] else "")
            truth = " ".join(str(row.ground_truth).split())[:60]
            examples.append(f"row {at}: {one['score']:g} / {other['score']:g}, {preds}, ground truth {truth!r}")

    def text(self, name: str) -> str:
        """The table outcome to outcome, then examples of each cell in which the two differ. name: of the other side."""
        order = {outcome: at for at, outcome in enumerate(OUTCOMES)}
        lefts, tops = (
            sorted({cell[side] for cell in self.counts}, key=lambda each: order.get(each, 99)) for side in (0, 1)
        )
        n = self.counts.total()
        same = sum(count for (one, other), count in self.counts.items() if one == other)
        lines = [f"against {name}: {n} rows, {same} of the same outcome, {self.paid_otherwise} paid otherwise"]
        table = [["", *tops], *([left, *(str(self.counts[left, top] or ".") for top in tops)] for left in lefts)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
        for (one, other), examples in self.cells.items():
            if examples:
                lines += [f"{one} -> {other}, {self.counts[one, other]}:", *(f"  {each}" for each in examples)]
        return "\n".join(lines)
