"""Named protocols: how a published table asked its questions, and which evaluator judged the answers.

A protocol is a prompt style, a sampling and a number of samples. Every score is the strict verdict of the suite's own
scorer whatever the protocol; where the published evaluator is among our rewards, its faithful verdict stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from r1_verl.data.example import DataError
from r1_verl.scorers import find_reward, unknown_name

_ENDS = ("</s>", "<|im_end|>", "<|endoftext|>")
_QWEN = {"math": "math_eval", "minerva": "minerva"}


@dataclass(frozen=True)
class Protocol:
    """How a suite is asked. source: paper or repository, and its section or file.

    style: prompt style by suite or task ("math", "kk", "countdown"), the suite's first; for any other suite the prompt
    stays as it was prepared. samples: by suite, "*" for any other. max_tokens: of a response; the model's own context
    may allow fewer. turn_tokens: where the rows are played turn by turn, of the model in one turn, and max_tokens is
    the room of all turns and observations together; 0 asks for one answer. stop: texts at which generation ends,
    keep_stop: whether they belong to the response. evaluator: the published evaluator by suite or task, one of our
    rewards, whose faithful verdict is added. seed: of sampling; every sample of every question has a seed of its own,
    made of this one.
    """

    name: str
    source: str
    temperature: float
    max_tokens: int
    samples: Mapping[str, int]
    style: Mapping[str, str]
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    keep_stop: bool = False
    evaluator: Mapping[str, str] | None = None
    seed: int = 0
    turn_tokens: int = 0

    def samples_of(self, suite: str) -> int:
        """The number of samples a question of this suite."""
        return self.samples.get(suite, self.samples["*"])

    def style_of(self, suite: str, task: str) -> str | None:
        """The prompt style for this suite, whose rows are of `task`; None: as prepared."""
        return self.style.get(suite, self.style.get(task))

    def evaluator_of(self, suite: str, task: str) -> str | None:
        """The published evaluator for this suite; None: there is none, or none that is a reward here."""
        named = self.evaluator or {}
        return named.get(suite, named.get(task))

    def identity(self, suite: str, task: str) -> str:
        """What a response of this suite depends on, as text: two protocols with the same one may share responses."""
        chosen = {"style": self.style_of(suite, task), "max_tokens": self.max_tokens, "stop": list(self.stop),
                  "keep_stop": self.keep_stop, "temperature": self.temperature}  # fmt: skip
        if self.turn_tokens:
            chosen["turn_tokens"] = self.turn_tokens
        if self.temperature:
            chosen |= {"top_p": self.top_p, "seed": self.seed}
        return json.dumps(chosen, sort_keys=True)


_ONE = {"*": 1}
PROTOCOLS = {
    p.name: p
    for p in (
        Protocol("greedy", "pass@1 of one greedy response to the prompt as it was prepared", 0.0, 8192, _ONE, {}),
        Protocol("avg16", "avg@16 and pass@k to 16 at temperature 1, the prompt as it was prepared", 1.0, 8192,
                 {"*": 16}, {}),
        Protocol("simplerl_v0", "hkust-nlp/simpleRL-reason v0, eval/sh/eval.sh: qwen25-math-cot, greedy, 3,000 tokens",
                 0.0, 3000, _ONE, {"math": "drgrpo"}, stop=_ENDS, evaluator=_QWEN),  # the same text as Dr. GRPO's
        Protocol("simplerl_v1", "SimpleRL-Zoo (arXiv 2503.18892): qwen-boxed, temperature 1, top_p 0.95, 16,000 tokens,"
                 " AIME avg@32", 1.0, 16000, {"aime24": 32, "aime25": 32, "*": 1}, {"math": "simplerl_eval"}, 0.95,
                 stop=(*_ENDS, "assistant", "user", "_end", "_start"), evaluator=_QWEN),
        Protocol("simplerl_v1_base", "SimpleRL-Zoo (arXiv 2503.18892), base models: qwen-boxed, greedy, 16,000 tokens",
                 0.0, 16000, _ONE, {"math": "simplerl_eval"}, stop=(*_ENDS, "assistant", "user", "_end", "_start"),
                 evaluator=_QWEN),
        Protocol("open_r1", "huggingface/open-r1, README: lighteval's prompts, temperature 0.6, top_p 0.95, 32,768 "
                 "tokens; samples: AIME24 64, MATH-500 4, GPQA Diamond 8", 0.6, 32768,
                 {"aime24": 64, "math500": 4, "gpqa_diamond": 8, "*": 4},
                 {"math": "lighteval", "gpqa_diamond": "lighteval_choice"}, 0.95),
        Protocol("deepscaler", "DeepScaleR's report: avg@16, temperature 0.6, top_p 0.95, 32,768 tokens", 0.6, 32768,
                 {"*": 16}, {"math": "deepscaler"}, 0.95, evaluator={"math": "deepscaler"}),
        Protocol("drgrpo", "sail-sg/understand-r1-zero, evaluate_model.py: qwen_math template, greedy, 3,000 tokens",
                 0.0, 3000, _ONE, {"math": "drgrpo"}, evaluator={"math": "drgrpo"}),
        Protocol("drgrpo_r1", "sail-sg/understand-r1-zero, evaluate_model.py: r1 template, greedy, 3,000 tokens",
                 0.0, 3000, _ONE, {"math": "drgrpo_r1"}, stop=("</answer>",), keep_stop=True,
                 evaluator={"math": "drgrpo_r1"}),
        Protocol("logicrl", "Unakar/Logic-RL, eval_kk: its own system prompt, temperature 1, 8,192 tokens (its lax "
                 "checker is none of our rewards)", 1.0, 8192, _ONE, {"kk": "raw_eval"}),
        Protocol("logicrl_math", "Unakar/Logic-RL, math_eval (AIME 2021 to 2024, AMC): its own system prompt, "
                 "temperature 0.8, top_p 0.95, 10,000 tokens (its checker, which takes 110 for 1, is none of our "
                 "rewards)", 0.8, 10000, _ONE, {"math": "logicrl"}, 0.95),
        Protocol("sober", "arXiv 2504.07086 (bethgelab/sober-reasoning): temperature 0.8, top_p 0.9, 32,768 tokens, 10 "
                 "seeds on small suites, 3 on others; the prompt taken to be lighteval's", 0.8, 32768,
                 {"aime24": 10, "aime25": 10, "amc23": 10, "*": 3},
                 {"math": "lighteval", "gpqa_diamond": "lighteval_choice"}, 0.9),
        Protocol("tinyzero", "Jiayi-Pan/TinyZero: greedy, 1,024 tokens, the base template", 0.0, 1024, _ONE,
                 {"countdown": "raw"}, evaluator={"countdown": "countdown"}),
        Protocol("dapo", "DAPO (arXiv 2503.14476): avg@32, temperature 1, top_p 0.7, 20,480 tokens", 1.0, 20480,
                 {"*": 32}, {"math": "dapo"}, 0.7, evaluator={"math": "dapo"}),
        Protocol("ragen", "RAGEN (arXiv 2504.20073; mll-lab-nu/RAGEN, config/base.yaml): temperature 0.5, 400 tokens a "
                 "turn, 3,600 in all, one episode a level; turns and actions by the rules of the rows", 0.5, 3600,
                 _ONE, {}, turn_tokens=400),
    )
}  # fmt: skip

_SETTABLE = {  # what --set changes, and what it takes
    "samples": "a whole number from 1 up", "temperature": "a number from 0 to 2", "top_p": "a number up to 1",
    "max_tokens": "a whole number from 1 up", "turn_tokens": "a whole number from 0 up",
    "stop": 'a text, or a JSON list of texts, as ["</answer>"]',
    "keep_stop": "true or false", "seed": "a whole number from 0 up", "style": "the name of a prompt style",
    "evaluator": "the name of a reward that was published (`r1-verl sources`: faithful)",
}  # fmt: skip


def find(name: str, settings: Iterable[str] = ()) -> Protocol:
    """A protocol by its name, with settings "NAME=VALUE" changed (the value is JSON, or else a text).

    A changed protocol bears what was changed in its name; a number of samples changes no response, and no name.
    Raises DataError.
    """
    if name not in PROTOCOLS:
        raise DataError(unknown_name("protocol", name, PROTOCOLS))
    found, changed = PROTOCOLS[name], []
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or key not in _SETTABLE:
            raise DataError(f"--set {text}: write NAME=VALUE, where NAME is one of {', '.join(_SETTABLE)}")
        found = _with(found, key, _value(value), text)
        if key not in ("samples", "evaluator"):
            changed.append(f"{key}={value}")
    return replace(found, name="+".join([name, *changed]))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with(protocol: Protocol, key: str, value: Any, text: str) -> Protocol:
    kind = {field.name: field.type for field in fields(Protocol)}[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "samples" and isinstance(value, int) and number and value > 0:
        return replace(protocol, samples={"*": value})
    if key == "style" and isinstance(value, str):
        return replace(protocol, style=dict.fromkeys(("math", "kk", "countdown"), value) if value else {})
    if key == "evaluator" and isinstance(value, str) and (not value or find_reward(value).faithful):
        return replace(protocol, evaluator={find_reward(value).task: value} if value else {})
    if key == "stop" and isinstance(value, str | list) and all(isinstance(stop, str) for stop in value):
        return replace(protocol, stop=(value,) if isinstance(value, str) else tuple(value))
    if key == "keep_stop" and isinstance(value, bool):
        return replace(protocol, keep_stop=value)
    limits = {
        "temperature": (0, 2),
        "top_p": (1e-6, 1),
        "max_tokens": (1, 10**7),
        "turn_tokens": (0, 10**7),
        "seed": (0, 2**31),
    }
    fits = key in limits and number and limits[key][0] <= value <= limits[key][1]
    if fits and (kind == "float" or isinstance(value, int)):
        return replace(protocol, **{key: float(value) if kind == "float" else value})
    raise DataError(f"--set {text}: {_SETTABLE[key]}")


def table() -> str:
    """The protocols, for people."""
    lines = []
    for p in PROTOCOLS.values():
        samples = ", ".join(f"{suite} {n}" if suite != "*" else f"{n}" for suite, n in p.samples.items())
        lines.append(f"  {p.name:<17} {p.source} [samples: {samples}]")
    return "\n".join(lines)
