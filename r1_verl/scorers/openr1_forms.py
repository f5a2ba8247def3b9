r"""The rewards of open-r1 (huggingface/open-r1) that read only a response's form, each from 0 to 1, in linear time.

`PUBLISHED` holds the published patterns by name: junk on a new line after `</answer>` and doubled blocks pass.
`STRICT` is the same with the holes closed: patterns anchored at both ends with every tag once, steps counted in the
thinking. What `STRICT` reads comes from `opened`, which puts an opening `<think>` from the prompt back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from r1_verl.response import CLOSE, OPEN

_STEP = re.compile(r"Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,")
_STEP_LINE = re.compile(r"Step \d+:|^\d+\.|^-|^\*|First,|Second,|Next,|Finally,", re.MULTILINE)
_ENOUGH_STEPS = 3
_MIDDLE = re.compile(r"</think>\s*<answer>")
_TAGS = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
_BARE_TAGS = (OPEN, CLOSE, "<answer>", "</answer>")


# --- as published -----------------------------------------------------------------------------------------------------


def _format_main(text: str) -> bool:
    r"""`^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$` (re.match, DOTALL, MULTILINE: `$` ends any line)."""
    if not text.startswith("<think>\n"):
        return False
    middle = text.find("\n</think>\n<answer>\n", 8)
    return middle >= 0 and _ends_a_line(text, "\n</answer>", middle + 19)


def _format_feb(text: str) -> bool:
    r"""`^<think>.*?</think>\s*<answer>.*?</answer>$`, same flags."""
    middle = _MIDDLE.search(text, 7) if text.startswith(OPEN) else None
    return middle is not None and _ends_a_line(text, "</answer>", middle.end())


def _format_jan(text: str) -> bool:
    """`^<think>.*?</think><answer>.*?</answer>$` without flags: one line."""
    line = text.removesuffix("\n")
    middle = line.find("</think><answer>", 7)
    return line.startswith(OPEN) and "\n" not in line and middle >= 0 and line.endswith("</answer>", middle + 16)


def _ends_a_line(text: str, tag: str, start: int) -> bool:
    return (text.endswith(tag) and len(text) - len(tag) >= start) or text.find(tag + "\n", start) >= 0


def _soft_format(text: str) -> bool:
    """Exactly one closed `<think>` and one closed `<answer>` block, the thinking first."""
    think, answer = _blocks(text, OPEN, CLOSE), _blocks(text, "<answer>", "</answer>")
    return len(think) == 1 == len(answer) and think[0] < answer[0]


def _blocks(text: str, opening: str, closing: str) -> list[int]:
    """Where at most two blocks begin, found as `findall` of a lazy pattern finds them."""
    found: list[int] = []
    at = 0
    while len(found) < 2 and (start := text.find(opening, at)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        found.append(start)
        at = end + len(closing)
    return found


def _tag_count(text: str) -> float:
    return 0.25 * sum(text.count(tag) == 1 for tag in _TAGS)


def _reasoning_steps(text: str) -> float:
    return _share_of_steps(_STEP, text)


def _share_of_steps(pattern: re.Pattern[str], text: str) -> float:
    return sum(1 for _ in islice(pattern.finditer(text), _ENOUGH_STEPS)) / _ENOUGH_STEPS


PUBLISHED: dict[str, Callable[[str], float]] = {
    "format": _format_main,
    "format_feb": _format_feb,
    "format_jan": _format_jan,
    "tag_count": _tag_count,
    "reasoning_steps": _reasoning_steps,
    "soft_format": _soft_format,
}


# --- with the holes closed --------------------------------------------------------------------------------------------


def opened(text: str, think_in_prompt: bool) -> str:
    """The response without blanks around it, after the `<think>` that its prompt may have opened."""
    prefix = OPEN if think_in_prompt and not text.lstrip().startswith(OPEN) else ""
    return (prefix + text).strip()


def _whole_form(text: str) -> bool:
    """`<think>...</think>`, blanks, `<answer>...</answer>` and nothing else, each tag once."""
    middle = _MIDDLE.search(text) if text.startswith(OPEN) and text.endswith("</answer>") else None
    return middle is not None and _tags_once(text) == 1.0


def _tags_once(text: str) -> float:
    return 0.25 * sum(text.count(tag) == 1 for tag in _BARE_TAGS)


def _steps_of_thinking(text: str) -> float:
    return _share_of_steps(_STEP_LINE, text.partition(CLOSE)[0].removeprefix(OPEN))


STRICT: dict[str, Callable[[str], float]] = {
    "format": _whole_form,
    "format_feb": _whole_form,
    "format_jan": _whole_form,
    "tag_count": _tags_once,
    "reasoning_steps": _steps_of_thinking,
    "soft_format": _whole_form,
}
