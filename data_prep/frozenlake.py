"""FrozenLake (RAGEN): lakes with a way to the goal, as veRL Parquet files; needs gymnasium (the extra `envs`).

python data_prep/frozenlake.py                          # 4x4, slippery, no network
python data_prep/frozenlake.py --style ragen_v2 --size 6 --ice still
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import frozen_lake, script
from r1_verl.data.example import DataError
from r1_verl.names import UnknownNameError


def main() -> None:
    p = script.parser(__doc__, "data/frozenlake", frozen_lake.FROZEN_LAKE, "ragen_v1", "generate")
    p.add_argument("--train-size", type=script.count, default=8192, metavar="N")
    p.add_argument("--test-size", type=script.count, default=256, metavar="N")
    p.add_argument("--size", type=script.count, default=4, help="rows and columns")
    p.add_argument("--frozen", type=script.number, default=0.8, help="share of frozen cells")
    p.add_argument("--ice", choices=["slippery", "still"], default="slippery", help="does a move slip to either side?")
    args = p.parse_args()
    if args.source != "generate" or args.limit is not None:
        raise DataError("this set is generated: --source takes generate alone, --train-size and --test-size its size")
    parts = frozen_lake.generate(args.size, args.frozen, args.train_size, args.test_size, args.seed)
    examples = {
        name: frozen_lake.to_examples(lakes, name, args.style, args.ice == "slippery")
        for name, lakes in parts.items()
        if lakes
    }
    record = {"source": "generate", "revision": f"generator {frozen_lake.GENERATOR}"}
    try:
        script.finish(args, "frozenlake", examples, record, frozen_lake.FROZEN_LAKE[args.style], [], ("gymnasium",))
    except UnknownNameError as error:  # gymnasium is missing
        raise DataError(str(error)) from error


if __name__ == "__main__":
    script.run(main)
