"""The mathematics sets and the evaluation suites: every known form, counts, prompts byte for byte, bad rows."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest
from prepared import rows

from r1_verl.data import read, suites, write
from r1_verl.data.math import problems as math_problems
from r1_verl.data.math import prompts, sets
from r1_verl.data.math.sets import SETS, Problem, Unusable
from r1_verl.data.prompts import PASS_THROUGH


def load(path, name: str):
    left_out = []
    found = read.from_file(path)
    return math_problems.read_rows(found.rows, SETS[name].read, left_out), left_out


def truth(row) -> str:
    return json.loads(row["reward_model"]["ground_truth"])["answer"]


@pytest.mark.parametrize(
    ("file", "name", "usable", "answers"),
    [
        ("data_gsm8k.jsonl", "gsm8k", 4, ["72", "10", "5", None]),
        ("data_math.jsonl", "math", 4, ["0", None, None, "52"]),
        ("data_math8k_qwen.parquet", "math8k", 3, ["118", None, None]),
        ("data_math8k_abel.parquet", "math8k", 3, ["118", None, None]),
        ("data_dapo.parquet", "dapo", 3, ["34", None, None]),
        ("data_deepscaler.json", "deepscaler", 3, ["60", None, None]),
        ("data_numina_tir.jsonl", "numina_tir", 1, [r"\frac{63}{400}"]),
    ],
)
def test_every_form_is_read(fixtures, file, name, usable, answers):
    problems, left_out = load(fixtures / file, name)
    assert len(problems) == usable
    for entry, expected in zip(problems, answers, strict=True):
        assert entry.problem.question.strip() and "boxed{}" not in entry.problem.question
        assert expected is None or entry.problem.answers == (expected,)
    assert all(entry.reason == "has no answer" for entry in left_out)


def answer(problem) -> str:
    return problem.problem.answers[0]


def test_golds_lose_commas_and_leading_zeros(fixtures):
    with_comma = load(fixtures / "data_gsm8k.jsonl", "gsm8k")[0][3]
    assert answer(with_comma).isdigit() and len(answer(with_comma)) > 3
    with_zero = load(fixtures / "data_deepscaler.json", "deepscaler")[0][2]
    assert answer(with_zero) == str(int(answer(with_zero)))


def test_difficulty_is_the_sets_own_measure(fixtures):
    assert load(fixtures / "data_gsm8k.jsonl", "gsm8k")[0][0].problem.difficulty == 2.0  # two marked calculations
    assert load(fixtures / "data_math.jsonl", "math")[0][3].problem.difficulty is None  # Level ?


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("025", "25"), ("27.0", "27"), ("1,234", "1234"), ("-07", "-7"), ("1,23", "1,23"), ("2,3", "2,3")],
)
def test_a_whole_number_has_one_spelling(text, spelled):
    assert sets.whole_number(text) == spelled


def test_answers_are_texts_without_blanks_and_gaps():
    assert sets.answers_of([1.0, " x ", "", None, 2.5]) == ("1", "x", "2.5")


SMALL = {
    "orz": [
        [{"from": "human", "value": "What is 1+1?"}, {"from": "assistant", "ground_truth": {"value": "2"}}],
        [{"from": "human", "value": "What is 1+2?"}, {"from": "assistant", "ground_truth": {"value": ""}}],
        [{"from": "human", "value": "Only one turn"}],
    ],
    "openr1_math": [
        {"problem": "What is $2+2$?", "answer": "4", "question_type": "math-word-problem", "uuid": "a", "source": "x"},
        {"problem": "Show that $1=1$.", "answer": "proof", "question_type": "proof", "uuid": "b"},
        {"problem": "Which one is it?", "answer": "B", "question_type": "MCQ", "uuid": "c"},
        {"problem": "Which? (A) 1 (B) 2 (C) 3", "answer": "B", "question_type": "MCQ", "uuid": "d"},
        {"problem": "What is $2+5$?", "answer": "7", "question_type": "x", "uuid": "a"},
        {"problem": "", "answer": "7"},
    ],
    "dapo": [
        {"prompt": [{"role": "user", "content": prompts.MATH["dapo"].build("What is 3+3?")[0][1]}],
         "reward_model": {"ground_truth": "6", "style": "rule-lighteval/MATH_v2"}, "extra_info": {"index": "u-1"}},
        {"prompt": "What is 3+4?", "solution": "7"},
    ],
    "deepscaler": [
        {"problem": "P1", "answer": ["1", "one"]}, {"problem": "P2", "answer": 27.0}, {"problem": "P3", "answer": None},
    ],
    "math8k": [
        {"input": "x", "question": "Q?", "gt_answer": "5", "level": 3, "subject": "Algebra"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answers", "reasons"),
    [
        ("orz", [("2",)], ["has no answer", "is no pair of turns"]),
        (
            "openr1_math",
            [("4",), ("B",)],
            [
                "asks for a proof",
                "is a choice without its options",
                "has the id of another problem",
                "has no problem text",
            ],
        ),
        ("dapo", [("6",), ("7",)], []),
        ("deepscaler", [("1", "one"), ("27",)], ["has no answer"]),
        ("math8k", [("5",)], []),
    ],
)
def test_forms_known_from_the_sheets(tmp_path, name, answers, reasons):
    (tmp_path / "x.json").write_text(json.dumps(SMALL[name]))
    problems, left_out = load(tmp_path / "x.json", name)
    assert [entry.problem.answers for entry in problems] == answers
    assert [entry.reason for entry in left_out] == reasons
    assert not any("Answer:" in entry.problem.question for entry in problems)


def test_repeats_and_contradictions():
    def read(row):
        if row is None:
            raise Unusable("is nothing")
        return Problem(*row)

    given = [("x + 1", ("1/2",)), ("x+1", ("0.5",)), ("y", ("1",)), ("z", ("3",)), ("y ", ("2",)), None, 5]
    left_out = []
    kept = math_problems.read_rows(given, read, left_out, repeats="drop")
    assert [entry.row for entry in kept] == [0, 3]
    assert [(entry.row, entry.reason) for entry in left_out] == [
        (1, "repeats an earlier problem"),
        (2, "is there with different answers"),
        (4, "is there with different answers"),
        (5, "is nothing"),
        (6, "cannot be read (TypeError)"),
    ]
    kept = math_problems.read_rows(given[:5], read, [])
    assert [entry.row for entry in kept] == [0, 1, 3]


def test_hold_out_depends_on_the_texts_alone():
    problems = [math_problems.Numbered(i, Problem(f"question {i % 50}", ("1",))) for i in range(60)]
    train, test = math_problems.hold_out(problems, 10)
    assert 10 <= len(test) <= 11 and len(train) + len(test) == 60
    assert not {p.problem.question for p in train} & {p.problem.question for p in test}
    assert {p.problem.question for p in math_problems.hold_out(problems[::-1], 10)[1]} == {
        p.problem.question for p in test
    }


@pytest.mark.parametrize(("file", "style"), [("qwen", "simplerl"), ("abel", "instruct")])
def test_math8k_prompts_byte_for_byte(fixtures, file, style):
    same_as_published(fixtures / f"data_math8k_{file}.parquet", style)


@pytest.mark.parametrize(("file", "style"), [("qwen", "simplerl"), ("abel", "instruct")])
def test_all_of_math8k_byte_for_byte(data_dir, file, style):
    path = data_dir / "math" / "simplerl_8k" / f"simplelr_{file}_level3to5_train.parquet"
    assert same_as_published(path, style) == 8521  # all but the two without an answer


def same_as_published(path, style) -> int:
    published = pq.read_table(path).to_pylist()
    problems, _ = load(path, "math8k")
    examples = list(math_problems.to_examples(problems, "math8k", "train", style, prompts.MATH))
    for example in examples:
        row = published[example.index]
        assert example.messages == tuple((m["role"], m["content"]) for m in row["prompt"])
        assert json.loads(example.ground_truth) == {"task": "math", "answer": row["reward_model"]["ground_truth"]}
    return len(examples)


def test_unwrapping_undoes_every_plain_wrapper():
    question = "Find $x$.\nGive it as a fraction."
    for before, after in prompts.WRAPPERS:
        assert prompts.unwrap(before + question + after) == question
    assert prompts.unwrap(question) == question


@pytest.mark.parametrize("style", prompts.GSM8K)
def test_every_style_makes_prompts_whose_golds_score(style, fixtures):
    from r1_verl.data.gold import check_gold

    problems, _ = load(fixtures / "data_gsm8k.jsonl", "gsm8k")
    chosen = prompts.GSM8K[style]
    examples = list(math_problems.to_examples(problems, "gsm8k", "train", style, prompts.GSM8K))
    for example in examples:
        info = {"think_in_prompt": example.think_in_prompt}
        assert check_gold(example.data_source, example.ground_truth, info, reward=example.reward) == ""
        assert (example.data_source, example.reward) == ("gsm8k", chosen.reward)
        assert example.question in example.messages[-1][1]
        assert example.think_in_prompt == example.messages[-1][1].endswith("<think>")
        assert not chosen.raw or len(example.messages) == 1


def test_the_data_source_is_the_set_and_the_style_names_the_reward_it_announces():
    from r1_verl.scorers import find_reward, find_scorer

    made = [math_problems.Numbered(0, Problem("Q", ("1",)))]
    own = {"gsm8k", "deepscaler", "dapo", "orz"}  # sets with a published reward of their name
    for name in SETS:
        assert find_scorer(name).name == (name if name in own else "math")
        for style in prompts.MATH:
            (example,) = math_problems.to_examples(made, name, "train", style, prompts.MATH)
            assert (example.data_source, example.reward) == (name, prompts.MATH[style].reward)
            assert not example.reward or find_reward(example.reward).task == "math"


@pytest.mark.parametrize(("script_name", "old", "now"), [("gsm8k", "marked_bias", "marked"),
    ("gsm8k", "grpo_bias", "deepscaler"), ("math8k", "grpo_bias", "deepscaler")])  # fmt: skip
def test_a_style_of_earlier_versions_is_answered_with_its_new_name(script, script_name, old, now):
    status, _, err = script(script_name, "--style", old)
    assert status == 2
    assert f"{old!r} is {now!r} now: the same prompt; a recipe names the reward\n" in err
    assert "invalid choice: 'marked_bias'" in script("math8k", "--style", "marked_bias")[2]


def test_raw_styles_are_what_the_pass_through_template_gives():
    import jinja2

    template = jinja2.Template(PASS_THROUGH)
    for style in prompts.MATH.values():
        if style.raw:
            ((role, content),) = style.build("What is 1 + 1?")
            assert template.render(messages=[{"role": role, "content": content}]) == content


SCRIPTS = {
    "gsm8k": ("gsm8k/train.jsonl.gz", "gsm8k/test.jsonl.gz", 7473, 1319),
    "math_lighteval": ("math/train.jsonl.gz", "math/test.jsonl.gz", 7500, 5000),
    "math8k": (
        "math/simplerl_8k/simplelr_qwen_level3to5_train.parquet",
        "math/simplerl_8k/simplelr_qwen_level3to5_test.parquet",
        8523,
        500,
    ),
    "dapo": ("dapo/train.parquet", None, 17398, 0),
    "deepscaler": ("deepscaler/train_math.json.gz", None, 7474, 0),
    "numina_tir": ("numina_tir/train_first_row.jsonl", None, 1, 0),
}
# What is left out of them: never a repeat, only rows that cannot be learnt from.
LEFT_OUT = {
    "math_lighteval": {"has no answer": 2},
    "math8k": {"has no answer": 2},
    "deepscaler": {"has no answer": 4},
    "dapo": {"is there with different answers": 16},
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_counts_of_the_real_files(script, data_dir, tmp_path, name):
    train, test, read, tested = SCRIPTS[name]
    more = ("--test-source", data_dir / test) if test else ()
    status, out, err = script(name, "--source", data_dir / train, *more, "--out", "out")
    assert status == 0, err
    assert f": {read} rows, " in out
    written = rows(tmp_path / "out/train.parquet")
    record = json.loads((tmp_path / "out/train.provenance.json").read_text())
    assert record["left_out_counts"] == LEFT_OUT.get(name, {})
    assert len(record["left_out"]) == sum(record["left_out_counts"].values())
    assert len(written) + len(record["left_out"]) == read
    assert len({r["extra_info"]["index"] for r in written}) == len(written)
    if tested:
        assert len(rows(tmp_path / "out/test.parquet")) == tested


def test_repeats_can_be_dropped(script, data_dir, tmp_path):
    source = ("--source", data_dir / "math/train.jsonl.gz")
    assert script("math_lighteval", *source)[1].startswith(
        "train.jsonl.gz: 7500 rows, 7498 usable, 2 of them repeat an earlier one\n"
    )
    assert script("math_lighteval", *source, "--repeats", "drop", "--out", "once")[0] == 0
    assert len(rows(tmp_path / "data/math/train.parquet")) == 7498
    assert len(rows(tmp_path / "once/train.parquet")) == 7496
    assert write.read_provenance(tmp_path / "once/train.parquet")["left_out"] == {
        "has no answer": 2,
        "repeats an earlier problem": 2,
    }


def test_folders_and_held_out_rows(script, data_dir, tmp_path):
    assert script("gsm8k", "--source", data_dir / "gsm8k", "--test-size", 50, "--limit", 400, "--out", "a")[0] == 0
    assert len(rows(tmp_path / "a/train.parquet")) == 350 and len(rows(tmp_path / "a/test.parquet")) == 50


def test_bad_input_of_a_script_is_one_line(script, fixtures, tmp_path):
    (tmp_path / "foreign.jsonl").write_text('{"text": "no problem here"}')
    status, _, err = script("math_lighteval", "--source", "foreign.jsonl")
    assert status == 1 and err.startswith("error: foreign.jsonl has no usable row for math")
    assert "its columns: text" in err and "DigitalLearningGmbH/MATH-lighteval" in err
    status, _, err = script("gsm8k", "--source", fixtures / "data_gsm8k.jsonl", "--test-size", 4)
    assert status == 1 and "leaves nothing to train on" in err
    status, _, err = script("gsm8k", "--source", tmp_path)
    assert status == 1 and "holds no train" in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("style", ["deepscaler", "openr1", "grpo_demo", "instruct"])
def test_a_template_that_opens_the_thinking(script, fixtures, tmp_path, style):
    source = ("--source", fixtures / "data_gsm8k.jsonl", "--style", style, "--think-in-prompt")
    assert script("gsm8k", *source, "--out", "t") == (
        0,
        "data_gsm8k.jsonl: 4 rows, 4 usable\nt/train.parquet: 4 rows\n",
        "",
    )
    assert all(r["extra_info"]["think_in_prompt"] for r in rows(tmp_path / "t/train.parquet"))


def test_a_template_that_opens_the_thinking_of_other_tasks(script, fixtures, tmp_path):
    raw = ("--source", fixtures / "data_gsm8k.jsonl", "--style", "raw", "--think-in-prompt")
    status, _, err = script("gsm8k", *raw)
    assert status == 1 and "--think-in-prompt is for chat styles" in err
    small = ("--train-size", 5, "--test-size", 0, "--think-in-prompt")
    for name in ("countdown", "kk", "multiply"):
        assert script(name, *small, "--style", "base", "--out", name)[0] == 0
        assert all(r["extra_info"]["think_in_prompt"] for r in rows(tmp_path / name / "train.parquet"))


SUITE_ROWS = {
    "simplerl": {"aime24": 30, "amc23": 40, "math500": 500, "minerva": 272, "olympiadbench": 675, "gsm8k": 1319},
    "deepscaler": {"aime24": 30, "amc": 83, "math500": 500, "minerva": 272, "olympiadbench": 675},
    "understand_r1_zero_arrow": {"aime24": 30, "amc": 83, "math500": 500, "minerva": 272, "olympiadbench": 675},
    "verl_schema": {"aime24": 30, "amc23": 40, "aime25": 30},
    "logic_rl": {"amc": 83, "aime_2021_2024": 103},
}


@pytest.mark.parametrize("collection", SUITE_ROWS)
def test_suites_of_every_collection(script, data_dir, tmp_path, collection):
    expected = SUITE_ROWS[collection]
    folder = data_dir / "eval" / collection
    status, _, err = script("eval_suites", "--suites", ",".join(expected), "--source", folder, "--out", "e")
    assert (status, err) == (0, "")
    for name, count in expected.items():
        written = rows(tmp_path / "e" / f"{name}.parquet")
        assert len(written) == count
        assert {r["data_source"] for r in written} == {name}


def test_suites_of_the_fixture(script, fixtures, tmp_path):
    names = "aime24,amc23,math500,minerva,olympiadbench"
    status, _, err = script("eval_suites", "--suites", names, "--source", fixtures / "data_eval", "--style", "raw")
    assert (status, err) == (0, "")
    one = {name: rows(tmp_path / f"data/eval/{name}.parquet")[0] for name in names.split(",")}
    assert truth(one["aime24"]) == "25" and truth(one["amc23"]) == "27"
    assert all(r["extra_info"]["think_in_prompt"] and r["extra_info"]["split"] == "test" for r in one.values())
    assert json.loads(one["olympiadbench"]["extra_info"]["meta"])["is_multiple_answer"] is True
    status, _, err = script("eval_suites", "--suites", "aime25", "--source", fixtures / "data_eval")
    assert status == 1 and "holds no file for aime25" in err
    assert script("eval_suites", "--suites", "aime99")[0] == 2
    one_file = fixtures / "data_eval" / "aime24.jsonl"
    assert "is one file" in script("eval_suites", "--suites", "aime24,amc23", "--source", one_file)[2]
    assert script("eval_suites", "--suites", "aime24", "--source", one_file, "--out", "one")[0] == 0


def test_suites_of_puzzles_are_generated(fixtures):
    left_out = []
    made, record = suites.examples("countdown", "hub", "simplerl", 40, left_out)
    made = list(made)
    assert len(made) == 40 and {e.style for e in made} == {"raw"} and record["source"] == "generate"
    assert {e.data_source for e in made} == {"countdown/3", "countdown/4"}
    made, _ = suites.examples("kk", "hub", "openr1", None, left_out)
    made = list(made)
    assert Counter(e.data_source for e in made) == {f"kk/{n}ppl": 100 for n in range(2, 9)}
    assert {e.style for e in made} == {"instruct"}
