"""The Sokoban generator: rooms carved at random, and in each one search backwards that proves every state solvable.

The search gives the shortest solution of all states of a room at once, so levels of a wanted length are looked up, not
tried for. Rooms are carved by a random walk of the length and turning chance of gym-sokoban's, without its masks: other
boards than RAGEN's seeds give. A room's walls and targets decide by a hash, apart from rotations and mirrors, whether
its levels belong to train or to test: no board of one side is on the other, not even in the middle of an episode.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import NamedTuple

from r1_verl.data.countdown.puzzles import on_test_side
from r1_verl.data.example import DataError
from r1_verl.data.parallel import ordered_map
from r1_verl.data.symmetry import canonical
from r1_verl.data.write import progress
from r1_verl.environments.sokoban_search import descend, distances
from r1_verl.ground_truth.sokoban import MAX_CELLS, Level, glyphs, write_board

GENERATOR = 1  # raise it when the same settings give other levels
_ROOMS = 64  # carved by one task
_OF_ONE_ROOM = 4  # levels at most, of different lengths
_STALE = 60  # tasks in a row without a new level: there are hardly any left
_TURN, _WIDEN = 0.35, 0.5
_WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Made(NamedTuple):
    """A level as it is prepared: its board as a ground truth holds it, and a shortest solution."""

    board: str
    moves: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What the generator may make. least, most: moves of a shortest solution. Raises DataError."""

    rows: int = 6
    cols: int = 6
    boxes: int = 1
    least: int = 1
    most: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < 3 or self.rows * self.cols > MAX_CELLS:
            raise DataError(f"--size takes from 3x3 up to {MAX_CELLS} cells, got {self.rows}x{self.cols}")
        inside = (self.rows - 2) * (self.cols - 2)
        if self.boxes < 1 or 2 * self.boxes + 1 > inside:
            raise DataError(f"--boxes {self.boxes}: {self.rows}x{self.cols} has {inside} cells within its walls")
        if not 1 <= self.least <= self.most:
            raise DataError(f"--moves takes LEAST-MOST from 1 up, got {self.least}-{self.most}")

    def __str__(self) -> str:
        boxes = "one box" if self.boxes == 1 else f"{self.boxes} boxes"
        return f"{self.rows}x{self.cols} with {boxes} and {self.least} to {self.most} moves"


def generate(settings: Settings, train: int, test: int, processes: int = 1) -> dict[str, list[Made]]:
    """Distinct solvable levels, {"train": [...], "test": [...]}, that depend on the settings and the counts alone.

    Raises DataError if so many are not found.
    """
    wanted = {"train": train, "test": test}
    parts: dict[str, list[Made]] = {"train": [], "test": []}
    seen: set[str] = set()
    drawn = ordered_map(_draw, ((settings, number) for number in range(1 << 40)), processes)
    bar = progress(range(train + test), "Sokoban levels", total=train + test)
    stale = 0
    try:
        while any(len(parts[name]) < wanted[name] for name in parts):
            before = len(seen)
            for side, made in next(drawn):
                if made.board not in seen and len(parts[side]) < wanted[side]:
                    seen.add(made.board)
                    parts[side].append(made)
            bar.update(len(seen) - before)
            stale = 0 if len(seen) > before else stale + 1
            if stale == _STALE:
                raise DataError(
                    f"{settings}: only {len(parts['train'])} training and {len(parts['test'])} test levels were found, "
                    f"{train} and {test} asked for: ask for fewer, or for a larger --size or more --moves"
                )
    finally:
        drawn.close()
        bar.close()
    return parts


def _draw(task: tuple[Settings, int]) -> list[tuple[str, Made]]:
    """The levels of one task, each with its side of the split: its own random stream, whoever runs it."""
    settings, number = task
    rng = random.Random(f"sokoban {astuple(settings)} {number}")
    return [found for _ in range(_ROOMS) for found in _of_room(settings, rng)]


def _of_room(settings: Settings, rng: random.Random) -> Iterator[tuple[str, Made]]:
    floor = sorted(_carve(settings, rng))
    if len(floor) < 2 * settings.boxes + 1:
        return
    inside = sum(1 << cell for cell in floor)
    walls = (1 << settings.rows * settings.cols) - 1 ^ inside
    targets = sum(1 << cell for cell in rng.sample(floor, settings.boxes))
    room = Level(settings.rows, settings.cols, walls, targets, targets, -1)
    found = distances(room, settings.most)
    by_length: dict[int, list[tuple[int, int]]] = {}
    for state, length in found.items():
        if length >= settings.least and not state[0] & targets:  # as RAGEN's: no box begins on a target
            by_length.setdefault(length, []).append(state)
    if not by_length:
        return
    side = "test" if on_test_side(canonical(glyphs(room, 0, -1))) else "train"
    for length in rng.sample(sorted(by_length), min(len(by_length), _OF_ONE_ROOM)):
        boxes, player = rng.choice(by_length[length])
        level = room._replace(boxes=boxes, player=player)
        yield side, Made(write_board(level), tuple(descend(level, found, boxes, player)))


def _carve(settings: Settings, rng: random.Random) -> set[int]:
    """The floor of a room: the cells of a random walk within the outer walls that widens now and then."""
    rows, cols = settings.rows, settings.cols

    def near(row: int, col: int, way: tuple[int, int]) -> tuple[int, int]:
        return min(max(row + way[0], 1), rows - 2), min(max(col + way[1], 1), cols - 2)

    row, col = rng.randrange(1, rows - 1), rng.randrange(1, cols - 1)
    way, floor = rng.choice(_WAYS), set()
    for _ in range(int(1.7 * (rows + cols))):
        if rng.random() < _TURN:
            way = rng.choice(_WAYS)
        row, col = near(row, col, way)
        floor.add(row * cols + col)
        if rng.random() < _WIDEN:
            side_row, side_col = near(row, col, rng.choice(_WAYS))
            floor.add(side_row * cols + side_col)
    return floor
