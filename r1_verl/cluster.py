"""A Ray cluster of several nodes: wait until it is complete, count what it has, notice that a node has left.

`run_scripts/ray_head.sh` and `ray_worker.sh` start the cluster; veRL joins it (RAY_ADDRESS).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from typing import Any, NamedTuple

from r1_verl.runs import RunError

_SECONDS_A_LINE = 10.0  # while `wait` sees no change, it prints a line this often


class Node(NamedTuple):
    """A living node: its address, and the GPUs and CPUs that Ray counts there."""

    address: str
    gpus: int
    cpus: int


def address() -> str:
    """The address of the cluster's head; "auto" is the one on this machine."""
    return os.environ.get("RAY_ADDRESS") or "auto"


def nodes() -> list[Node]:
    """The living nodes, by address. Raises RunError if no cluster answers."""
    import ray

    if not ray.is_initialized():
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            try:
                ray.init(address=address(), log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                raise RunError(
                    f"no Ray cluster at {address()} ({str(error).splitlines()[0]:.200})",
                    "start it with run_scripts/ray_head.sh and ray_worker.sh (the same RAY token on every node), or "
                    "NNODES=1",
                ) from error
    found = [
        Node(node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0)), int(node["Resources"].get("CPU", 0)))
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(found)


def wait(wanted: int, seconds: float) -> list[Node]:
    """Wait until the cluster has `wanted` nodes, and print how many it has. Raises RunError after `seconds`."""
    began, printed, shown = time.monotonic(), 0.0, -1
    while True:
        there = nodes()
        waited = time.monotonic() - began
        if len(there) != shown or waited - printed >= _SECONDS_A_LINE:
            printed, shown = waited, len(there)
            print(f"{len(there)} of {wanted} nodes, {sum(n.gpus for n in there)} GPUs ({waited:.0f} s)", flush=True)
        if len(there) >= wanted:
            return there
        if waited >= seconds:
            names = ", ".join(node.address for node in there)
            raise RunError(
                f"only {len(there)} of {wanted} nodes after {seconds:.0f} s: {names}. On each missing one run "
                "RAY_HEAD=this-host bash run_scripts/ray_worker.sh and read its output: a node that cannot reach the "
                "head's port, or has another token, Python or Ray, does not join"
            )
        time.sleep(1)


def lacking(config: Any, there: list[Node]) -> list[tuple[str, str]]:
    """What a cluster of these nodes lacks for a configuration, as (what, fix) pairs: veRL hangs silently for each."""
    found = []
    wanted, gpus = config.trainer.nnodes, config.trainer.n_gpus_per_node
    fit = [node for node in there if node.gpus >= gpus and node.cpus >= 3 * gpus]
    if len(fit) < wanted:
        have = ", ".join(f"{node.address} ({node.gpus} GPUs, {node.cpus} CPUs)" for node in there)
        found.append(
            (
                f"veRL asks {wanted} nodes for {gpus} GPUs and {3 * gpus} CPUs each; the Ray cluster has {have}",
                "more nodes, fewer GPUs (GPUS=N), or RAY_CPUS=N in ray_head.sh and ray_worker.sh (a count, not cores)",
            )
        )
    queue = config.transfer_queue.backend.SimpleStorage.num_data_storage_units + 1
    need = 3 * gpus * wanted + queue
    if (have_cpus := sum(node.cpus for node in there)) < need:
        found.append(
            (
                f"the Ray cluster has {have_cpus} CPUs, veRL asks for {need} (3 a GPU, TransferQueue {queue}) and "
                "would wait forever for the rest",
                "RAY_CPUS=N in ray_head.sh and ray_worker.sh (a count, not cores)",
            )
        )
    return found


def fetch(model: str) -> None:
    """Have every node fetch a model into its own hub cache, unless the cache has it already.

    Otherwise all processes of a node would ask the hub at once, and if one node took ten minutes longer than another,
    NCCL's first barrier would time out. Raises RunError with the node's address.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from r1_verl.hub.fetch import whole_model

    nodes()  # joins the cluster
    alive = [node for node in ray.nodes() if node["Alive"]]
    ours = ray.remote(num_cpus=0, max_retries=0)(whole_model)
    running = [
        (node["NodeManagerAddress"],
         ours.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(model))
        for node in alive
    ]  # fmt: skip
    for address, task in running:
        try:
            ray.get(task)
        except ray.exceptions.RayError as error:
            raise RunError(f"node {address}: {getattr(error, 'cause', None) or error}") from error


class Watch:
    """Notices that a node has left the cluster: veRL itself may wait until a collective operation times out."""

    def __init__(self, every: float = 5.0) -> None:
        self._every, self._next = every, 0.0
        self._known = Counter(node.address for node in nodes())

    def gone(self) -> str | None:
        """The address of a node that has left since the start; None if none has. Asks Ray every 5 s at most."""
        if time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + self._every
        return next(iter(self._known - Counter(node.address for node in nodes())), None)

    def gone_within(self, seconds: float) -> str | None:
        """`gone`, waited for after a run has failed: Ray takes some seconds to give up a silent node."""
        end, self._next = time.monotonic() + seconds, 0.0
        while (name := self.gone()) is None and time.monotonic() < end:
            time.sleep(1)
        return name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Wait until the Ray cluster at RAY_ADDRESS (default: this machine's) has N nodes; list them."
    parser.epilog = "example:\n  RAY_ADDRESS=10.0.0.1:6379 r1-verl nodes 2 --wait 120"
    parser.add_argument("nodes", metavar="N", type=int)
    parser.add_argument("--wait", metavar="SECONDS", type=float, default=600.0, help="give up after (default: 600)")


def run(args: argparse.Namespace) -> int:
    for node in wait(args.nodes, args.wait):
        print(f"  {node.address}: {node.gpus} GPUs, {node.cpus} CPUs")
    return 0
