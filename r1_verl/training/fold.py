"""A LoRA checkpoint as an ordinary model folder: the adapter is folded into the weights that it stands beside.

veRL's model merger writes the base model and the adapter into two folders, and rounds both to bf16. A folded weight is
W + alpha / rank * B A, computed and saved in fp32: in bf16 most of what an adapter changes would be rounded away.

`python -m r1_verl.training.fold ACTOR OUT OPTIONS` is a process of its own, because it holds the whole model in memory.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

META = "lora_train_meta.json"  # veRL writes it beside the shards of a LoRA run
_A, _B = ".lora_A.default.weight", ".lora_B.default.weight"


def fold(actor: Path, out: Path, base: str | None = None, adapter: str | None = None, trust: bool = False) -> None:
    """Write the model folder. Raises ValueError for an adapter of another kind.

    actor: a checkpoint's folder of FSDP shards; base, adapter: what the run started from (the base is read where the
    shards hold the adapter alone: save_lora_only); trust: the model may run code of its own.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    weights = merged(_whole_tensors(actor), _scaling(actor, adapter), lambda: _weights_of(base, trust))
    config = AutoConfig.from_pretrained(actor / "huggingface", trust_remote_code=trust)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=trust)
    lacking, unknown = model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    lacking = [name for name in lacking if model.get_parameter(name).is_meta]  # a tied one has its weight now
    if lacking or unknown:
        raise ValueError(f"not the weights of {config.architectures}: {[*lacking, *unknown][:3]}")
    model.save_pretrained(out)
    for file in (actor / "huggingface").iterdir():  # the tokenizer, generation settings, code of the model's own
        if file.is_file() and not re.search(r"\.(safetensors|bin)\b|^config\.json$", file.name):
            shutil.copy2(file, out)


def merged(tensors: dict[str, Any], scaling: float, base: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The model's weights in fp32, with the adapter among `tensors` folded in. base: its weights if they lack there."""
    pairs = {name.removesuffix(_A): tensor for name, tensor in tensors.items() if name.endswith(_A)}
    others = [name for name in tensors if "lora_" in name and not name.endswith((_A, _B))]
    if others or not pairs:
        raise ValueError(f"an adapter that is not plain LoRA of linear layers: {others[:3] or 'no lora_A'}")
    weights = {_plain(name): tensor.float() for name, tensor in tensors.items() if "lora_" not in name}
    weights = weights or base()
    for name, down in pairs.items():
        change = scaling * (tensors[name + _B].float() @ down.float())
        weight = weights[_plain(name) + ".weight"]
        if weight.shape != change.shape:
            raise ValueError(f"the adapter of {name} has the shape {tuple(change.shape)}, not {tuple(weight.shape)}")
        weights[_plain(name) + ".weight"] = weight + change
    return weights


def _plain(name: str) -> str:
    """A weight's name in the model without PEFT's wrapping."""
    return name.removeprefix("base_model.model.").replace(".base_layer.", ".")


def _scaling(actor: Path, adapter: str | None) -> float:
    if adapter:
        given = json.loads((Path(adapter) / "adapter_config.json").read_text(encoding="utf-8"))
        if odd := [key for key in ("use_rslora", "use_dora", "rank_pattern", "alpha_pattern") if given.get(key)]:
            raise ValueError(f"the adapter {adapter} is no plain LoRA: {', '.join(odd)}")
    meta = json.loads((actor / META).read_text(encoding="utf-8"))
    return meta["lora_alpha"] / meta["r"]


def _weights_of(base: str | None, trust: bool) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    if not base:
        raise ValueError("the checkpoint holds the adapter alone, and the run's config.yaml does not name its model")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, trust_remote_code=trust)
    return dict(model.state_dict())


def _whole_tensors(actor: Path) -> dict[str, Any]:
    """Every tensor of a checkpoint of FSDP shards, put together, in its own type."""
    import torch
    from torch.distributed.tensor import DTensor

    size = json.loads((actor / "fsdp_config.json").read_text())["world_size"]
    shards = [
        torch.load(actor / f"model_world_size_{size}_rank_{rank}.pt", map_location="cpu", weights_only=False)
        for rank in range(size)
    ]
    found = {}
    for name, first in shards[0].items():
        found[name] = first
        if isinstance(first, DTensor):
            group = first.device_mesh.mesh.shape[-1]  # of several groups (HSDP) each has the whole model
            placement = first.placements[-1]
            parts = [shard[name].to_local() for shard in shards[:group]]
            found[name] = torch.cat(parts, placement.dim) if placement.is_shard() else parts[0]
    return found


if __name__ == "__main__":
    fold(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))
