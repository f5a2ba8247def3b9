"""One override as Hydra's grammar reads it back."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

# What Hydra reads as a string, and as the same one, without quotes.
_PLAIN = re.compile(r"(?!(?:null|true|false|inf|nan)$)[a-z_/][\w./-]*", re.ASCII | re.IGNORECASE)


def override(key: str, value: str | os.PathLike[str] | int | float | Sequence[str] | None) -> str:
    """KEY=VALUE as Hydra reads back exactly this value: a string or path stays one, whatever characters it has.

    key: with Hydra's prefix (+, ++) if it needs one.
    """
    return f"{key}={_written(value)}"


def _written(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        return text if _PLAIN.fullmatch(text) else _quoted(text)
    if isinstance(value, Sequence):
        return f"[{','.join(map(_written, value))}]"
    return "null" if value is None else str(value)


def _quoted(text: str) -> str:
    """In Hydra's quotes: backslashes count only before a quote (Hydra) and before ${, an interpolation (OmegaConf)."""
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)\Z", r"\1\1", text) + "'"
