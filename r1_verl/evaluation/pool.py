"""Engines that work side by side: one in this process, or one Ray actor for each group of tensor-parallel GPUs.

`ask` hands out requests and takes answers in, whichever pool it is given. An engine that is lost with its node loses
nothing else: what it had not answered is asked again elsewhere.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from r1_verl.evaluation.generate import Answer, Engine, EngineFailure, Model, Request
from r1_verl.runs import RunError

_AHEAD = 2048  # requests that an engine holds at most: twice vLLM's largest batch, so none of its places is idle
_START_SECONDS = 900  # for the actors to get their GPUs


class Failed(NamedTuple):
    """A model that no question could be asked of, and why."""

    model: Model
    reason: str


class Pool(Protocol):
    """Where engines are. begin: a turn of one engine starts. next: (engine, what its turn gave) of the turn that ends
    first; None in the place of answers for an engine that is gone."""

    engines: Sequence[Any]

    def begin(self, engine: Any, model: Model, requests: Sequence[Request]) -> None: ...

    def next(self) -> tuple[Any, list[Answer] | EngineFailure | None]: ...

    def close(self) -> None: ...


class Here:
    """One engine in this process."""

    def __init__(self, tensor_parallel: int = 1) -> None:
        self.engines = [Engine(tensor_parallel)]
        self._turn: tuple[Any, ...] = ()

    def begin(self, engine: Any, model: Model, requests: Sequence[Request]) -> None:
        self._turn = (engine, model, requests)

    def next(self) -> tuple[Any, list[Answer] | EngineFailure | None]:
        engine, model, requests = self._turn
        try:
            return engine, engine.turn(model, requests)
        except EngineFailure as failure:
            return engine, failure

    def close(self) -> None:
        self.engines[0].close()


class OnRay:
    """Actors of the Ray cluster that RAY_ADDRESS names (else of one started here), with their engines.

    count: of the engines; None: as many as the cluster has GPUs for (CPUs, for the build without GPUs).
    """

    def __init__(self, count: int | None, tensor_parallel: int, gpus: bool) -> None:
        import ray

        if not ray.is_initialized():
            ray.init(address=None, log_to_driver=False, include_dashboard=False)
        count = count or int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0)) // tensor_parallel
        if not count:
            raise RunError(f"the Ray cluster has too few GPUs for an engine on {tensor_parallel}")
        need = {"num_gpus": tensor_parallel} if gpus else {"num_cpus": 1}
        actor = ray.remote(**need, scheduling_strategy="SPREAD")(_Actor)
        self.engines = [actor.remote(tensor_parallel) for _ in range(count)]
        self._running: dict[Any, Any] = {}
        ready, late = ray.wait([e.ready.remote() for e in self.engines], num_returns=count, timeout=_START_SECONDS)
        if late:
            self.close()
            raise RunError(
                f"the Ray cluster gave {len(ready)} of {count} engines a place in {_START_SECONDS // 60} minutes "
                f"(each needs {need})",
                "--engines with a smaller number, or wait for the nodes (r1-verl nodes)",
            )

    def begin(self, engine: Any, model: Model, requests: Sequence[Request]) -> None:
        self._running[engine.turn.remote(model, requests)] = engine

    def next(self) -> tuple[Any, list[Answer] | EngineFailure | None]:
        import ray

        done, _ = ray.wait(list(self._running), num_returns=1)
        engine = self._running.pop(done[0])
        try:
            return engine, ray.get(done[0])
        except ray.exceptions.RayTaskError as error:
            return engine, EngineFailure(str(error.cause or error).strip().splitlines()[-1][:300])
        except ray.exceptions.RayError as error:
            print(f"An engine is lost ({type(error).__name__}); its questions are asked again", file=sys.stderr)
            return engine, None

    def close(self) -> None:
        import ray

        for engine in self.engines:
            ray.kill(engine)


class _Actor(Engine):
    """An engine in a process of its own."""

    def ready(self) -> bool:
        return True


def ask(
    pool: Pool,
    jobs: Iterable[tuple[Model, Sequence[Request]]],
    next_turn: Callable[[Answer], Request | None] = lambda answer: None,
) -> Iterator[list[Answer] | Failed]:
    """Answers as they are finished, in lists; a Failed for each model that an engine refuses: its requests end there.

    jobs: for each model its requests, in the order in which they are asked. Every request is answered once, unless its
    model fails. next_turn: the request that follows an answer, of the same key and model; it is asked before those that
    wait, and the answer before it is not given. Raises RunError if all engines are lost.
    """
    waiting = deque((model, request) for model, requests in jobs for request in requests)
    flying: dict[Any, dict[Any, tuple[Model, Request]]] = {engine: {} for engine in pool.engines}
    failed: set[Model] = set()
    idle = list(pool.engines)
    while True:
        while waiting and waiting[0][0] in failed:
            waiting.popleft()
        for engine in list(idle):
            if waiting or flying[engine]:
                _fill(pool, engine, flying[engine], waiting, len(flying))
                idle.remove(engine)
        if len(idle) == len(flying):
            return
        engine, found = pool.next()
        if found is None:
            waiting.extendleft(reversed(flying.pop(engine).values()))
            if not flying:
                raise RunError("all engines are lost", "start the nodes again; the same command asks what is missing")
            continue
        idle.append(engine)
        if isinstance(found, EngineFailure):
            model = next(iter(flying[engine].values()))[0]
            flying[engine].clear()
            if model not in failed:
                failed.add(model)
                yield Failed(model, str(found))
            continue
        last = []
        for answer in found:
            model, _ = flying[engine].pop(answer.key)
            if (more := next_turn(answer)) is None:
                last.append(answer)
            else:
                waiting.appendleft((model, more))
        if last:
            yield last


def _fill(
    pool: Pool, engine: Any, mine: dict[Any, tuple[Model, Request]], waiting: deque[tuple[Model, Request]], engines: int
) -> None:
    """Begin a turn of an engine with new requests of its model, its share of what waits at most."""
    model = next(iter(mine.values()))[0] if mine else waiting[0][0]
    room = min(_AHEAD, -(-(len(waiting) + len(mine)) // engines)) - len(mine)
    new = []
    while room > 0 and waiting and waiting[0][0] == model:
        new.append(waiting.popleft()[1])
        room -= 1
    mine |= {request.key: (model, request) for request in new}
    pool.begin(engine, model, new)
