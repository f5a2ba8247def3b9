"""Evaluation suites: one file and one validation source for each, whatever prompt style the model was trained in.

The data source is the suite's own name whatever the style, so every model is judged by the same evaluator, unless a
recipe names a reward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from r1_verl.data import frozen_lake, prompts, read
from r1_verl.data.countdown import published
from r1_verl.data.countdown import puzzles as countdown_puzzles
from r1_verl.data.countdown.generate import GENERATOR, Settings, generate
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.example import DataError, Example
from r1_verl.data.kk import puzzles as kk_puzzles
from r1_verl.data.kk.prompts import KK
from r1_verl.data.math import problems
from r1_verl.data.math.choices import read_gpqa, read_mmlu_pro, read_theoremqa
from r1_verl.data.math.prompts import MATH
from r1_verl.data.math.sets import Problem, Row, Unusable, answers_of, first, level, read_gsm8k, read_math, whole_number
from r1_verl.data.sokoban import generate as sokoban_generator
from r1_verl.data.sokoban import levels
from r1_verl.data.sokoban.prompts import SOKOBAN
from r1_verl.data.write import LeftOut, summary


@dataclass(frozen=True)
class Suite:
    """A suite whose answers the mathematics judge compares.

    files: the names it has in known collections; split, config: where it is on the hub.
    """

    name: str
    hub: str
    read: Callable[[Row], Problem]
    files: tuple[str, ...]
    split: str = "test"
    config: str | None = None


def read_contest(row: Row) -> Problem:
    """AIME and AMC: whole numbers, given as "025", 27.0 or 27."""
    plain = {str(k).lower(): v for k, v in row.items()}
    problem = read_math({**plain, "unique_id": ""})
    meta = {c: plain[c] for c in ("id", "url", "year") if plain.get(c) not in (None, "")}
    return problem._replace(answers=tuple(map(whole_number, problem.answers)), meta=meta)


def read_minerva(row: Row) -> Problem:
    """Minerva: the box of the solution where no answer stands by itself."""
    return read_math(row)._replace(meta={"type": row["type"]} if row.get("type") else {})


def read_olympiad(row: Row) -> Problem:
    """OlympiadBench: one text, which may list several answers; the context belongs to the question."""
    question, answers = first(row, "question", "problem"), answers_of(first(row, "final_answer", "answer"))
    if not isinstance(question, str) or not answers:
        raise Unusable("has no question or no answer")
    context = row.get("context")
    question = f"{context.strip()}\n\n{question}" if isinstance(context, str) and context.strip() else question
    known = ("id", "subfield", "is_multiple_answer", "answer_type", "unit", "error")
    return Problem(question, answers, level(row), "", {c: row[c] for c in known if row.get(c) not in (None, "")})


MATH_SUITES = {
    s.name: s
    for s in (
        Suite("aime24", "Maxwell-Jia/AIME_2024", read_contest, ("aime24", "AIME2024", "aime"), "train"),
        Suite("aime25", "math-ai/aime25", read_contest, ("aime25", "AIME2025")),
        Suite("amc23", "math-ai/amc23", read_contest, ("amc23", "AMC2023")),
        Suite("math500", "HuggingFaceH4/MATH-500", read_math, ("math500", "math")),
        Suite("minerva", "math-ai/minervamath", read_minerva, ("minerva_math", "minerva")),
        Suite("olympiadbench", "math-ai/olympiadbench", read_olympiad, ("olympiadbench", "olympiad_bench")),
        Suite("gsm8k", "openai/gsm8k", read_gsm8k, ("gsm8k", "test"), config="main"),
        # Logic-RL's and DeepScaleR's own: 2022/23 AMC 12, and four years of AIME.
        Suite("amc", "AI-MO/aimo-validation-amc", read_contest, ("amc",), "train"),
        Suite("aime_2021_2024", "AI-MO/aimo-validation-aime", read_contest, ("aime_2021_2024",), "train"),
        # Not run on the hub's own rows here (GPQA's is gated): tested on rows made up in their columns.
        Suite("gpqa_diamond", "Idavidrein/gpqa", read_gpqa, ("gpqa_diamond",), "train", "gpqa_diamond"),
        Suite("mmlu_pro", "TIGER-Lab/MMLU-Pro", read_mmlu_pro, ("mmlu_pro",)),
        Suite("theoremqa", "TIGER-Lab/TheoremQA", read_theoremqa, ("theoremqa", "TheoremQA")),
    )
}
NAMES = (*MATH_SUITES, "kk", "countdown", "sokoban", "frozenlake")
GAMES = 256  # levels of Sokoban, lakes of FrozenLake: RAGEN's paper validates on so many
DEFAULT = ("aime24", "aime25", "amc23", "math500", "minerva", "olympiadbench", "gsm8k", "kk", "countdown")


def examples(
    name: str, source: str, style: str, limit: int | None, left_out: list[LeftOut], seed: int = 0
) -> tuple[Iterator[Example], dict[str, Any]]:
    """The test rows of one suite and its source record. source: "hub", a file, or a folder with the suite's file.

    `kk` is always generated (100 puzzles each for 2 to 8 people, K-and-K's own test set); `countdown` is 1,024 puzzles,
    generated unless the folder or file has some. `sokoban` (6x6, one box, 1 to 10 moves) and `frozenlake` (4x4,
    slippery) are generated too, on the test side of the split that training sets keep to.
    """
    if name in MATH_SUITES:
        return _math(MATH_SUITES[name], source, style, limit, left_out)
    if name == "kk":
        puzzles = kk_puzzles.generate(range(2, 9), 0, 100, "mem_kk")["test"][:limit]
        record = {"source": "generate", "revision": "mem-kk-logic 35385cf"}
        return kk_puzzles.to_examples(puzzles, "test", alike(style, KK)), record
    if name == "sokoban":
        made = sokoban_generator.generate(sokoban_generator.Settings(seed=seed), 0, min(GAMES, limit or GAMES))["test"]
        record = {"source": "generate", "revision": f"generator {sokoban_generator.GENERATOR}"}
        return levels.to_examples(made, "test", alike(style, SOKOBAN, "ragen_2025_02", "ragen_v1")), record
    if name == "frozenlake":
        lakes = frozen_lake.generate(4, 0.8, 0, min(GAMES, limit or GAMES), seed)["test"]
        record = {"source": "generate", "revision": f"generator {frozen_lake.GENERATOR}"}
        style = alike(style, frozen_lake.FROZEN_LAKE, "ragen_2025_02", "ragen_v1")
        return frozen_lake.to_examples(lakes, "test", style, slippery=True), record
    style = alike(style, COUNTDOWN)
    path = _file(source, ("countdown", "test")) if source != "hub" else None
    if path is None:
        made = generate(Settings(seed=seed), 0, 1024 if limit is None else min(limit, 1024))["test"]
        record = {"source": "generate", "revision": f"generator {GENERATOR}"}
    else:
        made, record, dropped = published.load(str(path), limit)
        left_out += dropped
    return countdown_puzzles.to_examples(made, "test", style), record


def _math(
    suite: Suite, source: str, style: str, limit: int | None, left_out: list[LeftOut]
) -> tuple[Iterator[Example], dict[str, Any]]:
    path = "hub" if source == "hub" else _file(source, suite.files)
    if path is None:
        raise DataError(f"{source} holds no file for {suite.name} (called {' or '.join(suite.files)}): leave it out")
    found = read.load(str(path), suite.hub, suite.split, suite.config)
    dropped: list[LeftOut] = []
    usable = problems.read_rows(islice(found.rows, limit), suite.read, dropped)
    if not usable:
        raise DataError(f"{found.record['source']} has no usable row for {suite.name}{summary(dropped, 1)}")
    left_out += [entry._replace(what=f"{suite.name}: {entry.what}") for entry in dropped]
    made = problems.to_examples(usable, suite.name, "test", style, MATH)
    return made, found.record | {"rows_read": len(found.rows)}


def _file(source: str, names: tuple[str, ...]) -> Path | None:
    path = Path(source)
    if not path.is_dir():
        return path
    try:
        return read.in_folder(path, *names)
    except DataError:
        return None


def alike(style: str, styles: dict[str, prompts.Style], raw: str = "raw", chat: str = "instruct") -> str:
    """The style of that name, else the plain one of its kind: `raw` for raw styles, `chat` for chat styles."""
    if style in styles:
        return style
    return raw if MATH[style].raw else chat
