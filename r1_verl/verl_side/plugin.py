"""Entry point of the group `verl.plugins`: veRL imports this module in every process at `import verl`.

This module puts our recipes where Hydra finds them, mends veRL's modules as they are imported (`MENDS`) and, if
VERL_PLATFORM=cpu asks for it, registers the CPU platform. veRL logs a plugin's failure at DEBUG level only, so this
module prints it on stderr itself. The import budget is 150 ms in every veRL process, so neither hydra nor veRL's
algorithms are imported here: a search-path folder and an import hook register ours when veRL loads its own.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from r1_verl.recipes import resolvers
from r1_verl.recipes.pins import pins

# A module of veRL, and ours that mends it: `mend(module)` runs as soon as veRL's module has been imported.
MENDS = {
    "verl.trainer.ppo.core_algos": "r1_verl.verl_side.advantages",
    "verl.utils.torch_functional": "r1_verl.verl_side.log_probs",
    "verl.utils.model": "r1_verl.verl_side.critic_attention",
    "verl.models.transformers.monkey_patch": "r1_verl.verl_side.ulysses",
    "verl.experimental.agent_loop.agent_loop": "r1_verl.verl_side.token_builder",
    "verl.trainer.ppo.v1.utils": "r1_verl.verl_side.reduction",
}


class MendingFinder:
    """Finds the modules in `MENDS` as Python would, and has each mended right after its code has run."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in MENDS:
            return None
        others = (finder for finder in sys.meta_path if finder is not cls)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None:
            run = spec.loader.exec_module

            def run_and_mend(module: ModuleType) -> None:
                run(module)
                _mend(module)

            spec.loader.exec_module = run_and_mend
        return spec


def _mend(module: ModuleType) -> None:
    importlib.import_module(MENDS[module.__name__]).mend(module)


def load() -> None:
    """Register everything; idempotent."""
    import verl

    if verl.__version__ != (proved_on := pins().get("verl", verl.__version__)):
        print(
            f"r1_verl: proved on verl {proved_on}, this is verl {verl.__version__}; expect failures, "
            f"or: pip install 'verl[verl-core]=={proved_on}'",
            file=sys.stderr,
        )
    hydra_path = str(Path(__file__).parent / "hydra_path")
    if hydra_path not in sys.path:
        sys.path.append(hydra_path)
    resolvers.register()
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        from r1_verl.verl_side import cpu_platform

        cpu_platform.register()
        MENDS["verl.workers.engine.fsdp.transformer_impl"] = cpu_platform.__name__
    if MendingFinder not in sys.meta_path:
        for name in MENDS.keys() & sys.modules.keys():  # imported before us
            _mend(sys.modules[name])
        sys.meta_path.insert(0, MendingFinder)


try:
    load()
except Exception:
    print(f"r1_verl: the veRL plugin did not load; recipes are missing.\n{traceback.format_exc()}", file=sys.stderr)
    raise
