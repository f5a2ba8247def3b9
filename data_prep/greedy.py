"""A validation file with every row twice: sampled as in training, and greedy beside it (data source `.../greedy`).

veRL validates all rows at one temperature; the greedy twins name our agent loop `r1_greedy`.

python data_prep/greedy.py data/quickstart/test.parquet --out data/quickstart/validation.parquet
"""

from __future__ import annotations

from pathlib import Path

import _environment  # noqa: F401

from r1_verl.data import read, script, write
from r1_verl.data.example import DataError


def main() -> None:
    p = script.Parser(__doc__)
    p.add_argument("file", help="a prepared Parquet file")
    p.add_argument("written", nargs="?", metavar="OUT", help="the same as --out")
    p.add_argument("--out", metavar="FILE", help="the file to write")
    args = p.parse_args()
    args.out = args.out or args.written
    if not args.out:
        p.error("name the file to write: --out FILE")
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read.table(args.file)
    if "data_source" not in table.schema.names:
        raise DataError(f"{args.file} has no column data_source; make one with a script of data_prep/")
    place = table.schema.get_field_index("data_source")
    twins = table.set_column(place, "data_source", pc.binary_join_element_wise(table["data_source"], "greedy", "/"))
    both = pa.concat_tables(
        [
            rows.append_column("agent_name", pa.array([agent] * rows.num_rows, pa.string()))
            for rows, agent in ((table, "single_turn_agent"), (twins, "r1_greedy"))
        ]
    )
    record = {
        "script": "greedy",
        "source": Path(args.file).name,
        "revision": f"sha256:{write.sha256(args.file)}",
        "versions": write.versions(),
    }
    write.write_table(args.out, both.combine_chunks(), record)
    print(f"{args.out}: {both.num_rows} rows, half of them greedy")


if __name__ == "__main__":
    script.run(main)
