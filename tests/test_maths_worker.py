"""math-verify's processes: killed at their deadline, replaced, of use from threads, event loops and forks."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from r1_verl.maths.judge import Policy, judge
from r1_verl.scorers.graders import killable

RIGHT = (r"\int_0^1 x dx", r"\int_0^1 t dt")
WRONG = (r"\int_0^1 x dx", r"\int_0^2 t dt")
HEAVY = ("(10^{9})!", "9^{9^{9}}+1")  # sympy would be at it for ever


@pytest.fixture(scope="module", autouse=True)
def started():
    assert killable.verify(*RIGHT, 30) is True  # the server starts: seconds


def children() -> list[int]:
    """The living children of the server process."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == killable._server.process.pid and state != "Z":
            found.append(int(pid))
    return found


def gone() -> bool:
    """Whether the server's children end, given time."""
    until = time.monotonic() + 30
    while children() and time.monotonic() < until:
        time.sleep(0.05)
    return not children()


def test_verdicts():
    assert killable.verify(*WRONG, 10) is False
    assert killable.verify(r"\int_0^1", "5", 10) == "unreadable"
    assert killable.verify("4", r"4\foo\sqrt{2}", 10) in (False, "unreadable")  # never its beginning alone


def test_any_program_of_an_importable_module_runs_in_a_child():
    assert killable.call("base64:standard_b64encode", ("no bytes",), 10) == "?"  # it raised
    assert killable.call("textwrap:dedent", ("  1",), 10) == "1"
    assert killable.verify(*RIGHT, 10) is True


def test_a_reply_is_not_taken_for_the_end_of_the_start(monkeypatch):
    """A caller that gets no processor time finds both messages of its child there at once."""
    receive = killable._receive
    monkeypatch.setattr(killable, "_receive", lambda *arguments: time.sleep(0.3) or receive(*arguments))
    assert killable.call("textwrap:dedent", ("  1",), 10) == "1"


def test_the_judge_asks_for_what_it_cannot_read_itself():
    assert judge(*RIGHT, deadline=10) == (True, "correct", "sympy")
    assert judge(*WRONG, deadline=10) == (False, "wrong", "sympy")
    for gold in (r"\frac{1}{2}", r"\frac{\pi}{4}+x"):  # an integral left standing is no answer to what has none
        assert judge(RIGHT[0], gold) == (False, "unreadable", "expr")
    assert judge(r"\int x dx", r"\frac{x^2}{2}", Policy(standing=True), 10) == (True, "correct", "sympy")


def test_a_child_dies_at_its_deadline():
    for deadline in (0.2, 0.6):
        began = time.monotonic()
        assert killable.verify(*HEAVY, deadline) == "timeout"
        assert deadline * 0.9 <= time.monotonic() - began < killable.PATIENCE * deadline + 30
    assert gone()
    assert judge(HEAVY[0] + r"\int_0^1 x dx", RIGHT[1], deadline=0.3).outcome in ("timeout", "unreadable")


def test_memory_is_limited():
    assert killable.verify(r"2^{2^{36}}", r"2^{2^{36}}+1", 20) in ("timeout", "unreadable", False)
    assert killable.verify(*RIGHT, 10) is True


@pytest.mark.long
def test_heavy_pairs_take_nothing_from_right_ones():
    with ThreadPoolExecutor(32) as pool:
        heavy = [pool.submit(killable.verify, *HEAVY, 0.25) for _ in range(26)]
        right = [pool.submit(killable.verify, *RIGHT, 10) for _ in range(6)]
        assert [future.result() for future in right] == [True] * 6
        assert {future.result() for future in heavy} == {"timeout"}
    assert killable.verify(*RIGHT, 10) is True


def test_after_sigkill_of_the_server():
    killable._server.process.kill()
    assert killable.verify(*RIGHT, 10) is True
    killable._server.process.kill()
    killable._server.process.wait()
    assert judge(*WRONG, deadline=10).outcome == "wrong"


def test_after_sigkill_of_a_child():
    """The pair whose child was killed is asked once more; others do not notice."""
    with ThreadPoolExecutor(2) as pool:
        future = pool.submit(killable.verify, *HEAVY, 2)
        killed, deadline = 0, time.monotonic() + 90
        while not killed and time.monotonic() < deadline:
            for child in children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                    killed += 1
        assert killed
        assert pool.submit(killable.verify, *RIGHT, 10).result() is True
        assert future.result() == "timeout"


def test_an_event_loop_is_not_held_up():
    async def run() -> tuple[float, list]:
        late, done = 0.0, False

        async def heartbeat() -> None:
            nonlocal late
            while not done:
                began = time.monotonic()
                await asyncio.sleep(0.005)
                late = max(late, time.monotonic() - began - 0.005)

        beat = asyncio.create_task(heartbeat())
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(None, killable.verify, *HEAVY, 0.3) for _ in range(3)]
        calls += [loop.run_in_executor(None, judge, "1+" * 400 + "1", r"\sqrt{2}+x") for _ in range(20)]
        calls += [loop.run_in_executor(None, killable.verify, *RIGHT, 10) for _ in range(2)]
        results = await asyncio.gather(*calls)
        done = True
        await beat
        return late, results

    late, results = asyncio.run(run())
    assert results[:3] == ["timeout"] * 3 and results[-2:] == [True, True]
    assert late < 2.0  # benchmarks/bench_math.py asks for 50 ms


def _in_another_process(queue) -> None:
    queue.put((judge(*RIGHT, deadline=30).equal, judge(*WRONG, deadline=30).equal))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_in_another_process(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_in_another_process, args=(queue,))
    process.start()
    assert queue.get(timeout=900) == (True, False)
    process.join()


def test_after_a_fork_in_the_middle_of_work():
    """Locks that other threads hold at the moment of a fork are not the child's."""
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            killable.verify(*RIGHT, 10)

    threads = [threading.Thread(target=busy) for _ in range(killable._AT_ONCE + 2)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=_in_another_process, args=(queue,))
        process.start()
        assert queue.get(timeout=900) == (True, False)
        process.join()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


PROGRAM = r"""
from r1_verl.maths import worker
from r1_verl.maths.judge import judge
judge(r"\int_0^1 x dx", r"\int_0^1 t dt", deadline=30)
import sys
assert not {"sympy", "math_verify", "torch", "verl", "numpy"} & set(sys.modules), "the caller imported too much"
print(worker._server.process.pid)
"""


def test_the_server_ends_with_its_process_and_the_caller_imports_no_sympy():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{done.stdout.strip()}/cmdline") and time.monotonic() < deadline:
        with open(f"/proc/{done.stdout.strip()}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                return  # ended; nobody has asked for its exit status
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_the_server_imports_neither_torch_nor_verl():
    code = (
        "import sys; from r1_verl.maths import worker; worker._load(); print({'torch','verl','ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.long
def test_memory_does_not_grow(fixtures):
    code = r"""
import json, resource, sys
from r1_verl.maths.judge import judge
rows = [json.loads(line) for line in open(sys.argv[1])]
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
for n in range(10_000):
    row = rows[n % len(rows)]
    judge(row["answer"] + " " * (n % 7) + (f"+{n}" if n % 3 else ""), row["gold"])
    if n == 2000:
        before = rss()
print((rss() - before) / 2**20)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(fixtures / "math_pairs_sample.jsonl")],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert float(done.stdout) < 5, done.stderr
