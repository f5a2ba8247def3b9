"""What a turn means: RAGEN's rules against a table worked out apart from the package, reading, texts, records."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import plain_sokoban
import pytest

from r1_verl import environments
from r1_verl.environments.episode import OUTCOMES, Episode, answer_of, read_actions, replay
from r1_verl.environments.returned import BadEnvironmentError
from r1_verl.environments.rules import RULES, rules_of
from r1_verl.environments.sokoban import MOVES, Sokoban
from r1_verl.ground_truth import encode
from r1_verl.ground_truth.sokoban import glyphs, read_board
from r1_verl.reward import compute_score

LINES = (Path(__file__).parent / "fixtures" / "ragen_episodes.jsonl").read_text(encoding="utf-8").splitlines()
EPISODES = [json.loads(line) for line in LINES]
THINK = re.compile(r"<think>(.*?)</think>\s*<answer>(.*?)</answer>", re.DOTALL)
LINE = re.compile(r"<answer>(.*?)</answer>")


def start(board: str, rules: str) -> Episode:
    return Episode(environments.make(encode("sokoban", board=board, rules=rules)), RULES[rules])


def played(row) -> Episode:
    episode = start(row["board"], row["rules"])
    for response in row["responses"]:
        episode.play(response)
    return episode


def tenths(events: str, rules: str) -> int:
    letters = events.replace(" ", "")
    return plain_sokoban.INVALID[rules] * ("i" in letters) + sum(plain_sokoban.TENTHS.get(one, 0) for one in letters)


def test_there_are_fifty_episodes_with_every_event_and_all_rules():
    assert len(EPISODES) == 50 and {row["rules"] for row in EPISODES} == RULES.keys() - {"tiny"}
    assert set("".join("".join(row["events"]) for row in EPISODES)) == set("bmoxsi ")


@pytest.mark.parametrize("row", EPISODES, ids=lambda row: f"{row['rules']}-{row['tenths']}")
def test_ragens_reward_equals_the_table(row):
    episode = played(row)
    assert [tenths(events, row["rules"]) for events in row["events"]] == [
        round(10 * (turn.reward + turn.penalty)) for turn in episode.turns
    ]
    assert episode.reward() == pytest.approx(row["tenths"] / 10) and row["outcome"] == episode.outcome
    assert [len(turn.actions) for turn in episode.turns] == [
        sum(event != "i" for event in events.split()) for events in row["events"]
    ]
    assert [turn.idle for turn in episode.turns] == [events.count("b") for events in row["events"]]
    assert episode.reward("strict") == float(episode.success) == float("s" in row["events"][-1])
    with pytest.raises(RuntimeError, match="over"):
        episode.play("Up")


@pytest.mark.parametrize("row", EPISODES[::4] + EPISODES[-3:], ids=lambda row: f"{row['rules']}-{row['tenths']}")
def test_a_record_plays_the_same_episode_and_scores_it(row):
    episode = played(row)
    again = replay(start(row["board"], row["rules"]).environment, episode.rules, episode.record())
    assert (again.reward(), again.outcome) == (pytest.approx(episode.reward()), episode.outcome)
    truth = encode("sokoban", board=row["board"], rules=row["rules"])
    found = compute_score("sokoban", f"<answer>{episode.record()}</answer>", truth)
    assert found["acc"] == episode.reward("strict")


def test_random_play_is_the_plain_games():
    rng = random.Random(1)
    for row in EPISODES:
        environment = Sokoban(read_board(row["board"]), "grid")
        grid = plain_sokoban.grid_of(row["board"])
        for _ in range(60):
            name = rng.choice(MOVES)
            events = plain_sokoban.play(grid, name)
            text, reward, terminated, _, info = environment.step(name)
            assert text == "\n".join(map("".join, grid)) and info["effective"] == (events != "b")
            assert round(10 * reward) == sum(plain_sokoban.TENTHS[one] for one in events)
            if terminated:
                break


# --- reading ----------------------------------------------------------------------------------------------------------

PIECES = ("<think>", "</think>", "<answer>", "</answer>", "Up", " ", "\n", "||", "x", "<", ">")


def test_answers_are_where_ragens_expressions_find_them():
    rng = random.Random(2)
    for _ in range(20_000):
        text = "".join(rng.choices(PIECES, k=rng.randrange(14)))
        found = THINK.search(text)
        assert answer_of(text, "think") == (found[2] if found else None), text
        opened = THINK.search("<think>" + text)
        assert answer_of(text, "think", opened=True) == (opened[2] if opened else None), text
        found = LINE.search(text)
        assert answer_of(text, "line") == (found[1] if found else None), text


@pytest.mark.parametrize(
    "piece", ["<answer>", "<think>", "</think>", "</think> <answer>", "<answer>a</answer>", "<answer>\n", "</think> "]
)
@pytest.mark.parametrize("where", ["line", "think", "text"])
def test_a_megabyte_is_read_at_once(piece, where):
    answer_of("<think>" + piece * (1_000_000 // len(piece)), where)


@pytest.mark.parametrize(
    ("rules", "answer", "wanted"),
    [
        ("ragen_2025_02", " up ", (["Up"], 0)),
        ("ragen_2025_02", "3", (["Left"], 0)),
        ("ragen_2025_02", "2 (Up)", (["Down"], 0)),  # the number counts, as upstream
        ("ragen_2025_02", "5", ([], 1)),
        ("ragen_2025_02", "1 (North)", ([], 1)),
        ("ragen_2025_02", "Up || Down", ([], 1)),
        ("ragen_2025_02", None, ([], 1)),
        ("ragen_v1", "up || Down||", (["Up", "Down"], 0)),
        ("ragen_v1", "Up || 2 || Left", (["Up", "Left"], 1)),  # numbers are no names
        ("ragen_v1", "</think>Up<|im_end|>", (["Up"], 0)),
        ("ragen_v1", "", ([], 1)),
        ("ragen_v2", "Up || Up || Fly", (["Up", "Up"], 0)),  # the third is cut off unread
        ("tiny", "Left", (["Left"], 0)),
    ],
)
def test_actions_of_an_answer(rules, answer, wanted):
    assert read_actions(answer, RULES[rules], MOVES) == wanted


def test_text_itself_is_an_action_where_an_environment_names_none():
    assert read_actions("look || take lamp", RULES["ragen_v1"], None) == (["look", "take lamp"], 0)
    assert read_actions(" look ", RULES["tiny"], None) == (["look"], 0)


# --- what the model is told -------------------------------------------------------------------------------------------

BOARD = "#####/#P_X#/#_XO#/#_O_#/#####"


def test_the_feedback_of_february_2025():
    episode = start(BOARD, "ragen_2025_02")
    episode.play("<answer>Right</answer>")
    shown = episode.environment.render()
    assert episode.feedback() == (
        f"After you take this action, the observation is: \n{shown}\nreward: -0.1\ndone: False\n"
    )
    episode.play("Up")
    assert episode.feedback() == (
        f"Action is invalid. You stay in the same position. The observation is: \n{shown}\nreward: 0\ndone: False\n"
    )
    assert episode.turns[-1].penalty == -1.0
    episode.play("<answer>Down</answer>")
    assert episode.feedback().endswith("reward: 0.9\ndone: False\n")


def test_the_feedback_of_the_paper_and_of_v2():
    episode = start(BOARD, "ragen_v2")
    episode.play("<think>a</think><answer>Right || Down</answer>")
    assert episode.feedback() == (
        "Reward:\n0.8\n\nTurn 2:\nState:\nCoordinates: \nBoard size: 5 rows x 5 cols (zero-indexed).\nWalls: (0, 0), "
        "(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 4), (2, 0), (2, 4), (3, 0), (3, 4), (4, 0), (4, 1), (4, 2), "
        "(4, 3), (4, 4)\n"
        "Targets: (2, 3), (3, 2)\nBoxes: (1, 3)\nBoxes on target: (3, 2)\nPlayer: (2, 2)\nGrid Map: \n"
        " #  #  #  #  # \n #  _  _  X  # \n #  _  P  O  # \n #  _  √  _  # \n #  #  #  #  # \n"
        "You have 8 actions left. Always output: <think> [Your thoughts] </think> <answer> [your answer] </answer> "
        "with "
        "no extra text. Strictly follow this format. Max response length: 120 words (tokens).\n"
    )
    episode.play("nothing")
    assert "No valid action provided previously. Environment state remains the same. Please try again.\nYou have 8" in (
        episode.feedback()
    )
    assert episode.feedback().startswith("Reward:\n0\n\nTurn 3:\nState:\n")


def test_a_tiny_models_turn_shows_the_board_alone():
    episode = start(BOARD, "tiny")
    assert episode.observation == "P_X\n_XO\n_O_"
    episode.play("Up")  # a wall: an action without effect costs a tiny model 1 more
    assert episode.feedback() == episode.observation and episode.reward() == pytest.approx(-1.1)


# --- ends and faults --------------------------------------------------------------------------------------------------


def test_outcomes():
    assert {played(row).outcome for row in EPISODES} | {"failed", "out_of_steps"} == set(OUTCOMES)
    rules = RULES["tiny"]._replace(actions=500, turns=500)
    episode = Episode(Sokoban(read_board(BOARD), "tiny", max_steps=2), rules)
    episode.play("Right"), episode.play("Left")
    assert episode.outcome == "out_of_steps"


class Broken:
    actions = None

    def __init__(self, step):
        self.result = step

    def reset(self, seed=None):
        return "text", {}

    def step(self, action):
        return self.result


@pytest.mark.parametrize(
    "step",
    [None, ("text", 1.0, True, {}), ("text", float("nan"), False, False, {}), (b"text", 1.0, False, False, {}),
     ("text", "1", False, False, {}), ("text", 1.0, False, False, None)],
)  # fmt: skip
def test_what_is_no_step_is_named(step):
    with pytest.raises(BadEnvironmentError, match=r"^step\(\) returned .* it returns"):
        Episode(Broken(step), RULES["tiny"]).play("go")


class Echo:
    """A text environment that ends at the third action."""

    actions = None

    def reset(self, seed=None):
        self.heard = []
        return "?", {}

    def step(self, action):
        self.heard.append(action)
        return action, 1.0, len(self.heard) == 3, False, {}


def test_actions_of_several_words_are_recorded_too():
    rules = RULES["ragen_v1"]
    episode = Episode(Echo(), rules)
    for response in (
        "<think>a</think><answer>take the lamp || look</answer>",
        "what?",
        "<think></think><answer>go/N</answer>",
    ):
        episode.play(response)
    assert episode.record() == '[["take the lamp", "look"], ["?"], ["go/N"]]'
    again = replay(Echo(), rules, episode.record())
    assert (again.reward(), again.outcome) == (episode.reward(), "success") == (pytest.approx(2.9), "success")


def test_what_is_no_start_is_named():
    broken = Broken(None)
    broken.reset = lambda seed=None: "text"
    with pytest.raises(BadEnvironmentError, match=r"^reset\(\) returned"):
        Episode(broken, RULES["tiny"])


def test_success_of_an_environment_that_does_not_say_is_a_reward_at_the_end():
    for reward, outcome in ((1.0, "success"), (0.0, "failed")):
        episode = Episode(Broken(("text", reward, True, False, {})), RULES["tiny"])
        episode.play("go")
        assert episode.outcome == outcome


def test_rules_by_name():
    assert rules_of({}) == RULES["ragen_v1"]
    with pytest.raises(ValueError, match="did you mean 'ragen_v1'"):
        rules_of({"rules": "ragen_v11"})


def test_glyphs_are_the_boards():
    for row in EPISODES:
        level = read_board(row["board"])
        assert "/".join(glyphs(level, level.boxes, level.player)) == row["board"]
