"""A check of trainer.logger: veRL asks for packages and logins once all models are loaded."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from r1_verl.doctor.algorithm import near
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.verl_source import files

_PACKAGES = {
    "wandb": "wandb", "tracking": "wandb", "mlflow": "mlflow", "swanlab": "swanlab", "clearml": "clearml",
    "tensorboard": "tensorboard", "trackio": "trackio", "vemlp_wandb": "volcengine_ml_platform",
}  # fmt: skip
_KEY = 40  # characters of a W&B key, at least


def check_loggers(config: Any) -> Iterator[Problem]:
    """Each logger is one of veRL's, is installed, and can log in; the curve that reports are made of is among them."""
    given = config.trainer.logger
    names = [given] if isinstance(given, str) else [str(name) for name in given or []]
    for name in dict.fromkeys(names):
        package = _PACKAGES.get(name, "")
        if known() and name not in known():
            yield Problem(f"trainer.logger: veRL has no logger {name!r}", near(name, known()))
        elif package and find_spec(package) is None:
            by_script = " (run_scripts/ install it where WANDB=1)" if package == "wandb" else ""
            yield Problem(f"trainer.logger: the package {package} is missing", f"uv pip install {package}{by_script}")
        elif package == "wandb" and (why := _wandb()):
            yield Problem(
                f"trainer.logger: wandb would refuse to start once all models are loaded: {why}",
                "wandb login; WANDB_API_KEY=a key of wandb.ai/authorize; or WANDB_MODE=offline",
            )
    if "file" not in names:
        yield Problem(
            "trainer.logger lacks file: there would be no line a step, no curve and no report",
            "trainer.logger=[console,file] and others",
            doubt=True,
        )


@cache
def known() -> tuple[str, ...]:
    """veRL's loggers; () where its source is not as veRL 0.9.1 has it."""
    for path in files("utils/tracking.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "supported_backend":
                return (*ast.literal_eval(node.value), "tracking")
    return ()


def _wandb() -> str:
    """Why wandb.init would refuse; "" if it would not."""
    key = os.environ.get("WANDB_API_KEY")
    if key:
        size = len(key.rpartition("-")[2])
        return f"WANDB_API_KEY has {size} characters, a key has {_KEY} or more" if size < _KEY else ""
    if os.environ.get("WANDB_MODE", "online") not in ("online", "shared") or os.environ.get(
        "WANDB_IDENTITY_TOKEN_FILE"
    ):
        return ""
    home = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    texts = [_text(path) for path in (Path("wandb/settings"), home / "settings")]
    if any(re.search(r"^\s*(mode\s*=\s*(offline|disabled)|disabled\s*=\s*true)", text, re.M | re.I) for text in texts):
        return ""
    host = re.sub(r"^https?://", "", os.environ.get("WANDB_BASE_URL") or "api.wandb.ai").partition("/")[0]
    given = os.environ.get("NETRC")
    places = [Path(given)] if given else [Path("~/.netrc"), Path("~/_netrc")]
    logged_in = any(re.search(rf"machine\s+{re.escape(host)}\s", _text(path.expanduser())) for path in places)
    return "" if logged_in else f"there is no login for {host}, and WANDB_API_KEY is not set"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


CHECKS: tuple[Check, ...] = (check_loggers,)
