"""Speed of a reward's parts: `python tests/benchmarks/bench_parts.py`; exit status 1 if a target is missed.

Targets: a text part ends within 50 ms on any response of ten million characters, in both modes; group and dense parts
take at most 2 s a million tokens. CPU time of this process. What the sampler adds (reading and writing the queue) is
in `bench_sampler.py`.
"""

from __future__ import annotations

import random
import sys
from functools import partial

from measure import microseconds

from r1_verl.reward.parts import MOST_CHARS, PARTS, Facts

SIZE, TOKENS = 10_000_000, 1_000_000
CHOSEN = {"cosine": {"max_length": 14336}, "soft_overlong": {"max_length": 20480, "buffer": 4096}}
WIDE = {"repetition": [{"ngram": 40}]}  # demystify's n, the slowest published one
rng = random.Random(15)


def hostile() -> dict[str, str]:
    """Responses of ten million characters: one piece over and over, and Chinese without and with repetition."""
    pieces = (
        "a", "a ", "$", "$a ", "\\(", "\\(a\\", "\\[\\", "```a", "` ", "<a", "中文", "中 ", "中a", "ab中", "я ", "\n",
        "\n-", "Step 1", "Step 9", "First", "<think>", "</think> ", "\ud800", "\0", "İ", "\\", "\n</answer",
        "</think> <answer", "a'", "1", "_a", "\\b", "the ", "ﬃ ",
    )  # fmt: skip
    made = {repr(piece): piece * (SIZE // len(piece)) for piece in pieces}
    made["numbers"] = " ".join(map(str, range(SIZE // 8)))
    once = "".join(chr(0x4E00 + rng.randrange(20_000)) for _ in range(MOST_CHARS))
    made["Chinese"] = once * (SIZE // MOST_CHARS)
    made["Chinese, twice"] = once[: MOST_CHARS // 2] * (2 * SIZE // MOST_CHARS)
    made["a form"] = "<think>\n" + "\n</answer" * (SIZE // 9) + "\n</think>\n<answer>\n5\n</answer>"
    return made


def dense() -> dict[str, list[list[int]]]:
    """A million tokens: as a training step has them, as one response, in loops."""
    step = [[rng.randrange(50_000) for _ in range(1000)] for _ in range(TOKENS // 1000)]
    one = [rng.randrange(50_000) for _ in range(TOKENS // 2)]
    return {"1,000 responses": step, "1,000 loops": [each[:100] * 10 for each in step], "one, twice over": [one * 2]}


def main() -> int:
    missed = False
    slowest: dict[str, tuple[float, str]] = {}
    for kind, text in hostile().items():
        for part in PARTS.values():
            if part.kind != "text":
                continue
            for mode in ("strict", "faithful"):
                facts = Facts(0.0, 0.0, 1000, False, question="How many?", mode=mode, think_in_prompt=True)
                for options in (CHOSEN.get(part.name, {}), *WIDE.get(part.name, [])):
                    (spent,) = microseconds(1, partial(part.function, text, facts, **options))
                    label = f"{part.name} {mode} {options or ''}"
                    slowest[label] = max(slowest.get(label, (0.0, "")), (spent / 1e3, kind))
    print("ten million characters: the slowest for each part (ms)")
    for label, (spent, kind) in sorted(slowest.items(), key=lambda item: -item[1][0]):
        print(f"{spent:8.2f}  {label:60} {kind}")
        missed |= spent > 50
    print("\na million tokens (s)")
    facts = Facts(0.0, 0.0, 1000, False)
    for kind, rows in dense().items():
        (spent,) = microseconds(1, lambda rows=rows: [PARTS["repetition_dense"].function(ids, facts) for ids in rows])
        print(f"{spent / 1e6:8.2f}  repetition_dense, {kind}")
        missed |= spent > 2e6
    group = [Facts(float(rng.random() < 0.5), 1.0, rng.randrange(2000), False) for _ in range(8)]
    for name in ("kimi_length", "gated_length"):
        (spent,) = microseconds(1, lambda name=name: [PARTS[name].function(group) for _ in range(TOKENS // 1000 // 8)])
        print(f"{spent / 1e6:8.4f}  {name}, 1,000 responses")
        missed |= spent > 2e6
    print("\na target was missed" if missed else "\nall targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
