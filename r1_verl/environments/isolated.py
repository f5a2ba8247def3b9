"""Environments of other people in processes that can be killed: each call has a deadline, each episode its own process.

A foreign environment may hang, raise, leak or return nonsense. `opened` gives an environment that is known to be
bounded as it is, and any other as an `Isolated`: the same calls, answered by a child of a server process that has
imported the environments once (`served.py`). The caller waits on a socket, without the GIL; nothing needs an event loop
or a signal handler. When the caller's process ends, however it ends, server and children end as well.

The idea is that of `r1_verl.scorers.graders.killable`, which runs one call a child by the child's own processor time.
Here a child keeps its environment over a whole episode, and the deadline goes by the clock: an environment that waits
for something uses no processor.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from r1_verl.environments import Environment, Registered, Step, registered
from r1_verl.environments.served import receive, send

DEADLINE = 10.0  # seconds of one call
START_SECONDS = 300.0  # a child waits so long for its server to import what is registered, on a loaded machine
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from r1_verl.environments.served import serve; serve()"
)


class EnvironmentFailedError(RuntimeError):
    """An environment raised, returned what is no step, ended its process or did not answer in time."""


def opened(ground_truth: Any, deadline: float = DEADLINE) -> Environment:
    """The environment of a row; in a process of its own unless it is bounded. deadline: seconds of each call there.

    Raises UnknownNameError, ValueError for a row that the environment can't read, EnvironmentFailedError.
    """
    found, truth = registered(ground_truth)
    return found.make(truth) if found.bounded else Isolated(found, truth, deadline)


def close(environment: Environment) -> None:
    """Let go of an environment. Whatever its own `close` does wrong is its own affair."""
    if isinstance(environment, Isolated):
        environment.close()


class Isolated:
    """An environment in a process of its own, which `close` ends. `actions` as the environment's."""

    def __init__(self, found: Registered, truth: Mapping[str, Any], deadline: float = DEADLINE) -> None:
        self.name, self.deadline, self._child = found.name, deadline, 0
        self._socket = _server.child()
        module = found.make.__module__
        began = self._ask({"truth": truth, "module": module}, START_SECONDS)
        self._child = began["child"]
        said = self._receive("making it", deadline)
        self.actions = None if said["actions"] is None else tuple(said["actions"])

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        return tuple(self._ask({"call": "reset", "with": seed}, self.deadline)["returned"])

    def step(self, action: str) -> Step:
        return tuple(self._ask({"call": "step", "with": action}, self.deadline)["returned"])

    def close(self) -> None:
        """End the process, after the environment's own `close` if it has one, which nobody waits for."""
        self._socket.close()

    def kill(self) -> None:
        """End the process at once, with all that it has started."""
        self._socket.close()
        if self._child:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child, signal.SIGKILL)
            self._child = 0

    def _ask(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        try:
            send(self._socket, message)
        except OSError:
            self._fail("its process has ended")
        return self._receive(f"{message['call']}()" if "call" in message else "its process", seconds)

    def _receive(self, what: str, seconds: float) -> dict[str, Any]:
        try:
            said = receive(self._socket, time.monotonic() + seconds)
        except TimeoutError:
            self._fail(f"{what} did not end within {seconds:g} s")
        except (OSError, ValueError):
            said = None
        if said is None:
            self._fail(f"its process ended in {what}")
        if "unreadable" in said:
            self.kill()
            raise ValueError(said["unreadable"])
        if "failed" in said:
            self._fail(said["failed"])
        return said

    def _fail(self, why: str) -> Any:
        self.kill()
        raise EnvironmentFailedError(f"environment {self.name!r}: {why}")

    def __del__(self) -> None:
        if getattr(self, "_socket", None) is not None:
            self._socket.close()


class _Server:
    """The server process of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen | None = None
        self.control: socket.socket | None = None

    def child(self) -> socket.socket:
        """The socket of a fresh child. Raises EnvironmentFailedError if no server can be started."""
        ours, theirs = socket.socketpair()
        with theirs, self.lock:
            for _ in range(2):  # a server that was killed from outside is started anew
                try:
                    socket.send_fds(self._running(), [b"."], [theirs.fileno()])
                    return ours
                except OSError as error:
                    self._end()
                    why = error
        ours.close()
        raise EnvironmentFailedError(f"no process for environments can be started: {why}")

    def _running(self) -> socket.socket:
        if self.process is None or self.process.poll() is not None:
            self._end()
            self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
        return self.control

    def _end(self) -> None:
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            self.process.kill()
            self.process = None


_server = _Server()


def _forget() -> None:
    global _server
    _server = _Server()  # threads that do not exist in this process may hold the parent's lock


os.register_at_fork(after_in_child=_forget)
