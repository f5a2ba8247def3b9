"""math-verify out of the caller's process: every call in a process of its own, killed at its deadline.

One server process imports math-verify once and forks a fresh child for each call of a program in it. The child has a
limit on memory, sets a timer on its processor time before it starts and dies of it (SIGPROF, uncaught), whatever C code
it is in; so the deadline is measured by its own work, not by how loaded the machine is. The caller waits on a socket
without holding the GIL. Nothing here needs a signal handler, the main thread or an event loop; a forked or spawned
process starts a server of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

MEMORY = 2 << 30  # bytes of address space of one child
MAX_MESSAGE = 60_000  # characters of a call as JSON: one packet
START_SECONDS = 300.0  # how long a call waits for its child to start: imports on a machine under load, and the queue
PATIENCE = 8  # times the deadline, by the clock, for a child that gets little of the processor
_GIVE_UP = 5  # calls in a row for which no child could be started
_AT_ONCE = max(2, min(8, os.cpu_count() or 2))
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from r1_verl.scorers.graders.killable import _serve; _serve()"
)


class _Server:
    """The server process of this process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.turns = threading.BoundedSemaphore(_AT_ONCE)
        self.process: subprocess.Popen | None = None
        self.control: socket.socket | None = None
        self.failures = 0

    def start(self) -> socket.socket:
        """The control socket of a server that runs. Raises OSError if none can be started."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                if self.control is not None:
                    self.control.close()
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self.process = subprocess.Popen(
                        [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL, start_new_session=True,
                    )  # fmt: skip
                self.control = ours
            return self.control

    def retire(self, control: socket.socket) -> None:
        """The server behind `control` started no child: `start` makes a new one next (a killed one may look alive)."""
        with self.lock:
            if self.control is control and self.process is not None:
                self.process.kill()
                self.process = None


_server = _Server()


def _forget() -> None:
    global _server
    _server = _Server()  # the parent's locks may be held by threads that do not exist here


os.register_at_fork(after_in_child=_forget)


def verify(answer: str, gold: str, deadline: float) -> bool | str:
    """What math-verify says of two canonical texts; "timeout" if it was killed, "unreadable" if it could not read them.

    deadline: as of `call`.
    """
    reply = call("r1_verl.scorers.graders.killable:compare", (answer, gold), deadline)
    return {"1": True, "0": False, "t": "timeout"}.get(reply, "unreadable")


def call(program: str, arguments: Sequence[str], deadline: float) -> str:
    """What `program` ("module:function") returns for the arguments in a child of its own.

    "t" if the child was killed, "?" if the program raised, "" if no child could be started (said once on stderr).
    deadline: seconds of the child's processor time. Waiting for a turn or a starting server does not count. A child
    that something else kills (the system, out of memory) is tried once more.
    """
    server, message = _server, json.dumps([program, arguments, deadline]).encode()
    reply = ""
    with server.turns:
        for _ in range(2 if server.failures < _GIVE_UP else 0):
            reply = _ask(server, message, deadline)
            if reply not in ("", "k"):
                break
    if reply:
        server.failures = 0
        return "t" if reply == "k" else reply
    server.failures += 1
    if server.failures in (1, _GIVE_UP):
        what = "does not start" if server.failures == 1 else "is given up"
        print(f"r1_verl: the math-verify worker {what}: try `python -c 'import math_verify'`", file=sys.stderr)
    return ""


def _ask(server: _Server, message: bytes, deadline: float) -> str:
    """The program's reply, "t" for a child that its timer killed, "k" for one killed otherwise, "" for none."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a message at a time: pid, then reply
    with ours:
        control = None
        try:
            with theirs:
                control = server.start()
                socket.send_fds(control, [message], [theirs.fileno()])
            started = _receive(ours, START_SECONDS)
        except OSError:
            started = ""
        if not started:
            if control is not None:
                server.retire(control)
            return ""
        began = time.monotonic()
        reply = _receive(ours, PATIENCE * deadline)
        if reply:
            return reply
        if reply is None:
            os.kill(int(started), signal.SIGKILL)
            return "t"
        return "t" if time.monotonic() - began >= 0.9 * deadline else "k"


def _receive(sock: socket.socket, seconds: float) -> str | None:
    """The next message, "" if the other end is gone, None if nothing came in time."""
    sock.settimeout(seconds)
    try:
        return sock.recv(64).decode()
    except TimeoutError:
        return None
    except ConnectionError:
        return ""


def _serve() -> None:
    """The server: fork a child for each message until the other end closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not message:
            os._exit(0)
        program, arguments, deadline = json.loads(message)
        run = _program(program)
        if os.fork() == 0:
            control.close()
            _child(socket.socket(fileno=fds[0]), run, arguments, deadline)
        for fd in fds:
            os.close(fd)


@lru_cache
def _program(name: str) -> Callable[..., str]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _child(sock: socket.socket, run: Callable[..., str], arguments: Sequence[str], deadline: float) -> None:
    reply = "?"
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPROF])
        sock.send(str(os.getpid()).encode())
        signal.setitimer(signal.ITIMER_PROF, deadline)
        reply = run(*arguments)
    except BaseException:  # MemoryError, RecursionError, whatever sympy raises: not read
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        try:
            sock.send(reply.encode())
        finally:
            os._exit(0)


def _load() -> None:
    """Import math-verify and run it once, so that children start warm."""
    for answer, gold in ((r"\int_0^1 x^2 dx", r"\frac{1}{3}"), (r"\sqrt{x}+\sin(2x)", "a_1-2"), ("(1,2)", r"\{3\}")):
        compare(answer, gold)
    gc.freeze()


def compare(answer: str, gold: str) -> str:
    """math-verify on two canonical texts: "1" or "0", "?" if one cannot be read. Unbounded in time."""
    import math_verify

    readings = []
    for text in (gold, answer):
        # In brackets, so that a text of which only a beginning is understood is not understood.
        found = math_verify.parse(
            "\\boxed{\\left(" + text + "\\right)}",
            extraction_config=[math_verify.LatexExtractionConfig(boxed_match_priority=0)],
            parsing_timeout=None,
        )
        found = [item for item in found if not isinstance(item, str)]
        if not found:
            return "?"
        readings.append(found[:1])
    return "1" if math_verify.verify(*readings, timeout_seconds=None) else "0"
