"""Where the answer of a response is: after the thinking, in a tag, in a box.

All functions take time linear in the text (no backtracking), whatever a model writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OPEN, CLOSE = "<think>", "</think>"
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is text, not structure
_SENTENCE_END = re.compile(r"[.!?;:](?=\s)|\n\s*\n|。")
_FAR = 400  # characters from one box to the next of the same sentence
_MANY_BOXES = 12
_BARE = re.compile(r"\s*([^\s$\\{}][^\s$\\{}]*)")


def after_thinking(text: str, think_in_prompt: bool = False) -> str | None:
    """The text outside the thinking, from the last `</think>` to the next `<think>`; None if the thinking never ends.

    think_in_prompt: the prompt already opened `<think>`, so a response without `</think>` is thinking throughout.
    A response without either tag and with no opened prompt has no thinking: all of it counts.
    """
    if "think>" not in text:  # most texts without thinking need this one search
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


def last_boxed(text: str) -> str | None:
    r"""The inside of the last `\boxed{...}` or `\fbox{...}`, unstripped ("" for an empty one); None if there is none.

    A last box that never closes gives None, not an earlier box: a response cut off in its answer has no answer.
    `\boxed {x}` and `\boxed 5` are read too. In nested boxes the innermost of the last counts.
    """
    start = text.rfind("\\boxed")
    other = text.rfind("\\fbox", start) if start >= 0 else text.rfind("\\fbox")  # not the whole long response
    if other > start:
        start = other
    if start < 0:
        return None
    at = start + (6 if text.startswith("\\boxed", start) else 5)
    brace = at
    if not text.startswith("{", brace):
        while brace < len(text) and text[brace].isspace():
            brace += 1
    if text.startswith("{", brace):
        close = text.find("}", brace)
        if text.find("{", brace + 1, close) >= 0 or text[close - 1] == "\\":
            close = closing_brace(text, brace)
        return None if close < 0 else text[brace + 1 : close]
    if text[at : at + 1].isalpha():
        return None  # another command that begins the same way
    bare = _BARE.match(text, at)
    return bare[1] if bare else None


def boxes_together(text: str) -> list[str]:
    r"""The insides of the boxes in the last sentence that holds one: `\\boxed{k=45} \\text{ and } \\boxed{n=2}`.

    Each closes, and nothing longer than a few words and no end of a sentence stands between two of them.
    """
    found: list[str] = []
    start = text.rfind("\\boxed{")
    while start >= 0 and len(found) < _MANY_BOXES:
        close = closing_brace(text, start + 6)
        inside = text[start + 7 : close]
        if close < 0 or "\\boxed" in inside:
            break
        found.append(inside)
        before = text.rfind("\\boxed{", 0, start)
        close = closing_brace(text[:start], before + 6) if before >= max(0, start - _FAR) else -1
        if close < 0 or _SENTENCE_END.search(text, close, start):
            break
        start = before
    return found[::-1]


def closing_brace(text: str, start: int) -> int:
    """The index of the brace that closes the one at `start`, or -1. `\\{` and `\\}` do not count."""
    depth = 0
    for found in _BRACES.finditer(text, start):
        brace = found[0]
        if brace == "{":
            depth += 1
        elif brace == "}":
            depth -= 1
            if depth == 0:
                return found.start()
    return -1
