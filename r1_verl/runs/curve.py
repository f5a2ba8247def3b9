"""The curve of a run: what veRL's file logger wrote in each attempt, joined."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# Names of metrics in the curve: veRL's own, and the prefixes of those that verl_side/sampler.py adds.
MEAN_REWARD, MEAN_LENGTH, STEP_SECONDS = "critic/score/mean", "response_length/mean", "timing_s/step"
TRAIN_REWARD, TRAIN_FACTS = "train-reward", "train-facts"
# Metrics that are numbers as long as the training is sound. Others (correlations) may be NaN in a sound step.
_SOUND = (MEAN_REWARD, "critic/rewards/mean", "actor/loss", "actor/pg_loss", "actor/kl_loss", "actor/grad_norm",
          "critic/vf_loss", "critic/grad_norm", "train/loss", "train/grad_norm")  # fmt: skip

_STEPS = ("step", "global_step", "train/global_step", "_step")
# veRL's, and TRL's
_VALIDATION = re.compile(r"val-core/(.+)/acc/mean@\d+|eval_rewards/(\w*acc\w*)/mean")


class Step(NamedTuple):
    """One line of the curve: the trainer's step (0 is the validation before training) and its metrics."""

    step: int
    data: Mapping[str, float]


def read_attempt(path: Path) -> list[Step]:
    """The lines of one file of veRL's file logger, in order. A line that a kill cut off is left out."""
    found = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            record = json.loads(line)
            numbers = {key: value for key, value in record["data"].items() if isinstance(value, int | float)}
            found.append(Step(int(record["step"]), numbers))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
    return found


def read_log(path: Path) -> list[Step]:
    """The curve in a file of JSON lines, veRL's or another framework's (one flat object a step); [] if it has none.

    A step's number has one of the names in `_STEPS`. Lines of one step are put together; where the numbers go back, the
    run was resumed, and what it had logged beyond is dropped.
    """
    steps: dict[int, dict[str, float]] = {}
    last = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line)
                number = int(next(record[key] for key in _STEPS if key in record))
                data = record["data"] if isinstance(record.get("data"), dict) else record
            except (ValueError, TypeError, AttributeError, StopIteration, OverflowError, RecursionError):
                continue
            if number < last:
                steps = {each: found for each, found in steps.items() if each < number}
            last = number
            numbers = {key: value for key, value in data.items() if isinstance(value, int | float)}
            steps[number] = {**steps.get(number, {}), **numbers}
    return [Step(number, steps[number]) for number in sorted(steps)]


def joined(attempts: Iterable[Path]) -> list[Step]:
    """The curve over all attempts, oldest first: each step once, from the last attempt that reached it.

    An attempt that resumes after step s drops what earlier attempts logged beyond s: their work beyond s was lost.
    """
    steps: dict[int, dict[str, float]] = {}
    for path in attempts:
        new = read_attempt(path)
        if not new:
            continue
        first = min(step.step for step in new)
        steps = {number: data for number, data in steps.items() if number <= first}
        for step in new:
            validation_only = all(key.startswith("val") for key in step.data)
            steps[step.step] = {**steps.get(step.step, {}), **step.data} if validation_only else dict(step.data)
    return [Step(number, steps[number]) for number in sorted(steps)]


def accuracies(data: Mapping[str, float]) -> dict[str, float]:
    """The validation accuracy of each data source in one step's metrics (shares); {} if the step has no validation."""
    found = ((_VALIDATION.fullmatch(key), value) for key, value in data.items())
    return {match[1] or match[2]: value for match, value in found if match and 0 <= value <= 1}


def unsound(data: Mapping[str, float]) -> list[str]:
    """The metrics that a sound training step has as numbers, and that are NaN or infinite in this one."""
    return [key for key in _SOUND if not math.isfinite(data.get(key, 0.0))]


def unsound_steps(curve: Sequence[Step]) -> str:
    """Which steps have a reward, loss or gradient that is no number, and which, for people; "" if none has."""
    found = {step.step: unsound(step.data) for step in curve}
    steps = [number for number, names in found.items() if names]
    if not steps:
        return ""
    names = ", ".join(dict.fromkeys(name for each in found.values() for name in each))
    where = f"step {steps[0]}" if len(steps) == 1 else f"{len(steps)} steps (from step {steps[0]} to step {steps[-1]})"
    return (
        f"In {where} a number was NaN or infinite ({names}). veRL leaves out an update whose gradient is not finite: "
        "what was trained after the first such step may be worth nothing. Look for the cause (a learning rate too "
        f"high, a broken reward) and start again from a checkpoint before step {steps[0]}."
    )
