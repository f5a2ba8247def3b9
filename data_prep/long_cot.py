"""Long chain-of-thought sets for a supervised start: right by our scorer, readable by R1's filters, for veRL's SFT.

python data_prep/long_cot.py openr1_math
python data_prep/long_cot.py openthoughts --form tags --style openr1 --limit 20000
python data_prep/long_cot.py bespoke_stratos --unverified          # a set without golds: nothing to check against
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import _environment  # noqa: F401

from r1_verl.data import read, script, write
from r1_verl.data.math import cold_start, prompts
from r1_verl.data.math.traces import COT_SETS


def main() -> None:
    styles = {name: style for name, style in prompts.MATH.items() if not style.raw}
    p = script.parser(__doc__, "data/long_cot", styles, "instruct", "hub|PATH")
    p.add_argument("name", choices=list(COT_SETS), metavar="SET", help=", ".join(COT_SETS))
    p.add_argument("--config", help="another configuration of the set on the hub")
    p.add_argument("--form", choices=cold_start.FORMS, default="r1", help="tags: the solution in <answer>")
    p.add_argument("--unverified", action="store_true", help="keep traces without a gold, unchecked")
    p.add_argument("--min-chars", type=script.count, default=cold_start.Limits.shortest)
    p.add_argument("--max-chars", type=script.count, default=cold_start.Limits.longest)
    p.add_argument("--max-paragraph", type=script.count, default=cold_start.Limits.paragraph, help="in characters")
    args = p.parse_args()
    chosen = COT_SETS[args.name]
    limits = cold_start.Limits(args.min_chars, args.max_chars, args.max_paragraph)
    rows, record = read.stream(args.source, chosen.hub, chosen.split, args.config or chosen.config)
    left_out: list[write.LeftOut] = []
    made = cold_start.convert(
        islice(rows, args.limit), chosen, styles[args.style], left_out, args.form, limits, args.unverified
    )
    if args.dry_run:
        for row in islice(made, 2):
            print("\n".join(f"[{role}]\n{content}" for role, content in row.messages), "\n")
        return
    path = Path(args.out) / f"{args.name}.parquet"
    provenance = script.provenance(args, "long_cot", record)
    count = write.write_rows(path, cold_start.schema(), map(cold_start.to_columns, made), provenance, left_out)
    print(f"{path}: {count} traces")
    total = count + len(left_out)
    for why, number in Counter(entry.reason for entry in left_out).most_common():
        print(f"  left out {number} of {total}: {why}")


if __name__ == "__main__":
    script.run(main)
