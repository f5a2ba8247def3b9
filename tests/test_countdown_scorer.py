"""Countdown's scorers: TinyZero's edge table, the strict rules, recorded responses, hostile text."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bench_countdown import megabytes
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_verl import compute_score
from r1_verl.ground_truth import encode
from r1_verl.scorers.graders import python_arithmetic

PUZZLE = encode("countdown", numbers=[1, 2, 3], target=6)


def puzzle(target: float, *numbers: int) -> str:
    return encode("countdown", numbers=list(numbers), target=target)


def faithful(response: str, ground_truth: object = PUZZLE, source: str = "countdown", **info: object) -> dict:
    return compute_score(source, response, ground_truth, info, mode="faithful")


def strict(answer: str, ground_truth: object = PUZZLE) -> dict:
    return compute_score("countdown", f"I think so.</think>\n<answer>{answer}</answer>", ground_truth)


# TinyZero's reward, row by row as upstream's own code was seen to score. The sheet's row "header missing" (0 for every
# response) has no place here: veRL scores responses, and the header is taken to precede them.
EDGE_TABLE = [
    ("same line", "So it is.</think> <answer>1+2+3</answer>", PUZZLE, 1.0),
    ("last line", "So it is.\n</think>\n<answer>1+2+3</answer>", PUZZLE, 1.0),
    ("text after the tag", "</think> <answer>1+2+3</answer> is my answer", PUZZLE, 1.0),
    ("end token glued on", "</think> <answer>1+2+3</answer><|endoftext|>", PUZZLE, 1.0),
    ("newline after", "</think> <answer>1+2+3</answer>\n", PUZZLE, 0.0),
    ("newline and end token after", "</think> <answer>1+2+3</answer>\n<|endoftext|>", PUZZLE, 0.0),
    ("further line", "</think> <answer>1+2+3</answer>\nDone.", PUZZLE, 0.0),
    ("answer on three lines", "</think> <answer>\n1+2+3\n</answer>", PUZZLE, 0.0),
    ("no thinking", "<answer>1+2+3</answer>", PUZZLE, 1.0),
    ("two answers, the last right", "<answer>1+2</answer> no, <answer>1+2+3</answer>", PUZZLE, 1.0),
    ("two answers, the last wrong", "<answer>1+2+3</answer> no, <answer>1+2</answer>", PUZZLE, 0.1),
    ("nested", "<answer><answer>1+2+3</answer>", PUZZLE, 0.1),
    ("empty", "<answer></answer>", PUZZLE, 0.1),
    ("equation", "<answer>1+2+3 = 6</answer>", PUZZLE, 0.1),
    ("numbers left out", "<answer>3+3</answer>", PUZZLE, 0.1),
    ("one number missing", "<answer>2*3</answer>", PUZZLE, 0.1),
    ("number twice", "<answer>1+2+3+3-3</answer>", PUZZLE, 0.1),
    ("unary minus", "<answer>-(-3)+2+1</answer>", PUZZLE, 1.0),
    ("division by zero", "<answer>1/0+2</answer>", puzzle(6, 0, 1, 2), 0.1),
    ("juxtaposition", "<answer>3(2)+1</answer>", puzzle(7, 1, 2, 3), 0.1),
    ("multiplication sign", "<answer>1×2+3</answer>", puzzle(5, 1, 2, 3), 0.1),
    ("brackets", "<answer>[1+2+3]</answer>", PUZZLE, 0.1),
    ("leading zero", "<answer>01+2+3</answer>", PUZZLE, 0.1),
    ("Arabic-Indic digit", "<answer>1+2+٣</answer>", PUZZLE, 0.1),
    ("no answer", "I give up.", PUZZLE, 0.0),
    ("unclosed", "<answer>1+2+3", PUZZLE, 0.0),
    ("wrong value", "<answer>1+2-3</answer>", PUZZLE, 0.1),
    # Holes upstream pays for.
    ("power", "<answer>2**3+1</answer>", puzzle(9, 1, 2, 3), 1.0),
    ("floor division", "<answer>7//2+1</answer>", puzzle(4, 1, 2, 7), 1.0),
    ("numbers glued by a point", "<answer>1.5*2</answer>", puzzle(3, 1, 2, 5), 1.0),
    ("glued, not whole", "<answer>1.2+3</answer>", puzzle(4.2, 1, 2, 3), 1.0),
    ("complex value", "<answer>((-4)**(1/2))**2+50</answer>", puzzle(46, 1, 2, 2, 4, 50), 1.0),
    ("rounded", "<answer>1/3*3</answer>", puzzle(1, 1, 3, 3), 1.0),
    ("header in the response", "Assistant: <answer>1+2+3</answer>", PUZZLE, 1.0),
    ("header after the answer", "<answer>1+2+3</answer> Assistant: yes", PUZZLE, 1.0),
]


@pytest.mark.parametrize(
    ("response", "ground_truth", "reward"), [row[1:] for row in EDGE_TABLE], ids=[row[0] for row in EDGE_TABLE]
)
@pytest.mark.parametrize("source", ["countdown", "countdown/4", "oat_zero"])
def test_every_edge_is_paid_as_upstream_pays_it(source: str, response: str, ground_truth: str, reward: float) -> None:
    assert faithful(response, ground_truth, source)["score"] == reward


def test_chat_prompt_has_no_header_so_upstream_splits_the_response() -> None:
    after, before = "<answer>1+2+3</answer> Assistant: yes", "Assistant: <answer>1+2+3</answer>"
    assert faithful(after, style="instruct")["score"] == 0.0
    assert faithful(before, style="instruct")["score"] == 1.0
    assert faithful("<answer>1+2+3</answer>Assistant:", style="instruct")["outcome"] == "no_answer"


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("98**87**76", [98, 87, 76]), ("44**19**35", [44, 19, 35]), ("99**99**9", [99, 99, 9]),
        ("9**9**9", [9, 9, 9]), ("9**9**9**9", [9, 9, 9, 9]), ("1-(9**9**9)", [1, 9, 9, 9]),
        ("3*2**9**99", [2, 3, 9, 99]), ("9**9**9+3(2)", [2, 3, 9, 9, 9]),
        # Upstream computes these within seconds and pays 0.1 or 1: a documented departure.
        ("50**99**3", [50, 99, 3]), ("35//19**92**3+44", [35, 19, 92, 3, 44]), ("19**92**3*0+35", [19, 92, 3, 0, 35]),
        ("35/19**92**3+44", [35, 19, 92, 3, 44]), ("(9**9**6)**-1", [9, 9, 6, 1]), ("9**9**6/2", [9, 9, 6, 2]),
        ("9**9**6+1", [9, 9, 6, 1]),
    ],
)  # fmt: skip
def test_an_integer_beyond_the_limit_is_upstream_hangs(expression: str, numbers: list[int]) -> None:
    started = time.thread_time()
    found = faithful(f"<answer>{expression}</answer>", puzzle(6, *numbers))
    assert (found["outcome"], found["score"], found["format"]) == ("upstream_hangs", 0.0, 0.0)
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    ("expression", "target", "reward"),
    [
        ("1**92**3**5+7", 8, 1.0),
        ("2**98*99-0", 6, 0.1),
        ("3(2)+9**9**9", 6, 0.1),  # raises before it comes to the tower
        ("9**9**9+", 6, 0.1),
    ],
)
def test_towers_that_end_at_once_are_paid_as_published(expression: str, target: int, reward: float) -> None:
    numbers = [int(number) for number in re.findall("[0-9]+", expression)]
    started = time.thread_time()
    found = faithful(f"<answer>{expression}</answer>", {"numbers": numbers, "target": target})
    assert time.thread_time() - started < 2
    assert found["score"] == reward


def _expressions(count: int) -> list[str]:
    """Random text over the alphabet: half of it grammatical, half a jumble."""
    rng = random.Random(20250101)
    pieces = [
        *"+-*/().",
        "**",
        "//",
        "(",
        ")",
        "..",
        "...",
        " ",
        "\t",
        "\r",
        "\f",
        "\v",
        "()",
        *"01237",
        "05",
        "1.5",
        ".5",
    ]
    signs = ["+", "-", "*", "/", "//", "**", " + ", "* ", " **", "\t/"]
    rare = ["2.5", ".5", "3.", "0.", "()", "...", "007", "00"]

    def grammatical(depth: int = 0) -> str:
        kind = rng.random()
        if depth > 3 or kind < 0.3:
            return rng.choice(rare if rng.random() < 0.2 else ["0", "1", "2", "3", "5", "8", "17"])
        if kind < 0.4:
            return rng.choice("+-") + grammatical(depth + 1)
        if kind < 0.5:
            return f"({grammatical(depth + 1)})"
        if kind < 0.52:
            return grammatical(depth + 1) + rng.choice(["()", "(*2)", "(**2)", "(3)"])
        return grammatical(depth + 1) + rng.choice(signs) + grammatical(depth + 1)

    made = [
        grammatical() if i % 2 else "".join(rng.choice(pieces) for _ in range(rng.randint(1, 12))) for i in range(count)
    ]
    nested = [f"{'(' * k}1{')' * k}" for k in (1, 50, 199, 200, 201, 500)]
    chains = ["-" * k + "1" for k in (1, 2, 500, 501, 3200)] + [
        "-(" * 200 + "3" + ")" * 200,
        "(" * 201,
        "2**" * 40 + "1",
    ]
    return [text.strip() for text in made + nested + chains]


_REFERENCE = """
import json, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
warnings.simplefilter("ignore")
for text in json.load(sys.stdin):
    try:
        value = eval(text, {"__builtins__": None}, {})
        print(type(value).__name__, hex(value) if type(value) is int else repr(value))
    except Exception:
        print("raises")
"""


def test_the_limit_of_integers_is_exact() -> None:
    most = python_arithmetic.MAX_BITS
    assert python_arithmetic.evaluate(f"2**{most - 1}") == 1 << (most - 1)
    assert python_arithmetic.evaluate(f"2**{most - 2}*2") == 1 << (most - 1)
    for text in (f"2**{most}", f"2**{most - 1}+2**{most - 1}", f"2**{most - 1}*2", f"(-2)**{most + 1}"):
        with pytest.raises(python_arithmetic.HangsError):
            python_arithmetic.evaluate(text)


def test_evaluator_agrees_with_pythons_eval_to_the_bit() -> None:
    texts, ours = [], []
    for text in _expressions(6_000):
        try:
            value = python_arithmetic.evaluate(text)
        except python_arithmetic.HangsError:
            continue
        except Exception:
            found = "raises"
        else:
            found = f"{type(value).__name__} {hex(value) if type(value) is int else repr(value)}"
        texts.append(text)
        ours.append(found)
    run = subprocess.run(
        [sys.executable, "-c", _REFERENCE],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    theirs = run.stdout.split("\n")[:-1]
    assert [(t, a, b) for t, a, b in zip(texts, ours, theirs, strict=True) if a != b] == []
    kinds = Counter(found.split()[0] for found in ours)
    assert kinds["int"] > 1000 and kinds["float"] > 400 and kinds["raises"] > 2000 and kinds["tuple"] > 10


ACCEPTED = {
    (1, 2, 3): [
        "1+2+3", " 1 + 2\n+ 3 ", "-(-3)+2+1", "+3+2+1", "1 - -2 + 3", "((((1))))+2+3", "01+02+3", "3/(1/2)",
        "1 × 2 × 3", "3 ÷ 1 × 2", "1 · 2 ⋅ 3", "3 − -1 + 2", "1 \\times 2 \\times 3", "3\\times2\\div1",
        "1\\cdot2\\cdot3",
        "\\boxed{1+2+3}", "\\boxed {1+2+3}", "$1+2+3$", "$$1+2+3$$", "\\(1+2+3\\)", "\\[ 1+2+3 \\]",
        "$\\boxed{1+2+3}$", "\\boxed{$1+2+3$}", "1+2+3 = 6", "1+2+3=6", "\\boxed{1+2+3 = 6}", "\\boxed{1+2+3} = 6",
        "$1 \\times 2 \\times 3 = 6$", "1\u00a0+\u00a02\u2009+ 3", "\r\n1+2+3\r\n",
    ],
    (1, 2, 3, 3): ["(1+2)*3-3"],
    (1, 2, 2, 3): ["3 − 1 + 2 × 2"],
}  # fmt: skip
REFUSED = {
    "invalid": [
        "3*2*1**1", "1+2", "1+2+3+3-3", "6", "1/(3-2-1)", "()", "1**2*3+3", "1+2+12",
    ],
    "wrong": ["1+2+3 = 7", "1+2-3 = 6", "3-2-1", "-1-2-3", "1/2/3"],
    "empty": ["", " \n\t ", "\\boxed{}", "$$", "$ $", "\\boxed{$ $}"],
    "unreadable": [
        "2**3+1", "1.0+2+3", "6 = 1+2+3", "3//1+2", "3/ /1+2", "1.2+3", "3(2)*1", "(3)(2)/1", "3 2 1", "1+2+٣",
        "1+2+３", "[1+2+3]", "{1+2+3}", "1+2+3 = 6 = 6", "1+2=3, 3+3=6", "1+2+3 =", "\\boxed{1+2+3",
        "\\boxed{\\boxed{1+2+3}}", "$$1+2+3$", "six", "\\boxed{1}+\\boxed{2}+\\boxed{3}", "1+2+3)", "(1+2+3", "1+2+3+",
        "*1+2+3", "1+)2(+3",
        "1+2+3;", "1_0+2+3", "0x1+2+3", "1e0+2+3", "1,2,3", "__import__('os')", "1+2+3 apples", "1 x 2 x 3",
        "\\frac{3}{1}+2", "1+2+3 = six",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "answer"), [(numbers, answer) for numbers, answers in ACCEPTED.items() for answer in answers]
)
def test_strict_accepts_every_honest_form(numbers: tuple[int, ...], answer: str) -> None:
    found = strict(answer, puzzle(6, *numbers))
    assert (found["outcome"], found["score"], found["acc"], found["format"]) == ("correct", 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("outcome", "answer"), [(outcome, answer) for outcome, answers in REFUSED.items() for answer in answers]
)
def test_strict_refuses_and_names_the_outcome(outcome: str, answer: str) -> None:
    found = strict(answer)
    assert found["outcome"] == outcome
    assert found["acc"] == 0.0
    assert found["score"] == (0.0 if outcome == "empty" else 0.1)
    assert found["format"] == (0.0 if outcome == "empty" else 1.0)


@pytest.mark.parametrize(
    ("hole", "ground_truth"),
    [
        ("2**3+1", puzzle(9, 1, 2, 3)), ("7//2+1", puzzle(4, 1, 2, 7)), ("1.5*2", puzzle(3, 1, 2, 5)),
        ("4.5*2", puzzle(9, 4, 5, 2)), ("((-4)**(1/2))**2+50", puzzle(46, 1, 2, 2, 4, 50)),
    ],
)  # fmt: skip
def test_strict_closes_the_holes_and_acc_says_so(hole: str, ground_truth: str) -> None:
    found = faithful(f"<answer>{hole}</answer>", ground_truth)
    assert (found["score"], found["acc"]) == (1.0, 0.0)
    assert compute_score("countdown", f"<answer>{hole}</answer>", ground_truth)["score"] == 0.1


def test_exact_where_floats_are_not() -> None:
    assert strict("1/3*3", puzzle(1, 1, 3, 3))["acc"] == 1.0
    assert strict("7/3/5*3*5", puzzle(7, 3, 3, 5, 5, 7))["acc"] == 1.0
    assert faithful("<answer>1/999999</answer>", puzzle(0, 1, 999999))["score"] == 1.0
    assert strict("1/999999", puzzle(0, 1, 999999))["outcome"] == "wrong"


@pytest.mark.parametrize(
    ("response", "opened", "outcome"),
    [
        ("<think><answer>1+2+3</answer></think> I do not know.", False, "no_answer"),
        ("<answer>1+2+3</answer> still thinking", True, "no_answer"),
        ("<answer>1+2+3</answer> is it", False, "correct"),
        ("hm</think><answer>1+2</answer><answer>1+2+3</answer>", True, "correct"),
        ("hm</think><answer>1+2+3</answer><answer>1+2</answer>", True, "invalid"),
        ("hm</think><answer>1+2+3</answer> and <answer>", True, "no_answer"),
        ("hm</think><answer>1+2+3</answer><think><answer>1+2</answer>", True, "correct"),
        ("<answer>1+2</answer></think><answer>1+2+3</answer>\n\nThat is my answer.", True, "correct"),
        ("<answer><answer>1+2+3</answer>", False, "correct"),
        ("<answer>1+2+3", False, "no_answer"),
        ("1+2+3", False, "no_answer"),
        ("", False, "no_answer"),
    ],
)
def test_the_last_answer_outside_the_thinking_decides(response: str, opened: bool, outcome: str) -> None:
    assert compute_score("countdown", response, PUZZLE, {"think_in_prompt": opened})["outcome"] == outcome


@pytest.mark.parametrize(
    "ground_truth",
    [
        PUZZLE,
        '{"target": 6, "numbers": [3, 2, 1]}',
        '{"target": 6, "nums": [3, 2, 1]}',
        {"target": 6, "numbers": [1, 2, 3]},
        {"target": np.int64(6), "numbers": np.array([1, 2, 3])},
        {"target": np.array(6), "nums": (1, np.int32(2), 3)},
        {"target": 6.0, "numbers": [1, 2, 3]},
    ],
)
def test_forms_of_ground_truth(ground_truth: object) -> None:
    for mode in ("strict", "faithful"):
        assert compute_score("countdown", "<answer>1+2+3</answer>", ground_truth, mode=mode)["score"] == 1.0


@pytest.mark.parametrize(
    "ground_truth",
    [
        None, "", "6", "[1,2,3]", "{", "null", 6, [1, 2, 3], {}, {"target": 6}, {"numbers": [1, 2, 3]},
        {"target": 6, "numbers": []}, {"target": 6, "numbers": 3}, {"target": 6, "numbers": "123"},
        {"target": "6", "numbers": [1, 2, 3]}, {"target": 6, "numbers": [1, "2", 3]}, {"target": 6, "numbers": [1.5]},
        {"target": 6, "numbers": [1, None]}, {"target": True, "numbers": [1, 2, 3]},
        {"target": 6, "numbers": [-1, 2, 3]}, {"target": float("nan"), "numbers": [1]},
        {"target": float("inf"), "numbers": [1]},
        {"target": 10**5000, "numbers": [1, 2, 3]}, {"target": 6, "numbers": [10**5000]},
        '{"target":NaN,"numbers":[1]}', '{"task":"kk","target":6,"numbers":[1,2,3]}', "[" * 100_000,
        f'{{"target":{"9" * 5000},"numbers":[1]}}',
    ],
    ids=range(28),
)  # fmt: skip
def test_bad_ground_truth_is_an_outcome(ground_truth: object) -> None:
    for source in ("countdown", "oat_zero", "mini_r1"):
        for mode in ("strict", "faithful"):
            found = compute_score(source, "<answer>1+2+3</answer>", ground_truth, mode=mode)
            assert (found["outcome"], found["score"], found["acc"]) == ("bad_ground_truth", 0.0, 0.0)


# Mini-R1: (response, format, equation). The prompt ends in `<think>`.
MINI_R1 = [
    ("a</think>\n<answer>1+2+3</answer>", 1, 1),
    ("a</think>\n<answer>1+2+3</answer>\n", 1, 1),
    ("a</think>\n<answer>1+2+3</answer>\n\n", 0, 1),
    ("a</think> <answer>1+2+3</answer>", 0, 1),
    ("a</think>\n\n<answer>1+2+3</answer>", 0, 1),
    ("a</think>\n<answer>1+2+3</answer> done", 0, 1),
    ("<answer>1+2+3</answer>", 0, 1),
    ("a < b </think>\n<answer>1+2+3</answer>", 1, 1),
    ("<think>a</think>\n<answer>1+2+3</answer>", 0, 1),
    ("a</think>b</think>\n<answer>1+2+3</answer>", 0, 1),
    ("a</think>\n<answer>1+2</answer>", 1, 0),
    ("a</think>\n<answer>1+2+3 = 6</answer>", 1, 0),
    ("a</think>\n<answer></answer>", 1, 0),
    ("a</think>\n<answer>\n1+2+3\n</answer>", 1, 0),
    ("a</think>\n<answer>anything</answer> more <answer>1+2+3</answer>", 1, 0),
    ("try <answer>1+2+3</answer></think>\n<answer>6</answer>", 1, 1),
    ("try <answer>\n</answer> <answer>1+2+3</answer></think>\n<answer>6</answer>", 1, 1),
    ("a</think>\n<answer>1+2+3", 0, 0),
    ("", 0, 0),
]


@pytest.mark.parametrize(("response", "form", "equation"), MINI_R1)
@pytest.mark.parametrize("source", ["mini_r1", "unlock_deepseek"])
def test_mini_r1_pays_format_and_equation(source: str, response: str, form: int, equation: int) -> None:
    found = faithful(response, source=source)
    assert json.loads(found["parts"]) == {"format": form, "equation": equation}
    assert found["score"] == form + equation


def test_mini_r1_turns_the_value_into_a_real_number() -> None:
    complex_value, ground_truth = "<answer>((-4)**(1/2))**2+50</answer>", puzzle(46, 1, 2, 2, 4, 50)
    assert faithful(complex_value, ground_truth)["score"] == 1.0
    assert faithful(complex_value, ground_truth, "mini_r1")["score"] == 0.0
    assert faithful("<answer>2**3+1</answer>", puzzle(9, 1, 2, 3), "mini_r1")["score"] == 1.0


@pytest.mark.parametrize(
    ("response", "form", "equation"),
    [
        ("a</think>\n<answer>1+2+3</answer>", 1, 1),
        ("<think>a</think> <answer>\n1 × 2 × 3\n</answer>\nDone.\n", 1, 1),
        ("a</think>\n<answer>2**3</answer>", 1, 0),
        ("a</think>\n<answer></answer>", 0, 0),
        ("a</think> so I say <answer>1+2+3</answer>", 0, 1),
        ("<answer>1+2+3</answer>", 0, 1),
        ("try <answer>1+2+3</answer></think>\n<answer>6</answer>", 1, 0),
    ],
)
def test_mini_r1_strict_has_the_same_parts(response: str, form: int, equation: int) -> None:
    found = compute_score("mini_r1", response, PUZZLE)
    assert json.loads(found["parts"]) == {"format": form, "equation": equation}
    assert (found["score"], found["acc"], found["format"]) == (form + equation, equation, form)


def _rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if "response" in row]


def _disagreement(row: dict) -> str | None:
    """The rule that explains why the strict verdict is not the recorded `check.correct`; None where they agree."""
    found = compute_score("countdown", row["response"], puzzle(row["target"], *row["numbers"]))
    if (found["acc"] == 1.0) == row["check"]["correct"]:
        return None
    answer = row["check"]["answer_text"] or ""
    if found["acc"] and answer.rstrip(" }").endswith(f"= {row['target']}"):
        return "true `= target` tolerated"
    if found["acc"] and any(sign in answer for sign in ("\\times", "\\div", "\\cdot", "×", "÷", "−", "·")):
        return "another spelling of an operator"
    return f"unexplained: {row['id']}"


def test_recorded_responses_in_the_fixture(fixtures: Path) -> None:
    rows = _rows(fixtures / "countdown_responses.jsonl")
    scored = [row for row in rows if "ref_tinyzero_score" in row]
    assert len(scored) >= 30
    for row in scored:
        assert (
            faithful(row["response"], puzzle(row["target"], *row["numbers"]))["score"] == row["ref_tinyzero_score"]
        ), row
    assert {_disagreement(row) for row in scored} == {
        None,
        "true `= target` tolerated",
        "another spelling of an operator",
    }
    for row in rows:
        if "upstream_score" in row and row["upstream_score"] < 1:
            assert compute_score("countdown", row["response"], puzzle(row["target"], *row["numbers"]))["acc"] == 0.0


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("countdown_beibeizzz", 2842, {"true `= target` tolerated": 38, "another spelling of an operator": 65}),
        ("countdown_d1_llada", 594, {"true `= target` tolerated": 5, "another spelling of an operator": 1}),
    ],
)
def test_every_recorded_response(data_dir: Path, name: str, rows: int, expected: dict[str, int]) -> None:
    recorded = _rows(data_dir / "responses" / f"{name}.jsonl.gz")
    assert len(recorded) == rows
    wrong = [
        row["id"]
        for row in recorded
        if faithful(row["response"], puzzle(row["target"], *row["numbers"]))["score"] != row["ref_tinyzero_score"]
    ]
    assert wrong == []
    explained = Counter(_disagreement(row) for row in recorded)
    del explained[None]
    assert explained == expected


def test_reasoning_gym_pays_repeated_numbers_and_strict_does_not(data_dir: Path) -> None:
    """Its scorer compares sets of numbers; there is no other disagreement in 1,612 responses."""
    counted: Counter[str] = Counter()
    for row in _rows(data_dir / "responses" / "countdown_reasoning_gym.jsonl.gz"):
        first = row["prompt"].split("\n")[0]
        given = re.search(r"numbers:? (\d[\d, ]*\d)", first)[1]
        target = re.search(r"(?:Calculate|make|equals) (\d+)", first)[1]
        numbers = [int(number) for number in given.split(",")]
        found = compute_score("countdown", row["response"], puzzle(int(target), *numbers))
        if (found["acc"] == 1.0) != (row["upstream"]["score"] == 1.0):
            used = [int(number) for number in re.findall(r"\d+", row["upstream"]["model_answer"])]
            assert found["outcome"] == "invalid" and sorted(used) != sorted(numbers) and set(used) <= set(numbers)
            counted["repeated numbers"] += 1
    assert counted == {"repeated numbers": 66}


def test_markers_leave_no_trace(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for payload in (
        f'__import__("os").mkdir("{marker}")', f'open("{marker}","w")', f"[x for x in [open('{marker}','w')]]",
        f"\\boxed{{open('{marker}','w')}}", f"1+2+3 if open('{marker}','w') else 6", f"{{open('{marker}','w')}}",
    ):  # fmt: skip
        for source in ("countdown", "oat_zero", "mini_r1"):
            for mode in ("strict", "faithful"):
                for ground_truth in (PUZZLE, payload, {"target": payload, "numbers": [payload]}):
                    found = compute_score(source, f"</think>\n<answer>{payload}</answer>", ground_truth, mode=mode)
                    assert found["acc"] == 0.0
    assert not marker.exists()


def test_a_megabyte_of_anything_is_scored_in_no_time() -> None:
    """No hang: the benchmark asks for 2 ms, a quadratic search takes minutes."""
    for name, text in megabytes().items():
        for source in ("countdown", "mini_r1"):
            started = time.thread_time()
            compute_score(source, text, PUZZLE, mode="faithful")
            assert time.thread_time() - started < 2, (name, source)


def test_a_right_answer_is_found_however_much_stands_around_it() -> None:
    right = "(44 + 19) * 35 - 7"
    ground_truth = puzzle(2198, 44, 19, 35, 7)
    blanks = " " * 500_000
    assert faithful(f"{'x' * 500_000}<answer>{blanks}{right}{blanks}</answer>", ground_truth)["score"] == 1.0
    assert faithful(f"<answer>{'<answer>' * 100_000}{right}</answer>", ground_truth)["score"] == 0.1
    assert faithful(f"{'<answer>1</answer>' * 50_000}<answer>{right}</answer>", ground_truth)["score"] == 1.0
    text = f"{'<answer>' * 100_000}</think><answer>{right}</answer>{'x' * 500_000}"
    assert compute_score("countdown", text, ground_truth)["outcome"] == "correct"


_pieces = st.sampled_from(
    ["<answer>", "</answer>", "<think>", "</think>", "\n", "\r", " ", "Assistant:", "1", "2", "3", "+", "-", "*", "/",
     "(", ")", ".", "**", "=", "6", "\\boxed{", "}", "$", "×", "\\times", "٣", "x", "1+2+3", "<answer>1+2+3</answer>",
     "\ud800"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=30).map("".join) | st.text(max_size=60), st.booleans())
def test_no_text_raises(text: str, opened: bool) -> None:
    for source in ("countdown", "oat_zero", "mini_r1"):
        for mode in ("strict", "faithful"):
            found = compute_score(source, text, PUZZLE, {"think_in_prompt": opened}, mode=mode)
            assert found["outcome"] != "error"
            assert found["score"] in (0.0, 0.1, 1.0, 2.0)


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=12).map("".join))
def test_last_match_is_what_the_regular_expression_finds(line: str) -> None:
    from r1_verl.scorers.mini_r1 import _first_on_one_line, _published_form
    from r1_verl.scorers.tinyzero import last_match

    last = re.findall(r"<answer>(.*?)</answer>", line.split("\n")[-1])
    assert last_match(line.split("\n")[-1]) == (last[-1] if last else None)
    first = re.search(r"<answer>(.*?)<\/answer>", line)
    assert _first_on_one_line(line) == (first[1] if first else None)
    form = r"^<think>([^<]*(?:<(?!/?think>)[^<]*)*)<\/think>\n<answer>([\s\S]*?)<\/answer>$"
    assert _published_form(line) == bool(re.search(form, "<think>" + line, re.DOTALL))


def test_scores_from_many_threads() -> None:
    found: list[float] = []
    texts = ["<answer>1+2+3</answer>", "<answer>9**9**9</answer>"]

    def score() -> None:
        for text in texts * 50:
            found.append(compute_score("countdown", text, PUZZLE, mode="faithful")["score"])

    threads = [threading.Thread(target=score) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == {1.0: 400, 0.1: 400}
