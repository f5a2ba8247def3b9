"""Overlap of a training file with evaluation suites, exact (three normalisers) and by n-grams, and repeats within it.

python data_prep/overlap.py data/math8k/train.parquet data/eval/*.parquet
python data_prep/overlap.py train.parquet data/eval/*.parquet --drop clean.parquet --by text
"""

from __future__ import annotations

from pathlib import Path

import _environment  # noqa: F401

from r1_verl.data import mix, overlap, script, write
from r1_verl.data.example import DataError


def main() -> None:
    p = script.Parser(__doc__)
    p.add_argument("train", help="a prepared file or a source (Parquet, JSON lines, JSON, Arrow)")
    p.add_argument("suites", nargs="*", metavar="SUITE", help="evaluation files, NAME=FILE to name one")
    p.add_argument("--n", type=script.count, default=overlap.N, help=f"words of an n-gram (default {overlap.N})")
    p.add_argument("--drop", metavar="FILE", help="write the (prepared) training file without the overlapping rows")
    p.add_argument(
        "--by", choices=["text", "latex", "letters", "n-gram"], default="letters", help="which rows --drop leaves out"
    )
    args = p.parse_args()
    if not args.n:
        raise DataError("--n must be at least 1")
    items = overlap.read(args.train)
    suites = {}
    for text in args.suites:
        name, sep, path = text.partition("=")
        suites[name if sep else Path(text).name.split(".")[0]] = overlap.read(path if sep else text)
    matches, rows = overlap.compare(items, suites, args.n)
    print(overlap.report(Path(args.train).name, items, matches))
    if args.drop:
        out = rows[f"{args.n}-gram" if args.by == "n-gram" else args.by]
        table = mix.read_table(args.train)
        left = [at for at in range(table.num_rows) if at not in out]
        if not left:
            raise DataError(f"every row overlaps by {args.by}: nothing is left to write to {args.drop}")
        kept = table.take(left)
        record = {
            "script": "overlap",
            "source": Path(args.train).name,
            "revision": f"sha256:{write.sha256(args.train)}",
            "arguments": {"suites": sorted(suites), "by": args.by, "n": args.n},
            "left_out": len(out),
            "versions": write.versions(),
        }
        write.write_table(args.drop, kept, record)
        print(f"\n{args.drop}: {kept.num_rows} rows, {len(out)} left out by {args.by}")


if __name__ == "__main__":
    script.run(main)
