"""Two real steps on the CPU, each combination of model, estimator, agent loop and LoRA on its model's stand-in.

Half an hour: by hand, `bash run_scripts/test.sh slow tests/test_two_steps.py`. What has ended well at this commit
(`two_steps.py`) is not run again.
"""

from __future__ import annotations

import pytest
import recipe_names
import two_steps


@pytest.mark.slow
@pytest.mark.timeout(two_steps.TIME_LIMIT + 60)
@pytest.mark.parametrize("recipe", two_steps.CHOSEN)
def test_two_steps_on_the_cpu(recipe, tmp_path, data_dir):
    if recipe in two_steps.left([recipe]):
        found = two_steps.run(recipe, tmp_path / recipe)
        two_steps.record(recipe, found, two_steps.machine())
        assert found.status == 0, found.said
        assert two_steps.agreement(found.run) > 0.9999  # both compute in fp32


def test_one_recipe_of_each_combination_is_chosen(composed):
    kinds = {two_steps.combination(composed(name)) for name in recipe_names.GPU}
    assert {two_steps.combination(composed(name)) for name in two_steps.CHOSEN} == kinds
    assert len(two_steps.CHOSEN) == len(kinds)
