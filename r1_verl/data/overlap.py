"""Which training problems are in the evaluation suites, and which are there twice.

Exact overlap under three normalisers, all in the report, since none is right by itself:
- `text`: the problem without white space. Misses a copy that differs in a dollar sign.
- `latex`: without white space, dollar signs, backslashes and braces, lower case. Misses a copy with other punctuation.
- `letters`: ASCII letters and digits alone, lower case. Also joins problems that differ in an operator (x+1 and x-1),
  and of a problem in Chinese it keeps the numbers alone.
And by n-grams of words (letters and digits, lower case): a copy with another beginning or end is still found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import DataError
from r1_verl.data.math.sets import Unusable, answer, answers_of, decode_json, question_of
from r1_verl.data.read import from_file
from r1_verl.data.write import progress
from r1_verl.response import last_boxed

N = 13  # words; GPT-3's choice, and most decontamination since
_OTHER = re.compile(r"[^a-z0-9]+")
_DECORATION = re.compile(r"[\s$\\{}]+")
_WORD = re.compile(r"[^\W_]+")


class Item(NamedTuple):
    """A problem: its text and its answer ("" where the file has none)."""

    question: str
    answer: str


class Match(NamedTuple):
    """Overlap with one suite. train: training rows that hit it; suite: its problems that are hit; of: its problems."""

    suite: str
    normaliser: str
    train: int
    suite_hit: int
    of: int


class Repeats(NamedTuple):
    """Within one file. repeated: rows that repeat an earlier one; conflicting: groups whose answers differ as text."""

    normaliser: str
    distinct: int
    repeated: int
    conflicting: int


def by_text(question: str) -> str:
    """The text without white space."""
    return "".join(question.split())


def by_latex(question: str) -> str:
    """The text without white space and LaTeX decoration, lower case."""
    return _DECORATION.sub("", question.lower())


def by_letters(question: str) -> str:
    """Letters and digits alone (ASCII), lower case."""
    return _OTHER.sub("", question.lower())


NORMALISERS: dict[str, Callable[[str], str]] = {"text": by_text, "latex": by_latex, "letters": by_letters}


def read(path: str | Path) -> list[Item]:
    """The problems of a file: one prepared here, another's in veRL's form, or a source of a known form."""
    found = from_file(path)
    items = []
    for at, row in enumerate(found.rows):
        info = row.get("extra_info")
        own = info.get("question") if isinstance(info, Mapping) else None
        try:
            question = own or question_of(row, "question", "problem", "Problem", "Question", "quiz")
        except Unusable as error:
            raise DataError(
                f"{found.record['source']}: row {at} {error}; columns: {', '.join(map(str, row))}"
            ) from None
        items.append(Item(question, _answer(row)))
    return items


def _answer(row: Mapping[str, Any]) -> str:
    given = answer(row, "answer", "gt_answer", "final_answer", "Answer")
    if given is None and isinstance(row.get("solution"), str):
        given = last_boxed(row["solution"])
    return " / ".join(answers_of(decode_json(given) if isinstance(given, str) else given))


def repeats(items: Sequence[Item], normaliser: str) -> Repeats:
    """Repeated problems within one file."""
    normal = NORMALISERS[normaliser]
    groups: dict[str, list[str]] = defaultdict(list)
    for item in items:
        groups[normal(item.question)].append(item.answer.strip())
    conflicting = sum(len(set(given)) > 1 for given in groups.values())
    return Repeats(normaliser, len(groups), len(items) - len(groups), conflicting)


def exact(train: Sequence[Item], suite: Sequence[Item], normaliser: str) -> tuple[set[int], set[int]]:
    """(training rows, suite rows) whose problems are the same under a normaliser."""
    normal = NORMALISERS[normaliser]
    theirs: dict[str, list[int]] = defaultdict(list)
    for at, item in enumerate(suite):
        theirs[normal(item.question)].append(at)
    ours, hit = set(), set()
    for at, item in enumerate(train):
        if found := theirs.get(normal(item.question)):
            ours.add(at)
            hit.update(found)
    return ours, hit


def grams(question: str, n: int = N) -> set[int]:
    """Hashes of the runs of n words; of all the words where there are fewer."""
    words = _WORD.findall(question.lower())
    return {hash(tuple(words[i : i + n])) for i in range(max(1, len(words) - n + 1))} if words else set()


def by_grams(
    train: Sequence[Item], suites: Mapping[str, Sequence[Item]], n: int = N
) -> dict[str, tuple[set[int], set[int]]]:
    """For each suite (training rows, suite rows) that share a run of n words.

    A run that stands in more than ten problems of the suites is a phrase of the trade and does not count.
    """
    places: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for name, items in suites.items():
        for at, item in enumerate(items):
            for gram in grams(item.question, n):
                places[gram].append((name, at))
    hits: dict[str, tuple[set[int], set[int]]] = {name: (set(), set()) for name in suites}
    for at, item in enumerate(progress(train, f"{n}-grams", len(train))):
        for gram in grams(item.question, n):
            found = places.get(gram, ())
            if len(found) <= 10:
                for name, there in found:
                    hits[name][0].add(at)
                    hits[name][1].add(there)
    return hits


def compare(
    train: Sequence[Item], suites: Mapping[str, Sequence[Item]], n: int = N
) -> tuple[list[Match], dict[str, set[int]]]:
    """Overlap with every suite, and by normaliser the training rows that are in any of them."""
    matches, rows = [], {name: set() for name in (*NORMALISERS, f"{n}-gram")}
    shared = by_grams(train, suites, n)
    for name, items in suites.items():
        for how in rows:
            ours, hit = exact(train, items, how) if how in NORMALISERS else shared[name]
            matches.append(Match(name, how, len(ours), len(hit), len(items)))
            rows[how] |= ours
    return matches, rows


def report(name: str, items: Sequence[Item], matches: Iterable[Match]) -> str:
    """Both tables, for people."""
    lines = [f"{name}: {len(items)} rows", "", "within the file | distinct | repeats | groups with different answers"]
    for how in NORMALISERS:
        found = repeats(items, how)
        lines.append(f"{how:15} | {found.distinct:8} | {found.repeated:7} | {found.conflicting}")
    lines += ["", "suite                | normaliser | training rows in it | its problems hit | of"]
    lines += [f"{m.suite:20} | {m.normaliser:10} | {m.train:19} | {m.suite_hit:16} | {m.of}" for m in matches]
    lines += [
        "",
        "text: without white space; latex: without white space, $, backslashes and braces, lower case; letters: ASCII "
        "letters and digits, lower case; n-gram: a run of n words",
    ]
    return "\n".join(lines)
