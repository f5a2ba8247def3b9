"""GPQA Diamond, MMLU-Pro and TheoremQA: rows made up here in the hub's columns. None was run on the real set."""

from __future__ import annotations

import json

import pytest
from prepared import rows

from r1_verl import compute_score
from r1_verl.data.math import choices
from r1_verl.data.math.sets import Unusable

GPQA = {  # a made-up question in the columns of Idavidrein/gpqa
    "Record ID": "recMadeUp1", "Question": "Which of these is a prime number?\n", "Correct Answer": " 7\n",
    "Incorrect Answer 1": "4", "Incorrect Answer 2": "6 ", "Incorrect Answer 3": "9",
    "High-level domain": "Mathematics", "Subdomain": "Numbers", "Explanation": "4, 6 and 9 are products.",
    "Canary String": "made up",
}  # fmt: skip
MMLU_PRO = {  # in the columns of TIGER-Lab/MMLU-Pro
    "question_id": 7, "question": "What is 2 + 3?", "options": ["4", "5", "6", "7", "8", "9", "1", "2", "3", "0"],
    "answer": "B", "answer_index": 1, "cot_content": "", "category": "math", "src": "made up",
}  # fmt: skip
THEOREMQA = {  # in the columns of TIGER-Lab/TheoremQA
    "Question": "How many subsets has a set of three?", "Answer": "8", "Answer_type": "integer", "Picture": None,
}  # fmt: skip


def write(path, *made):
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


def prepared(script, tmp_path, suite, *made, style="instruct"):
    write(tmp_path / f"{suite}.jsonl", *made)
    status, _, err = script("eval_suites", "--suites", suite, "--source", tmp_path, "--out", "out", "--style", style)
    assert status == 0, err
    return rows(tmp_path / f"out/{suite}.parquet")


def test_gpqa(script, tmp_path):
    (row,) = prepared(script, tmp_path, "gpqa_diamond", GPQA)
    question, truth = row["extra_info"]["question"], json.loads(row["reward_model"]["ground_truth"])
    assert row["data_source"] == "gpqa_diamond"
    head, options = question.split("\n\n")
    assert head == "Which of these is a prime number?"
    assert sorted(line[3:] for line in options.split("\n")) == ["4", "6", "7", "9"]
    assert f"{truth['answer']}) 7" in options.split("\n") and row["prompt"][0]["content"].startswith(question)
    assert json.loads(row["extra_info"]["meta"]) == {
        "Record ID": "recMadeUp1", "High-level domain": "Mathematics", "Subdomain": "Numbers",
    }  # fmt: skip


def test_the_right_answer_of_gpqa_stands_anywhere_and_always_there():
    found = [choices.read_gpqa({**GPQA, "Record ID": f"rec{n}"}).answers[0] for n in range(400)]
    assert all(70 < found.count(letter) < 130 for letter in "ABCD")
    assert found == [choices.read_gpqa({**GPQA, "Record ID": f"rec{n}"}).answers[0] for n in range(400)]


def test_lighteval_asks_gpqa_in_its_own_words(script, tmp_path):
    (row,) = prepared(script, tmp_path, "gpqa_diamond", GPQA, style="lighteval_choice")
    text = row["prompt"][0]["content"]
    assert text.startswith("Answer the following multiple choice question. The last line of your response should be")
    assert "is one of ABCD. Think step by step before answering.\n\nWhich of these is" in text
    assert "\n\nA) " in text and text.count("\n") == 2 + 2 + 3


def test_mmlu_pro(script, tmp_path):
    (row,) = prepared(script, tmp_path, "mmlu_pro", MMLU_PRO)
    assert json.loads(row["reward_model"]["ground_truth"])["answer"] == "B"
    assert (
        row["extra_info"]["question"].split("\n")[2:4] == ["A) 4", "B) 5"] and "\nJ) 0" in row["prompt"][0]["content"]
    )


@pytest.mark.parametrize(
    ("response", "acc"),
    [("\\boxed{B}", 1.0), ("So it is\nAnswer: B", 1.0), ("\\boxed{(B)}", 1.0), ("\\boxed{\\text{B}}", 1.0),
     ("\\boxed{B) 5}", 1.0), ("\\boxed{A}", 0.0), ("\\boxed{AB}", 0.0), ("\\boxed{B or C}", 0.0), ("B", 0.0)],
)  # fmt: skip
def test_letters_are_judged_strictly(response, acc):
    for suite in ("mmlu_pro", "gpqa_diamond"):
        assert compute_score(suite, response, json.dumps({"answer": "B", "task": "math"}))["acc"] == acc


@pytest.mark.parametrize(
    ("answer", "kind", "right", "wrong"),
    [("8", "integer", "8", "9"), ("3.464", "float", "2\\sqrt{3}", "3.4"), ("True", "bool", "True", "False"),
     ("[1, 2]", "list of integer", "[1, 2]", "[1, 3]"), ("(b)", "option", "b", "c"), (8, "integer", "8", "7")],
)  # fmt: skip
def test_theoremqa(script, tmp_path, answer, kind, right, wrong):
    (row,) = prepared(script, tmp_path, "theoremqa", {**THEOREMQA, "Answer": answer, "Answer_type": kind})
    truth = row["reward_model"]["ground_truth"]
    assert compute_score("theoremqa", f"\\boxed{{{right}}}", truth)["acc"] == 1.0
    assert compute_score("theoremqa", f"\\boxed{{{wrong}}}", truth)["acc"] == 0.0
    assert json.loads(row["extra_info"]["meta"]) == {"answer_type": kind}


def test_a_picture_is_marked():
    found = choices.read_theoremqa({**THEOREMQA, "Picture": {"bytes": b"png"}})
    assert found.meta == {"answer_type": "integer", "picture": True}


@pytest.mark.parametrize(
    ("read", "row", "why"),
    [
        (choices.read_gpqa, {**GPQA, "Incorrect Answer 2": "7"}, "right answer among the wrong ones"),
        (choices.read_gpqa, {**GPQA, "Incorrect Answer 3": None}, "no text in the column Incorrect Answer 3"),
        (choices.read_gpqa, {**GPQA, "Question": " "}, "no text in the column Question"),
        (choices.read_mmlu_pro, {**MMLU_PRO, "answer": "K"}, "none of its options"),
        (choices.read_mmlu_pro, {**MMLU_PRO, "answer": "AB"}, "none of its options"),
        (choices.read_mmlu_pro, {**MMLU_PRO, "answer_index": 2}, "answer_index that differ"),
        (choices.read_mmlu_pro, {**MMLU_PRO, "options": "4 or 5"}, "no list of options"),
        (choices.read_theoremqa, {**THEOREMQA, "Answer": ""}, "has no answer"),
    ],
)
def test_rows_that_cannot_be_used(read, row, why):
    with pytest.raises(Unusable, match=why):
        read(row)


# --- games, which are generated ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "style", "rules"), [("sokoban", "instruct", "ragen_v1"), ("sokoban", "raw", "ragen_2025_02")]
)
def test_sokoban_is_a_suite(script, tmp_path, suite, style, rules):
    status, _, err = script("eval_suites", "--suites", suite, "--out", "out", "--style", style, "--limit", "20")
    assert status == 0, err
    found = rows(tmp_path / f"out/{suite}.parquet")
    truths = [json.loads(row["reward_model"]["ground_truth"]) for row in found]
    assert len(found) == 20 and {truth["rules"] for truth in truths} == {rules}
    assert [row["data_source"] for row in found] == [f"sokoban/{truth['shortest']}" for truth in truths]


def test_frozen_lake_is_a_suite(script, tmp_path):
    pytest.importorskip("gymnasium")
    status, _, err = script("eval_suites", "--suites", "frozenlake", "--out", "out", "--limit", "9")
    assert status == 0, err
    found = rows(tmp_path / "out/frozenlake.parquet")
    assert len(found) == 9 and all(row["data_source"].startswith("frozen_lake/") for row in found)
