"""What a recipe pays (`r1_verl.pays`): a judge, and parts beside it. A name, a mapping {name, scale, options}, a list:

    pays:
      - {name: openr1, weight: 0}      # the judge: decides what is right; weight 0: and pays nothing by itself
      - accuracy                       # a part, at weight 1
      - {part: repetition, weight: 0.5, ngram: 3}

At most one item of a list is the judge, a registered reward: {name, weight, scale, options} or its bare name. Without
one each row's data source judges ({name: null, weight: 0}: and pays nothing by itself). Every other item is a part of
`reward.parts`: {part, weight, OPTION: VALUE} or its bare name. A bare name that a reward and a part share is refused:
{name: ...} or {part: ...} says which is meant.

The total is the sum of the logged parts: weight times value of each, under its own name (repetition, repetition_2 where
it stands twice), and the judge's own reward under the judge's name, or its sub-rewards if it is a sum. Parts of groups
and of tokens need what one response does not have; the sampler adds them (`later` names them).
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from numbers import Real
from typing import Any, NamedTuple

from r1_verl import score as scales
from r1_verl.reward import named
from r1_verl.reward.named import Named
from r1_verl.reward.parts import PARTS, Facts, Part, check, find_part
from r1_verl.score import BAD_GROUND_TRUTH, CORRECT, ERROR, Scale, Score
from r1_verl.scorers import UnknownNameError, scorers, unknown_name

_JUDGE_KEYS = ("name", "weight", "scale", "options")
_BY_VERDICT = ("accuracy", "cosine", "cosine_characters")  # they pay nothing where row or scorer, not the model, fails
_ITEM = "a reward (NAME or {name: NAME, weight: 1.0}) or a part ({part: NAME, weight: 1.0, OPTION: VALUE})"


class Chosen(NamedTuple):
    """A part as a recipe chooses it. label: the name under which it is logged, unique in its list."""

    part: Part
    label: str
    weight: float
    options: dict[str, Any]


class Composition(NamedTuple):
    """What a recipe pays. judge: None where each row's data source judges. weight: of the judge's own reward.

    text, group, tokens: the parts by their kind, in the order of the list. listed: whether the recipe has a list.
    """

    judge: Named | None
    weight: float = 1.0
    text: tuple[Chosen, ...] = ()
    group: tuple[Chosen, ...] = ()
    tokens: tuple[Chosen, ...] = ()
    listed: bool = False

    @property
    def later(self) -> tuple[Chosen, ...]:
        """The parts that the sampler adds."""
        return self.group + self.tokens


class MissingFactError(UnknownNameError):
    """A part needs a fact of the response that the call does not have."""


# What the last call paid, what that is, and a copy if it is a dict or list, which its owner may have changed since.
_last: tuple[Any, Composition, Any] = (None, Composition(None), None)


def read(pays: Any) -> Composition:
    """Read `r1_verl.pays`; None is a composition without a judge.

    The last one is remembered, because a trainer hands over the same object in every call. Raises UnknownNameError for
    a reward, part, scale, option or key that is not known, naming the nearest, and for a weight that is no number.
    """
    global _last
    given, found, copy = _last
    if given is not pays or (copy is not None and copy != pays):
        found = _read(pays)
        _last = (pays, found, deepcopy(pays) if type(pays) in (dict, list) else None)
    return found


def needs(pays: Any) -> frozenset[str]:
    """What facts (tokens, truncated, question) all parts together need. Raises UnknownNameError as `read` does."""
    found = read(pays)
    return frozenset().union(*(chosen.part.needs for chosen in found.text + found.later))


def told(chosen: Chosen) -> str:
    """A part for people: "repetition x 0.5 (ngram 3)"."""
    options = ", ".join(f"{name} {value}" for name, value in chosen.options.items())
    return chosen.label + f" x {chosen.weight:g}" * (chosen.weight != 1) + f" ({options})" * bool(options)


def pay(
    paid: Composition, judge: str, to_reward: Scale, score: Score, text: str, info: Mapping[str, Any], mode: str
) -> dict[str, Any]:
    """The keys of a result that a list decides: score, parts and later.

    judge: the name of the scorer that gave `score`; to_reward: its scale. info: the row's extra_info, which holds the
    facts. Raises MissingFactError.
    """
    labels = {chosen.label for chosen in paid.text + paid.later}
    parts = {}
    if paid.weight:
        own = score.parts if score.parts and to_reward is scales.parts else {judge: to_reward(score)}
        for name, value in own.items():
            parts[name if name not in labels else f"{judge}_{name}"] = paid.weight * value
    facts = _facts(paid.text, score, info, mode)
    spoilt = score.outcome in (BAD_GROUND_TRUTH, ERROR)
    for chosen in paid.text:
        skipped = spoilt and chosen.part.name in _BY_VERDICT
        parts[chosen.label] = 0.0 if skipped else chosen.weight * _value(chosen, text, facts) + 0.0  # never -0.0
    return {
        "score": float(sum(parts.values())),
        "parts": json.dumps(parts) if parts else "",
        "later": ", ".join(chosen.label for chosen in paid.later),
    }


def _facts(chosen: tuple[Chosen, ...], score: Score, info: Mapping[str, Any], mode: str) -> Facts:
    tokens, truncated = info.get("response_tokens"), info.get("truncated")
    if not (isinstance(tokens, Real) and tokens >= 0):
        tokens = None
    for each in chosen:
        for fact, key, value in (("tokens", "response_tokens", tokens), ("truncated", "truncated", truncated)):
            if value is None and fact in each.part.needs:
                raise MissingFactError(
                    f"the part {each.part.name!r} needs extra_info[{key!r}], which the row does not have: in training "
                    "our agent loop counts it; add it to the row, or leave the part out"
                )
    return Facts(
        acc=1.0 if score.outcome == CORRECT else 0.0,
        format=score.format,
        tokens=None if tokens is None else int(tokens),
        truncated=None if truncated is None else bool(truncated),
        question=str(info.get("question") or ""),
        mode=mode,
        think_in_prompt=bool(info.get("think_in_prompt")),
    )


def _value(chosen: Chosen, text: str, facts: Facts) -> float:
    try:
        return float(chosen.part.function(text, facts, **chosen.options))
    except Exception as error:  # veRL would lose the trajectory and go on
        complain(f"r1_verl: part {chosen.label!r} raised {error!r:.200}")
        return 0.0


@lru_cache(maxsize=256)
def complain(message: str) -> None:
    """Print a message once: a defect of a scorer or part shows in every sample."""
    print(message, file=sys.stderr)


# --- reading a list ---------------------------------------------------------------------------------------------------


def _read(pays: Any) -> Composition:
    if pays is None:
        return Composition(None)
    if isinstance(pays, str | Mapping) or not isinstance(pays, Sequence):
        part = pays.get("part") if isinstance(pays, Mapping) else pays
        if isinstance(part, str) and part in PARTS and part not in _rewards():
            raise UnknownNameError(f"{part!r} is a part of a reward: write a list, [REWARD, {part}]")
        return Composition(named.read(pays))
    judges: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    chosen: dict[str, list[Chosen]] = {"text": [], "group": [], "tokens": []}
    for item in named.plain(pays):
        item = _item(item)
        if "name" in item:
            judges.append(item)
            continue
        found = _part(item)
        counts[found.label] += 1
        if (number := counts[found.label]) > 1:
            found = found._replace(label=f"{found.label}_{number}")
        chosen[found.part.kind].append(found)
    if len(judges) > 1:
        both = " and ".join(repr(item["name"]) for item in judges[:2])
        raise UnknownNameError(f"two rewards in one list, {both}: one judges, and the others have to be parts")
    if not judges and not any(chosen.values()):
        raise UnknownNameError(f"an empty list pays nothing: name {_ITEM}")
    judge, weight = None, 1.0
    if judges:
        weight = _number(f"the weight of the reward {judges[0]['name']!r}", judges[0].pop("weight", 1.0))
        judge = None if judges[0] == {"name": None} else named.read(judges[0])
    return Composition(judge, weight, **{kind: tuple(found) for kind, found in chosen.items()}, listed=True)


def _item(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        if item in PARTS and item in _rewards():
            raise UnknownNameError(f"{item!r} is a reward and a part: write {{name: {item}}} or {{part: {item}}}")
        if item not in PARTS and item not in _rewards():
            raise UnknownNameError(unknown_name("reward or part", item, [*PARTS, *_rewards()]))
        return {"part" if item in PARTS else "name": item}
    if not isinstance(item, dict) or ("part" in item) == ("name" in item):
        raise UnknownNameError(f"{item!r:.80} in the list of what is paid is neither: it takes {_ITEM}")
    if "name" in item and (wrong := next((key for key in item if key not in _JUDGE_KEYS), None)) is not None:
        raise UnknownNameError(unknown_name("key of the reward", wrong, _JUDGE_KEYS))
    return item


def _rewards() -> set[str]:
    return {entry.name for entry in scorers()}


def _part(item: Mapping[str, Any]) -> Chosen:
    part = find_part(item["part"])
    weight = _number(f"the weight of the part {part.name!r}", item.get("weight", 1.0))
    options = {key: value for key, value in item.items() if key not in ("part", "weight")}
    check(part, options)
    return Chosen(part, part.name, weight, options)


def _number(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UnknownNameError(f"{what} is no number: {value!r:.80}")
    return float(value)
