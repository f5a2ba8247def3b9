"""Long chain-of-thought sets: every hub form, the filters, and what the scorer accepts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from prepared import rows

from r1_verl.data.math import cold_start, prompts
from r1_verl.data.math.cold_start import Limits
from r1_verl.data.math.traces import COT_SETS, Trace, Traced, gold_of, split_trace

LONG = " ".join(f"Step {i}: we add {i} and check the sum again." for i in range(1, 12))


def think(answer: str, thinking: str = LONG) -> str:
    return f"<think>\n{thinking}\n</think>\n\nThe answer is $\\boxed{{{answer}}}$."


def marked(answer: str) -> str:
    return (
        f"<|begin_of_thought|>\n\n{LONG}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n"
        f"So \\boxed{{{answer}}}.\n\n<|end_of_solution|>"
    )


FORMS = {
    "openr1_math": [
        {
            "problem": "What is 2+2?", "answer": "4", "source": "olympiads",
            "generations": [think("5"), think("4", LONG * 2), think("4"), "<think>cut"],
            "correctness_math_verify": [False, True, True, False], "correctness_llama": None,
            "is_reasoning_complete": [True, True, True, False], "finish_reasons": ["stop", "stop", "stop", "length"],
        },
        {"problem": "What is 2+3?", "answer": "5", "generations": [think("6")], "correctness_math_verify": [True]},
        {"problem": "What is 2+4?", "answer": "6", "generations": [think("6")], "correctness_math_verify": [False]},
        {"problem": "What is 2+5?", "answer": "7", "generations": [think("7")], "finish_reasons": ["length"]},
        {"problem": "What is 2+6?", "answer": "8", "generations": []},
    ],
    "openthoughts": [
        {"problem": "What is 2+2?", "deepseek_reasoning": LONG, "deepseek_solution": "It is \\boxed{4}.",
         "ground_truth_solution": "We add: \\boxed{4}", "domain": "math", "source": "numina"},
        {"problem": "Sort a list", "deepseek_reasoning": LONG, "deepseek_solution": "x", "domain": "code"},
        {"system": "Your role ...", "conversations": [
            {"from": "user", "value": "Return your final response within \\boxed{}. What is 3+3?"},
            {"from": "assistant", "value": marked("6")}]},
    ],
    "bespoke_stratos": [
        {"system": "s", "conversations": [
            {"from": "user", "value": "What is 1+1?"}, {"from": "assistant", "value": marked("2")}]},
    ],
    "r1_distill": [
        {"problem": "What is 2+2?", "solution": "so \\boxed{4}", "reannotated_assistant_content": think("4")},
        {"messages": [
            {"role": "user", "content": "What is 2+3?"}, {"role": "assistant", "content": "\\boxed{5}"}],
         "reannotated_assistant_content": think("5"), "source_dataset": "x"},
        {"id": "3", "problem": "What is 2+4?", "solution": "6", "reannotated_assistant_content": "<think>never ends"},
    ],
    "dolphin_r1": [
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "What is 2+2?"}],
         "reasoning": LONG, "answer": "It is $\\boxed{4}$.", "model": "deepseek"},
    ],
}  # fmt: skip


def convert(name: str, unverified: bool = False, form: str = "r1"):
    left_out = []
    style = prompts.MATH["instruct"]
    made = list(cold_start.convert(FORMS[name], COT_SETS[name], style, left_out, form, unverified=unverified))
    return made, [entry.reason for entry in left_out]


def test_openr1_keeps_the_shortest_right_trace():
    made, reasons = convert("openr1_math")
    assert [row.row for row in made] == [0]
    assert made[0].messages[-1] == ("assistant", think("4"))
    assert made[0].messages[0] == prompts.MATH["instruct"].build("What is 2+2?")[0]
    assert json.loads(made[0].ground_truth)["answer"] == "4"
    assert reasons == [
        "is not right by our scorer (wrong)",
        "is marked wrong by the set",
        "is cut off",
        "has no trace",
    ]


def test_openthoughts_in_both_configurations():
    made, reasons = convert("openthoughts")
    assert len(made) == 1 and made[0].messages[-1][1] == f"<think>\n{LONG}\n</think>\n\nIt is \\boxed{{4}}."
    assert reasons == ["is no mathematics (code)", "has no gold to check against"]
    made, _ = convert("openthoughts", unverified=True)
    assert made[1].question == "What is 3+3?" and made[1].ground_truth == ""
    assert made[1].messages[-1][1] == f"<think>\n{LONG}\n</think>\n\nSo \\boxed{{6}}."


def test_r1_distill_in_both_versions():
    made, reasons = convert("r1_distill")
    assert [json.loads(row.ground_truth)["answer"] for row in made] == ["4", "5"]
    assert reasons == ["has no closed thinking"]


@pytest.mark.parametrize("name", ["bespoke_stratos", "dolphin_r1"])
def test_sets_without_golds_are_kept_only_when_asked_for(name):
    assert convert(name) == ([], ["has no gold to check against"])
    made, reasons = convert(name, unverified=True)
    assert len(made) == 1 and not reasons


def test_the_form_tags_puts_the_answer_into_tags():
    (row,), _ = convert("openr1_math", form="tags")
    assert row.messages[-1][1].endswith("</think>\n<answer>\nThe answer is $\\boxed{4}$.\n</answer>")


QUESTION = "What is 2+2?"


@pytest.mark.parametrize(
    ("thinking", "why"),
    [
        (LONG, ""),
        ("short", "is too short"),
        (LONG * 200, "is too long"),
        (f"{LONG}\n```python\nprint(4)\n```", "has a code block"),
        (f"{LONG} 所以答案是四", "mixes languages"),
        (f"{LONG} потому что", "mixes languages"),
        (f"{LONG} α + β = γ, ℝ, 𝑥𝑦𝑧, naïve é ü", ""),
        ("word " * 700, "has an over-long paragraph"),
        ("\n\n".join([LONG] * 4), "repeats itself"),
    ],
)
def test_a_filter_says_why_a_trace_is_unreadable(thinking, why):
    assert cold_start.unreadable(QUESTION, Trace(thinking, "So \\boxed{4}."), Limits()) == why


def test_a_chinese_problem_may_be_thought_about_in_chinese():
    assert cold_start.unreadable("二加二等于多少？", Trace(f"{LONG} 所以答案是四", "\\boxed{4}"), Limits()) == ""
    assert cold_start.scripts("aé日か한") == Counter(latin=2, cjk=2, hangul=1)


def test_repetition_is_the_share_of_repeated_phrases():
    assert cold_start.repetition("a b c") == 0.0
    words = " ".join(map(str, range(40)))
    assert cold_start.repetition(words) == 0.0
    assert cold_start.repetition(f"{words} {words}") == pytest.approx(21 / 61)


def test_limits_can_be_chosen():
    trace = Traced(QUESTION, "4", (Trace("short", "\\boxed{4}"),))
    assert cold_start.best(trace, replace(Limits(), shortest=1), "r1", False)[0]
    assert cold_start.best(trace, Limits(), "r1", False) == ("", "is too short")


def test_golds_are_read_and_missing_marks_are_named():
    assert gold_of("so \\boxed{\\frac12}") == "\\frac12" and gold_of(4) == "4" and gold_of("") is None
    assert gold_of("a long story\nwithout a box") is None and gold_of(None) is None
    assert split_trace(None).flaw == "is no text"
    assert split_trace("no marks").flaw == "has no closed thinking"


def test_the_script_reads_every_form(script, tmp_path):
    for name in FORMS:
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, FORMS[name])))
        status, _, err = script("long_cot", name, "--source", f"{name}.jsonl", "--unverified", "--out", "cot")
        assert (status, err) == (0, "")
        written = rows(tmp_path / f"cot/{name}.parquet")
        record = json.loads((tmp_path / f"cot/{name}.provenance.json").read_text())
        assert len(written) + len(record.get("left_out_rows", [])) == len(FORMS[name])
        assert [m["role"] for m in written[0]["messages"]] == ["user", "assistant"]
    assert "left out 1 of 5: is cut off" in script("long_cot", "openr1_math", "--source", "openr1_math.jsonl")[1]
    path = tmp_path / "openr1_math.parquet"
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(FORMS["openr1_math"]), path)  # nulls and lists as the hub has them
    assert script("long_cot", "openr1_math", "--source", path, "--out", "again")[0] == 0
    assert (
        rows(tmp_path / "again/openr1_math.parquet")[0]["messages"]
        == rows(tmp_path / "cot/openr1_math.parquet")[0]["messages"]
    )
    shown = script("long_cot", "openr1_math", "--source", path, "--dry-run", "--form", "tags", "--out", "none")[1]
    assert "</think>\n<answer>\n" in shown and not (tmp_path / "none").exists()


def test_no_trace_left_is_an_error(script, tmp_path):
    (tmp_path / "x.jsonl").write_text(json.dumps(FORMS["dolphin_r1"][0]))
    status, _, err = script("long_cot", "dolphin_r1", "--source", "x.jsonl", "--out", "cot")
    assert status == 1 and err.startswith("error: dolphin_r1.parquet: no row is left to write; left out 1: has no gold")
    assert not (tmp_path / "cot/dolphin_r1.parquet").exists()
