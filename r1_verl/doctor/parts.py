"""Checks of the parts that a recipe adds to its reward (`r1_verl.pays` as a list)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import OURS, paid
from r1_verl.doctor.rollout import our_loops, reads_ours
from r1_verl.reward.compose import Chosen

KEEP_FACTS = ("dapo", "gdpo")  # veRL's reward managers that do not hand on what the agent loop says of a response


def check_needs(config: Any) -> Iterator[Problem]:
    """Each part gets what it needs: the response's length, a group, the sampler that adds it."""
    if (found := paid(config)) is None:
        return
    counting = [chosen for chosen in found.text + found.later if chosen.part.needs & {"tokens", "truncated"}]
    scored = [chosen for chosen in counting if chosen.part.kind == "text"]
    manager, agent = config.reward.reward_manager, config.actor_rollout_ref.rollout.agent
    if scored and manager.source == "register" and manager.name in KEEP_FACTS:
        yield Problem(
            f"{_need(scored)} a response's length, and the reward manager {manager.name!r} does not hand it on",
            "reward.reward_manager.name=naive",
        )
    if counting and not (reads_ours(agent) and agent.default_agent_loop in our_loops()):
        yield Problem(
            f"{_need(counting)} a response's length, and the agent loop {agent.default_agent_loop!r} does not count it",
            "actor_rollout_ref.rollout.agent.default_agent_loop=r1_stop and "
            "actor_rollout_ref.rollout.agent.agent_loop_config_path='${r1_verl_file:verl_side/agent_loops.yaml}'",
        )
    sampler = (config.trainer.v1.sampler.get("custom_sampler") or {}).get("path")
    if found.later and not str(sampler or "").startswith(OURS):
        yield Problem(
            f"{_need(found.later)} our sampler, and trainer.v1.sampler.custom_sampler is another",
            f"trainer.v1.sampler.custom_sampler.path={OURS}.verl_side.sampler and .name=R1ReplayBuffer",
            doubt=bool(sampler),  # it may build on ours
        )
    if found.group and config.actor_rollout_ref.rollout.n == 1:
        yield Problem(
            f"{_need(found.group)} a group to compare, and a group of one response (rollout.n 1) gets 0",
            "actor_rollout_ref.rollout.n=8, or leave the part out",
        )
    groups = config.algorithm.filter_groups
    if found.group and groups.enable and groups.metric != "acc":
        yield Problem(
            f"{_need(found.group)} whole groups, and algorithm.filter_groups.metric={groups.metric} drops those that "
            "differ in nothing else before the part is added",
            "algorithm.filter_groups.metric=acc",
        )


def check_twice(config: Any) -> Iterator[Problem]:
    """Nothing is paid twice, and DAPO's penalty reckons with the run's own lengths."""
    if (found := paid(config)) is None:
        return
    named = {chosen.part.name: chosen for chosen in found.text}
    overlong = (config.reward.get("reward_kwargs") or {}).get("overlong_buffer_cfg") or {}
    if "soft_overlong" in named:
        limit, longest = named["soft_overlong"].options["max_length"], config.data.max_response_length
        if overlong.get("enable") and config.reward.reward_manager.name == "dapo":
            yield Problem(
                "the overlong penalty is paid twice: by the reward manager 'dapo' and by the part soft_overlong",
                "reward.reward_manager.name=naive and reward.reward_kwargs.overlong_buffer_cfg.enable=False",
            )
        if limit != longest:
            yield Problem(
                f"the part soft_overlong reckons with max_length {limit}, responses may have {longest} tokens",
                "max_length: ${data.max_response_length} in r1_verl.pays",
                doubt=True,
            )
    if "accuracy" in named and found.weight:
        judge = found.judge.name if found.judge else "null"
        yield Problem(
            "a right response is paid twice: by the reward that judges and by the part accuracy",
            f"{{name: {judge}, weight: 0}} in r1_verl.pays, or leave accuracy out",
            doubt=True,
        )


def _need(chosen: Iterable[Chosen]) -> str:
    labels = [each.label for each in chosen]
    return f"the part {labels[0]} needs" if len(labels) == 1 else f"the parts {' and '.join(labels)} need"


CHECKS: tuple[Check, ...] = (check_needs, check_twice)
