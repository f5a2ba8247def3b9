"""Every row of the decision tables that the mathematics recipes publish, in faithful mode."""

from __future__ import annotations

import json

import pytest

from r1_verl.reward import compute_score
from r1_verl.scorers import find_scorer


def reward(source: str, response: str, gold, **kw) -> float:
    return compute_score(source, response, gold, kw.pop("extra_info", None), mode="faithful", **kw)["score"]


def parts(source: str, response: str, gold="6", **kw) -> dict:
    return json.loads(compute_score(source, response, gold, kw.pop("extra_info", None), mode="faithful", **kw)["parts"])


# --- SimpleRL v0 (fact sheet A, 3.2: table, extraction rules, executed examples) --------------------------------------

V0 = [
    ("right box", r"so \boxed{118}", "118", 1.0),
    ("wrong box", r"so \boxed{117}", "118", -0.5),
    ("right number, no box", "so the answer is 118", "118", -1.0),
    ("empty", "", "118", -1.0),
    ("the word boxed without LaTeX", "I boxed 118", "118", 1.0),
    ("unclosed box", r"so \boxed{118", "118", 1.0),
    ("two boxes, the last right", r"\boxed{117} or \boxed{118}", "118", 1.0),
    ("two boxes, the last wrong", r"\boxed{118} or \boxed{117}", "118", -0.5),
    ("text behind <|im_end|>", r"\boxed{118}<|im_end|> no, \boxed{117}", "118", 1.0),
    ("text behind </s>", r"\boxed{118}</s>\boxed{117}", "118", 1.0),
    ("text behind <|endoftext|>", r"\boxed{118}<|endoftext|>\boxed{117}", "118", 1.0),
    ("box behind <|im_end|> only", r"118<|im_end|>\boxed{118}", "118", -1.0),
    ("100 times smaller", r"\boxed{0.5}", "50", 1.0),
    ("equal", r"\boxed{50}", "50", 1.0),
    ("100 times larger", r"\boxed{5000}", "50", 1.0),
    ("relative 1e-4", r"\boxed{12346}", "12345", 1.0),
    ("rounded pi", r"\boxed{3.1416}", "3.14159", 1.0),
    ("decimal for a fraction", r"\boxed{0.25}", r"\frac14", 1.0),
    ("slash for a fraction", r"\boxed{1/4}", r"\frac14", 1.0),
    ("slash for a decimal", r"\boxed{1/4}", "0.25", 1.0),
    ("list in another order", r"\boxed{2,1}", "1,2", -0.5),
    ("mixed number", r"\boxed{3/2}", r"1\frac12", -0.5),
    ("bracket kinds", r"\boxed{[1,2]}", "(1,2)", 1.0),
    ("half-open intervals swapped", r"\boxed{[1,2)}", "(1,2]", 1.0),
    ("tuple of equal numbers", r"\boxed{(0.5, 2)}", r"(\frac{1}{2},2)", 1.0),
    ("letter case", r"\boxed{monday}", "Monday", 1.0),
    ("choice, last capital letter", r"\boxed{(A), no (B)}", "B", 1.0),
    ("choice, another letter", r"\boxed{A}", "B", -0.5),
    ("percent sign in the answer", r"\boxed{25\%}", "25", 1.0),
    ("assignment in the answer", r"\boxed{x=5}", "5", 1.0),
    ("matrix", r"\boxed{\begin{bmatrix}1\\2\end{bmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", 1.0),
    ("matrix, other entry", r"\boxed{\begin{bmatrix}1\\3\end{bmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}", -0.5),
    ("equation, sides swapped", r"\boxed{u+2v=4}", "4=u+2v", 1.0),
    ("equation, another", r"\boxed{u+2v=3}", "4=u+2v", -0.5),
    ("empty box", r"\boxed{}", "5", -0.5),
    ("'final answer is ... I hope' before the box", r"The final answer is $5$. I hope \boxed{6}", "5", 1.0),
    # The answer is normalised and the gold is not: these golds can never be matched (421 of 8,523 training rows).
    ("gold in degrees", r"\boxed{90^\circ}", r"90^\circ", -0.5),
    ("gold in dollars", r"\boxed{\$5}", r"\$5", -0.5),
    ("gold with text", r"\boxed{\text{June 20}}", r"\text{June 20}", -0.5),
    ("gold a tuple with \\left", r"\boxed{\left( 3, \frac{\pi}{2} \right)}", r"\left( 3, \frac{\pi}{2} \right)", -0.5),
    ("gold with letters that are units", r"\boxed{a + b + c}", "a + b + c", -0.5),
]


@pytest.mark.parametrize(("response", "gold", "wanted"), [row[1:] for row in V0], ids=[row[0] for row in V0])
def test_simplerl_v0_pays_as_published(response, gold, wanted):
    assert reward("simplerl", response, gold) == wanted


V1 = [  # mix mode (default), independent mode
    ("right box", r"\boxed{118}", "118", 1.0, 1.0),
    ("right, no box", "it is 118", "118", 1.0, 0.5),
    ("wrong box", r"\boxed{117}", "118", 0.0, -0.5),
    ("wrong, no box", "it is 117", "118", 0.0, -1.0),
    ("empty", "", "118", 0.0, -1.0),
    ("box nested three levels", r"\boxed{\frac{{1}}{2}}", r"\frac{1}{2}", 1.0, 1.0),
    ("box nested four levels", r"\boxed{\frac{{{1}}}{2}}", "7", 0.0, -1.0),
    ("unclosed box", r"\boxed{118", "118", 1.0, 0.5),
    ("percent is not a factor of 100 here", r"\boxed{5000}", "50", 0.0, -0.5),
    ("text behind <|im_end|>", r"\boxed{118}<|im_end|>\boxed{117}", "118", 1.0, 1.0),
]


@pytest.mark.parametrize(("response", "gold", "mix", "independent"), [r[1:] for r in V1], ids=[r[0] for r in V1])
def test_simplerl_v1_pays_as_published(response, gold, mix, independent):
    assert reward("simplelr_qwen", response, gold) == mix
    assert reward("simplelr_qwen", response, gold, scale="simplerl_independent") == independent


# --- open-r1 (fact sheet A, 4.2: format and tag matrix, accuracy facts) -----------------------------------------------

CANONICAL = "<think>\na\n</think>\n<answer>\nb\n</answer>"
OPENR1 = [  # response, format_jan, format_feb, format (main), tag_count
    ("one line", "<think>a</think><answer>b</answer>", 1, 1, 0, 0),
    ("canonical", CANONICAL, 0, 1, 1, 1.0),
    ("junk on a new line", CANONICAL + "\njunk", 0, 1, 1, 1.0),
    ("junk on the same line", CANONICAL + " junk", 0, 0, 0, 1.0),
    ("leading text", "Sure. " + CANONICAL, 0, 0, 0, 1.0),
    ("leading newline", "\n" + CANONICAL, 0, 0, 0, 1.0),
    ("text between", CANONICAL.replace("\n<answer>", "\nso\n<answer>"), 0, 0, 0, 1.0),
    ("two answers", CANONICAL + "\n<answer>\nc\n</answer>", 0, 1, 1, 0.5),
    ("two thinkings", "<think>\nz\n</think>\n" + CANONICAL, 0, 1, 1, 0.5),
    ("<think> in the prompt", CANONICAL.removeprefix("<think>\n"), 0, 0, 0, 0.75),
    ("one line and a last newline", "<think>a</think><answer>b</answer>\n", 1, 1, 0, 0),
    ("nothing", "", 0, 0, 0, 0),
]


@pytest.mark.parametrize(
    ("response", "jan", "feb", "main", "tags"), [r[1:] for r in OPENR1], ids=[r[0] for r in OPENR1]
)
def test_openr1_format_and_tags(response, jan, feb, main, tags):
    weights = dict.fromkeys(("format_jan", "format_feb", "format", "tag_count"), 1)
    found = parts("openr1", response, openr1_weights=weights)
    assert found == {"format_jan": jan, "format_feb": feb, "format": main, "tag_count": tags}


STEPS = [
    ("", 0.0),
    ("Step 1: a", 1 / 3),
    ("Step 1: a\nStep 2: b", 2 / 3),
    ("First, a. Second, b. Next, c. Finally, d.", 1.0),
    ("1. a\n2. b\n3. c", 1 / 3),  # numbers count at the very start of the text alone
    ("x\n- a\n* b", 2 / 3),
    ("step 1: a, first, b", 0.0),
]


@pytest.mark.parametrize(("response", "wanted"), STEPS)
def test_openr1_reasoning_steps(response, wanted):
    assert parts("openr1", response, openr1_weights={"reasoning_steps": 1})["reasoning_steps"] == pytest.approx(wanted)


def test_openr1_soft_format_wants_one_block_of_each_in_order():
    def soft(response):
        return parts("openr1", response, openr1_weights={"soft_format": 0.25})["soft_format"]

    assert soft(" <think>a</think> so <answer>b</answer> ok") == 0.25
    assert soft("<answer>b</answer><think>a</think>") == 0
    assert soft("<think>a</think><answer>b</answer><answer>c</answer>") == 0
    assert soft("<think>a</think><answer>b") == 0


ACCURACY = [
    ("bare number in the tag", "<answer>6</answer>", "$6$", 0),
    ("dollars in the tag", "<answer>$6$</answer>", "$6$", 1),
    ("box", r"\boxed{6}", "$6$", 1),
    ("prose", "final answer is 6", "$6$", 0),
    ("two adjacent boxes are a set", r"\boxed{5} and \boxed{6}", r"$\{5,6\}$", 1),
    ("two adjacent boxes, one gold", r"\boxed{5} and \boxed{6}", "$6$", 0),
    ("box inside the thinking", r"<think>\boxed{6}</think><answer>7</answer>", "$6$", 1),
    ("assignment", r"\boxed{x=6}", "$6$", 1),
    ("percent sign", r"\boxed{50\%}", "$50$", 0),
    ("short fraction", r"\boxed{\frac16}", r"$\frac{1}{6}$", 0),
    ("short root", r"\boxed{\sqrt3}", r"$\sqrt{3}$", 0),
    ("gold an interval, answer an inequality", r"\boxed{x>3}", r"$(3,\infty)$", 0),
    ("the reverse", r"\boxed{(3,\infty)}", "$x>3$", 1),
    ("gold a worked solution", r"\boxed{42}", r"We add and get $40+2=\boxed{42}$.", 1),
    ("canonical gold", r"\boxed{\frac{1}{2}}", '{"answer":"\\\\frac{1}{2}","task":"math"}', 1),
]


@pytest.mark.parametrize(("response", "gold", "wanted"), [r[1:] for r in ACCURACY], ids=[r[0] for r in ACCURACY])
def test_openr1s_accuracy_is_as_published(response, gold, wanted):
    assert parts("openr1", response, gold, openr1_weights={"accuracy": 1}) == {"accuracy": wanted}


def test_openr1_gold_that_cannot_be_read_is_left_out_of_the_sum():
    found = compute_score("openr1", CANONICAL, "no mathematics here", mode="faithful")
    assert json.loads(found["parts"]) == {"format": 1.0, "tag_count": 1.0}
    assert found["score"] == 2.0 and found["acc"] == 0.0


def test_openr1s_weights_choose_the_parts():
    response = "<think>\na\n</think>\n<answer>\n\\boxed{6}\n</answer>"
    assert reward("openr1", response, "$6$") == 3.0
    assert reward("openr1", response, "$6$", openr1_weights={"accuracy": 1.0, "format_feb": 0.2}) == pytest.approx(1.2)


# --- GSM8K: veRL's two forms, GRPO-Bias (fact sheet B, 1.4 and 10; scoring sheet A) -----------------------------------

GSM8K = [  # response, gold, strict form, flexible form, GRPO-Bias
    ("marked at the end", "so\n#### 18", "18", 1, 1, 1),
    ("marked, then text", "#### 18 dollars", "18", 1, 1, 0),
    ("marked, then the end mark", "#### 18<|endoftext|>", "18", 1, 1, 1),
    ("comma", "#### 1,800", "1800", 1, 0, 1),
    ("dollar sign", "#### $18", "18", 0, 1, 0),
    ("negative", "#### -3", "-3", 1, 1, 1),
    ("decimal is another text", "#### 18.0", "18", 0, 0, 0),
    ("full stop belongs to the number", "#### 18.", "18", 0, 0, 0),
    ("no mark", "so it is 18", "18", 0, 1, 0),
    ("two marks", "#### 17\n#### 18", "18", 1, 1, 1),
    ("no blank behind the mark", "####18", "18", 0, 1, 0),
    ("300 characters later", "#### 18" + " x" * 150, "18", 0, 0, 0),
    ("299 characters later", "#### 18" + "x" * 293, "18", 1, 1, 0),
    ("nothing", "", "18", 0, 0, 0),
    ("only a full stop", "so.", "18", 0, 0, 0),
    ("gold with its solution", "#### 1800", "He adds.\n#### 1,800", 1, 1, 1),
]


@pytest.mark.parametrize(
    ("response", "gold", "strict", "flexible", "bias"), [r[1:] for r in GSM8K], ids=[r[0] for r in GSM8K]
)
def test_gsm8ks_three_rewards_pay_as_published(response, gold, strict, flexible, bias):
    assert reward("openai/gsm8k", response, gold) == strict
    assert reward("gsm8k_flexible", response, gold) == flexible
    assert reward("grpo_bias/gsm8k", response, gold) == bias
    assert reward("grpo_bias/gsm8k", response, gold, scale="centred") == bias - 0.5


# --- DeepScaleR (fact sheet B, 3.2) -----------------------------------------------------------------------------------

DEEPSCALER = [
    ("both tags", r"<think>a</think> \boxed{5}", "5", {}, 1),
    ("no opening tag", r"a</think> \boxed{5}", "5", {}, 0),
    ("opening tag in the prompt", r"a</think> \boxed{5}", "5", {"think_in_prompt": True}, 1),
    ("no closing tag", r"<think>a \boxed{5}", "5", {}, 0),
    ("no tag", r"\boxed{5}", "5", {}, 0),
    ("box in the thinking alone", r"<think>\boxed{5}</think> five", "5", {}, 0),
    ("behind the first closing tag", r"<think>a</think> b </think> \boxed{5}", "5", {}, 1),
    ("last box counts", r"<think>a</think> \boxed{4} \boxed{5}", "5", {}, 1),
    ("last box wrong", r"<think>a</think> \boxed{5} \boxed{4}", "5", {}, 0),
    ("fbox", r"<think>a</think> \fbox{5}", "5", {}, 1),
    ("unclosed", r"<think>a</think> \boxed{5", "5", {}, 0),
    ("list of golds", r"<think>a</think> \boxed{5}", ["4", "5"], {}, 1),
    ("golds in boxes", r"<think>a</think> \boxed{5}", [r"\boxed{4}", r"\boxed{5}"], {}, 1),
    ("gold a float", r"<think>a</think> \boxed{5}", 5.0, {}, 1),
    ("gold an integer", r"<think>a</think> \boxed{5}", 5, {}, 1),
    ("no gold", r"<think>a</think> \boxed{5}", [], {}, 0),
    ("Hendrycks rules", r"<think>a</think> \boxed{x=\frac12}", r"\dfrac{1}{2}", {}, 1),
    ("0.5 is a half", r"<think>a</think> \boxed{0.5}", r"\frac{1}{2}", {}, 1),
    ("symbolic", r"<think>a</think> \boxed{2\sqrt{3}}", r"\sqrt{12}", {}, 1),
    ("unreduced fraction", r"<think>a</think> \boxed{2/4}", "1/2", {}, 0),
    ("integer gold wants an integer", r"<think>a</think> \boxed{\frac{4}{2}}", "2", {}, 0),
    ("three letters are too many", r"<think>a</think> \boxed{a+c+b}", "a+b+c", {}, 0),
    ("two letters", r"<think>a</think> \boxed{b+a}", "a+b", {}, 1),
    ("long exponents are refused", r"<think>a</think> \boxed{x^{10}+1}", "1+x^{10}", {}, 0),
    ("short exponent", r"<think>a</think> \boxed{x^{2}+1}", "1+x^{2}", {}, 1),
    ("units go", r"<think>a</think> \boxed{5 \text{ cm}}", "5", {}, 1),
    ("tuple", r"<think>a</think> \boxed{(1, \sqrt{4})}", "(1,2)", {}, 0),
    ("tuple of symbolic elements", r"<think>a</think> \boxed{(1, 2\sqrt{3})}", r"(1,\sqrt{12})", {}, 1),
    ("other brackets", r"<think>a</think> \boxed{[1,2]}", "(1,2)", {}, 0),
    ("braces are no tuple", r"<think>a</think> \boxed{\{2,1\}}", r"\{1,2\}", {}, 0),
    ("thousands comma", r"<think>a</think> \boxed{1,800}", "1800", {}, 1),
    ("a tiny number is nought", r"<think>a</think> \boxed{1e-9}", "0", {}, 1),
]


@pytest.mark.parametrize(
    ("response", "gold", "info", "wanted"), [r[1:] for r in DEEPSCALER], ids=[r[0] for r in DEEPSCALER]
)
def test_deepscaler_pays_as_published(response, gold, info, wanted):
    assert reward("deepscaler", response, gold, extra_info=info) == wanted


# --- Dr. GRPO (fact sheet B, 4.2) -------------------------------------------------------------------------------------

DRGRPO = [  # response, gold, boxed verifier, answer-tag verifier
    ("box", r"so \boxed{5}", "5", 1, 0),
    ("wrong box", r"so \boxed{4}", "5", 0, 0),
    ("no box", "so 5", "5", 0, 0),
    ("template", "a </think> <answer> 5 </answer>", "5", 0, 1),
    ("template with a box", r"a </think> <answer> \boxed{5} </answer>", "5", 1, 1),
    ("newline between the tags", "a </think>\n<answer> 5 </answer>", "5", 0, 0),
    ("no blank between the tags", "a </think><answer>5</answer>", "5", 0, 0),
    ("unclosed answer", "a </think> <answer> 5", "5", 0, 0),
    ("last answer counts", "a </think> <answer> 4 </answer> <answer> 5 </answer>", "5", 0, 1),
    ("unclosed box in the tag", r"a </think> <answer> \boxed{5 </answer>", "5", 0, 0),
    ("list of golds", r"a </think> <answer> \boxed{5} </answer>", ["4", "5"], 1, 1),
    ("wrong answer", "a </think> <answer> 4 </answer>", "5", 0, 0),
    ("long and repetitive", "a </think> <answer>\\boxed{" + "1+" * 100 + "1}</answer>", "1+" * 100 + "1", 0, 0),
]


@pytest.mark.parametrize(("response", "gold", "boxed", "tagged"), [r[1:] for r in DRGRPO], ids=[r[0] for r in DRGRPO])
def test_drgrpos_two_verifiers_pay_as_published(response, gold, boxed, tagged):
    assert reward("drgrpo/math500", response, gold) == boxed
    assert reward("drgrpo_r1/math500", response, gold) == tagged


# --- DAPO (fact sheet B, 10.2; scoring sheet A) -----------------------------------------------------------------------

DAPO = [
    ("answer line", "so\nAnswer: 34", "34", 1),
    ("wrong", "Answer: 33", "34", -1),
    ("letter case and blanks", "ANSWER  :  34", "34", 1),
    ("dollars", "Answer: $34$", "34", 1),
    ("box on the line", r"Answer: \boxed{34}", "34", 1),
    ("last line counts", "Answer: 33\nAnswer: 34", "34", 1),
    ("answer on the next line", "Answer:\n34", "34", 1),
    ("behind an equals sign", "Answer: x = 34", "34", 1),
    ("units", "Answer: 34 degrees", "34", 1),
    ("thousands comma", "Answer: 1,234", "1234", 1),
    ("short fraction", r"Answer: \frac12", r"\frac{1}{2}", 1),
    ("a full stop is no part of a number", "Answer: 34.", "34", -1),
    ("equal in value, another text", "Answer: 0.5", r"\frac{1}{2}", -1),
    ("300 characters later", "Answer: 34\n" + "x" * 300, "34", -1),
    ("no line, a box at the end", r"so \boxed{34}", "34", 1),
    ("a box is compared as it stands", r"so \boxed{34.0}", "34", -1),
    ("a box 100 characters back", r"\boxed{34}" + "x" * 100, "34", -1),
    ("nothing", "", "34", -1),
]


@pytest.mark.parametrize(("response", "gold", "wanted"), [r[1:] for r in DAPO], ids=[r[0] for r in DAPO])
def test_dapo_pays_as_published(response, gold, wanted):
    assert reward("math_dapo", response, gold) == wanted


# --- Open-Reasoner-Zero (fact sheet B, 10.4) --------------------------------------------------------------------------

ORZ = [
    ("box in the tag", r"a</think> <answer> \boxed{5} </answer>", "5", 1),
    ("several lines", "a</think>\n<answer>\nso\n\\boxed{5}\n</answer>", "5", 1),
    ("no box", "<answer> 5 </answer>", "5", 0),
    ("no tag", r"\boxed{5}", "5", 0),
    ("cut off", r"<answer> \boxed{5}", "5", 0),
    ("box outside", r"\boxed{5} <answer> 5 </answer>", "5", 0),
    ("wrong", r"<answer> \boxed{4} </answer>", "5", 0),
    ("two answers, the last counts", r"<answer>\boxed{4}</answer><answer>\boxed{5}</answer>", "5", 1),
    ("two boxes, the last counts", r"<answer>\boxed{5} \boxed{4}</answer>", "5", 0),
    ("Hendrycks rules", r"<answer>\boxed{\dfrac12}</answer>", r"\frac{1}{2}", 1),
    ("symbolic", r"<answer>\boxed{\sqrt{12}}</answer>", r"2\sqrt{3}", 1),
]


@pytest.mark.parametrize(("response", "gold", "wanted"), [r[1:] for r in ORZ], ids=[r[0] for r in ORZ])
def test_orz_pays_as_published(response, gold, wanted):
    assert reward("orz", response, gold) == wanted


# --- grpo_demo (fact sheet B, 6.2 and 6.3) ----------------------------------------------------------------------------

XML = "<reasoning>\nx\n</reasoning>\n<answer>\n7\n</answer>\n"
GRPO_DEMO = [  # response, gold, correctness, int, strict, soft, XML count
    ("canonical", XML, "7", 2, 0.5, 0.5, 0, 0.5),
    ("no last newline", XML[:-1], "7", 2, 0.5, 0, 0, 0.454),
    ("tail", XML + "extra", "7", 2, 0.5, 0, 0, 0.490),
    ("answer alone", "<answer>\n7\n</answer>\n", "7", 2, 0.5, 0, 0, 0.125),
    ("no tags", "7", "7", 2, 0.5, 0, 0, 0),
    ("wrong", XML, "8", 0, 0.5, 0.5, 0, 0.5),
    ("one line", "<reasoning>x</reasoning> <answer>7</answer>", "7", 2, 0.5, 0, 0.5, 0),
    ("reasoning of two lines", XML.replace("x", "x\ny"), "7", 2, 0.5, 0, 0, 0.5),
    ("negative", XML.replace("7", "-7"), "-7", 2, 0, 0.5, 0, 0.5),
    ("comma", XML.replace("7", "1,000"), "1000", 0, 0, 0.5, 0, 0.5),
    ("gold with a comma", XML.replace("7", "1,000"), "1,000", 2, 0, 0.5, 0, 0.5),
    ("tags in another order", "<answer>\n7\n</answer>\n<reasoning>\nx\n</reasoning>\n", "7", 2, 0.5, 0, 0, 0.348),
    ("two answers", "<answer>1</answer><answer>7</answer>", "7", 2, 0.5, 0, 0, 0),
    ("nothing", "", "7", 0, 0, 0, 0, 0),
]


@pytest.mark.parametrize(
    ("response", "gold", "correct", "integer", "strict", "soft", "count"),
    [r[1:] for r in GRPO_DEMO],
    ids=[r[0] for r in GRPO_DEMO],
)
def test_grpo_demos_parts_are_as_published(response, gold, correct, integer, strict, soft, count):
    found = parts("grpo_demo/gsm8k", response, gold)
    wanted = {"correctness": correct, "int": integer, "strict_format": strict, "soft_format": soft, "xml_count": count}
    assert found == pytest.approx(wanted)


def test_grpo_demo_long_tail_is_a_large_penalty():
    assert parts("grpo_demo", XML[:-1] + "x" * 3000, "7")["xml_count"] < -5


def test_grpo_demo_later_gist_matches_over_lines():
    text = XML.replace("x", "x\ny")
    assert parts("grpo_demo", text, "7", grpo_demo_dotall=True)["strict_format"] == 0.5
    assert parts("grpo_demo", text, "7", grpo_demo_dotall=True)["soft_format"] == 0.5


# --- TinyZero multiply (fact sheet A, 1.2) ----------------------------------------------------------------------------

MULTIPLY = [
    ("right", "a</think> <answer>56088</answer>", 56088, 1.0),
    ("wrong", "<answer>56089</answer>", 56088, 0.1),
    ("no tag", "56088", 56088, 0.0),
    ("comma", "<answer>56,088</answer>", 56088, 0.0),
    ("no integer", "<answer>about 56088</answer>", 56088, 0.0),
    ("negative", "<answer>-5</answer>", -5, 1.0),
    ("blanks", "<answer>  56088 </answer>", 56088, 1.0),
    ("last counts", "<answer>1</answer> <answer>56088</answer>", 56088, 1.0),
    ("an earlier line counts too", "<answer>56088</answer>\nDone.", 56088, 1.0),
    ("several lines", "<answer>\n56088\n</answer>", 56088, 0.0),
    ("empty", "<answer></answer>", 56088, 0.0),
    ("gold as text", "<answer>56088</answer>", "56088", 1.0),
    ("canonical gold", "<answer>56088</answer>", '{"answer":"56088","task":"math"}', 1.0),
]


@pytest.mark.parametrize(("response", "gold", "wanted"), [r[1:] for r in MULTIPLY], ids=[r[0] for r in MULTIPLY])
def test_multiply_pays_as_published(response, gold, wanted):
    assert reward("yolo/multiply-3_digit", response, gold) == wanted


# --- aliases ----------------------------------------------------------------------------------------------------------

ALIASES = """
gsm8k: openai/gsm8k gsm8k gsm8k/test
math: lighteval/MATH DigitalLearningGmbH/MATH-lighteval xDAN2099/lighteval-MATH HuggingFaceH4/MATH-500 numina_olympiads
math_eval: math500 aime24 aime_2021_2024 amc23 amc olympiadbench olympiad_bench Maxwell-Jia/AIME_2024 math-ai/amc23
math_eval: opencompass/AIME2025
minerva: minerva_math minerva
openr1: AI-MO/NuminaMath-TIR open-r1/OpenR1-Math-220k openr1/math open_r1/math
simplerl: simplerl simplerl/math35
simplerl_v1: simplelr_qwen simplelr_abel_level3to5 simplelr_math_35 simplerl_v1/math hkust-nlp/SimpleRL-Zoo-Data
dapo: math_dapo math_dapo_reasoning BytedTsinghua-SIA/DAPO-Math-17k open-r1/DAPO-Math-17k-Processed dapo/aime2024
deepscaler: deepscaler deepscaler/aime agentica-org/DeepScaleR-Preview-Dataset
drgrpo: drgrpo drgrpo/math500
drgrpo_r1: drgrpo_r1/math500
orz: orz orz/aime24
grpo_demo: grpo_demo grpo_demo/gsm8k
multiply: yolo/multiply-3_digit yolo/arithmetic-3_digit multiply/3
math_verify: math_verify math_verify/math500
"""
_PAIRS = [(line.partition(":")[0], s) for line in ALIASES.split("\n") for s in line.partition(":")[2].split()]


@pytest.mark.parametrize(("name", "source"), _PAIRS)
def test_a_data_source_goes_to_its_scorer(name, source):
    assert find_scorer(source).name == name
