"""Conventions on which graders of mathematics differ: percent, units, order, rounding, tolerance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    r"""The conventions of a verdict. The defaults agree with the labelled pairs of this project's tests.

    percent: `25\%` equals 25 as well as 0.25.
    units: a unit, a degree or a currency sign may be left out; if both sides have one, they are converted.
    unordered: lists without brackets are unordered. Sets always are, tuples never; multiplicity always counts.
    assignment: `x=5` equals 5, but never `y=5`.
    rounding: a decimal answer of so many significant digits equals an exact gold that rounds to it. A decimal gold
        needs half as many, and must not be a simple fraction such as 13.5. 0: never.
    tolerance: relative tolerance between two numbers (the Qwen evaluators use 1e-4). 0: none.
    """

    percent: bool = True
    units: bool = True
    unordered: bool = True
    assignment: bool = True
    rounding: int = 6
    tolerance: float = 0.0


DEFAULT = Policy()
