"""The estimate of what a GPU holds, against a table that was worked out by hand for every recipe's published card."""

from __future__ import annotations

import copy
import json
import re

import pytest
import stand_ins

from r1_verl.doctor.memory import cache, memory, summary
from r1_verl.recipes.resolvers import FLASH

# recipe: GiB while generating, in the actor's update with flash_attn, in the critic's
BY_HAND = {
    "tinyzero_grpo": (76, 46, 0), "tinyzero_ppo": (93, 63, 55), "logicrl_grpo": (50, 54, 0),
    "logicrl_stage3": (50, 64, 0), "logicrl_curriculum": (50, 40, 0), "simplerl_v1_grpo": (67, 36, 0),
    "simplerl_v0_ppo": (47, 32, 21), "simplerl_v0_ppo_1node": (42, 40, 36), "dapo": (50, 38, 0),
    "deepscaler_8k": (60, 60, 0), "deepscaler_16k": (58, 57, 0), "gsm8k_ppo": (43, 31, 22), "gsm8k_grpo": (62, 27, 0),
    "openr1_qwen_1_5b": (60, 24, 0), "openr1_math_7b": (68, 40, 0), "mini_r1": (50, 34, 0),
    "unlock_deepseek": (59, 46, 0), "oat_zero": (38, 19, 0), "grpo_demo": (43, 44, 0), "drgrpo": (32, 31, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folders with each published model's config.json, by hub name: the estimate reads no more."""
    folder = tmp_path_factory.mktemp("published")
    for name, known in stand_ins.facts().items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(known["config"]))
    return folder


@pytest.fixture
def on_its_card(published, composed):
    """(configuration, card in GiB) of a recipe, its model read from its published config."""

    def found(recipe: str, attention: str = FLASH):
        config = copy.deepcopy(composed(recipe))
        config.actor_rollout_ref.model.path = str(published / config.actor_rollout_ref.model.path)
        for part in (config.actor_rollout_ref, config.critic):
            part.model.override_config.attn_implementation = attention
        return config, float(re.search(r"(\d+) GB", config.r1_verl.about.gpu)[1])

    return found


@pytest.mark.parametrize("recipe", BY_HAND)
def test_it_is_what_was_worked_out_by_hand(on_its_card, recipe):
    generating, update, critic = BY_HAND[recipe]
    need = memory(*on_its_card(recipe))
    assert need.generating == pytest.approx(generating, abs=1.5)
    assert need.update == pytest.approx(update, abs=1.5)
    assert need.critic == pytest.approx(critic, abs=5)  # the table's own critics differ by as much


def test_it_is_told_in_one_line(on_its_card, monkeypatch, tmp_path):
    """On a machine without cards, for the published one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert summary(on_its_card("drgrpo")[0]) == (
        "Each GPU of 40 GiB holds about 32 while vLLM generates, 31 in the actor's update (estimates)"
    )
    assert summary(on_its_card("tinyzero_ppo")[0]).endswith("63 in the actor's update, 54 in the critic's (estimates)")


def test_what_flash_attention_saves(on_its_card):
    """5 GiB of mask at 32,768 tokens; and a copy of the logits where there is no entropy bonus."""
    config, card = on_its_card("deepscaler_8k", "sdpa")
    assert memory(config, card).update - memory(*on_its_card("deepscaler_8k")).update == pytest.approx(5, abs=0.1)
    config, card = on_its_card("drgrpo", "sdpa")
    assert memory(config, card).update - memory(*on_its_card("drgrpo")).update == pytest.approx(1.25 + 4.64, abs=0.1)


def test_lora_trains_its_adapter_alone(on_its_card):
    """119.7 million of Qwen2.5-3B's parameters at rank 64, as peft counts them; it fits 24 GB with some to spare."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Qwen2Config

    from r1_verl.doctor.memory import _trainable, shape_of
    from r1_verl.doctor.model import model_of

    config, card = on_its_card("unsloth_gsm8k", "sdpa")
    import torch

    with torch.device("meta"):
        whole = AutoModelForCausalLM.from_config(Qwen2Config.from_pretrained(config.actor_rollout_ref.model.path))
        whole = get_peft_model(whole, LoraConfig(r=64, target_modules="all-linear"))
    counted = sum(p.numel() for p in whole.parameters() if p.requires_grad)
    assert _trainable(config, shape_of(model_of(config))) == counted
    need = memory(config, card)
    assert 15 < need.generating < 17 and 18 < need.update < 22


def test_a_model_known_by_its_name_alone_is_about_right(on_its_card, monkeypatch, composed):
    config, card = on_its_card("simplerl_v1_grpo")
    known = memory(config, card)
    config.actor_rollout_ref.model.path = "somebody/nothing-7B"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert memory(config, card).most == pytest.approx(known.most, rel=0.1)
    config.actor_rollout_ref.model.path = "somebody/nothing"
    assert memory(config, card) is None


def test_the_kv_cache_is_what_the_shares_leave(on_its_card):
    """Dr. GRPO on 40 GB: with veRL's share of a half, 3 GiB are left beside the weights for 128 responses a GPU."""
    config, card = on_its_card("drgrpo")
    found = cache(config, card)
    assert (found.share, found.weights, found.longest) == pytest.approx((30, 14.2, 4024), abs=0.05)
    assert found.token * 2**30 == 2 * 28 * 4 * 128 * 2  # keys and values, layers, heads, their width, bytes
    assert found.room / found.token == pytest.approx(240_000, rel=0.02)
    config.actor_rollout_ref.rollout.gpu_memory_utilization = 0.5
    assert (found := cache(config, card)).room / found.token == pytest.approx(53_000, rel=0.02)
    config.actor_rollout_ref.rollout.max_model_len = None
    assert cache(config, card).longest == 4096  # the model's own
