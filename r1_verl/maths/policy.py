"""What is a matter of taste in the equality of two answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    r"""The conventions of a verdict. The defaults are those of the pairs file of this project's tests.

    percent: the sign may be dropped, or worked out: `25\%` is 25 and is 0.25.
    units: a unit, a degree or a currency sign may be dropped; two known units must measure the same.
    unordered: lists without brackets and sets are unordered (tuples are ordered always, multiplicity counts always).
    assignment: `x=5` is 5 where the other side names no variable; `y=5` is never `x=5`.
    rounding: significant digits that a decimal answer needs to stand for the exact gold which rounds to it; a decimal
        gold needs half as many to be met by an exact answer, and must be no simple fraction (13.5). 0 for never.
    standing: an integral or a limit left standing, which costs a model nothing to write, may answer a gold without one.
    tolerance: relative tolerance between two numbers; 0 for exact (the Qwen evaluators use 1e-4).
    """

    percent: bool = True
    units: bool = True
    unordered: bool = True
    assignment: bool = True
    rounding: int = 6
    standing: bool = False
    tolerance: float = 0.0


DEFAULT = Policy()
