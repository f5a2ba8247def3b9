"""Reports: the checkpoints' table, curves of several runs, and responses read from whatever lies there."""

from __future__ import annotations

import gzip
import json
import math
import resource
from collections import Counter

import numpy as np
import pytest
from run_folders import quickstart, run, validated

from r1_verl import cli
from r1_verl.evaluation import results
from r1_verl.report import curves, page, responses, summary, table
from r1_verl.report.page import texts
from r1_verl.runs import Run, recorded

REWARD = "critic/score/mean"


def lines_of(text: str, start: str) -> list[str]:
    """The lines of a report from the one that starts so to the next empty one but one."""
    after = text[text.index(start) :].split("\n")
    return after[2 : after.index("", 2)]


# --- the table --------------------------------------------------------------------------------------------------------


def test_checkpoints_are_rows_and_suites_columns_with_the_best_in_bold(tmp_path, capsys):
    grpo = run(tmp_path / "grpo", {0: validated(math500=0.5, gsm8k=0.3), 9: validated(math500=0.6, gsm8k=0.9)})
    ppo = run(tmp_path / "ppo", {0: validated(math500=0.5, gsm8k=0.3), 9: validated(math500=0.75, gsm8k=0.4)}, "a: 1\n")
    text = summary.write(grpo, ppo)
    assert lines_of(text, "Strict accuracy at validation, %:") == [
        "| checkpoint   | GSM8K    | MATH-500 | average  |",
        "|--------------|----------|----------|----------|",
        "| grpo, step 0 | 30.0     | 50.0     | 40.0     |",
        "| grpo, step 9 | **90.0** | 60.0     | **75.0** |",
        "| ppo, step 0  | 30.0     | 50.0     | 40.0     |",
        "| ppo, step 9  | 40.0     | **75.0** | 57.5     |",
    ]
    assert (tmp_path / "report-grpo+ppo/report.md").read_text() == text + "\n" == capsys.readouterr().out[1:]
    assert (tmp_path / "report-grpo+ppo/report.html").is_file()


def test_runs_that_differ_by_their_seed_alone_are_one_row_with_its_spread(tmp_path):
    def seed(number: int, acc: float) -> Run:
        settings = f"data.seed: {number}\nactor_rollout_ref.model.path: models/base_seed{number}\n"
        return run(tmp_path / f"r_seed{number}", {5: validated(x=acc)}, settings)

    other = run(tmp_path / "other", {5: validated(x=0.4)}, "data.seed: 1\ndata.train_batch_size: 8\n")
    text = summary.write(seed(1, 0.5), seed(2, 0.6), seed(3, 0.7), other)
    assert "| r, step 5     | **60.0 ± 10.0** |" in text and "| other, step 5 | 40.0            |" in text
    assert "- r: mean ± standard deviation over 3 runs that differ by their seed alone." in text


def test_a_checkpoint_without_one_of_the_suites_has_no_average(tmp_path):
    made = run(tmp_path / "r", {0: validated(a=0.5, b=0.1), 5: validated(a=0.25)})
    assert "| step 5     | 25.0     | –    | –       |" in summary.write(made)


def result(**given) -> results.Result:
    shown = {
        "model": "r@5", "run": "r", "step": 5, "suite": "aime24", "protocol": "avg16", "source": "s", "questions": 30,
        "samples": 16, "missing": 2, "acc": 0.25, "interval": (0.2, 0.31), "seeds": (0.25, 0.05),
        "pass_at": {"1": 0.25, "16": 0.5}, "maj_at": {"16": 0.4}, "published": {"evaluator": "qwen", "acc": 0.27},
        "format": 1.0, "truncated": 0.125, "too_long": 0.0, "contaminated": {"share": 0.1}, "tokens": 900.0,
        "outcomes": {}, "twice": 0, "unreadable": 0, "revision": "1", "model_hash": "1",
    }  # fmt: skip
    return results.Result(**{**shown, **given})


def test_evaluations_stand_beside_what_may_spoil_them(tmp_path):
    made = run(tmp_path / "r")
    cells = [result(), result(suite="math500", acc=0.5), result(step=0, acc=0.75), result(protocol="greedy", acc=1.0)]
    for at, cell in enumerate(cells):
        results.write(made.folder / f"evaluation/step_5/cell{at}", cell)
    text = summary.write(made)
    scores = lines_of(text, "Strict accuracy by the protocol avg16, %:")
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in (scores[0], *scores[2:])] == [
        ["checkpoint", "MATH-500", "AIME24", "average"],
        ["step 0", "–", "**75.0 ± 5.0**", "–"],
        ["step 5", "50.0 ± 5.0", "25.0 ± 5.0", "37.5"],
    ]
    known = lines_of(text, "Of each score by the protocol avg16, %:")
    assert [cell.strip() for cell in known[3].split("|")[1:-1]] == [
        "step 5", "AIME24", "30 x 16", "20.0 to 31.0", "50.0 (16)", "40.0 (16)", "27.0 (qwen)", "12.5", "10.0",
    ]  # fmt: skip
    assert "Strict accuracy by the protocol greedy, %:" in text and "2 of 480 samples are missing" in text


def test_other_models_stand_below_the_runs(tmp_path, capsys):
    made = run(tmp_path / "r")
    results.write(made.folder / "evaluation/step_5/a", result())
    results.write(made.folder / "evaluation/step_5/b", result(suite="math500", acc=0.5))
    beside = tmp_path / "evaluation/base"
    results.write(beside / "a", result(model="owner/base", run=None, step=None, acc=0.5, missing=0))
    assert cli.main(["report", str(made.folder), "--models", str(beside)]) == 0
    text = capsys.readouterr().out
    scores = lines_of(text, "Strict accuracy by the protocol avg16, %:")
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in scores[2:]] == [
        ["step 5", "50.0 ± 5.0", "25.0 ± 5.0", "37.5"],
        ["owner/base", "–", "**50.0 ± 5.0**", "–"],
    ]
    assert lines_of(text, "Of each score by the protocol avg16, %:")[-1].startswith("| owner/base | AIME24 ")
    assert "owner/base" in (made.folder / "report.html").read_text()
    assert cli.main(["report", str(made.folder), "--models", str(tmp_path / "none")]) != 0
    assert "no results below it: r1-verl evaluate writes evaluation/MODEL" in capsys.readouterr().err


def test_levels_stand_by_their_length(tmp_path):
    made = run(tmp_path / "r")
    cell = result(suite="sokoban", by_source={"sokoban/1": 0.9, "sokoban/10": 0.1}, episodes={"turns": 3.5})
    results.write(made.folder / "evaluation/step_5/cell", cell)
    text = summary.write(made)
    lines = lines_of(text, "By source by the protocol avg16, %:")
    assert [[each.strip() for each in line.split("|")[1:-1]] for line in (lines[0], lines[2])] == [
        ["checkpoint", "suite", "all", "sokoban/1", "sokoban/10"], ["step 5", "sokoban", "25.0", "90.0", "10.0"],
    ]  # fmt: skip
    assert "a mean episode: turns 3.5" in text


def test_names_are_text_in_markdown():
    assert table.plain("a|b `c` <img>\n*d*") == r"a\|b \`c\` \<img> \*d\*"


# --- curves -----------------------------------------------------------------------------------------------------------


def test_a_stage_goes_on_where_the_run_before_it_ended(tmp_path):
    first = run(tmp_path / "s1", {step: {REWARD: 0.1} for step in range(1, 11)})
    second = run(tmp_path / "s2", {1: {REWARD: 0.2}, 7: {REWARD: 0.2}}, "r1_verl.after: s1\n")
    third = run(tmp_path / "s3", {1: {REWARD: 0.3}}, "r1_verl.after: s2\n")
    assert recorded(third.folder) == {"r1_verl.after": "s2"}
    assert curves.read([third, second, first]).before == (17, 10, 0)
    assert curves.read([third]).before == (0,)
    assert curves.read([run(tmp_path / "round", settings="r1_verl.after: round\n")]).before == (0,)


def test_smoothing_starts_at_the_first_value_and_keeps_gaps():
    assert curves.smoothed([1.0, 1.0, 1.0], 0.9) == pytest.approx([1.0, 1.0, 1.0])
    assert curves.smoothed([0.0, 1.0], 0.5) == pytest.approx([0.0, 2 / 3])
    found = curves.smoothed([1.0, math.nan, 3.0], 0.0)
    assert found[0] == 1.0 and math.isnan(found[1]) and found[2] == 3.0


def test_the_pictures_of_a_quickstart(tmp_path):
    read = curves.read([quickstart(tmp_path / "q")])
    found = {title: [line.label for line in lines] for title, lines in curves.pictures(read)}
    assert found["Strict accuracy"] == ["validation, countdown/3", "validation, countdown/3/greedy", "countdown"]
    assert found["Errors by kind, share"][-1] == "countdown, wrong" and "Entropy" not in found
    errors = next(lines for title, lines in curves.pictures(read) if title.startswith("Errors"))
    assert all(list(line.steps) == list(range(1, 21)) for line in errors)  # an outcome that no response has is 0


def test_what_analyse_counts_in_kept_responses_stands_in_the_pictures(tmp_path):
    samples = {step: [{"response": "<think>a b c</think><answer>d</answer>", "question": "q"}] for step in (1, 2)}
    read = curves.with_responses(curves.read([run(tmp_path / "r", {1: {REWARD: 0.5}}, samples=samples)]))
    assert [step.step for step in read.steps[0]] == [1, 2]
    (found,) = [lines for title, lines in curves.pictures(read) if title == "Thinking and answer, words"]
    assert [(line.label, list(line.steps), list(line.values)) for line in found] == [
        ("training, answer", [1, 2], [1.0, 1.0]), ("training, think", [1, 2], [3.0, 3.0]),
    ]  # fmt: skip


def test_a_picture_of_too_many_lines_is_one_for_each_suite(tmp_path):
    suites = {f"s{n}": n / 10 for n in range(5)}
    runs = [run(tmp_path / name, {1: validated(**suites)}) for name in "ab"]
    found = curves.pictures(curves.read(runs))
    assert [title for title, _ in found] == [f"Strict accuracy: validation, s{n}" for n in range(5)]
    assert [(line.run, line.label) for line in found[0][1]] == [(0, ""), (1, "")]
    assert [title for title, _ in curves.pictures(curves.read(runs[:1]))] == ["Strict accuracy"]


def test_a_picture_takes_any_name(tmp_path):
    suites = dict.fromkeys(("$a$", r"_\frac{ $${ ^", "\ud800\n", "<b> # %s"), 0.1)
    made = run(tmp_path / "$r_{$", {1: {REWARD: 0.5, **validated(**suites)}})
    summary.write(made, out=tmp_path)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG") and (tmp_path / "report.html").is_file()


def test_steps_that_are_missing_and_attempts_that_began_anew_are_said(tmp_path):
    made = run(tmp_path / "r", {step: {REWARD: 0.1} for step in (1, 2, 3, 6, 7, 8, 9)})
    assert curves.gaps(curves.read([made]), 0) == ["The curve lacks the steps 4 to 5."]
    (made.folder / "curve/attempt-2.jsonl").write_text(json.dumps({"step": 1, "data": {REWARD: 0.5}}) + "\n")
    (said,) = curves.gaps(curves.read([made]), 0)
    assert "attempt-2.jsonl began anew at step 1, where an attempt before had reached step 9" in said
    (quickstart(tmp_path / "q").folder / "validation/10.jsonl").unlink()
    assert "The validation of step 10 left no responses" in summary.write(Run(tmp_path / "q"))
    every = run(tmp_path / "every", {step: {REWARD: 0.1} for step in (5, 10, 15)})
    assert curves.gaps(curves.read([every]), 0) == []


# --- responses --------------------------------------------------------------------------------------------------------


def read(made: Run) -> tuple[list[responses.Response], list[str]]:
    said: list[str] = []
    return list(responses.read(made, said.append)), said


def test_dumps_of_all_kinds_are_one_form(tmp_path):
    sample = {
        "question": "countdown/train/7", "group": "g", "sample": 3, "data_source": "countdown", "prompt": "Q <think>\n",
        "response": "r", "ground_truth": "t", "tokens": 9, "truncated": True, "score": 0.5, "acc": 1.0, "format": 0.0,
        "outcome": "correct", "pred": "p", "parts": {"a": 1}, "masked": False, "cut": {"response": 900},
    }  # fmt: skip
    made = run(tmp_path / "r", samples={4: [sample]})
    made.validation.mkdir()
    dumped = {"input": "Q", "output": "r", "gts": "t", "score": 0.1, "acc": 0.0, "format": 1.0, "outcome": "wrong",
              "pred": "x", "parts": '{"a": 0.5}', "step": 2, "uid": "u_0_0"}  # fmt: skip
    (made.validation / "2.jsonl").write_text("".join(json.dumps({**dumped, "uid": f"u{n}"}) + "\n" for n in range(2)))
    (made.folder / "evaluation/step_3/c").mkdir(parents=True)
    asked = {**sample, "finish_reason": "length", "sample": 0, "prompt": [{"role": "user", "content": "Q"}]}
    asked.pop("truncated")
    (made.folder / "evaluation/step_3/c/samples.jsonl").write_text(json.dumps(asked))
    (trained, first, second, evaluated), said = read(made)
    assert said == []
    assert trained[:6] == ("training", 4, ("countdown/train/7", "t"), 3, "countdown", "Q <think>\n")
    assert trained[6:18] == (True, "r", 900, "t", "p", "correct", 0.5, 1.0, 0.0, 9, True, {"a": 1.0})
    assert (trained.masked, first.masked, trained.left_out) == (False, None, None)
    assert (first.step, first.key, first.sample, second.sample) == (2, ("Q", "t"), 0, 1)
    assert (first.parts, first.tokens, first.truncated, first.source) == ({"a": 0.5}, -1, None, "")
    assert (evaluated.kind, evaluated.step, evaluated.truncated, evaluated.prompt) == ("evaluation", 3, True, "user\nQ")
    assert [each.verdict for each in (trained, first)] == ["right", "wrong"]


def test_what_cannot_be_read_is_said_and_the_rest_is_there(tmp_path):
    good = {"response": "one\u2028two", "sample": 0, "question": "q", "step": 1}
    made = run(tmp_path / "r", samples={1: [good, good], 2: [{**good, "step": 5}]})
    zipped = gzip.compress("".join(json.dumps({**good, "sample": n}) + "\n" for n in range(500)).encode())
    (made.folder / "samples/3.jsonl.gz").write_bytes(zipped[:-200])
    made.validation.mkdir()
    row = json.dumps({"output": "ü"}, ensure_ascii=False).encode()
    cut = row + b"\n" + json.dumps({"output": "ä"}, ensure_ascii=False).encode("latin-1") + b"\n[1]\n\n" + row[:-4]
    (made.validation / "1.jsonl").write_bytes(cut)
    (made.validation / "2.jsonl").write_bytes('{"output": "sechzehn"}\n'.encode("utf-16"))
    (made.validation / "3.jsonl").write_bytes(b"\xef\xbb\xbf" + row)
    (made.validation / "4.jsonl").write_bytes(b"")
    found, said = read(made)
    assert [each.response for each in found if each.kind == "validation"] == ["ü", "�", "sechzehn", "ü"]
    assert f"- {said[-1]}\n" in summary.write(made)
    assert found[0].response == "one\u2028two" and Counter(each.step for each in found if each.sample == 0)[1] >= 1
    assert said[0] == "samples/1.jsonl.gz: 1 response is there twice; the first one counts."
    assert said[1].startswith("samples/2.jsonl.gz: 1 response is of another step by their own words")
    assert said[2].startswith("samples/3.jsonl.gz breaks off")
    assert said[-2] == "validation/1.jsonl: 1 line is not in UTF-8; � stands for what could not be read."
    assert said[-1] == (
        "validation/1.jsonl: 2 lines are left out, being no record of a response, the last was cut off."
    )


ODD = (
    {"response": "x", "score": "high", "acc": None, "step": "four", "sample": -3, "tokens": 2.5, "parts": "["},
    {"response": "x", "score": 10**400, "parts": {"a": "b", "c": 1e999}, "truncated": 0, "sample": 2**40, "tokens": 2},
    {"response": "\ud800", "prompt": {"a": "\udfff"}, "ground_truth": [1], "data_source": 5, "outcome": ["x"] * 99},
    {"response": "x", "extra_info": "text", "prompt": None, "question": {"id": 1}, "uid": ["u"], "pred": 7},
)  # fmt: skip


def test_no_value_of_a_record_stops_the_page(tmp_path):
    made = run(tmp_path / "r", samples={1: ODD})
    found, _ = read(made)
    assert len(found) == len(ODD) and found[1].score == math.inf and found[1].parts["c"] == math.inf
    assert page.write(tmp_path / "p.html", curves.read([made]), [], [[]]).left_out == [
        "The page has the numbers and the texts of all 4 responses that the runs kept."
    ]


# --- texts by a budget ------------------------------------------------------------------------------------------------


def rows(steps: int, a_step: int):
    """Responses of which every step has right, wrong, unformatted and truncated ones, and a long one."""
    chance = np.random.default_rng(0)
    for step in range(steps):
        for at in range(a_step):
            outcome = ("correct", "wrong", "wrong", "no_answer")[at % 4]
            words = " ".join(map(str, chance.integers(0, 10**9, 400 if at == a_step - 1 else 40)))
            yield responses.Response(
                "training", step, (f"q{at // 2}", ""), at % 2, "s", f"question {at // 2}", False, words, len(words), "",
                "", outcome, 0.0, float(outcome == "correct"), float(outcome != "no_answer"), 5, at % 5 == 0, {},
            )  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A table of 50 steps with 400 responses each, and a packing of it with room for a part."""
    made = texts.Collection(tmp_path_factory.mktemp("spool"))
    made.add(0, rows(50, 400))
    return made, texts.pack(made, 900_000)


def items(found: texts.Packed) -> list[list]:
    import base64

    blocks = [*found.inside, *(block for _, each in found.files for block in each)]
    return [item for block in blocks for item in json.loads(gzip.decompress(base64.b64decode(block)))]


def test_every_text_is_somewhere_and_the_budget_holds(packed):
    made, found = packed
    assert sum(map(len, found.inside)) <= 900_000 and found.files
    everything = items(found)
    assert len(everything) == found.starts[-1] == 20_000 + 200
    for row, response in enumerate(rows(50, 400)):
        assert everything[found.rows[row]][0] == response.response
        question = everything[found.questions[made.columns()["question"][row]]] if row % 997 == 0 else None
        assert question is None or question[0] == response.prompt
    assert [first for first, _ in found.files] == sorted({first for first, _ in found.files})


def test_the_choice_has_every_step_and_stratum_the_same_questions_and_the_longest(packed):
    made, found = packed
    columns = made.columns()
    shown = set(found.shown)
    assert 1_000 < len(shown) < 15_000
    assert Counter(columns["step"][row] for row in shown).keys() == set(range(50))
    for step in range(50):
        here = [row for row in shown if columns["step"][row] == step]
        assert {int(columns["outcome"][row]) for row in here} == {
            made.outcomes[n] for n in ("correct", "wrong", "no_answer")
        }
        assert any(columns["truncated"][row] for row in here) and step * 400 + 399 in here
    chosen = [{int(columns["question"][row]) for row in shown if columns["step"][row] == step} for step in range(50)]
    assert len(set.intersection(*chosen)) > 0.5 * min(map(len, chosen))


def test_a_beginning_of_the_order_is_spread_over_the_steps():
    assert list(texts.spread_out([])) == [] and list(texts.spread_out([7])) == [7]
    order = list(texts.spread_out(range(100)))
    assert sorted(order) == list(range(100)) and order[:4] == [99, 0, 50, 25]


def test_what_is_left_out_is_said_and_lies_beside_the_page(tmp_path):
    made = run(tmp_path / "r", samples={n: [{"response": "x" * 10, "question": str(n)}] for n in range(3)})
    path = tmp_path / "report.html"
    said = page.write(path, curves.read([made]), [], [[]], most=1).left_out
    assert said[0].startswith("The page has the numbers of all 3 responses, and the texts of 0 of them (wrong 0 of 3;")
    assert len(list((tmp_path / "report_texts").iterdir())) == 1 and "report_texts" in said[0]
    page.write(path, curves.read([made]), [], [[]])
    assert not (tmp_path / "report_texts").exists()


def test_long_curves_are_thinned_and_validations_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "CURVE_NUMBERS", 400)
    steps = {n: {REWARD: 0.1, **(validated(x=0.2) if n % 7 == 0 else {})} for n in range(1, 1001)}
    read = curves.read([run(tmp_path / "r", steps)])
    arrays: dict[str, np.ndarray] = {}
    placed, thinned = page._metrics(read, arrays)
    at = {name: arrays[f"#{where[0]}"] for name, where in placed[0].items()}
    assert thinned == 1 and len(at[REWARD]) <= 201 and at[REWARD][[0, -1]].tolist() == [1, 1000]
    assert len(at["val-core/x/acc/mean@1"]) == 142


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_takes_several_runs_and_a_folder(tmp_path, capsys):
    one, two = quickstart(tmp_path / "one").folder, quickstart(tmp_path / "two").folder
    assert cli.main(["report", str(one), str(two), str(one), "--out", str(tmp_path / "both")]) == 0
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"report.md", "curve.png", "report.html"}
    said = capsys.readouterr().out
    assert said.startswith("\n# one, two\n")
    assert said.endswith(f"for a browser: {(tmp_path / 'both/report.html').as_uri()}\n")
    assert cli.main(["report", str(one), "--out", str(one / "config.yaml")]) == 2
    assert "is a file: name a folder" in capsys.readouterr().err


def test_many_runs_with_long_names_have_a_folder_all_the_same(tmp_path):
    runs = [Run(tmp_path / (letter * 200)) for letter in "abc"]
    assert summary.together(runs).name.startswith("report-3-runs-") and len(summary.together(runs).name) < 40
    assert summary.together(runs) == summary.together(runs) != summary.together(runs[::-1])


def test_two_runs_of_one_name_are_told_apart(tmp_path):
    read = curves.read([run(tmp_path / "a/r"), run(tmp_path / "b/r"), run(tmp_path / "b/s")])
    assert read.names == ["a/r", "b/r", "s"]


def test_a_full_disk_costs_the_page_alone(tmp_path, capsys):
    made = quickstart(tmp_path / "q")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        text = summary.write(made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "accuracy, countdown/3" in text and "No page: " in text
    assert (made.folder / "report.md").is_file() and not (made.folder / "report.html").exists()
    assert {path.name for path in made.folder.iterdir()} == {"config.yaml", "curve", "validation", "report.md"}
