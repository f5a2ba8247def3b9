"""Mistakes about data."""

from mistakes import Case

CASES: tuple[Case, ...] = ()
