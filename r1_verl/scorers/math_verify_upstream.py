"""math-verify itself, as three recipes call it, in the judge's killable worker.

open-r1 runs it on whole responses with a configuration of its own; SimpleRL v1 on the extracted answer, both sides
boxed; veRL's `math_verify` (Skywork-OR1, NeMo-RL alike) on whole responses with the defaults. Upstream allows 5 to 10
seconds by a signal, which only a main thread can have; here the worker's deadline holds, and what exceeds it is wrong.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from functools import lru_cache
from typing import Any

from r1_verl.maths import worker
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, TIMEOUT, WRONG

DEADLINE = 1.0  # seconds of the child's processor time: a busy machine must not turn right answers into zeros
_MAX_MESSAGE = 60_000  # characters, as sent; of a longer response the end counts
_MAX_GOLD = 10_000  # characters; MATH's longest worked solution has 6,767
_REPLIES = {"1": CORRECT, "g": BAD_GROUND_TRUTH}  # all else is a comparison that failed: wrong, as upstream
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]);"
    " from r1_verl.scorers.math_verify_upstream import serve; serve()"
)


class _KilledError(Exception):
    """The child ran into a limit of time or memory. Raised, so that it is never kept as a verdict."""


def outcome(kind: str, text: str, wanted: tuple[str, ...]) -> str:
    """The outcome of `kind` ("openr1", "boxed" or "anywhere") on a text: correct if it equals any of the golds.

    Raises OSError where no worker can be started: that is no verdict.
    """
    found = WRONG
    for gold in wanted:
        try:
            found = _kept(kind, gold, text) if len(text) <= 200 else _ask(kind, gold, text)
        except _KilledError:
            return TIMEOUT
        if found == CORRECT:
            break
    return found


def _ask(kind: str, gold: str, text: str) -> str:
    if len(gold) > _MAX_GOLD:
        return BAD_GROUND_TRUTH
    text = text[-_MAX_MESSAGE:]
    while len(json.dumps(message := json.dumps([kind, gold, text]))) > _MAX_MESSAGE and text:
        text = text[len(text) // 4 + 1 :]
    server = _server
    with server.turns:
        for last in (False, True):  # what dies before its time was killed by the system: it is tried once more
            began = time.monotonic()
            try:
                reply = worker._ask(server, message, "", DEADLINE)
            except OSError:
                if last:
                    raise
                reply = ""
            if reply not in ("", "t"):
                return _REPLIES.get(reply, WRONG)
            if time.monotonic() - began >= DEADLINE:
                break
    raise _KilledError


_kept = lru_cache(maxsize=2048)(_ask)


class _Server(worker._Server):
    """The judge's server process with another program in it: whole responses, the recipes' configurations."""

    def start(self) -> socket.socket:
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


_server = _Server()


def _forget() -> None:
    global _server
    _server = _Server()  # as the judge's: locks and sockets of the parent are no use in a fork


os.register_at_fork(after_in_child=_forget)


# --- in the server process and its children ---------------------------------------------------------------------------


def serve() -> None:
    """The server's program: the judge's, with `compare` for its children to run."""
    pairs = worker._compare  # what the server warms itself up with

    def compare_message(message: str, gold: str) -> bytes:
        if not message.startswith("["):
            return pairs(message, gold)
        return compare(*json.loads(message)).encode()

    worker._compare = compare_message
    worker._serve()


def compare(kind: str, gold: str, text: str) -> str:
    """Say "1", "0" or "g" (no gold could be read), as the recipe's own call of math-verify does. Unbounded in time."""
    import logging

    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    logging.disable(logging.CRITICAL)
    patient: dict[str, Any] = {"parsing_timeout": None}
    if kind == "openr1":
        wanted, found = parse(gold, extraction_mode="first_match", **patient), None
        if wanted:
            found = parse(text, [_openr1()], extraction_mode="first_match", **patient)
    elif kind == "boxed":
        wanted, found = parse(_boxed(gold), **patient), parse(_boxed(text), **patient)
    else:
        wanted = parse(_boxed(gold), [LatexExtractionConfig()], **patient)
        found = parse(text, [ExprExtractionConfig(), LatexExtractionConfig()], **patient)
    if not wanted:
        return "g"
    return "1" if verify(wanted, found, timeout_seconds=None) else "0"


def _openr1() -> Any:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig

    normalization = NormalizationConfig(
        nits=False, malformed_operators=False, basic_latex=True, equations=True, boxed="all", units=True
    )
    return LatexExtractionConfig(
        normalization_config=normalization, boxed_match_priority=0, try_extract_without_anchor=False
    )


def _boxed(text: str) -> str:
    return text if "\\boxed" in text else f"\\boxed{{{text}}}"
