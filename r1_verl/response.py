"""Where the answer of a response is: everything that follows the thinking.

All functions are linear in the text (plain `find`s, no backtracking), whatever a model writes.
"""

from __future__ import annotations

from collections.abc import Iterable

OPEN, CLOSE = "<think>", "</think>"


def after_thinking(text: str, think_in_prompt: bool = False) -> str | None:
    """The text outside the thinking, from the last `</think>` to the next `<think>`; None if the thinking never ends.

    think_in_prompt: the prompt already opened `<think>`, so a response without `</think>` is thinking throughout.
    A response without either tag and with no opened prompt has no thinking: all of it counts.
    """
    if "think>" not in text:  # one search in place of two
        return None if think_in_prompt else text
    close = text.rfind(CLOSE)
    if close >= 0:
        start = close + len(CLOSE)
        reopened = text.find(OPEN, start)
        return text[start:] if reopened < 0 else text[start:reopened]
    if think_in_prompt:
        return None
    opened = text.find(OPEN)
    return text if opened < 0 else (text[:opened] or None)


def last_answer(text: str | None, tag: str = "answer") -> str | None:
    """The inside of the last closed `<tag>...</tag>`, unstripped; None if there is none or the last one is unclosed."""
    if not text:
        return None
    start = text.rfind(f"<{tag}>")
    if start < 0:
        return None
    start += len(tag) + 2
    end = text.find(f"</{tag}>", start)
    return None if end < 0 else text[start:end]


def until(text: str, stops: Iterable[str], keep: bool) -> str:
    """The text up to the first of `stops` (with it, if keep); all of it if none occurs."""
    found = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if not found:
        return text
    at, stop = min(found)
    return text[: at + len(stop) * keep]
