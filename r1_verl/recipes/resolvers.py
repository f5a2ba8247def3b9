"""What a recipe may ask of the machine that resolves it, as `${r1_verl_NAME:...}`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

FLASH, SDPA = "flash_attention_2", "sdpa"  # transformers' names


def attention() -> str:
    """`${r1_verl_attention:}`: flash_attn's where it is installed, else PyTorch's own.

    flash_attn is installed if its compiled part is there: its Python alone can't be used.
    """
    return FLASH if find_spec("flash_attn") and find_spec("flash_attn_2_cuda") else SDPA


def file(name: str) -> str:
    """`${r1_verl_file:NAME}`: the path of a file inside this package."""
    return str(Path(__file__).parents[1] / name)


def sampler(trainer_mode: str) -> str:
    """`${r1_verl_sampler:MODE}`: the name of our sampler for one of veRL's trainer modes."""
    return "R1ReplayBuffer" if trainer_mode == "sync" else "R1ReplayBufferAsync"


def register() -> None:
    """Make them known to OmegaConf. Idempotent."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("r1_verl_attention", attention, replace=True)
    OmegaConf.register_new_resolver("r1_verl_file", file, replace=True)
    OmegaConf.register_new_resolver("r1_verl_sampler", sampler, replace=True)
    OmegaConf.register_new_resolver("r1_verl_sum", lambda *numbers: sum(numbers), replace=True)
