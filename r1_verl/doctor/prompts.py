"""Checks of prompts as the model will see them: template, think tag, end token, length. No model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1_verl.doctor.files import of
from r1_verl.doctor.model import Model, model_of
from r1_verl.doctor.problem import Check, Problem

ROWS = 50  # of the first training file
_END = "<|im_end|>"
_MARKS = ("<|im_start|>", "<|begin_of_text|>", "<|start_header_id|>", "[INST]", "<｜User｜>")
_RAW = "prompt=raw (custom_chat_template that adds nothing), or data of a chat style"


def check_prompts(config: Any) -> Iterator[Problem]:
    """The first rows, rendered."""
    rows = _rows(config)
    if not rows:
        return
    model = model_of(config)
    custom = config.actor_rollout_ref.model.custom_chat_template
    template = custom or model.template()
    raw = [_is_raw(row["prompt"]) for row in rows]
    passes = custom is not None and "role" not in custom
    if raw[0] and not passes:
        yield Problem("the prompts are whole strings (raw style) and would get the model's template around them", _RAW)
        return
    if not raw[0] and passes and len(rows[0]["prompt"]) > 1:
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
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in of(config, "train_files")[:1]:
        try:
            table = pq.read_table(Path(file).expanduser(), columns=["prompt", "extra_info"]).slice(0, ROWS)
        except (OSError, ValueError, KeyError, pa.ArrowException):
            return []  # said by check_data
        return [row for row in table.to_pylist() if isinstance(row["prompt"], list) and row["prompt"]]
    return []


def _is_raw(prompt: Sequence[Mapping[str, Any]]) -> bool:
    text = str(prompt[-1].get("content"))
    inside = any(mark in text for mark in _MARKS) or "\nAssistant:" in text or text.rstrip().endswith("<think>")
    return len(prompt) == 1 and inside


def _render(rows: Sequence[Mapping[str, Any]], template: str, model: Model) -> list[str]:
    """As transformers does it, without importing it (seconds); [] if the template has more than plain Jinja."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    special = model.read("tokenizer_config.json")
    tokens = {key: _text(special.get(key)) for key in ("bos_token", "eos_token", "pad_token")}
    jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    jinja.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: ""}
    try:
        compiled = jinja.from_string(template)
        return [compiled.render(messages=row["prompt"], add_generation_prompt=True, **tokens) for row in rows]
    except (TemplateError, TypeError, ValueError):
        return []  # the template's own error comes from `python -m r1_verl check`, with its row


def _refuse(message: str) -> None:
    raise ValueError(message)


def _text(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _think(rows: Sequence[Mapping[str, Any]], texts: Sequence[str], custom: str | None) -> Iterator[Problem]:
    for row, text in zip(rows, texts, strict=False):
        opens, said = text.rstrip().endswith("<think>"), bool((row["extra_info"] or {}).get("think_in_prompt"))
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
