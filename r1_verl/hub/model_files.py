"""The files of a model, in a folder or a repository of the hub: which are loaded, and whether one is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

SMALL = ("config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja")
_INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_POINTER = b"version https://git-lfs.github.com/spec/"
_WEIGHTS = (".safetensors", ".bin")
_NO_WEIGHTS = ("adapter_", "training_args", "optimizer", "scheduler")
_TOKENIZER = re.compile(r"(tokenizer|vocab|tekken)\.json|(tokenizer|spiece|.*\.bpe)\.model|vocab\.txt|.*\.tiktoken")
# Weights in forms that nothing here loads, and weights that nothing loads if there are .safetensors.
_NEVER = ("*.gguf", "*.h5", "*.msgpack", "*.ot", "*.tflite", "*.onnx*", "onnx/*", "openvino/*", "coreml/*")
_BESIDE = ("*.bin", "*.pth", "*.pt", "*.ckpt", "original/*")


def wanted(names: Iterable[str]) -> list[str]:
    """The files of a repository to download: all but weights in forms that nothing here loads."""
    from huggingface_hub.utils import filter_repo_objects

    names = list(names)
    beside = _BESIDE if any(name.endswith(".safetensors") for name in names) else ()
    return list(filter_repo_objects(names, ignore_patterns=[*_NEVER, *beside]))


def lacking(folder: Path) -> str:
    """The first thing that a model folder lacks to be loaded (weights, a part of them, a tokenizer); "" for nothing."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    names = {file.name for file in files}
    if pointers := [file.name for file in files if _is_pointer(file)]:
        more = f" and {len(pointers) - 1} more" if pointers[1:] else ""
        return f"the content of {pointers[0]}{more}: a Git LFS pointer stands in its place (git lfs pull fetches it)"
    if index := next((name for name in _INDICES if name in names), ""):
        try:
            parts = json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"a {index} that can be read"
        if missing := sorted(set(parts) - names):
            return missing[0] + (f" and {len(missing) - 1} more" if missing[1:] else "")
    return lacking_of(names)


def truncated(folder: Path) -> str:
    """The first .safetensors file of a folder that is shorter than its header tells; "" for none."""
    return next((file.name for file in sorted(folder.glob("*.safetensors")) if not _is_whole(file)), "")


def _is_pointer(file: Path) -> bool:
    """Whether Git LFS has left its pointer, some lines of text, in the place of a file."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


def _is_whole(file: Path) -> bool:
    """Whether a .safetensors file has the length that its header tells."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length <= size - 8:
                return False
            header = json.loads(opened.read(length))
        return size == 8 + length + max(
            part["data_offsets"][1] for key, part in header.items() if key != "__metadata__"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return False


def lacking_of(names: Iterable[str]) -> str:
    """`lacking`, judged by the names of the files alone."""
    names = list(names)
    weights = [name for name in names if name.endswith(_WEIGHTS) and not name.startswith(_NO_WEIGHTS)]
    if not weights:
        return "weights (.safetensors or .bin)"
    parts = [found for name in weights if (found := re.search(r"-(\d{5})-of-(\d{5})\.", name))]
    if parts and (missing := int(parts[0][2]) - len({found[1] for found in parts})) > 0:
        return f"{missing} of its {int(parts[0][2])} parts of the weights"
    if not any(_TOKENIZER.fullmatch(name) for name in names):
        return "a tokenizer (tokenizer.json, vocab.json or tokenizer.model)"
    return ""
