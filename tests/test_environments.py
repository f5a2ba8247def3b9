"""Environments by name: the registry, Sokoban's boards, FrozenLake, any Gymnasium environment, scorers that replay."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import pairwise

import pytest

from r1_verl import environments
from r1_verl.environments.episode import Episode
from r1_verl.environments.frozen_lake import FrozenLake
from r1_verl.environments.gym import GymText
from r1_verl.environments.rules import RULES
from r1_verl.environments.sokoban import Sokoban
from r1_verl.environments.sokoban_search import SearchLimitError, descend, distances, solve
from r1_verl.ground_truth import encode
from r1_verl.ground_truth.sokoban import read_board, read_level, write_board
from r1_verl.names import UnknownNameError
from r1_verl.reward import compute_score

LEVEL = "######/#P_XO#/#____#/######"


def test_every_environment_is_named_once_and_says_if_it_is_bounded():
    found = {entry.name: entry.bounded for entry in environments.environments()}
    assert found.items() >= {"sokoban": True, "frozen_lake": True}.items()


def test_an_unknown_one_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown environment 'sokobann'; did you mean 'sokoban'"):
        environments.make(encode("sokobann"))


@pytest.mark.parametrize(
    "truth",
    [None, "", "{}", 5, [], encode("sokoban"), encode("sokoban", board="P"), encode("frozen_lake", map="SS"),
     encode("sokoban", board=LEVEL, rules="none"), encode("frozen_lake", map="SG", seed=-1)],
)  # fmt: skip
def test_a_ground_truth_without_an_environment_is_a_value_error(truth):
    with pytest.raises(ValueError, match=r"ground truth|unknown rules"):
        environments.make(truth)


def test_a_third_partys_joins_by_name_and_a_taken_name_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from r1_verl.environments import environment\n"
        "from r1_verl.environments.gym import GymText\n"
        "@environment('mine')\ndef make(truth):\n    return truth['side']\n"
    )
    (tmp_path / "theirs.py").write_text(
        "from r1_verl.environments import environment\n@environment('sokoban')\ndef make(truth):\n    return 1\n"
    )
    program = (
        "from r1_verl import environments\nfrom r1_verl.ground_truth import encode\n"
        "print(environments.make(encode('mine', side=7)), environments.find_environment('sokoban').owner)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "R1_VERL_ENVIRONMENTS": "mine, theirs, absent"},
    )  # fmt: skip
    assert done.stdout.split() == ["7", "r1_verl.environments.sokoban.make"], done.stderr
    assert "plugin theirs did not load" in done.stderr and "sokoban.make's already: rename one" in done.stderr
    assert "plugin absent did not load" in done.stderr


# --- Sokoban ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "###/#P#",
        "##/##",
        "#PXO#/#P__#",
        "#PXOO#",
        "#PX_#",
        "#P__#",
        "#PX?#",
        "#PXO#" * 2000,
        None,
        7,
        b"#PXO#",
    ],
)
def test_what_is_no_board_is_none(text):
    assert read_level({"board": text}) is None and read_level(encode("sokoban", board=str(text))) is None


def test_a_board_is_read_from_ragens_text_and_written_back():
    shown = Sokoban(read_board(LEVEL), "ragen").render()
    assert (
        shown.startswith(" # \t # \t")
        and read_board(shown) == read_board(LEVEL)
        and write_board(read_board(shown)) == LEVEL
    )


def test_the_forms_of_a_board():
    level = read_board("#####/#S_X#/#√__#/#####")
    assert Sokoban(level, "grid").render() == "#####\n#S_X#\n#√__#\n#####"
    assert Sokoban(level, "tiny").render() == "S_X\n√__"
    assert "Boxes: (1, 3)\nBoxes on target: (2, 1)\nPlayer on target: (1, 1)\nGrid Map: \n # " in (
        Sokoban(level, "grid_coord").render()
    )
    with pytest.raises(ValueError, match="known: ragen, grid, grid_coord, tiny"):
        Sokoban(level, "picture")


def test_a_board_without_walls_ends_at_its_edge():
    environment = Sokoban(read_board("P_/XO"), "grid")
    assert environment.step("Left")[4]["effective"] is False
    assert environment.step("Down")[4] == {
        "valid": True,
        "effective": False,
        "success": False,
    }  # the box is at the edge
    assert solve(read_board("P_/XO")) is None


def test_text_that_names_no_move_is_no_step():
    environment = Sokoban(read_board(LEVEL), "grid")
    for text in ("", "Jump", "Up Up", "\ud800", "Right" * 100_000, None):
        assert environment.step(text)[1:4] == (0.0, False, False)
    assert environment.steps == 0 and environment.step(" riGHt ")[4]["valid"]


def test_two_environments_share_nothing_and_reset_begins_anew():
    first, second = (environments.make(encode("sokoban", board=LEVEL)) for _ in range(2))
    first.step("Right")
    assert second.render() == LEVEL.replace("/", "\n") != first.render()
    assert first.reset(seed=3) == second.reset()


def test_the_search_backwards_knows_what_the_search_forwards_finds():
    rng, rooms = random.Random(3), ("######/#OO__#/#_#__#/#____#/######", "#####/#___#/#_O_#/#___#/#####")
    for room in rooms:
        cells = room.replace("/", "")
        level = read_board(room.replace("O", "√").replace("_", "P", 1))
        found = distances(level)
        floor = [cell for cell, glyph in enumerate(cells) if glyph != "#"]
        for _ in range(150):
            *boxes, player = rng.sample(floor, level.boxes.bit_count() + 1)
            state = (sum(1 << box for box in boxes), player)
            moves = solve(level._replace(boxes=state[0], player=player))
            assert found.get(state) == (None if moves is None else len(moves))
            if moves:
                path = descend(level, found, *state)
                environment = Sokoban(level._replace(boxes=state[0], player=player))
                assert len(path) == len(moves) and [environment.step(move)[2] for move in path][-1]


def test_a_search_has_a_limit():
    level = read_board("######/#OO__#/#_#__#/#√___#/#P___#/######".replace("O", "√"))
    whole, cut = distances(level), distances(level, max_states=100)
    assert 100 < len(cut) < len(whole) and cut.items() <= whole.items()
    with pytest.raises(SearchLimitError, match="within 3 states"):
        solve(read_board(LEVEL.replace("P_XO", "PX_O")), 3)


# --- FrozenLake -------------------------------------------------------------------------------------------------------

LAKE = ["SFFF", "FHFH", "FFFH", "HFFG"]


def test_the_forms_of_a_lake():
    lake = FrozenLake(LAKE, slippery=False, form="grid_coord")
    assert lake.render() == (
        "Coordinates: \nBoard size: 4 rows x 4 cols (zero-indexed).\nStart: (0, 0)\nGoal: (3, 3)\nPlayer: (0, 0)\n"
        "Holes: (1, 1), (1, 3), (2, 3), (3, 0)\nGrid Map: \nP___\n_O_O\n___O\nO__G"
    )
    lake.step("Right")
    text, reward, terminated, _, info = lake.step("Down")
    assert text.endswith("_X_O\n___O\nO__G") and "Player in hole: (1, 1)" in text
    assert (reward, terminated, info["success"]) == (0.0, True, False)
    assert FrozenLake(LAKE, form="ragen").render().startswith(" P \t _ \t _ \t _ \t\n _ \t O \t")


def test_ice_is_the_rows_seed_and_no_global_state():
    def walk(seed: int) -> list[str]:
        lake = FrozenLake(LAKE, seed=seed)
        random.seed(seed + 1)
        return [lake.step("Right")[0] for _ in range(4)]

    assert walk(5) == walk(5) and len({tuple(walk(seed)) for seed in range(8)}) > 1


def test_the_solution_reaches_the_goal_on_this_seeds_ice():
    for seed in range(20):
        lake = FrozenLake(LAKE, seed=seed)
        steps = [lake.step(move) for move in lake.solution()]
        assert steps[-1][1] == 1.0 and steps[-1][4]["success"] and not any(step[2] for step in steps[:-1])
    assert FrozenLake(["SHG"], slippery=False).solution() is None
    assert FrozenLake(LAKE, slippery=False).solution() is not None


def test_falling_in_is_an_outcome():
    truth = encode("frozen_lake", map="/".join(LAKE), slippery=False, rules="ragen_v1")
    episode = Episode(environments.make(truth), RULES["ragen_v1"])
    episode.play("<think>a</think><answer>Down || Right || Up</answer>")
    assert (episode.outcome, episode.reward(), episode.record()) == ("failed", 0.0, "Down Right")


def test_without_gymnasium_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium.envs.toy_text", None)
    monkeypatch.setitem(sys.modules, "gymnasium.envs.toy_text.frozen_lake", None)
    with pytest.raises(UnknownNameError, match=r"needs the package gymnasium.*: pip install 'r1-verl\[envs\]'$"):
        compute_score("frozen_lake", "<answer>Up</answer>", encode("frozen_lake", map="SG"))


# --- any Gymnasium environment ----------------------------------------------------------------------------------------


def test_a_gymnasium_environment_is_played_by_words():
    import gymnasium

    env = GymText(gymnasium.make("CliffWalking-v1"), actions={"Up": 0, "Right": 1, "Down": 2, "Left": 3}, seed=1)
    episode = Episode(env, RULES["ragen_v1"]._replace(actions=40, per_turn=20))
    turn = episode.play(f"<think>a</think><answer>{' || '.join(['up', *['right'] * 11, 'fly', 'down'])}</answer>")
    assert (
        episode.outcome == "failed" and turn.reward == -13 and turn.invalid == 1
    )  # this game pays no reward at its end
    assert env.step("fly") == (env.text, 0.0, False, False, {"valid": False, "effective": False})
    env.close()


# --- scorers ----------------------------------------------------------------------------------------------------------

TRUTH = encode("sokoban", board=LEVEL, rules="ragen_2025_02")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("Right || Right", "correct"),
        ("right, RIGHT", "correct"),
        ("4 4", "correct"),
        ("4 (Right)\n4 (Right)", "correct"),
        ("Down Up Right Right Left", "correct"),  # what follows the solving move is not played
        ("Right/?/Right", "correct"),  # an episode's record
        ("Right", "wrong"),
        ("Right and Right", "unreadable"),
        ("R R", "unreadable"),
        ("Right Right Jump", "unreadable"),
        ("/", "unreadable"),
        ("", "empty"),
        ("5 5", "unreadable"),
        ("Right " * 5000, "no_answer"),
    ],
)
def test_a_whole_solution_in_one_answer(answer, outcome):
    found = compute_score("sokoban", f"<think>a</think><answer>{answer}</answer>", TRUTH)
    assert (found["outcome"], found["acc"]) == (outcome, float(outcome == "correct"))


def test_the_published_rewards_table_of_one_answer():
    def paid(answer: str, rules: str = "ragen_v1"):
        truth = encode("sokoban", board=LEVEL, rules=rules)
        return compute_score("sokoban", f"<think>a</think><answer>{answer}</answer>", truth, mode="faithful")

    assert paid("Right || Right")["score"] == pytest.approx(10.8)
    assert json.loads(paid("Right || Fly || Right")["parts"]) == pytest.approx({"moves": 10.8, "format": -0.1})
    assert paid("Up || Up")["score"] == pytest.approx(-0.2) and paid("")["score"] == pytest.approx(-0.1)
    assert paid("", "ragen_2025_02")["score"] == -1.0
    assert compute_score("sokoban", "Right", TRUTH, mode="faithful")["outcome"] == "no_answer"


def test_longer_solutions_are_paid_less():
    walks = ("Right Right", "Down Up Right Right", "Down Up Down Up Right Right")
    scores = [compute_score("sokoban", f"<answer>{walk}</answer>", TRUTH, mode="faithful")["score"] for walk in walks]
    assert all(first > second for first, second in pairwise(scores))
