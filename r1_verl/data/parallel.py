"""A map over processes whose results come in order, so that no output depends on how many there are."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Any


def usable_cpus() -> int:
    """The CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(function: Callable[[Any], Any], tasks: Iterable[Any], processes: int) -> Generator[Any, None, None]:
    """function(task) for each task, in order and lazily (tasks may be endless): close the generator to stop.

    The function and the tasks must be picklable when processes > 1.
    """
    if processes <= 1:
        for task in tasks:
            yield function(task)
        return
    tasks = iter(tasks)
    # spawn: a forked child inherits the locks of Arrow's threads
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting = deque(pool.submit(function, task) for task in islice(tasks, 3 * processes))
        while waiting:
            result = waiting.popleft().result()
            for task in islice(tasks, 1):
                waiting.append(pool.submit(function, task))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
