"""A model folder as evaluation sees it: whole or not, its hash, the shape of its engine, its prompts."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from r1_verl.data.example import reason
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.evaluation.questions import Question
from r1_verl.hub import model_files
from r1_verl.runs import RunError

_BESIDE = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "*.py")  # tokenizer and settings
_NOT_SHAPE = ("_name_or_path", "attn_implementation", "dtype", "torch_dtype", "transformers_version", "use_cache")


def lacking(folder: Path) -> str:
    """What a model folder lacks to be loaded; "" for nothing."""
    if not (folder / "config.json").is_file():
        return "a config.json"
    cut = model_files.truncated(folder)
    return model_files.lacking(folder) or (f"the end of {cut}" if cut else "")


def digest(folder: Path) -> str:
    """A hash of a model folder's weights, settings and tokenizer. Weights in the hub's cache bear theirs as a name."""
    files = sorted({file for kind in ("*.safetensors", "*.bin", *_BESIDE) for file in folder.glob(kind)})
    files = [file for file in files if file.name != "exported_from.json"]

    def one(file: Path) -> str:
        blob = file.resolve()
        if blob.parent.name == "blobs" and len(blob.name) == 64:
            return f"{file.name} {blob.name}"
        with file.open("rb") as opened:
            return f"{file.name} {hashlib.file_digest(opened, 'sha256').hexdigest()}"

    with ThreadPoolExecutor() as threads:
        return hashlib.sha256("\n".join(threads.map(one, files)).encode()).hexdigest()


def shape(folder: Path, tokenizer: Any) -> str:
    """What an engine is built for: weights may be exchanged for others of one shape. Raises RunError."""
    config = _settings(folder / "config.json")
    half = "float16" in (config.get("dtype"), config.get("torch_dtype"))  # vLLM keeps that one, the others become bf16
    config = {name: value for name, value in config.items() if name not in _NOT_SHAPE}
    beside = folder / "generation_config.json"
    ends = _settings(beside).get("eos_token_id") if beside.is_file() else None
    words = hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()
    return hashlib.sha256(json.dumps([config, half, ends, words], sort_keys=True).encode()).hexdigest()


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer. Raises RunError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # whatever a tokenizer's file can do
        raise RunError(f"its tokenizer in {folder} cannot be loaded ({reason(error)})") from error


def prompt(tokenizer: Any, question: Question) -> str:
    """The prompt as the model gets it: rendered by its chat template, a raw one as it is. Raises RunError."""
    if not question.raw and not tokenizer.chat_template:
        raise RunError(
            "its tokenizer has no chat template", "choose a protocol with raw prompts, or --set style=a raw style"
        )
    messages = [{"role": role, "content": content} for role, content in question.messages]
    template = PASS_THROUGH if question.raw else None
    try:
        return tokenizer.apply_chat_template(
            messages, chat_template=template, add_generation_prompt=True, tokenize=False
        )
    except Exception as error:  # jinja's own and whatever a template raises
        raise RunError(f"its chat template refuses a question ({reason(error)})") from error


def positions(folder: Path) -> int:
    """The tokens of a model's context; 0 if its config does not say. Raises RunError."""
    config = _settings(folder / "config.json")
    found = config.get("max_position_embeddings") or (config.get("text_config") or {}).get("max_position_embeddings")
    return found if isinstance(found, int) else 0


def model_type(folder: Path) -> str:
    """The architecture that a model's config names; "" if it names none. Raises RunError."""
    return str(_settings(folder / "config.json").get("model_type") or "")


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"its {path} cannot be read ({reason(error)})") from error
    if not isinstance(found, dict):
        raise RunError(f"its {path} is no JSON object")
    return found
