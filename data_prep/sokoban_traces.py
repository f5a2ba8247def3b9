"""Cold-start conversations for Sokoban: prepared levels -> veRL's SFT Parquet (column `messages`).

python data_prep/sokoban.py --train-size 1000 --test-size 0 --out data/sokoban_start
python data_prep/sokoban_traces.py --levels data/sokoban_start/train.parquet --out data/sokoban_traces
"""

from __future__ import annotations

from pathlib import Path

import _environment  # noqa: F401

from r1_verl.data import read, script, write
from r1_verl.data.example import DataError
from r1_verl.data.sokoban.traces import traces


def main() -> None:
    p = script.Parser(__doc__)
    p.add_argument("--levels", required=True, metavar="FILE", help="a Parquet of data_prep/sokoban.py")
    p.add_argument("--out", required=True, metavar="DIR")
    p.add_argument("--count", type=script.positive, help="games; levels are used again and again (default: each once)")
    p.add_argument(
        "--good", type=script.number, default=1.0, help="share of moves on a shortest way, the others any (default 1)"
    )
    p.add_argument("--seed", type=script.count, default=0)
    args = p.parse_args()
    rows = list(read.rows_of(Path(args.levels), ".parquet", ["prompt", "reward_model", "extra_info"]))
    try:
        if not rows:
            raise DataError("it has no rows")
        found = list(traces(rows, len(rows) if args.count is None else args.count, args.seed, args.good))
    except DataError as error:
        raise DataError(f"{args.levels}: {error}; make one with data_prep/sokoban.py") from error
    left_out = []
    if args.good == 1:  # a supervised run is to see solutions alone
        left_out = [
            write.LeftOut(at, "is not solved within the rules' actions") for at, t in enumerate(found) if not t.solved
        ]
        found = [trace for trace in found if trace.solved]
    record = {
        "script": "sokoban_traces",
        "source_sha256": write.sha256(args.levels),
        "arguments": {key: value for key, value in sorted(vars(args).items()) if key not in ("levels", "out")},
        "versions": write.versions(),
    }
    write.write_rows(
        Path(args.out) / "train.parquet", kind(), ({"messages": t.messages} for t in found), record, left_out
    )
    solved = sum(trace.solved for trace in found)
    print(f"{args.out}/train.parquet: {len(found)} conversations, {solved / len(found):.0%} of them end solved")


def kind():
    """The Arrow schema of veRL's SFT trainer."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema([("messages", pa.list_(pa.struct([("role", text), ("content", text)])))])


if __name__ == "__main__":
    script.run(main)
