"""The preflight under random single edits of recipes: it never raises, and names what veRL itself refuses.

The witness is veRL: its `validate_config`, and the dataclasses that its V1 trainer and workers make of the sections.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import probes
import pytest
from omegaconf import OmegaConf, open_dict

from r1_verl import doctor, recipes

RECIPES = ("quickstart_grpo", "quickstart_ppo", "unsloth_gsm8k")
EDITS, SAMPLE, SEED = 1500, 30, 13
FEW = 0.05  # the share of veRL's refusals that the doctor may miss
_OTHER = ("64k", "many", True, None, 2.5, [1, 2], {"a": 1}, 7, "")
_FAR = (-1, 0, -5, 10**9, 0.5, 1.5, -0.1, float("nan"), float("inf"))


class Edit(NamedTuple):
    """One edit of a recipe: the whole key, what is done to it, the new value."""

    recipe: str
    key: str
    deed: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.recipe}: {self.deed} {self.key} {self.value!r}"


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> dict[str, Any]:
    """The recipes as they run on a CPU, with data and a model that are there."""
    folder = tmp_path_factory.mktemp("fuzz")
    found = {}
    for name in RECIPES:
        config = recipes.compose(name, [] if name.startswith("quickstart") else ["+machine=cpu"])
        data = probes.data_for(config, folder, raw=False, think=False)
        model = recipes.FOLDER / "quickstart_base"
        found[name] = probes.overridden(
            config, f"data.train_files={data}", f"data.val_files={data}", f"actor_rollout_ref.model.path={model}",
            f"trainer.default_local_dir={folder}/checkpoints",
        )  # fmt: skip
    return found


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # else veRL asks the hub for half a minute for each misspelt model
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def edits(sound: dict[str, Any], count: int) -> Iterator[Edit]:
    chance = random.Random(SEED)
    keys = {name: [key for key in _keys(OmegaConf.to_container(config)) if not key.startswith("r1_verl")]
            for name, config in sound.items()}  # fmt: skip
    for number in range(count):
        recipe = RECIPES[number % len(RECIPES)]
        key = chance.choice(keys[recipe])
        value = _read(sound[recipe], key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        deed = chance.choice(("type", "range" if is_number else "type", "spelling", "missing"))
        if deed == "type":
            yield Edit(recipe, key, "set", chance.choice([new for new in _OTHER if type(new) is not type(value)]))
        elif deed == "range":
            yield Edit(recipe, key, "set", chance.choice(_FAR))
        elif deed == "missing":
            yield Edit(recipe, key, "delete")
        elif isinstance(value, str) and value and chance.random() < 0.5:
            yield Edit(recipe, key, "set", _misspelt(value, chance))
        else:
            section, dot, last = key.rpartition(".")
            yield Edit(recipe, f"{section}{dot}{_misspelt(last, chance)}", "add", value)


def _keys(section: dict[str, Any], start: str = "") -> Iterator[str]:
    for key, value in section.items():
        yield f"{start}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{start}{key}.")


def _read(config: Any, key: str) -> Any:
    value = OmegaConf.select(config, key, throw_on_missing=False)
    return OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value


def _misspelt(word: str, chance: random.Random) -> str:
    place = chance.randrange(len(word))
    return chance.choice((word[:place] + word[place + 1 :], word[:place] + word[place] + word[place:], word + "s"))


def edited(config: Any, edit: Edit) -> Any:
    config = probes.overridden(config)
    section, _, last = edit.key.rpartition(".")
    parent = OmegaConf.select(config, section) if section else config
    with open_dict(config):
        if edit.deed == "delete":
            del parent[last]
        else:
            OmegaConf.update(config, edit.key, edit.value, merge=False, force_add=True)
    return config


def refusal(config: Any, key: str = "") -> str:
    """veRL's own error, "" if it takes the configuration, which it changes: the whole, and the section that a key is
    of."""
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    try:
        reference, critic = need_reference_policy(config), need_critic(config)
        validate_config(config, reference, critic)
        OmegaConf.resolve(config)
        section = config.actor_rollout_ref
        if reference:
            _as_an_actor(section.ref)
        parts = [*(f"actor_rollout_ref.{name}" for name in ("actor", "rollout", "model", "ref")[: 3 + reference]),
                 *["critic"] * critic, "algorithm.filter_groups", "algorithm.kl_ctrl"]  # fmt: skip
        for part in parts:
            if key.startswith(f"{part}.") or part.startswith(key):
                omega_conf_to_dataclass(OmegaConf.select(config, part))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _as_an_actor(ref: Any) -> None:
    """What veRL's worker does before it makes an ActorConfig of the reference (workers/engine_workers.py)."""
    with open_dict(ref):
        for old, new in (("log_prob_micro_batch_size", "ppo_micro_batch_size"),
                         ("log_prob_micro_batch_size_per_gpu", "ppo_micro_batch_size_per_gpu"),
                         ("log_prob_use_dynamic_bsz", "use_dynamic_bsz"),
                         ("log_prob_max_token_len_per_gpu", "ppo_max_token_len_per_gpu")):  # fmt: skip
            ref[new] = ref.pop(old, None)


def words(edit: Edit) -> list[str]:
    """By which a problem names an edit: the key's last word; a path by itself."""
    return [edit.key.rpartition(".")[2], *[edit.value] * (isinstance(edit.value, str) and "/" in edit.value)]


def examined(sound: dict[str, Any], count: int, ask_all: bool = True) -> tuple[int, list[str]]:
    """How many of the edits veRL refuses, and those of them that the doctor does not name. ask_all:
    ask veRL, which takes its time, about those too that the doctor names."""
    refused, missed = 0, []
    before = {name: {problem.what for problem in doctor.examine(config)} for name, config in sound.items()}
    assert before == {name: set() for name in RECIPES}
    assert not any(refusal(probes.overridden(config)) for config in sound.values())
    for edit in edits(sound, count):
        config = edited(sound[edit.recipe], edit)
        found = doctor.examine(config)
        named = any(word in problem.what for problem in found for word in words(edit))
        if (ask_all or not named) and (error := refusal(config, edit.key)):
            refused += 1
            if not named:
                missed.append(f"{edit} | veRL: {error:.200} | doctor: {[problem.what for problem in found]}")
    return refused, missed


@pytest.mark.filterwarnings("ignore")
def test_a_sample_of_edits(sound):
    _, missed = examined(sound, SAMPLE, ask_all=False)
    assert len(missed) <= 1, "\n".join(missed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_edits(sound):
    refused, missed = examined(sound, EDITS)
    assert refused > EDITS / 10
    assert len(missed) <= FEW * refused, "\n".join(missed)
