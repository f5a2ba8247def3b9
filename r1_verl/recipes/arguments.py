"""The arguments RECIPE KEY=VALUE ... that the commands `train`, `prepare` and `doctor` share."""

from __future__ import annotations

import argparse


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the arguments `recipe` and `overrides`."""
    parser.add_argument("recipe", metavar="RECIPE", help="a name that `r1-verl recipes` lists, or a .yaml file")
    parser.add_argument(
        "overrides", metavar="KEY=VALUE", nargs="*", default=[], help="Hydra overrides, as trainer.save_freq=10"
    )
