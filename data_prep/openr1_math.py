"""OpenR1-Math-220k (open-r1/OpenR1-Math-220k): its problems as veRL Parquet files (its traces: long_cot.py).

python data_prep/openr1_math.py --style openr1_main
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("openr1_math", __doc__))
