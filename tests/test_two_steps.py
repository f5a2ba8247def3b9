"""Two real steps on the CPU, each combination of model, estimator, agent loop and LoRA on its model's stand-in.

Half an hour: by hand, `bash run_scripts/test.sh slow tests/test_two_steps.py`. What has ended well at this commit
(`two_steps.py`) is not run again.
"""

from __future__ import annotations

import pytest
import two_steps

CHOSEN = [names[0] for names in two_steps.combinations().values()]


@pytest.mark.slow
@pytest.mark.timeout(two_steps.TIME_LIMIT + 60)
@pytest.mark.parametrize("recipe", CHOSEN)
def test_two_steps(recipe, tmp_path, data_dir):
    if recipe in two_steps.left([recipe]):
        found = two_steps.run(recipe, tmp_path / recipe)
        two_steps.record(recipe, found, two_steps.machine())
        assert found.status == 0, found.said
        assert two_steps.agreement(found.run) > 0.9999  # both compute in fp32
