"""One vLLM engine that answers questions and goes from checkpoint to checkpoint without starting anew."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple


class Model(NamedTuple):
    """A model folder. shape: what an engine is built for; the weights of models with one shape replace each other.

    longest: the tokens of prompt and response together that the engine must hold; 0: what the model allows.
    """

    folder: str
    shape: str
    longest: int


class Request(NamedTuple):
    """One sample to generate. key: names the sample in its answer; ids: the prompt's tokens; seed: None if greedy."""

    key: tuple[str, str, int]
    ids: tuple[int, ...]
    temperature: float
    top_p: float
    max_tokens: int
    stop: tuple[str, ...]
    keep_stop: bool
    seed: int | None


class Answer(NamedTuple):
    """A generated sample. tokens: how many; finish_reason: vLLM's, "stop" or "length"; ids: the tokens themselves."""

    key: tuple[str, str, int]
    text: str
    tokens: int
    finish_reason: str
    ids: tuple[int, ...] = ()


class EngineFailure(RuntimeError):
    """A model that the engine could not load or run; the message is one line."""


class Engine:
    """A vLLM engine on `tensor_parallel` GPUs, or on the CPU. It starts with the first question."""

    def __init__(self, tensor_parallel: int = 1) -> None:
        self._size, self._llm, self._model = tensor_parallel, None, None
        self._count, self._keys = 0, {}  # requests so far; the keys of the unfinished ones by vLLM's names

    def turn(self, model: Model, requests: Sequence[Request], seconds: float = 1.0) -> list[Answer]:
        """Take new requests in, generate for about `seconds`, and return the answers that were finished meanwhile.

        What is not finished goes on in the next turn. A turn may name another model than the last one when the engine
        has nothing unfinished. Returns at least one answer if any request is unfinished. Raises EngineFailure.
        """
        try:
            if model != self._model:
                self._load(model)
            return self._generate(requests, seconds)
        except Exception as error:  # of vLLM, CUDA, a file of the model
            self.close()
            lines = str(error).strip().splitlines() or [""]
            raise EngineFailure(f"{type(error).__name__}: {lines[-1][:300]}") from error

    def _generate(self, requests: Sequence[Request], seconds: float) -> list[Answer]:
        from vllm import SamplingParams
        from vllm.inputs import tokens_input
        from vllm.sampling_params import RequestOutputKind

        engine, done = self._llm.llm_engine, []
        for request in requests:
            sampling = SamplingParams(
                temperature=request.temperature, top_p=request.top_p, max_tokens=request.max_tokens,
                stop=list(request.stop), include_stop_str_in_output=request.keep_stop, seed=request.seed,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )  # fmt: skip
            name = str(self._count)
            self._count += 1
            engine.add_request(name, tokens_input(list(request.ids)), sampling)
            self._keys[name] = request.key
        until = time.monotonic() + seconds
        while engine.has_unfinished_requests() and not (done and time.monotonic() > until):
            for output in engine.step():
                if output.finished:
                    last = output.outputs[0]
                    key, ids = self._keys.pop(output.request_id), tuple(last.token_ids)
                    done.append(Answer(key, last.text, len(ids), str(last.finish_reason), ids))
        return done

    def _load(self, model: Model) -> None:
        if self._model is None or self._model[1:] != model[1:] or not self._exchange_weights(model.folder):
            self.close()
            self._llm = _start(model, self._size)
        self._model, self._keys = model, {}

    def _exchange_weights(self, folder: str) -> bool:
        """Whether vLLM has loaded the weights of a folder into the engine that runs."""
        try:
            self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
        except Exception as error:  # of a kind of weights or a runner that vLLM cannot reload
            print(f"The engine starts anew for {folder}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
            return False
        self._llm.reset_prefix_cache()  # it holds what the weights before made of the prompts
        return True

    def close(self) -> None:
        """End the engine and free what it holds."""
        if self._llm is not None:
            with contextlib.suppress(Exception):
                self._llm.llm_engine.engine_core.shutdown()
        self._llm = self._model = None
        gc.collect()


def _start(model: Model, tensor_parallel: int) -> Any:
    cpu = on_cpu()
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    if cpu:
        # Compiling takes a C++ compiler and minutes; an engine in this process saves the import in another.
        for name, value in (("TORCH_COMPILE_DISABLE", "1"), ("VLLM_ENABLE_V1_MULTIPROCESSING", "0"),
                            ("VLLM_CPU_KVCACHE_SPACE", "1")):  # fmt: skip
            os.environ.setdefault(name, value)
    from vllm import LLM

    # On a CPU bf16 is seven times slower without AMX, and a request with a seed cannot have its prompt cut in two: vLLM
    # sets the seed's generator back, which PyTorch has for GPUs alone.
    kind = {"dtype": "float32", "enforce_eager": True, "enable_chunked_prefill": False} if cpu else {}
    return LLM(
        model.folder, tensor_parallel_size=tensor_parallel, max_model_len=model.longest or None, seed=0,
        enable_prefix_caching=True, **kind,
    )  # fmt: skip


def on_cpu() -> bool:
    """Whether the installed vLLM is the build for CPUs."""
    try:
        return bool(version("vllm-cpu"))
    except PackageNotFoundError:
        return False
