"""Sokoban once more, the plain way, on a grid of characters, without a line of the package: what its tests trust.

Events of a step, a letter each: `b` blocked, `m` moved, `o` a box came onto a target, `x` a box left one, `s` solved
(after `o`), `i` a turn with what is no action. The table gives their rewards in tenths.
"""

from __future__ import annotations

WAYS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}
TENTHS = {"b": -1, "m": -1, "o": 9, "x": -11, "s": 100}  # -0.1 a step, and 1, -1, 10
INVALID = {"ragen_2025_02": -10, "ragen_v1": -1, "ragen_v2": -1}  # a turn


def play(grid: list[list[str]], name: str) -> str:
    """Play one move on the grid of RAGEN's symbols, in place; its events."""
    down, right = WAYS[name]
    ((r, c),) = [(r, c) for r, row in enumerate(grid) for c, cell in enumerate(row) if cell in "PS"]
    events = "m"
    to, behind = (r + down, c + right), (r + 2 * down, c + 2 * right)
    if grid[to[0]][to[1]] in "X√":
        ahead = grid[behind[0]][behind[1]]
        if ahead not in "_O":
            return "b"
        was, becomes = grid[to[0]][to[1]] == "√", ahead == "O"
        events = {(False, True): "o", (True, False): "x"}.get((was, becomes), "m")
        grid[behind[0]][behind[1]] = "√" if becomes else "X"
        grid[to[0]][to[1]] = "O" if was else "_"
    if grid[to[0]][to[1]] == "#":
        return "b"
    grid[r][c] = "O" if grid[r][c] == "S" else "_"
    grid[to[0]][to[1]] = "S" if grid[to[0]][to[1]] == "O" else "P"
    solved = not any("X" in row for row in grid)
    return events + "s" * (solved and events == "o")


def grid_of(board: str) -> list[list[str]]:
    return [list(row) for row in board.split("/")]
