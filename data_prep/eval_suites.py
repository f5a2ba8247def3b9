"""Evaluation suites as veRL Parquet files: AIME, AMC, MATH-500, Minerva, OlympiadBench, GSM8K, K&K, Countdown, games.

python data_prep/eval_suites.py --style simplerl                      # all of them, from the hub
python data_prep/eval_suites.py --suites aime24,amc23 --source FOLDER # from files called aime24.jsonl ...
python data_prep/eval_suites.py --suites kk,countdown                 # generated, no network
python data_prep/eval_suites.py --suites sokoban,frozenlake           # other prompts, sizes: sokoban.py, frozenlake.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import _environment  # noqa: F401

from r1_verl.data import script, suites
from r1_verl.data.example import DataError
from r1_verl.data.math import prompts
from r1_verl.names import UnknownNameError


def names(text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(","))
    for name in chosen:
        if name not in suites.NAMES:
            raise argparse.ArgumentTypeError(f"no suite {name!r}; there are {', '.join(suites.NAMES)}")
    return chosen


def main() -> None:
    p = script.parser(__doc__, "data/eval", prompts.MATH, "instruct", "hub|FILE|FOLDER")
    p.add_argument("--suites", type=names, default=suites.DEFAULT, help="comma-separated")
    args = p.parse_args()
    if Path(args.source).is_file() and len(args.suites) > 1:
        raise DataError(f"{args.source} is one file: name its suite with --suites, or give the folder of all of them")
    parts, records, left_out = {}, {}, []
    for name in args.suites:
        parts[name], records[name] = suites.examples(name, args.source, args.style, args.limit, left_out, args.seed)
    try:
        script.finish(args, "eval_suites", parts, {"sources": records}, prompts.MATH[args.style], left_out)
    except UnknownNameError as error:  # FrozenLake without gymnasium
        raise DataError(str(error)) from error


if __name__ == "__main__":
    script.run(main)
