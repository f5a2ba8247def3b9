"""The server process of `isolated.py` and its children, one an episode; and the messages that go between them."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

from r1_verl import environments
from r1_verl.environments import Environment, find_environment
from r1_verl.environments.returned import BadEnvironmentError, checked, start
from r1_verl.names import UnknownNameError

MEMORY = 4 << 30  # bytes of data of one child
MAX_TEXT = 200_000  # characters of an observation
_CLOSE_SECONDS = 10  # an environment may take so long to close
_INFO = ("valid", "effective", "success")


def send(sock: socket.socket, message: Any) -> None:
    """Send a message as JSON, behind its length."""
    text = json.dumps(message).encode()
    sock.settimeout(None)
    sock.sendall(struct.pack(">I", len(text)) + text)


def receive(sock: socket.socket, until: float | None) -> Any:
    """The next message; None if the other end is gone. until: of time.monotonic(). Raises TimeoutError."""
    header = _exactly(sock, 4, until)
    text = header and _exactly(sock, *struct.unpack(">I", header), until)
    return json.loads(text) if text else None


def _exactly(sock: socket.socket, size: int, until: float | None) -> bytes:
    found = bytearray()
    while len(found) < size:
        sock.settimeout(None if until is None else max(until - time.monotonic(), 1e-6))
        piece = sock.recv(min(size - len(found), 1 << 16))
        if not piece:
            return b""
        found += piece
    return bytes(found)


def serve() -> None:
    """The server's loop: fork a child for each socket that comes, until the other end closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    environments.load_all()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    while True:
        message, fds, _, _ = socket.recv_fds(control, 16, 1)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            _child(socket.socket(fileno=fds[0]))
        for fd in fds:
            os.close(fd)


def _child(sock: socket.socket) -> None:
    """One episode's process: make the environment, answer calls until the other end closes."""
    environment = None
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: end with the server
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        row = receive(sock, None)
        if row is None:
            return
        send(sock, {"child": os.getpid()})
        environment = _made(sock, row)
        while environment is not None and (asked := receive(sock, None)) is not None:
            send(sock, _answered(environment, asked))
        signal.alarm(_CLOSE_SECONDS)
        if hasattr(environment, "close"):
            environment.close()
    finally:
        os.killpg(0, signal.SIGKILL)


def _made(sock: socket.socket, row: Mapping[str, Any]) -> Environment | None:
    try:
        try:
            found = find_environment(row["truth"]["task"])
        except UnknownNameError:  # registered by a module that no entry point names
            importlib.import_module(row["module"])
            found = find_environment(row["truth"]["task"])
        environment = found.make(row["truth"])
        names = environment.actions
        send(sock, {"actions": None if names is None else [str(name) for name in names]})
        return environment
    except (ValueError, UnknownNameError) as error:
        send(sock, {"unreadable": _line(error)})
    except BaseException as error:
        send(sock, {"failed": f"making it raised {_line(error)}"})
    return None


def _answered(environment: Environment, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if asked["call"] == "reset":
            text, _ = start(environment, asked["with"])
            return {"returned": [_text(text), {}]}
        text, reward, terminated, truncated, info = checked(environment.step(asked["with"]))
        told = {name: bool(info[name]) for name in _INFO if name in info}
        number = reward if type(reward) is int else float(reward)
        return {"returned": [_text(text), number, terminated, truncated, told]}
    except BadEnvironmentError as error:
        return {"failed": str(error)}
    except BaseException as error:
        return {"failed": f"{asked['call']}() raised {_line(error)}"}


def _text(text: str) -> str:
    """The text as a tokenizer takes it. Raises BadEnvironmentError if nobody could read so much."""
    if len(text) > MAX_TEXT:
        raise BadEnvironmentError(f"an observation of {len(text)} characters: at most {MAX_TEXT} are taken")
    return text.encode("utf-8", "replace").decode("utf-8")


def _line(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {str(error)[:300]}".splitlines()[0]
    except BaseException:
        return type(error).__name__
