"""Sokoban's and FrozenLake's rows: RAGEN's own byte for byte, levels proved solvable, test boards apart, prompts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prepared import row, rows

from r1_verl import cli
from r1_verl.data import frozen_lake
from r1_verl.data.check_rows import Found, check_rows
from r1_verl.data.example import DataError
from r1_verl.data.sokoban import levels
from r1_verl.data.sokoban.generate import Settings, generate
from r1_verl.data.sokoban.prompts import SOKOBAN
from r1_verl.data.symmetry import canonical
from r1_verl.environments import make
from r1_verl.environments.sokoban_search import solve
from r1_verl.ground_truth.sokoban import read_board

FILES = {
    "train.parquet": (300, "ragen_2025_02_numbers"),
    "test.parquet": (10, "ragen_2025_02_numbers"),
    "train_multiturn.parquet": (300, "ragen_2025_02"),
    "test_multiturn.parquet": (10, "ragen_2025_02"),
}


@pytest.mark.parametrize("file", FILES)
def test_ragens_rows_load_are_solvable_and_render_byte_for_byte(file, data_dir):
    count, style = FILES[file]
    made, record, left_out = levels.load(str(data_dir / "sokoban" / file))
    published = pq.read_table(data_dir / "sokoban" / file).to_pylist()
    assert (len(made), left_out, record["source"]) == (count, [], file)
    for level, example, theirs in zip(made, levels.to_examples(made, "train", style), published, strict=True):
        assert example.messages == (("user", theirs["prompt"][0]["content"]),)
        world = make(example.ground_truth)
        assert f"[Cumulative Observations]:\n{world.render()}\nDecide" in theirs["prompt"][0]["content"]
        assert not any(world.step(move)[2] for move in level.moves[:-1]) and world.step(level.moves[-1])[2]
        assert example.difficulty == len(level.moves)


def test_the_script_reads_ragens_rows_and_its_own(script, data_dir, tmp_path):
    source = data_dir / "sokoban" / "test.parquet"
    status, out, _ = script(
        "sokoban", "--source", source, "--source-split", "test", "--style", "ragen_v2", "--out", "a"
    )
    assert status == 0 and "a/test.parquet: 10 rows" in out
    assert (
        script("sokoban", "--source", "a/test.parquet", "--source-split", "test", "--style", "tiny", "--out", "b")[0]
        == 0
    )
    first, again = rows(tmp_path / "a/test.parquet"), rows(tmp_path / "b/test.parquet")
    assert [json.loads(r["reward_model"]["ground_truth"])["board"] for r in first] == [
        json.loads(r["reward_model"]["ground_truth"])["board"] for r in again
    ]
    assert cli.main(["check", "a/test.parquet", "b/test.parquet"]) == 0


@pytest.fixture(scope="module")
def parts():
    return generate(Settings(boxes=2, least=2, most=12, seed=7), 300, 40)


def test_generated_levels_are_solvable_in_their_length_and_distinct(parts):
    made = parts["train"] + parts["test"]
    assert len({level.board for level in made}) == 340 and len({len(level.moves) for level in made}) > 6
    for level in made[::7] + parts["test"][:5]:
        assert len(solve(read_board(level.board))) == len(level.moves) and 2 <= len(level.moves) <= 12
        assert "√" not in level.board and level.board.count("X") == 2


def test_no_board_of_the_test_split_is_in_train_however_it_is_turned(parts):
    def rooms(part):
        cleared = str.maketrans("XPS", "__O")
        return {canonical(level.board.translate(cleared).split("/")) for level in part}

    boards = [{canonical(level.board.split("/")) for level in part} for part in parts.values()]
    assert not boards[0] & boards[1] and not rooms(parts["train"]) & rooms(parts["test"])


def test_all_eight_positions_of_a_board_have_one_name():
    rows = ["ab", "cd", "ef"]
    mirrored = [text[::-1] for text in rows]
    turned = ["eca", "fdb"]
    assert (
        canonical(rows)
        == canonical(mirrored)
        == canonical(turned)
        == canonical(rows[::-1])
        != canonical(["ab", "dc", "ef"])
    )


@pytest.mark.long
def test_levels_do_not_depend_on_the_processes(parts):
    assert generate(Settings(boxes=2, least=2, most=12, seed=7), 300, 40, processes=2) == parts


def test_levels_depend_on_the_seed_alone(parts):
    assert generate(Settings(boxes=2, least=2, most=12, seed=7), 30, 4)["train"] == parts["train"][:30]
    assert generate(Settings(boxes=2, least=2, most=12, seed=8), 30, 4)["train"] != parts["train"][:30]


@pytest.mark.parametrize("settings", [Settings(4, 7, 1, 1, 4), Settings(8, 5, 1, 9, 12), Settings(7, 7, 3, 6, 9)])
def test_any_size(settings):
    for level in generate(settings, 4, 1)["train"]:
        board = level.board.split("/")
        assert (len(board), len(board[0])) == (settings.rows, settings.cols)
        assert settings.least <= len(level.moves) <= settings.most
        assert set(board[0] + board[-1]) == {"#"} == {line[0] for line in board} == {line[-1] for line in board}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "2x9"], "--size takes from 3x3"),
        (["--size", "big"], "such as 6x6"),
        (["--boxes", 8], "--boxes 8: 6x6 has 16 cells within its walls"),
        (["--moves", "9-3"], "--moves takes LEAST-MOST from 1 up, got 9-3"),
        (["--moves", "40-50"], "only 0 training and 0 test levels were found, 8192 and 256 asked for: ask for fewer"),
        (["--limit", 3], "--limit is for --source PATH"),
        (["--source", "absent.parquet"], "there is no file absent.parquet"),
    ],
)
def test_a_mistake_is_one_line(script, arguments, said):
    status, _, err = script("sokoban", "--processes", 1, *arguments)
    assert status in (1, 2) and said in err and "Traceback" not in err


def test_rows_that_are_no_levels_are_left_out_and_say_why(tmp_path):
    boards = ["####/#PX_O#", "#####/#PXO#/#####", "#####/#XPO#/#####", "####/#S√#/####", "no board", "####/#P√#/####"]
    (tmp_path / "levels.jsonl").write_text("".join(json.dumps({"board": board}) + "\n" for board in boards))
    made, _, left_out = levels.load(str(tmp_path / "levels.jsonl"))
    assert [level.moves for level in made] == [("Right",)]
    assert Counter(out.reason for out in left_out) == {
        "has no Sokoban board": 3, "has no solution": 1, "is solved already": 1,
    }  # fmt: skip
    (tmp_path / "none.jsonl").write_text('{"prompt": "x"}\n')
    with pytest.raises(DataError, match="no usable level"):
        levels.load(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("style", SOKOBAN)
def test_a_sokoban_row_is_what_check_wants(style, parts):
    made = row(next(levels.to_examples(parts["test"], "test", style)))
    found = Found()
    check_rows(found, [made])
    assert found.faults() == [] and made["data_source"] == f"sokoban/{len(parts['test'][0].moves)}"


def test_the_readme_names_every_style():
    text = (Path(__file__).parents[1] / "data_prep" / "README.md").read_text(encoding="utf-8")
    assert [style for style in [*SOKOBAN, *frozen_lake.FROZEN_LAKE] if f"`{style}`" not in text] == []


LEVEL = levels.Made("#####/#P_X#/#_XO#/#_O_#/#####", ("Up",))


def test_the_prompt_of_the_paper():
    ((_, system), (_, user)) = next(levels.to_examples([LEVEL], "train", "ragen_v1")).messages
    assert system == "You're a helpful assistant. "
    assert user == (
        "You are solving the Sokoban puzzle. You are the player and you need to push all boxes to targets. When you "
        "are right next to a box, you can push it by moving in the same direction. You cannot push a box through a "
        "wall, and you cannot pull a box. The answer should be a sequence of actions, like <answer>Right || Right || "
        "Up</answer>\n"
        "The meaning of each symbol in the state is:\n"
        "#: wall, _: empty, O: target, √: box on target, X: box, P: player, S: player on target\n"
        "Your available actions are:\nUp, Down, Left, Right\n"
        'You can make up to 10 actions, separated by the action separator " || "\n\n'
        "Turn 1:\nState:\n#####\n#P_X#\n#_XO#\n#_O_#\n#####\n"
        "You have 10 actions left. Always output: <think> [Your thoughts] </think> <answer> [your answer] </answer> "
        "with no extra text. Strictly follow this format. Max response length: 100 words (tokens).\n"
    )


def test_the_prompt_of_v2():
    ((_, system), (_, user)) = next(levels.to_examples([LEVEL], "train", "ragen_v2")).messages
    assert system == (
        "You're a helpful assistant. You are solving the Sokoban puzzle. You are the player and you need to push all "
        "boxes to targets.\nYou are provided with a symbol grid and the zero-indexed coordinates of the player, each "
        "box, and each target. \n"
        "Coordinates range from the top-left corner (0, 0) to the bottom-right corner (4, 4). \n"
        "When you are exactly next to a box, you can push it by moving in the same direction. \n"
        "You cannot push a box through a wall, and you cannot pull a box.\n"
        "The answer should be a sequence of actions, like <answer>Right || Right || Up</answer>.\n\n"
        "Your available actions are:\nUp, Down, Left, Right\n"
        'You can make up to 10 actions, separated by the action separator " || "\n'
    )
    assert user.startswith(
        "\nTurn 1:\nState:\nCoordinates: \nBoard size: 5 rows x 5 cols (zero-indexed).\nWalls: (0, 0), "
    )
    assert user.endswith("Max response length: 120 words (tokens).\n")


# --- FrozenLake -------------------------------------------------------------------------------------------------------


def test_lakes_are_distinct_have_a_way_and_no_test_lake_is_in_train():
    parts = frozen_lake.generate(4, 0.8, 200, 40, 3)
    assert parts == frozen_lake.generate(4, 0.8, 200, 40, 3) != frozen_lake.generate(4, 0.8, 200, 40, 4)
    names = {part: {canonical(lake.rows) for lake in lakes} for part, lakes in parts.items()}
    assert not names["train"] & names["test"] and len({lake.rows for lake in parts["train"]}) == 200
    assert all(frozen_lake.shortest_way(lake.rows) == lake.shortest > 0 for lake in parts["train"])
    assert frozen_lake.shortest_way(("SHG",)) == 0 and frozen_lake.shortest_way(("SFF", "HHF", "GFF")) == 6
    with pytest.raises(DataError, match="test lakes of 2x2 were found"):
        frozen_lake.generate(2, 0.8, 500, 1)


@pytest.mark.parametrize("style", frozen_lake.FROZEN_LAKE)
def test_a_lakes_row_is_what_check_wants(style):
    made = row(
        next(frozen_lake.to_examples([frozen_lake.Lake(("SFFF", "FHFH", "FFFH", "HFFG"), 6, 1)], "test", style, True))
    )
    found = Found()
    check_rows(found, [made])
    assert found.faults() == [] and made["data_source"] == "frozen_lake/6"


def test_the_script_makes_lakes(script, tmp_path):
    status, _, err = script("frozenlake", "--train-size", 12, "--test-size", 3, "--style", "ragen_2025_02")
    assert status == 0, err
    text = rows(tmp_path / "data/frozenlake/train.parquet")[0]["prompt"][0]["content"]
    assert text.startswith("<|im_start|>user\nYou are walking on a frozen lake.\n\nFrozenLake Quick Guide\n")
    assert text.endswith("Strictly follow this format. <|im_end|>\n<|im_start|>assistant\n<think>")
    assert cli.main(["check", "data/frozenlake/train.parquet", "data/frozenlake/test.parquet"]) == 0
    for wrong in (["--frozen", 0], ["--size", 1], ["--source", "hub"], ["--frozen", "x"]):
        assert script("frozenlake", *wrong)[0] in (1, 2)
