"""Is a run healthy? What its curve alone tells: symptoms of collapse, and whether accuracy was lost with them.

The symptoms show in health too: in a quickstart that goes from .27 to .70 truncation rises from .2 to 9 %, the format's
share falls from 1 to .9, responses get 85 % longer. So no limit here is fixed. A symptom is a change against the run's
own first steps that lasts; alone it is a note. An alarm is a symptom together with a loss of accuracy: below the run's
own best by more than chance explains. What is told of a step never depends on a later one.
How the rule was found, and what it misses: `r1_verl/training/GUARD.md`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import fmean, median
from typing import Any, NamedTuple

from r1_verl.runs import Run, read_curve, recorded
from r1_verl.runs.curve import Step, accuracies

FIRST = 3  # the run's first steps, whose median later steps are compared with
LASTING = 3  # steps that a symptom lasts, and steps that make a level of accuracy
CHANCE = 2.0  # standard errors that a loss is larger than, beyond those that the best of many levels owes to luck
SMALLEST = 0.15  # of the best accuracy: what is lost at least
UNKNOWN_ROWS = 100  # validation rows, where nobody says how many there are


class Finding(NamedTuple):
    """What is told at a step. symptoms: their names; text: the numbers, for people; remedy: overrides to paste."""

    step: int
    alarm: bool
    symptoms: tuple[str, ...]
    text: str
    remedy: str

    def __str__(self) -> str:
        advice = f"; the usual remedy: {self.remedy}" if self.remedy and self.alarm else ""
        return f"{'ALARM' if self.alarm else 'note'}: {self.text}{advice}"


# A number of a training step: patterns of the metrics that hold it, of which the first that fits any counts (the mean
# of those it fits, one a data source). veRL's names and those that r1_verl adds, then TRL's.
SIGNALS: dict[str, tuple[str, ...]] = {
    "accuracy": (r"train-reward/.+/acc", r"(train/)?rewards/\w*acc\w*/mean"),
    "reward": (r"critic/score/mean", r"(train/)?reward"),
    "length": (r"response_length/mean", r"(train/)?completions/mean_length"),
    "truncated": (r"train-facts/truncated", r"(train/)?completions/clipped_ratio"),
    "format": (r"train-reward/.+/format", r"(train/)?rewards/\w*format\w*/mean"),
    "no answer": (r"train-facts/no_answer",),
    "repetition": (r"train-facts/repetition",),
    "language mixing": (r"train-facts/language_mixing",),
    "entropy": (r"train-facts/entropy", r"actor/entropy", r"(train/)?entropy"),
    "spread": (r"train-facts/spread", r"(train/)?reward_std"),
    "KL": (r"actor/kl_loss", r"(train/)?kl"),
    "gradient": (r"actor/grad_norm", r"(train/)?grad_norm"),
    "clipped": (r"actor/pg_clipfrac", r"(train/)?clip_ratio/region_mean"),
    "mismatch": (r"training/rollout_probs_diff_mean",),
}
_SHARES = {"accuracy"}  # a number beyond 0 and 1 is not what the metric's name says
# Dynamic sampling leaves out groups that are all right, so that a better policy trains on harder groups: the training
# accuracy of such a step is no measure.
_FILTERED = "/filter_groups/evicted_samples"
_RESPONSES = ("perf/total_num_tokens", "response_length/mean", "prompt_length/mean")


class Symptom(NamedTuple):
    """A change of a signal: whether `now` is one, `first` being the run's first steps; and what usually helps."""

    name: str
    signal: str
    shows: Callable[[float, float], bool]
    remedy: str


def _more(by: float) -> Callable[[float, float], bool]:
    return lambda now, first: now >= first + by


def _less(by: float) -> Callable[[float, float], bool]:
    return lambda now, first: now <= first - by


def _over(times: float) -> Callable[[float, float], bool]:
    return lambda now, first: 0 < first * times <= now


def _under(times: float) -> Callable[[float, float], bool]:
    return lambda now, first: now <= first * times and first > 0


_ACTOR = "actor_rollout_ref.actor"
_CALMER = f"{_ACTOR}.optim.lr={{lr}}"
_COOLER = "actor_rollout_ref.rollout.temperature={temperature}"
_NEARER = f"{_ACTOR}.use_kl_loss=true {_ACTOR}.kl_loss_coef={{kl}}"
HACKED = "reward without accuracy"
# The likeliest causes first: an alarm gives the remedy of its first symptom.
SYMPTOMS = (
    Symptom("updates clipped", "clipped", _more(0.1),
            f"{_ACTOR}.ppo_epochs=1 '{_ACTOR}.ppo_mini_batch_size=${{{{data.train_batch_size}}}}'"),
    Symptom("gradient up", "gradient", _over(4), _CALMER),
    Symptom("engines disagree", "mismatch", _over(3), "algorithm.rollout_correction.rollout_is=token"),
    Symptom("KL up", "KL", _more(0.3), f"{_CALMER} {_NEARER}"),
    Symptom("entropy up", "entropy", _over(1.5), _COOLER),
    Symptom("repetition", "repetition", _more(0.1), _COOLER),
    Symptom("language mixing", "language mixing", _more(0.1), _CALMER),
    Symptom("format lost", "format", _less(0.1), _COOLER),
    Symptom("no answer", "no answer", _more(0.1), _COOLER),
    Symptom("truncated", "truncated", _more(0.1), "r1_verl.mask=truncated"),
    Symptom("length up", "length", _over(1.5), f"{_ACTOR}.loss_agg_mode=seq-mean-token-sum-norm"),
    Symptom("length down", "length", _under(0.6), _NEARER),
    Symptom("entropy down", "entropy", _under(0.3), f"{_ACTOR}.clip_ratio_high=0.28"),
    Symptom("groups alike", "spread", _under(0.3),
            "algorithm.filter_groups.enable=true algorithm.filter_groups.metric=acc"),
)  # fmt: skip
_OF_HACKED = "reward.custom_reward_function.reward_kwargs.mode=strict"


@lru_cache(maxsize=4096)
def _signal_of(key: str) -> tuple[str, int] | None:
    """(the signal that a metric holds, the place of its pattern); None for a metric that no symptom looks at."""
    return next(
        (
            (name, place)
            for name, patterns in SIGNALS.items()
            for place, pattern in enumerate(patterns)
            if re.fullmatch(pattern, key)
        ),
        None,
    )


def signals(data: Mapping[str, float]) -> dict[str, float]:
    """The signals of one step's metrics. What is no finite number is left out."""
    found: dict[str, tuple[int, list[float]]] = {}
    for key, value in data.items():
        if (place := _signal_of(key)) is None or not math.isfinite(value):
            continue
        name, rank = place
        if name in _SHARES and not 0 <= value <= 1:
            continue
        if name not in found or rank < found[name][0]:
            found[name] = (rank, [])
        if rank == found[name][0]:
            found[name][1].append(value)
    return {name: fmean(values) for name, (_, values) in found.items()}


def missing(curve: Sequence[Step]) -> str:
    """What the curve lacks for the symptoms or for an alarm, as a line for people; "" if it has all."""
    have = {name for step in curve for name in signals(step.data)}
    validated = any(accuracies(step.data) for step in curve)
    if not have and not validated:
        return "none of its metrics is known: nothing can be told (veRL's, r1_verl's and TRL's names are)"
    unseen = [symptom.name for symptom in SYMPTOMS if symptom.signal not in have]
    said = [f"not seen, for want of their metrics: {', '.join(unseen)}"] if unseen else []
    if "accuracy" not in have and not validated:
        said.append("no accuracy in it, so nothing can be an alarm")
    elif not validated:
        said.append("no validation in it: a loss is told by the training accuracy alone")
    elif "accuracy" not in have:
        said.append("no training accuracy in it: a loss is told by validations alone")
    return "; ".join(said)


def findings(
    curve: Sequence[Step], rows: int | None = None, settings: Mapping[str, Any] | None = None
) -> Iterator[Finding]:
    """What a curve tells at which of its steps, in order; steps may be missing, and metrics of any of them.

    rows: responses of one validation, None if unknown. settings: the run's (flat), from which remedies are worked out.
    """
    values: dict[str, list[float]] = {name: [] for name in SIGNALS}
    held = dict.fromkeys((symptom.name for symptom in SYMPTOMS), 0)  # for how many values a symptom has shown
    accuracy, validation, at, lost_for = _Levels(LASTING), _Levels(1), 0, 0
    last: dict[str, int] = {}  # what was told -> the training step, counted, at which it stood last

    def fresh(name: str) -> bool:
        """Whether to tell it: it stands, and has not done so for a while."""
        before, last[name] = last.get(name), at
        return before is None or at - before > LASTING

    for step in curve:
        now, validated = signals(step.data), accuracies(step.data)
        at += bool(now)
        if validated:
            validation.add(step.step, fmean(validated.values()), rows or UNKNOWN_ROWS)
        if "accuracy" in now and not any(key.endswith(_FILTERED) for key in step.data):
            accuracy.add(step.step, now["accuracy"], _responses(step.data), now.get("reward"))
        for name, value in now.items():
            values[name].append(value)
        for symptom in SYMPTOMS:
            if symptom.signal in now and len(values[symptom.signal]) > FIRST:
                shows = symptom.shows(now[symptom.signal], median(values[symptom.signal][:FIRST]))
                held[symptom.name] = held[symptom.name] + 1 if shows else 0
        if not now and not validated:
            continue
        standing = [symptom for symptom in SYMPTOMS if held[symptom.name] >= LASTING]
        new = [symptom for symptom in standing if fresh(symptom.name)]
        lost = _loss(accuracy, validation)
        lost_for = lost_for + 1 if lost else 0
        hacked = accuracy.reward_held() if lost else ""
        if lost and (standing or hacked):
            names = [HACKED] * bool(hacked) + [symptom.name for symptom in standing]
            changes = [hacked] * bool(hacked) + [_change(symptom, values) for symptom in standing]
            remedy = _filled(_OF_HACKED if hacked else standing[0].remedy, step.data, settings or {})
            if fresh("alarm"):
                yield Finding(step.step, True, tuple(names), f"{lost}, with {'; '.join(changes)}", remedy)
        elif lost:
            if lost_for >= LASTING and fresh("loss"):
                yield Finding(step.step, False, (), f"{lost}, without a symptom", "")
        else:
            for symptom in new:
                remedy = _filled(symptom.remedy, step.data, settings or {})
                yield Finding(step.step, False, (symptom.name,), _change(symptom, values), remedy)


class _Levels:
    """An accuracy's levels: means of so many values in a row, the last one and the best before it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.steps: list[int] = []
        self.values: list[float] = []
        self.rewards: list[float | None] = []
        self.rows: list[int | None] = []
        self.best: int | None = None  # the place of the last value of the best level that ends before the last one

    def add(self, step: int, value: float, rows: int | None, reward: float | None = None) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.rows.append(rows)
        self.rewards.append(reward)
        ended = len(self.values) - 1 - self.width
        if ended >= self.width - 1 and (self.best is None or self.level(ended) > self.level(self.best)):
            self.best = ended

    def level(self, end: int) -> float:
        return fmean(self.values[end + 1 - self.width : end + 1])

    def error(self) -> float | None:
        """The standard error of a level: of shares of so many responses, and of what the values before the last level
        scatter from one to the next (responses to one prompt are alike, which their number does not tell). None if
        neither is known.
        """
        assert self.best is not None
        share = min(max(self.level(self.best), 0.05), 0.95)
        rows = [count for count in self.rows[self.best + 1 - self.width : self.best + 1] if count]
        found = [math.sqrt(share * (1 - share) / min(rows))] if rows else []
        before = self.values[: -self.width]
        if len(before) > 4:
            jumps = median(abs(later - earlier) for earlier, later in itertools.pairwise(before))
            found.append(jumps / 0.954)  # the median of such jumps, in standard deviations of one value
        return max(found) / math.sqrt(self.width) if found else None

    def loss(self) -> tuple[float, float] | None:
        """(best level, last level), if the last is lower by more than chance explains."""
        if self.best is None or (error := self.error()) is None:
            return None
        best, now = self.level(self.best), self.level(len(self.values) - 1)
        luck = math.sqrt(2 * math.log(max(1, (self.best + 1) / self.width)))  # of the best of so many
        if best - now > error * (CHANCE + luck) and now <= (1 - SMALLEST) * best:
            return best, now
        return None

    def reward_held(self) -> str:
        """If the reward is as high as it was at the best accuracy, both in numbers; "" if it is not."""
        if self.best is None:
            return ""
        spans = self.rewards[self.best + 1 - self.width : self.best + 1], self.rewards[-self.width :]
        if any(value is None for span in spans for value in span):
            return ""
        then, now = map(fmean, spans)
        return f"{HACKED}: reward {then:.3g} -> {now:.3g}" if now >= then else ""


def _loss(training: _Levels, validation: _Levels) -> str:
    """What accuracy was lost, in numbers; "" for none. Training rows may get harder: a validation as good as the best
    speaks against a loss in training."""
    told = []
    if lost := validation.loss():
        told.append(f"validation accuracy {lost[0]:.3f} -> {lost[1]:.3f}")
    elif validation.best is not None and training.steps and validation.steps[-1] > training.steps[-LASTING:][0]:
        error = validation.error()
        if error is not None and validation.values[-1] >= validation.level(validation.best) - error:
            return ""
    if lost := training.loss():
        told.insert(0, f"training accuracy {lost[0]:.3f} -> {lost[1]:.3f}")
    return ", ".join(told)


def _responses(data: Mapping[str, float]) -> int | None:
    """How many responses a training step had, by its tokens; None if veRL's numbers of them are not there."""
    tokens, response, prompt = (data.get(key, math.nan) for key in _RESPONSES)
    count = tokens / (response + prompt) if response + prompt > 0 else math.nan
    return round(count) if math.isfinite(count) and count >= 1 else None


def _change(symptom: Symptom, values: Mapping[str, Sequence[float]]) -> str:
    of = values[symptom.signal]
    return f"{symptom.name}: {median(of[:FIRST]):.3g} -> {median(of[-LASTING:]):.3g}"


def _filled(remedy: str, data: Mapping[str, float], settings: Mapping[str, Any]) -> str:
    """A remedy with its numbers, from what the run has now."""
    rate = data.get("actor/lr") or settings.get(f"{_ACTOR}.optim.lr") or 1e-6
    heat = settings.get("actor_rollout_ref.rollout.temperature") or 1.0
    coefficient = data.get("actor/kl_coef") or settings.get(f"{_ACTOR}.kl_loss_coef") or 0.0
    return remedy.format(
        lr=f"{rate / 2:.2g}",
        temperature=1.0 if heat > 1 else round(max(heat - 0.2, 0.2), 2),
        kl=f"{max(2 * coefficient, 0.001):.2g}",
    )


def lines(run: Run) -> list[str]:
    """What the curve of a run tells, and why its guard ended it, for its report; [] for nothing."""
    found = [
        f"step {each.step}: {each}" for each in findings(read_curve(run), validation_rows(run), recorded(run.folder))
    ]
    if ended := run.stopped():
        found.append(f"step {ended.step}: stopped by the guard{', and its user went on' * ended.overruled}")
    return ["", "What the guard saw:", *(f"- {each}" for each in found)] if found else []


def validation_rows(run: Run) -> int | None:
    """Responses of the run's last validation; None if there is none yet."""
    dumps = run.dumps()
    return dumps[-1][1].read_bytes().count(b"\n") or None if dumps else None
