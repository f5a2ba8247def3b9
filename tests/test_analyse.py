"""`r1-verl analyse`: counts that people made by reading, tables by step, foreign files, bad input."""

from __future__ import annotations

import gzip
import json
import math

import pytest

from r1_verl import cli
from r1_verl.report import thinking
from r1_verl.report.analyse import record
from r1_verl.report.keywords import KEYWORDS, reflections, steps
from r1_verl.report.responses import EVALUATION, of_file
from r1_verl.report.thinking import Counts, first_above, measure, split


def test_counts_agree_with_hand_counts(fixtures):
    """54 real responses; the counts were written down by reading them, before the code had seen them."""
    rows = [
        json.loads(line) for line in (fixtures / "counted_by_hand.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]
    assert [sum(row[name] for row in rows) for name in ("steps", "reflections")] == [100, 35] and len(rows) == 54
    for row in rows:
        text, _ = split(row["response"])
        counted = (steps(text), len(reflections(text, "four_projects")))
        assert counted == (row["steps"], row["reflections"]), row["id"]


@pytest.mark.parametrize(
    ("response", "opened", "thought", "answer"),
    [
        ("<think>a</think><answer>b</answer>", False, "a", "b"),
        ("a</think>b", True, "a", "b"),
        ("<think>a", False, "a", ""),
        ("a <answer>b</answer>", True, "a b", ""),  # the thinking that the prompt opened never ends
        ("a <answer>b</answer>", False, "a ", "b"),
        ("a \\boxed{b}", False, "a \\boxed{b}", ""),
        ("<think>a</think>b</think>c", False, "ab", "c"),
        ("", False, "", ""),
    ],
)
def test_thinking_and_answer(response, opened, thought, answer):
    assert split(response, opened) == (thought, answer)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Step 1: a\nstep 2 b\nStep3", 3), ("1. a\n2. b\n  3. c\n## 4. d\n> **5. e", 5), ("1.5 m\n2.", 1),
        ("First, add. Second, halve. Next add. Finally,", 4), ("the first term, a second later, stepwise 1)", 0),
        ("Firstly", 0), ("12345. a\nx 1. b", 0),
    ],
)  # fmt: skip
def test_markers_of_steps(text, wanted):
    assert steps(text) == wanted


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("Let’s try again. Try\nagain!", "four_projects", ["let's try again", "try again"]),
        ("re - evaluate, Re-evaluates, re‑evaluated", "four_projects", ["re-evaluate"] * 3),
        ("I recheck, rechecking; precheck", "four_projects", ["recheck", "recheck"]),
        ("Too high, too low, close but no", "four_projects", ["too high", "too low", "close but"]),
        ("Wait, no. I waited. However, wait", "simplerl_zoo", ["wait", "wait", "however", "wait"]),
        ("wait! waiting, aha", "logic_rl_lite", ["wait", "aha"]),
        ("double-check, double check", "understand_r1_zero", ["double-check"]),
        ("Wait, recheck it; however, hm", "orz", ["wait,", "recheck ", "however,"]),
    ],
)
def test_reflections(text, name, wanted):
    assert reflections(text, name) == wanted


def test_lists_are_as_published():
    sizes = {name: len(each.phrases) for name, each in KEYWORDS.items()}
    published = {"oat_zero": 11, "understand_r1_zero": 15, "simplerl_zoo": 7, "logic_rl_lite": 18}  # fact sheet B, 11.2
    assert published.items() <= sizes.items() and sizes["four_projects"] == 13


def test_marks_of_one_response():
    response = "<think>\nFirst, try again: 苹果 is one.\n```python\n1\n```</think><answer>one two</answer>"
    (marks,) = measure([(response, False, "How many apples?")], "four_projects")
    assert (marks.answer, marks.steps, marks.reflections, marks.code) == (2, 1, 1, True)
    assert marks.think == 9 and marks.mixing == pytest.approx(2 / 7) and 0 <= marks.repetition < 1


def counts(**values: list[float]) -> Counts:
    made = Counts()
    made.values = values
    return made


def test_first_step_above_the_start():
    """Shares .10 and .16 of 100 differ by .06, two standard errors are .095; .25 is beyond them."""
    by_step = {
        0: counts(a=[1.0] * 10 + [0.0] * 90),
        5: counts(a=[1.0] * 16 + [0.0] * 84),
        10: counts(a=[1.0] * 25 + [0.0] * 75),
    }
    assert first_above(by_step, "a") == 10
    assert first_above({0: by_step[10], 5: by_step[0]}, "a") is None
    assert first_above({0: by_step[0], 5: counts()}, "a") is None
    assert by_step[0]["a"] == (0.1, pytest.approx(0.3), 100) and math.isnan(by_step[0]["b"].mean)


# --- files ------------------------------------------------------------------------------------------------------------


def line(**more) -> dict:
    return {"prompt": "How many?", "response": "<think>First, try again.</think>five", "ground_truth": "5", **more}


def write(path, rows, after: bytes = b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (
        b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for row in rows) + after
    )
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture
def a_run(tmp_path):
    """A run's folder with training samples of steps 1, 2 and 4 and a validation of step 0."""
    for step, rising in ((1, 0), (2, 0), (4, 9)):
        rows = [
            line(step=step, sample=at, tokens=7, truncated=at == 0, outcome=("wrong", "correct")[at % 2])
            for at in range(10)
        ]
        for row in rows[rising:]:
            row["response"] = "<think>so</think>five"
        write(tmp_path / f"run/samples/{step}.jsonl.gz", rows)
    write(tmp_path / "run/validation/0.jsonl", [{"input": "Q", "output": "a", "gts": "5", "score": 0.0, "step": 0}])
    (tmp_path / "run/config.yaml").write_text("{}\n")
    return tmp_path / "run"


def test_a_run(a_run, tmp_path, capsys):
    assert cli.main(["analyse", str(a_run), "--out", str(tmp_path / "made/a.json")]) == 0
    out = capsys.readouterr().out
    assert "run, training (lengths in words)" in out and "run, validation (lengths in words)" in out
    assert "responses that reflect: 0.0% at step 1 (there is no step 0), first above that by two standard errors" in out
    assert "at step 4: 90.0%" in out
    assert "steps without responses, where others are 1 apart: 3" in out
    training = json.loads((tmp_path / "made/a.json").read_text())["analyses"][0]
    last = training["steps"][-1]
    assert training["first_above_start"] == {"reflecting": 4, "steps": 4} and [
        s["step"] for s in training["steps"]
    ] == [1, 2, 4]
    assert last["n"] == 10 and last["outcomes"] == {"wrong": 5, "correct": 5}
    assert last["reflecting"] == {"mean": 0.9, "std": pytest.approx(0.3), "n": 10} and last["tokens"]["mean"] == 7
    assert last["right_reflecting"] == {"mean": pytest.approx(4 / 9), "std": pytest.approx(math.sqrt(20) / 9), "n": 9}
    assert last["right_not_reflecting"]["mean"] == 1.0 and last["truncated"]["mean"] == 0.1


def test_texts_that_the_file_cuts_are_said(tmp_path, capsys):
    rows = [line(cut={"response": 9999}), line()]
    assert cli.main(["analyse", str(write(tmp_path / "a.jsonl", rows))]) == 0
    assert "1 response is in the file without their middle" in capsys.readouterr().out


def test_accuracy_is_the_strict_verdict(tmp_path, capsys):
    rows = [line(acc=0.0, outcome="correct"), line(outcome="correct"), line(acc=1.0), line()]
    assert cli.main(["analyse", str(write(tmp_path / "a.jsonl", rows)), "--out", str(tmp_path / "o.json")]) == 0
    (step,) = json.loads((tmp_path / "o.json").read_text())["analyses"][0]["steps"]
    assert (step["right"]["mean"], step["right"]["n"]) == (pytest.approx(2 / 3), 3)


def test_a_foreign_file_of_several_steps(tmp_path, capsys):
    rows = [{"completion": "First", "question": "Q", "step": step} for step in (0, 0, 3)]
    assert cli.main(["analyse", str(write(tmp_path / "theirs.jsonl", rows)), "--keywords", "oat_zero"]) == 0
    out = capsys.readouterr().out.split("\n")
    assert out[0] == "theirs.jsonl (lengths in words)" and [row.split()[:2] for row in out[2:4]] == [
        ["0", "2"],
        ["3", "1"],
    ]
    assert "no response has a verdict: `r1-verl score FILE` gives one" in out[-2]


def test_the_same_question_at_two_steps_is_no_repeat(tmp_path, capsys):
    rows = [line(step=step, question="q", sample=0) for step in (1, 2, 2)]
    said = []
    found = list(of_file(EVALUATION, None, write(tmp_path / "a.jsonl", rows), "a.jsonl", said.append))
    assert [each.step for each in found] == [1, 2] and said == [
        "a.jsonl: 1 response is there twice; the first one counts."
    ]


def test_whatever_can_be_read_is(tmp_path, capsys):
    strange = "zwei\u2028Zeilen, \ud800 und \x85"
    rows = [line(), line(response=strange), line(response=7), ["no"], line(step="x")]
    after = b'{"response": "caf\xe9", "step": 1}\n{"response": "cut o'
    assert cli.main(["analyse", str(write(tmp_path / "a.jsonl", rows, after))]) == 0
    told = capsys.readouterr()
    assert [row.split()[:2] for row in told.out.split("\n")[2:4]] == [["0", "3"], ["1", "1"]]
    assert "a.jsonl: 1 line is not in UTF-8" in told.err or "lines are not in UTF-8" in told.err.replace(
        "lines not", "lines are not"
    )
    assert "3 lines are left out, being no record of a response, the last was cut off" in told.err


def test_a_broken_gzip_file_is_read_as_far_as_it_goes(tmp_path, capsys):
    path = write(tmp_path / "a.jsonl.gz", [line(response=f"text {at} " * 99) for at in range(600)])
    path.write_bytes(path.read_bytes()[:-500])
    assert cli.main(["analyse", str(path)]) == 0
    told = capsys.readouterr()
    assert "breaks off or can't be read" in told.err and 10 < int(told.out.split("\n")[2].split()[1]) < 600


def test_no_responses_at_all(tmp_path, capsys):
    assert cli.main(["analyse", str(write(tmp_path / "a.jsonl", []))]) == 0
    assert "there are no responses in" in capsys.readouterr().out


@pytest.mark.long
def test_processes_count_as_one_does(tmp_path):
    rows = [line(step=at % 3, response=f"<think>{'try again ' * (at % 5)}</think>{at}") for at in range(2100)]
    path = write(tmp_path / "a.jsonl", rows)

    def counted(workers: int) -> list[dict]:
        found = (("a", each) for each in of_file(EVALUATION, None, path, "a", print))
        return [record(each) for each in thinking.analyse(found, "four_projects", workers=workers)]

    assert counted(1) == counted(2) and sum(step["n"] for step in counted(1)[0]["steps"]) == 2100


def test_lengths_in_tokens(tmp_path, capsys):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, unk_token="b"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")  # a token a character
    (tmp_path / "model").mkdir()
    model.save(str(tmp_path / "model/tokenizer.json"))
    path = write(tmp_path / "a.jsonl", [line(response="<think>abab</think>a")])
    assert (
        cli.main(["analyse", str(path), "--tokenizer", str(tmp_path / "model"), "--out", str(tmp_path / "o.json")]) == 0
    )
    (step,) = json.loads((tmp_path / "o.json").read_text())["analyses"][0]["steps"]
    assert (step["think"]["mean"], step["answer"]["mean"]) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "nothing is neither a file nor a run"),
        (["a.txt"], "a.txt is no .jsonl or .jsonl.gz file"),
        (["a.jsonl", "--keywords", "oat"], "unknown list of keywords 'oat'; did you mean 'oat_zero'?"),
        (["a.jsonl", "--tokenizer", "no/where/at/all"], "--tokenizer no/where/at/all: no tokenizer can be loaded"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "a.txt").write_text("")
    write(tmp_path / "a.jsonl", [line()])
    assert cli.main(["analyse", *arguments]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
