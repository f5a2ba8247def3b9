"""What `r1-verl evaluate` costs besides generation: 20,000 samples of a GSM8K suite, kept, judged and summed up.

python tests/benchmarks/bench_evaluate.py [GSM8K test file of openai/grade-school-math]
The responses are made up: no engine runs here.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).parents[2]
sys.path.insert(0, str(REPO / "tests"))

from test_evaluate import BASE, Scripted, never  # noqa: E402

from r1_verl.data import suites, write  # noqa: E402
from r1_verl.evaluation import evaluate, protocols, questions  # noqa: E402
from r1_verl.evaluation.evaluate import Checkpoint  # noqa: E402

SAMPLES = 16


@contextlib.contextmanager
def timed(what: str):
    began = time.perf_counter()
    yield
    print(f"{what:<40} {time.perf_counter() - began:7.2f} s")


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else REPO.parent / "shared/data/eval/simplerl"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made, _ = suites.examples("gsm8k", str(source), "instruct", None, [])
        write.write_set(folder, {"gsm8k": made}, {})
        protocol = protocols.find("avg16", [f"samples={SAMPLES}"])
        suite = questions.load("gsm8k", folder, protocol)
        one = [Checkpoint("base", BASE, folder / "out")]
        answers = {
            q.id: f"The steps are many. {'So it goes. ' * 40}\\boxed{{{len(q.text) % 7}}}" for q in suite.questions
        }
        count = len(suite.questions) * SAMPLES
        with timed(f"{count} samples: kept and judged"):
            evaluate.evaluate(one, [suite], protocol, lambda: Scripted(lambda r: answers[r.key[1]], few=512))
        with timed("the same call again"):
            evaluate.evaluate(one, [suite], protocol, never)


if __name__ == "__main__":
    main()
