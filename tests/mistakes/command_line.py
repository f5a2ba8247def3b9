"""Mistakes in what is typed: commands, options, names, variables, a recipe's file, SETTINGS."""

from mistakes import case

CASES = (
    case("misspelt command", "r1-verl trian quickstart_grpo", "unknown command 'trian'; did you mean 'train'?"),
    case("script in train's place", "run_scripts/train.sh", "name a recipe first"),
)
