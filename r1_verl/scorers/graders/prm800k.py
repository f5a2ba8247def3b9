r"""The PRM800K grader, as DeepScaleR, understand-r1-zero ("fast") and EasyR1 (MathRuler) apply it.

Source: openai/prm800k `grade_answer`: equal after the Hendrycks rules, or after rules of its own, or by sympy after
guards (integers and fractions by string, two letters at most, no long exponents). The sympy step evals model text and
is not run: the caller's `symbolic` replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from r1_verl.scorers.graders.hendrycks import MAX_CHARS, hendrycks

Symbolic = Callable[[str, str], bool]

_TEXT = re.compile(r"^\\text\{(.+?)\}$")
_PRM_UNITS = re.compile(
    r"(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)"
    r"(?:es)?s? *(?:\^[0-9]+)?"
)
_PRM_REPLACE = (
    ("\\%", "%"), ("\\$", "$"), ("$", ""), ("%", ""), (" or ", " , "), (" and ", " , "), ("million", "*10^6"),
    ("billion", "*10^9"), ("trillion", "*10^12"),
)  # fmt: skip
_THOUSANDS = re.compile(r"(\d),(\d\d\d)(?=$|\D)")
_FRACTION = re.compile(r"^-?[0-9]+.?/0*[1-9][0-9]*.?$")
_TOO_HARD = re.compile(r"\^[{(]|\^[0-9]+\^|\^[0-9][0-9]+")
_TUPLE = "()[]"


def prm_equal(answer: str, gold: str, symbolic: Symbolic) -> bool:
    """PRM800K's `grade_answer` with all of its guards, and `symbolic(answer, gold)` in place of its sympy step."""
    if hendrycks(answer, prm=True) == hendrycks(gold, prm=True):
        return True
    ours, theirs = prm_normalise(answer), prm_normalise(gold)
    if ours == theirs:
        return True
    if not ours:
        return False
    given, wanted = _elements(ours), _elements(theirs)
    if len(given) != len(wanted) or (len(wanted) > 1 and (ours[0], ours[-1]) != (theirs[0], theirs[-1])):
        return False
    return all(_same_element(a, b, symbolic) for a, b in zip(given, wanted, strict=True))


def _same_element(answer: str, gold: str, symbolic: Symbolic) -> bool:
    if _FRACTION.search(gold) and _FRACTION.search(answer):
        return answer == gold  # an unreduced fraction is wrong
    if _integral(gold) != _integral(answer):
        return False
    both = f"({gold})-({answer})"
    letters = {c for c in both.replace("sqrt", "").replace("frac", "") if c.isalpha()}
    readable = len(letters) <= 2 and not _TOO_HARD.search(both)
    if answer.endswith(".") and not answer[-2:-1].isdecimal():
        readable = False  # upstream's parser reads `2.` as a number and fails on `sqrt(2).`
    return readable and symbolic(answer, gold)


def _integral(text: str) -> bool:
    value = _float(_join_thousands(text))
    return value is not None and value - value == 0 and abs(value - round(value)) <= 1e-7


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _join_thousands(text: str) -> str:
    while "," in text:
        joined = _THOUSANDS.sub(r"\1\2", text)
        if joined == text:
            break
        text = joined
    return text


def _elements(text: str) -> list[str]:
    text = _join_thousands(text)
    if len(text) > 2 and text[0] in _TUPLE and text[-1] in _TUPLE and not any(c in text[1:-1] for c in _TUPLE):
        return [part.strip() for part in text[1:-1].split(",")]
    return [text] if text else []


@lru_cache(maxsize=8192)
def prm_normalise(text: str) -> str:
    """PRM800K's `_normalize`: units, signs and LaTeX taken away, lower case; "" for a text over MAX_CHARS."""
    if len(text) > MAX_CHARS:
        return ""
    wrapped = _TEXT.search(text)
    s = wrapped[1] if wrapped else text
    for old, new in _PRM_REPLACE:
        s = s.replace(old, new)
    s = re.sub(r"\^ *\\circ", "", _PRM_UNITS.sub("", s))
    if s and s[0] == "{" and s[-1] == "}":
        s = s[1:-1]
    s = re.sub(r",\\! *", "", s)
    value = _float(s)
    if value is not None and value - value == 0 and abs(value - round(value)) <= 1e-7:
        s = str(round(value))
    if "\\" in s:
        s = _plain(s)
    s = re.sub(r"- *", "-", s)
    s = re.sub(r"([0-9]) +([0-9])", r"\1+\2", s)  # a mixed number
    s = s.replace(" ", "").replace("{", "").replace("}", "").lower()
    if _integral(s):
        s = str(int(float(s.replace(",", ""))))
    return s


# The text of each macro that answers use, by pylatexenc's latex2text; other macros vanish and their arguments stay.
_MACRO_TEXT = (
    "pi:pi infty:inf cup:U cdot:* times:* cap:∩ emptyset:∅ in:∈ le:≤ leq:≤ ge:≥ geq:≥ pm:± ldots:… dots:… neq:≠"
    " div:÷ odot:⊙ hbar:ħ mho:℧ geqslant:⩾ leqslant:⩽ angle:∠ circ:∘ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ prime:'"
    " to:→ sum:∑ rightarrow:→ approx:≈ equiv:≡ backslash:\\\\ int:∫ alpha:α beta:β gamma:γ delta:δ epsilon:ϵ"
    " varepsilon:ε zeta:ζ eta:η theta:θ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ rho:ρ sigma:σ tau:τ phi:ϕ"
    " varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Phi:Φ Psi:Ψ Omega:Ω"
)
_FUNCTIONS = "sin cos tan sec csc arcsin arccos arctan sinh cosh tanh log ln exp gcd max min det"
_MACROS = dict(pair.split(":") for pair in _MACRO_TEXT.split()) | {f: f for f in _FUNCTIONS.split()}
_SPACING = {",", ";", " ", ":", ">", "quad", "qquad"}
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}&~]|[^\\{}&~]+", re.DOTALL)


def _plain(latex: str) -> str:
    """LaTeX as pylatexenc's plain text, as far as answers need it. A fraction gets no brackets."""
    latex = latex.replace("\\tfrac", "\\frac").replace("\\dfrac", "\\frac").replace("\\frac", " \\frac")
    tokens = _TOKEN.findall(latex)
    out, _ = _render(tokens, 0, 0)
    return out.strip()


def _render(tokens: list[str], at: int, depth: int) -> tuple[str, int]:
    """Text up to the closing brace of this level (or the end), and the position after it."""
    out: list[str] = []
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "}":
            if depth:
                break
        elif token == "{":
            text, at = _render(tokens, at, depth + 1) if depth < 50 else ("", len(tokens))
            out.append(text)
        elif token[0] != "\\":
            out.append({"&": " ", "~": " "}.get(token, token))
        elif (name := token[1:]) in ("frac", "sqrt"):
            if name == "sqrt" and at < len(tokens) and tokens[at].startswith("["):
                tokens[at] = tokens[at].partition("]")[2]  # upstream loses the index of a root
            first, at = _argument(tokens, at, depth)
            if name == "sqrt":
                out.append(f"sqrt({first})")
            else:
                second, at = _argument(tokens, at, depth)
                out.append(f"{first}/{second}")
        elif name in ("begin", "end"):
            _, at = _argument(tokens, at, depth)
            out.append("[ " if name == "begin" else " ]")
        elif name == "\\":
            out.append("; ")
        elif name in _SPACING:
            out.append(" ")
        elif not name.isalpha():
            out.append(name if name in "{}%$#_&|" else "")
        else:
            out.append(_MACROS.get(name, ""))
            if at < len(tokens):
                tokens[at] = tokens[at].lstrip() or " "
    return "".join(out), at


def _argument(tokens: list[str], at: int, depth: int) -> tuple[str, int]:
    while at < len(tokens) and not tokens[at].strip():
        at += 1
    if at >= len(tokens) or depth >= 50:
        return "", len(tokens)
    if tokens[at] == "{":
        return _render(tokens, at + 1, depth + 1)
    token = tokens[at].lstrip()
    if token[0] == "\\":
        return _MACROS.get(token[1:], ""), at + 1
    tokens[at] = token[1:] or " "
    return token[0], at
