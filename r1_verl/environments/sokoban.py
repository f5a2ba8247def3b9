"""Sokoban: push every box onto a target. Rules and rewards of gym-sokoban with RAGEN's four moves, RAGEN's texts.

Sources: mpSchrader/gym-sokoban 0.0.6; mll-lab-nu/RAGEN, ragen/env/sokoban/ (env.py, config.py, utils.py). A move into a
wall, or into a box that can't be pushed, costs a step and changes nothing. A board without walls around it ends at its
edge. Text that names no move is no step: it costs nothing here (RAGEN's penalties are in `rules.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from r1_verl.environments import Step, environment
from r1_verl.environments.rules import rules_of
from r1_verl.ground_truth.sokoban import Level, glyphs, read_level

MOVES = ("Up", "Down", "Left", "Right")  # RAGEN's actions 1 to 4
FORMS = ("ragen", "grid", "grid_coord", "tiny")
MAX_STEPS = 1000  # RAGEN's 100 lie beyond the 10 actions of its episodes; large boards may need more in one answer
_STEP, _ON, _OFF, _SOLVED = -0.1, 1.0, -1.0, 10.0
_BY_NAME = {name.lower(): at for at, name in enumerate(MOVES)}


class Sokoban:
    """One level. form: how `reset` and `step` show the board, see `render`. max_steps: the steps until truncation.

    `reset` takes a seed and needs none: the level is all there is.
    """

    actions = MOVES

    def __init__(self, level: Level, form: str = "ragen", max_steps: int = MAX_STEPS) -> None:
        if form not in FORMS:
            raise ValueError(f"unknown form of a board {form!r}; known: {', '.join(FORMS)}")
        self.level, self.form, self.max_steps = level, form, max_steps
        self.boxes, self.player, self.steps = level.boxes, level.player, 0

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        self.boxes, self.player, self.steps = self.level.boxes, self.level.player, 0
        return self.render(), {}

    def step(self, action: str) -> Step:
        """A move by its name, in any case. Rewards: -0.1 a step, 1 or -1 a box on or off its target, 10 solved."""
        move = _BY_NAME.get(action.strip().lower()) if isinstance(action, str) else None
        if move is None:
            info = {"valid": False, "effective": False, "success": self.solved}
            return self.render(), 0.0, False, False, info
        self.steps += 1
        placed, cell = (self.boxes & self.level.targets).bit_count(), self.player
        self.boxes, self.player = moved(self.level, self.boxes, self.player, move)
        gained = (self.boxes & self.level.targets).bit_count() - placed
        reward = _STEP + (_ON if gained > 0 else _OFF if gained < 0 else 0.0) + (_SOLVED if self.solved else 0.0)
        truncated = not self.solved and self.steps >= self.max_steps
        info = {"valid": True, "effective": self.player != cell, "success": self.solved}
        return self.render(), reward, self.solved, truncated, info

    @property
    def solved(self) -> bool:
        return self.boxes == self.level.targets

    def render(self) -> str:
        """The board as text.

        ragen: each cell between a blank and a blank with a tab (February 2025). grid: a character a cell (paper).
        grid_coord: coordinates, then the grid with blanks around its cells (v2). tiny: the grid without its outermost
        rows and columns.
        """
        lines = glyphs(self.level, self.boxes, self.player)
        if self.form == "ragen":
            return "\n".join("".join([f" {cell} \t" for cell in line]) for line in lines)
        if self.form == "grid":
            return "\n".join(lines)
        if self.form == "tiny":
            return "\n".join(line[1:-1] for line in lines[1:-1])
        grid = "\n".join("".join([f" {cell} " for cell in line]) for line in lines)
        return f"Coordinates: \n{self._coordinates()}\nGrid Map: \n{grid}"

    def _coordinates(self) -> str:
        level, player = self.level, 1 << self.player
        kinds = (
            ("Walls", level.walls),
            ("Targets", level.targets),
            ("Boxes", self.boxes & ~level.targets),
            ("Boxes on target", self.boxes & level.targets),
            ("Player", player & ~level.targets),
            ("Player on target", player & level.targets),
        )
        lines = [f"Board size: {level.rows} rows x {level.cols} cols (zero-indexed)."]
        for kind, cells in kinds:
            if cells:
                places = (divmod(cell, level.cols) for cell in range(level.rows * level.cols) if cells >> cell & 1)
                lines.append(f"{kind}: " + ", ".join(f"({row}, {col})" for row, col in places))
        return "\n".join(lines)


@environment("sokoban", bounded=True)
def make(truth: Mapping[str, Any]) -> Sokoban:
    """The environment of `{"task":"sokoban","board":...,"rules":...}`; the rules say how the board is shown."""
    level = read_level(truth)
    if level is None:
        raise ValueError("the ground truth holds no Sokoban board")
    return Sokoban(level, rules_of(truth).form)


@lru_cache(maxsize=256)
def neighbours(rows: int, cols: int) -> tuple[tuple[int, ...], ...]:
    """For each move the cell that it leads to from each cell, -1 where the board ends."""

    def cell(row: int, col: int) -> int:
        return row * cols + col if 0 <= row < rows and 0 <= col < cols else -1

    ways = ((-1, 0), (1, 0), (0, -1), (0, 1))  # in the order of MOVES
    return tuple(tuple(cell(at // cols + down, at % cols + right) for at in range(rows * cols)) for down, right in ways)


def moved(level: Level, boxes: int, player: int, move: int) -> tuple[int, int]:
    """(boxes, player) after a move; unchanged if it is blocked."""
    way = neighbours(level.rows, level.cols)[move]
    to = way[player]
    if to < 0 or level.walls >> to & 1:
        return boxes, player
    if boxes >> to & 1:
        behind = way[to]
        if behind < 0 or (level.walls | boxes) >> behind & 1:
            return boxes, player
        boxes ^= 1 << to | 1 << behind
    return boxes, to
