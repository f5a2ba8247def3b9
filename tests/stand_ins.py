"""Stand-ins for the published models: small folders with each one's own form, made from `fixtures/models.json`.

A stand-in has the published config keys, tokenizer class, special tokens, chat template, tied or untied weights, ratio
of heads, generation settings and the further files that matter. It has sizes of its own (two layers, heads of 32,
random weights, in bf16 as published), a vocabulary of bytes and special tokens, and therefore other token ids: each id
in the published files becomes that of the same token here. What no source tells (the facts name it under "unknown") is
left to transformers' defaults, with one exception: a base model whose template is unknown gets that of Qwen2.5-1.5B, of
its family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACTS = Path(__file__).parent / "fixtures" / "models.json"
HEAD = 32  # vLLM's CPU attention wants no smaller heads
# Qwen2's way of cutting text, which all of them share
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
TEMPLATE_OF_THE_FAMILY = "Qwen/Qwen2.5-1.5B"


def facts() -> dict[str, dict[str, Any]]:
    """What is known of each published model, by its hub name."""
    return {name: found for name, found in json.loads(FACTS.read_text(encoding="utf-8")).items() if "/" in name}


def build(name: str, folder: Path) -> Path:
    """Write the stand-in of a published model to `folder` and return it."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    known = facts()[name]
    tokens = _published_tokens(known)
    ids = {number: 256 + place for place, number in enumerate(sorted(tokens))}
    config = _small(known["config"]) | {"vocab_size": 256 + len(tokens)}
    torch.manual_seed(0)
    # at this width the published 0.02 makes all tokens about as likely
    made = {key: value for key, value in config.items() if not key.endswith("_id")} | {"initializer_range": 0.06}
    model = Qwen2ForCausalLM(Qwen2Config(**made))
    model.to(torch.bfloat16).save_pretrained(folder)
    _tokenizer([tokens[number] for number in sorted(tokens)]).save(str(folder / "tokenizer.json"))
    files = {
        "config.json": _with_ids(config, ids),
        "generation_config.json": _with_ids(known["generation_config"], ids),
        "tokenizer_config.json": _tokenizer_config(known["tokenizer_config"], ids),
    }
    if "sparse_attention_config.json" in known["other_files"]:
        files["sparse_attention_config.json"] = [{"0": []}] * config["num_hidden_layers"]
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
    return folder


def _published_tokens(known: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Added tokens by their published ids: from tokenizer_config.json, or from tokenizer.json where that lacks them."""
    added = known["tokenizer_config"].get("added_tokens_decoder")
    added = added or known["other_files"]["tokenizer.json"]["added_tokens"]
    return {int(number): token for number, token in added.items()}


def _small(published: dict[str, Any]) -> dict[str, Any]:
    """The published config with other sizes."""
    ratio = published["num_attention_heads"] // published["num_key_value_heads"]
    keys = 2 if ratio < 5 else 1
    hidden = ratio * keys * HEAD
    return published | {
        "hidden_size": hidden, "num_attention_heads": ratio * keys, "num_key_value_heads": keys, "num_hidden_layers": 2,
        "intermediate_size": 8 * round(hidden * published["intermediate_size"] / published["hidden_size"] / 8),
    }  # fmt: skip


def _with_ids(published: dict[str, Any], ids: dict[int, int]) -> dict[str, Any]:
    def ours(value: Any) -> Any:
        return [ids[one] for one in value] if isinstance(value, list) else ids.get(value)

    return {key: ours(value) if key.endswith("_token_id") else value for key, value in published.items()}


def _tokenizer_config(published: dict[str, Any], ids: dict[int, int]) -> dict[str, Any]:
    template = facts()[TEMPLATE_OF_THE_FAMILY]["tokenizer_config"]["chat_template"]
    found = {"chat_template": template} | published
    if "added_tokens_decoder" in found:
        added = {str(ids[int(number)]): token for number, token in found["added_tokens_decoder"].items()}
        found["added_tokens_decoder"] = added
    return found


def _tokenizer(tokens: list[dict[str, Any]]) -> Any:
    """A byte-level BPE without merges, and the added tokens in this order."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: number for number, symbol in enumerate(alphabet)}, []))
    cut = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    for token in tokens:
        add = tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens
        add([AddedToken(token["content"], special=token["special"], normalized=False)])
    return tokenizer
