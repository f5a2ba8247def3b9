"""Hostile responses and ground truths through every mathematics reward, in both modes: bounded, silent, never paid."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from r1_verl.data.gold import gold_response
from r1_verl.ground_truth import encode
from r1_verl.reward import compute_score
from r1_verl.score import ERROR, OUTCOMES
from r1_verl.scorers import MODES, scorers

# Multiplication reads the golds of mathematics, in plain numbers.
ALL = [entry.name for entry in scorers() if entry.task in ("math", "multiply")]
HANG = 2.0  # seconds of processor time; benchmarks/bench_math.py asks for 50 ms, and 1.2 s with the worker
USES_WORKER = {"openr1", "simplerl_v1", "math_verify"}  # their published judge is math-verify itself

GROUND_TRUTHS = [
    *(None, "", " ", "{", "[]", "{}", "null", [], {}, [[]], ["", None], {"answer": None}, {"answers": []}),
    *(float("nan"), float("inf"), True, b"5", object(), {"task": "math"}, {"answer": {"answer": {"answer": "5"}}}),
    *('{"task":"math"}', '{"task":"math","answer":""}', '{"answer":' + "[" * 5_000, "[" * 5_000),
]


@pytest.mark.long
@pytest.mark.parametrize("source", ALL)
def test_no_ground_truth_is_never_rewarded(source):
    for truth, mode in itertools.product(GROUND_TRUTHS, MODES):
        for response in (
            "",
            "\\boxed{}",
            "<answer></answer>",
            "\\boxed{5}",
            "<think>a</think> <answer>\\boxed{5}</answer>",
        ):
            found = compute_score(source, response, truth, mode=mode)
            assert found["acc"] == 0.0 and found["outcome"] != ERROR, (truth, mode, response)
            if json.loads(found["parts"] or "{}"):
                assert all(json.loads(found["parts"]).get(name, 0) == 0 for name in ("accuracy", "correctness"))


# What a model must not be paid for: published scorers pay for some of these, strict pays for none.
UNPAID = {
    "echoed prompt, then the number": "put your final answer within \\boxed{}. 5",
    "answer in the thinking alone": "<think>\\boxed{5} <answer>5</answer> #### 5\nAnswer: 5",
    "answer in the thinking, none behind it": "<think>\\boxed{5}</think> I am done.",
    "unclosed last box": "\\boxed{5} so \\boxed{5",
    "empty last box": "\\boxed{5} so \\boxed{}",
    "all candidates": "\\boxed{3} \\boxed{4} \\boxed{5} \\boxed{6}",
    "list of candidates": "\\boxed{3,4,5}",
    "either": "\\boxed{5 \\text{ or } 6}",
    "another variable": "\\boxed{6=5}",
    "code": '\\boxed{__import__("os").getpid() and 5}',
    "empty answer": "<think>a</think> <answer></answer>",
    "unclosed answer": "<think>a</think> <answer>5",
    "number without a place": "so it is 5",
    "nothing": "",
}


@pytest.mark.parametrize("name", UNPAID)
def test_strict_pays_for_no_hole(name):
    paid = [source for source in ALL if compute_score(source, UNPAID[name], "5")["acc"] != 0.0]
    assert paid == []


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("mode", MODES)
def test_acc_is_the_strict_verdict_in_every_mode(source, mode):
    paid = [gold_response(name, encode("math", answer="5")) for name in ALL]
    for response in [*UNPAID.values(), *paid, "\\boxed{5}", "#### 5", "Answer: 5"]:
        strict = compute_score(source, response, "5")
        assert compute_score(source, response, "5", mode=mode, scale="parts")["acc"] == strict["acc"]


PAYLOADS = r"""
open("MARK","w")
__import__("os").mkdir("MARK")
open("MARK","w")and 1*\pi
\frac{open("MARK","w")}{1}
().__class__.__bases__[0].__subclasses__()
5; open("MARK","w")
\write18{touch MARK}
\input{|touch MARK}
exec("open('MARK','w')")
[open("MARK","w"), 5][1]
\begin{pmatrix}open("MARK","w")\\1\end{pmatrix}
(open("MARK","w"), 5)
x=open("MARK","w")
"""


def test_injected_code_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    payloads = PAYLOADS.strip().split("\n")
    golds = ["5", "\\pi", "x^2+y", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", "A", *payloads]
    wrappers = ["\\boxed{%s}", "<think>a</think> <answer>\\boxed{%s}</answer>", "#### %s", "Answer: %s"]
    for source, mode in itertools.product([name for name in ALL if name not in USES_WORKER], MODES):
        for payload, gold in zip(itertools.cycle(payloads), golds * 3, strict=False):
            for wrapper in wrappers:
                compute_score(source, wrapper % payload, gold, mode=mode)
    for source in USES_WORKER:  # a process a call: fewer of them
        for payload in payloads[:6]:
            compute_score(source, wrappers[1] % payload, "\\pi", mode="faithful")
            compute_score(source, wrappers[0] % "5", payload, mode="faithful")
    assert list(tmp_path.iterdir()) == []


def test_recorded_attacks_are_bounded_from_a_thread(data_dir):
    """Every attack of the shared file, as the answer in a box or as the whole response, sent one at a time."""

    def attack(row):
        text = row.get("response") or "We compute. \\[ \\boxed{" + row["answer"] + "} \\]"
        for source, mode in itertools.product(("simplerl", "deepscaler", "math_eval", "orz", "dapo"), MODES):
            start = time.thread_time()
            found = compute_score(source, text, row["gold"], mode=mode)
            assert time.thread_time() - start < HANG, (row["name"], source, mode)
            assert found["outcome"] in OUTCOMES and found["outcome"] != ERROR

    with gzip.open(data_dir / "pairs" / "math_attacks.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(attack, rows))
    assert len(rows) == 81


@pytest.mark.long
def test_right_answers_among_heavy_ones_from_32_threads():
    heavy = ["\\boxed{9^{9^{9^{9}}}}", "\\boxed{\\int_0^1 x^{x} dx}", "\\boxed{\\sum_{k=1}^{1000000000} \\frac{1}{k}}"]
    jobs = [("math_verify", heavy[i % 3], "\\int_0^1 x^{-x} dx") for i in range(26)]
    jobs += [("math_eval", "\\boxed{\\frac{1}{2}}", "0.5"), ("simplerl", "\\boxed{2\\sqrt{3}}", "\\sqrt{12}")]
    jobs += [("drgrpo", "\\boxed{(x+1)^2}", "x^2+2x+1"), ("gsm8k", "#### 18", "18"), ("dapo", "Answer: 34", "34")]
    jobs += [("deepscaler", "<think>a</think> \\boxed{\\frac{3}{4}}", "0.75")]
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda job: compute_score(*job, mode="faithful")["score"], jobs))
    assert found == [0.0] * 26 + [1.0] * 6
