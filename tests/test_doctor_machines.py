"""The preflight on machines of all kinds, made up by programs on PATH and small file systems (probes.py).

How much memory a recipe needs is test_doctor_memory.py's.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import local_hub
import probes
import pytest
import recipe_names
from probes import overridden

from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.doctor import attention, compiler, disk, driver, gpus, memory, nvidia
from r1_verl.training import tiny_model

INCLUDE = sysconfig.get_paths(scheme="posix_prefix")["include"]
ACTOR, ROLLOUT, MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.model"


class Machine(NamedTuple):
    """A made-up machine, a recipe on it, and the beginnings of all lines that the doctor says, in any order."""

    said: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    cards: Mapping[str, Any] = {}  # as the recipe's own: two H200
    env: Mapping[str, str] = {}
    mounts: Mapping[str, str] = {}
    recipe: str = "tinyzero_ppo"
    only: bool = False  # nothing else on PATH: no compiler
    cpus: int = 512


ASKS = "the recipe asks for 2 GPUs a node, this machine has "
NONE_SHOWN = f"{ASKS}none that CUDA_VISIBLE_DEVICES shows | a machine with some"
ONE_SHOWN = f"{ASKS}1 that CUDA_VISIBLE_DEVICES shows | GPUS=1 "
NO_FLASH = "actor's ulysses_sequence_parallel_size 8 with attention sdpa: each GPU would see its own piece"
NOT_INSTALLED = "flash_attention_2 is asked for, and flash_attn is not installed | ++"
FLASH_KEY = f"{MODEL}.override_config.attn_implementation"
ULYSSES = f"{ACTOR}.ulysses_sequence_parallel_size={{0}} {ACTOR}.fsdp_config.ulysses_sequence_parallel_size={{0}}"
H800 = {"card": "H800 80 GB"}
SMALL_DAPO = (
    f"{MODEL}.path=Qwen/Qwen2.5-7B", "trainer.nnodes=1", "data.max_prompt_length=1024", "data.max_response_length=8192",
    f"{ROLLOUT}.max_model_len=9216", "reward.reward_kwargs.max_resp_len=8192",
)  # fmt: skip
BASE_CHATML = ("r1_verl.stop_token_ids=[]", "data.train_batch_size=256", f"{ACTOR}.ppo_mini_batch_size=256")
RUNS_ON = "the prompts are ChatML, and the model does not end at <|im_end|>"
NOT_CACHED = "HF_HUB_OFFLINE=1, and Qwen/Qwen2.5-0.5B is not in the hub's cache | MODEL=a local folder"

CARDS = {
    "sound": Machine(),
    "no driver": Machine(
        (f"{ASKS}none (nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.) |",),
        cards={"broken": "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."},
    ),
    "a bare machine": Machine(
        ("no C compiler (gcc, clang, or CC=) is on this machine", f"{ASKS}none |"), cards={"count": None}, only=True,
    ),
    "one too few": Machine((f"{ASKS}1 | GPUS=1",), cards={"count": 1}),
    "in use": Machine(("GPUs are in use already (0: 20 of 140 GiB free; 1: 20 of 140 GiB free)",), cards={"free": 20}),
    "a screen on them": Machine(
        ("GPUs are in use already (0: 120 of 140 GiB free; 1: 120 of 140 GiB free), perhaps by what an earlier run "
         "left behind or by a screen |",), cards={"free": 120},
    ),
    "two of four": Machine(cards={"count": 4}, env={"CUDA_VISIBLE_DEVICES": "3,1"}),
    "two by their names": Machine(cards={"count": 4}, env={"CUDA_VISIBLE_DEVICES": "GPU-00000003,GPU-00000001"}),
    "one of four": Machine((ONE_SHOWN,), cards={"count": 4}, env={"CUDA_VISIBLE_DEVICES": "GPU-00000003"}),
    "all hidden": Machine((NONE_SHOWN,), env={"CUDA_VISIBLE_DEVICES": ""}),
    "hidden by -1": Machine((NONE_SHOWN,), env={"CUDA_VISIBLE_DEVICES": "-1"}),
    "hidden from -1 on": Machine((ONE_SHOWN,), env={"CUDA_VISIBLE_DEVICES": "0,-1,1"}),
    "hidden as by Slurm": Machine((NONE_SHOWN,), env={"CUDA_VISIBLE_DEVICES": "NoDevFiles"}),
    "MIG": Machine(("cards are cut into slices (MIG: number 0, 1): a process sees one",), cards={"mig": "Enabled"}),
    "MIG by names": Machine(
        ("cards are cut into slices (MIG: CUDA_VISIBLE_DEVICES names some): a process sees one slice",),
        cards={"mig": "Enabled"}, env={"CUDA_VISIBLE_DEVICES": "MIG-00000000-0000-4000-8000-000000000000-0"},
    ),
}  # fmt: skip
COMPILERS_AND_DRIVERS = {
    "old driver": Machine(
        ("the NVIDIA driver is 535.183.01, PyTorch 2.11.0+cu130 is built for CUDA 13.0 and needs 580 or newer",),
        cards={"driver": "535.183.01"},
    ),
    "the driver before": Machine(("the NVIDIA driver is 575.57.08, PyTorch",), cards={"driver": "575.57.08"}),
    "the oldest driver": Machine(cards={"driver": "580.65.06"}),
    "no compiler": Machine(("no C compiler (gcc, clang, or CC=) is on this machine: vLLM",), only=True),
    "no compiler at CC": Machine(("no C compiler at CC=/opt/gcc-13/bin/gcc",), env={"CC": "/opt/gcc-13/bin/gcc"}),
    "a broken compiler": Machine(
        ("{place}/broken can't compile a C file with Python.h (broken: fatal error: stdio.h: No such file): vLLM",),
        env={"CC": "{place}/broken"},
    ),
    "no Python.h": Machine(
        (f"the headers of this Python are missing (no {INCLUDE}/Python.h): vLLM",), mounts={INCLUDE: "1m"},
    ),
    "few CPUs": Machine(("Ray would have 8 CPUs, veRL asks for",), cpus=8),
    "a container's /dev/shm": Machine(("/dev/shm has 0.06 GiB (a container's default)",), mounts={"/dev/shm": "64m"}),
}  # fmt: skip
DISKS = {
    "a full disk": Machine(
        ("100.0 GiB free under {place}/disk, checkpoints take 207: actor 34 x 2 (trainer.max_actor_ckpt_to_keep=2) "
         "+ 1 (the best), critic 34 x 2 (trainer.max_critic_ckpt_to_keep=2) + 1 (the best) "
         "| free some space, RUNS=a folder on a larger disk",),
        mounts={"{place}/disk": "100g"},
    ),
    "just enough": Machine(mounts={"{place}/disk": "208g"}),
    "no validation tells the best": Machine((), ("trainer.test_freq=-1",), mounts={"{place}/disk": "140g"}),
    "one kept, two while it is written": Machine(
        ("130.0 GiB free under {place}/disk, checkpoints take 207: actor 34 x 2 (trainer.max_actor_ckpt_to_keep=1)",),
        ("trainer.max_actor_ckpt_to_keep=1", "trainer.max_critic_ckpt_to_keep=1"), mounts={"{place}/disk": "130g"},
    ),
    "one checkpoint in all": Machine((), ("trainer.total_training_steps=80",), mounts={"{place}/disk": "80g"}),
    "all checkpoints kept": Machine(
        ("200.0 GiB free under {place}/disk, checkpoints take 448: actor 34 x 10 (trainer.max_actor_ckpt_to_keep=null)",
         ), ("trainer.total_training_steps=1000", "trainer.max_actor_ckpt_to_keep=null"),
        mounts={"{place}/disk": "200g"},
    ),
    "nobody knows how many": Machine(
        ("100.0 GiB free under {place}/disk, checkpoints take 172 and more: actor 34 x all of them",),
        ("trainer.max_actor_ckpt_to_keep=null",), mounts={"{place}/disk": "100g"},
    ),
    "LoRA keeps the base": Machine(
        ("10.0 GiB free under {place}/disk, checkpoints take 13: actor 13 x 1",), recipe="unsloth_gsm8k",
        cards={"card": "RTX 4090 24 GB"}, mounts={"{place}/disk": "10g"},
    ),
    "no checkpoints": Machine((), ("trainer.save_freq=-1",), mounts={"{place}/disk": "100m"}),
    "not even the quickstart's": Machine(
        ("1.0 GiB free under {place}/disk, checkpoints take 2: actor 0 x 2 (trainer.max_actor_ckpt_to_keep=",),
        (f"{MODEL}.path={{place}}/model",), recipe="quickstart_grpo", env={"VERL_PLATFORM": "cpu"},
        mounts={"{place}/disk": "1g"},
    ),
}  # fmt: skip
MODELS = {
    "flash_attn asked for": Machine(
        (f"{NOT_INSTALLED}{FLASH_KEY}=sdpa, or install a flash_attn",), (f"{FLASH_KEY}=flash_attention_2",),
    ),
    "flash_attn for the critic": Machine(
        (f"{NOT_INSTALLED}critic.model.override_config.attn_implementation=sdpa, or install",),
        ("critic.model.override_config.attn_implementation=flash_attention_2",),
    ),
    "null is sdpa": Machine((), (f"{FLASH_KEY}=null",)),
    "DAPO's small form": Machine(
        (NO_FLASH, "actor's ulysses_sequence_parallel_size 8 does not divide the model's 28 attention heads (4 of keys "
                   f"and values) | {ULYSSES.format(4)}"), SMALL_DAPO, H800, recipe="dapo",
    ),
    "DAPO's small form, mended": Machine((), (*SMALL_DAPO, *ULYSSES.format(1).split()), H800, recipe="dapo"),
    "more pieces than GPUs": Machine(
        (NO_FLASH.replace("8", "4"),
         f"actor's ulysses_sequence_parallel_size 4 does not divide 2 GPUs | {ULYSSES.format(2)}"),
        tuple(ULYSSES.format(4).split()),
    ),
    "a critic in pieces": Machine(
        ("critic's ulysses_sequence_parallel_size 2 with attention sdpa",),
        ("critic.fsdp.ulysses_sequence_parallel_size=2",),
    ),
    "padding in pieces": Machine(
        (NO_FLASH, f"actor's ulysses_sequence_parallel_size 8 needs use_remove_padding | {MODEL}.use_remove_padding="),
        (f"{MODEL}.use_remove_padding=false",), H800, recipe="dapo",
    ),
    "GPUS=8 for twelve heads": Machine(
        ("rollout.tensor_model_parallel_size 8 does not divide the model's 12 attention heads",),
        (f"{MODEL}.path=Qwen/Qwen2.5-1.5B", "trainer.n_gpus_per_node=8"), {"count": 8},
    ),
    "a million tokens": Machine(
        ("vLLM's share of 48 GiB leaves 30.8 for the KV cache, one text of 1010000 tokens (rollout.max_model_len: the "
         f"model has so many positions) takes 53.9: vLLM refuses to start | {ROLLOUT}.max_model_len=2448,",),
        (f"{ROLLOUT}.max_model_len=null",), {"card": "A100 80 GB"}, recipe="logicrl_grpo",
    ),
    "a million tokens over two cards": Machine(
        (), (f"{ROLLOUT}.max_model_len=null",), {"card": "A100 80 GB"}, recipe="logicrl_reinforce_pp",
    ),
    "critic's tokens": Machine(
        ("critic.ppo_max_token_len_per_gpu=8192 is not read by veRL 0.9.1 | ++critic.ppo_infer_max_token_len_per_gpu=8",
         ), ("critic.ppo_max_token_len_per_gpu=8192",),
    ),
    "critic's tokens in both places": Machine(
        (), ("critic.ppo_max_token_len_per_gpu=8192", "critic.ppo_infer_max_token_len_per_gpu=8192"),
    ),
    "a model that nobody has": Machine((NOT_CACHED,), (f"{MODEL}.path=Qwen/Qwen2.5-0.5B",)),
    "a base model by its name alone": Machine(
        (NOT_CACHED, RUNS_ON), (f"{MODEL}.path=Qwen/Qwen2.5-0.5B", *BASE_CHATML), recipe="gsm8k_grpo",
    ),
    "a base model by its files": Machine((RUNS_ON,), BASE_CHATML, recipe="gsm8k_grpo"),
}  # fmt: skip
MEMORY = {
    "DeepScaleR on half a card": Machine(
        ("about 65 GiB a GPU are needed (logits and their gradients 46, weights, moments, gradients and activations "
         "19, in the actor's update), a NVIDIA A100-SXM4-40GB has 40 |", "the model's template opens <think>"),
        cards={"card": "A100 40 GB"}, recipe="deepscaler_8k",
    ),
    "Dr. GRPO as it was": Machine(
        ("vLLM's share of 20 GiB leaves 2.8 for the KV cache, room for 13 responses of full length where 128 are asked "
         f"for at once: vLLM would stop and begin again with most of them | {ROLLOUT}.gpu_memory_utilization above 0.5",
         ), (f"{ROLLOUT}.gpu_memory_utilization=0.5",), {"card": "A100 40 GB"}, recipe="drgrpo",
    ),
    "weights that do not fit": Machine(
        ("vLLM's share of 20 GiB does not hold the model's 31 GiB in bf16 | ", "about "),
        (f"{MODEL}.path=Qwen/Qwen2.5-32B", f"{ROLLOUT}.gpu_memory_utilization=0.5"), {"card": "A100 40 GB"},
    ),
}  # fmt: skip
MACHINES = CARDS | COMPILERS_AND_DRIVERS | DISKS | MODELS | MEMORY


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small model, a place to mount a disk, a compiler that does not work; and room for data."""
    folder = tmp_path_factory.mktemp("machines")
    tiny_model.build(folder / "model", seed=0)
    (folder / "disk").mkdir()
    probes.program(folder, "broken", "#!/bin/sh\necho 'broken: fatal error: stdio.h: No such file' >&2\nexit 1\n")
    return folder


def made_up(place: Path, config: Any, machine: Machine, bin: Path) -> probes.Case:
    """The machine's programs and file systems, and the recipe with good data."""
    first = machine.recipe == "tinyzero_ppo"
    cards = {"card": "H200 141 GB", "count": config.trainer.n_gpus_per_node} | machine.cards
    if cards["count"] is not None:
        probes.nvidia_smi(bin, **cards)
    raw = config.actor_rollout_ref.model.custom_chat_template is not None
    data = probes.data_for(config, place, raw, think=raw)
    overrides = [
        f"data.train_files={data}", f"data.val_files={data}",
        f"ray_kwargs.ray_init.num_cpus={machine.cpus}",
        "trainer.default_local_dir={place}/disk/checkpoints",
        *(["data.train_batch_size=64", f"{ACTOR}.ppo_mini_batch_size=64"] if first else []), *machine.overrides,
    ]  # fmt: skip
    config = overridden(config, *(override.replace("{place}", str(place)) for override in overrides))
    env = {name: value.replace("{place}", str(place)) for name, value in machine.env.items()}
    mounts = {where.replace("{place}", str(place)): size for where, size in machine.mounts.items()}
    return probes.Case(config, (bin,), machine.only, env, {f"{place}/disk": "16t"} | mounts)


@pytest.fixture(scope="module")
def said_of_machines(place, composed, tmp_path_factory):
    """All of them, looked at by one process."""
    if not probes.can_mount():
        pytest.skip("unshare -rm is not permitted here: no file systems of other sizes")
    home = local_hub.cache(tmp_path_factory.mktemp("home"))
    cases = {
        label: made_up(place, composed(machine.recipe), machine, home / f"bin{number}")
        for number, (label, machine) in enumerate(MACHINES.items())
    }
    return probes.examine(cases, home, {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"})


@pytest.mark.parametrize("label", MACHINES)
def test_all_that_is_wrong_and_nothing_else(place, said_of_machines, label):
    found = said_of_machines[label]
    wanted = [said.replace("{place}", str(place)) for said in MACHINES[label].said]
    assert len(found) == len(wanted), found
    assert all(any(line.startswith(said) for line in found) for said in wanted), found
    assert not any("\n" in line for line in found)


# --- no false alarm on published hardware -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said_of_published(place, composed, tmp_path_factory):
    if not probes.can_mount():
        pytest.skip("unshare -rm is not permitted here: no file systems of other sizes")
    home, cases = local_hub.cache(tmp_path_factory.mktemp("home")), {}
    for recipe in recipe_names.GPU:
        config = composed(recipe)
        model, template = config.actor_rollout_ref.model, config.actor_rollout_ref.model.custom_chat_template
        raw = template == PASS_THROUGH
        opened = raw or "<think>" in (template or "") or (template is None and "DeepSeek" in model.path)
        data = probes.data_for(config, place, raw, opened, 1024)
        smi = probes.nvidia_smi(home / recipe, config.r1_verl.about.gpu, config.trainer.n_gpus_per_node)
        config = overridden(
            config, f"data.train_files={data}", f"data.val_files={data}", "ray_kwargs.ray_init.num_cpus=512",
            f"trainer.default_local_dir={place}/disk/{recipe}",
        )  # fmt: skip
        cases[recipe] = probes.Case(config, (smi,), mounts={f"{place}/disk": "16t"})
    return probes.examine(cases, home, {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"})


@pytest.mark.parametrize("recipe", recipe_names.GPU)
def test_no_false_alarm_on_published_hardware(said_of_published, recipe):
    """As on a machine without flash_attn, which DAPO can't do without."""
    found = said_of_published[recipe]
    assert [line.startswith(NO_FLASH) for line in found] == [True] * (recipe == "dapo"), found


# --- flash_attn, libcuda, the hub -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def flash_attn_func(): pass\nflash_attn_varlen_func = flash_attn_func", None),
        ("import flash_attn_2_cuda", "undefined symbol: _ZN3c104"),
    ],
    ids=["sound", "built for another PyTorch"],
)
def test_flash_attn_is_really_imported(composed, monkeypatch, tmp_path, program, said):
    (tmp_path / "flash_attn.py").write_text(program)
    (tmp_path / "flash_attn_2_cuda.py").write_text("raise ImportError('undefined symbol: _ZN3c104')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    attention._import_error.cache_clear()
    config = composed("dapo")  # which then takes it by itself
    found = [problem.what for check in attention.CHECKS for problem in check(config)]
    assert found == [] if said is None else said in found[0] and len(found) == 1
    attention._import_error.cache_clear()


def test_attention_that_is_not_set_is_flash_attn(composed):
    config = overridden(composed("dapo"))
    del config.actor_rollout_ref.model.override_config.attn_implementation
    assert [part.attention for part in attention.parts(config)] == ["flash_attention_2"]


def test_a_newer_libcuda_beside_an_old_driver(composed, tmp_path):
    """NVIDIA's compatibility package: PyTorch then works with the old driver."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler to make a libcuda.so.1 with")
    (tmp_path / "cuda.c").write_text("int cuDriverGetVersion(int *v) { *v = 13000; return 0; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", tmp_path / "cuda.c"], check=True)
    config = overridden(composed("quickstart_grpo"), "trainer.device=cuda")
    case = probes.Case(config, (probes.nvidia_smi(tmp_path / "bin", driver="535.183.01"),))
    for libraries, too_old in ((tmp_path, False), (tmp_path / "none", True)):
        lines = probes.examine({"it": case}, tmp_path, {"LD_LIBRARY_PATH": str(libraries)})["it"]
        assert any("the NVIDIA driver is 535.183.01" in line for line in lines) == too_old


def test_a_fresh_machine_is_not_blind(composed, tmp_path):
    """A model's small files come from the hub before the first download; a hub that is down is one line."""
    name = "Qwen/Qwen2.5-1.5B"
    (tmp_path / "model").mkdir()
    known = json.loads(local_hub.FACTS.read_text(encoding="utf-8"))[name]
    for file in (
        "config.json",
        "generation_config.json",
        "tokenizer_config.json",
        "tokenizer.json",
        "model.safetensors",
    ):
        (tmp_path / "model" / file).write_text(json.dumps(known.get(file.removesuffix(".json"))))
    eight = [f"{ROLLOUT}.tensor_model_parallel_size=8", f"{MODEL}.path={name}"]
    case = probes.Case(overridden(composed("quickstart_grpo"), *eight))
    with local_hub.Hub({name: tmp_path / "model"}).running() as hub:
        env = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
        found = "\n".join(probes.examine({"it": case}, tmp_path, env)["it"])
        assert "tensor_model_parallel_size 8 does not divide the model's 12 attention heads" in found
        assert "can't be fetched" not in found and len(hub.fetched()) == 3  # neither weights nor tokenizer.json
    lines = probes.examine({"it": case}, tmp_path, env | {"HF_HOME": str(tmp_path / "empty")})["it"]
    assert sum("can't be fetched from" in line for line in lines) == 1 and "attention heads" not in "".join(lines)


# --- each probe for real ----------------------------------------------------------------------------------------------


@pytest.fixture
def here(composed, monkeypatch, tmp_path):
    """A recipe for this machine's own compiler, cards and disk."""
    for name in ("CUDA_VISIBLE_DEVICES", "CC"):
        monkeypatch.delenv(name, raising=False)
    return overridden(composed("quickstart_grpo"), "trainer.device=cuda", f"trainer.default_local_dir={tmp_path}/ck")


def test_this_machines_compiler_is_seen(here):
    found = [problem.what for problem in compiler.check_compiler(here)]
    assert any("no C compiler" in what for what in found) != bool(shutil.which("gcc") or shutil.which("clang"))
    assert any("headers of this Python" in what for what in found) != os.path.isfile(f"{INCLUDE}/Python.h")
    assert not any("can't compile" in what for what in found)


def test_this_machines_cards_are_seen():
    has_smi = shutil.which("nvidia-smi") is not None
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout if has_smi else ""
    assert len(nvidia.gpus()) == len(re.findall("^GPU ", listed, re.MULTILINE))
    assert has_smi or nvidia.refusal() == ""


def test_cards_that_do_not_tell_their_memory(composed, monkeypatch, tmp_path):
    """As those that share the machine's memory; and a line of warning among them."""
    row = "[N/A], [N/A], GPU-{0}, 580.95.05, [N/A], NVIDIA GB10"
    lines = "\n".join(["Warning: infoROM is corrupted, at GPU 0", row.format(1), row.format(2)])
    probes.program(tmp_path, "nvidia-smi", f"#!/bin/sh\ncat <<'E'\n{lines}\nE\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [(card.name, card.total) for card in nvidia.gpus()] == [("NVIDIA GB10", 0), ("NVIDIA GB10", 0)]
    config = overridden(composed("tinyzero_ppo"), f"{MODEL}.path=Qwen/Qwen2.5-3B")
    found = [problem.what for room in (gpus, memory) for check in room.CHECKS for problem in check(config)]
    assert not any("GPUs" in what or "GiB a GPU" in what for what in found), found


def test_this_machines_pytorch_is_seen():
    version, cuda = driver._torch()
    assert version.split("+")[0] == importlib.metadata.version("torch").split("+")[0]
    assert re.fullmatch(r"1\d\.\d|", cuda) and 0 <= driver._libcuda() < 20


def test_this_machines_disk_is_seen(here, tmp_path):
    free = shutil.disk_usage(tmp_path).free / 2**30
    assert len(list(disk.check_disk(here))) == (free < 2)
