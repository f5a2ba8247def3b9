"""The Qwen2.5-Math evaluator's equality (`math_equal`), up to its symbolic step, which evals model text and is not run.

Source: hkust-nlp/simpleRL-reason, the Qwen2.5-Math `grader.py`, faults kept. The caller's `symbolic` replaces sympy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isclose

from r1_verl.scorers.graders.hendrycks import first_element

Symbolic = Callable[[str, str], bool]


def equal(pred: str, gold: str, symbolic: Symbolic, depth: int = 0) -> bool:
    """The evaluator's `math_equal`, with `symbolic(pred, gold)` in place of its last stage.

    Numbers agree within a relative 1e-4, also a hundred times larger or smaller; all kinds of brackets are the same.
    """
    if pred.strip().lower() == gold.strip().lower():
        return True
    if gold in _CHOICES and _last_choice(pred) == gold:
        return True
    numbers = _number(pred), _number(gold)
    if None not in numbers:
        return any(
            isclose(wanted, numbers[0], rel_tol=1e-4) for wanted in (numbers[1] / 100, numbers[1], numbers[1] * 100)
        )
    pred, gold = pred.strip(), gold.strip()
    if not pred:
        return False
    ours, theirs = pred, gold
    if (pred[0] == "[" and pred[-1] == "]" and gold[:1] != "(") or (
        pred[0] == "(" and pred[-1] == ")" and gold[:1] != "["
    ):
        ours, theirs = pred.strip("[]()"), gold.strip("[]()")
    if ours.translate(_NO_BRACKETS).lower() == theirs.translate(_NO_BRACKETS).lower():
        return True
    if depth < 4:
        if _BRACKETED.fullmatch(pred) and _BRACKETED.fullmatch(gold):
            ours, theirs = pred[1:-1].split(","), gold[1:-1].split(",")
            if len(ours) == len(theirs) and all(
                equal(a, b, symbolic, depth + 1) for a, b in zip(ours, theirs, strict=True)
            ):
                return True
        matrices = _matrix(pred), _matrix(gold)
        if all(matrices) and [len(row) for row in matrices[0]] == [len(row) for row in matrices[1]]:
            pairs = [pair for rows in zip(*matrices, strict=True) for pair in zip(*rows, strict=True)]
            if all(equal(a, b, symbolic, depth + 1) for a, b in pairs):
                return True
    sides = pred.split("="), gold.split("=")
    if len(sides[0]) == 2 and len(sides[1]) == 2:
        differences = [f"{left.strip()} - ({right.strip()})" for left, right in sides]
        return _ask(symbolic, *differences) or _ask(symbolic, f"-({differences[0]})", differences[1])
    if depth < 4:
        for one, other, swap in ((sides[0], gold, False), (sides[1], pred, True)):
            if len(one) == 2 and len(one[0].strip()) <= 2 and "=" not in other:
                pair = (other, one[1]) if swap else (one[1], other)
                if equal(*pair, symbolic, depth + 1):
                    return True
    return _ask(symbolic, pred, gold)


def _ask(symbolic: Symbolic, pred: str, gold: str) -> bool:
    r"""Ask `symbolic` about texts that upstream's LaTeX readers can read, and as they read them.

    They multiply neighbours (`1\frac12` is a half), stop at the first comma of a list, take `1e5` for an expression in
    e, read neither tuples nor `10{,}000` nor times of day, and keep letter case and kind of relation.
    """
    pred, gold = first_element(pred), first_element(gold)
    if (
        not pred
        or not gold
        or "," in pred
        or "," in gold
        or _BEYOND.search(pred)
        or _BEYOND.search(gold)
        or _letters(pred) != _letters(gold)
    ):
        return False
    if [c for c in pred if c in "<>="] != [c for c in gold if c in "<>="]:
        return False
    return symbolic(_MIXED.sub(r"\1\\cdot ", pred), _MIXED.sub(r"\1\\cdot ", gold))


def _letters(text: str) -> set[str]:
    return set(_NAMES.sub("", text)) & _ALPHABET


_MIXED = re.compile(r"(\d) *(?=\\[dt]?frac)")
_BEYOND = re.compile(r"\\text|\d[eE][+-]?\d|:|np\.")
_NAMES = re.compile(r"\\[a-zA-Z]+|sin|cos|tan|log|ln|exp|sqrt")
_ALPHABET = frozenset("abcdfghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")  # without e, which may stand for exp
_CHOICES = ("A", "B", "C", "D", "E")
_BRACKETED = re.compile(r"[(\[].+[)\]]", re.DOTALL)
_CHOICE = re.compile(r"\b([A-E])\b")


def _last_choice(pred: str) -> str:
    cleaned = pred.strip("\n").rstrip(".").rstrip("/").strip(" ").lstrip(":")
    found = _CHOICE.findall(cleaned.upper())
    return (found[-1] if found else cleaned.strip().strip(".")).rstrip(".").rstrip("/")


def _number(text: str) -> float | None:
    """A decimal number, thousands commas dropped; one that ends in % (or \\%) is divided by 100."""
    text = text.replace(",", "")
    try:
        return float(text)
    except ValueError:
        if not text.endswith("%"):
            return None
    try:
        return float(text[:-1].removesuffix("\\")) / 100
    except ValueError:
        return None


_NO_BRACKETS = str.maketrans("", "", "{}()")


def _matrix(text: str) -> list[list[str]]:
    r"""The entries of a `\\begin{pmatrix}...\\end{pmatrix}`; [] for anything else."""
    if not text.startswith(("\\begin{pmatrix}", "\\begin{bmatrix}")) or not text.endswith(
        ("\\end{pmatrix}", "\\end{bmatrix}")
    ):
        return []
    rows = text[15:-13].split("\\\\")
    return [[cell.strip() for cell in row.split("&")] for row in map(str.strip, rows) if row]
