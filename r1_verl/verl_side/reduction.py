"""How veRL joins our metrics of the mini-batches that one step samples (`parameter_sync_step` > 1).

veRL 0.9.1 chooses by the letters in a metric's name: `train-reward/numina_math/acc` holds "min", so the smallest one
would be logged; a part called `total` would be added up. The sampler hands over the value of all rows of the step so
far instead, so the last one is the step's.
"""

from __future__ import annotations

from types import ModuleType

from r1_verl.runs import TRAIN_FACTS, TRAIN_REWARD


class _Last(list):
    """veRL's list of names of which the last value counts; ours are among them."""

    def __contains__(self, name: object) -> bool:
        return str(name).startswith((f"{TRAIN_REWARD}/", f"{TRAIN_FACTS}/")) or super().__contains__(name)


def mend(utils: ModuleType) -> None:
    """utils: verl.trainer.ppo.v1.utils, whose MetricsAggregator asks its rules before it looks at letters."""
    theirs = utils.MetricsAggregator._init_aggregation_rules

    def rules(self) -> dict[str, list[str]]:
        found = theirs(self)
        return {**found, "last": _Last(found["last"])}

    utils.MetricsAggregator._init_aggregation_rules = rules
