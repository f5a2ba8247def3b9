"""The responses of a page: numbers of all as columns, texts of a choice, the other texts for files beside the page.

An item is one text with what belongs to it, as JSON: a question [prompt, ground truth, 1 if the prompt opens <think>]
or a response [response, pred, parts], of an episode [response, pred, parts, [frames, said, outcome], moves] (of
report/episodes.py; 0 for one that cannot be replayed). Items stand in blocks, JSON arrays, gzipped and in base64. A
question stands before the first of its responses, so whoever has the text of a response can have that of its question.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import tempfile
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from r1_verl.report import episodes
from r1_verl.report.responses import KINDS, Response
from r1_verl.score import OUTCOMES

BLOCK = 1 << 18  # bytes of JSON in a block: small enough to open a response at once, large enough to compress well
FILE = 3_000_000  # bytes of base64 in a file beside the page
LONGEST = 3  # responses of a step that are taken for their length: each has room for many others
STRATA = ("right", "wrong", "unformatted", "truncated", "longest")
# Columns of the page's table of responses, a row each, and their types.
TYPES = {
    "run": "u2", "kind": "u1", "step": "u4", "question": "u4", "sample": "u2", "source": "u2", "outcome": "u2",
    "score": "f4", "before": "f4", "acc": "f4", "format": "f4", "tokens": "i4", "characters": "u4", "truncated": "u1",
    "masked": "u1", "left_out": "u1",
}  # fmt: skip
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
UNKNOWN = 2  # of the columns truncated, masked and left_out, beside 0 and 1


class Collection:
    """All responses of a page: columns in memory, items in a file without a name, which dies with its process."""

    def __init__(self, folder: Path) -> None:
        """folder: a place with room for all texts. Raises OSError."""
        self._spool: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._ends = array("Q", [0])
        self._columns: dict[str, list[Any]] = {name: [] for name in TYPES}
        self._strata: list[int] = []  # a bit for each of STRATA but the last
        self._questions: dict[bytes, int] = {}
        self.sources: dict[str, int] = {}
        self.outcomes: dict[str, int] = {name: at for at, name in enumerate(OUTCOMES)}
        self.row_items, self.question_items = array("L"), array("L")  # where the text of each is in the spool
        self._ranks: list[bytes] = []  # of each question: an order by chance, the same at every step and in every run

    def __len__(self) -> int:
        return len(self.row_items)

    def add(self, run: int, responses: Iterable[Response]) -> None:
        """Add the responses of one run. Raises OSError."""
        for each in responses:
            digest = hashlib.blake2b("\0".join(each.key).encode("utf-8", "replace"), digest_size=8).digest()
            question = self._questions.setdefault(digest, len(self._questions))
            if question == len(self._ranks):
                self._ranks.append(digest)
                self.question_items.append(self._write([each.prompt, each.ground_truth, int(each.think_in_prompt)]))
            numbers = (
                run, KINDS.index(each.kind), min(each.step, 2**32 - 1), question, each.sample,
                self.sources.setdefault(each.source, len(self.sources)),
                self.outcomes.setdefault(each.outcome, len(self.outcomes)), each.score, each.before, each.acc,
                each.format, each.tokens, each.characters,
                *(UNKNOWN if fact is None else int(fact) for fact in (each.truncated, each.masked, each.left_out)),
            )  # fmt: skip
            for column, number in zip(self._columns.values(), numbers, strict=True):
                column.append(number)
            self._strata.append(1 << STRATA.index(each.verdict) | bool(each.truncated) << STRATA.index("truncated"))
            parts = {name: number if math.isfinite(number) else str(number) for name, number in each.parts.items()}
            self.row_items.append(self._write([each.response, each.pred, parts, *_episode(each)]))

    def _write(self, item: list[Any]) -> int:
        text = _as_json(item).encode("utf-8", "replace")
        self._spool.write(text)
        self._ends.append(self._ends[-1] + len(text))
        return len(self._ends) - 2

    def item(self, at: int) -> bytes:
        self._spool.seek(self._ends[at])
        return self._spool.read(self._ends[at + 1] - self._ends[at])

    def columns(self) -> dict[str, np.ndarray]:
        """Every column as an array; a number too large for its type is infinite."""
        with np.errstate(over="ignore"):
            return {name: np.asarray(column).astype(TYPES[name]) for name, column in self._columns.items()}

    def order(self) -> Iterator[int]:
        """The rows, those first whose text a reader wants most.

        One after another of each (run, kind, step, stratum), steps in an order that spreads over the run. Within a
        stratum the questions come in an order by chance that is the same at every step, so that a question whose text
        is there has it at many steps; `longest` comes by length.
        """
        strata: dict[tuple[int, ...], list[int]] = defaultdict(list)
        run, kind, step, question, sample, length = (
            self._columns[name] for name in ("run", "kind", "step", "question", "sample", "characters")
        )
        for row, bits in enumerate(self._strata):
            place = (run[row], kind[row], step[row])
            for at in range(len(STRATA) - 1):
                if bits >> at & 1:
                    strata[(*place, at)].append(row)
            strata[(*place, len(STRATA) - 1)].append(row)
        for (*_, stratum), rows in strata.items():
            if STRATA[stratum] == "longest":
                rows.sort(key=lambda row: -length[row])
                del rows[LONGEST:]
            else:
                rows.sort(key=lambda row: (self._ranks[question[row]], sample[row]))
        spread = {number: at for at, number in enumerate(spread_out(sorted(set(step))))}
        waiting = [iter(strata[place]) for place in sorted(strata, key=lambda place: (spread[place[2]], place))]
        taken = bytearray(len(self))
        while waiting:
            left = []
            for rows in waiting:
                row = next((row for row in rows if not taken[row]), None)
                if row is not None:
                    taken[row] = 1
                    left.append(rows)
                    yield row
            waiting = left

    def counts(self, rows: Iterable[int]) -> dict[str, int]:
        """How many of these rows are in each stratum (but `longest`)."""
        found = Counter(self._strata[row] for row in rows)
        return {
            name: sum(number for bits, number in found.items() if bits >> at & 1) for at, name in enumerate(STRATA[:-1])
        }


def _episode(each: Response) -> list[Any]:
    """What an item holds of an episode, nothing for a response that is none."""
    if not each.moves:
        return []
    found = episodes.playback(each.ground_truth, each.moves, each.turns, each.ended)
    return [episodes.packed(found) if found else 0, each.moves]


def spread_out(numbers: Sequence[int]) -> Iterator[int]:
    """Sorted numbers in another order, in which any beginning is spread over all: the last, the first, the middle."""
    if numbers:
        yield numbers[-1]
    seen = {len(numbers) - 1}
    parts = 1
    while len(seen) < len(numbers):
        for part in range(parts):
            at = len(numbers) * part // parts
            if at not in seen:
                seen.add(at)
                yield numbers[at]
        parts *= 2


class Packed(NamedTuple):
    """Texts in blocks. Block b begins with item starts[b]; those after the first len(inside) are in `files`.

    rows, questions: the item of each row and of each question.
    """

    inside: list[str]
    starts: list[int]
    files: list[tuple[int, list[str]]]  # (first block, its blocks) of each file beside the page
    rows: np.ndarray
    questions: np.ndarray
    shown: list[int]  # the rows whose text is in the page


def pack(kept: Collection, budget: int) -> Packed:
    """The texts of all rows in blocks, as many in the page as `budget` (bytes of base64) has room for."""
    nowhere = 2**32 - 1
    rows = np.full(len(kept), nowhere, "u4")
    questions = np.full(len(kept.question_items), nowhere, "u4")
    inside: list[str] = []
    files: list[tuple[int, list[str]]] = []
    starts, shown, waiting = [0], [], []
    block: list[bytes] = []
    size = room = 0
    of_question = kept.columns()["question"]

    def close() -> None:
        nonlocal block, size, room, waiting, budget
        text = packed(b"[" + b",".join(block) + b"]")
        starts.append(starts[-1] + len(block))
        if len(text) <= budget:
            budget -= len(text)
            inside.append(text)
            shown.extend(waiting)
        else:
            budget = 0  # from here on every block lies in a file
            if not files or room + len(text) > FILE:
                files.append((len(starts) - 2, []))
                room = 0
            files[-1][1].append(text)
            room += len(text)
        block, size, waiting = [], 0, []

    for row in kept.order():
        question = of_question[row]
        if questions[question] == nowhere:
            questions[question] = starts[-1] + len(block)
            block.append(kept.item(kept.question_items[question]))
        rows[row] = starts[-1] + len(block)
        block.append(kept.item(kept.row_items[row]))
        waiting.append(row)
        size += len(block[-1])
        if size >= BLOCK:
            close()
    if block:
        close()
    return Packed(inside, starts, files, rows, questions, shown)


def packed(data: bytes) -> str:
    """Gzipped, in base64."""
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()


def joined(arrays: Mapping[str, np.ndarray] | Mapping[int, np.ndarray]) -> tuple[list[list[Any]], bytes]:
    """Arrays one after another, each at a multiple of four bytes, and their [name, type, length]."""
    layout = [[name, each.dtype.str[1:], len(each)] for name, each in arrays.items()]
    data = b"".join(each.tobytes() + bytes(-each.nbytes % 4) for each in arrays.values())
    return layout, data


def beside(folder: Path, packed: Packed, name: str) -> int:
    """Write the files beside the page into a folder: a call of `r1Texts` each. Returns their bytes. Raises OSError."""
    folder.mkdir()
    for at, (first, blocks) in enumerate(packed.files):
        (folder / f"{name}-{at}.js").write_text(f"r1Texts({first},{json.dumps(blocks)});\n", encoding="ascii")
    return sum(path.stat().st_size for path in folder.iterdir())
