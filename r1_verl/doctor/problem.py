"""What a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """One thing that would go wrong, and what to do about it.

    An error stops `train`. A doubt (a run that works, and may not be what was meant) stops `train` unless DOUBTS=ok.
    """

    what: str
    fix: str
    doubt: bool = False


Check = Callable[[Any], Iterator[Problem]]
