"""The parts that a recipe can add to its judge's reward, by name (`r1_verl.pays: [{part: repetition, weight: 1.0}]`).

Each is a pure function with a published source; values are unweighted, finite and bounded. A caller's mistake (an
unknown option, a value that cannot be, a fact that is missing) raises UnknownNameError at once; nothing in a response
raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1_verl.reward.parts.forms import FORMS, accuracy
from r1_verl.reward.parts.language import language
from r1_verl.reward.parts.length import cosine, cosine_characters, gated_length, kimi_length, soft_overlong
from r1_verl.reward.parts.part import MOST_CHARS, REQUIRED, Facts, Part, part
from r1_verl.reward.parts.repetition import repetition, repetition_dense
from r1_verl.scorers import UnknownNameError, unknown_name

__all__ = ["MOST_CHARS", "PARTS", "REQUIRED", "Facts", "Part", "check", "find_part"]

PARTS: dict[str, Part] = {
    each.name: each
    for each in (
        part("accuracy", "text", accuracy, "DeepSeek-R1"),
        part("repetition", "text", repetition, "demystify-long-cot; open-r1"),
        part("repetition_dense", "tokens", repetition_dense, "demystify-long-cot"),
        part("cosine", "text", cosine, "demystify-long-cot; open-r1", "tokens"),
        part("cosine_characters", "text", cosine_characters, "open-r1"),
        part("kimi_length", "group", kimi_length, "Kimi k1.5; open-r1", "tokens"),
        part("gated_length", "group", gated_length, "prime-rl", "tokens"),
        part("soft_overlong", "text", soft_overlong, "DAPO", "tokens"),
        part("language", "text", language, "DeepSeek-R1", "question"),
        *FORMS,
    )
}


def find_part(name: Any) -> Part:
    """A part by name. Raises UnknownNameError with the nearest names."""
    if not isinstance(name, str) or name not in PARTS:
        raise UnknownNameError(unknown_name("part", name, PARTS))
    return PARTS[name]


def check(part: Part, options: Mapping[str, Any]) -> None:
    """Raise UnknownNameError for an option that a part lacks, needs or cannot use with that value."""
    for name in options:
        if name not in part.options:
            why = unknown_name("option", name, part.options) if part.options else f"it takes no option {name!r}"
            raise UnknownNameError(f"part {part.name!r}: {why}")
    for name, default in part.options.items():
        if default is REQUIRED and name not in options:
            raise UnknownNameError(f"part {part.name!r}: it needs the option {name!r}")
    nobody = Facts(0.0, 0.0, 0, False)
    try:
        part.function(*([[nobody]] if part.kind == "group" else ["", nobody]), **options)
    except UnknownNameError as error:
        raise UnknownNameError(f"part {part.name!r}: {error}") from None
