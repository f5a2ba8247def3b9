"""The recipes by kind, as tests are parametrized with them: read from the YAMLs' defaults, nothing composed."""

from __future__ import annotations

import yaml

from r1_verl import recipes


def _for_cpu(name: str) -> bool:
    """Whether a recipe, or the one that it starts from, takes the fragment `machine: cpu`."""
    defaults = yaml.safe_load((recipes.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["defaults"]
    return {"machine": "cpu"} in defaults or any(_for_cpu(base) for base in defaults if base in recipes.names())


CPU = [name for name in recipes.names() if _for_cpu(name)]
GPU = [name for name in recipes.names() if name not in CPU]
