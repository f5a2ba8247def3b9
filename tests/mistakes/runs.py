"""Mistakes about runs."""

from mistakes import Case

CASES: tuple[Case, ...] = ()
