"""Speed of log-probabilities without flash_attn: `python tests/benchmarks/bench_log_probs.py`; status 1 if
the target is missed.

Target: on 16,384 packed rows with a vocabulary of 16, where veRL's loop over single tokens costs nothing but its own
dispatch, forward and backward take at most a tenth of veRL's time in the same run.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable

import torch
from verl.utils import torch_functional

from r1_verl.verl_side.log_probs import chunked_log_probs

ROWS, VOCABULARY, TARGET = 16_384, 16, 0.1


def verls() -> Callable:
    """veRL's function as its file has it: in veRL's imported module the plugin has put ours in its place."""
    spec = importlib.util.spec_from_file_location("torch_functional_as_it_is", torch_functional.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.logprobs_from_logits_v2


def seconds(function: Callable, kind: torch.dtype) -> tuple[float, float]:
    """(forward, backward), each the best of three."""
    logits = torch.randn(ROWS, VOCABULARY, dtype=kind, requires_grad=True)
    labels = torch.randint(VOCABULARY, (ROWS,))
    best = (float("inf"), float("inf"))
    for _ in range(3):
        began = time.perf_counter()
        values = function(logits, labels)
        between = time.perf_counter()
        values.sum().backward()
        best = (min(best[0], between - began), min(best[1], time.perf_counter() - between))
    return best


def main() -> int:
    missed, theirs = 0, verls()
    for kind in (torch.float32, torch.bfloat16):
        for name, ours, verl_time in zip(
            ("forward", "backward"), seconds(chunked_log_probs, kind), seconds(theirs, kind), strict=True
        ):
            missed += ours > TARGET * verl_time
            print(f"{kind}, {name}: {ours * 1e3:.1f} ms, veRL's {verl_time * 1e3:.1f} ms: {ours / verl_time:.4f}")
    print(f"target {TARGET}: {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
