"""The page of a report: one HTML file that opens from disk, without network.

page.html has the marks {{...}} that are filled here; base.js and the other .js files are the page's program, page.css
its looks; uPlot (MIT, uPlot.LICENSE) draws the curves. What a model or a user wrote goes in as data: JSON and base64 in
elements that no browser runs, shown through textContent alone. The policy in the head forbids every request but for
files beside the page, and every script but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from r1_verl import atomic
from r1_verl.report import responses
from r1_verl.report.curves import Curves, Line, pictures
from r1_verl.report.page.texts import Collection, Packed, joined, pack, packed
from r1_verl.report.page.texts import beside as write_beside
from r1_verl.report.responses import KINDS
from r1_verl.report.table import Table as Checkpoints

MOST_UNREAD = 20  # sentences about files
MOST = 9_500_000  # bytes of a page: below 10 MB with room to spare
CURVE_NUMBERS = 400_000  # of all curves together; longer ones are thinned
_HERE = Path(__file__).parent


class Page(NamedTuple):
    """A page that was written. left_out: what is not in it, sentences."""

    path: Path
    left_out: list[str]


def write(
    path: Path, curves: Curves, tables: Sequence[Checkpoints], said: Sequence[Sequence[str]], most: int = MOST
) -> Page:
    """Write the page, and the texts that it has no room for into the folder PATH without .html + _texts beside it.

    said: of each run, what is wrong with its files, sentences. most: bytes of the page. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unread: list[str] = []
    kept = Collection(path.parent)
    for at, (run, name) in enumerate(zip(curves.runs, curves.names, strict=True)):
        where = f"{name}: " if len(curves.runs) > 1 else ""
        kept.add(at, responses.read(run, lambda line, where=where: unread.append(where + line)))
    if len(unread) > MOST_UNREAD:
        unread[MOST_UNREAD:] = [f"And {len(unread) - MOST_UNREAD} more of this kind."]
    arrays: dict[Any, np.ndarray] = {}
    metrics, thinned = _metrics(curves, arrays)
    header = {
        "runs": curves.names,
        "before": curves.before,
        "tables": [_table(each) for each in tables],
        "charts": [[title, [_line(line) for line in lines]] for title, lines in pictures(curves)],
        "metrics": metrics,
        "kinds": KINDS,
        "sources": list(kept.sources),
        "outcomes": list(kept.outcomes),
        "made": datetime.now().strftime("%Y-%m-%d %H:%M"),
    }
    columns = kept.columns()
    index = np.zeros(len(kept) + len(kept.question_items), "u4")  # stands for the two columns that packing makes
    room = most - len(_assets()) - len(packed(joined({**arrays, **columns})[1])) - 4 * index.nbytes // 3
    texts = pack(kept, room - len(_json([header, said, unread])) - 100_000)
    left_out = [*_left_out(kept, texts, path, thinned), *unread]
    arrays |= {**columns, "text": texts.rows, "question_text": texts.questions}
    layout, data = joined(arrays)
    folder = path.with_name(path.stem + "_texts")
    numbers, name = packed(data), hashlib.sha256(data).hexdigest()[:12]
    header |= {
        "layout": layout, "starts": texts.starts, "inside": len(texts.inside), "notes": said, "leftOut": left_out,
        "files": [[first, f"{folder.name}/{name}-{at}.js"] for at, (first, _) in enumerate(texts.files)],
    }  # fmt: skip
    if texts.files:
        with atomic.folder(folder) as part:
            write_beside(part, texts, name)
    elif folder.is_dir():
        shutil.rmtree(folder)
    with atomic.file(path) as part:
        part.write_text(_filled(header, numbers, texts), encoding="utf-8", errors="replace")
    return Page(path, left_out)


def _metrics(curves: Curves, arrays: dict[Any, np.ndarray]) -> tuple[list[dict[str, list[int]]], int]:
    """Of each run, {metric: the numbers in `arrays` of its steps and of its values}; how many were thinned."""
    found = [curves.metrics(run) for run in range(len(curves.runs))]
    most = max(50, CURVE_NUMBERS // max(1, sum(map(len, found))))
    known: dict[bytes, int] = {}
    thinned = 0

    def number(values: Sequence[float], kind: str) -> int:
        with np.errstate(over="ignore"):
            array = np.asarray(values).astype(kind)
        at = known.setdefault(kind.encode() + array.tobytes(), len(known))
        arrays[f"#{at}"] = array
        return at

    placed: list[dict[str, list[int]]] = []
    for run in found:
        placed.append({})
        for name, (steps, values) in run.items():
            every = 1 if name.startswith("val-") else math.ceil(len(steps) / most)
            thinned += every > 1
            kept = sorted({*range(0, len(steps), every), len(steps) - 1})
            placed[-1][name] = [number([steps[at] for at in kept], "u4"), number([values[at] for at in kept], "f4")]
    return placed, thinned


def _line(line: Line) -> dict[str, Any]:
    return {"run": line.run, "metric": line.metric, "label": line.label, "points": line.points}


def _table(table: Checkpoints) -> dict[str, Any]:
    return {**table._asdict(), "best": sorted(table.best)}


def _left_out(kept: Collection, texts: Packed, path: Path, thinned: int) -> list[str]:
    """What the page does not hold, sentences."""
    said = []
    if texts.files:
        every, shown = kept.counts(range(len(kept))), kept.counts(texts.shown)
        kinds = ", ".join(f"{name} {shown[name]:,} of {every[name]:,}" for name in every if every[name])
        size = sum(len(block) for _, blocks in texts.files for block in blocks) / 1e6
        said.append(
            f"The page has the numbers of all {len(kept):,} responses, and the texts of {len(texts.shown):,} of them "
            f"({kinds}; the longest of each step among them). The other {len(kept) - len(texts.shown):,} texts are in "
            f"{path.stem}_texts beside it ({len(texts.files)} file{'s' * (len(texts.files) > 1)}, {size:.0f} MB): keep "
            "that folder with the page."
        )
    elif len(kept):
        said.append(f"The page has the numbers and the texts of all {len(kept):,} responses that the runs kept.")
    else:
        said.append("The page has no responses: the runs kept none.")
    if thinned:
        said.append(f"{thinned:,} curves are too long for the page and thinned; the PNG and the curve files are whole.")
    return said


def _filled(header: Mapping[str, Any], numbers: str, texts: Packed) -> str:
    """The page's HTML."""
    title = html.escape(", ".join(header["runs"]))
    blocks = "\n".join(
        f'<script type="text/plain" id="block-{at}">{block}</script>' for at, block in enumerate(texts.inside)
    )
    parts = {"title": title, "header": _json(header), "numbers": numbers, "blocks": blocks, **_program()}
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], page)


def _json(value: Any) -> str:
    """JSON that can stand in a script element: ASCII, without a `<`."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _program() -> dict[str, str]:
    """The page's style and script, with the hashes by which the policy lets them run."""
    text = {name: (_HERE / name).read_text(encoding="utf-8") for name in _ASSETS}
    script = "\n".join(text[name] for name in _ASSETS if name.endswith(".js"))
    style = "\n".join(text[name] for name in _ASSETS if name.endswith(".css"))
    licence = (_HERE / "uPlot.LICENSE").read_text(encoding="utf-8")
    return {
        "licence": html.escape(licence), "script": script, "style": style,
        "script_hash": _hash(script), "style_hash": _hash(style),
    }  # fmt: skip


_ASSETS = (
    "uPlot.min.css",
    "page.css",
    "uPlot.iife.min.js",
    "base.js",
    "charts.js",
    "marks.js",
    "episode.js",
    "samples.js",
)


def _assets() -> bytes:
    return b"".join((_HERE / name).read_bytes() for name in (*_ASSETS, "uPlot.LICENSE", "page.html"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
