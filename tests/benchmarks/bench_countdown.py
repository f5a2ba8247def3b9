"""Speed of the Countdown scorer: `python tests/benchmarks/bench_countdown.py`; exit status 1 if a target is missed.

Targets: through `compute_score`, strict, a 300-token response in at most 0.6 of the time that a plain scorer of regular
expressions and `eval` takes for the same job in the same run; any megabyte in at most 2 ms, in both modes.
"""

from __future__ import annotations

import json
import re
import sys

from measure import fill, microseconds

from r1_verl import compute_score
from r1_verl.ground_truth import encode

NUMBERS, TARGET = [19, 35, 44, 7], 2198
GROUND_TRUTH = encode("countdown", numbers=NUMBERS, target=TARGET)
THINKING = "Let me try some combinations. " + "44 + 19 = 63, 63 - 35 = 28 is not it yet. " * 28
ANSWERS = {
    "correct": "(44 + 19) * 35 - 7",
    "wrong value": "(44 + 19) * 7 - 35",
    "wrong numbers": "44 + 19 - 7",
    "malformed": "(44 + 19) * 35 - 7)",
}


def plain_scorer(data_source: str, solution_str: str, ground_truth: str, extra_info: dict | None = None) -> float:
    """What a plain scorer does: the last answer tag, the number check, the allowed characters, `eval`."""
    puzzle = json.loads(ground_truth)
    found = re.findall(r"<answer>(.*?)</answer>", solution_str, re.DOTALL)
    if not found:
        return 0.0
    equation = found[-1].strip()
    if sorted(int(number) for number in re.findall(r"\d+", equation)) != sorted(puzzle["numbers"]):
        return 0.1
    if not re.match(r"^[\d+\-*/().\s]+$", equation):
        return 0.1
    try:
        value = eval(equation, {"__builtins__": None}, {})  # only ever on the answers above
    except Exception:
        return 0.1
    return 1.0 if abs(value - puzzle["target"]) < 1e-5 else 0.1


def responses() -> dict[str, str]:
    """The kinds of response of a training step, each of some 1,200 characters."""
    tagged = {kind: f"{THINKING}</think>\n<answer>{answer}</answer>" for kind, answer in ANSWERS.items()}
    return {**tagged, "no answer": THINKING}


def megabytes() -> dict[str, str]:
    """Hostile responses of a million characters."""

    inside = {
        "parentheses": "(", "digits": "1", "blanks": " ", "minus signs": "-", "stars": "*", "one and blank": "1 ",
        "carriage returns": "\r", "letters": "x", "snowmen": "☃", "wide digits": "５", "calls": "()", "dots": ".",
        "lines": "1+\n", "no-break spaces": "\u00a0", "boxes": "\\boxed{", "dollars": "$", "equals": "= 2198 ",
    }  # fmt: skip
    made = {f"answer of {name}": fill(piece, "<answer>", "</answer>") for name, piece in inside.items()}
    made["right answer in blanks"] = fill(" ", "<answer>", f"{ANSWERS['correct']}</answer>")
    made["right numbers, then signs"] = fill("-", f"<answer>{ANSWERS['correct']}", "1</answer>")
    for name, piece in {
        "opening tags": "<answer>", "closing tags": "</answer>", "answers": "<answer></answer>",
        "lines of tags": "<answer>\n",
        "thinking": "<think>", "thinking ends": "</think>", "think pairs": "<think></think>", "almost tags": "</answer",
        "almost tags, reversed": "answer>", "angles": "<", "closing angles": ">", "text": "x", "headers": "Assistant:",
        "newlines": "\n", "pairs on lines": "<answer>1</answer>\n", "emoji": "🙂",
        "crossed lines": "<answer>\n</answer>",
    }.items():  # fmt: skip
        made[name] = fill(piece)
        made[f"{name}, then an answer"] = fill(piece, after=f"</think><answer>{ANSWERS['correct']}</answer>")
    return made


def main() -> int:
    missed = False
    print(f"{'response of 300 tokens':26}{'strict':>9}{'faithful':>10}{'plain':>8}   strict/plain (µs)")
    total = ours = 0.0
    for kind, text in responses().items():
        strict, faithful, plain = microseconds(
            1000,
            lambda text=text: compute_score("countdown", text, GROUND_TRUTH, {}),
            lambda text=text: compute_score("countdown", text, GROUND_TRUTH, {}, mode="faithful"),
            lambda text=text: plain_scorer("countdown", text, GROUND_TRUTH, {}),
        )
        print(f"{kind:26}{strict:9.2f}{faithful:10.2f}{plain:8.2f}{strict / plain:10.2f}")
        ours, total = ours + strict, total + plain
        missed |= kind in ("correct", "wrong value") and strict > 0.6 * plain
    print(f"{'all five':26}{ours:9.2f}{'':10}{total:8.2f}{ours / total:10.2f}")
    print(f"\n{'megabyte of':42}{'strict':>9}{'faithful':>10}   (ms)")
    for name, text in megabytes().items():
        both = microseconds(
            1,
            lambda text=text: compute_score("countdown", text, GROUND_TRUTH),
            lambda text=text: compute_score("countdown", text, GROUND_TRUTH, mode="faithful"),
        )
        times = [spent / 1e3 for spent in both]
        print(f"{name:42}{times[0]:9.2f}{times[1]:10.2f}{'  OVER 2 ms' if max(times) > 2 else ''}")
        missed |= max(times) > 2
    print("\na target was missed" if missed else "\nall targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
