"""Every recipe's models, as a GPU machine without flash_attn would load them: by veRL's own workers, on stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import recipe_names
import stand_ins

from r1_verl.recipes import resolvers

pytestmark = pytest.mark.long
# 8 ranks share a sequence there, which sdpa can't (`test_mends.py`); with 1 it is the doctor's own advice.
ALONE = {
    "dapo": "dapo actor_rollout_ref.actor.ulysses_sequence_parallel_size=1 "
    "actor_rollout_ref.actor.fsdp_config.ulysses_sequence_parallel_size=1"
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict[str, dict]:
    """What each recipe loaded; one process for all, since veRL takes ten seconds to import."""
    assert resolvers.attention() == resolvers.SDPA, "flash_attn is installed here: these tests are about its absence"
    folder = tmp_path_factory.mktemp("models")
    for name in stand_ins.facts():
        (folder / name).mkdir(parents=True)
        stand_ins.build(name, folder / name)
    asked = [ALONE.get(name, name) for name in recipe_names.GPU]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("load_recipes.py")), str(folder), *asked],
        env={**os.environ, "VERL_PLATFORM": "cpu"}, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: found[ALONE.get(name, name)] for name in recipe_names.GPU}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("recipe", recipe_names.GPU)
def test_actor_critic_and_reference_load(loaded, composed, recipe):
    found, config = loaded[recipe], composed(recipe)
    assert "error" not in found, found["error"]
    lora = bool(config.actor_rollout_ref.model.lora_rank)
    kl = config.actor_rollout_ref.actor.use_kl_loss or config.algorithm.use_kl_in_reward
    wanted = {"actor"} | ({"ref"} if kl and not lora else set())
    wanted |= {"critic"} if config.algorithm.adv_estimator == "gae" else set()
    assert found.keys() == wanted
    assert {part["attention"] for part in found.values()} == {"sdpa"}
    assert found["actor"]["weights"] == ["torch.float32"] and found["actor"]["trained"]
    assert found["actor"]["adapter"] == (["torch.float32"] if lora else [])
    if "ref" in found:
        assert found["ref"]["weights"] == ["torch.bfloat16"]
    if "critic" in found:
        assert "ForTokenClassification" in found["critic"]["class"]
