"""Several prepared Parquet files into one, by numbers or shares, in an order of one's choice.

    python data_prep/mix.py data/kk/train.parquet=2000 data/gsm8k/train.parquet=1000 --out data/mix.parquet
    python data_prep/mix.py a.parquet=30% b.parquet=70% --order interleave --out mix.parquet
    python data_prep/mix.py data/kk/train.parquet --bands 3-4=0.4,5-7=0.6 --order easy-to-hard --out curriculum.parquet
    python data_prep/mix.py a.parquet --rollouts runs/x/rollouts --bands 0.1-0.9=1 --out measured.parquet

The order is in the file: train with data.shuffle=False.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import _environment  # noqa: F401
import numpy as np

from r1_verl.data import mix, script, write
from r1_verl.data.example import DataError


def main() -> None:
    p = script.Parser(__doc__)
    p.add_argument("parts", nargs="+", metavar="FILE[=ROWS|=SHARE]", help="prepared files")
    p.add_argument("--out", required=True, metavar="FILE", help="the mixture")
    p.add_argument("--size", type=script.count, metavar="N", help="rows in all, with shares (default: what fits)")
    p.add_argument("--bands", metavar="LOW-HIGH=SHARE,...", help="choose by difficulty instead of by file")
    p.add_argument("--rollouts", nargs="+", metavar="PATH", help="take 1 - measured pass rate as the difficulty")
    p.add_argument("--order", choices=mix.ORDERS, default="shuffle")
    p.add_argument("--seed", type=script.count, default=0)
    p.add_argument("--dry-run", action="store_true", help="print the proportions and write nothing")
    args = p.parse_args()
    import pyarrow as pa

    parts = [mix.parse_part(text) for text in args.parts]
    tables = [mix.read_table(part.path) for part in parts]
    rng = np.random.default_rng(args.seed)
    whole = pa.concat_tables(tables)
    origin = np.repeat(np.arange(len(tables)), [t.num_rows for t in tables])
    hardness = mix.difficulties(whole)
    if args.rollouts:
        hardness = 1.0 - mix.pass_rates(whole, mix.read_rollouts(args.rollouts))
        print(f"{np.isfinite(hardness).sum()} of {len(hardness)} rows have recorded responses; the others are left out")
    if args.bands:
        if any(part.count or part.weight for part in parts):
            raise DataError("--bands chooses by difficulty: give the files without =")
        rows = mix.pick_bands(hardness, mix.parse_bands(args.bands), args.size, rng)
    else:
        measured = [
            np.nonzero((origin == i) & (np.isfinite(hardness) | (not args.rollouts)))[0] for i in range(len(parts))
        ]
        counts = mix.choose([len(m) for m in measured], parts, args.size)
        rows = np.concatenate([m[mix.pick(len(m), n, rng)] for m, n in zip(measured, counts, strict=True)])
    rows = rows[mix.ordered(args.order, origin[rows], hardness[rows], rng)]
    if not len(rows):
        raise DataError("no row is left")
    table = whole.take(rows)
    for i, part in enumerate(parts):
        taken = int((origin[rows] == i).sum())
        print(f"{part.path}: {taken} of {tables[i].num_rows} rows, {100 * taken / len(rows):.1f} %")
    known = hardness[rows][np.isfinite(hardness[rows])]
    for level, count in sorted(Counter(np.round(known, 2).tolist()).items())[:20]:
        print(f"  difficulty {level:g}: {count} rows, {100 * count / len(rows):.1f} %")
    if args.dry_run:
        return
    record = {
        "script": "mix",
        "sources": [{"source": part.path.name, "revision": f"sha256:{write.sha256(part.path)}"} for part in parts],
        "arguments": {
            "parts": [f"{part.path.name}={part.count or part.weight or 'all'}" for part in parts],
            **{name: getattr(args, name) for name in ("size", "bands", "order", "seed")},
            "rollouts": [Path(path).name for path in args.rollouts or []],
        },
        "versions": write.versions(),
    }
    write.write_table(args.out, table, record)
    print(f"{args.out}: {table.num_rows} rows, {args.order}; train with data.shuffle=False to keep the order")


if __name__ == "__main__":
    script.run(main)
