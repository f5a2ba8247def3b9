"""DAPO-Math-17k (BytedTsinghua-SIA/DAPO-Math-17k) as veRL Parquet files, each problem once.

python data_prep/dapo.py
python data_prep/dapo.py --source train.parquet --repeats keep
"""

from __future__ import annotations

from r1_verl.data import math_rows, script

if __name__ == "__main__":
    script.run(lambda: math_rows.main("dapo", __doc__))
