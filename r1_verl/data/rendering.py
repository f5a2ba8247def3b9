"""Prompts as veRL renders them: template, think tag, length. For `check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from r1_verl.data.example import DataError
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.write import progress

_TEMPLATE_MARKS = ("<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "[INST]", "<｜User｜>")


def rendered(
    add: Callable[[int, str, str], None],
    rows: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    longest: int | None,
    raw: bool | None,
) -> None:
    """Reports with add(row, what, fix) what is wrong with the rendered prompts.

    longest: data.max_prompt_length. raw: the recipe sets the pass-through template; None: for prompts that are raw.
    """
    overlong: dict[int, int] = {}
    for at, row in enumerate(progress(rows, "rendering prompts", len(rows))):
        messages = row["prompt"]
        if not isinstance(messages, list) or not all(isinstance((m or {}).get("content"), str) for m in messages):
            continue
        info = row["extra_info"] or {}
        style_raw = _is_raw(messages)
        template = PASS_THROUGH if (style_raw if raw is None else raw) else None
        try:
            text = render(tokenizer, messages, template)
        except Exception as error:  # jinja's own and whatever a template raises
            add(at, f"the chat template refuses the messages ({str(error)[:60]})", "give another tokenizer or style")
            continue
        marked = any(mark in m["content"] for m in messages for mark in _TEMPLATE_MARKS)
        if marked and template is None:
            add(
                at,
                "the prompt holds a chat template and would get a second one",
                f"set custom_chat_template={PASS_THROUGH}",
            )
        if not marked and raw and not style_raw:
            add(at, "a chat prompt under the pass-through template loses its roles", "drop custom_chat_template")
        if bool(info.get("think_in_prompt")) != text.rstrip().endswith("<think>"):
            add(
                at,
                f"the rendered prompt {'opens' if text.rstrip().endswith('<think>') else 'does not open'} <think>, "
                f"think_in_prompt says otherwise",
                "prepare it with or without --think-in-prompt, as the template has it",
            )
        if longest is not None:
            size = len(tokenizer(text, add_special_tokens=False)["input_ids"])
            if size > longest:
                overlong[at] = size
    for at in overlong:
        fix = f"leave it out or raise data.max_prompt_length (the longest has {max(overlong.values())})"
        add(at, f"the prompt is longer than {longest} tokens", fix)


def _is_raw(messages: Sequence[Mapping[str, Any]]) -> bool:
    text = messages[-1]["content"]
    return len(messages) == 1 and (
        any(mark in text for mark in _TEMPLATE_MARKS) or "\nAssistant:" in text or text.rstrip().endswith("<think>")
    )


def render(tokenizer: Any, messages: Sequence[Mapping[str, str]], template: str | None = None) -> str:
    """The prompt text as veRL's agent loop makes it: the chat template with the generation prompt."""
    plain = [{"role": m["role"], "content": m["content"]} for m in messages]
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
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"cannot load the tokenizer {name}: {why}") from error
    if not found.chat_template:
        raise DataError(f"the tokenizer {name} has no chat template, and veRL always applies one: set one, or --raw")
    return found
