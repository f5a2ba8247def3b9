"""A bounded sample of each step's training responses, kept for people, reports and rescoring.

RUN/samples/STEP.jsonl.gz holds a JSON object a response: step, question (the same at every step), group (one a question
and step), sample (which of the group), data_source, prompt, response, ground_truth, extra_info (the short values of the
row's own, response_tokens, truncated, of an episode moves), tokens, truncated, score, acc, format, outcome, pred, parts
(an object), masked, left_out where the group was not trained on, score_before where group or token parts changed the
score. A text longer than the settings allow keeps its beginning and
its end, and `cut` has its length. veRL's own dump (trainer.rollout_data_dir) has no source, no parts and no bounds.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl import atomic, runs
from r1_verl.recipes.settings import SampleBounds
from r1_verl.reward.parts import PARTS, Facts
from r1_verl.runs.samples import files
from r1_verl.verl_side.trajectories import Trajectory

_SAID = ("score", "acc", "format", "outcome", "score_before")  # of what the scorer said, taken as it is
_SHORT = 100  # characters of a text of extra_info that is kept


class Text(NamedTuple):
    """What a sample needs of one response besides its Trajectory: texts as the scorer saw them, the row's columns."""

    prompt: str
    response: str
    ground_truth: Any
    extra_info: Mapping[str, Any]


class Samples:
    """The sample of one run, in its folder RUN/samples."""

    def __init__(self, folder: Path, bounds: SampleBounds) -> None:
        self._folder, self._bounds = folder, bounds
        self._sizes: dict[int, int] | None = None  # of the steps on disk
        self._told: set[str] = set()

    def write(
        self, step: int, rows: Sequence[Trajectory], read_texts: Callable[[list[str]], Sequence[Text]]
    ) -> dict[str, float]:
        """Write a step's sample, over an older one of that step. Whatever goes wrong is said once and stops nothing.

        rows: all responses of the step, any order. read_texts: the texts of some keys, in their order; called once.
        Returns `train-facts/samples` (responses written) and two means over the sample: `train-facts/repetition` (share
        of 3-grams of words that stood before) and `train-facts/language_mixing` (share of words that are not in the
        question's language).
        """
        found: dict[str, float] = {"samples": 0.0}
        try:
            chosen = choose(rows, self._bounds.responses)
            texts = read_texts([row.key for row in chosen])
            found |= _of_texts(chosen, texts)
            self._write(step, [self._row(step, *each) for each in zip(chosen, texts, strict=True)])
            found["samples"] = float(len(chosen))
        except Exception as error:  # a full disk, a text that can't be decoded: a sample is not worth a run
            self._say(f"no sample of step {step} ({type(error).__name__}: {error}); training goes on", "failed")
        return {f"{runs.TRAIN_FACTS}/{name}": value for name, value in found.items()}

    def _write(self, step: int, records: Sequence[Mapping[str, Any]]) -> None:
        if self._sizes is None:  # the first step of this attempt: what lies beyond it was lost with an earlier one
            for later, path in files(self._folder):
                if later > step:
                    path.unlink()
            self._sizes = {kept: path.stat().st_size for kept, path in files(self._folder)}
        lines = "".join(json.dumps(record) + "\n" for record in records)  # in ASCII: no line ends but ours
        path = self._path(step)
        with atomic.file(path) as part:
            part.write_bytes(gzip.compress(lines.encode(), 6, mtime=0))
        self._sizes[step] = path.stat().st_size
        limit = self._bounds.megabytes * 1e6
        while sum(self._sizes.values()) > limit and (drop := thinned(sorted(self._sizes))):
            self._say(
                f"{self._folder} has reached {self._bounds.megabytes:g} MB: from now on older steps make room, "
                "evenly over the run (r1_verl.samples.megabytes)",
                "full",
            )
            self._path(drop).unlink(missing_ok=True)
            del self._sizes[drop]

    def _row(self, step: int, row: Trajectory, text: Text) -> dict[str, Any]:
        _, session, _ = row.key.rsplit("_", 2)
        kept = {name: value for name, value in text.extra_info.items() if _is_short(value)}
        moves = {"moves": row.info["moves"]} if "moves" in row.info else {}
        texts = {"prompt": text.prompt, "response": text.response, "pred": row.info.get("pred") or ""}
        most = self._bounds.characters
        cut = {name: len(each) for name, each in texts.items() if len(each) > most}
        return _plain({
            "step": step, "question": row.question or f"{row.data_source}//{_hash(text.prompt)}", "group": row.group,
            "sample": int(session), "data_source": row.data_source,
            **{name: _cut(each, most) for name, each in texts.items()}, "ground_truth": text.ground_truth,
            "extra_info": {**kept, "response_tokens": row.written, "truncated": row.truncated, **moves},
            "tokens": row.tokens, "truncated": row.truncated,
            **{name: row.info[name] for name in _SAID if name in row.info},
            "parts": json.loads(row.info.get("parts") or "{}"), "masked": row.masked,
            **({"left_out": True} if row.left_out else {}), **({"cut": cut} if cut else {}),
        })  # fmt: skip

    def _path(self, step: int) -> Path:
        return self._folder / f"{step}.jsonl.gz"

    def _say(self, what: str, kind: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            print(f"r1_verl: {what}", file=sys.stderr, flush=True)


def choose(rows: Sequence[Trajectory], most: int) -> list[Trajectory]:
    """Whole groups of at most `most` responses together, at least one group.

    Questions come in the order of their hash: one that was chosen before is chosen again when it comes again.
    """
    groups: dict[str, list[Trajectory]] = {}
    for row in sorted(rows, key=lambda row: (_hash(row.question or row.group), row.group, row.key)):
        groups.setdefault(row.group, []).append(row)
    chosen: list[Trajectory] = []
    for group in groups.values():
        if chosen and len(chosen) + len(group) > most:
            break
        chosen += group
    return chosen


def thinned(steps: Sequence[int]) -> int | None:
    """Which of the steps (in order) to give up: neither the first nor the last, the one with the nearest neighbours."""
    between = range(1, len(steps) - 1)
    return steps[min(between, key=lambda at: steps[at + 1] - steps[at - 1])] if between else None


def _of_texts(rows: Sequence[Trajectory], texts: Sequence[Text]) -> dict[str, float]:
    repeated = mixed = 0.0
    for row, text in zip(rows, texts, strict=True):
        known = Facts(0.0, 0.0, row.tokens, row.truncated, text.prompt)
        repeated -= PARTS["repetition"].function(text.response, known, ngram=3, max_penalty=-1.0)
        mixed += 1 - PARTS["language"].function(text.response, known)
    return {"repetition": repeated / len(rows), "language_mixing": mixed / len(rows)}


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}\n[... {len(text) - most} characters left out ...]\n{text[len(text) - (most - head) :]}"


def _is_short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _SHORT)


def _plain(value: Any) -> Any:
    """The value as JSON has it: numbers that are none become null, arrays lists, strange objects their text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
