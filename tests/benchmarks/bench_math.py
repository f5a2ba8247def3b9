"""The judge beside math-verify: `python tests/benchmarks/bench_math.py`; exit status 1 if a target is missed.

Processor time in one run, on the pairs and the real responses of the data folder (R1_VERL_DATA). math-verify runs in
this process with the configuration of veRL 0.9.1's `math_verify` scorer, on every tenth item, without the process pool
that veRL adds. Targets: at most 1/20 of math-verify's mean over the pairs; at most 25 us on the real responses,
extraction included; at most 20 us where the text or the exact number decides; every attack, through every reward and
mode, at most 50 ms of a thread's own time, or 1.2 s by the clock where the killable worker is asked (on a machine with
time).
"""

from __future__ import annotations

import gc
import gzip
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from r1_verl.maths.judge import judge
from r1_verl.response import last_boxed
from r1_verl.reward import compute_score
from r1_verl.scorers import scorers
from r1_verl.scorers.graders import killable

DATA = Path(os.environ.get("R1_VERL_DATA") or Path(__file__).parents[3] / "shared" / "data")
EVERY = 10  # of math-verify's items
REWARDS = [entry.name for entry in scorers() if entry.task == "math"]


def rows(*parts: str) -> Iterator[dict]:
    for path in sorted(DATA.glob("/".join(parts))):
        with gzip.open(path, "rt") as file:
            yield from map(json.loads, file)


def ours(text: str, gold: str) -> bool:
    found = last_boxed(text)
    return found is not None and judge(found, gold).equal


def math_verify() -> Callable[[str, str], bool]:
    """veRL's `_verify_in_subprocess`, in this process."""
    from math_verify.grader import verify
    from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, parse

    logging.disable(logging.CRITICAL)
    gold_targets, pred_targets = (LatexExtractionConfig(),), (ExprExtractionConfig(), LatexExtractionConfig())

    def score(text: str, gold: str) -> bool:
        wanted, found = parse("\\boxed{" + gold + "}", gold_targets), parse(text, pred_targets)
        return bool(wanted and found) and any(verify(g, p) for p in found for g in wanted)

    return score


def mean(score: Callable[[str, str], object], items: list[tuple[str, str]]) -> float:
    """Microseconds of processor time an item."""
    began = time.process_time()
    for item in items:
        score(*item)
    return (time.process_time() - began) / len(items) * 1e6


def attacks() -> tuple[tuple[float, str], tuple[float, str]]:
    """The slowest attack by a thread's processor time, and the slowest by the clock where the worker is asked.

    Every recorded attack through every reward and mode, as an answer in a box or the whole response.
    """
    call, asked = killable.call, []

    def counted(*arguments) -> str:
        asked.append(True)
        return call(*arguments)

    killable.call = counted
    compute_score("math_verify", "\\boxed{1}", "2", mode="faithful")  # imports, and the worker's start
    own, waited = [(0.0, "none")], [(0.0, "none")]

    def attack() -> None:
        for row in rows("pairs", "math_attacks.jsonl.gz"):
            text = row.get("response") or "We compute. \\[ \\boxed{" + row["answer"] + "} \\]"
            for source, mode in product(REWARDS, ("strict", "faithful")):
                asked.clear()
                clock, began = time.perf_counter(), time.thread_time()
                compute_score(source, text, row["gold"], mode=mode)
                name = f"{row['name']}, {source} {mode}"
                if asked:
                    waited.append((time.perf_counter() - clock, name))
                else:
                    own.append((time.thread_time() - began, name))

    gc.collect()
    gc.freeze()  # math-verify has left so many objects that one full collection would cost an attack half a second
    thread = threading.Thread(target=attack)
    thread.start()
    thread.join()
    killable.call = call
    return max(own), max(waited)


def main() -> int:
    if not (DATA / "MANIFEST.tsv").is_file():
        print(f"no data folder at {DATA}: set R1_VERL_DATA")
        return 1
    pairs = list(rows("pairs", "math_pairs.jsonl.gz"))
    real = [(r["response"], r["ground_truth"]) for r in rows("responses", "*.jsonl.gz") if r["task"] == "math"]
    solution = real[0][0].partition("\\boxed")[0][:1200]
    items = {
        kind: [(f"{solution}\\[\\boxed{{{r['answer']}}}\\]", r["gold"]) for r in pairs if r["kind"] == kind]
        for kind in ("identity", "rewrite", "wrong")
    }
    theirs = math_verify()
    ours(*real[0]), judge(r"\sqrt{2}", "1"), theirs(*real[0])
    print(f"{'us an item':28}{'judge':>9}{'math-verify':>13}{'ratio':>8}   right: judge, math-verify (sample)")
    totals = [0.0, 0.0]
    for kind, group in (*items.items(), ("real responses", real)):
        sample = group[::EVERY]
        a, b = min(mean(ours, group) for _ in range(2)), mean(theirs, sample)
        accuracy = ""
        if kind != "real responses":
            want = kind != "wrong"
            accuracy = f"   {sum(ours(*i) == want for i in group)}/{len(group)}, "
            accuracy += f"{sum(theirs(*i) == want for i in sample)}/{len(sample)}"
            totals[0] += a * len(group)
            totals[1] += b * len(group)
        print(f"{kind:28}{a:9.1f}{b:13.1f}{a / b:8.3f}{accuracy}")
    real_us = a
    ratio = totals[0] / totals[1]
    print(f"{'pairs together':28}{totals[0] / len(pairs):9.1f}{totals[1] / len(pairs):13.1f}{ratio:8.3f}")

    everything = [(r["answer"], r["gold"]) for r in pairs] + [(last_boxed(text) or "", gold) for text, gold in real]
    stages: dict[str, list[float]] = {}
    for answer, gold in everything:
        began = time.thread_time()
        stage = judge(answer, gold).stage
        stages.setdefault(stage, []).append((time.thread_time() - began) * 1e6)
    for stage, times in stages.items():
        times.sort()
        spread = f"median {times[len(times) // 2]:6.1f}, 99th percentile {times[len(times) * 99 // 100]:8.1f}"
        print(f"stage {stage:8}{len(times):6} of {len(everything)}: mean {sum(times) / len(times):8.1f} us, {spread}")
    fast = stages["text"] + stages["exact"]
    fast_us = sum(fast) / len(fast)

    own, waited = attacks()
    print(f"attacks in a thread: slowest {own[0] * 1e3:.1f} ms ({own[1]})")
    print(f"attacks that the worker is asked about: slowest {waited[0]:.2f} s by the clock ({waited[1]})")

    targets = {
        f"pairs at most 1/20 of math-verify ({ratio:.3f})": ratio <= 1 / 20,
        f"real responses at most 25 us ({real_us:.1f})": real_us <= 25,
        f"stages text and exact at most 20 us ({fast_us:.1f})": fast_us <= 20,
        f"attacks at most 50 ms ({own[0] * 1e3:.1f})": own[0] <= 0.05,
        f"attacks with the worker at most 1.2 s ({waited[0]:.2f})": waited[0] <= 1.2,
    }
    for target, met in targets.items():
        print("met   " if met else "MISSED", target)
    return 0 if all(targets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
