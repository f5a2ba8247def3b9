r"""The canonical spelling of a final answer, and the value of a spelling that is one plain number.

`canonical` only removes or replaces what is safe for any answer: dollars, spacing, sizes of brackets, Unicode
operators, unmistakable separators of thousands (`12{,}345`, `12\,345`), a full stop at the end. `read_exact` reads
plain rational numbers without the parser.
"""

from __future__ import annotations

import re
from fractions import Fraction

from r1_verl.response import closing_brace

MAX_CHARS = 4000  # longer answers are compared as they stand and never parsed

_UNICODE = str.maketrans({
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "＋": "+", "－": "-", "＝": "=", "，": ",", "（": "(",
    "）": ")", "：": ":", "；": ";", "。": ".", "％": "%", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"',
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": "/", "∕": "/", "⁄": "/", "∗": "*",
    "±": r"\pm ", "∓": r"\mp ", "√": r"\sqrt ", "∞": r"\infty ", "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ",
    "≠": r"\ne ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "∖": r"\setminus ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "π": r"\pi ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "θ": r"\theta ",
    "λ": r"\lambda ", "μ": r"\mu ", "µ": r"\mu ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ",
    "ω": r"\omega ", "Ω": r"\Omega ", "Δ": r"\Delta ", "∆": r"\Delta ", "°": r"^{\circ}", "º": r"^{\circ}",
    "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}",
    "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}", "⅚": r"\frac{5}{6}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}",
    "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}", "⟦": "[", "⟧": "]", "￥": "¥", "∣": "|", "∥": r"\parallel ",
    "∧": r"\land ", "∨": r"\lor ", "¬": r"\neg ", "→": r"\to ", "⇒": r"\implies ", "⇔": r"\iff ", "∀": r"\forall ",
    "∃": r"\exists ", "⊂": r"\subset ", "⊆": r"\subseteq ", "⊥": r"\perp ", "≅": r"\cong ", "≡": r"\equiv ",
    "∂": r"\partial ", "∇": r"\nabla ", "∫": r"\int ", "∑": r"\sum ", "△": r"\triangle ", "‖": r"\|",
    "℃": r"^{\circ}C", "℉": r"^{\circ}F", "…": r"\ldots ", "⋯": r"\ldots ", "⟨": r"\langle ",
    "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∠": r"\angle ",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2002": " ", "\u2003": " ", "\u200b": "", "\u200c": "", "\u200d": "",
    "\u2060": "", "\ufeff": "", "\u00ad": "",
})  # fmt: skip

# Runs of raised and lowered characters: 10¹², x₁₀, xⁿ⁺¹.
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸᵃᵇᶜᵈᵉᵏᵐᵖᵗ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₖₘₓₐᵢⱼ]+")
_ON_THE_LINE = str.maketrans(
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸᵃᵇᶜᵈᵉᵏᵐᵖᵗ₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₖₘₓₐᵢⱼ", "0123456789+-()nixyabcdekmpt0123456789+-()nkmxaij"
)
# A separator of thousands that nobody writes between the members of a list.
_THOUSANDS = re.compile(  # each alternative begins with its own character, which makes the search fast
    r"(?:\\(?<=[0-9]\\)(?:[,!;: ]|thinspace)|,(?<=[0-9],)\\!|~(?<=[0-9]~)|\{(?<=[0-9]\{),\})\s*(?=[0-9]{3}(?![0-9]))"
)
# A comma and a space before three digits stand between the members of a list.
_LIST_COMMA = re.compile(r"(?<=[0-9]),(?: |\\[,;: ])\s*(?=[0-9]{3}(?![0-9]))")
# Each alternative begins with one fixed character, which makes the search fast; what the next may be, comes first.
_NOISE = re.compile(
    r"\\(?:\\(?:\[[^\[\]]{0,9}\])?"  # the end of a row, which is kept
    r"|(?=[dtcsn])(?:[dtcs]|nice)(frac)(?![A-Za-z])"
    r"|(?=[lrmbB])(?:left|right|middle|[bB]igg?[lr]?)(?![A-Za-z])\.?"
    r"|(?=[dtslnqhpbriLHfmu])(?:displaystyle|textstyle|scriptstyle|limits|nolimits|quad|qquad|thinspace"
    r"|h?phantom(?:\{[^{}]{0,9}\})?|hfill|par|noindent|bf|rm|it|Large|LARGE|large|Huge|huge|small|tiny|normalsize"
    r"|footnotesize|scriptscriptstyle|bfseries|itshape|boldmath|unboldmath|mathstrut|strut|nonumber|notag|therefore)(?![A-Za-z])"
    r"|(?=[tclhVr])(?:(?:textcolor|color|colorbox|tag|label|hspace)\*?(?:\[[^\[\]{}]{0,20}\])?\{[^{}]{0,40}\}"
    r"|[lr]?(Vert)(?![A-Za-z])|(?:long)?(rightarrow)(?![A-Za-z])"
    r"|root\s*\{?([0-9a-z]{1,3})\}?\s*\\of(?![A-Za-z]))"
    r"|[!,;:> /()\[\]])|\$(?<!\\\$)|~(?<!\\~)"
)
_SIGN_EXPONENT = re.compile(r"\^\{([-+])\}")
_CROSS = re.compile(
    r"(\\(?:mathbf|vec|boldsymbol|bm|overrightarrow)\s*(?:\{[A-Za-z]{1,2}\}|[A-Za-z]))\s*\\times(?=\s*\(?-?\\(?:math|vec|bo|bm|ov))"
)  # two vectors
_BASE = re.compile(r"(?<!\{)\((?:in )?base[- ]?\{?(\w{1,7})\}?\)")
_APPROXIMATELY = re.compile(r"\(\\approx ?([^()]{1,40})\)$")
_MODULUS = re.compile(
    r"\((?:\\[bp]?mod(?![A-Za-z])|mod|\\(?:text|mathrm|operatorname)\{mod\})\s*\{?([0-9a-z]{1,9})\}?\)"
)
_MAPS_TO = re.compile(r"(?:([a-zA-Z]):)?([a-z])\\mapsto(?![A-Za-z])")
_TURNED = re.compile(r"([\[\]])([^\[\](),;]{1,60}[,;][^\[\](),;]{1,60})([\[\]])")
_TAG = re.compile(r"</?[A-Za-z]+>?$")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
# A space has a meaning only between two letters (words, `\pi t`) and between two digits (two numbers).
_SPACE = re.compile(r" (?!(?<=[A-Za-z] )[A-Za-z]|(?<=[0-9] )[0-9])")

MAX_EXPONENT = 5000  # of ten, in a plain number with an exponent

_NUMBER_STARTS = frozenset("+-.0123456789\\")
_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}")
_PLAIN = re.compile(
    r"([+-]?)(?:([0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]{1,1000})(?:\.([0-9]{0,1000}))?|\.([0-9]{1,1000}))"
    r"(?:[eE]([+-]?[0-9]{1,9})|(?:\\times|\\cdot|\*|x)10\^(?:\{([+-]?[0-9]{1,9})\}|([+-]?[0-9]{1,9})))?"
)
_FRACTION = re.compile(
    r"([+-]?)([0-9]{0,20})\\frac(?:\{([+-]?[0-9]{1,300})\}|([0-9]))(?:\{([+-]?[0-9]{1,300})\}|([0-9]))"
    r"|([+-]?[0-9]{1,300})/([0-9]{1,300})"
)


def canonical(text: str) -> str:
    """The canonical spelling, in linear time. Texts longer than MAX_CHARS are only stripped."""
    text = text.strip()
    if len(text) > MAX_CHARS or (text.isalnum() and text.isascii()):
        return text
    if text[-1:] == "\\" and text[-2:] != "\\\\":
        text = text[:-1].rstrip()  # a space with a backslash lost its space
    if "US" in text:
        text = text.replace("US$", "$").replace("US\\$", "\\$")
    if not text.isascii():
        text = _RAISED.sub(_raised, text)
        text = _LOWERED.sub(_lowered, text)
        text = text.translate(_UNICODE)
    if "," in text and (", " in text or ",\\" in text) and "(" not in text and "[" not in text:
        text = _LIST_COMMA.sub(";", text)
    if "\\" in text or "$" in text or "~" in text or "{" in text:
        text = _THOUSANDS.sub("", text)
        text = _NOISE.sub(_quieted, text)
        if "mathbb" in text:
            text = _SIGN_EXPONENT.sub(r"^\1", text)
        if "\\times" in text:
            text = _CROSS.sub(r"\1\\cross ", text)
        if "{:}" in text:
            text = text.replace("{:}", ":")
        text = text.strip()
    if text.endswith(">") or "</" in text:
        text = _TAG.sub("", text).rstrip()  # a response whose box swallowed its closing tag
    text = text.rstrip("\\ ") if text.endswith("\\\\") else text
    while text and text[-1] in ".,;:" and not text.endswith(".."):
        text = text[:-1].rstrip()
    if text.startswith(("\\boxed", "\\fbox")):
        text = _unbox(text)
    if " " in text or "\n" in text or "\t" in text:
        text = _SPACE.sub("", " ".join(text.split()))
    if text[-1:] == ")" and "(\\approx" in text:
        text = _APPROXIMATELY.sub(r"\\approx \1", text)
    if "(" in text and ("base" in text or "mod" in text):
        text = _BASE.sub(r"_{\1}", text)
        text = _MODULUS.sub(r"\\pmod{\1}", text)
    if "\\mapsto" in text:
        text = _MAPS_TO.sub(lambda found: f"{found[1] or 'f'}({found[2]})=", text, count=1)
    if text[-1:] == "[" or ("]" in text and (text[0] == "]" or "p]" in text or "in]" in text)):
        text = _TURNED.sub(_turn, text)
    return text


def _turn(found: re.Match[str]) -> str:
    """An interval with brackets turned away from the ends that it leaves out, ]2,5[, as (2,5)."""
    return ("[" if found[1] == "[" else "(") + found[2] + ("]" if found[3] == "]" else ")")


def _raised(found: re.Match[str]) -> str:
    return "^{" + found[0].translate(_ON_THE_LINE) + "}"


def _lowered(found: re.Match[str]) -> str:
    return "_{" + found[0].translate(_ON_THE_LINE) + "}"


def _quieted(found: re.Match[str]) -> str:
    group = found.lastindex
    if group:
        return (r"\frac", r"\|", r"\to", rf"\sqrt[{found[4]}]")[group - 1]
    return "\\\\" if found[0].startswith("\\\\") else " "


def _unbox(text: str) -> str:
    for _ in range(3):
        found = _BOX.match(text)
        if not found or closing_brace(text, found.end() - 1) != len(text) - 1:
            break
        text = text[found.end() : -1].strip().rstrip(" .")
    return text


def read_exact(text: str) -> int | Fraction | None:
    r"""The value of a canonical text that is one plain number, else None.

    Plain numbers are integers (with thousands), decimals, e-notation and `\times 10^{n}`, `\frac{a}{b}`, `\frac12`, a/b
    and mixed numbers `2\frac{1}{2}`, each of a size that answers have.
    """
    if text[:1] not in _NUMBER_STARTS:
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
        return Fraction(number, 10**-power) if part else whole  # 54.0 is the integer 54
    found = _FRACTION.fullmatch(text)
    if not found:
        return None
    sign, whole, top, top1, bottom, bottom1, slash_top, slash_bottom = found.groups()
    above, below = int(top or top1 or slash_top), int(bottom or bottom1 or slash_bottom)
    if below == 0:
        return None
    value = Fraction(above, below)
    if whole:  # a mixed number needs a proper fraction: 2\frac{1}{2}
        if not 0 < value < 1:
            return None
        value += int(whole)
    return -value if sign == "-" else value
