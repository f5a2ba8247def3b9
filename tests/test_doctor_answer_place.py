"""The preflight asks whether the prompt's place of the answer is the reward's."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from r1_verl import recipes
from r1_verl.data import make
from r1_verl.data.example import to_batch
from r1_verl.data.math.problems import Numbered, to_examples
from r1_verl.data.math.prompts import GSM8K
from r1_verl.data.math.sets import SETS, Problem
from r1_verl.doctor import answer_place

PROBLEM = Numbered(0, Problem(r"What is half of \boxed{1}?", (r"\frac{1}{2}",)))  # the question asks for no place
NUMBER = Numbered(0, Problem("What is 2 + 3?", ("5",)))


def told(tmp_path: Path, style: str, pays: object, mode: str = "faithful", name: str = "math8k", problem=NUMBER) -> str:
    made = list(to_examples([problem], name, "train", style, GSM8K))
    pq.write_table(pa.Table.from_batches([to_batch(made)]), tmp_path / "train.parquet")
    config = OmegaConf.create(
        {
            "data": {"train_files": str(tmp_path / "train.parquet")},
            "reward": {
                "custom_reward_function": {
                    "path": "pkg://r1_verl.reward",
                    "reward_kwargs": {"mode": mode, "reward": pays},
                }
            },
        }
    )
    return "\n".join(f"{problem.what} | {problem.fix}" for problem in answer_place.check_place(config))


def published(composed) -> list[tuple[str, str, object]]:
    """(recipe, prompt style, reward) of every recipe whose data are mathematics, as its YAML has them."""
    found = []
    for recipe in recipes.names():
        config = composed(recipe)
        _, script, *words = make.command(config, config.data.train_files).split()
        name = {"math_lighteval": "math"}.get(Path(script).stem, Path(script).stem)
        if name in SETS:
            style = words[words.index("--style") + 1] if "--style" in words else SETS[name].style
            found.append((recipe, style, OmegaConf.to_container(config.r1_verl, resolve=True)["pays"]))
    return found


def test_no_published_recipe_is_reported(tmp_path, composed):
    pairs = published(composed)
    assert {recipe for recipe, _, _ in pairs} >= {"drgrpo", "drgrpo_r1", "openr1_qwen_1_5b", "dapo", "grpo_demo"}
    for recipe, style, pays in pairs:
        for problem in (NUMBER, PROBLEM):
            for mode in ("faithful", "strict"):
                assert told(tmp_path, style, pays, mode, problem=problem) == "", (recipe, style, mode)


@pytest.mark.parametrize(
    ("style", "reward"), [(name, style.reward) for name, style in GSM8K.items() if style.reward]
)  # fmt: skip
def test_no_style_is_reported_under_the_reward_it_announces(tmp_path, style, reward):
    assert told(tmp_path, style, reward) == ""


MISFITS = [  # style, reward, mode, what is said
    ("drgrpo", "drgrpo_r1", "faithful", r"answer in \boxed, and the reward 'drgrpo_r1' (faithful) pays nothing"),
    ("simplerl", "openr1", "faithful", r"answer in \boxed, and the reward 'openr1' (faithful) gives a right answer"),
    ("instruct", "openr1", "strict", r"answer in \boxed, and the reward 'openr1' (strict) pays nothing"),
    ("raw", "drgrpo", "faithful", "answer in <answer>, and the reward 'drgrpo' (faithful) pays nothing"),
    ("raw", "orz", "strict", "answer in <answer>, and the reward 'orz' (strict)"),
    ("openr1", "simplerl", "strict", "answer in <answer>, and the reward 'simplerl' (strict) pays nothing"),
    ("instruct", "gsm8k", "faithful", r"answer in \boxed, and the reward 'gsm8k' (faithful) pays nothing"),
    ("dapo", "drgrpo", "faithful", "answer in Answer:, and the reward 'drgrpo' (faithful) pays nothing"),
    ("marked", "dapo", "faithful", "answer in ####, and the reward 'dapo' (faithful) pays nothing"),
    ("grpo_demo", "simplerl_v1", "faithful", "answer in <answer>, and the reward 'simplerl_v1' (faithful)"),
]


@pytest.mark.parametrize(("style", "reward", "mode", "words"), MISFITS)
def test_a_prompt_that_asks_for_another_place_is_reported_with_styles_that_fit(tmp_path, style, reward, mode, words):
    said = told(tmp_path, style, reward, mode)
    assert words in said and "\n" not in said
    fits = said.partition("--style ")[2].partition(")")[0].split("|")
    announcing = {name for name, each in GSM8K.items() if each.reward == reward}
    assert set(fits) == (announcing or {"marked"})
    for name in said.partition("r1_verl.pays=")[2].split("|"):
        assert told(tmp_path, style, name, mode) == "", name


def test_the_data_sources_own_reward_is_asked_where_none_is_named(tmp_path):
    assert told(tmp_path, "instruct", None) == ""
    assert "the reward 'gsm8k' (faithful) pays nothing" in told(tmp_path, "instruct", None, name="gsm8k")
    assert "<answer>, and the reward 'math' (faithful) pays nothing" in told(tmp_path, "base", None)
    assert told(tmp_path, "base", None, "strict") == ""


def test_a_prompt_that_names_no_place_is_let_be(tmp_path):
    assert told(tmp_path, "drgrpo_none", "drgrpo_r1", problem=PROBLEM) == ""
    assert told(tmp_path, "simplerl_abel", "orz") == ""  # "Answer:" begins the turn there
    assert told(tmp_path, "openr1_math", "orz") == ""
    assert told(tmp_path, "instruct", "no_such_reward") == ""  # reported by another check
    assert told(tmp_path, "instruct", "kk") == ""
