"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing that would go wrong, and what to do about it."""

    what: str
    fix: str


Check = Callable[[Any], Iterator[Problem]]
