"""A validation file with every row twice: sampled as in training, and greedy beside it (data source `.../greedy`).

veRL validates all rows at one temperature; the greedy twins name our agent loop `r1_greedy`.

python data_prep/greedy.py data/quickstart/test.parquet data/quickstart/validation.parquet
"""

from __future__ import annotations

import argparse

from r1_verl.data import script
from r1_verl.data.example import DataError
from r1_verl.data.write import atomic_file


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", help="a prepared Parquet file")
    p.add_argument("out", help="the file to write")
    args = p.parse_args()
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(args.file)
        sources = table["data_source"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{args.file} is no prepared Parquet ({error}); make one with a script of data_prep/"
        ) from error
    place = table.schema.get_field_index("data_source")
    twins = table.set_column(place, "data_source", pc.binary_join_element_wise(sources, "greedy", "/"))
    both = pa.concat_tables(
        [
            rows.append_column("agent_name", pa.array([agent] * rows.num_rows, pa.string()))
            for rows, agent in ((table, "single_turn_agent"), (twins, "r1_greedy"))
        ]
    )
    with atomic_file(args.out) as file:
        pq.write_table(both, file, compression="zstd")
    print(f"{args.out}: {both.num_rows} rows, half of them greedy")


if __name__ == "__main__":
    script.run(main)
