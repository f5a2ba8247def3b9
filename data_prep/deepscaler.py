"""DeepScaleR (agentica-org/DeepScaleR-Preview-Dataset): 40,000 problems as veRL Parquet files.

python data_prep/deepscaler.py --think-in-prompt            # R1-Distill models: their template opens <think>
python data_prep/deepscaler.py --source train_aime.json.gz --test-size 50
"""

from __future__ import annotations

import _environment  # noqa: F401

from r1_verl.data import script
from r1_verl.data.math import problems

if __name__ == "__main__":
    script.run(lambda: problems.main("deepscaler", __doc__))
