"""A Ray cluster of several nodes: waiting for it with a count, and noticing that a node of it is gone.

The cluster itself is started by `run_scripts/ray_head.sh` and `ray_worker.sh`; veRL joins it (RAY_ADDRESS).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import Counter
from typing import Any, NamedTuple

from r1_verl.runs import RunError

_EACH = 10.0  # seconds between two lines of a wait, if nothing changes


class Node(NamedTuple):
    """A living node: its address, and the GPUs and CPUs that Ray counts there."""

    address: str
    gpus: int
    cpus: int


def address() -> str:
    """Where the cluster's head is; "auto" is the one on this machine."""
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
                    f"no Ray cluster at {address()} ({str(error).splitlines()[0]:.200}): start it with "
                    "run_scripts/ray_head.sh and ray_worker.sh (the same RAY token on every node), or NNODES=1"
                ) from error
    found = [
        Node(node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0)), int(node["Resources"].get("CPU", 0)))
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(found)


def wait(wanted: int, seconds: float) -> list[Node]:
    """Wait until `wanted` nodes are there, printing how many are. Raises RunError with the reason after `seconds`."""
    began, said, shown = time.monotonic(), 0.0, -1
    while True:
        there = nodes()
        waited = time.monotonic() - began
        if len(there) != shown or waited - said >= _EACH:
            said, shown = waited, len(there)
            print(f"{len(there)} of {wanted} nodes, {sum(n.gpus for n in there)} GPUs ({waited:.0f} s)", flush=True)
        if len(there) >= wanted:
            return there
        if waited >= seconds:
            names = ", ".join(node.address for node in there)
            raise RunError(
                f"only {len(there)} of {wanted} nodes after {seconds:.0f} s: {names}. On each missing one run "
                "RAY_HEAD=this-host bash run_scripts/ray_worker.sh and read what it says: a node that cannot reach the "
                "head's port, or has another token, Python or Ray, does not join"
            )
        time.sleep(1)


def check(config: Any) -> list[tuple[str, str]]:
    """What the cluster lacks for a configuration, as (what, fix) pairs: veRL would wait for it without a word."""
    found, there = [], nodes()
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
                "would wait for the rest for ever",
                "RAY_CPUS=N in ray_head.sh and ray_worker.sh (a count, not cores)",
            )
        )
    return found


def fetch(model: str) -> None:
    """Have every node fetch a model, each into its own hub cache (or find that it is there already).

    Without this all processes of a node would ask the hub at once, and nodes that end more than ten minutes apart would
    fail at NCCL's first barrier. Raises RunError with the node's address.
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
    """Tells when a node has gone: veRL itself may wait for it until a collective operation times out."""

    def __init__(self, every: float = 5.0) -> None:
        self._every, self._next = every, 0.0
        self._known = Counter(node.address for node in nodes())

    def gone(self) -> str | None:
        """The address of a node that was there at the start and is gone, None if all are there. Looks every 5 s."""
        if time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + self._every
        return next(iter(self._known - Counter(node.address for node in nodes())), None)

    def gone_within(self, seconds: float) -> str | None:
        """The same for a run that has just failed: Ray takes some seconds to give a silent node up."""
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
