"""From problems to examples: contradictions out, rows held out for test, prompts on."""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data import read, script
from r1_verl.data.example import DataError, Example
from r1_verl.data.math import prompts
from r1_verl.data.math.sets import SETS, MathSet, Problem, Row, Unusable
from r1_verl.data.prompts import Style
from r1_verl.data.write import LeftOut, summary
from r1_verl.ground_truth import encode
from r1_verl.maths.judge import judge


class Numbered(NamedTuple):
    """A problem and its row in the source."""

    row: int
    problem: Problem


def key(question: str) -> str:
    """What makes two problems the same: the text without white space."""
    return "".join(question.split())


def read_rows(
    rows: Iterable[Row], read: Callable[[Row], Problem], left_out: list[LeftOut], repeats: str = "keep"
) -> list[Numbered]:
    """The usable problems in order; what is left out goes to `left_out` with its reason.

    Repeats of a problem (white space apart) stay, as upstream trains on them, unless repeats="drop"; where they give
    different answers all of them go, since nobody knows which is right.
    """
    found: list[Numbered] = []
    for at, row in enumerate(rows):
        try:
            found.append(Numbered(at, read(row)))
        except Unusable as error:
            left_out.append(LeftOut(at, str(error), str(row)[:200]))
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            left_out.append(LeftOut(at, f"cannot be read ({type(error).__name__})", str(row)[:200]))
    answers: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for entry in found:
        answers[key(entry.problem.question)].add(entry.problem.answers)
    conflicting = {name for name, given in answers.items() if len(given) > 1 and not _agree(given)}
    kept, seen, ids = [], {}, {}
    for at, problem in found:
        name, shown = key(problem.question), problem.question[:200]
        if name in conflicting:
            given = " / ".join(sorted(", ".join(a) for a in answers[name]))[:100]
            left_out.append(LeftOut(at, "is there with different answers", f"{given}: {shown}"))
        elif name in seen and repeats == "drop":
            left_out.append(LeftOut(at, "repeats an earlier problem", f"row {seen[name]}: {shown}"))
        elif problem.id and ids.setdefault(problem.id, name) != name:
            left_out.append(LeftOut(at, "has the id of another problem", f"{problem.id}: {shown}"))
        else:
            kept.append(Numbered(at, problem))
        seen.setdefault(name, at)
    left_out.sort(key=lambda entry: entry.row)
    return kept


def _agree(given: Iterable[tuple[str, ...]]) -> bool:
    """Whether the judge finds all of these answers to one problem equal (1/3 and 0.5 are not, 1/2 and 0.5 are)."""
    (one, *_), *others = sorted(given)
    return all(judge(answer, one).equal for answer, *_ in others)


def hold_out(problems: Sequence[Numbered], count: int) -> tuple[list[Numbered], list[Numbered]]:
    """(train, test): the `count` problems whose texts have the lowest hashes are test, repeats of one text together."""
    names = sorted({key(p.problem.question) for p in problems}, key=lambda n: hashlib.blake2b(n.encode()).digest())
    chosen, taken = set(), 0
    size: dict[str, int] = defaultdict(int)
    for entry in problems:
        size[key(entry.problem.question)] += 1
    for name in names:
        if taken >= count:
            break
        chosen.add(name)
        taken += size[name]
    if count >= len(problems):
        raise DataError(f"--test-size {count} leaves nothing to train on: there are {len(problems)} usable problems")
    return (
        [p for p in problems if key(p.problem.question) not in chosen],
        [p for p in problems if key(p.problem.question) in chosen],
    )


def to_examples(
    problems: Iterable[Numbered], name: str, split: str, style: str, styles: Mapping[str, Style]
) -> Iterator[Example]:
    """Examples in order. The data source is the set's name, whatever the style."""
    chosen = styles[style]
    for at, problem in problems:
        answers = {"answer": problem.answers[0]} if len(problem.answers) == 1 else {"answers": list(problem.answers)}
        yield Example(
            data_source=name,
            messages=chosen.build(problem.question),
            ground_truth=encode("math", **answers),
            gold="",
            index=at,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            reward=chosen.reward,
            difficulty=problem.difficulty,
            question=problem.question,
            meta=problem.meta,
        )


def main(name: str, doc: str) -> None:
    """The whole of a data_prep script for one of SETS."""
    chosen = SETS[name]
    styles = prompts.GSM8K if name == "gsm8k" else prompts.MATH
    p = script.parser(doc, f"data/{name}", styles, chosen.style, "hub|PATH")
    p.add_argument(
        "--test-source", metavar="hub|PATH|none", help="its own test rows (default: the hub's, if it has any)"
    )
    p.add_argument("--test-size", type=script.count, metavar="N", help="test rows; without a test source held out")
    script.add_repeats(p)
    args = p.parse_args()
    left_out: list[LeftOut] = []
    parts, record = load(chosen, args, left_out)
    examples = {part: to_examples(rows, name, part, args.style, styles) for part, rows in parts.items() if rows}
    script.finish(args, name, examples, record, styles[args.style], left_out)


def load(
    chosen: MathSet, args: argparse.Namespace, left_out: list[LeftOut]
) -> tuple[dict[str, list[Numbered]], dict[str, Any]]:
    """{"train": ..., "test": ...} of a set by the script's arguments, and the provenance of both sources."""
    train, record = _read(chosen, args.source, "train", args, left_out)
    test_source = args.test_source or ("hub" if args.source == "hub" and chosen.test else "none")
    if test_source != "none":
        test, test_record = _read(chosen, test_source, chosen.test or "test", args, left_out)
        return {"train": train, "test": test[: args.test_size]}, record | {"test_source": test_record}
    train, test = hold_out(train, args.test_size) if args.test_size else (train, [])
    return {"train": train, "test": test}, record


def _read(
    chosen: MathSet, source: str, split: str, args: argparse.Namespace, left_out: list[LeftOut]
) -> tuple[list[Numbered], dict[str, Any]]:
    if source != "hub" and Path(source).is_dir():
        source = str(read.in_folder(Path(source), split))
    found = read.load(source, chosen.hub, split, chosen.config)
    rows = list(islice(found.rows, args.limit))
    dropped: list[LeftOut] = []
    problems = read_rows(rows, chosen.read, dropped, args.repeats)
    if not problems:
        raise DataError(
            f"{found.record['source']} has no usable row for {chosen.name}{summary(dropped, 1)} (its columns: "
            f"{', '.join(map(str, rows[0]))}; the form is that of {chosen.hub})"
        )
    distinct = len({key(p.problem.question) for p in problems})
    print(script.counted(found.record, len(rows), len(problems), distinct))
    left_out += [entry._replace(what=f"{split}: {entry.what}") for entry in dropped]
    return problems, found.record | {"rows_read": len(rows)}
