"""`r1-verl sources`: the registered rewards, the data sources whose rows they judge by default, and the parts."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from r1_verl.reward.parts import PARTS, REQUIRED
from r1_verl.scorers import scorers

_HEAD = ("reward", "task", "scale", "modes", "options", "data sources")
_PARTS_HEAD = ("part", "looks at", "options", "source")
_LOOKS_AT = {"text": "a response", "group": "a group of responses", "tokens": "each token"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List the rewards, those of plugins too. A row is judged by the reward that the recipe names (r1_verl.pays),\n"
        "else by the reward of its data source; an exact data source goes before a pattern, a long pattern before a\n"
        "short one. task: what the row's ground truth must be of. scale: how a verdict becomes a number, unless the\n"
        "recipe names another scale. modes: faithful is the published reward, strict the same with its holes closed.\n"
        "Then the parts that a recipe can add to its reward (r1_verl.pays is a list then); those of groups and tokens\n"
        "are added in training alone."
    )
    parser.epilog = (
        "example:\n  r1-verl sources\n  r1-verl train drgrpo r1_verl.pays=simplerl_v1\n"
        "  r1-verl train drgrpo 'r1_verl.pays=[drgrpo, {part: repetition, weight: 0.5, ngram: 3}]'"
    )


def run(args: argparse.Namespace) -> int:
    print(table())
    print(f"\n{parts()}")
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


def parts() -> str:
    """The parts as text, a part a line, with the defaults of their options."""
    rows = [
        (
            part.name,
            _LOOKS_AT[part.kind],
            ", ".join(
                f"{name} (needed)" if default is REQUIRED else f"{name} {default}"
                for name, default in part.options.items()
            )
            or "-",
            part.source,
        )
        for part in PARTS.values()
    ]
    return "\n".join(_aligned([_PARTS_HEAD, *rows]))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
