"""Checks of prompts as the model will see them: form, template, think tag, end token, length. No model is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from r1_verl.data.rendering import (
    RefusedError,
    TemplateError,
    are_messages,
    holds_template,
    is_raw,
    opens_think,
    render,
)
from r1_verl.doctor.data_file import columns, first_rows, is_json, mapping, tables
from r1_verl.doctor.model import Model, model_of
from r1_verl.doctor.problem import Check, Problem

ROWS = 50  # of the first training file
_END = "<|im_end|>"
_RAW = "+prompt=raw (custom_chat_template that adds nothing), or data of a chat style"
_MESSAGES = '[{"role": "user", "content": TEXT}]'
# By their names on the hub: models whose template opens <think>, and models that were taught a chat template.
_OPENS = re.compile(r"R1-Distill|/QwQ-32B$|Thinking-2507", re.IGNORECASE)
_CHAT = re.compile(r"[-_](Instruct|Chat|it)\b|R1-Distill", re.IGNORECASE)


def check_form(config: Any) -> Iterator[Problem]:
    """Prompts in veRL's form, a list of messages: it leaves out, or stops at, a prompt that its template can't take."""
    prompt = columns(config)[0]
    then = "would be left out" if config.data.filter_overlong_prompts else "would stop the run"
    for key, file, found in tables(config):
        if prompt in found.schema.names:
            for what, fix, share in _misformed(found[prompt]):
                yield Problem(f"data.{key}: {file}: {what}: such a row {then}", fix, doubt=share < 0.1)


def _misformed(prompts: Any) -> Iterator[tuple[str, str, float]]:
    """(what is wrong, the fix, the share of the rows) of a column of prompts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, count = prompts.type, len(prompts)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        json = is_json(next((text for text in prompts.slice(0, 100).to_pylist() if text), None))
        what = "a JSON text" if json else "a text"
        fix = "json.loads of each prompt" if json else f"write each as {_MESSAGES}"
        yield f"the prompts are each {what}, and veRL reads a list of messages", fix, 1.0
        return
    if pa.types.is_struct(kind):
        yield "the prompts are each one struct, and veRL reads a list of messages", f"write each as {_MESSAGES}", 1.0
        return
    if pa.types.is_null(kind):
        yield "the prompts are null", f"write each as {_MESSAGES}", 1.0
        return
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        yield f"the prompts are of type {kind}, and veRL reads a list of messages", f"write each as {_MESSAGES}", 1.0
        return
    message = kind.value_type
    fields = {field.name for field in message} if pa.types.is_struct(message) else set()
    if pa.types.is_struct(message) and not {"role", "content"} <= fields:
        have = ", ".join(sorted(fields))
        yield f"the prompts' messages have {have}, and veRL reads role and content", f"write each as {_MESSAGES}", 1.0
        return
    if not fields and not pa.types.is_null(message):
        yield f"the prompts are lists of {message}, and veRL reads messages", f"write each as {_MESSAGES}", 1.0
        return
    if none := prompts.null_count + pc.sum(pc.equal(pc.list_value_length(prompts), 0)).as_py() or 0:
        yield f"the prompt of {none} of {count} rows is null or empty", "leave these rows out", none / count
    if fields and not pa.types.is_null(message):
        flat = pc.list_flatten(prompts)
        if none := max(pc.struct_field(flat, name).null_count for name in ("role", "content")):
            yield f"{none} messages have no role or no content", "leave these rows out", none / count


def check_prompts(config: Any) -> Iterator[Problem]:
    """The first rows, rendered."""
    rows = [row for row in first_rows(config, "train_files", ROWS) if are_messages(row["prompt"])]
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
    if raw and not holds_template(rows[0]["prompt"]) and _CHAT.search(model.path):
        yield Problem(
            f"the prompts are for a base model (no chat template in them), and {model.path} was taught a chat template",
            "data of the style raw_instruct, or of a chat style with custom_chat_template=null",
            doubt=True,
        )
    if template is None:
        yield from _by_name(model, rows)
        texts = [f"{_END}\n" for _ in rows] if _base_of_qwen(model.path) else []  # its template is ChatML
    else:
        try:
            texts = rendered(config, rows, template, model)
        except TemplateError as error:
            yield _refused(error, custom)
            return
        yield from _think(rows, texts, raw)
    yield from _ends(config, model, texts)
    yield from _length(config, model, texts)


def rendered(config: Any, rows: Sequence[Mapping[str, Any]], template: str, model: Model) -> list[str]:
    """The prompts as the model gets them. Raises TemplateError."""
    from omegaconf import OmegaConf

    given = config.data.get("apply_chat_template_kwargs")
    more = dict(OmegaConf.to_container(given, resolve=True)) if given else {}
    template = more.pop("chat_template", None) or template
    return [render(row["prompt"], template, {**model.tokens(), **more}) for row in rows]


def opened_unsaid(config: Any) -> bool:
    """Whether rows that do not say so (as TinyZero's and Logic-RL's files) have prompts that open <think>.

    True if all first rows of a recipe's files are such rows, or say themselves that their prompts open it.
    """
    model = model_of(config)
    template = config.actor_rollout_ref.model.custom_chat_template or model.template()
    if template is None:
        return False
    unsaid = False
    for key in ("train_files", "val_files"):
        for row in first_rows(config, key, ROWS):
            said = mapping(row["extra_info"]).get("think_in_prompt")
            if said is not None or not are_messages(row["prompt"]):
                continue
            try:
                (text,) = rendered(config, [row], template, model)
            except TemplateError:
                return False
            if not opens_think(text):
                return False
            unsaid = True
    return unsaid


def _refused(error: TemplateError, custom: str | None) -> Problem:
    whose = "actor_rollout_ref.model.custom_chat_template" if custom else "the model's chat template"
    own = (
        "correct it"
        if custom
        else "data in another style, or a template in actor_rollout_ref.model.custom_chat_template"
    )
    said = isinstance(error, RefusedError)
    return Problem(f"{whose} {'refuses' if said else 'fails on'} the first prompt ({error})", own)


def _by_name(model: Model, rows: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """The think tag of a model whose template is not at hand."""
    said = mapping(rows[0]["extra_info"]).get("think_in_prompt")
    if _OPENS.search(model.path) and not said:
        yield Problem(
            f"the template of {model.path} opens <think> in the prompt, as far as its name tells, and the data says it "
            "does not: a response never holds the opening tag, so format rewards stay 0",
            "prepare the data with --think-in-prompt, or a custom_chat_template that does not open it",
        )


def _think(rows: Sequence[Mapping[str, Any]], texts: Sequence[str], raw: bool) -> Iterator[Problem]:
    for row, text in zip(rows, texts, strict=False):
        opens, said = opens_think(text), mapping(row["extra_info"]).get("think_in_prompt")
        if opens and said is False:
            yield Problem(
                f"{'the prompt' if raw else 'the model' + chr(39) + 's template'} opens <think>, and the data says it "
                "does not: a response never holds the opening tag, so format rewards stay 0",
                "set extra_info.think_in_prompt to true" if raw else
                "prepare the data with --think-in-prompt, or a custom_chat_template that does not open it",
            )  # fmt: skip
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
    tokenizer = model.tokenizer() if texts else None
    if tokenizer is None:
        return
    limit = config.data.max_prompt_length
    sizes = [len(found.ids) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    over = sum(size > limit for size in sizes)
    if 2 * over > len(sizes):
        what = "would be left out" if config.data.filter_overlong_prompts else "would stop the run"
        yield Problem(
            f"{over} of the first {len(sizes)} prompts are longer than data.max_prompt_length {limit} (up to "
            f"{max(sizes)} tokens) and {what}",
            f"data.max_prompt_length={max(sizes)}",
        )


CHECKS: tuple[Check, ...] = (check_form, check_prompts)
