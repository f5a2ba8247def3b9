"""The command line: help for every command, one form of error, light where nothing heavy is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from r1_verl import cli, recipes

ROOT = Path(cli.__file__).parents[1]
HEAVY = {"torch", "verl", "ray", "hydra", "vllm", "transformers", "datasets", "pandas", "matplotlib", "huggingface_hub"}


def started(*arguments: str, program: str = "", **settings) -> subprocess.Popen:
    """`r1-verl ARGUMENTS` (or a program) as a process of its own, with the package of this checkout."""
    command = ["-c", program] if program else ["-m", "r1_verl", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "VERL_PLATFORM": "cpu"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
    return subprocess.Popen([sys.executable, *command], env=env, **pipes)


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_with_an_example(capsys, command, option):
    assert cli.main([command, option]) == 0
    said = capsys.readouterr()
    assert said.err == "" and said.out.startswith(f"usage: r1-verl {command} [-h]")
    assert f"r1-verl {command}" in said.out[said.out.index("\nexample:\n") :]


def test_help_lists_every_command(capsys):
    assert cli.main(["-h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if line.startswith("    ")} >= cli.COMMANDS.keys()
    assert cli.main([]) == 2  # nothing was typed: the same, as an error
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines() == lines


def test_help_after_other_words_is_help_too(capsys):
    assert cli.main(["doctor", "quickstart_grpo", "trainer.save_freq=1", "--help"]) == 0
    assert "usage: r1-verl doctor" in capsys.readouterr().out


def test_help_is_light():
    """Neither veRL nor what it brings is loaded to say what a command takes."""
    words = [["-h"], *([name, "-h"] for name in cli.COMMANDS)]
    program = (
        "import contextlib, io, sys\nfrom r1_verl import cli\n"
        f"for words in {words!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n        assert cli.main(words) == 0\n"
        f"    print(words[0], *sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    out, err = started(program=program).communicate(timeout=120)
    assert out.splitlines() == ["-h", *cli.COMMANDS], err


def test_only_the_module_of_the_command_is_imported():
    others = {module for name, (module, _) in cli.COMMANDS.items() if name not in ("check", "fetch")}
    program = (
        "import sys\nfrom r1_verl import cli\ncli.main(['fetch', '-h'])\n"
        f"print(sorted({others!r} & set(sys.modules)), file=sys.stderr)"
    )
    assert started(program=program).communicate(timeout=120)[1].strip() == "[]"


# --- errors -----------------------------------------------------------------------------------------------------------

WRONG = {
    "trian quickstart_grpo": "r1-verl: unknown command 'trian'; did you mean 'train'?",
    "--fast train quickstart_grpo": "r1-verl: unknown command '--fast'; known: analyse, check, doctor,",
    "train": "r1-verl train: the following arguments are required: RECIPE",
    "train quikstart_grpo": "r1-verl train: unknown recipe 'quikstart_grpo'; did you mean quickstart_grpo",
    "train nowhere.yaml": "r1-verl train: no recipe at nowhere.yaml",
    "train quickstart_grpo trainer.sav_freq=1": "r1-verl train: quickstart_grpo: there is no setting trainer.sav_freq; "
    "did you mean trainer.save_freq?",
    "train quickstart_grpo fast": "r1-verl train: 'fast' is no override: write KEY=VALUE",
    "doctor": "r1-verl doctor: the following arguments are required: RECIPE",
    "doctor quickstart_grpo --fast": "r1-verl doctor: unrecognized arguments: --fast",
    "recipes --table nowhere.md": "r1-verl recipes: [Errno 2] No such file or directory: 'nowhere.md'",
    "score": "r1-verl score: the following arguments are required: FILE",
    "score nowhere.jsonl": "r1-verl score: ",
    "score file.jsonl --option x": "r1-verl score: --option x: write it as NAME=VALUE",
    "score file.jsonl --workers two": "r1-verl score: argument --workers: invalid int value: 'two'",
    "check": "r1-verl check: the following arguments are required: FILE",
    "check x.parquet --max-prompt-length 5": "r1-verl check: --max-prompt-length needs --tokenizer",
    "report": "r1-verl report: the following arguments are required: RUN",
    "report mien": "r1-verl report: no run 'mien', neither a run's folder nor a name below {runs}; did you mean mine?",
    "export mien": "r1-verl export: no run 'mien', neither a run's folder nor a name below {runs}; did you mean mine?",
    "export mine": "r1-verl export: run 'mine' has no checkpoint yet",
    "fetch": "r1-verl fetch: the following arguments are required: MODEL",
    "fetch ./nowhere": "r1-verl fetch: the model folder ./nowhere is not on this machine",
    "nodes": "r1-verl nodes: the following arguments are required: N",
    "nodes many": "r1-verl nodes: argument N: invalid int value: 'many'",
    "start-model": "r1-verl start-model: the following arguments are required: OUT, --traces",
}


@pytest.mark.parametrize("typed", WRONG)
def test_a_mistake_is_one_line_with_at_most_a_hint(tmp_path, monkeypatch, capsys, typed):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs/mine").mkdir(parents=True)
    (tmp_path / "runs/mine/config.yaml").write_text("{}")
    (tmp_path / "file.jsonl").write_text("")
    assert cli.main(typed.split()) == 2
    said = capsys.readouterr()
    first, *more = said.err.splitlines()
    assert said.out == "" and first.startswith(WRONG[typed].format(runs=tmp_path / "runs"))
    assert [line[:9] for line in more] in ([], ["(r1-verl "])


def test_a_package_that_is_not_installed_is_named():
    program = (
        "import sys\nsys.modules['hydra'] = None\nfrom r1_verl import cli\n"
        "raise SystemExit(cli.main(['doctor', 'quickstart_grpo']))"
    )
    process = started(program=program)
    out, err = process.communicate(timeout=120)
    assert out == "" and err.startswith(f"r1-verl doctor: this Python ({sys.executable}) has no package hydra")
    assert f"{ROOT}/.venv/bin/activate" in err and err.count("\n") == 1
    assert process.returncode == 2


@pytest.mark.parametrize("typed", ["recipes", "report mine", "doctor quickstart_grpo data.seed=null"])
def test_a_reader_that_goes_away_is_no_error(tmp_path, typed):
    run = tmp_path / "runs/mine"
    (run / "validation").mkdir(parents=True)
    (run / "config.yaml").write_text("{}")
    row = {"gts": "{}", "score": 1.0, "outcome": "correct", "output": "right"}
    (run / "validation/1.jsonl").write_text(json.dumps(row) + "\n")
    read, write = os.pipe()
    os.close(read)
    process = started(*typed.split(), stdout=write, cwd=tmp_path)
    os.close(write)
    assert process.communicate(timeout=120)[1] == "" and process.returncode == 141


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_so(tmp_path, sent):
    os.mkfifo(tmp_path / "file.jsonl")
    asked = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731 - a shell's background job ignores it
    process = started("score", "file.jsonl", cwd=tmp_path, preexec_fn=asked)
    with open(tmp_path / "file.jsonl", "w"):  # returns when the command reads at the other end
        process.send_signal(sent)
        assert process.communicate(timeout=120) == ("", "r1-verl score: interrupted\n")
    assert process.returncode == 130


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_recipes_lists_their_names(capsys):
    assert cli.main(["recipes"]) == 0
    assert capsys.readouterr().out.split() == recipes.names()
