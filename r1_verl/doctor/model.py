"""What is known of a recipe's model without loading it: from its folder, its small files on the hub, or its name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import reason
from r1_verl.doctor.problem import Problem
from r1_verl.hub import fetch, model_files

_FILES = (*model_files.SMALL, "chat_template.json", "tokenizer.json")


class Model(NamedTuple):
    """What is known of a model. path: the recipe's model.path; local: whether it is a folder's; files: the small files
    that were found, by name; params: billions of parameters, None if unknown; trouble: why the hub gave no files."""

    path: str
    local: bool
    files: dict[str, Path]
    params: float | None
    trouble: Problem | None = None

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the model, {} where there is none."""
        try:
            found = json.loads(self.files[name].read_text(encoding="utf-8"))
        except (KeyError, OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def template(self) -> str | None:
        """The chat template as Jinja, None if unknown or if the model has none."""
        if "chat_template.jinja" in self.files:
            return self.files["chat_template.jinja"].read_text(encoding="utf-8", errors="replace")
        given = [self.read(name).get("chat_template") for name in ("chat_template.json", "tokenizer_config.json")]
        found = next((each for each in given if each), None)
        if isinstance(found, list):  # several, by name
            named = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
            found = named.get("default")
        return found if isinstance(found, str) else None

    def token_ids(self) -> dict[str, int]:
        """Special and added tokens by text, {} where unknown."""
        added = self.read("tokenizer_config.json").get("added_tokens_decoder")
        if not isinstance(added, dict) or not added:
            listed = self.read("tokenizer.json").get("added_tokens")
            entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
            added = {entry.get("id"): entry for entry in entries}
        return {
            entry["content"]: int(number)
            for number, entry in added.items()
            if isinstance(entry, dict) and "content" in entry and str(number).isdecimal()
        }

    def tokenizer(self) -> Any | None:
        """The tokenizer of tokenizer.json; None if there is none, or it can't be read: check_model reports that."""
        return _tokenizer(self.files["tokenizer.json"])[0] if "tokenizer.json" in self.files else None

    def torn(self) -> str:
        """The first of the small files that can't be read, with the reason; "" for none."""
        for name, path in self.files.items():
            if name.endswith(".json"):
                try:
                    if not isinstance(json.loads(path.read_text(encoding="utf-8")), dict):
                        return f"{name} holds no JSON object"
                except (OSError, ValueError, RecursionError) as error:
                    return f"{name} can't be read ({reason(error, 100)})"
        why = _tokenizer(self.files["tokenizer.json"])[1] if "tokenizer.json" in self.files else ""
        return f"tokenizer.json can't be read ({why})" if why else ""

    def positions(self, override: Mapping[str, Any] | None = None) -> int | None:
        """How many tokens a text may have, as vLLM reckons it; None where unknown.

        YaRN and other ways to stretch rotary positions multiply the model's own number.
        """
        config = {**self.read("config.json"), **(override or {})}
        limit, rope = config.get("max_position_embeddings"), config.get("rope_scaling") or config.get("rope_parameters")
        if not isinstance(limit, int) or not isinstance(rope, Mapping):
            return limit if isinstance(limit, int) else None
        kind, factor = rope.get("rope_type") or rope.get("type"), rope.get("factor")
        if kind in (None, "default", "llama3", "longrope", "su", "mrope") or not isinstance(factor, int | float):
            return limit
        own = rope.get("original_max_position_embeddings") if kind == "yarn" else None
        return max(limit, int((own if isinstance(own, int) else limit) * factor))

    def tokens(self) -> dict[str, str]:
        """The texts of bos_token and the like that a chat template may write, "" where there is none."""
        special = self.read("tokenizer_config.json")
        given = {key: special.get(key) for key in ("bos_token", "eos_token", "pad_token")}
        texts = {key: token.get("content") if isinstance(token, dict) else token for key, token in given.items()}
        return {key: str(text or "") for key, text in texts.items()}

    def ends(self) -> set[int]:
        """The ids at which generation ends by itself; empty where unknown."""
        found: set[int] = set()
        for name in ("generation_config.json", "config.json"):
            given = self.read(name).get("eos_token_id")
            found |= {number for number in (given if isinstance(given, list) else [given]) if isinstance(number, int)}
        return found


def paths(config: Any) -> list[str]:
    """The models that a recipe loads: the actor's, and the critic's where that is another."""
    critic = [config.critic.model.path] if config.algorithm.adv_estimator == "gae" else []
    return list(dict.fromkeys(str(path) for path in (config.actor_rollout_ref.model.path, *critic)))


def model_of(config: Any) -> Model:
    """The actor's model."""
    return look(str(config.actor_rollout_ref.model.path))


@lru_cache(maxsize=8)
def look(path: str) -> Model:
    """A model by its folder or its hub name. A hub model's small files are fetched unless the cache has them."""
    local, trouble = fetch.is_local(path), None
    if local:
        folder = Path(path).expanduser()
        files = {name: folder / name for name in _FILES if (folder / name).is_file()}
    else:
        try:
            files = fetch.small_files(path) | fetch.cached(path, ["tokenizer.json"])
        except fetch.FetchError as error:
            files, trouble = {}, Problem(error.what, error.fix)
    found = Model(path, local, files, None, trouble)
    return found._replace(params=_size(found.read("config.json")) or _named_size(path))


@lru_cache(maxsize=8)
def _tokenizer(path: Path) -> tuple[Any | None, str]:
    """The tokenizer of a tokenizer.json, and why there is none."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path)), ""
    except Exception as error:  # it has no class of its own
        return None, reason(error, 100)


def _named_size(name: str) -> float | None:
    found = re.search(r"(\d+(?:\.\d+)?)B(?![a-z])", name, re.IGNORECASE)
    return float(found[1]) if found else None


def _size(config: dict[str, Any]) -> float | None:
    """Billions of parameters of a Llama-like decoder."""
    try:
        hidden, layers = config["hidden_size"], config["num_hidden_layers"]
        wide, heads = config["intermediate_size"], config["num_attention_heads"]
        keys = hidden * config.get("num_key_value_heads", heads) // heads
        words = config["vocab_size"] * hidden * (1 if config.get("tie_word_embeddings") else 2)
        return (words + layers * (2 * hidden * (hidden + keys) + 3 * hidden * wide)) / 1e9
    except (KeyError, TypeError, ZeroDivisionError):
        return None
