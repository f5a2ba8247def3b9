"""Cold-start traces for Countdown: prepared puzzles -> veRL's SFT Parquet (column `messages`).

python data_prep/countdown_traces.py --puzzles data/quickstart/train.parquet --out data/quickstart_start
"""

from __future__ import annotations

import argparse
from pathlib import Path

import _environment  # noqa: F401

from r1_verl import ground_truth
from r1_verl.data import read, script, write
from r1_verl.data.countdown.cold_start import Trace, traces
from r1_verl.data.example import DataError


def main() -> None:
    p = script.Parser(__doc__)
    p.add_argument("--puzzles", required=True, metavar="FILE", help="a Parquet of data_prep/countdown.py")
    p.add_argument("--out", required=True, metavar="DIR")
    p.add_argument("--count", type=script.positive, default=57600, help="traces; puzzles are used again and again")
    p.add_argument("--give-up", type=float, default=0.8, help="chance to stop after a first miss (default 0.8)")
    p.add_argument("--seed", type=script.count, default=0)
    args = p.parse_args()
    prompts, puzzles = read_puzzles(args.puzzles)
    repeated = [index % len(puzzles) for index in range(args.count)]
    found = list(traces([puzzles[index] for index in repeated], args.seed, args.give_up))
    write_traces(args, [prompts[index] for index in repeated], found)
    right = sum(trace.correct for trace in found)
    print(f"{args.out}/train.parquet: {len(found)} traces, {right / len(found):.0%} of them end in a right answer")


def read_puzzles(path: str) -> tuple[list[list[dict]], list[tuple[list[int], int]]]:
    """The prompts and (numbers, target) of a prepared Countdown file. Raises DataError."""
    try:
        rows = list(read.rows_of(Path(path), ".parquet", ["prompt", "reward_model"]))
        truths = [ground_truth.decode(row["reward_model"]["ground_truth"]) for row in rows]
        if not rows:
            raise DataError("it has no rows")
        return [row["prompt"] for row in rows], [(truth["numbers"], truth["target"]) for truth in truths]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no Parquet of data_prep/countdown.py ({error}); make one with that script"
        ) from error


def write_traces(args: argparse.Namespace, prompts: list[list[dict]], found: list[Trace]) -> None:
    import pyarrow as pa

    record = {
        "script": "countdown_traces",
        "source_sha256": write.sha256(args.puzzles),
        "arguments": {key: value for key, value in sorted(vars(args).items()) if key not in ("puzzles", "out")},
        "versions": write.versions(),
    }
    table = pa.table({
        "messages": [
            [*prompt, {"role": "assistant", "content": trace.response}]
            for prompt, trace in zip(prompts, found, strict=True)
        ]
    })  # fmt: skip
    write.write_table(Path(args.out) / "train.parquet", table, record)


if __name__ == "__main__":
    script.run(main)
