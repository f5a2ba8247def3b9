"""Run a program in a process of its own that is killed at a deadline, for graders that may hang (math-verify).

One server process imports math-verify once and forks a fresh child for each call. The child has a limit on memory and a
timer on its own processor time; when the timer ends, SIGPROF kills the child, whatever C code it is in. So the deadline
is measured by the child's work, not by the load of the machine. The caller waits on a socket without holding the GIL.
Nothing here needs a signal handler, the main thread or an event loop. A forked or spawned process starts a server of
its own.

No library does this. pebble's time-out goes by the clock, not by the child's own processor time, so a busy machine
would turn right answers into zeros. multiprocessing's forkserver imports `__main__` again, which in a Ray worker is
Ray's.
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

# What `call` returns in place of a program's reply.
KILLED = "killed"  # the child reached its deadline, or was killed from outside twice
RAISED = "raised"  # the program raised an exception, such as MemoryError
NOT_STARTED = "not started"  # no child could be started

MEMORY = 2 << 30  # bytes of address space of one child
MAX_MESSAGE = 60_000  # characters of a call as JSON: one packet
START_SECONDS = 300.0  # a call waits so long for its child to start: imports on a loaded machine, and other calls
PATIENCE = 8  # a child that gets little of the processor is killed after so many times its deadline by the clock
_MAX_REPLY = 64  # bytes
_GIVE_UP = 5  # stop trying after so many calls in a row without a child
_KILLED_FROM_OUTSIDE = "killed from outside"  # internal: not by the timer, so the call may be repeated
_WARM_UP = "r1_verl.scorers.graders.math_verify:warm_up"  # by name: that file imports this one
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
        """The control socket of a running server. Raises OSError if none can be started."""
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
        """Have `start` replace the server of `control`, which started no child: a killed one may look alive."""
        with self.lock:
            if self.control is control and self.process is not None:
                self.process.kill()
                self.process = None


_server = _Server()


def _forget() -> None:
    global _server
    _server = _Server()  # threads that do not exist in this process may hold the parent's locks


os.register_at_fork(after_in_child=_forget)


def call(program: str, arguments: Sequence[str], deadline: float) -> str:
    """The reply of `program` ("module:function", a short text) to the arguments, from a child of its own.

    Returns KILLED, RAISED or NOT_STARTED (with a warning on stderr) if there is no reply. A child that was killed from
    outside (by the system, for want of memory) is tried once more.
    deadline: seconds of the child's processor time. Waiting for other calls or for the server does not count.
    """
    server, message = _server, json.dumps([program, arguments, deadline]).encode()
    reply = NOT_STARTED
    with server.turns:
        for _ in range(2 if server.failures < _GIVE_UP else 0):
            reply = _ask(server, message, deadline)
            if reply not in (NOT_STARTED, _KILLED_FROM_OUTSIDE):
                break
    if reply != NOT_STARTED:
        server.failures = 0
        return KILLED if reply == _KILLED_FROM_OUTSIDE else reply
    server.failures += 1
    if server.failures in (1, _GIVE_UP):
        what = "does not start" if server.failures == 1 else "is given up"
        print(f"r1_verl: the math-verify worker {what}: try `python -c 'import math_verify'`", file=sys.stderr)
    return NOT_STARTED


def _ask(server: _Server, message: bytes, deadline: float) -> str:
    """The program's reply, KILLED, RAISED, _KILLED_FROM_OUTSIDE or NOT_STARTED."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # two packets come: pid, then reply
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
            return NOT_STARTED
        began = time.monotonic()
        reply = _receive(ours, PATIENCE * deadline)
        if reply:
            return reply
        if reply is None:
            os.kill(int(started), signal.SIGKILL)
            return KILLED
        return KILLED if time.monotonic() - began >= 0.9 * deadline else _KILLED_FROM_OUTSIDE


def _receive(sock: socket.socket, seconds: float) -> str | None:
    """The next message; "" if the other end is gone, None if nothing came in time."""
    sock.settimeout(seconds)
    try:
        return sock.recv(_MAX_REPLY).decode()
    except TimeoutError:
        return None
    except ConnectionError:
        return ""


def _serve() -> None:
    """The server's loop: fork a child for each message until the other end closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _program(_WARM_UP)()
    gc.freeze()
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
    reply = RAISED
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPROF])
        sock.send(str(os.getpid()).encode())
        signal.setitimer(signal.ITIMER_PROF, deadline)
        reply = run(*arguments)
    except BaseException:  # MemoryError, RecursionError, whatever sympy raises
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        try:
            sock.send(reply.encode())
        finally:
            os._exit(0)
