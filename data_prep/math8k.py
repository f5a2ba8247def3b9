"""MATH-8K (SimpleRL): MATH levels 3 to 5, tested on MATH-500, as veRL Parquet files.

python data_prep/math8k.py                                  # SimpleRL-Zoo's Qwen prompt (pass-through template)
python data_prep/math8k.py --style simplerl_v0 --source math_level3to5_data_processed_with_qwen_prompt.json
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("math8k", __doc__))
