"""GSM8K (openai/gsm8k): grade-school word problems as veRL Parquet files.

python data_prep/gsm8k.py                                   # veRL's prompt and reward: #### NUMBER
python data_prep/gsm8k.py --style grpo_demo                 # XML tags, rewarded in parts
python data_prep/gsm8k.py --source train.jsonl --test-source test.jsonl
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("gsm8k", __doc__))
