"""Questions that are played: each answer is a turn in the row's environment, and its feedback the next request.

Turns mean what they mean in training (`r1_verl.environments.episode`), and the tokens are joined as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from r1_verl.environments import make
from r1_verl.environments.episode import Episode
from r1_verl.environments.rules import rules_of
from r1_verl.evaluation.conversation import Conversation
from r1_verl.evaluation.generate import Answer, Request
from r1_verl.evaluation.questions import Question
from r1_verl.ground_truth import decode

OUT_OF_TOKENS = "out_of_tokens"  # no room for another turn


class Playing:
    """One sample in play. opened: the prompt opens `<think>`. turn_tokens: of the model in one turn, at most; the first
    request's max_tokens is the room of all turns and observations together. seed: of a turn by its number.

    request: what is to be asked. failed: what the environment did, if it broke.
    """

    def __init__(
        self, question: Question, first: Request, opened: bool, conversation: Conversation, turn_tokens: int,
        seed: Callable[[int], int | None],
    ) -> None:  # fmt: skip
        self._question, self._conversation, self._seed = question, conversation, seed
        self._prompt, self._room, self._most = first.ids, first.max_tokens, turn_tokens
        self._opened = opened
        self._messages = [{"role": role, "content": content} for role, content in question.messages]
        self._written: tuple[int, ...] = ()  # behind the prompt: turns of the model and what stands between them
        self._turns: list[dict[str, Any]] = []
        self._episode: Episode | None = None
        self._out_of_tokens = False
        self.failed = ""
        self.request = self._limited(first)

    def next_turn(self, answer: Answer) -> Request | None:
        """Play an answer; the request of the next turn, None if there is none. An environment that breaks is noted."""
        self._turns.append({"response": answer.text, "tokens": answer.tokens, "finish_reason": answer.finish_reason})
        self._written += answer.ids
        try:
            if self._episode is None:
                truth = self._question.ground_truth
                self._episode = Episode(make(truth), rules_of(decode(truth)))
            self._episode.play(answer.text, self._opened)
            if self._episode.outcome:
                return self._end()
            feedback = self._episode.feedback()
            seam = self._conversation.seam(self._messages, answer.text, (*self._prompt, *self._written), feedback)
        except Exception as error:  # whatever a third party's environment raises
            self.failed = f"{type(error).__name__}: {str(error)[:200]}"
            return self._end()
        if len(self._written) + len(seam.ids) >= self._room:
            self._out_of_tokens = True
            return self._end()
        self._written += seam.ids
        self._opened = seam.opens_think
        self._messages += [{"role": "assistant", "content": answer.text}, {"role": "user", "content": feedback}]
        ids = (*self._prompt, *self._written)
        self.request = self._limited(self.request._replace(ids=ids, seed=self._seed(len(self._turns))))
        return self.request

    def _limited(self, request: Request) -> Request:
        return request._replace(max_tokens=min(self._most, self._room - len(self._written)))

    def _end(self) -> None:
        if self._episode is not None and hasattr(self._episode.environment, "close"):
            try:
                self._episode.environment.close()
            except Exception as error:  # of a third party's environment; the episode is played
                self.failed = self.failed or f"close() raised {type(error).__name__}: {str(error)[:200]}"

    def row(self) -> Mapping[str, Any]:
        """What a sample's row holds of its episode. response: all turns and what stands between them, as text.

        turn_responses: of each turn the model's response, tokens and finish_reason. moves: `Episode.record`. ended: the
        episode's outcome, `out_of_tokens` where no room was left for another turn. tokens: the model's own.
        """
        episode, wrote = self._episode, sum(turn["tokens"] for turn in self._turns)
        cut = self._out_of_tokens or any(turn["finish_reason"] == "length" for turn in self._turns)
        return {
            "response": self._conversation.text(self._written), "tokens": wrote,
            "finish_reason": "length" if self._out_of_tokens else self._turns[-1]["finish_reason"], "truncated": cut,
            "turn_responses": self._turns, "moves": episode.record(), "turns": len(self._turns),
            "actions": episode.played,
            "invalid": sum(turn.invalid for turn in episode.turns), "idle": sum(turn.idle for turn in episode.turns),
            "observation_tokens": len(self._written) - wrote,
            "ended": OUT_OF_TOKENS if self._out_of_tokens else episode.outcome,
        }  # fmt: skip
