"""Checks of the agent loop of several turns (r1_turns): its settings, the rows' episodes, tokens, rewards of turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from r1_verl.doctor.data_file import data_files, first_rows, mapping, tables
from r1_verl.doctor.model import model_of
from r1_verl.doctor.parts import KEEP_FACTS
from r1_verl.doctor.problem import Check, Problem
from r1_verl.doctor.reward import paid
from r1_verl.doctor.verl_source import estimators
from r1_verl.environments import make, registered
from r1_verl.environments.episode import Episode
from r1_verl.environments.rules import Rules, rules_of
from r1_verl.names import UnknownNameError
from r1_verl.recipes.settings import SettingError, Turns, turns

LOOP = "r1_turns"
_LOOKED_AT = 50  # rows, from the first on
_MARKS = 12  # tokens that a chat template puts around a message, at most


def _settings(config: Any) -> Turns | None:
    try:
        return turns((config.get("r1_verl") or {}).get("turns"))
    except SettingError:  # check_schedules says so
        return None


def _chosen(config: Any) -> bool:
    """Whether the recipe's loop is ours of several turns. A row's agent_name wins over it."""
    return config.actor_rollout_ref.rollout.agent.default_agent_loop == LOOP


def check_loop(config: Any) -> Iterator[Problem]:
    """The loop has its settings, the settings their loop, and each row a loop's name or none of them has one."""
    ours = (config.get("r1_verl") or {}).get("turns")
    named: set[str] = set()
    for key, file, table in tables(config):
        if "agent_name" in table.schema.names:
            names = table["agent_name"]
            named |= {str(name) for name in names.unique().to_pylist()}
            if names.null_count:
                yield Problem(
                    f"data.{key}: {file}: agent_name is null in {names.null_count} rows, and veRL takes that for a "
                    "loop's name: every response to them would be lost",
                    "leave the column agent_name out, or name a loop in each row",
                )
    if ours is None and (_chosen(config) or LOOP in named):
        yield Problem(f"the agent loop {LOOP} has no settings", "r1_verl.turns={tokens:400}")
    if ours is not None and not _chosen(config) and LOOP not in named:
        yield Problem(
            f"r1_verl.turns is set, and the agent loop is "
            f"{config.actor_rollout_ref.rollout.agent.default_agent_loop!r}: responses would have one turn",
            f"actor_rollout_ref.rollout.agent.default_agent_loop={LOOP}",
        )


def check_rows(config: Any) -> Iterator[Problem]:
    """The rows are episodes: each ground truth names an environment and rules, and can be solved in so many actions."""
    if not _chosen(config):
        return
    for key in ("train_files", "val_files"):
        unsolvable, rows = 0, first_rows(config, key, _LOOKED_AT)
        for at, row in enumerate(rows):
            try:
                _, truth = registered(mapping(row["reward_model"]).get("ground_truth"))
                rules = rules_of(truth)
            except (ValueError, UnknownNameError) as error:
                yield Problem(
                    f"data.{key}: {data_files(config, key)[0]}, row {at} is no episode for {LOOP} ({error})",
                    "rows whose ground truth names an environment, as data_prep/sokoban.py writes them",
                )
                break
            shortest = truth.get("shortest")
            unsolvable += isinstance(shortest, int) and shortest > min(rules.actions, rules.turns * rules.per_turn)
        if unsolvable:
            yield Problem(
                f"data.{key}: {unsolvable} of the first {len(rows)} rows need more actions than their rules allow: "
                "no response to them can succeed",
                "fewer --moves in the command that makes the data",
                doubt=True,
            )


def check_tokens(config: Any) -> Iterator[Problem]:
    """All turns and observations fit into max_response_length, which is the budget of them all."""
    settings = _settings(config)
    if settings is None or not _chosen(config):
        return
    room = config.data.max_response_length
    if settings.tokens > room:
        yield Problem(
            f"r1_verl.turns.tokens {settings.tokens} is more than data.max_response_length {room}, which is the budget "
            "of all turns and observations together",
            f"r1_verl.turns.tokens={max(1, room // 2)} or less, or a larger data.max_response_length",
        )
        return
    most = 0
    for row in first_rows(config, "train_files", _LOOKED_AT):
        try:
            found, truth = registered(mapping(row["reward_model"]).get("ground_truth"))
            rules = rules_of(truth)
            observed = _observation(config, truth, rules) if found.bounded else 0
        except (ValueError, UnknownNameError):  # check_rows and check_truths say so
            continue
        most = max(most, rules.turns * settings.tokens + (rules.turns - 1) * observed)
    if most > room:
        yield Problem(
            f"an episode may have {most} tokens (all its turns of {settings.tokens} tokens, and what is observed "
            f"between them), and data.max_response_length is {room}: late turns would be missing",
            f"data.max_response_length={most}, or fewer r1_verl.turns.tokens",
            doubt=True,
        )


def _observation(config: Any, truth: Mapping[str, Any], rules: Rules) -> int:
    """The tokens of what the model is told after a turn; 0 where the model's tokenizer is not at hand."""
    tokenizer = model_of(config).tokenizer()
    if tokenizer is None:
        return 0
    episode = Episode(make(truth), rules)
    episode.take([], 1)
    return len(tokenizer.encode(episode.feedback(), add_special_tokens=False).ids) + _MARKS


def check_rewards(config: Any) -> Iterator[Problem]:
    """Rewards of turns reach an estimator that sees them, and discounting counts tokens."""
    settings = _settings(config)
    if settings is None or not _chosen(config):
        return
    name = str(config.algorithm.adv_estimator)
    known = estimators().get(name)
    if settings.dense and known and known.compares and "token" not in name:
        yield Problem(
            f"r1_verl.turns.dense changes nothing with adv_estimator={name}, which sees a response's sum",
            "r1_verl.turns.dense=False, or algorithm.adv_estimator=gae",
            doubt=True,
        )
    if name in ("gae", "reinforce_plus_plus") and config.algorithm.gamma < 1:
        yield Problem(
            f"algorithm.gamma={config.algorithm.gamma} counts tokens, not turns: a reward {settings.tokens} tokens "
            f"later is worth {config.algorithm.gamma**settings.tokens:.2g} of itself",
            "algorithm.gamma=1.0",
            doubt=True,
        )
    manager = config.reward.reward_manager
    if manager.source == "register" and manager.name in KEEP_FACTS:
        yield Problem(
            f"the reward manager {manager.name!r} does not hand on the moves of an episode: the scorer would look for "
            "one answer in all its turns",
            "reward.reward_manager.name=naive",
        )
    kwargs = config.reward.custom_reward_function.get("reward_kwargs") or {}
    if settings.dense and kwargs.get("mode") != "faithful":
        yield Problem(
            "r1_verl.turns.dense needs the published reward: the strict one is for the end of an episode alone",
            "reward.custom_reward_function.reward_kwargs.mode=faithful, or r1_verl.turns.dense=False",
            doubt=True,
        )
    if (found := paid(config)) is not None and found.tokens:
        labels = ", ".join(chosen.label for chosen in found.tokens)
        yield Problem(
            f"the part {labels} pays every token of a response, and in several turns most are the environment's",
            f"leave {labels} out of r1_verl.pays",
        )


def check_keep(config: Any) -> Iterator[Problem]:
    """Groups that are kept by their spread have one."""
    if (config.get("r1_verl") or {}).get("keep") is not None and config.actor_rollout_ref.rollout.n < 2:
        yield Problem(
            "r1_verl.keep compares the responses to one prompt, and rollout.n=1 gives one",
            "actor_rollout_ref.rollout.n=8 or more, or r1_verl.keep=null",
        )


CHECKS: tuple[Check, ...] = (check_loop, check_rows, check_tokens, check_rewards, check_keep)
