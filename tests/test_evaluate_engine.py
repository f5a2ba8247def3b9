"""Evaluation with real vLLM engines on the quickstart's base model: weights exchanged, a kill, a Ray node that dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from prepared import rows

from r1_verl.data import write
from r1_verl.data.countdown.generate import Settings, generate
from r1_verl.data.countdown.puzzles import to_examples
from r1_verl.data.sokoban import generate as sokoban
from r1_verl.data.sokoban import levels
from r1_verl.evaluation import evaluate, pool, protocols, questions, samples
from r1_verl.evaluation.evaluate import Checkpoint
from r1_verl.evaluation.generate import Engine, Model, Request

pytestmark = pytest.mark.train

BASE = Path(__file__).parents[1] / "r1_verl/recipes/quickstart_base"
TOKENS = 98


@pytest.fixture(autouse=True)
def few_threads(monkeypatch):
    """Threads that are pinned to cores wait for each other where anything else runs."""
    for name, value in (("VLLM_CPU_OMP_THREADS_BIND", "nobind"), ("OMP_NUM_THREADS", "1")):
        monkeypatch.setenv(name, value)


def suite_file(folder: Path, count: int) -> Path:
    settings = Settings(sizes=(3,), low=1, high=15, operators="+-", min_target=1, max_target=45, seed=3)
    made = generate(settings, 0, count)["test"]
    write.write_set(folder, {"puzzles": to_examples(made, "test", "tiny")}, {})
    return folder / "puzzles.parquet"


def other_weights(folder: Path) -> Path:
    """The base model with some noise on its weights: another checkpoint of the same shape."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    shutil.copytree(BASE, folder)
    noise = np.random.default_rng(5)
    weights = load_file(folder / "model.safetensors")
    changed = {n: w + 0.3 * w.std() * noise.standard_normal(w.shape).astype(w.dtype) for n, w in weights.items()}
    save_file(changed, folder / "model.safetensors", {"format": "pt"})
    return folder


def greedy_by_transformers(folder: Path, prompts: list[tuple[int, ...]], tokens: int = TOKENS) -> list[str]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    texts = []
    for ids in prompts:
        whole = model.generate(torch.tensor([ids]), max_new_tokens=tokens, do_sample=False)[0]
        texts.append(tokenizer.decode(whole[len(ids) :], skip_special_tokens=True))
    return texts


def test_one_engine_goes_from_checkpoint_to_checkpoint(tmp_path):
    """The weights are really exchanged, and nothing of the weights before is left in the prefix cache: each time the
    greedy responses are those of transformers."""
    from transformers import AutoTokenizer

    tokenizer, other = AutoTokenizer.from_pretrained(BASE), other_weights(tmp_path / "other")
    texts = [row["prompt"][0]["content"] for row in rows(suite_file(tmp_path, 12))]
    prompts = [
        tuple(
            tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)["input_ids"]
        )
        for text in texts
    ]
    wanted = {folder: greedy_by_transformers(folder, prompts) for folder in (BASE, other)}
    assert sum(a == b for a, b in zip(wanted[BASE], wanted[other], strict=True)) < 6
    engine, llm = Engine(), None
    for folder in (BASE, other, BASE):
        asked = [
            Request(("cell", str(at), 0), ids, 0.0, 1.0, TOKENS, (), False, None) for at, ids in enumerate(prompts)
        ]
        found, more = {}, asked
        while len(found) < len(prompts):
            found |= {answer.key[1]: answer for answer in engine.turn(Model(str(folder), "shape", 256), more)}
            more = []
        differ = [(found[str(at)].text, text) for at, text in enumerate(wanted[folder]) if found[str(at)].text != text]
        assert len(differ) <= 1, differ  # a tie between two tokens may fall the other way
        assert all(answer.tokens and answer.finish_reason in ("stop", "length") for answer in found.values())
        assert llm in (None, engine._llm)  # no second engine
        llm = engine._llm
    engine.close()


def test_episodes_are_played_turn_by_turn(tmp_path):
    """Each turn is what transformers makes of the tokens before it; the model knows no Sokoban, so few are moves."""
    settings = sokoban.Settings(5, 5, 1, 1, 4, seed=3)
    made = levels.to_examples(sokoban.generate(settings, 0, 12)["test"], "test", "tiny")
    write.write_set(tmp_path, {"sokoban": made}, {})
    protocol = protocols.find("greedy", ["turn_tokens=6", "max_tokens=200"])
    suite, asked = questions.load(str(tmp_path / "sokoban.parquet"), tmp_path, protocol), []

    class Watched(pool.Here):
        def begin(self, engine, model, requests):
            asked.extend(requests)
            super().begin(engine, model, requests)

    one = [Checkpoint("base", BASE, tmp_path / "out")]
    (found,), failed = evaluate.evaluate(one, [suite], protocol, Watched)
    assert not failed and found.missing == 0 and found.episodes["turns"] > 2
    (cell,) = (tmp_path / "out").iterdir()
    kept = {row["question"]: row for row in samples.rows(cell)}
    wanted = greedy_by_transformers(BASE, [request.ids for request in asked], 6)
    turns, said = {}, []
    for request in asked:  # the turns of one episode are asked in their order
        turns[request.key] = at = turns.get(request.key, -1) + 1
        said.append(kept[request.key[1]]["turn_responses"][at]["response"])
    differ = [(mine, whole) for mine, whole in zip(said, wanted, strict=True) if not whole.startswith(mine)]
    assert len(differ) <= 2, differ  # a tie between two tokens may fall the other way
    assert len(said) == sum(row["turns"] for row in kept.values())
    told = subprocess.run(
        [sys.executable, "-m", "r1_verl", "score", str(cell / "samples.jsonl")], capture_output=True, text=True
    )
    assert "12 agree, 0 differ" in told.stdout


def lines(out: Path) -> list[dict]:
    return [
        json.loads(line)
        for path in out.rglob("samples.jsonl")
        for line in path.read_bytes().splitlines(True)
        if line.endswith(b"\n")
    ]


def test_a_kill_loses_nothing_and_nothing_is_asked_twice(tmp_path):
    path, other, out = suite_file(tmp_path, 120), other_weights(tmp_path / "other"), tmp_path / "out"
    command = [
        sys.executable, "-m", "r1_verl", "evaluate", str(BASE), str(other), "--suites", str(path), "--out", str(out),
        "--protocol", "avg16", "--set", "samples=4", "--set", f"max_tokens={TOKENS}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        while process.poll() is None and len(lines(out)) < 100:
            time.sleep(0.05)
        assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = {(r["model"], r["question"], r["sample"]): r["response"] for r in lines(out)}
    assert 100 <= len(before) < 960
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{len(before)} samples are there, {960 - len(before)} to ask" in done.stderr
    after = lines(out)
    assert len(after) == 960 == len({(r["model"], r["question"], r["sample"]) for r in after})
    kept = {(r["model"], r["question"], r["sample"]): r["response"] for r in after}
    assert all(kept[key] == response for key, response in before.items())
    began = time.monotonic()
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert again.stdout == done.stdout and "960 samples are there, 0 to ask" in again.stderr
    print(f"a second call: {time.monotonic() - began:.1f} s")
    for file in out.rglob("samples.jsonl"):
        told = subprocess.run([sys.executable, "-m", "r1_verl", "score", str(file)], capture_output=True, text=True)
        assert "recorded reward: 480 rows, 480 agree, 0 differ" in told.stdout


def test_a_killed_node_is_made_up_for(tmp_path, monkeypatch):
    import ray
    from ray.cluster_utils import Cluster

    path = suite_file(tmp_path, 250)
    protocol = protocols.find("avg16", ["samples=16", f"max_tokens={TOKENS}"])
    suite = questions.load(str(path), tmp_path, protocol)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    handed: Counter = Counter()
    lost = []

    class Watched(pool.OnRay):
        def begin(self, engine, model, requests):
            handed.update(request.key for request in requests)
            super().begin(engine, model, requests)

        def next(self):
            engine, found = super().next()
            lost.extend([engine] if found is None else [])
            return engine, found

    def kill_when_both_answer():
        while len(lines(tmp_path / "out")) < 300:
            time.sleep(0.1)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill_when_both_answer, daemon=True)
    killer.start()
    try:
        one = [Checkpoint("base", BASE, tmp_path / "out")]
        found, failed = evaluate.evaluate(one, [suite], protocol, lambda: Watched(2, 1, gpus=False))
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert not failed and not killer.is_alive() and len(lost) == 1
    assert [(result.missing, result.twice) for result in found] == [(0, 0)]
    asked_again = sum(count > 1 for count in handed.values())
    assert 0 < asked_again < 4000 and set(handed.values()) <= {1, 2}
    (cell,) = (tmp_path / "out").iterdir()
    assert len(list(samples.rows(cell))) == 4000 == len(lines(tmp_path / "out"))
