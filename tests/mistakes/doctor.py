"""Mistakes about doctor."""

from mistakes import Case

CASES: tuple[Case, ...] = ()
