"""What the doctor looks at, made up: programs on PATH, small file systems, rows of data.

As a program (`examine` starts it, in a mount namespace of its own) it has the doctor look at pickled configurations.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from omegaconf import OmegaConf

from r1_verl import ground_truth
from r1_verl.data.example import Example, to_batch
from r1_verl.doctor import reward
from r1_verl.scorers import find_reward

CARDS = {  # by a recipe's own words: the name and the MiB that nvidia-smi tells
    "A100 40 GB": ("NVIDIA A100-SXM4-40GB", 40960),
    "A100 80 GB": ("NVIDIA A100-SXM4-80GB", 81920),
    "H100 80 GB": ("NVIDIA H100 80GB HBM3", 81559),
    "H800 80 GB": ("NVIDIA H800", 81559),
    "H200 141 GB": ("NVIDIA H200", 143771),
    "RTX 4090 24 GB": ("NVIDIA GeForce RTX 4090", 24564),
}
COUNTDOWN = ground_truth.encode("countdown", numbers=[1, 2], target=3)
TRUTHS = {
    "countdown": COUNTDOWN,
    "kk": ground_truth.encode("kk", solution={"Zoey": "knight"}),
    "sokoban": ground_truth.encode("sokoban", board="#####/#PXO#/#####", rules="ragen_v1", shortest=1),
    "frozen_lake": ground_truth.encode("frozen_lake", map="SF/HG", rules="ragen_v1", seed=1, slippery=True),
}
RAW = "A conversation.\nUser: 1 2 = 3\nAssistant: Let me solve this step by step.\n<think>"
RAW_CHAT = "<|im_start|>user\n1 2 = 3<|im_end|>\n<|im_start|>assistant\n<think>"
_OURS = ("VERL_PLATFORM", "RAY_ADDRESS", "CUDA_VISIBLE_DEVICES", "CC")  # variables that the doctor looks at


# --- recipes and data -------------------------------------------------------------------------------------------------


def rows(source="countdown", truth=COUNTDOWN, messages=(("user", "1 2 = 3"),), think=False, count=512) -> pa.Table:
    """A table of data of our own form."""
    examples = [
        Example(source, tuple(messages), truth, "<answer>1+2</answer>", i, "train", "tiny", think_in_prompt=think)
        for i in range(count)
    ]
    return pa.Table.from_batches([to_batch(examples)])


def data_for(config: Any, folder: Path, raw: bool, think: bool, count: int = 512) -> Path:
    """A file of rows of the task that the recipe's reward judges, as much of them as the doctor looks at."""
    task = find_reward(reward.pays(config).name).task
    chat = "Instruct" in config.actor_rollout_ref.model.path
    path = folder / f"{task}_{raw}_{think}_{chat}_{count}.parquet"
    if not path.exists():
        truth = TRUTHS.get(task) or ground_truth.encode(task, answer="3")
        text = (RAW_CHAT if chat else RAW) if raw else "1 2 = 3"
        pq.write_table(rows(task, truth, (("user", text),), think, count), path)
    return path


def overridden(config: Any, *overrides: str) -> Any:
    """A copy with overrides, a hundred times faster than composing anew."""
    config = pickle.loads(pickle.dumps(config))  # faster than deepcopy
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        OmegaConf.update(config, key, yaml.safe_load(value), force_add=True)
    return config


# --- programs ---------------------------------------------------------------------------------------------------------


def program(folder: Path, name: str, text: str) -> Path:
    """A program `name` in `folder`, of this text."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


_SMI = """#!{python} -SE
import sys
CARDS = {cards!r}
FIELDS = ("name", "memory.total", "memory.free", "uuid", "driver_version", "mig.mode.current", "index")
if {broken!r}:
    print({broken!r})
    sys.exit(18)
if sys.argv[1:] == ["-L"]:
    for card in CARDS:
        print("GPU %(index)s: %(name)s (UUID: %(uuid)s)" % card)
        if card["mig.mode.current"] == "Enabled":
            for i in range(2):
                print("  MIG 1g.10gb     Device  %d: (UUID: MIG-%s-%d)" % (i, card["uuid"][4:], i))
    sys.exit(0)
asked = [a.partition("=")[2].split(",") for a in sys.argv[1:] if a.startswith("--query-gpu=")]
if not asked or "--format=csv,noheader,nounits" not in sys.argv:
    print("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.")
    sys.exit(1)
for field in asked[0]:
    if field not in FIELDS:
        print('Field "%s" is not a valid field to query.' % field)
        sys.exit(2)
for card in CARDS:
    print(", ".join(card[field] for field in asked[0]))
"""


def nvidia_smi(
    folder: Path,
    card: str = "A100 80 GB",
    count: int = 1,
    free: float | None = None,
    driver: str = "580.95.05",
    mig: str = "Disabled",
    broken: str = "",
) -> Path:
    """An nvidia-smi that tells of `count` cards of a kind, `free` GiB free on each; or fails with the text `broken`."""
    name, total = CARDS[card]
    every = {
        "name": name, "memory.total": str(total), "driver_version": driver,
        "memory.free": str(total - 460 if free is None else int(free * 1024)),
        "mig.mode.current": "[N/A]" if "RTX" in card else mig,
    }  # fmt: skip
    cards = [every | {"index": str(i), "uuid": f"GPU-{i:08x}-0000-4000-8000-000000000000"} for i in range(count)]
    return program(folder, "nvidia-smi", _SMI.format(python=sys.executable, cards=cards, broken=broken)).parent


# --- the doctor in a mount namespace ----------------------------------------------------------------------------------


class Case(NamedTuple):
    """A configuration to look at: with these folders first on PATH (`only`: and nothing else), these variables, file
    systems of these sizes at these places, and nodes of a cluster (GPUs each)."""

    config: Any
    path: tuple[Path, ...] = ()
    only: bool = False
    env: Mapping[str, str] = {}
    mounts: Mapping[str, str] = {}


@cache
def can_mount() -> bool:
    """Whether this user may mount file systems in a namespace of its own."""
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(mount, capture_output=True).returncode == 0


def examine(cases: Mapping[str, Case], work: Path, env: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """What the doctor says of each, as "what | fix"."""
    (work / "cases.pickle").write_bytes(pickle.dumps(dict(cases)))
    mine = {name: value for name, value in os.environ.items() if name not in _OURS}
    prefix = ["unshare", "-rm"] if any(case.mounts for case in cases.values()) else []
    done = subprocess.run(
        [*prefix, sys.executable, __file__, str(work / "cases.pickle")],
        env={**mine, **(env or {})}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _main(file: str) -> None:
    from r1_verl import cluster, doctor
    from r1_verl.recipes import resolvers

    resolvers.register()
    before, found = dict(os.environ), {}
    for label, case in pickle.loads(Path(file).read_bytes()).items():
        trainer = case.config.trainer
        node = cluster.Node("10.0.0.1", trainer.n_gpus_per_node, 96)
        cluster.nodes = lambda node=node, count=trainer.nnodes: [node] * count
        os.environ.clear()
        os.environ.update(before | dict(case.env))
        for place, size in case.mounts.items():
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
        os.environ["PATH"] = os.pathsep.join([*map(str, case.path), *([] if case.only else [before["PATH"]])])
        found[label] = [f"{problem.what} | {problem.fix}" for problem in doctor.examine(case.config)]
        os.environ["PATH"] = before["PATH"]
        for place in case.mounts:
            subprocess.run(["umount", place], check=True)
    print(json.dumps(found))


if __name__ == "__main__":
    _main(sys.argv[1])
