"""`r1-verl recipes`, and the arguments RECIPE KEY=VALUE ... that `train`, `prepare` and `doctor` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from r1_verl import recipes


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the arguments `recipe` and `overrides`."""
    parser.add_argument("recipe", metavar="RECIPE", help="a name that `r1-verl recipes` lists, or a .yaml file")
    parser.add_argument(
        "overrides", metavar="KEY=VALUE", nargs="*", default=[], help="Hydra overrides, as trainer.save_freq=10"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the names of the recipes, or print the table of them."
    parser.epilog = "example:\n  for recipe in $(r1-verl recipes); do DRY_RUN=1 r1-verl train $recipe; done"
    parser.add_argument(
        "--table", metavar="FILE", nargs="?", const="",
        help="print the table of all recipes; with FILE, put the table between its marks in FILE",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    if args.table is None:
        print("\n".join(recipes.names()))
        return 0
    from r1_verl.recipes import table

    if args.table:
        table.write(Path(args.table))
    else:
        print(table.markdown())
    return 0
