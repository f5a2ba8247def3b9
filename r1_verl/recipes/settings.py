"""What `r1_verl.mask`, `schedule`, `entropy`, `samples`, `turns` and `keep` of a recipe mean, and what they need.

The veRL side follows them, doctor says what is wrong with them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

KL = "kl_loss_coef"
_SCHEDULE = f'write "r1_verl.schedule={{{KL}:{{0:0.0,100:0.001}}}}" (from step: coefficient)'


class SettingError(ValueError):
    """A setting of a recipe that can't be meant, or lacks what it needs. what: the reason; fix: what to do about it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what, self.fix = what, fix

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}"


class EntropyTarget(NamedTuple):
    """The controller of Skywork-OR1 (arXiv 2505.22312) with the defaults of TRL 1.16 (GRPOConfig: entropy_target,
    entropy_coef_delta, entropy_coef_min, entropy_coef_max). Skywork-OR1's own: step 1e-4, high 0.005.

    target: nats a token. step: what the coefficient of the entropy bonus gains or loses a step of the training, from
    actor.entropy_coeff on. low, high: its bounds.
    """

    target: float = 0.2
    step: float = 0.005
    low: float = 0.0
    high: float = 1.0

    def moved(self, coefficient: float, entropy: float) -> float:
        """The coefficient after a measurement: a step up at or below the target, a step down above, within bounds."""
        return self.bounded(coefficient + (self.step if entropy <= self.target else -self.step))

    def bounded(self, coefficient: float) -> float:
        return max(self.low, min(self.high, coefficient))


class SampleBounds(NamedTuple):
    """Bounds of the sample of training responses. responses: of a step, in whole groups. characters: of a text; the
    middle of a longer one is left out. megabytes: of the run's whole sample, compressed."""

    responses: int = 64
    characters: int = 20_000
    megabytes: float = 64


class Turns(NamedTuple):
    """The agent loop of several turns. tokens: of the model in one turn, at most. dense: each turn's reward stands on
    that turn's last token, else the sum stands on the response's last one. deadline: seconds that a reset or step of a
    foreign environment may take. retries: how often an episode whose environment failed is played again."""

    tokens: int
    dense: bool = False
    deadline: float = 10.0
    retries: int = 2


class Keep(NamedTuple):
    """Which groups of a step are trained on, by the spread (standard deviation) of their rewards; one of the two is
    set. share: that share of the groups, those with the largest spread (StarPO-S of RAGEN's paper, arXiv 2504.20073).
    top_p: the fewest groups that hold this share of the sum of all spreads (RAGEN v2, arXiv 2604.06268)."""

    share: float | None = None
    top_p: float | None = None


def kl_steps(schedule: Any) -> tuple[tuple[int, float], ...]:
    """`r1_verl.schedule` as (from step, KL coefficient), in order; () for null. Raises SettingError."""
    if schedule is None:
        return ()
    _known("schedule", schedule, (KL,), _SCHEDULE)
    steps = schedule.get(KL)
    if not isinstance(steps, Mapping) or not steps:
        raise SettingError(f"r1_verl.schedule.{KL} is {steps!r}", _SCHEDULE)
    found: dict[int, float] = {}
    for step, value in steps.items():
        if isinstance(step, bool) or not str(step).isascii() or not str(step).isdigit() or int(step) in found:
            raise SettingError(f"r1_verl.schedule.{KL} has the step {step!r}", "write whole numbers from 0, each once")
        found[int(step)] = _number(value, f"schedule.{KL}.{step}")
    return tuple(sorted(found.items()))


def at(steps: tuple[tuple[int, float], ...], step: int, before: float) -> float:
    """The coefficient at a step. before: the one that holds ahead of the first entry."""
    passed = bisect_right(steps, step, key=lambda entry: entry[0])
    return steps[passed - 1][1] if passed else before


def entropy_target(setting: Any) -> EntropyTarget | None:
    """`r1_verl.entropy`; None for null. Raises SettingError."""
    if setting is None:
        return None
    _known("entropy", setting, EntropyTarget._fields, "write r1_verl.entropy={target:0.2} or null")
    found = EntropyTarget(**{name: _number(value, f"entropy.{name}") for name, value in setting.items()})
    if not found.step:
        raise SettingError("r1_verl.entropy.step is 0: the coefficient would never move", "write 0.005, as TRL")
    if found.low > found.high:
        raise SettingError(f"r1_verl.entropy.low {found.low:g} is above high {found.high:g}", "exchange them")
    return found


def masks_truncated(setting: Any) -> bool:
    """`r1_verl.mask`: whether a response that was cut off trains nothing. Raises SettingError."""
    if setting not in (None, "truncated"):
        raise SettingError(f"r1_verl.mask is {setting!r}", "write r1_verl.mask=truncated or null")
    return setting is not None


def sample_bounds(setting: Any) -> SampleBounds | None:
    """`r1_verl.samples`; None for null. Raises SettingError."""
    if setting is None:
        return None
    _known("samples", setting, SampleBounds._fields, "write r1_verl.samples={responses:64} or null")
    for name, value in setting.items():
        whole = name == "megabytes" or isinstance(value, int)
        if not _number(value, f"samples.{name}") or not whole:
            raise SettingError(
                f"r1_verl.samples.{name} is {value!r}", "write a whole number from 1, or r1_verl.samples=null for none"
            )
    return SampleBounds(**setting)


def turns(setting: Any) -> Turns | None:
    """`r1_verl.turns`; None for null. Raises SettingError."""
    if setting is None:
        return None
    example = "write r1_verl.turns={tokens:400}"
    _known("turns", setting, Turns._fields, example)
    if "tokens" not in setting:
        raise SettingError("r1_verl.turns has no tokens, the most that the model may write in one turn", example)
    for name, least in (("tokens", 1), ("retries", 0)):
        value = setting.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingError(f"r1_verl.turns.{name} is {value!r}", f"write a whole number from {least}")
    if not isinstance(setting.get("dense", False), bool):
        raise SettingError(f"r1_verl.turns.dense is {setting['dense']!r}", "write true or false")
    if not _number(setting.get("deadline", 1), "turns.deadline"):
        raise SettingError("r1_verl.turns.deadline is 0: no environment is so fast", "write seconds, for example 10")
    return Turns(**setting)


def kept_groups(setting: Any) -> Keep | None:
    """`r1_verl.keep`; None for null. Raises SettingError."""
    if setting is None:
        return None
    example = "write r1_verl.keep={share:0.25}, {top_p:0.9} or null"
    _known("keep", setting, Keep._fields, example)
    if len(setting) != 1:
        raise SettingError(
            f"r1_verl.keep names {' and '.join(map(str, setting)) or 'neither share nor top_p'}", example
        )
    [(name, value)] = setting.items()
    if not 0 < _number(value, f"keep.{name}") <= 1:
        raise SettingError(f"r1_verl.keep.{name} is {value!r}", "write a share above 0, up to 1")
    return Keep(**{name: float(value)})


def misfits(config: Any, steps: tuple[tuple[int, float], ...], target: EntropyTarget | None) -> Iterator[SettingError]:
    """What a composed recipe lacks for its schedule of the KL coefficient (`steps`) and its entropy target."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    if steps and not actor.use_kl_loss:
        what = f"r1_verl.schedule.{KL} is not used: actor.use_kl_loss is off"
        yield SettingError(what, "actor_rollout_ref.actor.use_kl_loss=True")
    if target and not actor.calculate_entropy:
        what = "r1_verl.entropy is not used: veRL computes no entropy unless actor.calculate_entropy is on"
        yield SettingError(what, "+entropy=target (or actor_rollout_ref.actor.calculate_entropy=True)")
    if target and not rollout.calculate_log_probs:
        what = "r1_verl.entropy measures the entropy by the rollout's log-probabilities, and there are none"
        yield SettingError(what, "actor_rollout_ref.rollout.calculate_log_probs=True")
    if (steps or target) and (config.get("distillation") or {}).get("enabled"):
        what = "r1_verl.schedule and r1_verl.entropy would replace the loss of distillation"
        yield SettingError(what, "set both to null, or distillation.enabled=False")


def _known(name: str, setting: Any, keys: tuple[str, ...], fix: str) -> None:
    if not isinstance(setting, Mapping):
        raise SettingError(f"r1_verl.{name} is {setting!r}", fix)
    if strange := sorted(map(str, setting.keys() - set(keys))):
        raise SettingError(f"r1_verl.{name} has no {', '.join(strange)}", f"it has {', '.join(keys)}")


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SettingError(f"r1_verl.{place} is {value!r}", "write a number from 0")
    return float(value)
