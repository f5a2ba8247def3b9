"""The judge of equality of two mathematical answers.

Three stages, each asked only if the one before is undecided: "text", canonical spellings and words; "exact", plain
rational numbers; "expr", the parser and evaluator of this package. A text that the parser cannot read is unreadable.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import NamedTuple

from r1_verl.maths.evaluate import NotScalar
from r1_verl.maths.exact_values import OutOfBudget
from r1_verl.maths.notations import rewrite
from r1_verl.maths.parser import parse
from r1_verl.maths.policy import DEFAULT, Policy
from r1_verl.maths.qualifiers import take_off
from r1_verl.maths.spelling import MAX_CHARS, canonical, read_exact
from r1_verl.maths.structures import Comparison, match_derivatives, rename_parameter
from r1_verl.maths.tokens import AMBIGUOUS, Unreadable, tokenize
from r1_verl.maths.trees import Node
from r1_verl.maths.words import EMPTY, both_empty, same_words
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, UNREADABLE, WRONG

__all__ = ["DEFAULT", "Policy", "Verdict", "is_list", "judge"]

_LEADING_ZERO = re.compile(r"[0-9],0[0-9]{2}(?![0-9])")  # no list: 1,050
_PRINTED_FLOAT = 10  # characters
_KEPT_CHARS = 400  # readings and verdicts of longer texts are not kept


class Verdict(NamedTuple):
    """equal: the answer equals the gold. outcome: correct, wrong, unreadable or bad_ground_truth.

    stage: the stage that decided: "text", "exact" or "expr".
    """

    equal: bool
    outcome: str
    stage: str


# Made once: to make a verdict costs as much as to compare two short texts.
_SAME_TEXT, _SAME_VALUE, _SAME = (Verdict(True, CORRECT, stage) for stage in ("text", "exact", "expr"))
_OTHER_TEXT, _OTHER_VALUE, _OTHER = (Verdict(False, WRONG, stage) for stage in ("text", "exact", "expr"))
_NO_GOLD, _NO_ANSWER = Verdict(False, BAD_GROUND_TRUTH, "text"), Verdict(False, UNREADABLE, "text")
_UNREADABLE = Verdict(False, UNREADABLE, "expr")


class Reading:
    """A text as the stages read it: its canonical spelling, its exact value, its trees (made when first needed)."""

    __slots__ = ("_trees", "domain", "exact", "text")

    def __init__(self, text: str):
        self.text = canonical(text)
        self.exact = read_exact(self.text) if len(self.text) <= MAX_CHARS else None
        self.domain = ""  # over what a letter runs, if a qualifier says so
        self._trees: tuple[Node, ...] | None = None

    def trees(self) -> tuple[Node, ...]:
        """The trees: two if `1,234` may be a number or a list, none if the text is unreadable."""
        if self._trees is None:
            trees = []
            text = self.text
            if len(text) <= MAX_CHARS and ("\\in" in text or "for" in text or "where" in text):
                text, self.domain = take_off(text)
            for grouped in (True, False) if len(self.text) <= MAX_CHARS else ():
                try:
                    tree = parse(tokenize(text, grouped))
                    if tree not in trees:
                        trees.append(tree)
                except (Unreadable, RecursionError):
                    pass
                if "," not in self.text or not AMBIGUOUS.search(self.text) or _LEADING_ZERO.search(self.text):
                    break
            self._trees = tuple(trees)
        return self._trees


_read = lru_cache(maxsize=1024)(Reading)
_read_gold = lru_cache(maxsize=4096)(Reading)  # a cache of their own: golds come back, and answers would push them out


def judge(answer: str, gold: str, policy: Policy = DEFAULT) -> Verdict:
    """Whether two final answers (the inside of a box, with or without dollars) are equal. Never raises; thread-safe.

    gold: a number is taken as its text.
    """
    try:
        return _judge(answer, gold, policy)
    except Exception as error:  # a defect of the judge is reported, and does not end a training step
        print(f"r1_verl: the judge raised {error!r} on {answer[:200]!r} against {gold[:200]!r}", file=sys.stderr)
        return _UNREADABLE


def is_list(gold: str) -> bool:
    """Whether a gold is a list or a set of several answers. Never raises."""
    if not isinstance(gold, str) or len(gold) > _KEPT_CHARS:
        return False
    return any(tree[0] in ("list", "braces") for tree in _read_gold(gold).trees())


def _judge(answer: str, gold: str, policy: Policy) -> Verdict:
    if isinstance(gold, (int, float)):
        gold = str(gold)
    if not isinstance(gold, str) or not gold or gold.isspace():
        return _NO_GOLD
    if not isinstance(answer, str) or not answer or answer.isspace():
        return _NO_ANSWER
    if answer == gold:
        return _SAME_TEXT
    if policy.notations:
        answer, gold = rewrite(answer), rewrite(gold)
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
        same = same_words(a.text, g.text)
        if not same and policy.no_solution and (a.text in EMPTY or g.text in EMPTY) and both_empty(a.text, g.text):
            return _SAME_TEXT
        if same is not None:
            return _SAME_TEXT if same else _OTHER_TEXT
    compare = _compare if max(len(answer), len(gold)) <= _KEPT_CHARS else _compare.__wrapped__
    return compare(a, g, policy)


def _may_round(a: str, g: str) -> bool:
    """Whether one side is a decimal and the other a fraction, which may round to it, or the gold is a printed float."""
    if len(g) > _PRINTED_FLOAT and "." in g:
        return True
    return (("/" in a or "frac" in a) and "." in g) or (("/" in g or "frac" in g) and "." in a)


@lru_cache(maxsize=512)  # the responses to one prompt give the same few answers
def _compare(a: Reading, g: Reading, policy: Policy) -> Verdict:
    """Stage "expr": correct if any two trees are equal, wrong if all are known to be unequal, else unreadable."""
    comparison = Comparison(policy)
    decided = bool(a.trees() and g.trees())
    if a.domain and g.domain and a.domain != g.domain:
        return _OTHER
    for x in a.trees():
        for y in g.trees():
            try:
                if "frac{d" in a.text or "frac{d" in g.text:
                    x, y = match_derivatives(x, y)
                same = comparison.same(x, y)
                if same is False and (a.domain == "Z" == g.domain or ("\\pi" in a.text and "\\pi" in g.text)):
                    renamed = rename_parameter(x, y)
                    same = comparison.same(renamed, y) if renamed else False
            except OutOfBudget:
                return _UNREADABLE
            except (ArithmeticError, NotScalar, RecursionError):
                same = None
            if same:
                return _SAME
            decided = decided and same is False
    return _OTHER if decided else _UNREADABLE
