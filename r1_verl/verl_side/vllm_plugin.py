"""Entry point of the group `vllm.general_plugins`: vLLM calls `register` in each of its processes."""

from __future__ import annotations


def register() -> None:
    """On CPU, keep a linear layer's weight beside its packed form.

    vLLM packs the weight and drops the original; veRL's next weight sync would find nothing to write into. veRL has
    the layers packed again after each sync (`process_weights_after_loading`). Elsewhere this does nothing.
    """
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    from vllm.model_executor.layers import utils

    pack = utils.dispatch_cpu_unquantized_gemm
    if getattr(pack, "_r1_verl", False):
        return

    def pack_and_keep(layer, remove_weight: bool) -> None:
        pack(layer, remove_weight=False)

    pack_and_keep._r1_verl = True
    utils.dispatch_cpu_unquantized_gemm = pack_and_keep
