"""MATH (DigitalLearningGmbH/MATH-lighteval): competition problems as veRL Parquet files.

python data_prep/math_lighteval.py --style openr1_math
python data_prep/math_lighteval.py --source train.jsonl.gz --test-source test.jsonl.gz
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("math", __doc__))
