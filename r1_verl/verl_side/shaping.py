"""What the sampler does to rewards and masks before veRL computes advantages, on plain numbers.

Parts of a reward that need a whole group, or the tokens, cannot be had where a response is scored: they are added here,
to the total that the scorer gave.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from r1_verl.environments.episode import SUCCESS
from r1_verl.reward.compose import Chosen, Composition
from r1_verl.reward.parts import Facts
from r1_verl.score import CORRECT
from r1_verl.verl_side.trajectories import Trajectory


class Added(NamedTuple):
    """What the parts add to one response, weighted. parts: the sum of each, by its label. on_last: what goes to the
    last token (group parts). on_tokens: what goes to each token (token parts); empty if there are none."""

    parts: dict[str, float]
    on_last: float
    on_tokens: list[float]


def added(
    reward: Composition, rows: Sequence[Trajectory], ids: Sequence[Sequence[int]], mode: str = "strict"
) -> list[Added]:
    """What a reward's group and token parts add to each of a batch's responses.

    ids: the token ids of each response; not read without token parts. Groups may have any size, one too. An agent loop
    that gives several outputs a session is judged by its last one, as veRL does, and each output gets the same.
    Raises ValueError for a response without the scores that parts build on.
    """
    facts = [_facts(row, mode) for row in rows]
    of_groups = [(chosen, _by_group(chosen, rows, facts)) for chosen in reward.group]
    found = []
    for place, fact in enumerate(facts):
        parts = {chosen.label: values[place] for chosen, values in of_groups}
        on_last, on_tokens = sum(parts.values()), []
        for chosen in reward.tokens:
            values = [chosen.weight * value for value in chosen.part.function(ids[place], fact, **chosen.options)]
            parts[chosen.label] = sum(values)
            on_tokens = [a + b for a, b in zip(on_tokens, values, strict=True)] if on_tokens else values
        found.append(Added(parts, on_last, on_tokens))
    return found


def _by_group(chosen: Chosen, rows: Sequence[Trajectory], facts: Sequence[Facts]) -> list[float]:
    final: dict[str, int] = {}  # the place of each session's last output
    for place, row in sorted(enumerate(rows), key=lambda item: int(item[1].key.rpartition("_")[2])):
        final[_session(row)] = place
    groups: dict[str, list[int]] = {}
    for place in final.values():
        groups.setdefault(rows[place].group, []).append(place)
    values: dict[str, float] = {}
    for places in groups.values():
        got = chosen.part.function([facts[place] for place in places], **chosen.options)
        values |= {_session(rows[place]): chosen.weight * value for place, value in zip(places, got, strict=True)}
    return [values[_session(row)] for row in rows]


def _session(row: Trajectory) -> str:
    return row.key.rpartition("_")[0]


def _facts(row: Trajectory, mode: str) -> Facts:
    """As the mode's own rule judged: a published length reward goes by the published grader."""
    try:
        right, form, score = (
            row.info["outcome"] in (CORRECT, SUCCESS),
            float(row.info["format"]),
            float(row.info["score"]),
        )
    except KeyError as missing:
        raise ValueError(
            f"the parts of r1_verl.pays that need a group or tokens build on {missing}, which the reward function did "
            "not give: use r1_verl's (reward.custom_reward_function.path=pkg://r1_verl.reward), or take them out"
        ) from None
    return Facts(float(right), form, row.written, row.truncated, mode=mode, score=score)


def told(info: dict[str, Any], parts: dict[str, float]) -> dict[str, Any]:
    """What the scorer said, with more parts: `score` is the total with them, `score_before` the one without."""
    if not parts:
        return info
    before = info["score"]
    known = json.loads(info["parts"]) if info.get("parts") else {}
    return {
        **info,
        "score": before + sum(parts.values()),
        "score_before": before,
        "parts": json.dumps({**known, **parts}),
    }


def masked(rows: Sequence[Trajectory]) -> list[Trajectory]:
    """The responses of a batch, those that were cut off masked; none, if all were cut off, because veRL divides its
    loss by the tokens that are left."""
    if all(row.truncated for row in rows):
        return list(rows)
    return [row._replace(masked=row.truncated) for row in rows]
