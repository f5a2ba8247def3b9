"""A program of the tests: load actor, critic and reference of recipes with veRL's own worker, in one process.

`python load_recipes.py FOLDER RECIPE ...` with VERL_PLATFORM=cpu. FOLDER: stand-ins below the models' hub names.
RECIPE: a name, or a name and overrides in one argument. Prints one JSON object: for each recipe {"actor": ...,
"ref": ..., "critic": ...}, each with its attention and the types of weights and adapter, or {"error": ...}. Only what
needs a card is changed: pinned memory and the process group's backend, by the CPU platform.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any


def load(recipe: str, folder: Path, overrides: list[str]) -> dict[str, Any]:
    """What veRL's trainer does on each worker, up to models that are ready to train."""
    from omegaconf import OmegaConf, open_dict
    from verl.utils.config import omega_conf_to_dataclass
    from verl.workers.config import TrainingWorkerConfig
    from verl.workers.engine_workers import ActorRolloutRefWorker, TrainingWorker

    from r1_verl import recipes

    config = recipes.compose(recipe, overrides)
    config.actor_rollout_ref.model.path = str(folder / config.actor_rollout_ref.model.path)
    OmegaConf.resolve(config)
    found = {}
    part = config.actor_rollout_ref
    uses_reference = (part.actor.use_kl_loss or config.algorithm.use_kl_in_reward) and not part.model.lora_rank
    for role in ("actor", "ref") if uses_reference else ("actor",):
        worker = ActorRolloutRefWorker(config=part, role=role)
        worker.init_model()
        found[role] = about(getattr(worker, role).engine)
    if config.algorithm.adv_estimator == "gae":
        with open_dict(config):
            critic = omega_conf_to_dataclass(config.critic)
        critic.engine.infer_max_token_len_per_gpu = critic.ppo_infer_max_token_len_per_gpu
        settings = TrainingWorkerConfig(
            model_type="value_model", model_config=critic.model, engine_config=critic.engine,
            optimizer_config=critic.optim, checkpoint_config=critic.checkpoint,
        )  # fmt: skip
        trained = TrainingWorker(config=settings)
        trained.reset()
        found["critic"] = about(trained.engine)
    return found


def about(engine: Any) -> dict[str, Any]:
    module = engine.module
    types = {str(p.dtype) for n, p in module.named_parameters() if "lora_" not in n}
    adapter = {str(p.dtype) for n, p in module.named_parameters() if "lora_" in n}
    return {
        "attention": module.config._attn_implementation, "class": type(module).__name__, "weights": sorted(types),
        "adapter": sorted(adapter), "trained": sum(p.numel() for p in module.parameters() if p.requires_grad) > 0,
    }  # fmt: skip


def main(folder: Path, asked: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": "0", "WORLD_SIZE": "1",
                   "LOCAL_RANK": "0", "RAY_LOCAL_WORLD_SIZE": "1"}  # fmt: skip
    found: dict[str, Any] = {}
    for each in asked:
        recipe, *overrides = each.split()
        try:
            found[each] = load(recipe, folder, overrides)
        except Exception as error:
            found[each] = {"error": f"{type(error).__name__}: {error}"}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
