"""The chunked log-probability against veRL's own: values, gradients, autograd nodes, memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from r1_verl.verl_side.log_probs import chunked_log_probs


@pytest.fixture(scope="module")
def verls() -> Callable:
    """veRL's function as its file has it: in veRL's imported module the plugin has put ours in its place."""
    from verl.utils import torch_functional

    assert torch_functional.logprobs_from_logits_v2 is chunked_log_probs
    spec = importlib.util.spec_from_file_location("torch_functional_as_it_is", torch_functional.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.logprobs_from_logits_v2


def results(function: Callable, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor):
    """(values, gradient) for a sum with these weights."""
    logits = logits.clone().requires_grad_()
    values = function(logits, labels)
    (values.float() * weights).sum().backward()
    return values.detach(), logits.grad


@pytest.mark.parametrize(
    ("shape", "vocabulary"),
    [((2500,), 500), ((1,), 500), ((0,), 500), ((3, 700), 300), ((900,), 50_000), ((5,), 1)],
    ids=str,
)
def test_it_equals_verls_in_fp32(verls, shape, vocabulary):
    """Three chunks and a rest, none, a batch of sequences, chunks cut by the vocabulary."""
    torch.manual_seed(0)
    logits, weights = torch.randn(*shape, vocabulary), 2 * torch.rand(shape) - 1
    labels = torch.randint(vocabulary, shape)
    values, gradient = results(chunked_log_probs, logits, labels, weights)
    if shape == (0,):  # veRL's cannot stack nothing
        assert values.shape == (0,) and gradient.shape == (0, vocabulary)
        return
    their_values, their_gradient = results(verls, logits, labels, weights)
    assert values.shape == their_values.shape and values.dtype == torch.float32
    torch.testing.assert_close(values, their_values, rtol=1e-7, atol=1e-6)
    torch.testing.assert_close(gradient, their_gradient, rtol=0, atol=1e-6)


def test_bf16_logits_are_computed_with_in_fp32(verls):
    torch.manual_seed(0)
    logits, labels, weights = torch.randn(1500, 300).bfloat16(), torch.randint(300, (1500,)), torch.randn(1500)
    values, gradient = results(chunked_log_probs, logits, labels, weights)
    exact, exact_gradient = results(verls, logits.double(), labels, weights.double())
    assert values.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    torch.testing.assert_close(values.double(), exact, rtol=0, atol=2e-6)
    torch.testing.assert_close(gradient.double(), exact_gradient, rtol=2**-8, atol=1e-9)


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4, 0.0], [-torch.inf, 0.0, 0.0]], requires_grad=True)
    values = chunked_log_probs(logits, torch.tensor([0, 1]))
    values.sum().backward()
    torch.testing.assert_close(values.detach(), torch.tensor([1.0, 0.5]).log())
    assert torch.isfinite(logits.grad).all()


def nodes(function: Callable, rows: int) -> int:
    """Nodes of the autograd graph of one call."""
    seen, waiting = set(), [function(torch.zeros(rows, 8, requires_grad=True), torch.zeros(rows, dtype=int)).grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return len(seen)


def test_autograd_nodes_do_not_depend_on_the_rows(verls):
    assert nodes(chunked_log_probs, 10) == nodes(chunked_log_probs, 5000) < 10
    assert nodes(verls, 5000) > 5000  # so the count means something


def extra_memory(rows: int, vocabulary: int = 4096) -> int:
    """Bytes that forward and backward hold at most beyond what was there before and the gradient."""
    logits = torch.randn(rows, vocabulary, requires_grad=True)
    labels = torch.randint(vocabulary, (rows,))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        chunked_log_probs(logits, labels).sum().backward()
    held = most = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most - logits.grad.nbytes


def test_memory_is_a_chunks_whatever_the_rows():
    few, many = extra_memory(4096), extra_memory(16_384)
    assert 0 < few < 0.75 * 4096 * 4096 * 4  # no copy of all logits, of which there are 64 MiB
    assert many == pytest.approx(few, rel=0.05)
