"""NuminaMath-TIR (AI-MO/NuminaMath-TIR): open-r1's first training set as veRL Parquet files.

python data_prep/numina_tir.py --style openr1
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("numina_tir", __doc__))
