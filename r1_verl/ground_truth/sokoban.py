"""The board of a Sokoban row, in every form that ground truths and published prompts have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl.ground_truth import decode

GLYPHS = "#_O√XPS"  # wall, floor, target, box on target, box, player, player on target
MAX_CELLS = 4096


class Level(NamedTuple):
    """A board at the start of an episode. Cell (row, column) has the number row * cols + column.

    walls, targets, boxes: sets of cells as bits, cell i is 1 << i. player: the cell of the player.
    """

    rows: int
    cols: int
    walls: int
    targets: int
    boxes: int
    player: int


def read_level(ground_truth: Any) -> Level | None:
    """The level of `{"task":"sokoban","board":"######/#P_XO#/######"}`, JSON or a mapping; None if there is none.

    Never raises.
    """
    value = decode(ground_truth)
    if not isinstance(value, Mapping) or value.get("task", "sokoban") != "sokoban":
        return None
    board = value.get("board")
    return read_board(board) if isinstance(board, str) else None


@lru_cache(maxsize=65536)
def read_board(text: str) -> Level | None:
    """A board of GLYPHS, its rows apart by `/` or line ends; blanks and tabs between cells (RAGEN's) do not count.

    None unless all rows are of one length, there is one player, and there are as many boxes as targets, at least one.
    """
    lines = ["".join(line.split()) for line in text[: 16 * MAX_CELLS].replace("/", "\n").splitlines()]
    lines = [line for line in lines if line]
    cells = "".join(lines)
    if not lines or len({*map(len, lines)}) > 1 or len(cells) > MAX_CELLS or set(cells) - set(GLYPHS):
        return None

    def at(glyphs: str) -> int:
        return sum(1 << cell for cell, glyph in enumerate(cells) if glyph in glyphs)

    players, targets, boxes = at("PS"), at("O√S"), at("√X")
    if players.bit_count() != 1 or not boxes or boxes.bit_count() != targets.bit_count():
        return None
    return Level(len(lines), len(lines[0]), at("#"), targets, boxes, players.bit_length() - 1)


def glyphs(level: Level, boxes: int, player: int) -> list[str]:
    """The rows of a board with its boxes and its player where they stand now, a character a cell. Player -1 is none."""
    cells = list(_empty(level.rows * level.cols, level.walls, level.targets))
    while boxes:
        cell = (boxes & -boxes).bit_length() - 1
        cells[cell] = "√" if cells[cell] == "O" else "X"
        boxes &= boxes - 1
    if player >= 0:
        cells[player] = "S" if cells[player] == "O" else "P"
    text = "".join(cells)
    return [text[start : start + level.cols] for start in range(0, len(text), level.cols)]


@lru_cache(maxsize=4096)
def _empty(cells: int, walls: int, targets: int) -> str:
    """A board without boxes and player."""
    return "".join("#" if walls >> cell & 1 else "O" if targets >> cell & 1 else "_" for cell in range(cells))


def write_board(level: Level) -> str:
    """The board as a ground truth holds it: rows of GLYPHS with `/` between them."""
    return "/".join(glyphs(level, level.boxes, level.player))
