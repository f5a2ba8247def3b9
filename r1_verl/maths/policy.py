"""Conventions on which graders of mathematics differ: percent, units, order, rounding, tolerance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    r"""The conventions of a verdict. The defaults agree with the labelled pairs of this project's tests.

    percent: `25\%` equals 25 as well as 0.25; a part of one per cent, `0.5\%`, never equals 0.5.
    units: a unit, a degree or a currency sign may be left out; if both sides have one, they are converted.
    unordered: lists without brackets are unordered. Sets always are, tuples never; multiplicity always counts.
    assignment: `x=5` equals 5, but never `y=5`.
    rounding: a decimal answer of so many significant digits equals an exact gold that rounds to it. 0: never.
    gold_rounding: an exact answer equals a decimal gold of so many significant digits to which it rounds, but for a
        gold that is a simple fraction such as 13.5. 0: never.
    tolerance: relative tolerance between two numbers (the Qwen evaluators use 1e-4). 0: none.
    unevaluated: an equation still to be solved gives its right side: `\ln x=5`, `\sqrt{x}=5`, `|x|=5` equal 5.
    notations: `C(10,3)`, `C_{10}^{3}` and `{}_{10}C_3` are binomials, `\mathbf{i}-2\mathbf{j}` is the vector (1,-2).
    no_solution: "no solution" equals the empty set.
    """

    percent: bool = True
    units: bool = True
    unordered: bool = True
    assignment: bool = True
    rounding: int = 6
    gold_rounding: int = 3
    tolerance: float = 0.0
    unevaluated: bool = False
    notations: bool = False
    no_solution: bool = True


DEFAULT = Policy()
