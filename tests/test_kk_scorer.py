"""Knights and Knaves: Logic-RL's decision table, the strict reading, recorded responses, hostile text."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bench_kk import logic_rl, megabytes
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_verl import compute_score
from r1_verl.ground_truth import encode
from r1_verl.scorers.kk import ideal

SOLUTION = "(1) Zoey is a knight\n(2) Oliver is a knave"
UPSTREAM = {"solution_text_format": SOLUTION, "statements": "(('telling-truth', 0), ('lying', 0))"}
TRUTH = encode("kk", **UPSTREAM)


def faithful(response: str, ground_truth: object = TRUTH, **info: object) -> dict:
    return compute_score("kk", response, ground_truth, info, mode="faithful")


def strict(answer: str, ground_truth: object = TRUTH) -> dict:
    return compute_score("kk", f"<think>hm</think>\n<answer>{answer}</answer>", ground_truth)


# Logic-RL's edge table, as upstream's own code was seen to score; the prompt ends in `<think>`.
EDGE_TABLE = [
    ("canonical", f"hm</think><answer>{SOLUTION}</answer>", 3.0),
    ("lower-case names, upper-case roles", "hm</think><answer>zoey is a KNIGHT, oliver is a KNAVE</answer>", 3.0),
    ("any order", "hm</think><answer>Oliver is a knave. Zoey is a knight.</answer>", 3.0),
    ("text between and after", f"hm</think> so <answer>{SOLUTION}</answer> done <|endoftext|>", 3.0),
    ("empty thinking", f"</think><answer>{SOLUTION}</answer>", 3.0),
    ("newline inside the claim", "hm</think><answer>Zoey is a\nknight Oliver\nis a\tknave</answer>", 3.0),
    ("wrong", "hm</think><answer>Zoey is a knave, Oliver is a knave</answer>", -0.5),
    ("article", "hm</think><answer>Zoey is the knight, Oliver is the knave</answer>", -1.0),
    ("colon", "hm</think><answer>Zoey: knight, Oliver: knave</answer>", -1.0),
    ("bold", "hm</think><answer>**Zoey** is a **knight**, **Oliver** is a **knave**</answer>", -1.0),
    ("not", "hm</think><answer>Zoey is not a knave, Oliver is not a knight</answer>", -1.0),
    ("a stranger", "hm</think><answer>Zoey is a knight, Oliver is a knave, Mia is a knave</answer>", -1.0),
    ("stray word", f"hm</think><answer>{SOLUTION} (so only one knight)</answer>", -1.0),
    ("stray plural", f"hm</think><answer>{SOLUTION}, no other knights</answer>", -1.0),
    ("one person missing", "hm</think><answer>Zoey is a knight</answer>", -1.0),
    ("one person twice", "hm</think><answer>Zoey is a knight, Zoey is a knight</answer>", -1.0),
    ("empty answer", "hm</think><answer> \n </answer>", -1.0),
    ("<think> repeated", f"<think>hm</think><answer>{SOLUTION}</answer>", -3.0),
    ("tag mentioned in the thinking", f"the <answer> tag</think><answer>{SOLUTION}</answer>", -3.0),
    ("two answers", f"hm</think><answer>{SOLUTION}</answer><answer>{SOLUTION}</answer>", -3.0),
    ("no </think>", f"hm<answer>{SOLUTION}</answer>", -3.0),
    ("</think> after the answer", f"hm<answer>{SOLUTION}</answer></think>", -3.0),
    ("</answer> missing", f"hm</think><answer>{SOLUTION}", -3.0),
    ("no answer", "hm", -3.0),
    ("nothing", "", -3.0),
    # Holes upstream pays for.
    ("negated", "hm</think><answer>It is false that Zoey is a knight; Oliver is a knave</answer>", 3.0),
    ("first claim counts", "hm</think><answer>Zoey is a knight, Oliver is a knave</answer> I lied", 3.0),
    ("words around", "hm</think><answer>If Zoey is a knight, Oliver is a knave</answer>", 3.0),
]


@pytest.mark.parametrize(("response", "reward"), [row[1:] for row in EDGE_TABLE], ids=[row[0] for row in EDGE_TABLE])
@pytest.mark.parametrize("source", ["kk", "kk_logic", "kk/3ppl"])
def test_every_edge_is_paid_as_upstream_pays_it(source: str, response: str, reward: float) -> None:
    found = compute_score(source, response, UPSTREAM, {"think_in_prompt": True}, mode="faithful")
    assert found["score"] == reward
    parts = json.loads(found["parts"])
    assert parts["format"] + parts["answer"] == reward
    assert logic_rl(f"Assistant: <think>{response}", UPSTREAM) == reward


def test_a_prompt_without_think_needs_the_tag_in_the_response() -> None:
    answer = f"</think><answer>{SOLUTION}</answer>"
    assert faithful(f"<think>hm{answer}", think_in_prompt=False)["score"] == 3.0
    assert faithful(f"first <think>hm{answer}")["score"] == 3.0
    assert faithful(f"hm{answer}")["score"] == -3.0
    assert faithful(f"hm</think><think><answer>{SOLUTION}</answer>")["score"] == -3.0


def test_chat_prompt_has_no_header_so_upstream_splits_the_response() -> None:
    for style in ("instruct", "raw_instruct"):
        info = {"style": style, "think_in_prompt": True}
        assert faithful(f"hm</think><answer>{SOLUTION}</answer>", **info)["score"] == 3.0
        assert faithful(f"hm</think><answer>{SOLUTION}</answer> Assistant: yes", **info)["score"] == -3.0
        assert faithful(f"Assistant: hm</think><answer>{SOLUTION}</answer>", **info)["score"] == -3.0
        assert faithful(f"Assistant: <think>hm</think><answer>{SOLUTION}</answer>", **info)["score"] == 3.0
    header = f"hm</think><answer>{SOLUTION}</answer> Assistant: yes"
    assert faithful(header, style="raw", think_in_prompt=True)["score"] == 3.0


READ = [
    SOLUTION, "Zoey is a knight, and Oliver is a knave.", "**Zoey** is a **knight**, *Oliver* is a *knave*",
    "Zoey: knight\nOliver: knave", "Zoey is the knight and Oliver is the knave", "OLIVER IS A KNAVE; zoey is a Knight",
    "1. Zoey - Knight\n2. Oliver – Knave", "| Zoey | knight |\n| Oliver | knave |", "Zoey = knight, Oliver = knave",
    '{"Zoey": "knight", "Oliver": "knave"}', "So, Zoey must be a knight and therefore Oliver is a knave.",
    "The final answer: Zoey -> knight, Oliver -> knave", "\\boxed{\\text{Zoey is a knight and Oliver is a knave}}",
    "Zoey is a knight. Oliver is a knave. So Zoey is a knight.", "Zoey is knight, Oliver is knave",
    "`Zoey` knight `Oliver` knave", "Zoey (knight), Oliver (knave)", "(1) Zoey is a knight (2) Oliver is a knave",
    "“Zoey” is a knight；“Oliver” is a knave。",
]  # fmt: skip
NOT_READ = {
    "wrong": [
        "Zoey is a knave and Oliver is a knave", "Zoey and Oliver are knights", "Both Zoey and Oliver are knaves",
    ],
    "invalid": [
        "Zoey is a knight", "(1) Zoey is a knight (2) ...", "Zoey is a knight, Zoey is a knight",
        "Zoey is a knight, Oliver is a knave, Zoey is a knave",
    ],
    "unreadable": [
        "It is false that Zoey is a knave; Oliver is a knave", "Zoey is not a knave, Oliver is a knave",
        "Zoey isn't a knave, Oliver is a knave", "Zoey is a non-knave, Oliver is a knave",
        "Zoey != knave, Oliver = knave", "Zoey ≠ knave, Oliver = knave", "Zoey: ¬knave, Oliver: knave",
        "~~Zoey is a knight~~ Oliver is a knave", "Zoey \\neq knave, Oliver: knave",
        "Zoey is a knight or Oliver is a knave", "If Zoey is a knight, Oliver is a knave",
        "Zoey is a knight/knave, Oliver is a knave", "Zoey is a knight? Oliver is a knave",
        "Zoey is a knight or a knave", "Zoey is a knight and a knave, Oliver is a knave", "knight: Zoey, knave: Oliver",
        "Zoey, Oliver: knight, knave", "Zoey is a knight, Oliver is a knave, Mia is a knave",
        "Zoey, Mia: knight, Oliver: knave", "Zoey Oliver is a knave", "Zoey is a knight, and so is Oliver",
        "Zoe is a knight, Oliver is a knave", "Zoeys is a knight, Oliver is a knave",
        "One is a knight and one is a knave", "knight, knave", "I do not know", "Zoey", "Zoey is a knight, Oliver",
        "Zoey says Oliver is a knave, Zoey is a knight", "Zoey is a <s>knight</s>, Oliver is a knave",
        "Ｚｏｅｙ is a knight", "Zoey is never a knave, Oliver is a knave", "neither Zoey nor Oliver are knaves",
        "Zoey is a knight, Oliver is a knight: the opposite is true", "Zoey is a knіght, Oliver is a knave",
    ],
}  # fmt: skip


@pytest.mark.parametrize("answer", READ)
def test_strict_reads_honest_variants(answer: str) -> None:
    found = strict(answer)
    assert (found["outcome"], found["acc"], found["format"], found["score"]) == ("correct", 1.0, 1.0, 3.0)
    swapped = re.sub("zoey|oliver", lambda name: "Oliver" if name[0].lower() == "zoey" else "Zoey", answer, flags=re.I)
    assert strict(swapped)["outcome"] == "wrong"


@pytest.mark.parametrize(
    ("outcome", "answer"), [(outcome, a) for outcome, answers in NOT_READ.items() for a in answers]
)
def test_strict_refuses_and_names_the_outcome(outcome: str, answer: str) -> None:
    found = strict(answer)
    assert (found["outcome"], found["acc"]) == (outcome, 0.0)
    assert found["score"] == (-0.5 if outcome == "wrong" else -1.0)


@pytest.mark.parametrize(
    ("response", "opened", "outcome", "form", "score"),
    [
        (f"hm</think><answer>{SOLUTION}</answer>", True, "correct", 1.0, 3.0),
        (f"<think>hm</think> so <answer>{SOLUTION}</answer> done\n", False, "correct", 1.0, 3.0),
        (f"hm</think><answer>{SOLUTION}</answer>", False, "correct", 0.0, 1.0),
        (f"<think>hm</think><answer>{SOLUTION}</answer>", True, "correct", 0.0, 1.0),
        (f"<answer>{SOLUTION}</answer>", False, "correct", 0.0, 1.0),
        (f"<answer>{SOLUTION}</answer>", True, "no_answer", 0.0, -3.0),
        (f"say <answer> here</think><answer>{SOLUTION}</answer>", True, "correct", 1.0, 3.0),
        (f"hm</think><answer>{SOLUTION}</answer><answer>Zoey is a knave</answer>", True, "invalid", 0.0, -3.0),
        (f"hm</think><answer>?</answer><answer>{SOLUTION}</answer>", True, "correct", 0.0, 1.0),
        (f"<answer>{SOLUTION}</answer></think> I cannot say", True, "no_answer", 0.0, -3.0),
        (f"hm</think><answer>{SOLUTION}</answer> and <answer>", True, "no_answer", 0.0, -3.0),
        ("hm</think><answer> </answer>", True, "empty", 0.0, -3.0),
        ("hm</think><answer>Zoey is a knave, Oliver is a knave</answer></answer>", True, "wrong", 0.0, -2.5),
        (f"hm</think><answer>{SOLUTION}</answer><think>", False, "correct", 0.0, 1.0),
        (f"hm</think><answer>{SOLUTION}</answer><think>", True, "correct", 0.0, 1.0),
        (f"hm</think><answer>?</answer><think><answer>{SOLUTION}</answer>", True, "unreadable", 0.0, -3.0),
        (f"{'<' * 40}</think><answer>{SOLUTION}</answer>", True, "correct", 1.0, 3.0),
        (f"{'<' * 40}</think><answer>{SOLUTION}</answer><answer>", True, "no_answer", 0.0, -3.0),
        (f"hm</think></think><answer>{SOLUTION}</answer>", True, "correct", 0.0, 1.0),
        (f"hm</think><answer>{' ' * 4000}{SOLUTION}</answer>", True, "no_answer", 0.0, -3.0),
        ("", True, "no_answer", 0.0, -3.0),
    ],
)
def test_format_and_answer_are_paid_separately(
    response: str, opened: bool, outcome: str, form: float, score: float
) -> None:
    found = compute_score("kk", response, TRUTH, {"think_in_prompt": opened})
    assert (found["outcome"], found["format"], found["score"]) == (outcome, form, score)
    assert found["acc"] == float(outcome == "correct")
    parts = json.loads(found["parts"])
    assert parts["format"] == (1.0 if form else -1.0) and sum(parts.values()) == score


@pytest.mark.parametrize(
    "ground_truth",
    [
        TRUTH,
        UPSTREAM,
        SOLUTION,
        json.dumps(UPSTREAM),
        {"solution_text_format": "Zoey is a knight\n\nOliver, I think, is a knave\nand no more"},
        {"solution": {"Zoey": "knight", "Oliver": "knave"}},
        {"solution": {"Oliver": "Knave", "Zoey": "Knight"}, "roles": np.array(["knight", "knave"])},
        {"solution": {"Zoey": True, "Oliver": False}},
        encode("kk", solution={"Zoey": "knight", "Oliver": "knave"}, roles=["knave", "knight"]),
    ],
    ids=range(9),
)
def test_forms_of_ground_truth(ground_truth: object) -> None:
    for mode in ("strict", "faithful"):
        found = compute_score("kk", f"<think></think><answer>{SOLUTION}</answer>", ground_truth, mode=mode)
        assert found["score"] == 3.0


@pytest.mark.parametrize(
    "ground_truth",
    [
        None, "", 6, [], {}, "no claim here", "{", "null", "[1]", {"solution_text_format": ""},
        {"solution_text_format": 3}, {"solution": {}}, {"solution": {"Zoey": "saint"}}, {"solution": {"Zoey": 1}},
        {"solution": {"Zoey Ann": "knight"}}, {"solution": {"Zoey": "knight", "ZOEY": "knave"}},
        {"solution": {"Knight": "knight"}}, {"solution": {"Zoey": "knight"}, "roles": ["knight"]},
        {"solution": {"Zoey": "knight"}, "roles": 3}, {"solution": {"Zoey": "knight"}, "roles": ["knight", "knight"]},
        {"solution": [["Zoey", "knight"]]}, {"solution": {"Zoey": "knight"}, "roles": ["knight", "a.*"]},
        {"task": "countdown", "solution": {"Zoey": "knight"}},
        {"solution": {f"{chr(97 + i // 26)}{chr(97 + i % 26)}x": "knight" for i in range(200)}}, "x" * 200_000,
        {"solution_text_format": "Zoey " * 100_000}, {"solution": {None: None}},
    ],
    ids=range(27),
)  # fmt: skip
def test_bad_ground_truth_is_an_outcome(ground_truth: object) -> None:
    for mode in ("strict", "faithful"):
        found = compute_score("kk", f"<think></think><answer>{SOLUTION}</answer>", ground_truth, mode=mode)
        assert (found["outcome"], found["score"], found["acc"], found["parts"]) == ("bad_ground_truth", 0.0, 0.0, "")
    assert ideal(ground_truth) is None


def test_roles_come_from_the_row() -> None:
    truth = encode("kk", solution={"Mia": "altruist", "Noah": "egoist"}, roles=["altruist", "egoist"])
    for answer in ("Mia is an altruist, Noah is an egoist", "Mia is a altruist, Noah is a egoist"):
        for mode in ("strict", "faithful"):
            found = compute_score("kk", f"<think></think><answer>{answer}</answer>", truth, mode=mode)
            assert found["score"] == 3.0
    assert strict("Mia and Noah are egoists", truth)["outcome"] == "wrong"
    assert strict("Mia is a knight, Noah is a knave", truth)["outcome"] == "unreadable"
    heroes = encode("kk", solution={"Mia": "hero", "Noah": "hero"}, roles=["hero", "villain"])
    assert (
        strict("Mia and Noah are heroes", heroes)["acc"] == strict("Both Mia and Noah are heros", heroes)["acc"] == 1.0
    )


def test_people_may_be_called_as_the_article() -> None:
    truth = encode("kk", solution={"A": "knight", "B": "knave", "An": "knight"})
    for answer in ("A is a knight, B is a knave, An is a knight", "A: knight; B: knave; An: knight"):
        assert strict(answer, truth)["outcome"] == "correct"
    assert strict("A is a knave, B is a knight, An is a knave", truth)["outcome"] == "wrong"
    assert strict("A and An are knights, B is a knave", truth)["outcome"] == "correct"
    assert strict("B and A are knaves, An is a knight", truth)["outcome"] == "wrong"
    assert strict("B, An, A is a knight", truth)["outcome"] == "unreadable"
    assert compute_score("kk", ideal(truth), truth)["score"] == 3.0


def test_ideal_response_scores_full_marks() -> None:
    for truth in (TRUTH, UPSTREAM, encode("kk", solution={"Mia": "egoist"}, roles=["altruist", "egoist"])):
        for mode in ("strict", "faithful"):
            assert compute_score("kk", ideal(truth), truth, mode=mode)["score"] == 3.0


def _agrees(row: dict) -> bool:
    solution = dict(re.findall(r"(\w+) is an? (\w+)", row["expected_answer"]))
    truth = encode("kk", solution=solution, roles=list(row["roles"]))
    right = row["upstream_score"] == 1.0
    return compute_score("kk", row["response"], truth)["acc"] == float(right)


def test_recorded_responses_in_the_fixture(fixtures: Path) -> None:
    with open(fixtures / "kk_responses.jsonl", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if "response" in row]
    assert len(rows) >= 20 and {row["upstream_score"] == 1.0 for row in rows} == {True, False}
    assert [row["id"] for row in rows if not _agrees(row)] == []


def test_every_recorded_response(data_dir: Path) -> None:
    """Strict accepts all 1,225 that reasoning-gym's token scan scores 1.0 and none of the 363 others."""
    counted: Counter[float] = Counter()
    with gzip.open(data_dir / "responses" / "kk_reasoning_gym.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            row["roles"] = re.search(r"So who is an? (\w+) and who is an? (\w+)\?", row["prompt"]).groups()
            row["upstream_score"] = row["upstream"]["score"]
            assert _agrees(row), row["id"]
            counted[row["upstream_score"] == 1.0] += 1
    assert counted == {True: 1225, False: 363}


def test_every_published_solution_scores_three(data_dir: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    files = sorted((data_dir / "kk" / "logic_rl").rglob("*.parquet"))
    rows = [row for file in files for row in parquet.read_table(file, columns=["reward_model"]).to_pylist()]
    assert len(rows) == 5000
    for i, row in enumerate(rows):
        truth = row["reward_model"]["ground_truth"]
        response = f"hm</think>\n<answer>{truth['solution_text_format']}</answer>"
        found = compute_score("kk_logic", response, truth, {"think_in_prompt": True}, mode="faithful")
        assert (found["score"], found["acc"]) == (3.0, 1.0)
        if i % 10:
            continue
        lied = response.replace("knight", "@").replace("knave", "knight").replace("@", "knave")
        found = compute_score("kk_logic", lied, truth, {"think_in_prompt": True}, mode="faithful")
        assert (found["score"], found["acc"]) == (-0.5, 0.0)


_pieces = st.sampled_from(
    ["<think>", "</think>", "<answer>", "</answer>", "Assistant:", "Zoey", "Oliver", "zoey", " is a ", " is ", "a ",
     "knight", "knave", "Knights", " ", "\n", "*", ":", "(1) ", "not ", "_", "é", "Zoey is a knight",
     "Oliver is a knave", "think>", "<think>hm</think><answer>Zoey is a knight, Oliver is a knave</answer>",
     "</think><answer>", "\ud800"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(_pieces, max_size=14).map("".join), st.booleans(), st.sampled_from(["raw", "raw_instruct"]))
def test_faithful_is_what_the_published_rules_say(text: str, opened: bool, style: str) -> None:
    prompt = "Assistant: " if style == "raw" else "<|im_start|>assistant\n"
    found = faithful(text, think_in_prompt=opened, style=style)
    assert found["score"] == logic_rl(prompt + ("<think>" if opened else "") + text, UPSTREAM)
    assert found["outcome"] != "error"
    assert compute_score("kk", text, TRUTH, {"think_in_prompt": opened})["outcome"] != "error"


@settings(max_examples=400, deadline=None)
@given(st.lists(_pieces, max_size=10).map("".join))
def test_faithful_reads_an_answer_as_the_published_rules_do(answer: str) -> None:
    answer = re.sub(r"</?(?:think|answer)>|Assistant:", "", answer)
    response = f"hm</think><answer>{answer}</answer>"
    expected = logic_rl(f"Assistant: <think>{response}", UPSTREAM)
    assert faithful(response, think_in_prompt=True)["score"] == expected


def test_a_megabyte_of_anything_is_scored_in_no_time() -> None:
    """No hang: the benchmark asks for 2 ms, a quadratic search takes minutes."""
    for name, text in megabytes().items():
        started = time.thread_time()
        compute_score("kk", text, TRUTH, {"think_in_prompt": True}, mode="faithful")
        assert time.thread_time() - started < 2, name


def test_a_long_answer_is_read_in_bounded_time() -> None:
    people = {f"{chr(65 + i // 26)}{chr(97 + i % 26)}x": "knight" for i in range(64)}
    truth = encode("kk", solution=people)
    spam = "".join(f"{name} " for name in people) * 200
    claims = ", ".join(f"{name} is a knight" for name in people)
    for answer in (claims, spam + claims, ("Aax " * 16_000)[:60_000] + claims, " " * 60_000 + claims):
        started = time.thread_time()
        found = compute_score("kk", f"<think></think><answer>{answer}</answer>", truth, mode="faithful")
        assert time.thread_time() - started < 2
        assert found["score"] == 3.0


def test_markers_leave_no_trace(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for payload in (f'__import__("os").mkdir("{marker}")', f"open('{marker}','w')", f"{{open('{marker}','w')}}"):
        for truth in (TRUTH, payload, {"solution_text_format": payload, "statements": payload}, {"solution": payload}):
            for mode in ("strict", "faithful"):
                found = compute_score("kk", f"<think></think><answer>{payload}</answer>", truth, mode=mode)
                assert found["acc"] == 0.0
    assert not marker.exists()
