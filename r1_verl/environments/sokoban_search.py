"""Breadth-first search in Sokoban: all distances of a room at once, and a shortest solution of one level."""

from __future__ import annotations

from collections.abc import Sequence

from r1_verl.environments.sokoban import MOVES, moved, neighbours
from r1_verl.ground_truth.sokoban import Level

MAX_STATES = 300_000  # a second or two; 6x6 with two boxes has some 2,000, 8x8 with two some 20,000


def distances(level: Level, most: int = 10**6, max_states: int = MAX_STATES) -> dict[tuple[int, int], int]:
    """(boxes, player) -> moves of a shortest solution, for every solvable state of the room that needs at most `most`.

    One search backwards, by pulls, from all solved states: a proof for each state. Past `max_states` states it goes no
    further from the targets; what it has found is right. The level's own boxes and player do not matter.
    """
    rows, cols, walls, targets = level.rows, level.cols, level.walls, level.targets
    cells = range(rows * cols)
    ways = neighbours(rows, cols)
    back = (1, 0, 3, 2)  # the move opposite to each
    # For each cell of the floor: the cell that a move into it came from, and the cell beyond, where its box would be.
    before = {
        cell: [(ways[back[move]][cell], ways[move][cell]) for move in range(4) if _floor(walls, ways[back[move]][cell])]
        for cell in cells
        if not walls >> cell & 1
    }
    edge = [(targets, cell) for cell in before if not targets >> cell & 1]
    found = dict.fromkeys(edge, 0)
    length = 0
    while edge and length < most and len(found) <= max_states:
        length += 1
        wider = []
        for boxes, player in edge:
            for source, beyond in before[player]:
                if boxes >> source & 1:
                    continue
                state = (boxes, source)
                if state not in found and boxes != targets:
                    found[state] = length
                    wider.append(state)
                if beyond >= 0 and boxes >> beyond & 1:  # the move pushed this box: pull it back
                    state = (boxes ^ (1 << beyond | 1 << player), source)
                    if state not in found and state[0] != targets:
                        found[state] = length
                        wider.append(state)
        edge = wider
    return found


def _floor(walls: int, cell: int) -> bool:
    return cell >= 0 and not walls >> cell & 1


def descend(level: Level, found: dict[tuple[int, int], int], boxes: int, player: int) -> list[str]:
    """The moves of a shortest solution from a state, by the distances of its room."""
    path = []
    while left := found[boxes, player]:
        for move, name in enumerate(MOVES):
            after = moved(level, boxes, player, move)
            if found.get(after) == left - 1:
                boxes, player = after
                path.append(name)
                break
    return path


def solve(level: Level, max_states: int = MAX_STATES) -> Sequence[str] | None:
    """The moves of a shortest solution; None if there is none. Raises SearchLimitError past `max_states` states."""
    start = (level.boxes, level.player)
    came: dict[tuple[int, int], tuple[tuple[int, int], str] | None] = {start: None}
    edge = [start]
    while edge:
        wider = []
        for state in edge:
            if state[0] == level.targets:
                path = []
                while step := came[state]:
                    state, name = step
                    path.append(name)
                return path[::-1]
            for move, name in enumerate(MOVES):
                after = moved(level, *state, move)
                if after not in came:
                    came[after] = (state, name)
                    wider.append(after)
        if len(came) > max_states:
            raise SearchLimitError(f"no solution within {max_states} states: the board is too large to be searched")
        edge = wider
    return None


class SearchLimitError(RuntimeError):
    """A search was stopped at its limit: whether the level can be solved is not known."""
