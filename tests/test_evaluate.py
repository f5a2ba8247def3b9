"""Evaluation apart from generation: what is asked, kept, judged and said. `Scripted` stands where engines stand; real
ones are in test_evaluate_engine.py."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from prepared import example, file_size_limit
from test_stages import checkpoint as run_with_checkpoint

from r1_verl import cli, compute_score
from r1_verl.data import write
from r1_verl.data.example import DataError
from r1_verl.data.math.prompts import BOXED, MATH
from r1_verl.evaluation import evaluate, models, pool, protocols, questions, results, samples
from r1_verl.evaluation.evaluate import Checkpoint
from r1_verl.evaluation.generate import Answer, EngineFailure, Model, Request
from r1_verl.ground_truth import encode
from r1_verl.runs import Run, RunError
from r1_verl.training import evaluate as command

BASE = Path(__file__).parents[1] / "r1_verl/recipes/quickstart_base"
RIGHT, WRONG = "<think>\n</think>\n<answer>1 + 2 + 3</answer>", "<think>\n</think>\n<answer>1 + 2 - 3</answer>"


class Scripted:
    """A pool of engines that answer a few requests a turn. reply: (request) -> text, or an exception to raise."""

    def __init__(self, reply=lambda request: RIGHT, engines=("one",), few=3, lose=(), refuse=()):
        self.engines, self.reply, self.few, self.lose, self.refuse = list(engines), reply, few, set(lose), set(refuse)
        self.asked, self.turns, self._mine = [], [], {engine: [] for engine in engines}

    def begin(self, engine, model, requests):
        self.asked += [request.key for request in requests]
        self._mine[engine] += requests
        self.turns.append((engine, model))

    def next(self):
        engine, model = self.turns.pop(0)
        if engine in self.lose:
            return engine, None
        if model.folder in self.refuse:
            self._mine[engine].clear()
            return engine, EngineFailure("ValueError: no such architecture")
        done, self._mine[engine] = self._mine[engine][: self.few], self._mine[engine][self.few :]
        return engine, [Answer(r.key, self.reply(r), 7, "stop") for r in done]

    def close(self):
        pass


def suite_file(folder: Path, count: int = 4, name: str = "tiny") -> Path:
    """A prepared suite of Countdown puzzles that 1 + 2 + 3 solves."""
    made = [
        example(at, messages=(("user", f"{at} : 1 2 3 = 6"),), question=f"{at} : 1 2 3 = 6", split="test")
        for at in range(count)
    ]
    write.write_set(folder, {name: made}, {})
    return folder / f"{name}.parquet"


@pytest.fixture
def at(tmp_path):
    """at(protocol, settings..., limit=, folder=) -> arguments of `evaluate`: one checkpoint, one suite."""
    path = suite_file(tmp_path / "data")

    def arguments(protocol="greedy", *settings, limit=None, folder=BASE, **more):
        chosen = protocols.find(protocol, settings)
        suite = questions.load(str(path), tmp_path, chosen, limit)
        return [Checkpoint("base", folder, tmp_path / "out", **more)], [suite], chosen

    return arguments


def never():
    raise AssertionError("an engine was started, and nothing is left to ask")


def cell(tmp_path) -> Path:
    (folder,) = (tmp_path / "out").iterdir()
    return folder


def test_what_is_there_is_never_asked_again(at, tmp_path, capsys):
    scripted = Scripted(lambda request: RIGHT if request.key[2] == 0 else WRONG)
    (found,), failed = evaluate.evaluate(*at("avg16", "samples=2"), lambda: scripted)
    assert failed == [] and Counter(Counter(scripted.asked).values()) == {1: 8}
    assert (found.acc, found.pass_at, found.maj_at) == (0.5, {"1": 0.5, "2": 1.0}, {"2": 0.5})
    assert [key[2] for key in scripted.asked] == [0] * 4 + [1] * 4  # all first samples first
    (again,), _ = evaluate.evaluate(*at("avg16", "samples=2"), never)
    assert again == found and results.read(tmp_path)[0].acc == 0.5
    capsys.readouterr()
    assert cli.main(["score", str(cell(tmp_path) / "samples.jsonl")]) == 0
    assert "recorded reward: 8 rows, 8 agree, 0 differ" in capsys.readouterr().out


def test_a_row_says_all_that_others_need(at, tmp_path):
    evaluate.evaluate(*at(), Scripted)
    row = next(samples.rows(cell(tmp_path)))
    assert row.keys() == {
        "suite", "protocol", "model", "step", "question", "sample", "data_source", "prompt", "ground_truth",
        "extra_info", "response", "tokens", "finish_reason", "truncated", "score", "acc", "format", "outcome", "pred",
        "parts",
    }  # fmt: skip
    assert row["prompt"] == "<|im_start|>user\n0 : 1 2 3 = 6<|im_end|>\n<|im_start|>assistant\n"
    assert row["extra_info"] == {"think_in_prompt": False} and row["data_source"] == "countdown"


def test_an_interrupted_evaluation_goes_on(at, tmp_path):
    def reply(request, left=[5]):  # noqa: B006  five answers, then the power is gone
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return RIGHT

    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(*at("avg16", "samples=3"), lambda: Scripted(reply, few=1))
    path = cell(tmp_path) / "samples.jsonl"
    assert len(path.read_bytes().splitlines()) == 5 and not (cell(tmp_path) / "result.json").exists()
    with path.open("ab") as file:
        file.write(b'{"question": "abc", "sample": 2, "resp')  # cut off in mid-line
    scripted = Scripted()
    (found,), _ = evaluate.evaluate(*at("avg16", "samples=3"), lambda: scripted)
    assert len(scripted.asked) == 7 and (found.missing, found.twice, found.unreadable) == (0, 0, 0)
    assert len({(row["question"], row["sample"]) for row in samples.rows(cell(tmp_path))}) == 12


def test_lines_that_are_none_or_there_twice_are_said(at, tmp_path):
    evaluate.evaluate(*at(), Scripted)
    path = cell(tmp_path) / "samples.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = json.dumps({**json.loads(lines[0]), "response": WRONG, "acc": 0.0}).encode() + b"\n"
    path.write_bytes(b"".join([lines[0], wrong, lines[1], b"\xff\xfe no json\n", b"[]\n", lines[2]]))
    scripted = Scripted()
    (found,), _ = evaluate.evaluate(*at(), lambda: scripted)
    assert len(scripted.asked) == 1 and found.acc == 1.0  # the first of two counts
    told = "\n".join(results.notes(found))
    assert "1 lines answered a sample twice" in told and "2 lines of the samples' file are no samples" in told


def test_what_changes_an_answer_is_asked_anew_and_nothing_else(at, tmp_path):
    def asked(*arguments, **more):
        scripted = Scripted()
        evaluate.evaluate(*at(*arguments, **more), lambda: scripted)
        return len(scripted.asked)

    assert asked("avg16", "samples=1", limit=2) == 2
    assert asked("avg16", "samples=1") == 2  # the other two questions
    assert asked("avg16", "samples=2") == 4  # a second sample of each
    assert asked("avg16", "samples=2", "max_tokens=50") == 8
    assert asked("avg16", "samples=2", "temperature=0.5") == 8
    assert asked("avg16", "samples=2", "seed=1") == 8
    assert asked("greedy") == 4
    shutil.copytree(BASE, tmp_path / "other")
    assert asked("greedy", folder=tmp_path / "other") == 0  # the same model elsewhere
    weights = tmp_path / "other/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert asked("greedy", folder=tmp_path / "other") == 4
    suite_file(tmp_path / "data", 5)
    assert asked("greedy") == 5  # the suite is another


def test_one_bad_checkpoint_does_not_stop_the_others(at, tmp_path):
    (base,), suites, protocol = at()
    bad = tmp_path / "bad"
    shutil.copytree(BASE, bad)
    for file in bad.glob("*token*"):
        file.unlink()
    refused = tmp_path / "refused"
    shutil.copytree(BASE, refused)
    (refused / "extra.json").write_text("{}")
    torn = tmp_path / "torn"
    shutil.copytree(BASE, torn)
    (torn / "config.json").write_text('{"model_type": "qwe')
    folders = (bad, refused, torn, tmp_path / "gone")
    every = [base._replace(label=f.name, folder=f, out=tmp_path / "cells" / f.name) for f in folders]
    found, failed = evaluate.evaluate([*every, base], suites, protocol, lambda: Scripted(refuse=[str(refused)]))
    assert [r.model for r in found] == ["base"] and found[0].acc == 1.0
    told = "\n".join(failed)
    assert "bad was left out: its folder" in told and "lacks a tokenizer" in told
    assert "torn was left out: its " in told and "config.json cannot be read" in told
    assert "gone was left out" in told and "refused could not be asked: ValueError: no such architecture" in told


def test_checkpoints_of_one_shape_share_an_engine(tmp_path):
    """What veRL's merger and transformers leave out of a config is nothing to an engine; float16 and sizes are."""
    made = {}
    for name, change in {"saved": {}, "half": {"dtype": "float16"}, "wide": {"hidden_size": 256}}.items():
        folder = tmp_path / name
        shutil.copytree(BASE, folder)
        config = json.loads((folder / "config.json").read_text())
        for dropped in ("attn_implementation", "dtype", "transformers_version"):
            config.pop(dropped, None)
        (folder / "config.json").write_text(json.dumps(config | change))
        made[name] = models.shape(folder, models.load_tokenizer(folder))
    base = models.shape(BASE, models.load_tokenizer(BASE))
    assert base == made["saved"] and len({base, *made.values()}) == 3


def test_a_prompt_without_room_is_answered_with_nothing(at, tmp_path):
    path = tmp_path / "long.parquet"
    long = example(0, messages=(("user", "1 " * 600),), question="long")
    write.write_set(tmp_path, {"long": [long, example(1)]}, {})
    protocol = protocols.find("greedy")
    suite = questions.load(str(path), tmp_path, protocol)
    (found,), _ = evaluate.evaluate(at()[0], [suite], protocol, Scripted)
    assert (found.acc, found.too_long, found.truncated, found.missing) == (0.5, 0.5, 0.5, 0)
    assert "50.0% of the prompts leave no room for a response" in results.table([found])


def test_a_model_that_ends_nothing_is_said(at):
    class Endless(Scripted):
        def next(self):
            engine, answers = super().next()
            return engine, [answer._replace(finish_reason="length") for answer in answers]

    (found,), _ = evaluate.evaluate(*at(), lambda: Endless(lambda request: "1 + 1 + 1 + 1"))
    assert found.truncated == 1.0 and "every response was cut off" in results.table([found])


def test_a_full_disk_is_one_line_and_the_rest_goes_on_later(at, tmp_path):
    evaluate.evaluate(*at(limit=1), Scripted)
    size = (cell(tmp_path) / "samples.jsonl").stat().st_size
    with file_size_limit(size + 100), pytest.raises(OSError, match=r"samples.jsonl: .*; make room, and the same"):
        evaluate.evaluate(*at(), Scripted)
    scripted = Scripted()
    (found,), _ = evaluate.evaluate(*at(), lambda: scripted)
    assert len(scripted.asked) == 3 and found.missing == 0


def test_two_processes_do_not_fill_one_cell(at, tmp_path):
    evaluate.evaluate(*at(), Scripted)
    with samples.claimed(cell(tmp_path)), pytest.raises(RunError, match="is being filled by another process"):
        evaluate.evaluate(*at(), Scripted)


def test_the_published_evaluator_stands_beside_the_strict_score(tmp_path):
    """Qwen2.5-Math's takes a number a hundred times too large for right (percent); the strict judge does not."""
    made = [
        example(at, data_source="gsm8k", ground_truth=encode("math", answer="20"), gold="", question=f"{at}?")
        for at in range(2)
    ]
    write.write_set(tmp_path, {"gsm8k": made}, {})
    protocol = protocols.find("simplerl_v0")
    suite = questions.load("gsm8k", tmp_path, protocol)
    assert suite.questions[0].messages == MATH["drgrpo"].build("0?") and suite.questions[0].raw
    one = [Checkpoint("base", BASE, tmp_path / "out")]
    (found,), _ = evaluate.evaluate(one, [suite], protocol, lambda: Scripted(lambda r: "\\boxed{2000}"))
    assert found.acc == 0.0 and found.published == {"evaluator": "math_eval", "acc": 1.0}
    assert "1.0000 (math_eval)" in results.table([found])


def test_contamination_stands_beside_the_score(at, tmp_path):
    write.write_set(tmp_path / "train", {"train": [example(0, question="0 : 1 2 3 = 6"), example(1)]}, {})
    (found,), _ = evaluate.evaluate(*at(trained_on=(tmp_path / "train/train.parquet",)), Scripted)
    assert found.contaminated["share"] == 0.25 and found.contaminated["against"] == ["train.parquet"]
    assert "25.0%" in results.table([found])
    (tmp_path / "train/train.parquet").write_bytes(b"no Parquet")
    (found,), failed = evaluate.evaluate(*at(trained_on=(tmp_path / "train/train.parquet",)), never)
    assert found.contaminated is None and "no contamination is known of tiny: cannot read" in failed[0]


# --- the pool ---------------------------------------------------------------------------------------------------------


def requests(model: str, count: int) -> tuple[Model, list[Request]]:
    return Model(model, "shape", 10), [
        Request((model, f"q{at}", 0), (1,), 0.0, 1.0, 5, (), False, None) for at in range(count)
    ]


def answered(scripted: Scripted, *jobs) -> Counter:
    found = pool.ask(scripted, jobs)
    return Counter(
        a.key if isinstance(a, Answer) else a for batch in found for a in (batch if type(batch) is list else [batch])
    )


def test_every_request_is_answered_once_by_some_engine():
    scripted = Scripted(engines=("one", "two", "three"))
    found = answered(scripted, requests("a", 50), requests("b", 50))
    assert len(found) == 100 and set(found.values()) == {1} and Counter(scripted.asked) == found
    assert not any(scripted._mine.values())


def test_what_a_lost_engine_had_is_asked_again():
    scripted = Scripted(engines=("one", "two"), lose=["two"])
    found = answered(scripted, requests("a", 40))
    assert len(found) == 40 and set(found.values()) == {1}
    assert Counter(Counter(scripted.asked).values()) == {1: 30, 2: 10}  # "two" had ten of them, and answered none


def test_all_engines_lost():
    with pytest.raises(RunError, match="all engines are lost"):
        answered(Scripted(lose=["one"]), requests("a", 3))


def test_a_refused_model_ends_and_the_next_begins():
    scripted = Scripted(engines=("one", "two"), refuse=["a"])
    found = answered(scripted, requests("a", 10), requests("b", 10))
    refused = [key for key in found if isinstance(key, pool.Failed)]
    assert [(f.model.folder, f.reason) for f in refused] == [("a", "ValueError: no such architecture")]
    assert len(found) == 11


# --- what a user writes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "settings", "told"),
    [
        ("greeedy", [], "unknown protocol 'greeedy'; did you mean 'greedy'?"),
        ("greedy", ["n=2"], "--set n=2: write NAME=VALUE, where NAME is one of samples"),
        ("greedy", ["samples=0"], "--set samples=0: a whole number from 1 up"),
        ("greedy", ["max_tokens=1.5"], "a whole number from 1 up"),
        ("greedy", ["top_p=2"], "a number up to 1"),
        ("greedy", ["temperature=hot"], "a number from 0 to 2"),
        ("greedy", ["keep_stop=1"], "true or false"),
    ],
)
def test_a_protocol_that_is_none(protocol, settings, told):
    with pytest.raises(DataError, match=told.replace("?", r"\?")):
        protocols.find(protocol, settings)


def test_a_changed_protocol_bears_its_change():
    changed = protocols.find("open_r1", ["temperature=0.7", 'stop=["</answer>"]', "keep_stop=true", "samples=2"])
    assert changed.name == 'open_r1+temperature=0.7+stop=["</answer>"]+keep_stop=true'
    assert changed.stop == ("</answer>",) and changed.samples_of("aime24") == 2
    assert protocols.find("open_r1").samples_of("aime24") == 64
    judged = protocols.find("greedy", ["evaluator=math_eval"])
    assert (judged.evaluator_of("gsm8k", "math"), judged.evaluator_of("kk", "kk")) == ("math_eval", None)


def test_every_protocol_asks_every_suite_that_it_names(tmp_path):
    """Its styles and evaluators exist."""
    for protocol in protocols.PROTOCOLS.values():
        for task, style in protocol.style.items():
            styles = questions.STYLES[task if task in questions.STYLES else "math"]
            assert style in styles, (protocol.name, style)
        for name in (protocol.evaluator or {}).values():
            assert protocols.find_reward(name).faithful
    assert MATH["simplerl_eval"].build("1+1?")[0][1] == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n1+1?\n"
        f"{BOXED}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert MATH["logicrl"].build("1+1?")[0][1].endswith(r" tags. i.e., <answer> (\boxed{}\) </answer>.")
    assert compute_score("aime24", r"<think>.</think><answer> (\boxed{33}\) </answer>", "33")["acc"] == 1.0


def test_suites_that_cannot_be_asked(tmp_path, capsys):
    protocol = protocols.find("greedy")
    with pytest.raises(DataError, match=r"gsm8k is not prepared: .*eval_suites.py --suites gsm8k --out"):
        questions.load("gsm8k", tmp_path, protocol)
    path = suite_file(tmp_path)
    with pytest.raises(DataError, match=r"no prompt styles|unknown prompt style 'simplerl'"):
        questions.load(str(path), tmp_path, protocols.find("greedy", ["style=simplerl"]))
    assert cli.main(["evaluate", str(BASE), "--suites", "gsm8k", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("r1-verl evaluate: the suite gsm8k is not prepared")
    assert cli.main(["evaluate", str(BASE), "--suites", str(path), "--limit", "0"]) == 2
    assert "--limit 0 is no number from 1 up" in capsys.readouterr().err


def test_prompts_of_puzzles_are_rebuilt_in_their_order(tmp_path):
    write.write_set(tmp_path, {"c": [example(0, ground_truth=encode("countdown", numbers=[3, 1, 2], target=6))]}, {})
    found = questions.load(str(tmp_path / "c.parquet"), tmp_path, protocols.find("tinyzero")).questions[0]
    assert found.raw and "Using the numbers [3, 1, 2], create an equation that equals 6." in found.messages[0][1]


def test_the_names_of_checkpoints(tmp_path, monkeypatch, capsys):
    run = Run(tmp_path / "runs/mine")
    run_with_checkpoint(run, 5, b"five")
    run_with_checkpoint(run, 9, b"nine")
    train = tmp_path / "train.parquet"
    (run.folder / "config.yaml").write_text(f"data.train_files: {train}\nactor_rollout_ref.model.path: {BASE}\n")
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    (last,) = command.named("mine", None, ())
    assert (last.label, last.step, last.out) == ("mine@9", 9, run.folder / "evaluation/step_9")
    assert (last.folder / "model.safetensors").read_bytes() == b"nine"
    assert "its training file" in capsys.readouterr().err and last.trained_on == ()
    train.touch()
    every = command.named(f"{run.folder}@all", tmp_path / "out", ())
    assert [c.label for c in every] == ["mine@0", "mine@5", "mine@9"]
    assert every[0].folder == BASE and every[1].out == tmp_path / "out/mine@5" and every[1].trained_on == (train,)
    (model,) = command.named(str(BASE), None, (train,))
    assert model.run is None and model.out.parent == Path("evaluation") and model.trained_on == (train,)
    for name, told in (
        ("mine@last", "is no step"),
        ("mien", "did you mean mine"),
        ("mine@7", "no checkpoint of step 7"),
    ):
        with pytest.raises(RunError, match=told):
            command.named(name, None, ())
