"""Hostile answers: bounded time from any thread, no evaluation of model text, no false reward."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from r1_verl.maths.judge import judge
from r1_verl.response import last_boxed

HANG = 2.0  # seconds of processor time; benchmarks/bench_math.py asks for 50 ms


def long_sum(term: str, n: int) -> str:
    return "+".join(term.replace("#", str(k)) for k in range(n))


ATTACKS = {
    "tower": "9^{9^{9^{9}}}",
    "tower, python": "9**9**9**9",
    "tower in brackets": r"\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - 5}{16}",
    "tower of x": "x^{" * 200 + "x" + "}" * 200,
    "2^100000": "2^{100000}",
    "e-notation": "1e999999999",
    "e-notation, small": "1e-999999999",
    "factorial": "(10^{9})!",
    "factorials": "9!!!!!!",
    "factorial of a factorial": "((9!)!)!",
    "binomial": r"\binom{1000000}{500000}",
    "sum": r"\sum_{k=1}^{1000000000} \frac{1}{k}",
    "sum of sums": r"\sum_{k=1}^{300}\sum_{j=1}^{300}\sum_{i=1}^{300} \sin(ijk)",
    "product": r"\prod_{k=1}^{100000} k",
    "integral": r"\int_0^1 x^{x} dx",
    "fractions": r"\frac{" * 1000 + "1" + "}{2}" * 1000,
    "roots": r"\sqrt{" * 500 + "2" + "}" * 500,
    "brackets": "(" * 5000 + "1" + ")" * 5000,
    "open braces": "{" * 10_000,
    "closing braces": "}" * 10_000,
    "a thousand brackets": "(" * 900 + "5" + ")" * 900,
    "minus signs": "-" * 3000 + "5",
    "minus signs and spaces": "- " * 50_000,
    "additions": "+".join(["1"] * 5000),
    "digits": "7" * 100_000,
    "a megabyte of digits": "7" * 1_000_000,
    "spaced digits": "1 " * 50_000,
    "grouped digits": "1" + ",111" * 30_000,
    "commas": ",1" * 50_000,
    "a megabyte of x": "x" * 1_000_000,
    "dollars": "$" * 20_000,
    "backslashes": "\\" * 20_000,
    "text in text": r"\text{" * 5000 + "5" + "}" * 5000,
    "digits in text": r"\text{" + "1" * 3900 + "@}",
    "words in text": r"\text{" + "so " * 1200 + "}5",
    "letters in a name": "x_{" + "a" * 3900 + "}",
    "tags": "<a" * 1900,
    "spaces": "5" + " " * 3900 + "6",
    "decimals": "0." + "12" * 490 + "3...",
    "small": "1.5e-4999",
    "boxes": r"\boxed{" * 2000 + "5" + "}" * 2000,
    "a long list": ",".join(map(str, range(5000))),
    "a long list of roots": ",".join(rf"\sqrt{{{k}}}" for k in range(180)),
    "matrix": r"\begin{pmatrix}" + r"\\".join("&".join(["1"] * 60) for _ in range(60)) + r"\end{pmatrix}",
    "mod tower": r"3^{3^{3^{3}}} \mod 7",
    "floor of a tower": r"\lfloor 9^{9^{9}} \rfloor",
    "interval to a tower": r"(-\infty, 9^{9^{9}})",
    "unions": r"\cup".join(f"({k},{k + 1})" for k in range(200)),
    "differences": r"\mathbb{R}" + "".join(rf"\setminus\{{{k}\}}" for k in range(150)),
    "sines": long_sum(r"\sin(#x)", 250),
    "powers": long_sum("x^{#}", 300),
    "factorial sum": long_sum("3000!", 300),
    "reciprocals": "+".join(rf"\frac{{1}}{{{k}!}}" for k in range(1, 170)),
    "much precision": long_sum("e^{#x}", 30) + "+10^{-1500}",
    "words": "and " * 900,
    "plus-minus": "+".join([r"\pm 1"] * 300),
    "constants of integration": "+".join(rf"C_{{{k}}}\sin({k}x)" for k in range(1, 9)),
    "nothing": "\x00\x01\x02",
    "surrogate": "\ud800",
    "unicode digits": "５٥",
}
GOLDS = ("5", r"\sqrt{2}", "x^2+1", "(1,2)", "[0,1)", "1,2", r"\text{east}", r"25\%", long_sum(r"\sin(#x)", 100))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_bounded_and_earns_nothing(name):
    """In a thread, against every kind of gold."""

    def attack() -> None:
        for gold in GOLDS:
            for answer, other in ((ATTACKS[name], gold), (gold, ATTACKS[name])):
                began = time.thread_time()
                assert not judge(answer, other).equal
                assert time.thread_time() - began < HANG

    with ThreadPoolExecutor(1) as pool:
        pool.submit(attack).result()


RIGHT = {  # attacks on the time alone: their answers equal the gold
    "infty=infty", "zero-width", "list perm 400", "0/0 vs 0/0", "10k boxed", "20k unclosed + close", "think repeated",
}  # fmt: skip


def test_the_collected_attacks_are_bounded_and_earn_nothing(data_dir):
    with gzip.open(data_dir / "pairs" / "math_attacks.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]

    def attack() -> None:
        for row in rows:
            began = time.thread_time()
            found = last_boxed(row["response"]) if "response" in row else row["answer"]
            assert judge(found or "", row["gold"]).equal == (row["name"] in RIGHT), row["name"]
            assert time.thread_time() - began < HANG, row["name"]

    with ThreadPoolExecutor(1) as pool:
        pool.submit(attack).result()
    assert len(rows) == 81


MARKERS = (
    'open("{0}","w")',
    '__import__("os").mkdir("{0}")',
    "eval(\"open('{0}','w')\")",
    r'open("{0}","w")and 1*\pi',
    r'\text{{__import__("os").mkdir("{0}")}}',
    '[open(f,"w") for f in ["{0}"]]',
    r'\sqrt{{open("{0}","w")}}',
    r'\int_0^1 open("{0}","w") dx',
    "lambda: open('{0}','w')",
    "$(touch {0})",
    r"\write18{{touch {0}}}",
    '(1, open("{0}","w"))',
    r'\begin{{pmatrix}}open("{0}","w")\end{{pmatrix}}',
)


@pytest.mark.parametrize("payload", MARKERS)
def test_code_leaves_no_trace(payload, tmp_path):
    marker = tmp_path / "marker"
    text = payload.format(marker)
    for answer, gold in ((text, "5"), ("5", text), (text, text + " "), (text, r"\int_0^1 x dx"), (text, "x+1")):
        verdict = judge(answer, gold)
        assert not verdict.equal or answer.strip() == gold.strip()
    assert not marker.exists()
