"""The scorers where veRL calls them: thread pools, event loops, spawned and forked processes, Ray actors."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from r1_verl.reward import compute_score

# (source, response, gold, faithful score): texts, rationals, expressions, and two jobs for math-verify's worker.
JOBS = [
    ("openai/gsm8k", "#### 18", "18", 1.0),
    ("openai/gsm8k", "#### 19", "18", 0.0),
    ("simplelr_qwen", "\\boxed{0.25}", "\\frac{1}{4}", 1.0),
    ("math_dapo", "Answer: $\\sqrt{2}$", "\\sqrt{2}", 1.0),
    ("math_eval", "\\boxed{\\frac{\\sqrt{8}}{2}}", "\\sqrt{2}", 1.0),
    ("deepscaler", "<think>a</think> \\boxed{(x+1)^2}", "x^2+2x+1", 1.0),
    ("HuggingFaceH4/MATH-500", "\\boxed{x^2+2x+2}", "x^2+2x+1", 0.0),
    ("math_verify", "\\boxed{\\int_0^1 x dx}", "\\int_0^1 t dt", 1.0),
    ("openr1", "<think>\na\n</think>\n<answer>\n\\boxed{6}\n</answer>", "$6$", 3.0),
]
HEAVY = [("math_verify", "\\boxed{\\int_0^1 x^{x} dx + y}", "\\int_0^1 x^{-x} dx + y", 0.0)] * 4


def score(job) -> float:
    return compute_score(*job[:3], mode="faithful")["score"]


def scores(jobs) -> list[float]:
    return [score(job) for job in jobs]


WANTED = [job[3] for job in JOBS]


@pytest.mark.long
def test_scores_in_a_thread_pool():
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(score, JOBS * 25)) == WANTED * 25


def lateness(work, jobs) -> tuple[list[float], float]:
    """The results of `work` on each job in the loop's default executor, as veRL calls it, and how late a heartbeat was.

    Seconds; the worst of a beat every 10 ms.
    """

    async def heartbeat(late: list[float], stop: asyncio.Event) -> None:
        while not stop.is_set():
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            late.append(time.perf_counter() - due)

    async def run() -> tuple[list[float], float]:
        loop, stop, late = asyncio.get_running_loop(), asyncio.Event(), [0.0]
        beat = asyncio.create_task(heartbeat(late, stop))
        found = await asyncio.gather(*(loop.run_in_executor(None, work, job) for job in jobs))
        stop.set()
        await beat
        return list(found), max(late)

    return asyncio.run(run())


def test_event_loop_is_not_held_up():
    """A scorer that kept the interpreter to itself would stop the heartbeat; the benchmark asks for 50 ms."""
    scores(JOBS)  # imports and the worker's start
    hostile = [
        ("math_eval", "\\boxed{" + text + "}", "17", 0.0) for text in ("7" * 100_000, "{" * 50_000, "9^" * 20_000)
    ]
    jobs = (JOBS + hostile + HEAVY[:1]) * 3
    found, late = lateness(score, jobs)
    assert found == [job[3] for job in jobs]
    assert late < 2.0


@pytest.mark.long
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_scores_in_child_processes(method):
    scores(JOBS)  # a fork inherits whatever the parent has running
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(scores, [JOBS] * 4)) == [WANTED] * 4


def test_parent_still_scores_after_its_children_are_gone():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(scores, JOBS).result() == WANTED
    assert scores(JOBS) == WANTED


@pytest.mark.long
def test_next_score_is_right_after_every_child_is_killed():
    scores(JOBS)
    for _ in range(3):
        for pid in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert scores(JOBS) == WANTED


def children() -> list[int]:
    """All processes below this one (Linux)."""
    found, level = [], [os.getpid()]
    while level:
        parent = level.pop()
        for task in os.listdir(f"/proc/{parent}/task"):
            try:
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    below = [int(pid) for pid in file.read().split()]
            except OSError:
                continue
            found += below
            level += below
    return found


@pytest.mark.train
@pytest.mark.timeout(300)
def test_scores_in_ray_actors():
    """An actor with an event loop, as veRL's reward worker has, and a plain one, as its `remote` manager has."""
    ray = pytest.importorskip("ray")
    here = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}  # the actors import this file
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False, runtime_env=here)
    try:

        @ray.remote(num_cpus=1)
        class Loop:
            async def score(self, jobs):
                loop = asyncio.get_running_loop()
                return list(await asyncio.gather(*(loop.run_in_executor(None, score, job) for job in jobs)))

        @ray.remote(num_cpus=1)
        class Plain:
            def score(self, jobs):
                return scores(jobs)

        actors = [Loop.remote(), Plain.remote()]
        assert ray.get([actor.score.remote(JOBS * 5) for actor in actors], timeout=240) == [WANTED * 5] * 2
    finally:
        ray.shutdown()
