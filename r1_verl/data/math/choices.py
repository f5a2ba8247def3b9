"""Suites of multiple choice, and TheoremQA: rows in the form that the hub has them in.

A question of multiple choice is its text and its options, "A) ..." a line; its answer is the letter. Written after the
columns of Idavidrein/gpqa (gated: no row of it stands in this repository), TIGER-Lab/MMLU-Pro and TIGER-Lab/TheoremQA;
tested on rows made up in those columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import ascii_uppercase

from r1_verl.data.math.sets import Problem, Row, Unusable, answers_of, first


def with_options(question: str, options: Sequence[str]) -> str:
    """The text of a question with its options below, as openai/simple-evals and lighteval list them."""
    lines = (f"{letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False))
    return f"{question.strip()}\n\n" + "\n".join(lines)


def read_gpqa(row: Row) -> Problem:
    """GPQA: the right answer and three wrong ones stand in columns of their own.

    The place of the right one is drawn from a hash of the row's id, so it is the same in every run; the published
    evaluators draw it anew each time.
    """
    question, right = _text(row, "Question"), _text(row, "Correct Answer")
    options = [_text(row, f"Incorrect Answer {number}") for number in (1, 2, 3)]
    if right in options:
        raise Unusable("has its right answer among the wrong ones")
    name = str(row.get("Record ID") or question)
    place = hashlib.blake2b(name.encode(), digest_size=8).digest()[0] % 4
    options.insert(place, right)
    meta = {c: row[c] for c in ("Record ID", "High-level domain", "Subdomain") if row.get(c)}
    return Problem(with_options(question, options), (ascii_uppercase[place],), meta=meta)


def read_mmlu_pro(row: Row) -> Problem:
    """MMLU-Pro: up to ten options, the letter of the right one and its index."""
    question, options, letter = _text(row, "question"), row.get("options"), str(row.get("answer") or "").strip()
    if not isinstance(options, list) or not 2 <= len(options) <= 26:
        raise Unusable("has no list of options")
    index = row.get("answer_index")
    if letter not in ascii_uppercase[: len(options)] or len(letter) != 1:
        raise Unusable("has an answer that is none of its options")
    if index is not None and index != ascii_uppercase.index(letter):
        raise Unusable("has an answer and an answer_index that differ")
    known = ("question_id", "category", "src")
    meta = {c: row[c] for c in known if row.get(c) not in (None, "")}
    return Problem(with_options(question, [str(option).strip() for option in options]), (letter,), meta=meta)


def read_theoremqa(row: Row) -> Problem:
    """TheoremQA: a number, a list, a truth value or an option such as (b).

    Questions that come with a picture are kept, as in the published tables of language models; `meta` marks them.
    """
    answer = first(row, "Answer", "answer")
    answers = answers_of(str(answer) if isinstance(answer, bool | list) else answer)
    if not answers:
        raise Unusable("has no answer")
    kind = first(row, "Answer_type", "answer_type")
    meta = {"answer_type": kind} if kind else {}
    if first(row, "Picture", "picture"):
        meta["picture"] = True
    return Problem(_text(row, "Question", "question"), answers, meta=meta)


def _text(row: Row, *columns: str) -> str:
    found = first(row, *columns)
    if not isinstance(found, str) or not found.strip():
        raise Unusable(f"has no text in the column {columns[0]}")
    return found.strip()
