"""A check of the reward function: loaded as veRL loads it, in a process of its own, and its signature bound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from r1_verl.doctor.algorithm import near
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import OURS, REWARD, options

_CALL = ("data_source", "solution_str", "ground_truth", "extra_info")  # the reward managers' keywords
_SECONDS = 120
# verl/utils/import_utils.py: load_module and load_extern_object
_PROGRAM = """
import importlib, importlib.util, inspect, json, os, sys
path, name, *keywords = json.loads(sys.argv[1])
sys.path.insert(0, os.getcwd())
said = {}
try:
    if path.startswith("pkg://"):
        module = importlib.import_module(path[6:].replace("/", "."))
    else:
        spec = importlib.util.spec_from_file_location("custom_module", path.removeprefix("file://"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if function is None:
        said["functions"] = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
    elif not callable(function):
        said["no_function"] = type(function).__name__
    else:
        inspect.signature(function).bind(**dict.fromkeys(keywords))
except ModuleNotFoundError as error:
    said["missing"] = error.name or str(error)
except TypeError as error:
    said["unbound" if "function" in dir() else "error"] = str(error)
except BaseException as error:
    said["error"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(said))
"""


def check_function(config: Any) -> Iterator[Problem]:
    """The function that the recipe names is there, loads, and takes what veRL hands over."""
    given = config.reward.custom_reward_function
    path, name = str(given.path or ""), str(given.get("name") or "")
    if not path:
        yield Problem(
            "reward.custom_reward_function.path is empty: veRL's own scorers know neither Countdown nor Knights and "
            "Knaves, and one of them evaluates model text",
            f"{REWARD}.path={OURS}.reward",
        )
        return
    file = "" if path.startswith("pkg://") else path.removeprefix("file://")
    if file and not Path(file).is_file():
        home = " (veRL does not expand ~)" if file.startswith("~") else ""
        yield Problem(f"reward function: {path} is not there{home}", f"an absolute path, or {OURS}.reward")
        return
    keywords = {*_CALL, *options(config)} if config.reward.reward_manager.source == "register" else set()
    if path == f"{OURS}.reward" and name == "compute_score":
        return  # check_options looks at its keywords
    stamp = Path(file).stat().st_mtime if file else 0
    yield from _problems(path, name, sorted(keywords), _load(path, name, tuple(sorted(keywords)), stamp))


def _problems(path: str, name: str, keywords: list[str], said: dict[str, Any]) -> Iterator[Problem]:
    where = f"the reward function {name} of {path}"
    if missing := said.get("missing"):
        if path.removeprefix("pkg://").replace("/", ".").startswith(missing):
            yield Problem(f"reward function: no module {missing}", f"{OURS}.reward, or your file")
        else:
            yield Problem(f"{path} imports {missing}, which is not installed here", f"uv pip install {missing}")
    elif "functions" in said:
        known = said["functions"]
        fix = near(name, known) if known else "define it there"
        yield Problem(f"{path} has no {name!r}, which {REWARD}.name names", fix)
    elif "no_function" in said:
        yield Problem(f"{where} is no function but of type {said['no_function']}", "the name of a function")
    elif "unbound" in said:
        own = [key for key in keywords if key not in _CALL]
        handed = ", ".join([*_CALL, *own])
        fix = f"def {name}(data_source, solution_str, ground_truth, extra_info=None, **kwargs)"
        fix += f"; or ~{REWARD}.reward_kwargs, which hands over {', '.join(own)}" if own else ""
        yield Problem(f"{where} can't be called as veRL does, with {handed}: {said['unbound']}", fix)
    elif "error" in said:
        yield Problem(f"{path} can't be loaded ({said['error']:.200})", "python FILE shows where")
    elif "slow" in said:
        yield Problem(f"{path} took more than {_SECONDS} s to load", "look at what it does when imported", doubt=True)


@lru_cache(maxsize=16)
def _load(path: str, name: str, keywords: tuple[str, ...], stamp: float) -> dict[str, Any]:
    """What a process of its own finds; {} if all is well. stamp: the file's, so that a changed one is read again."""
    command = [sys.executable, "-B", "-c", _PROGRAM, json.dumps([path, name, *keywords])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return {"slow": True}
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return {"error": f"it ended the process: {last}"}


CHECKS: tuple[Check, ...] = (check_function,)
