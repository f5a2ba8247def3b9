"""How large a page of 100,000 responses is, how long it takes to make and to open. By hand, needs a Chromium:

    python tests/benchmarks/bench_page.py [quickstart] [real]

quickstart: rows in the form of a quickstart's own responses (some 70 characters). real: the recorded responses of the
data folder (R1_VERL_DATA), repeated in kind: from the second round on with their lines shuffled and words exchanged.
Exit status 1 if a page has 10 MB or more, or takes more than 2 s to be ready.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import browser, chromium, visit

from r1_verl.report import curves, page
from r1_verl.runs import Run

TOTAL, STEPS = 100_000, 50


def quickstart(chance: random.Random) -> Iterator[dict[str, Any]]:
    for at in range(TOTAL):
        a, b, c = (chance.randint(1, 15) for _ in range(3))
        target = chance.randint(1, 45)
        tries = [f"{a}{chance.choice('+-')}{b}={chance.randint(1, 45)} {c} no" for _ in range(chance.randint(1, 4))]
        acc = chance.random() < at / TOTAL
        yield {
            "prompt": f"user\n{a} {b} {c} = {target}\nassistant\n", "tokens": 30,
            "response": "<think>" + "\n".join(tries) + f"</think><answer>{a}+{b}-{c}</answer>",
            "ground_truth": json.dumps({"numbers": [a, b, c], "target": target, "task": "countdown"}),
            "outcome": "correct" if acc else "wrong", "score": 1.0 if acc else 0.1, "acc": float(acc), "format": 1.0,
        }  # fmt: skip


def real(chance: random.Random) -> Iterator[dict[str, Any]]:
    folder = Path(os.environ.get("R1_VERL_DATA") or Path(__file__).parents[3] / "shared/data") / "responses"
    texts = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("*.gz"))]
    rows = [json.loads(line) for text in texts for line in text.split("\n") if line]
    for at in range(TOTAL):
        row = rows[at % len(rows)]
        response = row["response"]
        if at >= len(rows):
            lines = response.split("\n")
            chance.shuffle(lines)
            words = "\n".join(lines).split(" ")
            for _ in range(len(words) // 20):
                words[chance.randrange(len(words))] = chance.choice(words)
            response = " ".join(words)
        acc = chance.random() < at / TOTAL
        yield {
            "prompt": row.get("question", row["id"]), "ground_truth": row.get("ground_truth"), "response": response,
            "outcome": "correct" if acc else "wrong", "score": float(acc), "acc": float(acc), "format": 1.0,
            "truncated": chance.random() < 0.1,
        }  # fmt: skip


def make(kind: str, folder: Path) -> Run:
    """A run with the samples of 50 steps."""
    run = Run(folder / kind)
    (run.folder / "samples").mkdir(parents=True)
    rows = {"quickstart": quickstart, "real": real}[kind](random.Random(0))
    size = 0
    for step in range(STEPS):
        lines = [json.dumps({"step": step, **next(rows)}) for _ in range(TOTAL // STEPS)]
        size += sum(map(len, lines))
        (run.folder / f"samples/{step}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), 3))
    print(f"{kind}: {TOTAL:,} responses, {size / 1e6:.0f} MB as JSON")
    return run


def measure(run: Run, tab_of: Any) -> bool:
    """Whether the page is small and quick enough."""
    begun, used = time.perf_counter(), time.process_time()
    made = page.write(run.folder / "report.html", curves.read([run]), [], [[]])
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    sizes = [path.stat().st_size for path in run.folder.glob("report_texts/*")]
    megabytes = made.path.stat().st_size / 1e6
    print(f"  page {megabytes:.2f} MB, beside it {len(sizes)} files of {sum(sizes) / 1e6:.1f} MB")
    print(f"  made in {seconds:.1f} s ({cpu:.1f} s of CPU)", *made.left_out, sep="\n  ")
    tab, _ = visit(tab_of, made.path)
    ready = int(tab.evaluate("document.documentElement.dataset.ready"))
    print(f"  ready {ready / 1000:.2f} s after the navigation began")
    for what in ["the texts in the page", "all texts"][: 1 + bool(sizes)]:
        tab.fill("#query", "")
        tab.locator("#found", has_text=re.compile(f"^{TOTAL:,} of")).wait_for()
        if what == "all texts":
            tab.check("#everywhere")
        begun = time.perf_counter()
        tab.fill("#query", "nowhere to be found")
        tab.locator("#found", has_text=re.compile("^0 of")).wait_for(timeout=120_000)
        print(f"  a search of {what}: {time.perf_counter() - begun:.1f} s")
    return megabytes < 10 and ready <= 2000


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, browser(chromium()) as started:
        met = [measure(make(kind, Path(folder)), started) for kind in sys.argv[1:] or ["quickstart", "real"]]
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
