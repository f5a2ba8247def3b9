"""Adding a task edits no existing line: `fixtures/adding_a_task` has five new files, which are put into a copy of the
house; there the recipe composes, its data are made and checked, its reward scores, and the house's own tests pass.
Two files that are generated from all recipes get the new one by their commands: the table and the snapshot of settings.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ROOT, prefix

pytestmark = pytest.mark.long
NAME = "reverse_word"
ADDED = ROOT / "tests" / "fixtures" / "adding_a_task"
NEW = {
    f"r1_verl/data/{NAME}.py", f"data_prep/{NAME}.py", f"r1_verl/scorers/{NAME}.py", f"r1_verl/recipes/{NAME}.yaml",
    f"run_scripts/{NAME}.sh",
}  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """What stands in a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the house with the new files in it."""
    folder = tmp_path_factory.mktemp("house") / "copy"
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("r1_verl", "data_prep", "run_scripts", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in ("pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    before = files(folder)
    assert files(ADDED).keys() == NEW and not NEW & before.keys()
    shutil.copytree(ADDED, folder, dirs_exist_ok=True, ignore=skip)
    yield folder
    after = files(folder)
    assert [name for name in before if after.get(name) != before[name]] == []


@pytest.fixture(scope="module")
def run(house, tmp_path_factory):
    """run(*words) -> what a command said that runs the copy's code in a folder beside it; it must end well."""
    place = tmp_path_factory.mktemp("place")
    variables = os.environ | {
        "PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1", "VERL_PLATFORM": "cpu", "RUNS": str(place / "runs"),
        "VENV": str(prefix(place / "prefix", house)),
    }  # fmt: skip

    def command(*words: str, cwd: Path = place, **more: str) -> str:
        done = subprocess.run(words, cwd=cwd, env=variables | more, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return command


def r1_verl(*words: str) -> tuple[str, ...]:
    return sys.executable, "-m", "r1_verl", *words


def test_the_recipe_composes_and_its_script_prints_its_reward(run, house):
    assert NAME in run(*r1_verl("recipes"))
    for command in (r1_verl("train", NAME), ("bash", str(house / f"run_scripts/{NAME}.sh"))):
        said = run(*command, DRY_RUN="1")
        assert re.search(rf"^ +reward: {NAME}$", said, re.M) and re.search(rf"^ +pays: {NAME}$", said, re.M)
        assert f"train_files: data/{NAME}/train.parquet" in said


def test_the_data_are_made_by_the_recipes_own_command_and_checked(run):
    said = run(*r1_verl("prepare", NAME))
    assert f"{NAME}.py --train-size 64 --test-size 8" in said
    for part, rows in (("train", 64), ("test", 8)):
        assert f"{rows} rows" in run(*r1_verl("check", f"data/{NAME}/{part}.parquet"))


def test_the_reward_scores_by_data_source_and_by_name(run):
    assert NAME in run(*r1_verl("sources"))
    program = f"""
import json
from r1_verl import compute_score
from r1_verl.ground_truth import encode
truth = encode("{NAME}", answer="olleh")
responses = ["<answer>olleh</answer>", "<answer>hello</answer>"]
for source, more in (("{NAME}", {{}}), ("a_mixed_file", {{"reward": "{NAME}"}})):
    print(json.dumps([compute_score(source, response, truth, **more) for response in responses]))
"""
    for line in run(sys.executable, "-c", program).splitlines():
        right, wrong = json.loads(line)
        assert (right["score"], right["acc"], right["outcome"]) == (1.0, 1.0, "correct")
        assert (wrong["score"], wrong["acc"], wrong["outcome"]) == (0.1, 0.0, "wrong")


def test_the_generated_files_take_the_new_recipe(run, house):
    """Its row and its settings; all recipes together take minutes, and the tests of those files look at them."""
    program = f"""
import published_numbers
from r1_verl import recipes
from r1_verl.report import recipe_table
print(*recipe_table.row("{NAME}", recipes.compose("{NAME}")), published_numbers.settings("{NAME}"))
"""
    said = run(sys.executable, "-c", program, PYTHONPATH=f"{house}:{house}/tests")
    assert f"`{NAME}`" in said and "Words, 64 made here" in said and f"'r1_verl.pays': '{NAME}'" in said


def test_the_houses_own_tests_cover_the_new_task(run, house):
    """Ranks, the questions to every scorer, veRL's validation of every recipe, a script for each recipe."""
    names = ("imports", "every_scorer", "recipes", "scripts", "data_scripts")
    options = ["-q", "-p", "no:cacheprovider", "-rA", "-k", f"{NAME} and not published_numbers or left_over"]
    said = run(sys.executable, "-m", "pytest", *options, *(f"tests/test_{name}.py" for name in names), cwd=house)
    assert all(re.search(rf"^PASSED tests/test_{name}\.py.*{NAME}", said, re.M) for name in names), said


def test_shellcheck_finds_nothing_in_the_new_script(run, house):
    run(str(Path(sys.executable).with_name("shellcheck")), f"run_scripts/{NAME}.sh", cwd=house)
