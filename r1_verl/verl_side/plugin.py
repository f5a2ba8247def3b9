"""Entry point of the group `verl.plugins`: veRL imports this module in every process at `import verl`.

It puts our recipes where Hydra finds them and, if VERL_PLATFORM=cpu asks for it, registers the CPU platform. veRL
logs a plugin's failure at DEBUG level only, so this module says it on stderr itself. Kept light: no hydra here (its
grammar alone takes longer to import than everything we may cost), only a folder for Hydra to look into.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from r1_verl.recipes import register_resolver

PROVED_ON = "0.9.1"


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
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        from r1_verl.verl_side import cpu_platform

        cpu_platform.register()


try:
    load()
except Exception:
    print(f"r1_verl: the veRL plugin did not load; recipes are missing.\n{traceback.format_exc()}", file=sys.stderr)
    raise
