"""Prompts as the model gets them: which are raw, what a chat template makes of them, and what is wrong with the result.

`--dry-run`, `check` and the doctor share `is_raw` and `render`. `find_faults` is `check --tokenizer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from r1_verl.data.example import DataError, reason
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.write import progress

# Text that a chat template writes: a prompt that holds one of these was rendered already.
MARKS = ("<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "[INST]", "<｜User｜>")

_GENERATION = re.compile(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}")  # transformers' marks of what a model wrote


class TemplateError(ValueError):
    """A chat template that Jinja cannot compile, or that fails on the messages."""


class RefusedError(TemplateError):
    """A chat template refuses the messages itself, by `raise_exception`."""


def is_raw(row: Mapping[str, Any]) -> bool:
    """Whether a row's prompt is one whole string for the pass-through template, by its flag extra_info.raw.

    Rows of earlier versions and of other people have no flag: there a style whose name begins with "raw" says so, or a
    single message that looks rendered.
    """
    info, messages = row.get("extra_info"), row["prompt"]
    info = info if isinstance(info, Mapping) else {}
    if isinstance(info.get("raw"), bool):
        return info["raw"]
    text = str(messages[-1].get("content"))
    rendered = holds_template(messages[-1:]) or "\nAssistant:" in text or opens_think(text)
    return str(info.get("style") or "").startswith("raw") or (len(messages) == 1 and rendered)


def are_messages(prompt: Any) -> bool:
    """Whether a prompt is a list of messages with text in each: what a chat template can render."""
    texts = [m.get("content") if isinstance(m, Mapping) else None for m in prompt] if isinstance(prompt, list) else []
    return bool(texts) and all(isinstance(text, str) for text in texts)


def holds_template(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a message holds text that only a chat template writes."""
    return any(mark in str(m.get("content")) for m in messages for mark in MARKS)


def opens_think(prompt: str) -> bool:
    """Whether a rendered prompt ends inside an open `<think>`: the response then begins in the thinking."""
    return prompt.rstrip().endswith("<think>")


def render(messages: Sequence[Mapping[str, Any]], template: str, given: Mapping[str, Any] | None = None) -> str:
    """The prompt that a chat template makes of the messages, with the generation prompt.

    As transformers renders it, without importing transformers (seconds). given: what else the template may read, such
    as bos_token or enable_thinking. Raises TemplateError.
    """
    if template == PASS_THROUGH:
        return "".join(m["content"] for m in messages)
    from jinja2 import TemplateError as JinjaError

    try:
        return _compiled(template).render(**{"messages": messages, "add_generation_prompt": True, **(given or {})})
    except RefusedError:
        raise
    except (JinjaError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise TemplateError(reason(error)) from error


@lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    jinja.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: ""}
    jinja.filters["tojson"] = _to_json  # Jinja's own escapes for HTML
    return jinja.from_string(_GENERATION.sub(r"{#\1 \2#}", template))


def _refuse(message: str) -> None:
    raise RefusedError(reason(ValueError(message)))


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def find_faults(
    add: Callable[[int, str, str], None],
    rows: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    longest: int | None,
    pass_through: bool | None,
) -> None:
    """Report with add(row, what, fix) what is wrong with the prompts as a real tokenizer renders them.

    longest: data.max_prompt_length. pass_through: whether the recipe sets the pass-through template; None: it does so
    for raw prompts.
    """
    overlong: dict[int, int] = {}
    for at, row in enumerate(progress(rows, "rendering prompts", len(rows))):
        messages = row["prompt"]
        if not are_messages(messages):
            continue  # reported by the row checks
        raw = is_raw(row)
        template = PASS_THROUGH if (raw if pass_through is None else pass_through) else None
        try:
            text = _with_tokenizer(tokenizer, messages, template)
        except Exception as error:  # jinja's own and whatever a template raises
            add(at, f"the chat template refuses the messages ({str(error)[:60]})", "give another tokenizer or style")
            continue
        marked = holds_template(messages)
        if template is None and (raw or marked):
            has = "holds a chat template and would get a second one"
            lacks = "is a whole string (raw style) and would get a chat template around it"
            add(at, f"the prompt {has if marked else lacks}", f"set custom_chat_template={PASS_THROUGH}")
        if template is not None and not raw and not marked:
            add(at, "a chat prompt under the pass-through template loses its roles", "drop custom_chat_template")
        info = row["extra_info"] if isinstance(row["extra_info"], Mapping) else {}
        opens = opens_think(text)
        if bool(info.get("think_in_prompt")) != opens:
            add(
                at,
                f"the rendered prompt {'opens' if opens else 'does not open'} <think>, think_in_prompt says otherwise",
                "prepare it with or without --think-in-prompt, as the template has it",
            )
        if longest is not None:
            size = len(tokenizer(text, add_special_tokens=False)["input_ids"])
            if size > longest:
                overlong[at] = size
    for at in overlong:
        fix = f"leave it out or raise data.max_prompt_length (the longest has {max(overlong.values())})"
        add(at, f"the prompt is longer than {longest} tokens", fix)


def _with_tokenizer(tokenizer: Any, messages: Sequence[Mapping[str, str]], template: str | None) -> str:
    """The prompt text as veRL's agent loop makes it."""
    plain = [{"role": m.get("role"), "content": m["content"]} for m in messages]
    return tokenizer.apply_chat_template(plain, chat_template=template, add_generation_prompt=True, tokenize=False)


def load_tokenizer(name: str) -> Any:
    """A tokenizer with a chat template, from a folder or the hub. Raises DataError."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise DataError("--tokenizer needs the package transformers: pip install transformers") from error
    try:
        found = AutoTokenizer.from_pretrained(name)
    except Exception as error:
        raise DataError(f"cannot load the tokenizer {name}: {reason(error)}") from error
    if not found.chat_template:
        raise DataError(f"the tokenizer {name} has no chat template, and veRL always applies one: set one, or --raw")
    return found
