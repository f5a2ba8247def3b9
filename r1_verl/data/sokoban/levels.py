"""Sokoban levels from files, and all levels as examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from r1_verl.data import read
from r1_verl.data.example import DataError, Example, gold_response
from r1_verl.data.sokoban.generate import Made
from r1_verl.data.sokoban.prompts import SOKOBAN, rules_name
from r1_verl.data.write import LeftOut, progress
from r1_verl.environments.rules import RULES
from r1_verl.environments.sokoban import Sokoban
from r1_verl.environments.sokoban_search import SearchLimitError, solve
from r1_verl.ground_truth import encode
from r1_verl.ground_truth.sokoban import Level, read_board, read_level, write_board

_BEFORE, _AFTER = "[Cumulative Observations]:\n", "Decide the next action"


def load(source: str, limit: int | None = None) -> tuple[list[Made], dict[str, Any], list[LeftOut]]:
    """Levels of a file in order, each solved by search: (levels, source record, left out).

    The file has RAGEN's form of February 2025, whose boards stand in the prompts alone, or this package's (the ground
    truth names the board), or a column `board`. Rows that are malformed, solved already or unsolvable are left out.
    """
    found = read.from_file(source)
    made, left_out = [], []
    for at, row in enumerate(progress(found.rows[:limit], "solving levels")):
        level, why = _level(row), "has no Sokoban board"
        try:
            moves = solve(level) if level else None
            why = "has no solution" if level else why
        except SearchLimitError as error:
            moves, why = None, str(error)
        if moves:
            made.append(Made(write_board(level), tuple(moves)))
        else:
            why = "is solved already" if moves is not None else why
            left_out.append(LeftOut(at, why, str(row)[:200]))
    if not made:
        raise DataError(f"{found.record['source']}: no usable level ({left_out[0].reason if left_out else 'no rows'})")
    return made, found.record, left_out


def _level(row: Mapping[str, Any]) -> Level | None:
    if isinstance(row.get("board"), str):
        return read_board(row["board"])
    model = row.get("reward_model")
    level = read_level(model.get("ground_truth")) if isinstance(model, Mapping) else None
    if level:
        return level
    prompt = row.get("prompt")
    last = prompt[-1] if isinstance(prompt, list) and prompt else None
    text = last.get("content") if isinstance(last, Mapping) else None
    shown = text.partition(_BEFORE)[2].partition(_AFTER)[0] if isinstance(text, str) else ""
    return read_board(shown)


def to_examples(levels: Iterable[Made], split: str, style: str) -> Iterator[Example]:
    """Examples in order. Test rows are named by length (`sokoban/5`), so that veRL validates each length on its own."""
    chosen, rules = SOKOBAN[style], rules_name(style)
    for index, made in enumerate(levels):
        length = len(made.moves)
        level = read_board(made.board)
        shown = Sokoban(level, RULES[rules].form).render()
        yield Example(
            data_source=f"sokoban/{length}" if split == "test" else "sokoban",
            messages=chosen.build(shown, level.rows, level.cols),
            ground_truth=encode("sokoban", board=made.board, rules=rules, shortest=length),
            gold=gold_response(" ".join(made.moves), chosen.think_in_prompt),
            index=index,
            split=split,
            style=style,
            think_in_prompt=chosen.think_in_prompt,
            raw=chosen.raw,
            difficulty=float(length),
            question=made.board,
            ability="agent",
            meta={"boxes": level.boxes.bit_count()},
        )
