"""Speed of the Knights-and-Knaves scorer: `python tests/benchmarks/bench_kk.py`; exit status 1 if a target is missed.

Targets: through `compute_score`, strict, a response of 300 tokens in at most 12 µs and 0.3 of the time that Logic-RL's
way of scoring takes for it in the same run (written anew here from its rules, without its prints); any megabyte in at
most 2 ms, in both modes. A faithful score includes the strict one, which is its `acc`.
"""

from __future__ import annotations

import re
import sys

from measure import fill, microseconds

from r1_verl import compute_score
from r1_verl.ground_truth import encode

PEOPLE = {"Zoey": "knight", "Oliver": "knave", "Michael": "knight", "Penelope": "knave", "Ethan": "knight"}
SOLUTION = "\n".join(f"({i}) {name} is a {role}" for i, (name, role) in enumerate(PEOPLE.items(), 1))
GROUND_TRUTH = encode("kk", solution_text_format=SOLUTION, statements="()")
OPENED = {"think_in_prompt": True}
THINKING = "If Zoey is a knight, then what Zoey says is true, and Oliver must be a knave. " * 14
ANSWERS = {
    "correct": SOLUTION,
    "correct, other words": ", ".join(f"**{name}**: {role}" for name, role in PEOPLE.items()),
    "wrong": SOLUTION.replace("Ethan is a knight", "Ethan is a knave"),
    "person missing": "\n".join(SOLUTION.split("\n")[:4]),
    "not read": SOLUTION.replace("Ethan is a", "Ethan is not a"),
}


def logic_rl(text: str, ground_truth: dict[str, str]) -> float:
    """Logic-RL's rules as they are published, straightforwardly: regular expressions, one search for each name."""
    header = next((header for header in ("Assistant:", "<|im_start|>assistant") if header in text), None)
    if header is None:
        return -3.0
    text = text.split(header, 1)[1]
    found = list(re.finditer(r"<answer>(.*?)</answer>", text, re.DOTALL))
    answer = found[-1].group(1).strip() if found else None
    expected = {}
    for line in ground_truth["solution_text_format"].split("\n"):
        claim = re.search(r"\b([A-Za-z]+)\b.*?\b(knight|knave)\b", line, re.IGNORECASE)
        if claim:
            expected[claim.group(1)] = claim.group(2).lower()
    tags = ["<think>", "</think>", "<answer>", "</answer>"]
    places = [text.find(tag) for tag in tags]
    if any(text.count(tag) != 1 for tag in tags) or places != sorted(places):
        return -3.0
    if not answer:
        return -1.0
    if answer.lower().count("knight") + answer.lower().count("knave") != len(expected):
        return -1.0
    claimed = {}
    for name in expected:
        claim = re.search(rf"\b{re.escape(name)}\b\s+is\s+a\s+\b(knight|knave)\b", answer, re.IGNORECASE)
        if claim is None:
            return -1.0
        claimed[name] = claim.group(1).lower()
    return 3.0 if claimed == expected else -0.5


def responses() -> dict[str, str]:
    """The kinds of response of a training step, of some 1,200 characters, after a prompt that ends in `<think>`."""
    tagged = {kind: f"{THINKING}</think>\n<answer>{answer}</answer>" for kind, answer in ANSWERS.items()}
    return {**tagged, "no answer": THINKING}


def megabytes() -> dict[str, str]:
    """Hostile responses of a million characters."""

    pieces = {
        "text": "x", "n": "n", "blanks": " ", "names": "Zoey ", "claims": "Zoey is a knight ", "roles": "knight",
        "is a": " is a", "opening tags": "<answer>", "closing tags": "</answer>", "answers": "<answer></answer>",
        "think": "<think>", "think ends": "</think>", "bare tails": "think>", "other tails": "answer>", "angles": "<",
        "closing angles": ">", "headers": "Assistant:", "emoji": "🙂", "no-break spaces": "\u00a0",
        "almost": "</answer", "newlines": "\n", "dots": ".", "digits": "1", "stars": "*",
    }  # fmt: skip
    made = {}
    for name, piece in pieces.items():
        made[name] = fill(piece)
        made[f"thinking of {name}"] = fill(piece, after=f"</think><answer>{SOLUTION}</answer>")
        made[f"answer of {name}"] = fill(piece, f"so</think><answer>{SOLUTION}", "</answer>")
        made[f"{name} after the answer"] = fill(piece, f"so</think><answer>{SOLUTION}</answer>")
    return made


def main() -> int:
    missed = False
    print(f"{'response of 300 tokens':26}{'strict':>9}{'faithful':>10}{'Logic-RL':>10}   strict/Logic-RL (µs)")
    for kind, text in responses().items():
        whole, truth = f"Assistant: <think>{text}", {"solution_text_format": SOLUTION}
        strict, faithful, plain = microseconds(
            1000,
            lambda text=text: compute_score("kk", text, GROUND_TRUTH, OPENED),
            lambda text=text: compute_score("kk", text, GROUND_TRUTH, OPENED, mode="faithful"),
            lambda whole=whole, truth=truth: logic_rl(whole, truth),
        )
        assert logic_rl(whole, truth) == compute_score("kk", text, GROUND_TRUTH, OPENED, mode="faithful")["score"]
        print(f"{kind:26}{strict:9.2f}{faithful:10.2f}{plain:10.2f}{strict / plain:10.2f}")
        missed |= kind in ("correct", "wrong") and (strict > 0.3 * plain or strict > 12)
    slowest = []
    for name, text in megabytes().items():
        copies = iter([text + "\n" * i for i in range(1, 19)])  # a new string each time, as in life
        times = microseconds(
            1,
            lambda copies=copies: compute_score("kk", next(copies), GROUND_TRUTH, OPENED),
            lambda copies=copies: compute_score("kk", next(copies), GROUND_TRUTH, OPENED, mode="faithful"),
        )
        slowest += [(times[0] / 1e3, "strict", name), (times[1] / 1e3, "faithful", name)]
    slowest.sort(reverse=True)
    print(f"\nslowest of {len(slowest)} megabytes (ms)")
    for spent, mode, name in slowest[:8]:
        print(f"{spent:8.2f}  {mode:9} {name}")
    missed |= slowest[0][0] > 2
    print("\na target was missed" if missed else "\nall targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
