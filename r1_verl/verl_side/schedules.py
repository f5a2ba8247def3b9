"""Coefficients of the loss that change as training goes on: KL by step, entropy towards a target.

veRL 0.9.1 reads them once, when a worker is built. The only file that knows the trainer behind a sampler's `refill_fn`:
through it each worker gets a loss with the step's coefficients. tests/test_schedules.py asserts what is used here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from verl.utils.config import omega_conf_to_dataclass
from verl.workers.utils.losses import ppo_loss

from r1_verl.recipes.settings import KL, SettingError, at, entropy_target, kl_steps, misfits
from r1_verl.runs import TRAIN_FACTS, folder_of

ENTROPY = "entropy_coeff"
RECORD = f"{ENTROPY}.jsonl"  # in the run's folder: {step, coefficient} of each update


def trainer(refill_fn: Any) -> Any:
    """The trainer that a sampler works for: `refill_fn` is a method of it. None where it is not."""
    return getattr(refill_fn, "__self__", None)


class Schedules:
    """What `r1_verl.schedule` and `r1_verl.entropy` ask for, in the trainer that `refill_fn` belongs to.

    settings: the sampler's `sampler_kwargs`, with `schedule`, `entropy` and `checkpoints` (trainer.default_local_dir).
    Raises SettingError for settings that can't be meant or that this trainer's recipe can't follow.
    """

    def __init__(self, settings: Mapping[str, Any], refill_fn: Any) -> None:
        self._kl = kl_steps(settings.get("schedule"))
        self._target = entropy_target(settings.get("entropy"))
        self._trainer = trainer(refill_fn)
        self._step, self._sent = 0, {}
        self._coefficient: float | None = None  # of the controller; the loss gets it only while entropy is low
        place = settings.get("checkpoints")
        self._record = folder_of(place) / RECORD if place else None
        if not (self._kl or self._target):
            return
        if self._trainer is None:
            raise SettingError("r1_verl.schedule and r1_verl.entropy find no trainer behind our sampler", "verl 0.9.1")
        for error in misfits(self._trainer.config, self._kl, self._target):
            raise error
        self._actor = omega_conf_to_dataclass(self._trainer.config.actor_rollout_ref.actor)

    def apply(self, step: int, entropy: float | None) -> dict[str, float]:
        """Have this step's updates use the step's coefficients; returns those that change, as `train-facts/<name>`.

        A step's first call counts. entropy: of the responses to train on, nats a token; None if nobody measured it,
        then the coefficient stays. The workers' own word comes with the update: `actor/kl_coef`, `actor/entropy_coeff`.
        """
        if not (self._kl or self._target) or step < self._trainer.config.trainer.critic_warmup:
            return {}
        if step != self._step:
            wanted = {KL: at(self._kl, step, self._actor.kl_loss_coef)} if self._kl else {}
            if self._target:
                wanted[ENTROPY] = self._controlled(step, entropy)
            if wanted != self._sent:
                loss = partial(reporting_loss, config=replace(self._actor, **wanted))
                self._trainer.actor_rollout_wg.set_loss_fn(loss)
            self._step, self._sent = step, wanted
        return {f"{TRAIN_FACTS}/{name}": value for name, value in self._sent.items()}

    def _controlled(self, step: int, entropy: float | None) -> float:
        """The entropy bonus's coefficient: the controller's at or below the target, 0 above (as TRL 1.16)."""
        if self._coefficient is None:
            before = self._recorded(step)
            self._coefficient = self._target.bounded(self._actor.entropy_coeff if before is None else before)
        if entropy is None:
            return self._sent.get(ENTROPY, 0.0)
        self._coefficient = self._target.moved(self._coefficient, entropy)
        self._write(step)
        return self._coefficient if entropy <= self._target.target else 0.0

    def _recorded(self, step: int) -> float | None:
        """The controller's coefficient before a step, as the last attempt that passed by there wrote it."""
        try:
            lines = self._record.read_text(errors="replace").splitlines() if self._record else []
        except OSError:
            return None  # a new run has none
        for line in reversed(lines):
            try:
                record = json.loads(line)
                if record["step"] < step:
                    return float(record["coefficient"])
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a kill
        return None

    def _write(self, step: int) -> None:
        if self._record is None:
            return
        try:
            with open(self._record, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "coefficient": self._coefficient}) + "\n")
        except OSError as error:
            what = f"r1_verl: {self._record} can't be written ({error.strerror}): a resumed run starts it elsewhere"
            print(what, file=sys.stderr, flush=True)
            self._record = None


def reporting_loss(config: Any, model_output: Any, data: Any, dp_group: Any = None) -> tuple[Any, dict[str, Any]]:
    """veRL's loss, which also says the entropy coefficient that it used; the KL's it says itself, as `kl_coef`."""
    loss, metrics = ppo_loss(config=config, model_output=model_output, data=data, dp_group=dp_group)
    return loss, {**metrics, ENTROPY: config.entropy_coeff}
