r"""Binomials and vectors in notations that mean other things as well, read where a policy says so.

`C_{10}^{3}`, `C(10,3)` and `{}_{10}C_3` become `\\binom{10}{3}`; `\\mathbf{i}-2\\mathbf{j}` becomes `(1,-2)`.
"""

from __future__ import annotations

import re

_NUMBER = r"\{?([0-9a-z]{1,6})\}?"
_BINOMIALS = (
    re.compile(r"(?<![A-Za-z\\])\{?C\}?_" + _NUMBER + r"\^" + _NUMBER + r"(?![A-Za-z0-9])"),
    re.compile(r"(?<![A-Za-z\\])C\(([0-9a-z]{1,6}),\s*([0-9a-z]{1,6})\)"),
    re.compile(r"\{\}_" + _NUMBER + r"\s*C_" + _NUMBER + r"(?![A-Za-z0-9])"),
)
_UNIT_VECTOR = re.compile(r"\\(?:mathbf|vec|hat|boldsymbol)\s*\{?\s*\\?([ijk])(?:math)?\s*\}?")
_TERM = re.compile(r"([+-]?)([^+\-]*)<([ijk])>")


def rewrite(text: str) -> str:
    """The text in the notations that the judge reads under any policy."""
    for pattern in _BINOMIALS:
        text = pattern.sub(r"\\binom{\1}{\2}", text)
    marked = _UNIT_VECTOR.sub(r"<\1>", text.replace(" ", ""))
    terms = _TERM.findall(marked)
    if not terms or "".join(f"{sign}{size}<{axis}>" for sign, size, axis in terms) != marked:
        return text
    sizes = {axis: sign.strip("+") + (size or "1") for sign, size, axis in terms}
    if len(sizes) != len(terms) or "," in marked:
        return text
    return "(" + ",".join(sizes.get(axis, "0") for axis in ("ijk" if "k" in sizes else "ij")) + ")"
