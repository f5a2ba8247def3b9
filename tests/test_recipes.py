"""Every recipe composes, with ours and with veRL's own entry point, and passes veRL's validation."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from r1_verl import recipes, tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """veRL's validation of a critic reads the model's config: a local folder stands for the hub's."""
    return tiny_model.build(tmp_path_factory.mktemp("model") / "tiny", seed=0)


@pytest.mark.parametrize("recipe", recipes.names())
def test_composes_and_passes_verls_validation(recipe, model):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    config = recipes.compose(recipe, [f"actor_rollout_ref.model.path={model}"])
    OmegaConf.resolve(config)
    assert config.data.seed is not None
    assert config.reward.custom_reward_function.path == "pkg://r1_verl.reward"
    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))


def test_published_recipes_run_faithful_and_the_quickstart_strict():
    modes = {r: recipes.compose(r).reward.custom_reward_function.reward_kwargs.mode for r in recipes.names()}
    assert {recipe for recipe, mode in modes.items() if mode == "strict"} == {"quickstart_grpo", "quickstart_ppo"}


def test_any_key_can_be_overridden_and_the_cpu_fragment_added():
    config = recipes.compose("tinyzero_ppo", ["data.train_batch_size=32", "+machine=cpu"])
    assert (config.data.train_batch_size, config.trainer.device) == (32, "cpu")
    assert config.actor_rollout_ref.rollout.dtype == "float32"


def test_mistakes_are_named():
    with pytest.raises(recipes.RecipeError, match="did you mean tinyzero_"):
        recipes.compose("tinyzero_pp")
    with pytest.raises(recipes.RecipeError, match=r"trainer.total_step"):
        recipes.compose("tinyzero_ppo", ["trainer.total_step=3"])


def test_verl_finds_the_recipe_from_any_folder_and_the_plugin_is_light(tmp_path):
    """Also: what our plugin costs every process that imports verl, without Hydra's grammar."""
    module = [sys.executable, "-X", "importtime", "-m", "verl.trainer.main_ppo"]
    done = subprocess.run(
        [*module, "--config-name", "tinyzero_ppo", "--cfg", "job", "--resolve"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    config = OmegaConf.create(done.stdout[done.stdout.index("actor_rollout_ref:") :])
    ours = recipes.compose("tinyzero_ppo")
    OmegaConf.resolve(ours)
    assert config.algorithm == ours.algorithm and config.data == ours.data and config.trainer == ours.trainer
    # cumulative microseconds; a nested module counts again in its importer, so this is an upper bound
    micros = [int(line.split("|")[1]) for line in done.stderr.splitlines() if re.search(r"\| +r1_verl", line)]
    assert micros and sum(micros) < 150_000


def test_a_plugin_that_fails_says_so_where_the_user_looks(tmp_path):
    """veRL itself logs it at DEBUG only. The failure: the CPU platform asked for, its module broken."""
    broken = "import sys; sys.modules['r1_verl.verl_side.cpu_platform'] = None; import verl"
    done = subprocess.run(
        [sys.executable, "-c", broken], capture_output=True, text=True, timeout=120, cwd=tmp_path,
        env={**os.environ, "VERL_PLATFORM": "cpu"},
    )  # fmt: skip
    assert "r1_verl: the veRL plugin did not load" in done.stderr


def test_another_verl_is_named(monkeypatch, capsys):
    import verl

    from r1_verl.verl_side import plugin

    monkeypatch.setattr(verl, "__version__", "0.10.0")
    plugin.load()
    assert "proved on verl 0.9.1, this is verl 0.10.0" in capsys.readouterr().err
