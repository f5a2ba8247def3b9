"""`r1-verl sources`: the registered rewards and the data sources whose rows they judge by default."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from r1_verl.scorers import scorers

_HEAD = ("reward", "task", "scale", "modes", "options", "data sources")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List the rewards, those of plugins too. A row is judged by the reward that the recipe names (r1_verl.pays),\n"
        "else by the reward of its data source; an exact data source goes before a pattern, a long pattern before a\n"
        "short one. task: what the row's ground truth must be of. scale: how a verdict becomes a number, unless the\n"
        "recipe names another scale. modes: faithful is the published reward, strict the same with its holes closed."
    )
    parser.epilog = "example:\n  r1-verl sources\n  r1-verl train drgrpo r1_verl.pays=simplerl_v1"


def run(args: argparse.Namespace) -> int:
    print(table())
    return 0


def table() -> str:
    """The registry as text, a reward a line, by task."""
    rows = [
        (
            entry.name,
            entry.task or "any",
            entry.scale.__name__,
            "strict, faithful" if entry.faithful else "strict",
            ", ".join(sorted(entry.options)) or "-",
            ", ".join(entry.sources),
        )
        for entry in sorted(scorers(), key=lambda entry: (entry.task, entry.name))
    ]
    return "\n".join(_aligned([_HEAD, *rows]))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
