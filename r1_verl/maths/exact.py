"""Plain rational numbers, read exactly: the cases that need no parser."""

from __future__ import annotations

import re
from fractions import Fraction

MAX_DIGITS = 1000
MAX_EXPONENT = 5000  # of ten, in e-notation

_BEGINNINGS = frozenset("+-.0123456789\\")
_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}")
_PLAIN = re.compile(
    r"([+-]?)(?:([0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]{1,1000})(?:\.([0-9]{0,1000}))?|\.([0-9]{1,1000}))"
    r"(?:[eE]([+-]?[0-9]{1,9})|(?:\\times|\\cdot|\*|x)10\^(?:\{([+-]?[0-9]{1,9})\}|([+-]?[0-9]{1,9})))?"
)
_FRACTION = re.compile(
    r"([+-]?)([0-9]{0,20})\\frac(?:\{([+-]?[0-9]{1,300})\}|([0-9]))(?:\{([+-]?[0-9]{1,300})\}|([0-9]))"
    r"|([+-]?[0-9]{1,300})/([0-9]{1,300})"
)


def read_exact(text: str) -> int | Fraction | None:
    r"""The value of a canonical text that is one plain number, else None.

    Read: integers (with thousands), decimals, e-notation and `\times 10^{n}`, `\frac{a}{b}`, `\frac12`, a/b and mixed
    numbers `2\frac{1}{2}`. A number that is too large to be an answer reads as None.
    """
    if text[:1] not in _BEGINNINGS:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    found = None if text[0] == "\\" else _PLAIN.fullmatch(text)
    if found:
        sign, whole, decimals, bare, *exponents = found.groups()
        decimals = decimals or bare or ""
        number = int((whole or "0").replace(",", "").replace(" ", "") + decimals)
        power = int(next(filter(None, exponents), 0)) - len(decimals)
        if abs(power) > MAX_EXPONENT:
            return None
        if sign == "-":
            number = -number
        if power >= 0:
            return number * 10**power
        whole, part = divmod(number, 10**-power)
        return Fraction(number, 10**-power) if part else whole  # 54.0 is compared like 54
    found = _FRACTION.fullmatch(text)
    if not found:
        return None
    sign, whole, top, top1, bottom, bottom1, slash_top, slash_bottom = found.groups()
    above, below = int(top or top1 or slash_top), int(bottom or bottom1 or slash_bottom)
    if below == 0:
        return None
    value = Fraction(above, below)
    if whole:  # 2\frac{1}{2}; what is no proper fraction was no mixed number
        if not 0 < value < 1:
            return None
        value += int(whole)
    return -value if sign == "-" else value
