"""DAPO-Math-17k as veRL Parquet files, from open-r1/DAPO-Math-17k-Processed (all 17,398 problems, each once).

python data_prep/dapo.py
python data_prep/dapo.py --source dapo-math-17k.parquet --repeats drop    # upstream's file: each a hundred times
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("dapo", __doc__))
