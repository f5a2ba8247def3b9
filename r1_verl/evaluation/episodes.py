"""Questions that are played: each answer is a turn in the row's environment, and its feedback the next request.

Turns mean what they mean in training (`environments/episode.py`), and their tokens are joined as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from r1_verl.environments import registered
from r1_verl.environments.between import opens_think
from r1_verl.environments.episode import OUT_OF_TOKENS, Episode
from r1_verl.environments.isolated import close, opened
from r1_verl.environments.rules import rules_of
from r1_verl.evaluation.conversation import Conversation
from r1_verl.evaluation.generate import Answer, Request
from r1_verl.evaluation.questions import Question
from r1_verl.ground_truth import decode


class Playing:
    """One sample in play. first: the request of the first turn, whose max_tokens is the room of all turns and
    observations together. turn_tokens: of the model in one turn, at most. seed: of a turn by its number.

    request: what is to be asked next. failed: how the environment broke, "" if it did not.
    """

    def __init__(
        self, question: Question, first: Request, conversation: Conversation, turn_tokens: int,
        seed: Callable[[int], int | None],
    ) -> None:  # fmt: skip
        self._question, self._conversation, self._seed = question, conversation, seed
        self._prompt, self._room, self._most = first.ids, first.max_tokens, turn_tokens
        self._opened = opens_think(conversation.tokenizer, first.ids)
        self._messages = [{"role": role, "content": content} for role, content in question.messages]
        self._written: tuple[int, ...] = ()  # behind the prompt: turns of the model and what stands between them
        self._turns: list[dict[str, Any]] = []
        self._episode: Episode | None = None
        self._outcome = ""
        self.request, self.failed = self._limited(first), ""

    def next_turn(self, answer: Answer) -> Request | None:
        """Play an answer. The request of the next turn, None if there is none. Nothing in the answer raises."""
        self._turns.append({"response": answer.text, "tokens": answer.tokens, "finish_reason": answer.finish_reason})
        self._written += answer.ids
        try:
            self._outcome = self._play(answer)
        except Exception as error:  # whatever the environment of a third party raises
            self.failed = f"{type(error).__name__}: {str(error)[:200]}"
        if self.failed or self._outcome:
            if self._episode is not None:
                close(self._episode.environment)
            return None
        ids = (*self._prompt, *self._written)
        self.request = self._limited(self.request._replace(ids=ids, seed=self._seed(len(self._turns))))
        return self.request

    def _play(self, answer: Answer) -> str:
        """Play a turn and add the tokens that lead to the next. The episode's outcome, "" while it goes on."""
        if self._episode is None:  # not before: thousands of environments may be waiting for their first answer
            truth = self._question.ground_truth
            self._episode = Episode(opened(truth), rules_of(decode(truth)))
        self._episode.play(answer.text, self._opened)
        if self._episode.outcome:
            return self._episode.outcome
        feedback, ids = self._episode.feedback(), (*self._prompt, *self._written)
        seam = self._conversation.seam(self._messages, answer.text, ids, feedback, self._opened)
        if len(self._written) + len(seam) >= self._room:  # not a token is left for an answer
            return OUT_OF_TOKENS
        self._written += seam
        self._opened = opens_think(self._conversation.tokenizer, self._written)
        self._messages += [{"role": "assistant", "content": answer.text}, {"role": "user", "content": feedback}]
        return ""

    def _limited(self, request: Request) -> Request:
        return request._replace(max_tokens=min(self._most, self._room - len(self._written)))

    def row(self, extra_info: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a sample's row holds of a finished episode, besides the row's own `extra_info`.

        response: all turns and what stands between them, as text. tokens: the model's own. turn_responses: the model's
        response, tokens and finish_reason of each turn. moves: `Episode.record`. ended: how the episode ended.
        extra_info["played"]: what a foreign environment made of it, which may be left to chance when played again.
        """
        episode, wrote = self._episode, sum(turn["tokens"] for turn in self._turns)
        reason = "length" if self._outcome == OUT_OF_TOKENS else self._turns[-1]["finish_reason"]
        return {
            "response": self._conversation.tokenizer.decode(self._written, skip_special_tokens=True), "tokens": wrote,
            "finish_reason": reason, "truncated": reason == "length", "turn_responses": self._turns,
            "moves": episode.record(), "ended": self._outcome, **episode.counts(),
            "observation_tokens": len(self._written) - wrote, "extra_info": dict(extra_info) | self._seen(),
        }  # fmt: skip

    def _seen(self) -> dict[str, Any]:
        if registered(self._question.ground_truth)[0].bounded:
            return {}
        return {"played": self._episode.played_so_far()._asdict()}
