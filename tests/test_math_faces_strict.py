"""Strict mode of the mathematics faces: where the answer stands, golds in every form, options, formats, ladders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from r1_verl.ground_truth.math import golds, raw_golds
from r1_verl.reward import compute_score
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, LADDERS, WRONG, Score
from r1_verl.scorers import UnknownNameError
from r1_verl.scorers.answers import final_answer


def found(source, response, gold="5", **kw):
    return compute_score(source, response, gold, kw.pop("extra_info", None), **kw)


# --- the one final answer ---------------------------------------------------------------------------------------------

ANSWERS = [
    ("box", r"so \boxed{5}", "5", True),
    ("last box", r"\boxed{4} no, \boxed{5}", "5", True),
    ("unclosed last box", r"\boxed{4} no, \boxed{5", None, False),
    ("empty last box", r"\boxed{4} no, \boxed{}", "", True),
    ("tag", "<answer> 5 </answer>", "5", False),
    ("box in the tag", r"<answer> so \boxed{5} </answer>", "5", True),
    ("tag beats a box before it", r"\boxed{4} <answer>5</answer>", "5", False),
    ("tag beats a box behind it", r"<answer>5</answer> User: another? \boxed{6}", "5", False),
    ("last tag", "<answer>4</answer> <answer>5</answer>", "5", False),
    ("unclosed tag", "<answer> 5", None, False),
    ("unclosed tag around a closed box", r"<answer> \boxed{5}", "5", True),
    ("closed tag, then an unclosed one", "<answer>5</answer> <answer>6", None, False),
    ("empty tag", "<answer> </answer>", "", False),
    ("empty tag, box behind it", r"<answer></answer> \boxed{5}", "5", True),
    ("box without its backslash", "<answer>boxed{5}</answer>", "5", False),
    ("answer line", "so\nAnswer: 5\n", "5", False),
    ("bold answer line", "**Answer:** 5", "5", False),
    ("mark", "#### 5", "5", False),
    ("mark and end mark", "#### 5<|endoftext|>", "5", False),
    ("nothing", "so it is 5", None, False),
]


@pytest.mark.parametrize(("text", "answer", "boxed"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_final_answer(text, answer, boxed):
    assert final_answer(text) == (answer, boxed)


SOURCES = [
    "math",
    "math_eval",
    "minerva",
    "simplerl",
    "simplerl_v1",
    "drgrpo",
    "drgrpo_r1",
    "orz",
    "openr1",
    "gsm8k",
    "dapo",
]


@pytest.mark.parametrize("source", SOURCES)
def test_thinking_is_no_answer(source):
    behind = "<answer>\n\\boxed{5}\n</answer>"
    opened = {"think_in_prompt": True}
    assert found(source, f"<think>a</think>\n{behind}")["acc"] == 1.0
    assert found(source, f"a</think>\n{behind}", extra_info=opened)["acc"] == 1.0
    assert found(source, f"<think>{behind}</think>")["acc"] == 0.0
    assert found(source, f"<think>{behind}")["outcome"] == "no_answer"
    assert found(source, behind, extra_info=opened)["outcome"] == "no_answer"
    assert found(source, f"<think>a</think> {behind.replace('5', '6')} <think> {behind}")["acc"] == 0.0


def test_gsm8k_reads_a_box_where_no_mark_is_and_a_mark_anywhere():
    assert found("gsm8k", "so \\boxed{5}")["acc"] == 1.0 and found("gsm8k", "so \\boxed{5}")["format"] == 0.0
    assert found("gsm8k", "#### 5\n" + "word " * 200)["acc"] == 1.0
    assert found("gsm8k", "#### Step 1\nadd\n#### Final answer\n\\boxed{5}")["acc"] == 1.0
    assert found("gsm8k", "#### $1,800.00", "1800")["acc"] == 1.0


def test_deepscaler_wants_one_closed_thinking():
    assert found("deepscaler", "<think>a</think> \\boxed{5}")["outcome"] == "correct"
    for text in ("\\boxed{5}", "<think>a \\boxed{5}", "<think>a</think> b </think> \\boxed{5}", "a</think> \\boxed{5}"):
        assert found("deepscaler", text)["outcome"] == "bad_format"
    assert found("deepscaler", "<think>a</think> so 5")["outcome"] == "no_answer"
    opened = {"think_in_prompt": True}
    assert found("deepscaler", "a</think> \\boxed{5}", extra_info=opened)["outcome"] == "correct"
    assert found("deepscaler", "<think>a</think> \\boxed{5}", extra_info=opened)["outcome"] == "correct"
    assert found("deepscaler", "a <think> b</think> \\boxed{5}", extra_info=opened)["outcome"] == "bad_format"


def test_orz_wants_a_closed_tag_and_a_box():
    assert found("orz", "<answer>\\boxed{5}</answer>")["outcome"] == "correct"
    for text in ("\\boxed{5}", "<answer>5</answer>", "<answer>\\boxed{5}"):
        assert found("orz", text)["outcome"] == "no_answer"


def test_multiply_wants_a_plain_integer():
    for text, acc in (
        ("56088", 1),
        ("56,088", 1),
        ("+56088", 1),
        ("56 088", 0),
        ("56088.0", 0),
        ("5_6088", 0),
        ("٥6088", 0),
    ):
        assert found("multiply", f"<answer>{text}</answer>", 56088)["acc"] == acc
    assert found("multiply", "<answer>56088</answer> trailing", 56088)["acc"] == 1
    assert found("multiply", "<think><answer>56088</answer>", 56088)["outcome"] == "no_answer"


# --- golds ------------------------------------------------------------------------------------------------------------

GOLDS = [
    ("5", ("5",)),
    (" 5 ", ("5",)),
    (5, ("5",)),
    (5.0, ("5.0",)),
    (np.int64(5), ("5",)),
    (np.array(["5", "6"]), ("5", "6")),
    (["5", 6], ("5", "6")),
    ({"answer": "5"}, ("5",)),
    ({"answers": ["5", "6"]}, ("5", "6")),
    ('{"answer":"5","task":"math"}', ("5",)),
    ('{"answers":["5","6"],"task":"math"}', ("5", "6")),
    ("\\boxed{5}", ("5",)),
    ("We add and get $\\boxed{\\frac{1}{2}}$.", ("\\frac{1}{2}",)),
    ("He adds.\n#### 1,800", ("1,800",)),
    ("{1,2}", ("{1,2}",)),  # a set, no JSON of ours
    ("[1,2]", ("[1,2]",)),
    ('{"a": 1}', ('{"a": 1}',)),
    ("", ()),
    (None, ()),
    (True, ()),
    (float("nan"), ()),
    ("\\boxed{}", ()),
    ([], ()),
]


@pytest.mark.parametrize(("truth", "wanted"), GOLDS, ids=[repr(truth)[:40] for truth, _ in GOLDS])
def test_golds(truth, wanted):
    assert golds(truth) == wanted


def test_raw_golds_are_as_the_row_spells_them():
    assert raw_golds("We get $\\boxed{5}$.") == ("We get $\\boxed{5}$.",)
    assert raw_golds('{"answer":" 5","task":"math"}') == (" 5",)


@pytest.mark.parametrize("source", ["math", "deepscaler", "drgrpo", "gsm8k", "dapo", "simplerl"])
def test_any_of_several_golds_will_do(source):
    response = "<think>a</think> \\boxed{6}"
    for mode in ("strict", "faithful"):
        if source in ("gsm8k",) and mode == "faithful":
            continue  # its published form is `#### 6`
        assert found(source, response, ["5", "6"], mode=mode)["outcome"] == "correct", mode
        assert found(source, response, ["5", "7"], mode=mode)["outcome"] == "wrong", mode


# --- options ----------------------------------------------------------------------------------------------------------


def test_a_percent_sign_may_be_dropped_and_a_list_has_no_order():
    assert found("math", "\\boxed{25\\%}", "25")["acc"] == 1.0
    assert found("math", "\\boxed{2,1}", "1,2")["acc"] == 1.0
    assert found("math", "\\boxed{3.1416}", "\\pi")["acc"] == 0.0


def test_wrong_names_are_named():
    with pytest.raises(UnknownNameError, match=r"unknown open-r1 reward 'acuracy'; did you mean 'accuracy'\?"):
        found("openr1", "\\boxed{5}", openr1_weights={"acuracy": 1})


# --- rewards that are sums, mended ------------------------------------------------------------------------------------

FORM = "<think>\n1. add\n2. add\n3. check\n</think>\n<answer>\n\\boxed{5}\n</answer>"


def test_openr1_strict_parts():
    weights = {"accuracy": 1, "format": 1, "format_feb": 1, "soft_format": 1, "tag_count": 1, "reasoning_steps": 1}

    def parts(response, **info):
        return json.loads(found("openr1", response, extra_info=info, openr1_weights=weights)["parts"])

    assert set(parts(FORM).values()) == {1.0}
    assert set(parts(FORM.removeprefix("<think>\n"), think_in_prompt=True).values()) == {1.0}
    junk = parts(FORM + "\njunk")  # the published patterns pay for this
    assert (junk["format"], junk["format_feb"], junk["accuracy"], junk["tag_count"]) == (0, 0, 1, 1)
    doubled = parts(FORM + FORM)
    assert (doubled["format"], doubled["soft_format"], doubled["tag_count"]) == (0, 0, 0)
    assert parts("<answer>\\boxed{5}</answer>" * 1)["tag_count"] == 0.5
    assert parts("First, Second, Next, Finally, <answer>\\boxed{5}</answer>")["reasoning_steps"] == 1.0
    assert parts("<think>a</think><answer>b</answer>" + "First, " * 9)["reasoning_steps"] == 0.0
    assert parts("<think>\\boxed{5}</think><answer>6</answer>")["accuracy"] == 0.0
    assert found("openr1", FORM)["score"] == 3.0


def test_grpo_demo_strict_parts():
    form = "<reasoning>\nwe add\nand add\n</reasoning>\n<answer>\n5\n</answer>"

    def parts(response, gold="5"):
        return json.loads(found("grpo_demo", response, gold)["parts"])

    best = {"correctness": 2.0, "int": 0.5, "strict_format": 0.5, "soft_format": 0.5, "xml_count": 0.5}
    assert parts(form) == parts(form + "\n") == best  # the last newline is lost with the end mark
    assert parts(form.replace("\n5\n", "\n-1,000\n"), "-1000") == best
    assert parts("5") == {"correctness": 0, "int": 0, "strict_format": 0, "soft_format": 0, "xml_count": 0}
    assert parts(form + "x" * 5000)["xml_count"] == 0.0  # never negative
    assert parts("<answer>5</answer><reasoning>a</reasoning>")["correctness"] == 0.0  # the answer comes last
    assert parts("<reasoning><answer>5</answer>")["correctness"] == 0.0
    assert parts(form.replace("5", "5.0"))["correctness"] == 2.0
    assert found("grpo_demo", form)["score"] == 4.0


def test_simplerl_strict_rewards():
    for response, score in (
        ("\\boxed{5}", 1.0),
        ("\\boxed{6}", -0.5),
        ("so 5", -1.0),
        ("I boxed 5", -1.0),
        ("\\boxed{5", -1.0),
    ):
        assert found("simplerl", response)["score"] == score
    for response in ("\\boxed{500}", "\\boxed{0.05}", "\\boxed{5.0004}"):  # upstream's factor of 100 and its tolerance
        assert found("simplerl", response)["acc"] == 0.0
        assert found("simplerl", response, mode="faithful")["score"] == 1.0


def test_policy_is_the_recipes():
    assert found("math", "\\boxed{25\\%}", "25")["acc"] == 1.0
    assert found("math", "\\boxed{25\\%}", "25", math_policy={"percent": False})["acc"] == 0.0
    assert found("math", "\\boxed{2,1}", "1,2")["acc"] == 1.0
    assert found("math", "\\boxed{2,1}", "1,2", math_policy={"unordered": False})["acc"] == 0.0
    assert found("math", "\\boxed{3.1416}", "\\pi", math_policy={"tolerance": 1e-4})["acc"] == 1.0
    with pytest.raises(UnknownNameError, match=r"unknown math_policy key 'percents'; did you mean 'percent'\?"):
        found("math", "\\boxed{5}", math_policy={"percents": False})


@pytest.mark.parametrize("mode", ["strict", "faithful"])
@pytest.mark.parametrize("source", SOURCES)
def test_every_face_takes_a_policy(source, mode):
    assert found(source, "\\boxed{5}", mode=mode, math_policy={"percent": False})["outcome"] != "error"


# --- ladders ----------------------------------------------------------------------------------------------------------

LADDER_ROWS = [  # outcome, format, then the rewards
    (CORRECT, 1.0, {"binary": 1, "simplerl": 1, "simplerl_independent": 1, "plus_minus": 1, "centred": 0.5}),
    (CORRECT, 0.0, {"binary": 1, "simplerl": -1, "simplerl_independent": 0.5, "plus_minus": 1, "centred": 0.5}),
    (WRONG, 1.0, {"binary": 0, "simplerl": -0.5, "simplerl_independent": -0.5, "plus_minus": -1, "centred": -0.5}),
    (WRONG, 0.0, {"binary": 0, "simplerl": -1, "simplerl_independent": -1, "plus_minus": -1, "centred": -0.5}),
    (
        BAD_GROUND_TRUTH,
        1.0,
        {"binary": 0, "simplerl": -0.5, "simplerl_independent": -0.5, "plus_minus": -1, "centred": -0.5},
    ),
]


@pytest.mark.parametrize(("outcome", "form", "rewards"), LADDER_ROWS)
def test_ladders(outcome, form, rewards):
    assert {name: LADDERS[name](Score(outcome, "", form)) for name in rewards} == rewards
