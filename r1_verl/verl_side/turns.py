"""The agent loop of several turns: the model acts, the row's environment answers, one trajectory an episode.

Each turn's tokens stay as they were sampled; what the environment says is masked (0 in `response_mask`). Which token is
whose is known by its place: nothing that the model writes is read as the mark of a turn. The n responses of a prompt
start alike because the row holds the start. A turn that a limit or a stop text cut off is closed as the chat template
closes one, so that the next does not begin inside it. The response ends on a token of the model, because veRL's
estimators drop a reward on a masked token.

What turns mean is in `r1_verl.environments.episode`, what stands between two of them in `environments/between.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.utils.profiler import simple_timer

from r1_verl.environments import registered
from r1_verl.environments.between import Between, between, opens_think, raw_turn
from r1_verl.environments.episode import OUT_OF_TOKENS, Episode, Turn
from r1_verl.environments.isolated import EnvironmentFailedError, close, opened
from r1_verl.environments.rules import rules_of
from r1_verl.recipes.settings import Turns, turns
from r1_verl.response import until
from r1_verl.reward import compose
from r1_verl.score import CORRECT, WRONG
from r1_verl.verl_side.agent_loops import StopAgentLoop, ends, question, reads_question, truncated
from r1_verl.verl_side.trajectories import question_id
from r1_verl.verl_side.turn_tokens import Tokens

# A call of a foreign environment waits in a thread of its own. Not in the event loop's default executor: veRL tokenizes
# there, and a few environments that hang would hold up all others. Threads start when they are needed.
_threads = ThreadPoolExecutor(4096, "r1_verl-environment")


class TurnsOutput(AgentLoopOutput):
    """turn_rewards: (place of the turn's last token of the model, reward) of each turn; none unless they are dense.

    episode: what `reward_extra_info` tells of the episode besides what the scorer says.
    """

    turn_rewards: list[tuple[int, float]] = []  # noqa: RUF012 - pydantic gives each object its own
    episode: dict[str, Any] = {}  # noqa: RUF012

    def as_dict(self) -> dict[str, Any]:
        """veRL's fields. `rm_scores`: each turn's reward where it was earned, on the last token what remains."""
        if said := self.extra_fields.get("reward_extra_info"):
            self.extra_fields["reward_extra_info"] = told(said, self.episode)
        output = super().as_dict()
        for name in ("turn_rewards", "episode"):
            output.pop(name, None)
        if self.turn_rewards and "rm_scores" in output:
            scores = [0.0] * len(self.response_mask)
            for place, reward in self.turn_rewards:
                scores[place] += reward
            scores[-1] += self.reward_score - sum(scores)
            output["rm_scores"] = torch.tensor(scores, dtype=torch.float32)
        return output


def told(said: Mapping[str, Any], episode: Mapping[str, Any]) -> dict[str, Any]:
    """What the scorer says and the episode's facts; the episode's outcome stands in the place of right or wrong."""
    kept = {} if said.get("outcome") in (CORRECT, WRONG, None) else {"outcome": said["outcome"]}
    return {**said, **episode, **kept}


class TurnsAgentLoop(StopAgentLoop):
    """`r1_turns`, with the settings `r1_verl.turns`; a row's ground truth names its environment and its rules.

    It gives the facts that the other loops give (see StopAgentLoop): response_tokens counts the model's own tokens, and
    truncated is an episode that ran out of tokens or whose last turn was cut off. For the scorer it adds moves
    (`Episode.record`) and played (how the episode ended). `reward_extra_info` gets outcome, turns, actions,
    invalid, idle, model_tokens, observation_tokens, truncated, env_retries and moves.
    """

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **row: Any) -> AgentLoopOutput:
        """Play an episode; where its environment fails, again from the start, up to `retries` times.

        Raises EnvironmentFailedError if it failed every time, ValueError and UnknownNameError for a row whose
        environment can't be made and for settings that can't be meant.
        """
        settings = turns((self.config.get("r1_verl") or {}).get("turns"))
        if settings is None:
            raise ValueError("the agent loop r1_turns has no settings: write r1_verl.turns={tokens:400}")
        found, truth = registered(row["reward_model"]["ground_truth"])
        aside = _at_once if found.bounded else _in_a_thread
        rules, why = rules_of(truth), None
        for failed in range(settings.retries + 1):
            try:
                environment = await aside(opened, truth, settings.deadline)
                try:
                    episode = await aside(_guarded, Episode, environment, rules)
                    output = await self._play(episode, aside, settings, sampling_params, int(priority), row)
                finally:
                    close(environment)
            except EnvironmentFailedError as error:
                why = error
                continue
            output.episode["env_retries"] = float(failed)
            return output
        raise EnvironmentFailedError(f"{why} (in each of {settings.retries + 1} tries: the response is left out)")

    async def _play(
        self, episode: Episode, aside: Callable, settings: Turns, sampling_params: dict[str, Any], priority: int,
        row: Mapping[str, Any],
    ) -> TurnsOutput:  # fmt: skip
        stops = ends(self.config.get("r1_verl") or {})
        messages = [dict(message) for message in row["raw_prompt"]]
        tokens = Tokens(await self.ct_build_initial_tokens(messages), [], [])
        form = between(self.tokenizer, self.apply_chat_template_kwargs)
        opens = opens_think(self.tokenizer, tokens.ids)
        room, request, outcome = self._room(tokens.ids), uuid4().hex, ""
        metrics: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        places: list[int] = []
        while True:
            most = min(settings.tokens, room - len(tokens.mask))
            with simple_timer("generate_sequences", metrics):
                out = await self.server_manager.generate(
                    request_id=request, prompt_ids=tokens.ids, priority=priority,
                    sampling_params={**sampling_params, **stops, "max_tokens": most},
                )  # fmt: skip
            extra = {**out.extra_fields, "min_global_steps": (extra or out.extra_fields).get("min_global_steps")}
            tokens = await self._said(tokens, out)
            places.append(tokens.last)
            text = self.tokenizer.decode(out.token_ids, skip_special_tokens=True)
            text = until(text, stops.get("stop", ()), stops.get("include_stop_str_in_output", True))
            with simple_timer("tool_calls", metrics):
                await aside(_guarded, episode.play, text, opens)
            if episode.outcome:
                break
            before = [*messages, {"role": "assistant", "content": text}]
            messages = [*before, {"role": "user", "content": episode.feedback()}]
            longer = await self._observed(tokens, form, before, messages, opens)
            if len(longer.mask) >= room:  # not a token is left for an answer: the model never sees this observation
                outcome = OUT_OF_TOKENS
                break
            tokens, opens = longer, opens_think(self.tokenizer, longer.ids)
        tokens = tokens.ended()
        if not tokens.mask:
            raise RuntimeError("the server generated no token in any turn of an episode")
        cut_off = truncated(out.token_ids, self._end_ids(stops), stops.get("stop", ()), self._text)
        facts = _facts(episode, outcome, tokens, cut_off)
        extra |= {
            "response_tokens": sum(tokens.mask),
            "truncated": bool(facts["truncated"]),
            "question_id": question_id(str(row.get("data_source") or ""), row.get("extra_info")),
            "moves": facts["moves"],
            "played": episode.played_so_far()._asdict(),
            "turn_scores": [],  # as veRL's other loops have it
            "tool_rewards": [],
        }
        if reads_question(self.config):
            extra["question"] = question(row.get("extra_info"), row["raw_prompt"])
        prompt = len(tokens.ids) - len(tokens.mask)
        return TurnsOutput(
            prompt_ids=tokens.ids[:prompt], response_ids=tokens.ids[prompt:], response_mask=tokens.mask,
            response_logprobs=tokens.log_probs if self.rollout_config.calculate_log_probs else None,
            routed_experts=out.routed_experts, num_turns=2 * len(episode.turns), metrics=metrics, extra_fields=extra,
            turn_rewards=self._earned(places, episode.turns, tokens) if settings.dense else [], episode=facts,
        )  # fmt: skip

    def _room(self, prompt: Sequence[int]) -> int:
        """The tokens that all turns and observations together may have."""
        room, longest = self.rollout_config.response_length, self.rollout_config.get("max_model_len")
        room = min(room, longest - len(prompt)) if longest else room
        if room < 1:
            raise ValueError(
                f"a prompt of {len(prompt)} tokens leaves no room: raise actor_rollout_ref.rollout.max_model_len"
            )
        return room

    async def _said(self, tokens: Tokens, out: Any) -> Tokens:
        """With a turn of the model."""
        log_probs = out.log_probs or [0.0] * len(out.token_ids)
        merged, *rest = await self.ct_merge_assistant_token(
            tokens.ids, out.token_ids, tokens.mask, tokens.log_probs, assistant_logprobs=log_probs
        )
        return Tokens(merged.token_ids, *rest)

    async def _observed(
        self, tokens: Tokens, form: Between, before: list[dict], messages: list[dict], opened: bool
    ) -> Tokens:
        """With the end of the model's turn and the message that answers it, up to where the model goes on."""
        tokens = tokens.given(form.rest(tokens.ids))
        if form.raw:
            text = raw_turn(messages[-1]["content"], opened)
            return tokens.given(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        merged, *rest = await self.ct_merge_context_msg(before, messages, *tokens)
        return Tokens(merged.token_ids, *rest)

    def _earned(self, places: Sequence[int], played: Sequence[Turn], tokens: Tokens) -> list[tuple[int, float]]:
        """Where each turn's published reward stands. None where the recipe pays another reward of the episode."""
        paid = self.config.reward.custom_reward_function.get("reward_kwargs") or {}
        reward = compose.read(paid.get("reward"))
        if paid.get("mode") != "faithful" or (reward.judge and reward.judge.scale not in (None, "parts")):
            return []
        first = tokens.mask.index(1)
        return [
            (max(place, first), reward.weight * (turn.reward + turn.penalty))
            for place, turn in zip(places, played, strict=True)
        ]


def _facts(episode: Episode, outcome: str, tokens: Tokens, cut_off: bool) -> dict[str, Any]:
    return {
        "outcome": outcome or episode.outcome,
        **{name: float(count) for name, count in episode.counts().items()},
        "model_tokens": float(sum(tokens.mask)),
        "observation_tokens": float(len(tokens.mask) - sum(tokens.mask)),
        "truncated": float(cut_off or outcome == OUT_OF_TOKENS),
        "moves": episode.record(),
    }


async def _at_once(call: Callable, *arguments: Any) -> Any:
    return call(*arguments)


async def _in_a_thread(call: Callable, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, call, *arguments)


def _guarded(call: Callable, *arguments: Any) -> Any:
    """The call's result. Raises EnvironmentFailedError whatever an environment raises in it."""
    try:
        return call(*arguments)
    except EnvironmentFailedError:
        raise
    except Exception as error:
        raise EnvironmentFailedError(f"the environment raised {type(error).__name__}: {error}") from error
