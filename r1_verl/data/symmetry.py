"""Boards that are rotations or mirrors of each other have one name."""

from __future__ import annotations

from collections.abc import Sequence


def canonical(rows: Sequence[str]) -> str:
    """The smallest of a board's eight rotations and mirrors as text, rows apart by `/`."""
    turned, found = list(rows), []
    for _ in range(4):
        turned = ["".join(column) for column in zip(*turned[::-1], strict=True)]
        found.append("/".join(turned))
        found.append("/".join([row[::-1] for row in turned]))
    return min(found)
