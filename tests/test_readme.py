"""What the README tells a user to type does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


# One try a turn until the number is found; then the moves are scored, and those of an episode that stopped at once.
PLAY_IT = """
import json, sys
import r1_verl
from r1_verl.environments.episode import Episode
from r1_verl.environments.isolated import close, opened
from r1_verl.environments.rules import RULES
from r1_verl.ground_truth import encode

truth = encode("guess", rules="ragen_v1", seed=7)
episode = Episode(opened(truth), RULES["ragen_v1"])
shown = episode.observation
for number in (1, 2, 3):
    if not episode.outcome:
        episode.play(f"<think>perhaps</think> <answer>{number}</answer>")
close(episode.environment)
scores = [r1_verl.compute_score("guess", "", truth, {"moves": moves}) for moves in (episode.record(), "?")]
print(json.dumps([shown, episode.outcome, episode.record(), *scores, "verl" in sys.modules]))
"""


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
    )  # fmt: skip


def test_the_scoring_example_prints_what_it_shows(tmp_path):
    block = next(block for block in BLOCKS if "compute_score(" in block)
    shown = block.split("\n# ")[1].strip()
    done = run(block.replace("r1_verl.compute_score", "print(r1_verl.compute_score") + ")", tmp_path)
    assert done.stdout.strip() == shown, done.stderr


def test_a_scorer_in_ten_lines(tmp_path):
    block = next(block for block in BLOCKS if "@r1_verl.scorer" in block)
    body = [line for line in block.splitlines() if line.strip() and not line.startswith(("#", "import", "from"))]
    assert len(body) <= 10
    (tmp_path / "my_scorers.py").write_text(block)
    call = (
        "import r1_verl, json; print(json.dumps([r1_verl.compute_score('reverse/words', text, 'abc') for text in "
        "('<think>x</think><answer> cba </answer>', '<answer>abc</answer>', 'cba')]))"
    )
    done = run(call, tmp_path, R1_VERL_SCORERS="my_scorers")
    assert done.returncode == 0, done.stderr
    assert [(row["outcome"], row["acc"]) for row in json.loads(done.stdout)] == [
        ("correct", 1.0), ("wrong", 0.0), ("no_answer", 0.0),
    ]  # fmt: skip


def test_an_environment_in_ten_lines(tmp_path):
    """Registered, played and scored, in a process that never imports veRL."""
    pytest.importorskip("gymnasium")
    block = next(block for block in BLOCKS if "GymText(" in block)
    body = [line for line in block.splitlines() if line.strip() and not line.startswith(("#", "import", "from"))]
    assert len(body) <= 10
    (tmp_path / "my_environments.py").write_text(block)
    done = run(PLAY_IT, tmp_path, R1_VERL_ENVIRONMENTS="my_environments", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 0, done.stderr
    shown, outcome, moves, right, wrong, heavy = json.loads(done.stdout)
    assert shown.startswith("Which number") and outcome == "success" and moves.split("/")[-1] in ("1", "2", "3")
    assert (right["acc"], right["score"], wrong["acc"], wrong["outcome"]) == (1.0, 1.0, 0.0, "wrong") and not heavy


def test_the_places_that_it_names_exist():
    for place in re.findall(r"`((?:r1_verl|data_prep|run_scripts|tests)/[\w/.]*)`", README):
        assert (Path(__file__).parents[1] / place).exists(), place


def test_the_scripts_that_it_names_exist():
    named = set(re.findall(r"`([\w]+\.sh)`", README)) | set(re.findall(r"run_scripts/([\w]+\.sh)", README))
    assert "logicrl_stages.sh" in named
    assert not [name for name in named if not (Path(__file__).parents[1] / "run_scripts" / name).is_file()]


def test_what_has_run_is_what_the_table_of_recipes_says():
    table = (ROOT / "r1_verl/recipes/README.md").read_text()
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| `")]
    ran = [row[-2] for row in rows if len(row) > 10 and "quickstart" not in row[1]]
    good = sum("two steps" in said and "failed" not in said for said in ran)
    assert f"two steps of {good} of the {len(ran)} published recipes" in " ".join(README.split())


def test_a_newcomer_reads_the_whole_of_it():
    prose = re.sub(r"```.*?```", "", README, flags=re.S)
    assert len(prose.split()) <= 1700
