"""Every recipe composes, with ours and with veRL's own entry point, and passes veRL's validation."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import published_numbers
import pytest
import yaml
from omegaconf import OmegaConf

from r1_verl import recipes
from r1_verl.recipes.overrides import settle
from r1_verl.report import recipe_table
from r1_verl.reward import compose, compute_score
from r1_verl.training import pays, tiny_model

FOLDER = Path(__file__).parents[1]
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SCRIPTS = FOLDER / "run_scripts"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """veRL's validation of a critic reads the model's config: a local folder stands for the hub's."""
    return tiny_model.build(tmp_path_factory.mktemp("model") / "tiny", seed=0)


@pytest.mark.parametrize("recipe", recipes.names())
def test_composes_and_passes_verls_validation(recipe, model, composed):
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    config = copy.deepcopy(composed(recipe))
    config.actor_rollout_ref.model.path = str(model)
    OmegaConf.resolve(config)
    assert config.data.seed is not None and config.trainer.experiment_name == recipe
    assert config.reward.custom_reward_function.path == "pkg://r1_verl.reward"
    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))


@pytest.mark.parametrize("recipe", recipes.names())
def test_a_published_recipe_says_where_it_is_from(recipe, composed):
    """A recipe that pays strictly is ours: nobody published it."""
    config = composed(recipe)
    about = config.r1_verl.about
    if config.reward.custom_reward_function.reward_kwargs.mode == "strict":
        assert "source" not in about
        return
    assert all(about.get(key) for key in ("source", "data", "family", "gpu")) and config.r1_verl.pays
    comment = (recipes.FOLDER / f"{recipe}.yaml").read_text().partition("\ndefaults:")[0]
    assert "veRL 0.9.1" in comment


def test_what_a_recipe_has_run_on_is_its_own(composed):
    """From its own last line of ran.jsonl: what its base has run on is not what it has."""
    lines = [json.loads(line) for line in (recipes.FOLDER / "ran.jsonl").read_text().splitlines()]
    last = {line["recipe"]: line for line in lines}
    assert last.keys() <= set(recipes.names()) and all(line["commit"] for line in lines)
    for name in recipes.names():
        told = recipe_table.row(name, composed(name))[-1]
        assert told == "not run" if name not in last else f"({last[name]['seconds']} s)" in told


@pytest.mark.parametrize("recipe", recipes.names())
def test_a_recipe_still_has_its_published_numbers(recipe, composed):
    """tests/fixtures/recipes.yaml says all that it sets. A change that is meant: python tests/published_numbers.py."""
    recorded = yaml.safe_load(published_numbers.FILE.read_text(encoding="utf-8"))
    assert recorded.keys() == set(recipes.names()), "run python tests/published_numbers.py"
    now, then = published_numbers.settings(recipe, composed), recorded[recipe]
    changed = {key: (then.get(key), now.get(key)) for key in now.keys() | then.keys() if now.get(key) != then.get(key)}
    assert changed == {}, "is that meant? then run python tests/published_numbers.py"


def test_a_stage_follows_another_recipe(composed):
    after = {name: composed(name).r1_verl.get("after") for name in recipes.names()}
    assert {"logicrl_stage2", "deepscaler_16k"} <= {name for name, before in after.items() if before in recipes.names()}
    assert {before for before in after.values() if before} <= set(recipes.names())


@pytest.mark.parametrize("recipe", recipes.names())
def test_what_a_recipe_pays_is_registered(recipe, composed):
    """Judge, parts, scale and options: an option's value may be unknown as well, which only scoring tells."""
    config = composed(recipe)
    kwargs = OmegaConf.to_container(config.reward.custom_reward_function.reward_kwargs, resolve=True)
    name = compose.read(kwargs["reward"]).judge.name
    assert pays.line(config).startswith(f"{name}, {'strict' if kwargs['mode'] == 'strict' else 'as published'}, ")
    assert compute_score(name, "no answer", "none", {"response_tokens": 2}, **kwargs)["acc"] == 0.0


def test_every_recipe_stands_in_the_table_as_it_is(composed):
    """No number in it is written by hand: r1-verl recipes --table r1_verl/recipes/README.md"""
    text = (recipes.FOLDER / "README.md").read_text(encoding="utf-8")
    assert text.partition(recipe_table.BEGIN)[2].partition(recipe_table.END)[0].strip() == recipe_table.markdown(
        composed
    )


def test_a_recipe_of_ones_own_as_the_readme_has_it(tmp_path):
    """The README's YAML and its scorer, composed as it says; `_base` and veRL's own come with it."""
    section = README.partition("## Add your own")[2].partition("\n## ")[0]
    for language, name in (("yaml", "my_recipe.yaml"), ("python", "my_scorers.py")):
        (tmp_path / name).write_text(re.search(rf"```{language}\n(# {name}\n.*?)```", section, re.S)[1])
    assert "\nDRY_RUN=1 bash run_scripts/train.sh my_recipe.yaml " in section
    done = subprocess.run(
        [sys.executable, "-m", "r1_verl", "train", "my_recipe.yaml"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env=os.environ | {"DRY_RUN": "1", "R1_VERL_SCORERS": "my_scorers", "PYTHONPATH": f"{FOLDER}:{tmp_path}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = OmegaConf.create(done.stdout.partition("\n# ")[0])
    assert config.trainer.experiment_name == "my_recipe"
    assert config.actor_rollout_ref.rollout.n == 16 and config.r1_verl.stop == ["</answer>"]
    assert config.reward.custom_reward_function.path == "pkg://r1_verl.reward"
    assert "# pays: reverse, strict, scale parts" in done.stdout
    assert "--config-dir" in done.stdout and "--config-name my_recipe" in done.stdout


def test_any_key_can_be_overridden_and_the_fragments_added():
    config = recipes.compose("tinyzero_ppo", ["data.train_batch_size=32", "+machine=cpu", "+stop=answer"])
    assert (config.data.train_batch_size, config.trainer.device) == (32, "cpu")
    assert config.actor_rollout_ref.rollout.dtype == "float32"
    assert config.actor_rollout_ref.rollout.agent.default_agent_loop == "r1_stop"
    assert config.reward.custom_reward_function.reward_kwargs.stop == ["</answer>"]


KWARGS = "reward.custom_reward_function.reward_kwargs"


@pytest.mark.parametrize(
    ("recipe", "reward", "said"),
    [
        ("drgrpo", "orz", "orz, as published, scale binary"),
        ("gsm8k_ppo", "orz", "orz, as published, scale binary"),
        ("drgrpo", "{name:orz,scale:plus_minus}", "orz, as published, scale plus_minus"),
        ("gsm8k_ppo", "{name:grpo_bias}", "grpo_bias, as published, scale centred"),  # Hydra merges mappings
        (
            "drgrpo", "{name:openr1,options:{openr1_weights:{accuracy:2}}}",
            'openr1, as published, scale parts, openr1_weights {"accuracy": 2}',
        ),
    ],
)  # fmt: skip
def test_another_reward_is_one_override(recipe, reward, said):
    assert pays.line(recipes.compose(recipe, [f"r1_verl.pays={reward}"])) == said


def test_without_a_name_each_rows_data_source_decides():
    config = recipes.compose("drgrpo", ["r1_verl.pays=null", f"+{KWARGS}.scale=centred"])
    assert pays.line(config) == "the reward of each row's data source, as published, scale centred"
    own = recipes.compose("drgrpo", ["reward.custom_reward_function.path=my/reward.py"])
    assert pays.line(own) == "the reward function compute_score of my/reward.py"


def test_an_old_override_of_the_scale_works_with_a_note(capsys):
    settled = settle("drgrpo", ["trainer.save_freq=3", f"{KWARGS}.ladder=centred"])
    assert settled == ["trainer.save_freq=3", f"++{KWARGS}.scale=centred"]
    assert capsys.readouterr().err == f"r1_verl: write {KWARGS}.scale=centred: a ladder is called a scale now\n"
    assert pays.line(recipes.compose("drgrpo", settled)) == "drgrpo, as published, scale centred"


def test_a_reward_that_is_named_anew_keeps_no_scale_of_the_recipes():
    assert pays.line(recipes.compose("gsm8k_ppo")) == "gsm8k, as published, scale centred"
    for word in ("r1_verl.pays={name: gsm8k}", "++r1_verl.pays={ name: gsm8k}"):
        assert "centred" not in pays.line(recipes.compose("gsm8k_ppo", settle("gsm8k_ppo", [word])))
    less = recipes.compose("gsm8k_ppo", settle("gsm8k_ppo", ["r1_verl.pays={scale: binary}"]))
    assert pays.line(less) == "gsm8k, as published, scale binary"


def test_cpu_1_adds_the_machine_where_the_recipe_has_none(monkeypatch, tmp_path):
    (tmp_path / "mine.yaml").write_text("# @package _global_\ndefaults:\n  - quickstart_ppo\n  - _self_\n")
    monkeypatch.delenv("CPU", raising=False)
    assert settle("drgrpo", []) == []
    monkeypatch.setenv("CPU", "1")
    assert settle("drgrpo", ["a=b"]) == ["+machine=cpu", "a=b"]
    assert settle("drgrpo", ["+machine=cpu"]) == ["+machine=cpu"]
    for recipe in ("quickstart_grpo", "quickstart_ppo", str(tmp_path / "mine.yaml")):
        assert settle(recipe, []) == []
        assert recipes.compose(recipe, settle(recipe, [])).trainer.device == "cpu"


def test_mistakes_are_named():
    with pytest.raises(recipes.RecipeError, match="did you mean tinyzero_"):
        recipes.compose("tinyzero_pp")
    with pytest.raises(recipes.RecipeError, match=r"trainer.total_step"):
        recipes.compose("tinyzero_ppo", ["trainer.total_step=3"])
    with pytest.raises(recipes.RecipeError, match=r"'stages' is no override: write KEY=VALUE"):
        settle("tinyzero_ppo", ["stages"])
    assert settle("tinyzero_ppo", ["~trainer.logger"]) == ["~trainer.logger"]


def test_a_list_in_the_place_of_a_mapping_is_told_how():
    with pytest.raises(recipes.RecipeError) as refused:
        recipes.compose("gsm8k_ppo", ["r1_verl.pays=[orz]"])
    told = "r1_verl.pays is a mapping in the recipe and [orz] is a list: take the old one out, "
    assert f"{told}'~r1_verl.pays' '+r1_verl.pays=[orz]'" in str(refused.value)
    config = recipes.compose("gsm8k_ppo", ["~r1_verl.pays", "+r1_verl.pays=[orz]"])
    assert pays.line(config) == "orz, as published, scale binary"


@pytest.mark.long
def test_verl_finds_the_recipe_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "verl.trainer.main_ppo", "--config-name", "tinyzero_ppo", "--cfg", "job", "--resolve"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    config = OmegaConf.create(done.stdout[done.stdout.index("actor_rollout_ref:") :])
    ours = recipes.compose("tinyzero_ppo")
    OmegaConf.resolve(ours)
    assert config.algorithm == ours.algorithm and config.data == ours.data and config.trainer == ours.trainer


@pytest.mark.long
def test_the_plugin_is_light_and_says_where_the_user_looks_that_it_fails(tmp_path):
    """Every process that imports verl loads it: it may bring no more than our own light modules and packaging. veRL
    itself logs a plugin's failure at DEBUG only; here the CPU platform is asked for and its module broken."""
    program = """
import contextlib, os, sys
import verl
there = set(sys.modules)
for platform in ("cpu", "cuda", "broken"):
    if os.fork() == 0:
        os.environ["VERL_PLATFORM"] = platform.replace("broken", "cpu")
        if platform == "broken":
            sys.modules["r1_verl.verl_side.cpu_platform"] = None
        with contextlib.suppress(ImportError):
            import r1_verl.verl_side.plugin
        print(platform, *{name.partition(".")[0] for name in sys.modules.keys() - there} - sys.stdlib_module_names)
        sys.exit()
    os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path,
        env={**os.environ, "VERL_USE_EXTERNAL_PLUGINS": "none"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    brought = {platform: set(names) for platform, *names in map(str.split, done.stdout.splitlines())}
    assert brought.keys() == {"cpu", "cuda", "broken"}
    for platform in ("cpu", "cuda"):
        assert "r1_verl" in brought[platform] and brought[platform] - {"r1_verl", "packaging"} == set()
    assert done.stderr.count("r1_verl: the veRL plugin did not load") == 1


def test_another_verl_is_named(monkeypatch, capsys):
    import verl

    from r1_verl.verl_side import plugin

    monkeypatch.setattr(verl, "__version__", "0.10.0")
    plugin.load()
    assert "proved on verl 0.9.1, this is verl 0.10.0" in capsys.readouterr().err
