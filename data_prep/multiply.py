"""Multiplication (TinyZero's early task): products of numbers of up to three digits as veRL Parquet files.

python data_prep/multiply.py                    # TinyZero's 32,768 + 4,096 rows, no network
python data_prep/multiply.py --style raw        # its prompt string, for the pass-through template
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import multiply, script
from r1_verl.data.example import DataError


def main() -> None:
    p = script.parser(__doc__, "data/multiply", multiply.STYLES, "base", "generate")
    p.set_defaults(seed=1)
    p.add_argument("--train-size", type=script.count, default=32768, metavar="N")
    p.add_argument("--test-size", type=script.count, default=4096, metavar="N")
    args = p.parse_args()
    if args.source != "generate" or args.limit is not None:
        raise DataError("this set is generated: --source takes generate alone, --train-size and --test-size its size")
    parts = multiply.generate(args.train_size, args.test_size, args.seed)
    examples = {name: multiply.to_examples(rows, name, args.style) for name, rows in parts.items() if rows}
    record = {"source": "generate", "revision": "TinyZero 95df88f, multiply.py"}
    script.finish(args, "multiply", examples, record, multiply.STYLES[args.style])


if __name__ == "__main__":
    script.run(main)
