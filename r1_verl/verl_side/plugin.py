"""Entry point of the group `verl.plugins`: veRL imports this module in every process at `import verl`.

It puts our recipes where Hydra finds them, has our advantage estimators registered beside veRL's own and, if
VERL_PLATFORM=cpu asks for it, registers the CPU platform. veRL logs a plugin's failure at DEBUG level only, so this
module says it on stderr itself. Kept light: no hydra here (its grammar alone takes longer to import than everything we
may cost), only a folder for Hydra to look into; no veRL algorithms (two seconds), only a finder that waits for them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path

from r1_verl.recipes import register_resolver

PROVED_ON = "0.9.1"


class _WithTheirEstimators:
    """Imports ours right after `verl.trainer.ppo.core_algos`, where veRL's registry is: most processes never do."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None):
        if name != "verl.trainer.ppo.core_algos":
            return None
        sys.meta_path.remove(_WithTheirEstimators)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module) -> None:
            run(module)
            importlib.import_module("r1_verl.verl_side.advantages")

        spec.loader.exec_module = exec_module
        return spec


def load() -> None:
    """Register everything; idempotent."""
    import verl

    if verl.__version__ != PROVED_ON:
        print(
            f"r1_verl: proved on verl {PROVED_ON}, this is verl {verl.__version__}; expect failures, "
            f"or: pip install 'verl[verl-core]=={PROVED_ON}'",
            file=sys.stderr,
        )
    hydra_path = str(Path(__file__).parent / "hydra_path")
    if hydra_path not in sys.path:
        sys.path.append(hydra_path)
    register_resolver()
    if "verl.trainer.ppo.core_algos" in sys.modules:
        importlib.import_module("r1_verl.verl_side.advantages")
    elif _WithTheirEstimators not in sys.meta_path:
        sys.meta_path.insert(0, _WithTheirEstimators)
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        from r1_verl.verl_side import cpu_platform

        cpu_platform.register()


try:
    load()
except Exception:
    print(f"r1_verl: the veRL plugin did not load; recipes are missing.\n{traceback.format_exc()}", file=sys.stderr)
    raise
