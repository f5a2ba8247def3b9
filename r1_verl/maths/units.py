"""Units of measure and their worth in base units, so that 5 m equals 500 cm and never 5 cm."""

from __future__ import annotations

import re
from fractions import Fraction as F

# names -> (worth, powers of base units). Base units: m s g K A mol and currencies. Degrees and per cent are numbers.
_M, _S, _G = {"m": 1}, {"s": 1}, {"g": 1}
_N = {"g": 1, "m": 1, "s": -2}
_J = {"g": 1, "m": 2, "s": -2}
_W = {"g": 1, "m": 2, "s": -3}
_PA = {"g": 1, "m": -1, "s": -2}
_V = {"g": 1, "m": 2, "s": -3, "A": -1}

_TABLE: dict[str, tuple[F | int, dict[str, int]]] = {
    "m meter metre": (1, _M), "inch inches in": (F("0.0254"), _M), "ft foot feet": (F("0.3048"), _M),
    "yd yard": (F("0.9144"), _M), "mi mile": (F("1609.344"), _M), "angstrom": (F(1, 10**10), _M),
    "s sec second": (1, _S), "min minute": (60, _S), "h hr hrs hour": (3600, _S), "day": (86400, _S),
    "week": (604800, _S), "yr year": (31557600, _S), "month": (2629800, _S),
    "g gram gm": (1, _G), "lb lbs pound": (F("453.59237"), _G), "oz ounce": (F("28.349523125"), _G),
    "L l liter litre": (F(1, 1000), {"m": 3}), "gal gallon": (F("0.003785411784"), {"m": 3}),
    "cc": (F(1, 10**6), {"m": 3}),
    "Hz hertz": (1, {"s": -1}), "N newton": (1000, _N), "dyn dyne": (F(1, 100), _N), "J joule": (1000, _J),
    "erg": (F(1, 10**4), _J), "cal calorie": (F("4184"), _J), "eV": (F("1.602176634e-16"), _J), "W watt": (1000, _W),
    "Pa pascal": (1000, _PA), "bar": (10**8, _PA), "atm": (101325000, _PA), "A amp ampere": (1, {"A": 1}),
    "V volt": (1000, _V), "C coulomb": (1, {"A": 1, "s": 1}), "T tesla": (1000, {"g": 1, "s": -2, "A": -1}),
    "ohm": (1000, {"g": 1, "m": 2, "s": -3, "A": -2}), "F farad": (F(1, 1000), {"g": -1, "m": -2, "s": 4, "A": 2}),
    "K kelvin": (1, {"K": 1}), "mol mole": (1, {"mol": 1}),
    "mph": (F("1609.344") / 3600, {"m": 1, "s": -1}), "kph": (F(1000, 3600), {"m": 1, "s": -1}),
    "$ dollar USD usd buck": (1, {"$": 1}), "cent ¢ penny pennies": (F(1, 100), {"$": 1}), "€ euro EUR": (1, {"€": 1}),
    "£ GBP": (1, {"£": 1}), "¥ yuan rmb RMB CNY JPY yen": (1, {"¥": 1}),
    "degC celsius": (1, {"degC": 1}), "degF fahrenheit": (1, {"degF": 1}),
    "% percent": (F(1, 100), {}), "rad radian": (1, {}),
}  # fmt: skip
_PREFIXES = {
    "k": 1000, "c": F(1, 100), "m": F(1, 1000), "n": F(1, 10**9), "M": 10**6, "G": 10**9, "d": F(1, 10),
    "p": F(1, 10**12), "kilo": 1000, "centi": F(1, 100), "milli": F(1, 1000), "micro": F(1, 10**6),
    "nano": F(1, 10**9), "mega": 10**6,
}  # fmt: skip
_PREFIXED = "m g s L l Hz N J W Pa A V eV cal bar mol C T F"
_PREFIXED_WORDS = "meter metre gram second liter litre hertz newton joule watt pascal volt calorie"
_WORDS = re.compile(r"[A-Za-z$%]+|[0-9]+|\\cdot|\\times|[-^/*·{}()]|\s+")
_SQUARES = {"square": "2", "sq": "2", "cubic": "3", "cu": "3"}
_SHORT = (
    "cm mm km nm kg mg mL ml lb lbs oz ft yd hr hrs sec min mph kph Hz kHz MHz eV keV MeV GeV kJ kW kPa deg USD CNY RMB"
)

Unit = tuple[F, dict[str, int]]
UNITS: dict[str, Unit] = {}


def _fill() -> None:
    for names, (worth, powers) in _TABLE.items():
        for name in names.split():
            UNITS[name] = (F(worth), powers)
            if len(name) > 2 and name.islower() and not name.endswith("s"):
                UNITS[name + "s"] = UNITS[name]
    for prefix, factor in _PREFIXES.items():
        for name in (_PREFIXED if len(prefix) == 1 else _PREFIXED_WORDS).split():
            for spelling in (prefix + name, prefix + name + "s") if len(prefix) > 1 else (prefix + name,):
                UNITS.setdefault(spelling, (UNITS[name][0] * factor, UNITS[name][1]))


_fill()
del UNITS["pm"]  # the half of a day, not a length
# A degree is worth pi/180, which is not rational: the evaluator handles it by name.
UNITS["deg"] = UNITS["degree"] = UNITS["degrees"] = (F(0), {})
SPELLINGS = {"degree": "deg", "degrees": "deg", "percent": "%", "radian": "rad", "radians": "rad"}
# Numbers that stand for the base units when a quantity is evaluated; no simple relation holds between them.
BASE_VALUES = {
    "m": F(10007, 9001), "s": F(13001, 7001), "g": F(17011, 9973), "K": F(19001, 11003), "A": F(23003, 12007),
    "mol": F(29009, 13003), "$": F(31013, 14009), "€": F(37003, 15013), "£": F(41011, 16007), "¥": F(53003, 19013),
    "degC": F(43003, 17011), "degF": F(47017, 18013),
}  # fmt: skip
# Units that count as units after a number even without \text: no product of variables looks like them.
PLAIN = frozenset(name for name in UNITS if len(name) > 3 or name in _SHORT.split())


def worth(name: str) -> F:
    """The number that stands for a unit in an evaluation. Not for degrees: see the evaluator."""
    factor, powers = UNITS[name]
    for base, power in powers.items():
        factor *= BASE_VALUES[base] ** power
    return factor


def phrase(text: str) -> list[tuple[str, str]]:
    """The tokens of a text that consists of units alone (`square inches`, `m/s^2`, `km per hour`), else []."""
    found: list[tuple[str, str]] = []
    text = text.replace(".", "").replace("per cent", "percent")  # sq. ft.
    power = ""
    at = 0
    while at < len(text):
        match = _WORDS.match(text, at)
        if match is None:
            return []
        at = match.end()
        word = match[0].strip()
        if word == "per":
            found.append(("/", ""))
        elif word in _SQUARES:
            power = _SQUARES[word]
        elif word in UNITS or word.lower() in UNITS:
            name = word if word in UNITS else word.lower()
            found.append(("unit", SPELLINGS.get(name, name)))
            if power:
                found += [("^", ""), ("num", power)]
                power = ""
        elif word in ("unit", "units"):
            found.append(("text", "units"))
            power = ""
        elif word[:1].isalpha():
            return []
        elif word.isdigit():
            if not found or found[-1][0] not in ("^", "-", "{"):
                return []
            found.append(("num", word))
        elif word:
            found.append(("*" if word in ("\\cdot", "\\times", "·") else word, ""))
    return found if not power and any(kind in ("unit", "text") for kind, _ in found) else []
