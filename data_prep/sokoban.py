"""Sokoban (RAGEN): levels with a shortest solution each, as veRL Parquet files.

python data_prep/sokoban.py                                     # 6x6, one box, 1 to 10 moves, no network
python data_prep/sokoban.py --style ragen_v2 --boxes 2 --moves 2-20
python data_prep/sokoban.py --source train_multiturn.parquet --source-split train --style ragen_2025_02
"""

from __future__ import annotations

import argparse
import re

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.example import DataError
from r1_verl.data.parallel import usable_cpus
from r1_verl.data.sokoban import levels
from r1_verl.data.sokoban.generate import GENERATOR, Settings, generate
from r1_verl.data.sokoban.prompts import SOKOBAN


def pair(sign: str):
    """Two whole numbers with a sign between them, for argparse; one number stands for both."""

    def read(text: str) -> tuple[int, int]:
        found = re.fullmatch(rf"([0-9]{{1,6}})(?:{sign}([0-9]{{1,6}}))?", text)
        if not found:
            raise argparse.ArgumentTypeError(f"{text!r} is not two whole numbers, such as 6{sign}6")
        return int(found[1]), int(found[2] or found[1])

    return read


def main() -> None:
    p = script.parser(__doc__, "data/sokoban", SOKOBAN, "ragen_v1", "generate|PATH")
    p.add_argument("--train-size", type=script.count, default=8192, metavar="N", help="generated levels")
    p.add_argument("--test-size", type=script.count, default=256, metavar="N", help="generated levels")
    p.add_argument("--size", type=pair("x"), default=(6, 6), metavar="6x6", help="rows x columns with the outer walls")
    p.add_argument("--boxes", type=script.positive, default=1)
    p.add_argument("--moves", type=pair("-"), default=(1, 10), metavar="1-10", help="of a shortest solution")
    p.add_argument("--source-split", choices=["train", "test"], default="train", help="which split a source is")
    p.add_argument("--processes", type=script.count, default=usable_cpus(), help="changes nothing in what is written")
    args = p.parse_args()
    if args.source == "generate":
        if args.limit is not None:
            raise DataError("--limit is for --source PATH; give --train-size instead")
        settings = Settings(*args.size, args.boxes, *args.moves, args.seed)
        parts = generate(settings, args.train_size, args.test_size, args.processes)
        record, left_out = {"source": "generate", "revision": f"generator {GENERATOR}"}, []
    else:
        found, record, left_out = levels.load(args.source, args.limit)
        print(script.counted(record, len(found) + len(left_out), len(found), len({made.board for made in found})))
        parts = {args.source_split: found}
    examples = {name: levels.to_examples(rows, name, args.style) for name, rows in parts.items() if rows}
    script.finish(args, "sokoban", examples, record, SOKOBAN[args.style], left_out)


if __name__ == "__main__":
    script.run(main)
