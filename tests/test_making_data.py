"""What makes a recipe's data: the commands of its YAML, which are real, and are run where files are missing."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from r1_verl import recipes
from r1_verl.data import make
from r1_verl.runs import RunError

SMALL = "countdown.py --style tiny --sizes 3 --max 9 --train-size 8 --test-size 2"


def config(data: dict[str, str], train: str, *val: str):
    return OmegaConf.create({"data": {"train_files": train, "val_files": list(val)}, "r1_verl": {"data": data}})


def steps(name: str, composed) -> list[make.Step]:
    """Every entry of a recipe, those for other files than its own too."""
    return [make._step(what, text) for what, text in composed(name).r1_verl.data.items()]


@pytest.fixture
def nothing_set(monkeypatch):
    for name in ("SOURCE", "TEST_SOURCE", "EVAL_SOURCE"):
        monkeypatch.delenv(name, raising=False)


class Parsed(Exception):
    """The arguments of a script, once argparse has read them."""


@pytest.mark.parametrize("name", recipes.names())
@pytest.mark.parametrize("given", [False, True])
def test_the_scripts_take_the_arguments(name, given, composed, monkeypatch, nothing_set):
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser, *arguments):
        raise Parsed(parse(parser, *arguments))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    monkeypatch.setattr(sys, "path", [str(make.SCRIPTS), *sys.path])  # as Python does for a script
    for variable in ("SOURCE", "TEST_SOURCE", "EVAL_SOURCE") if given else ():
        monkeypatch.setenv(variable, f"my {variable}")
    for step in steps(name, composed):
        monkeypatch.setattr(sys, "argv", [str(step.script), *step.words[1:], "--out", step.what])
        with pytest.raises(Parsed) as parsed:
            runpy.run_path(str(make.SCRIPTS / step.words[0]), run_name="__main__")
        args = parsed.value.args[0]
        assert args.out == step.what
        if given and "SOURCE" in composed(name).r1_verl.data[step.what]:
            assert args.source in ("my SOURCE", "my EVAL_SOURCE")


@pytest.mark.parametrize("name", recipes.names())
def test_every_file_of_a_recipe_is_made(name, composed, tmp_path, monkeypatch, nothing_set):
    """By an entry, under the name that its script gives it: train and test, a suite's, or the file's own."""
    monkeypatch.chdir(tmp_path)
    for file in make._files(composed(name)):
        command = make.command(composed(name), file)
        made = {f"{part}.parquet" for part in ("train", "test")} | {Path(command.split()[-1]).name}
        if "eval_suites.py" in command:
            made = {f"{suite}.parquet" for suite in command.split("--suites ")[1].split()[0].split(",")}
        assert command.startswith("python ") and Path(file).name in made
    assert {step.what for step in make.missing(composed(name))} <= composed(name).r1_verl.data.keys()


def test_a_folder_of_data_is_made_by_one_command_whichever_recipe_asks(composed):
    commands: dict[str, set[str]] = {}
    for name in recipes.names():
        for what, text in composed(name).r1_verl.data.items():
            commands.setdefault(what, set()).add(text)
    assert {what: texts for what, texts in commands.items() if len(texts) > 1} == {}


def test_only_what_is_missing_is_made_and_what_a_command_reads_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entries = {"data/a": SMALL, "data/a/twins.parquet": "greedy.py data/a/test.parquet", "data/b": SMALL}
    given = config(entries, "data/a/train.parquet", "data/a/twins.parquet")
    assert [step.what for step in make.missing(given)] == ["data/a", "data/a/twins.parquet"]
    only_twins = config(entries, "elsewhere.parquet", f"{tmp_path}/data/a/twins.parquet")
    assert [step.what for step in make.missing(only_twins)] == ["data/a", "data/a/twins.parquet"]
    (tmp_path / "data/a").mkdir(parents=True)
    assert len(make.missing(given)) == 2  # an empty folder is none
    make.make(given)
    assert sorted(path.stem for path in tmp_path.glob("data/a/*.parquet")) == ["test", "train", "twins"]
    assert not (tmp_path / "data/b").exists() and make.missing(given) == []
    assert make.command(given, "data/b/train.parquet").endswith("--out data/b")
    assert make.command(given, "c.parquet") == ""


def test_a_making_that_was_interrupted_is_begun_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/a.part").mkdir(parents=True)
    (tmp_path / "data/a.part/half.parquet").write_text("half")
    make.make(config({"data/a": SMALL}, "data/a/train.parquet"))
    assert {path.name for path in tmp_path.glob("data/a*")} == {"a"} and not (tmp_path / "data/a/half.parquet").exists()


def test_a_script_of_ones_own_makes_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import pathlib, sys\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "out.mkdir()\n"
        "(out / 'train.parquet').write_text(' '.join(sys.argv[1:-2]))\n"
    )
    monkeypatch.setenv("SOURCE", "two words")
    monkeypatch.delenv("MISSING", raising=False)
    given = config({"data/mine": "mine.py --rows 3 [--from $SOURCE] [--to $MISSING]"}, "data/mine/train.parquet")
    assert str(make.missing(given)[0]) == "python mine.py --rows 3 --from 'two words' --out data/mine"
    make.make(given)
    assert (tmp_path / "data/mine/train.parquet").read_text() == "--rows 3 --from two words"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nothing.py", r"r1_verl.data: data/a: no script nothing.py in .*data_prep, and no such file here"),
        ("countdown.py --style 'tiny", r"r1_verl.data: data/a: .* is no command \(No closing quotation\)"),
        ("[--style tiny $MISSING]", r"is no command \(.*\): write a script of data_prep/ and its arguments"),
        (f"{SMALL} --max 2", r"data/a could not be made: python .*countdown.py .* ended with status 1 \(see above\)"),
    ],
)
def test_a_mistake_is_one_line(command, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MISSING", raising=False)
    with pytest.raises(RunError, match=said) as refused:
        make.make(config({"data/a": command}, "data/a/train.parquet"))
    assert "\n" not in str(refused.value) and not list(tmp_path.glob("data/*"))


def test_an_installed_package_says_where_the_scripts_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(make, "SCRIPTS", tmp_path / "site-packages/data_prep")
    with pytest.raises(RunError, match=r"data_prep/countdown.py, which makes it, is in the repository"):
        make.make(config({"data/a": SMALL}, "data/a/train.parquet"))


def test_a_recipe_without_commands_makes_nothing():
    assert make.missing(OmegaConf.create({"data": {"train_files": "a.parquet", "val_files": None}})) == []
