"""Entry point of the group `vllm.general_plugins`: vLLM calls `register` in each of its processes."""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Mend vLLM 0.24.0 in this process. Idempotent."""
    from vllm.platforms import current_platform

    _dual_chunk_attention_as_ordinary()
    if current_platform.is_cpu():
        _keep_weights_beside_their_packed_form()


def _dual_chunk_attention_as_ordinary() -> None:
    """Build Qwen2.5-1M models, whose dual-chunk attention no backend of vLLM's V1 engine has (vllm issue 24048).

    Within its first chunk that attention is the ordinary one, so up to there the setting is dropped. A checkpoint keeps
    it: veRL writes the config that it has read, not vLLM's.
    """
    from vllm.config.model import ModelConfig

    verify = ModelConfig.verify_dual_chunk_attention_config
    if getattr(verify, "_r1_verl", False):
        return

    def drop_or_verify(self: Any, load_config: Any) -> None:
        setting = getattr(self.hf_config, "dual_chunk_attention_config", None)
        if setting and self.max_model_len <= setting["chunk_size"] - setting["local_size"]:
            del self.hf_config.dual_chunk_attention_config
        verify(self, load_config)

    drop_or_verify._r1_verl = True
    ModelConfig.verify_dual_chunk_attention_config = drop_or_verify


def _keep_weights_beside_their_packed_form() -> None:
    """On a CPU vLLM packs a linear layer's weight and drops the original; veRL's next weight sync would write nowhere.

    veRL has the layers packed again after each sync (`process_weights_after_loading`).
    """
    from vllm.model_executor.layers import utils

    pack = utils.dispatch_cpu_unquantized_gemm
    if getattr(pack, "_r1_verl", False):
        return

    def pack_and_keep(layer, remove_weight: bool) -> None:
        pack(layer, remove_weight=False)

    pack_and_keep._r1_verl = True
    utils.dispatch_cpu_unquantized_gemm = pack_and_keep
