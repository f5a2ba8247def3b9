"""Cold-start traces for Countdown: prepared puzzles -> veRL's SFT Parquet (column `messages`).

python data_prep/countdown_traces.py --puzzles data/quickstart/train.parquet --out data/quickstart_start
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from r1_verl import ground_truth
from r1_verl.data import script
from r1_verl.data.countdown.cold_start import traces
from r1_verl.data.example import DataError
from r1_verl.data.write import atomic_file, sha256, versions


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--puzzles", required=True, metavar="FILE", help="a Parquet of data_prep/countdown.py")
    p.add_argument("--out", required=True, metavar="DIR")
    p.add_argument("--count", type=script.count, default=57600, help="traces; puzzles are used again and again")
    p.add_argument("--give-up", type=float, default=0.8, help="chance to stop after a first miss (default 0.8)")
    p.add_argument("--seed", type=script.count, default=0)
    args = p.parse_args()
    prompts, puzzles = read_puzzles(args.puzzles)
    repeated = [index % len(puzzles) for index in range(args.count)]
    found = list(traces([puzzles[index] for index in repeated], args.seed, args.give_up))
    write(args, [prompts[index] for index in repeated], found)
    right = sum(trace.correct for trace in found)
    print(f"{args.out}/train.parquet: {len(found)} traces, {right / len(found):.0%} of them end in a right answer")


def read_puzzles(path: str) -> tuple[list[list[dict]], list[tuple[list[int], int]]]:
    """The prompts and (numbers, target) of a prepared Countdown file. Raises DataError."""
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path, columns=["prompt", "reward_model"]).to_pylist()
        truths = [ground_truth.decode(row["reward_model"]["ground_truth"]) for row in rows]
        return [row["prompt"] for row in rows], [(truth["numbers"], truth["target"]) for truth in truths]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no Parquet of data_prep/countdown.py ({error}); make one with that script"
        ) from error


def write(args: argparse.Namespace, prompts: list[list[dict]], found: list) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = {
        "script": "countdown_traces",
        "source_sha256": sha256(args.puzzles),
        "arguments": {key: value for key, value in sorted(vars(args).items()) if key not in ("puzzles", "out")},
        "versions": versions(),
    }
    table = pa.table({
        "messages": [
            [*prompt, {"role": "assistant", "content": trace.response}]
            for prompt, trace in zip(prompts, found, strict=True)
        ]
    }).replace_schema_metadata({b"r1_verl": json.dumps(record, sort_keys=True)})  # fmt: skip
    with atomic_file(Path(args.out) / "train.parquet") as file:
        pq.write_table(table, file, compression="zstd")


if __name__ == "__main__":
    script.run(main)
