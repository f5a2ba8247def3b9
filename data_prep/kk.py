"""Knights and Knaves (Logic-RL): puzzles as veRL Parquet files.

python data_prep/kk.py                                           # Logic-RL's 5 x (900 + 100) rows, no network
python data_prep/kk.py --people 3 --style raw_instruct           # stage 1, with the published prompt string
python data_prep/kk.py --people 2,3,4,5,6,7,8 --split mem_kk --train-size 0   # K-and-K's own test set
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.example import DataError
from r1_verl.data.kk import logic, perturb, puzzles
from r1_verl.data.kk.prompts import KK
from r1_verl.data.parallel import usable_cpus


def main() -> None:
    p = script.parser(__doc__, "data/kk", KK, "instruct", "generate|hub|PATH")
    p.set_defaults(seed=logic.SEED)
    p.add_argument("--people", type=script.whole_numbers, default=(3, 4, 5, 6, 7), help="how many, such as 3,4,5,6,7")
    p.add_argument("--train-size", type=script.count, default=900, metavar="N", help="for each number of people")
    p.add_argument("--test-size", type=script.count, default=100, metavar="N", help="for each number of people")
    p.add_argument("--split", choices=list(puzzles.SPLITS), default="logic_rl", help="whose test rows")
    p.add_argument("--perturbation", choices=perturb.KINDS, help="change every puzzle in this way")
    p.add_argument("--source-split", choices=["train", "test"], default="train", help="which split a source is")
    p.add_argument("--processes", type=script.count, default=usable_cpus(), help="changes nothing in what is written")
    args = p.parse_args()
    if args.source == "generate":
        if args.limit is not None:
            raise DataError("--limit is for --source hub or PATH; give --train-size instead")
        parts = puzzles.generate(
            args.people, args.train_size, args.test_size, args.split, args.perturbation, args.seed, args.processes
        )
        record, left_out = {"source": "generate", "revision": "mem-kk-logic 35385cf"}, []
    else:
        if args.perturbation:
            raise DataError("--perturbation is for --source generate")
        found, record, left_out = puzzles.load(args.source, args.source_split, args.limit, args.people)
        parts = {args.source_split: found}
    examples = {
        name: puzzles.to_examples(rows, name, args.style, args.perturbation) for name, rows in parts.items() if rows
    }
    script.finish(args, "kk", examples, record, KK[args.style], left_out)


if __name__ == "__main__":
    script.run(main)
