"""Open-Reasoner-Zero (orz_math_57k) as veRL Parquet files.

python data_prep/orz.py --source orz_math_57k_collected.json --test-size 500
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("orz", __doc__))
