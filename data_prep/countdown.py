"""Countdown (TinyZero): number puzzles as veRL Parquet files.

python data_prep/countdown.py                                     # generated, no network
python data_prep/countdown.py --source hub --style raw            # TinyZero's own data set and prompt
python data_prep/countdown.py --sizes 3 --max 20 --operators=+-   # easier puzzles
"""

from __future__ import annotations

import argparse

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.countdown import published, puzzles
from r1_verl.data.countdown.generate import GENERATOR, Settings, generate
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.example import DataError
from r1_verl.data.parallel import usable_cpus


def main() -> None:
    p = script.parser(__doc__, "data/countdown", COUNTDOWN, "instruct", "generate|hub|PATH")
    p.add_argument("--train-size", type=script.count, metavar="N", help="default 16384; of a source, all train rows")
    p.add_argument("--test-size", type=script.count, metavar="N", help="default 1024; of a source, at most that")
    p.add_argument("--count", type=script.count, metavar="N", help="generated: puzzles in all, surplus by --rest")
    p.add_argument("--rest", choices=["file", "train", "test", "drop"], default="file", help="where the surplus goes")
    p.add_argument(
        "--split", choices=["identity", "order"], default="identity", help="order: TinyZero's, the first rows train"
    )
    script.add_repeats(p)
    p.add_argument("--sizes", type=script.whole_numbers, default=(3, 4), help="how many numbers, such as 3,4")
    p.add_argument("--min", type=script.count, default=1, help="smallest number")
    p.add_argument("--max", type=script.count, default=99, help="largest number")
    p.add_argument("--min-target", type=script.count, default=10)
    p.add_argument("--max-target", type=script.count, default=100)
    p.add_argument("--operators", default="+-*/", help="what a solution may use; write --operators=+-")
    p.add_argument("--processes", type=script.count, default=usable_cpus(), help="changes nothing in what is written")
    args = p.parse_args()
    parts, record, left_out = generated(args) if args.source == "generate" else loaded(args)
    examples = {name: puzzles.to_examples(rows, name, args.style) for name, rows in parts.items() if rows}
    script.finish(args, "countdown", examples, record, COUNTDOWN[args.style], left_out)


def generated(args: argparse.Namespace):
    if args.limit is not None or args.split != "identity":
        raise DataError("--limit and --split order are for --source hub or PATH; give --train-size instead")
    train = 16384 if args.train_size is None else args.train_size
    test = 1024 if args.test_size is None else args.test_size
    if args.count is not None and args.count < train + test:
        raise DataError(f"--count {args.count} is less than {train} train and {test} test rows together")
    rest = (args.count or 0) and args.count - train - test
    if args.rest == "train":
        train, rest = train + rest, 0
    if args.rest == "test":
        test, rest = test + rest, 0
    settings = Settings(args.sizes, args.min, args.max, args.min_target, args.max_target, args.operators, args.seed)
    parts = generate(settings, train, test, rest, args.processes)
    if args.rest == "drop":
        parts.pop("rest")
    return parts, {"source": "generate", "revision": f"generator {GENERATOR}"}, []


def loaded(args: argparse.Namespace):
    if args.count is not None:
        raise DataError("--count is for --source generate; a source has the rows it has (see --limit)")
    by_order = args.split == "order"
    found, record, left_out = published.load(args.source, args.limit, args.repeats)
    distinct = len({puzzles.identity(p.numbers, p.target) for p in found})
    print(script.counted(record, len(found) + len(left_out), len(found), distinct))
    parts = published.split(found, args.train_size, args.test_size, by_order)
    if args.rest in ("train", "test") and not by_order:
        raise DataError("--rest train and test are for --source generate; leave --train-size out to train on all rows")
    if args.rest == "drop":
        parts.pop("rest")
    return parts, record, left_out


if __name__ == "__main__":
    script.run(main)
