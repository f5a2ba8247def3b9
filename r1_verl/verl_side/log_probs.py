"""Log-probabilities of given tokens without flash_attn, in place of veRL's loop over single tokens.

veRL 0.9.1 falls back to `verl.utils.torch_functional.logprobs_from_logits_v2`, which on packed logits takes one Python
iteration and several autograd nodes a token, and under autocast keeps an fp32 copy of all logits for the backward pass.
"""

from __future__ import annotations

from types import ModuleType

import torch
from torch.autograd.function import once_differentiable

MOST_ROWS = 1024
MOST_ELEMENTS = 2**25  # of one chunk: 128 MiB in fp32


def chunked_log_probs(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """log softmax(logits)[labels], some rows at a time.

    logits: (..., vocabulary), any floating type; labels: (...), integers. Returns (...) in fp32, in fp64 for fp64.
    Beyond the logits and their gradient, memory is that of one chunk; there is one autograd node.
    """
    flat = _ChunkedLogProbs.apply(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
    return flat.view(labels.shape)


def mend(torch_functional: ModuleType) -> None:
    """Have `logprobs_from_logits`, which looks its fallback up at each call, find ours."""
    torch_functional.logprobs_from_logits_v2 = chunked_log_probs


class _ChunkedLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        precise = torch.promote_types(logits.dtype, torch.float32)
        picked = torch.empty(labels.shape, dtype=precise, device=logits.device)
        normalizer = torch.empty_like(picked)
        for rows in _chunks(logits):
            chunk = logits[rows].to(precise)
            normalizer[rows] = torch.logsumexp(chunk, dim=-1)
            picked[rows] = chunk.gather(-1, labels[rows, None]).squeeze(-1)
        ctx.save_for_backward(logits, labels, normalizer)
        return picked - normalizer

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """d log p(label) / d logits = one_hot(label) - softmax(logits), times `gradient`."""
        logits, labels, normalizer = ctx.saved_tensors
        found = torch.empty_like(logits)
        for rows in _chunks(logits):
            chunk = logits[rows].to(normalizer.dtype, copy=True)
            chunk.sub_(normalizer[rows, None]).exp_().mul_(-gradient[rows, None])
            found[rows] = chunk.scatter_add_(-1, labels[rows, None], gradient[rows, None])
        return found, None


def _chunks(logits: torch.Tensor) -> list[slice]:
    size = max(1, min(MOST_ROWS, MOST_ELEMENTS // logits.shape[-1]))
    return [slice(start, start + size) for start in range(0, logits.shape[0], size)]
