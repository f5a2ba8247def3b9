"""Mistakes in what is typed: commands, options, names, variables, a recipe's file, SETTINGS."""

from mistakes import case, quickstart

CASES = (
    case("misspelt command", "r1-verl trian quickstart_grpo", "unknown command 'trian'; did you mean 'train'?"),
    case(
        "nothing wrong", "r1-verl doctor quickstart_grpo", "0 problems", files={"data/quickstart": quickstart}, status=0
    ),
    case("script in train's place", "run_scripts/train.sh", "name a recipe first"),
)
