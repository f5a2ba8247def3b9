"""One judge of equality for mathematical answers.

Three stages, each asked only what the one before left open: (a) "text" and "exact", normalised strings and rationals;
(b) "expr", an own bounded evaluator of LaTeX and plain-text mathematics; (c) "sympy", math-verify in a worker process
that is killed at its deadline. Nothing an answer holds is evaluated by Python or sympy in the caller's process.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import NamedTuple

from r1_verl.maths.compare import Comparison
from r1_verl.maths.evaluate import NotScalar
from r1_verl.maths.exact import read_exact
from r1_verl.maths.normalize import MAX_CHARS, canonical
from r1_verl.maths.parse import parse
from r1_verl.maths.policy import DEFAULT, Policy
from r1_verl.maths.rational import OutOfBudget
from r1_verl.maths.symbols import HEAVY
from r1_verl.maths.tokens import AMBIGUOUS, Unreadable, tokenize
from r1_verl.maths.words import same_words
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, TIMEOUT, UNREADABLE, WRONG
from r1_verl.scorers.graders import killable

__all__ = ["DEFAULT", "Policy", "Verdict", "judge"]

_KEPT_CHARS = 400  # what is read once is kept up to this length
_SYMPY_CHARS = 400
_STANDING = re.compile(rf"\\(?:{'|'.join(sorted(HEAVY))})(?![A-Za-z])")


class Verdict(NamedTuple):
    """equal: the answer is worth the reward. outcome: correct, wrong, unreadable, timeout or bad_ground_truth.

    stage: which stage decided: "text", "exact", "expr" or "sympy".
    """

    equal: bool
    outcome: str
    stage: str


# Made once: a verdict takes as long to make as two short texts to compare.
_SAME_TEXT, _SAME_VALUE, _SAME = (Verdict(True, CORRECT, stage) for stage in ("text", "exact", "expr"))
_OTHER_TEXT, _OTHER_VALUE, _OTHER = (Verdict(False, WRONG, stage) for stage in ("text", "exact", "expr"))
_NO_GOLD, _NO_ANSWER = Verdict(False, BAD_GROUND_TRUTH, "text"), Verdict(False, UNREADABLE, "text")
_UNREAD = Verdict(False, UNREADABLE, "expr")


class Reading:
    """What an answer's text is to the judge, found as far as it is asked for."""

    __slots__ = ("_trees", "exact", "heavy", "text")

    def __init__(self, text: str):
        self.text = canonical(text)
        self.exact = read_exact(self.text) if len(self.text) <= MAX_CHARS else None
        self._trees: tuple | None = None
        self.heavy = False  # only sympy may read it

    def trees(self) -> tuple:
        """The readings as trees: two where `1,234` may be a number or a list, none where nothing can be read."""
        if self._trees is None:
            found = []
            for grouped in (True, False) if len(self.text) <= MAX_CHARS else ():
                try:
                    tree = parse(tokenize(self.text, grouped))
                    if tree not in found:
                        found.append(tree)
                except Unreadable as error:
                    self.heavy = self.heavy or error.heavy
                if "," not in self.text or not AMBIGUOUS.search(self.text):
                    break
            self._trees = tuple(found)
        return self._trees


_read = lru_cache(maxsize=1024)(Reading)
_read_gold = lru_cache(maxsize=4096)(Reading)  # apart: golds come back, and answers would push them out


def judge(answer: str, gold: str, policy: Policy = DEFAULT, deadline: float = 1.0) -> Verdict:
    """Whether two final answers (the inside of a box, perhaps in dollars) are equal. Never raises; safe in any thread.

    gold: a number is taken as its text.

    deadline: seconds of its processor time that the worker may spend on this pair, should it come to that.
    """
    try:
        return _judge(answer, gold, policy, deadline)
    except Exception as error:  # a defect of the judge: worth a line, not a step of training
        print(f"r1_verl: the judge raised {error!r} on {answer[:200]!r} against {gold[:200]!r}", file=sys.stderr)
        return _UNREAD


def _judge(answer: str, gold: str, policy: Policy, deadline: float) -> Verdict:
    if isinstance(gold, (int, float)):
        gold = str(gold)
    if not isinstance(gold, str) or not gold or gold.isspace():
        return _NO_GOLD
    if not isinstance(answer, str) or not answer or answer.isspace():
        return _NO_ANSWER
    if answer == gold:
        return _SAME_TEXT
    a = _read(answer) if len(answer) <= _KEPT_CHARS else Reading(answer)
    g = _read_gold(gold) if len(gold) <= _KEPT_CHARS else Reading(gold)
    if a.text == g.text:
        return _SAME_TEXT
    if a.exact is not None and g.exact is not None:
        if a.exact == g.exact:
            return _SAME_VALUE
        if "," not in a.text and "," not in g.text and not policy.tolerance and not _may_round(a.text, g.text):
            return _OTHER_VALUE
    elif len(a.text) <= MAX_CHARS and len(g.text) <= MAX_CHARS:
        said = same_words(a.text, g.text)
        if said is not None:
            return _SAME_TEXT if said else _OTHER_TEXT
    compare = _compare if max(len(answer), len(gold)) <= _KEPT_CHARS else _compare.__wrapped__
    found = compare(a, g, policy)
    return found if found is not None else _by_sympy(a, g, deadline)


def _may_round(a: str, g: str) -> bool:
    """Whether one side is a decimal and the other a fraction, which may round to it."""
    return (("/" in a or "frac" in a) and "." in g) or (("/" in g or "frac" in g) and "." in a)


@lru_cache(maxsize=512)  # the responses to one prompt give the same few answers
def _compare(a: Reading, g: Reading, policy: Policy) -> Verdict | None:
    """Stage (b): the verdict of the evaluator, or None if sympy is to be asked."""
    comparison = Comparison(policy)
    ours, theirs = a.trees(), g.trees()
    told = bool(ours and theirs)
    for x in ours:
        for y in theirs:
            try:
                found = comparison.same(x, y)
            except OutOfBudget:
                return _UNREAD
            except (ArithmeticError, NotScalar, RecursionError):
                found = None
            if found:
                return _SAME
            told = told and found is False
    if told:
        return _OTHER
    return None if _for_sympy(a, g, policy.standing) else _UNREAD


def _by_sympy(a: Reading, g: Reading, deadline: float) -> Verdict:
    found = killable.verify(a.text, g.text, deadline)
    if isinstance(found, bool):
        return Verdict(found, CORRECT if found else WRONG, "sympy")
    return Verdict(False, TIMEOUT if found == "timeout" else UNREADABLE, "sympy")


def _for_sympy(a: Reading, g: Reading, standing: bool) -> bool:
    """Whether math-verify may know better: both texts are short, whole and beyond the evaluator, not beyond reason.

    Nothing of that kind answers a plain number. standing: of the policy.
    """
    if g.exact is not None or max(len(a.text), len(g.text)) > _SYMPY_CHARS:
        return False
    if not standing and _STANDING.search(a.text) and not _STANDING.search(g.text):
        return False
    return (a.heavy or bool(a.trees())) and (g.heavy or bool(g.trees()))
