"""Programs in processes that can be killed: at their deadline, from threads, event loops and forks, after a kill."""

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

from r1_verl.maths.judge import judge
from r1_verl.score import CORRECT, WRONG
from r1_verl.scorers.graders import killable
from r1_verl.scorers.graders.killable import KILLED, NOT_STARTED, RAISED

pytestmark = pytest.mark.long  # starts, kills and deadlines of processes: mostly waiting

EQUAL = (r"\int_0^1 x dx", r"\int_0^1 t dt")
UNEQUAL = (r"\int_0^1 x dx", r"\int_0^2 t dt")
ENDLESS = ("(10^{9})!", "9^{9^{9}}+1")  # sympy never finishes


def verify(answer: str, gold: str, deadline: float) -> str:
    """The reply of math-verify, as SimpleRL v1 calls it."""
    return killable.call("r1_verl.scorers.graders.math_verify:compare", ("boxed", gold, answer), deadline)


@pytest.fixture(scope="module", autouse=True)
def started():
    assert verify(*EQUAL, 30) == CORRECT  # the server starts, which takes seconds


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


def test_a_verdict_comes_back_from_the_child():
    assert verify(*UNEQUAL, 10) == WRONG
    assert verify(r"\int_0^1", "5", 10) == WRONG


def test_any_program_of_an_importable_module_runs_in_a_child():
    assert killable.call("base64:standard_b64encode", ("no bytes",), 10) == RAISED
    assert killable.call("textwrap:dedent", ("  1",), 10) == "1"
    assert verify(*EQUAL, 10) == CORRECT


def test_a_reply_is_not_taken_for_the_end_of_the_start(monkeypatch):
    """A caller that gets no processor time finds both messages of its child there at once."""
    receive = killable._receive
    monkeypatch.setattr(killable, "_receive", lambda *arguments: time.sleep(0.3) or receive(*arguments))
    assert killable.call("textwrap:dedent", ("  1",), 10) == "1"


def test_a_child_dies_at_its_deadline():
    for deadline in (0.2, 0.6):
        began = time.monotonic()
        assert verify(*ENDLESS, deadline) == KILLED
        assert deadline * 0.9 <= time.monotonic() - began < killable.PATIENCE * deadline + 30
    assert gone()


def test_the_memory_of_a_child_is_limited():
    assert verify(r"2^{2^{36}}", r"2^{2^{36}}+1", 20) in (KILLED, RAISED, WRONG)
    assert verify(*EQUAL, 10) == CORRECT


def test_a_program_that_cannot_be_imported_starts_no_child(capsys):
    """The server ends with its import error; the next call gets a new server."""
    assert killable.call("r1_verl.no_such_module:program", (), 10) == NOT_STARTED
    assert "does not start" in capsys.readouterr().err
    assert verify(*EQUAL, 30) == CORRECT


@pytest.mark.long
def test_endless_pairs_take_nothing_from_equal_ones():
    with ThreadPoolExecutor(32) as pool:
        endless = [pool.submit(verify, *ENDLESS, 0.25) for _ in range(26)]
        equal = [pool.submit(verify, *EQUAL, 10) for _ in range(6)]
        assert [future.result() for future in equal] == [CORRECT] * 6
        assert {future.result() for future in endless} == {KILLED}
    assert verify(*EQUAL, 10) == CORRECT


def test_after_sigkill_of_the_server():
    killable._server.process.kill()
    assert verify(*EQUAL, 10) == CORRECT
    killable._server.process.kill()
    killable._server.process.wait()
    assert verify(*UNEQUAL, 10) == WRONG


def test_after_sigkill_of_a_child():
    """The pair whose child was killed is asked once more; others do not notice."""
    with ThreadPoolExecutor(2) as pool:
        future = pool.submit(verify, *ENDLESS, 2)
        killed, deadline = 0, time.monotonic() + 90
        while not killed and time.monotonic() < deadline:
            for child in children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                    killed += 1
        assert killed
        assert pool.submit(verify, *EQUAL, 10).result() == CORRECT
        assert future.result() == KILLED


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
        calls = [loop.run_in_executor(None, verify, *ENDLESS, 0.3) for _ in range(3)]
        calls += [loop.run_in_executor(None, judge, "1+" * 400 + "1", r"\sqrt{2}+x") for _ in range(20)]
        calls += [loop.run_in_executor(None, verify, *EQUAL, 10) for _ in range(2)]
        results = await asyncio.gather(*calls)
        done = True
        await beat
        return late, results

    late, results = asyncio.run(run())
    assert results[:3] == [KILLED] * 3 and results[-2:] == [CORRECT] * 2
    assert late < 2.0  # benchmarks/bench_math.py asks for 50 ms


def _in_another_process(queue) -> None:
    queue.put((verify(*EQUAL, 30), verify(*UNEQUAL, 30)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_in_another_process(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_in_another_process, args=(queue,))
    process.start()
    assert queue.get(timeout=900) == (CORRECT, WRONG)
    process.join()


def test_after_a_fork_in_the_middle_of_work():
    """Locks that other threads hold at the moment of a fork are not the child's."""
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            verify(*EQUAL, 10)

    threads = [threading.Thread(target=busy) for _ in range(killable._AT_ONCE + 2)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=_in_another_process, args=(queue,))
        process.start()
        assert queue.get(timeout=900) == (CORRECT, WRONG)
        process.join()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


PROGRAM = """
import sys
from r1_verl.scorers.graders import killable, math_verify
assert math_verify.outcome("boxed", "2", ("2",)) == "correct"
assert not {"sympy", "math_verify", "torch", "verl", "numpy"} & set(sys.modules), "the caller imported too much"
print(killable._server.process.pid)
"""


def test_a_caller_imports_no_sympy_and_leaves_no_server():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{done.stdout.strip()}/cmdline") and time.monotonic() < deadline:
        with open(f"/proc/{done.stdout.strip()}/stat") as file:
            if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                return  # ended; its parent has not asked for the exit status
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_the_server_imports_neither_torch_nor_verl():
    code = (
        "import sys; from r1_verl.scorers.graders import math_verify; math_verify.warm_up();"
        "print({'torch', 'verl', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    assert done.stdout.strip() == "set()", done.stderr
