"""Knights and Knaves: Logic-RL's published reward, and a strict one (Unakar/Logic-RL, verl/utils/reward_score/kk.py).

Both pay format and answer separately, on Logic-RL's scale: format +1 or -1; answer +2 right, -1.5 wrong, -2 unreadable.
`parts` holds the two and the scale `logicrl` adds them up.

Faithful: each of the four tags exactly once and in order, counting the prompt's `<think>` (extra_info
"think_in_prompt"), else -3 whatever the answer. Then as many role words as people, and for each person
"Name is a role". Role pairs other than knight and knave come from the row ("an" is accepted before a vowel).
Departure: an answer of more than 65,536 characters is not read (-1).

Strict: the last `<answer>` outside the thinking holds claims and nothing else: names, roles, and words that cannot
negate a claim, in any order, case and markup ("**Zoey**: knight", "Zoey is the knight", "Zoey and Mia are knights").
Any other word ("not", "false", "if", a stranger's name) makes the answer unreadable: a claim can be negated in too many
ways. A person left out, or called both, makes the answer invalid. `outcome` and `acc` depend on the answer alone,
`format` on the tags alone: a right answer with broken tags has acc 1 and scores 2 - 1 = 1; upstream pays it -3.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from r1_verl.ground_truth.kk import FILLER, NAME, ROLE, SEVERAL, Truth, read_truth
from r1_verl.response import CLOSE, OPEN, after_thinking
from r1_verl.score import BAD_FORMAT, BAD_GROUND_TRUTH, CORRECT, EMPTY, INVALID, NO_ANSWER, UNREADABLE, WRONG, Score
from r1_verl.scorers import scorer

_ANSWER, _END = "<answer>", "</answer>"
_MAX_READ = 65_536  # characters of an answer, faithful
_MAX_ANSWER = 4_000  # characters, strict; eight people need 250
_ARTICLES = ("a", "an")
_ANSWER_PART = {CORRECT: 2.0, WRONG: -1.5}

# Marks read as blanks. Not among them: ! ~ ? < / and every other mark that could negate or offer a choice.
_MARKS = "0123456789*_#()[]{}\"'`.,:;|=>-\\$&\t\n\r\v\f"
_ASCII = bytes(ord(" " if chr(i) in _MARKS else chr(i).lower()) for i in range(128)) + bytes(128)
_last_tags = threading.local()  # of the last text with more than 32 `<`: the text and its tags
_OTHERS = str.maketrans(dict.fromkeys(_MARKS + "–—−→⇒•·“”‘’：，。、（）；", " "))


def faithful(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """The published reward. format: 1.0 if the tags are in order.

    extra_info["style"] "instruct" or "raw_instruct": upstream's chat prompt has no `Assistant:`, so the first one in
    the response is taken for the header, and the prompt's `<think>` before it is lost.
    """
    truth = read_truth(ground_truth)
    if truth is None:
        return Score(BAD_GROUND_TRUTH)
    text, opened = solution_str, bool(extra_info.get("think_in_prompt"))
    if extra_info.get("style") in ("instruct", "raw_instruct"):
        before, header, after = solution_str.partition("Assistant:")
        text, opened = (after, False) if header else (before, opened)
    thinks, thoughts, answers, ends = _tags(text)
    if len(thinks) + opened != 1 or not len(thoughts) == len(answers) == len(ends) == 1:
        return _with_parts(BAD_FORMAT, "", 0.0)
    if not (-1 if opened else thinks[0]) <= thoughts[0] <= answers[0] <= ends[0]:
        return _with_parts(BAD_FORMAT, "", 0.0)
    start, end = answers[0] + len(_ANSWER), ends[0]
    if end - start > _MAX_READ:
        return _with_parts(UNREADABLE, text[start : start + 200], 1.0)
    answer = text[start:end].strip()
    return _with_parts(_published(answer, truth) if answer else EMPTY, answer, 1.0)


def _published(answer: str, truth: Truth) -> str:
    """`Name is a role` for each person, and as many role words (even within words) as people."""
    text = answer.lower()
    if text.count(truth.roles[0]) + text.count(truth.roles[1]) != len(truth.solution):
        return INVALID
    claims = dict(reversed(_pattern(truth.roles)(text)))  # the first claim about a person counts
    if not truth.solution.keys() <= claims.keys():
        return UNREADABLE
    return CORRECT if all(claims[name] == role for name, role in truth.solution.items()) else WRONG


@lru_cache(maxsize=256)
def _pattern(roles: tuple[str, str]) -> Callable[[str], list[tuple[str, str]]]:
    """Finds all (name, role) of "name is a role" in lower-case text, in linear time."""
    return re.compile(rf"\b(\w+)\s+is\s+(?:a|an(?=\s+[aeiou]))\s+({'|'.join(roles)})\b").findall


@scorer("kk", sources=["kk", "kk_logic", "kk/*"], faithful=faithful, scale="logicrl", task="kk")
def strict(solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any]) -> Score:
    """Score one response (see the module's text). format: one thinking, then one answer with something in it."""
    truth = read_truth(ground_truth)
    if truth is None:
        return Score(BAD_GROUND_TRUTH)
    text, opened = solution_str, bool(extra_info.get("think_in_prompt"))
    thinks, thoughts, answers, ends = _tags(text)
    outside = thoughts[0] if thoughts else -1
    if (thinks and thinks[0] > outside) or (opened and not thoughts):  # thinking opens again, or never closes
        text, outside = after_thinking(text, opened) or "", -1
        _, _, answers, ends = _tags(text)
    start = answers[0] + len(_ANSWER) if answers and answers[0] > outside else 0
    end = text.find(_END, start, start + _MAX_ANSWER + len(_END)) if start else -1
    if end < 0:  # no answer, an unclosed one, or one longer than any answer is
        return _with_parts(NO_ANSWER, "", 0.0)
    answer = text[start:end].strip()
    if not answer:
        return _with_parts(EMPTY, "", 0.0)
    alone = (len(answers) == 1 or answers[1] < outside) and (len(ends) == 1 or ends[1] < outside)
    thought = len(thinks) + opened == len(thoughts) == 1 and (opened or thinks[0] < thoughts[0])
    return _with_parts(_claims(answer, truth), answer, 1.0 if thought and alone else 0.0)


def _claims(answer: str, truth: Truth) -> str:
    """The outcome of an answer: who is claimed to be what, read word by word."""
    if answer.isascii():
        words = answer.encode().translate(_ASCII).decode().split()
    else:
        words = answer.lower().translate(_OTHERS).split()
    claimed: dict[str, str] = {}
    waiting: list[str] = []  # people whose role comes next
    several = False  # "are" or "both" stood with them
    meaning = truth.meaning
    for word in words:
        if word not in meaning:
            return UNREADABLE
        kind, what = meaning[word]
        if kind == FILLER:
            continue
        if kind == NAME:
            waiting.append(what)
        elif kind == SEVERAL:
            several = True
        else:
            if kind == ROLE and len(waiting) == 2 and waiting[1] in _ARTICLES and not several:
                waiting.pop()  # "Zoey is a knight", where another person is called A
            if not waiting or (kind == ROLE and len(waiting) > 1 and not several):
                return UNREADABLE
            for person in waiting:
                if claimed.setdefault(person, what) != what:
                    return INVALID
            waiting.clear()
            several = False
    if waiting:
        return UNREADABLE
    if len(claimed) < len(truth.solution):
        return INVALID
    return CORRECT if claimed == truth.solution else WRONG


def ideal(ground_truth: Any) -> str | None:
    """A right response to a row, for the gold check; None if the row has no solution."""
    truth = read_truth(ground_truth)
    if truth is None:
        return None
    return f"{OPEN}\n{CLOSE}\n{_ANSWER}{chr(10).join(truth.lines)}{_END}"


def _tags(text: str) -> tuple[list[int], list[int], list[int], list[int]]:
    """Where `<think>`, `</think>`, `<answer>`, `</answer>` are, the last one first; of many, at least the last two.

    The search is for `<` alone, ten times as fast as for a whole tag: a megabyte without tags costs next to nothing.
    """
    thinks, thoughts, answers, ends = tags = ([], [], [], [])
    at = len(text)
    find = text.rfind
    for _ in range(32):
        at = find("<", 0, at)
        if at < 0:
            return tags
        behind = text[at + 1 : at + 8]
        if behind == "/answer":
            if text.startswith(">", at + 8):
                ends.append(at)
        elif behind == "answer>":
            answers.append(at)
        elif behind == "/think>":
            thoughts.append(at)
        elif behind.startswith("think>"):
            thinks.append(at)
    if getattr(_last_tags, "text", None) is not text:  # faithful mode asks twice, for strict and for itself
        _last_tags.tags = tuple(_last_two(text, tag) for tag in (OPEN, CLOSE, _ANSWER, _END))
        _last_tags.text = text
    return _last_tags.tags


def _last_two(text: str, tag: str) -> list[int]:
    last = text.rfind(tag)
    before = text.rfind(tag, 0, last) if last >= 0 else -1
    return [at for at in (last, before) if at >= 0]


def _with_parts(outcome: str, pred: str, form: float) -> Score:
    return Score(outcome, pred, form, _parts(outcome, form))


@lru_cache
def _parts(outcome: str, form: float) -> dict[str, float]:
    return {"format": 1.0 if form else -1.0, "answer": _ANSWER_PART.get(outcome, -2.0)}
