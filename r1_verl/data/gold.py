"""Gold check: every gold goes through the scorer that will judge its row; one that does not score 1.0 is left out.

For any preparation script: `check_gold` for one row, `good_golds` for rows in veRL's columns.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from r1_verl.ground_truth.countdown import read_puzzle
from r1_verl.reward import compute_score
from r1_verl.score import BAD_GROUND_TRUTH
from r1_verl.scorers import find_scorer

NO_RESPONSE = "no_gold_response"  # nobody said what a right response to this row looks like


class BadGold(NamedTuple):
    """A row whose gold is not worth the reward. row: its place among the rows given; outcome: what its scorer said."""

    row: int
    data_source: str
    outcome: str
    ground_truth: str


def check_gold(
    data_source: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, response: str | None = None
) -> str:
    """ "" if the gold scores acc 1.0 with its own scorer, else the outcome that it has instead.

    response: a whole right response; by default extra_info["gold"] (this package's rows carry it), else what the
    scorer's module makes of the ground truth with its function `ideal(ground_truth)`.
    Raises UnknownNameError for a data source without a scorer.
    """
    info = dict(extra_info or {})
    if response is None:
        response = info.get("gold") or gold_response(data_source, ground_truth)
    if response is None:
        return NO_RESPONSE if find_scorer(data_source) else ""
    if info.get("think_in_prompt") and "</think>" not in response:
        response = "</think>\n" + response
    found = compute_score(data_source, response, ground_truth, info)
    return "" if found["acc"] == 1.0 else found["outcome"]


def gold_response(data_source: str, ground_truth: Any) -> str | None:
    """The shortest right response to a row, made from its ground truth; None where its scorer offers no way."""
    module = sys.modules[find_scorer(data_source).strict.__module__]
    make = getattr(module, "ideal", None)
    if make is not None:
        return make(ground_truth)
    return _countdown(ground_truth)


def _countdown(ground_truth: Any) -> str | None:
    puzzle = read_puzzle(ground_truth)
    if puzzle is None:
        return None
    import numpy as np

    from r1_verl.data.countdown import solve

    size = len(puzzle.numbers)
    fits = 2 <= size <= 4 and isinstance(puzzle.target, int)  # five numbers have 27,142 expressions a row
    if not fits or not solve.check_exact(size, max(puzzle.numbers[-1], 1), abs(puzzle.target)):
        return None
    plan = solve.all_expressions(size)
    node = int(solve.solve(plan, np.array([puzzle.numbers]), np.array([puzzle.target]))[0])
    return f"<think>\n</think>\n<answer>{plan.text(node, puzzle.numbers)}</answer>" if node >= 0 else ""


def good_golds(rows: Iterable[Mapping[str, Any]], bad: list[BadGold]) -> Iterator[Mapping[str, Any]]:
    """The rows (veRL's columns) whose gold scores 1.0, in order; the others are appended to `bad`.

    Raises UnknownNameError for a data source without a scorer: that is a mistake of the script, not of a row.
    """
    for at, row in enumerate(rows):
        model = row.get("reward_model")
        truth = model.get("ground_truth") if isinstance(model, Mapping) else None
        info = row.get("extra_info")
        outcome = BAD_GROUND_TRUTH
        if truth is not None:
            outcome = check_gold(row["data_source"], truth, info if isinstance(info, Mapping) else None)
        if outcome:
            bad.append(BadGold(at, row["data_source"], outcome, str(truth)[:200]))
        else:
            yield row


def report(bad: Iterable[BadGold], shown: int = 10) -> str:
    """What was left out, by source and outcome, with the first few rows; "" if nothing was."""
    bad = list(bad)
    counts = Counter((entry.data_source, entry.outcome) for entry in bad)
    lines = [f"{count} gold(s) of {source} left out: {outcome}" for (source, outcome), count in counts.most_common()]
    lines += [
        f"  row {entry.row} ({entry.data_source}): {entry.outcome}: {entry.ground_truth}" for entry in bad[:shown]
    ]
    if len(bad) > shown:
        lines.append(f"  and {len(bad) - shown} more")
    return "\n".join(lines)
