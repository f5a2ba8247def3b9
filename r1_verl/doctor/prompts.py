"""Checks of prompts as the model will see them: template, think tag, end token, length. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from r1_verl.data import read
from r1_verl.data.example import DataError
from r1_verl.data.rendering import TemplateError, are_messages, is_raw, opens_think, render
from r1_verl.doctor.files import data_files
from r1_verl.doctor.model import Model, model_of
from r1_verl.doctor.problem import Check, Problem

ROWS = 50  # of the first training file
_END = "<|im_end|>"
_RAW = "prompt=raw (custom_chat_template that adds nothing), or data of a chat style"


def check_prompts(config: Any) -> Iterator[Problem]:
    """The first rows, rendered."""
    rows = _rows(config)
    if not rows:
        return
    model = model_of(config)
    custom = config.actor_rollout_ref.model.custom_chat_template
    template = custom or model.template()
    raw = is_raw(rows[0])
    passes = custom is not None and "role" not in custom
    if raw and not passes:
        yield Problem("the prompts are whole strings (raw style) and would get the model's template around them", _RAW)
        return
    if not raw and passes and len(rows[0]["prompt"]) > 1:
        yield Problem(
            "chat messages under a template that adds nothing: system and user text would run together",
            "data of a raw style, or actor_rollout_ref.model.custom_chat_template=null",
        )
    if template is None:
        if not _base_of_qwen(model.path):
            return
        texts = [f"{_END}\n" for _ in rows]  # its template is ChatML
    else:
        texts = _render(rows, template, model)
        yield from _think(rows, texts, custom)
    yield from _ends(config, model, texts)
    yield from _length(config, model, texts)


def _rows(config: Any) -> list[Mapping[str, Any]]:
    for file in data_files(config, "train_files")[:1]:
        try:
            rows = list(islice(read.rows_of(Path(file).expanduser(), ".parquet", ["prompt", "extra_info"]), ROWS))
        except DataError:
            return []  # reported by check_data
        return [row for row in rows if "extra_info" in row and are_messages(row.get("prompt"))]
    return []


def _render(rows: Sequence[Mapping[str, Any]], template: str, model: Model) -> list[str]:
    """The prompts as the model gets them; [] if the template has more than plain Jinja or refuses one of them."""
    try:
        return [render(row["prompt"], template, model.tokens()) for row in rows]
    except TemplateError:
        return []  # `r1-verl check` reports the template's own error, with its row


def _think(rows: Sequence[Mapping[str, Any]], texts: Sequence[str], custom: str | None) -> Iterator[Problem]:
    for row, text in zip(rows, texts, strict=False):
        info = row["extra_info"] if isinstance(row["extra_info"], Mapping) else {}
        opens, said = opens_think(text), bool(info.get("think_in_prompt"))
        if opens and not said:
            yield Problem(
                "the model's template opens <think> in the prompt, and the data says it does not: a response never "
                "holds the opening tag, so format rewards stay 0",
                "prepare the data with --think-in-prompt, or a custom_chat_template that does not open it",
            )
            return
        if said and not opens:
            yield Problem(
                "the data says that the prompt opens <think>, and the rendered prompt does not",
                "prepare the data without --think-in-prompt, or " + _RAW,
            )
            return


def _ends(config: Any, model: Model, texts: Sequence[str]) -> Iterator[Problem]:
    """ChatML turns end in <|im_end|>; a base model's own end token is another one."""
    if not any(_END in text for text in texts):
        return
    settings = config.get("r1_verl") or {}
    ids, ends = model.token_ids(), model.ends()
    if settings.get("stop_token_ids") or settings.get("stop"):
        return
    if (ends and ids.get(_END) not in {*ends, None}) or (not ends and _base_of_qwen(model.path)):
        yield Problem(
            f"the prompts are ChatML, and the model does not end at {_END}: its responses would run on into turns of "
            "their own, up to the limit",
            "+stop=chatml (Qwen2.5's ids), or r1_verl.stop_token_ids=[...] with +stop=texts",
        )


def _base_of_qwen(name: str) -> bool:
    """A Qwen2.5 base model by its hub name: it ends at <|endoftext|> alone."""
    return name.startswith("Qwen/Qwen2.5") and "Instruct" not in name


def _length(config: Any, model: Model, texts: Sequence[str]) -> Iterator[Problem]:
    if "tokenizer.json" not in model.files or not texts:
        return
    from tokenizers import Tokenizer

    tokenizer, limit = Tokenizer.from_file(str(model.files["tokenizer.json"])), config.data.max_prompt_length
    sizes = [len(found.ids) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    over = sum(size > limit for size in sizes)
    if 2 * over > len(sizes):
        what = "would be left out" if config.data.filter_overlong_prompts else "would stop the run"
        yield Problem(
            f"{over} of the first {len(sizes)} prompts are longer than data.max_prompt_length {limit} (up to "
            f"{max(sizes)} tokens) and {what}",
            f"data.max_prompt_length={max(sizes)}",
        )


CHECKS: tuple[Check, ...] = (check_prompts,)
