"""Which groups of a step are trained on, and facts of groups whose responses are episodes, on plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from r1_verl.recipes.settings import Keep
from r1_verl.verl_side.trajectories import Trajectory

_TOLERANCE = 0.01  # of RAGEN v2's sum of spreads (rollout_filter_selection_eps)
_NO_SPREAD = 1e-10


def sessions(rows: Sequence[Trajectory]) -> dict[str, dict[str, Trajectory]]:
    """{group: {session: its last output}} of the rows: veRL judges a session by its last output."""
    found: dict[str, dict[str, Trajectory]] = {}
    for row in sorted(rows, key=lambda row: int(row.key.rpartition("_")[2])):
        found.setdefault(row.group, {})[row.key.rpartition("_")[0]] = row
    return found


def lone(rows: Sequence[Trajectory], n: int) -> set[str]:
    """The groups of which one response arrived of several: without others to compare with, GRPO takes a raw score for
    an advantage. n: the responses that a question gets."""
    return {group for group, arrived in sessions(rows).items() if n > 1 and len(arrived) == 1}


def trained(rows: Sequence[Trajectory], n: int, keep: Keep | None) -> set[str]:
    """The groups to train on: those of two responses or more and, of these, the ones that `keep` takes.

    Where that leaves none, all of a kind that can't be told apart stay: the lone ones, or those without any spread,
    because a step needs a batch. Raises ValueError for `keep` without scores.
    """
    groups, alone = sessions(rows), lone(rows, n)
    left = {group: list(arrived.values()) for group, arrived in groups.items() if group not in alone}
    if not left:
        return set(groups)
    if keep is None:
        return set(left)
    spreads = {group: _spread(each) for group, each in left.items()}
    return _largest(spreads, keep) or set(left)


def _largest(spreads: dict[str, float], keep: Keep) -> set[str]:
    """As RAGEN's rollout filter chooses (mll-lab-nu/RAGEN, ragen/trainer/rollout_filter.py: top_k, top_p linear)."""
    order = sorted(spreads, key=lambda group: -spreads[group])
    if keep.share is not None:
        return set(order[: max(1, int(keep.share * len(order)))])
    order = [group for group in order if spreads[group] > _NO_SPREAD]
    enough, so_far, chosen = keep.top_p * sum(spreads[group] for group in order) - _TOLERANCE, 0.0, set()
    for group in order:
        if so_far >= enough and chosen:
            break
        chosen.add(group)
        so_far += spreads[group]
    return chosen


def _spread(rows: Sequence[Trajectory]) -> float:
    scores = [row.info.get("score") for row in rows]
    if not all(isinstance(score, int | float) for score in scores):
        raise ValueError(
            "r1_verl.keep needs the scores of the reward function, which gave none: use r1_verl's "
            "(reward.custom_reward_function.path=pkg://r1_verl.reward), or r1_verl.keep=null"
        )
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0


def facts(rows: Sequence[Trajectory], n: int, asked: int, kept: int) -> dict[str, float]:
    """Of a step's rows. asked: the questions that were sampled; kept: the groups that are trained on.

    one_survivor: groups of which one response arrived of several. kept: share of the groups that are trained on. Of
    episodes besides: distinct_moves, the different sequences of moves in a group, on average; env_error, the responses
    that are missing, because their environment failed in every try.
    """
    groups = sessions(rows)
    found = {"one_survivor": float(len(lone(rows, n))), "kept": kept / max(1, len(groups))}
    moves = [{row.info["moves"] for row in each.values()} for each in groups.values() if _are_episodes(each.values())]
    if moves:
        found["distinct_moves"] = sum(map(len, moves)) / len(moves)
        found["env_error"] = float(max(0, asked * n - sum(map(len, groups.values()))))
    return found


def _are_episodes(rows) -> bool:
    return all("moves" in row.info for row in rows)
