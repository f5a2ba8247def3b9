"""FrozenLake: reach the goal, fall into no hole, on ice that may slip. Gymnasium's environment, RAGEN's texts.

Sources: gymnasium 1.4.0, envs/toy_text/frozen_lake.py (rules, reward 1 at the goal, else 0); mll-lab-nu/RAGEN,
ragen/env/frozen_lake/ (config.py, utils.py). The ice is the environment's own generator, seeded by the row: the same
seed and the same moves give the same walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from r1_verl.environments import Step, environment
from r1_verl.environments.rules import rules_of
from r1_verl.names import UnknownNameError

MOVES = ("Left", "Down", "Right", "Up")  # RAGEN's actions 1 to 4, gymnasium's 0 to 3
FORMS = ("ragen", "grid", "grid_coord", "tiny")
MAX_STEPS = 100  # gymnasium's limit for FrozenLake-v1
MAX_CELLS = 4096
_BY_NAME = {name.lower(): at for at, name in enumerate(MOVES)}
_SHOWN = {"S": "_", "F": "_", "H": "O", "G": "G"}
_ON = {"H": "X", "G": "√"}  # the player on such a cell; P on any other


class FrozenLake:
    """One lake. desc: rows of S (start), F (frozen), H (hole), G (goal). slippery: a move may go to either side of it.

    seed: of the ice, unless `reset` gets another.
    """

    actions = MOVES

    def __init__(self, desc: list[str], slippery: bool = True, seed: int = 0, form: str = "grid") -> None:
        if form not in FORMS:
            raise ValueError(f"unknown form of a lake {form!r}; known: {', '.join(FORMS)}")
        self.desc, self.seed, self.form, self.steps = desc, seed, form, 0
        self._lake = _gymnasium().FrozenLakeEnv(desc=desc, is_slippery=slippery)
        self.reset()

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        self._lake.reset(seed=self.seed if seed is None else seed)
        self.steps = 0
        return self.render(), {}

    def step(self, action: str) -> Step:
        """A move by its name, in any case; any other text is no step and earns 0."""
        move = _BY_NAME.get(action.strip().lower()) if isinstance(action, str) else None
        if move is None:
            return self.render(), 0.0, False, False, {"valid": False, "effective": False, "success": False}
        before = self._lake.s
        cell, reward, terminated, _, _ = self._lake.step(move)
        self.steps += 1
        info = {"valid": True, "effective": int(cell) != int(before), "success": self._tile() == "G"}
        return self.render(), float(reward), bool(terminated), not terminated and self.steps >= MAX_STEPS, info

    def _tile(self) -> str:
        row, col = self._player()
        return self.desc[row][col]

    def _player(self) -> tuple[int, int]:
        return divmod(int(self._lake.s), len(self.desc[0]))

    def render(self) -> str:
        """The lake as text; forms as in `sokoban.Sokoban.render`, `tiny` is `grid`."""
        row, col = self._player()
        lines = ["".join(_SHOWN[tile] for tile in line) for line in self.desc]
        lines[row] = lines[row][:col] + _ON.get(self.desc[row][col], "P") + lines[row][col + 1 :]
        if self.form == "ragen":
            return "\n".join("".join(f" {cell} \t" for cell in line) for line in lines)
        grid = "\n".join(lines)
        return f"Coordinates: \n{self._coordinates()}\nGrid Map: \n{grid}" if self.form == "grid_coord" else grid

    def _coordinates(self) -> str:
        def cells(tile: str) -> list[tuple[int, int]]:
            return [(r, c) for r, line in enumerate(self.desc) for c, found in enumerate(line) if found == tile]

        where = {"H": "Player in hole", "G": "Player on goal"}.get(self._tile(), "Player")
        kinds = {"Start": cells("S"), "Goal": cells("G"), where: [self._player()], "Holes": cells("H")}
        lines = [f"Board size: {len(self.desc)} rows x {len(self.desc[0])} cols (zero-indexed)."]
        lines += [f"{kind}: " + ", ".join(f"({r}, {c})" for r, c in found) for kind, found in kinds.items() if found]
        return "\n".join(lines)

    def solution(self) -> list[str] | None:
        """The fewest moves that reach the goal with this seed's ice; None if there are none within MAX_STEPS.

        What the ice does depends on the seed and on the number of the step alone: a search over cells, step by step.
        """
        from gymnasium.utils import seeding

        chance, _ = seeding.np_random(self.seed)
        chance.random()  # gymnasium's reset draws the start
        cells = "".join(self.desc)
        edge: dict[int, list[str]] = {cells.index("S"): []}
        for _ in range(MAX_STEPS):
            drawn, wider = chance.random(), {}
            for cell, path in edge.items():
                for move, name in enumerate(MOVES):
                    ways = self._lake.P[cell][move]  # (probability, cell, reward, terminated)
                    totals = accumulate(way[0] for way in ways)
                    _, to, _, terminated = next(way for way, total in zip(ways, totals, strict=True) if total > drawn)
                    if terminated and cells[to] == "G":
                        return [*path, name]
                    if not terminated:
                        wider.setdefault(to, [*path, name])
            edge = wider
        return None


def _gymnasium() -> Any:
    try:
        from gymnasium.envs.toy_text import frozen_lake
    except ModuleNotFoundError as error:
        raise UnknownNameError(
            f"the environment 'frozen_lake' needs the package {error.name}: pip install 'r1-verl[envs]'"
        ) from error
    return frozen_lake


def read_lake(truth: Any) -> list[str] | None:
    """The rows of `{"task":"frozen_lake","map":"SFFF/FHFH/FFFH/HFFG"}`; None if that is no lake. Never raises."""
    text = truth.get("map") if isinstance(truth, Mapping) else None
    rows = text.split("/") if isinstance(text, str) and len(text) <= 2 * MAX_CELLS else []
    cells = "".join(rows)
    good = len({*map(len, rows)}) == 1 and cells and not set(cells) - set(_SHOWN)
    return rows if good and cells.count("S") == 1 and cells.count("G") == 1 else None


@environment("frozen_lake", bounded=True)
def make(truth: Mapping[str, Any]) -> FrozenLake:
    """The environment of `{"task":"frozen_lake","map":...,"slippery":true,"seed":0,"rules":...}`."""
    desc, seed = read_lake(truth), truth.get("seed", 0)
    if desc is None or type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError("the ground truth holds no lake: it needs a map of S, F, H, G and a whole seed from 0 up")
    return FrozenLake(desc, bool(truth.get("slippery", True)), seed, rules_of(truth).form)
