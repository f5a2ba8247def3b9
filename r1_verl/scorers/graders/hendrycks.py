r"""The Hendrycks MATH scorer's box and string rules, as veRL's `math_reward`, Open-Reasoner-Zero and PRM800K use them.

All functions are pure, and linear in a response; answers over MAX_CHARS are left as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARS = 2000  # longer texts are no answers, and the repeated replacements below are quadratic in the worst case


def last_box(text: str, fbox: bool = False) -> str | None:
    r"""The inside of the last `\boxed{...}` (`fbox`: else of the last `\fbox{...}`); None if there is none, or open.

    As upstream, `\boxed 5` (with a space) is read up to the next `$`, and any such box in the text takes precedence.
    """
    if "\\boxed " in text:
        return text[text.rfind("\\boxed ") + 7 :].partition("$")[0]
    at = text.rfind("\\boxed")
    if at < 0:
        at = text.rfind("\\fbox")
    if at < 0:
        return None
    opened = depth = 0
    for brace in _BRACES.finditer(text, at, at + _MAX_BOX):
        depth += 1 if brace[0] == "{" else -1
        opened = opened or brace.end()
        if depth == 0:
            # Upstream asserts that the brace follows the macro at once; its assertion error is "no answer".
            allowed = ("\\boxed{", "\\fbox{") if fbox else ("\\boxed{",)
            return text[opened : brace.start()] if text[at:opened] in allowed else None
    return None


_BRACES = re.compile(r"[{}]")
_MAX_BOX = 10_000  # characters; a longer box is no answer, and its braces cost time
_HENDRYCKS_1 = (
    ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", ""),
    ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
)  # fmt: skip
_TEXT = re.compile(r"^\\text\{(.+?)\}$")


@lru_cache(maxsize=8192)
def hendrycks(text: str, prm: bool = False) -> str:
    """The Hendrycks `strip_string`; with `prm`, PRM800K's version. A text on which upstream raises stays unchanged."""
    if len(text) > MAX_CHARS:
        return text
    s = text
    if prm:
        s = s.strip()
        wrapped = _TEXT.search(s)
        s = wrapped[1].strip() if wrapped else s
    unchanged = s
    for old, new in _HENDRYCKS_1:
        s = s.replace(old, new)
    if "\\text{ " in s:
        parts = s.split("\\text{ ")
        if len(parts) != 2:
            return unchanged
        s = parts[0]
    s = s.replace("\\%", "").replace("%", "") if prm else s.replace("\\\\%", "").replace("\\%", "")
    s = s.replace(" .", " 0.").replace("{.", "{0.")
    if not s:
        return s
    if s[0] == ".":
        s = "0" + s
    sides = s.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        s = sides[1]
    roots = s.split("\\sqrt")
    if not all(roots[1:]):
        return unchanged
    s = roots[0] + "".join("\\sqrt" + (r if r[0] == "{" else "{" + r[0] + "}" + r[1:]) for r in roots[1:])
    s = s.replace(" ", "")
    braced = braced_fractions(s)
    if braced is None:
        return unchanged
    return slash("\\frac{1}{2}" if braced == "0.5" else braced)


def braced_fractions(s: str) -> str | None:
    r"""`\frac12`, `\frac1{2}` with braces; unchanged if a `\frac` has one character after it, None if it has none."""
    head, *tails = s.split("\\frac")
    out = [head]
    for tail in tails:
        if not tail:
            return None
        if tail[0] == "{":
            out.append("\\frac" + tail)
            continue
        if len(tail) < 2:
            return s
        below = tail[1:] if tail[1] == "{" else "{" + tail[1] + "}" + tail[2:]
        out.append("\\frac{" + tail[0] + "}" + below)
    return "".join(out)


def slash(s: str, roots: bool = False) -> str:
    """`a/b` as a fraction if both are plain integers (with `roots`, also if they contain a root)."""
    parts = s.split("/")
    if len(parts) != 2 or not all((roots and "sqrt" in p) or plain_int(p) for p in parts):
        return s
    return "\\frac{" + parts[0] + "}{" + parts[1] + "}"


def plain_int(s: str) -> bool:
    """Whether `str(int(s)) == s`, without making the integer."""
    digits = s[1:] if s[:1] == "-" else s
    return digits.isascii() and digits.isdigit() and (digits[0] != "0" or s == "0")


def is_equiv(answer: str, gold: str) -> bool:
    """The Hendrycks scorer: equal after `strip_string`."""
    return hendrycks(answer) == hendrycks(gold)


def first_element(text: str) -> str:
    """The text up to its first comma outside brackets: all that sympy's `parse_latex` reads of a list."""
    depth = 0
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth <= 0:
            return text[:at]
    return text
