"""Long chain-of-thought sets on the hub: how the traces of each one's rows are read.

A row gives one problem with its gold (None where the set has none) and one or more traces of thinking and solution.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from r1_verl.data.math.sets import Row, Unusable, first
from r1_verl.response import last_boxed


class Trace(NamedTuple):
    """One response. flaw: why the set itself says it is no good, or ""."""

    thinking: str
    solution: str
    flaw: str = ""


class Traced(NamedTuple):
    """A problem with its traces. gold: the bare answer; None where the set has none."""

    question: str
    gold: str | None
    traces: tuple[Trace, ...]
    source: str = ""


@dataclass(frozen=True)
class CotSet:
    """A set: its place on the hub and its reader."""

    name: str
    hub: str
    read: Callable[[Row], Traced]
    config: str | None = None
    split: str = "train"


_THINK = re.compile(r"\s*<think>(.*?)</think>(.*)\Z", re.DOTALL)
_MARKED = re.compile(
    r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>\s*<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|\Z)",
    re.DOTALL,
)
_ASKED = re.compile(r"\AReturn your final response within \\boxed\{\}\.\s*")
_BOXED = re.compile(r"\APlease reason step by step, and put your final answer within \\boxed\{\}\.\s*")


def split_trace(text: Any) -> Trace:
    """Thinking and solution of a response in R1's or OpenThoughts' marks."""
    if not isinstance(text, str):
        return Trace("", "", "is no text")
    found = _THINK.match(text) or _MARKED.search(text)
    if not found:
        return Trace("", text, "has no closed thinking")
    return Trace(found[1].strip(), found[2].strip())


def gold_of(value: Any) -> str | None:
    """A bare answer: the last box of a worked solution, or a short answer as it is."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    boxed = last_boxed(text) if "\\boxed" in text else None
    if boxed is not None:
        return boxed.strip() or None
    return text if 0 < len(text) <= 200 and "\n" not in text else None


def _need(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"has no {what}")
    return value.strip()


def _lists(row: Row, *names: str) -> Iterator[list[Any]]:
    for name in names:
        value = row.get(name)
        yield value if isinstance(value, list) else []


def read_openr1(row: Row) -> Traced:
    """OpenR1-Math-220k: several generations with the verdicts of math-verify and of a Llama judge."""
    complete, verified, judged, ends = _lists(
        row, "is_reasoning_complete", "correctness_math_verify", "correctness_llama", "finish_reasons"
    )

    def at(values: list[Any], i: int) -> Any:
        return values[i] if i < len(values) else None

    traces = []
    for i, text in enumerate(next(_lists(row, "generations"))):
        trace = split_trace(text)
        if at(complete, i) is False or at(ends, i) not in (None, "stop"):
            trace = trace._replace(flaw="is cut off")
        elif not (at(verified, i) or at(judged, i)) and (verified or judged):
            trace = trace._replace(flaw="is marked wrong by the set")
        traces.append(trace)
    question = _need(row.get("problem"), "problem")
    return Traced(question, gold_of(row.get("answer")), tuple(traces), str(row.get("source") or ""))


def read_openthoughts(row: Row) -> Traced:
    """OpenThoughts-114k (both configurations) and Bespoke-Stratos-17k, which has no golds."""
    if "deepseek_reasoning" in row:
        if (row.get("domain") or "math") != "math":
            raise Unusable(f"is no mathematics ({row.get('domain')})")
        trace = Trace(str(row["deepseek_reasoning"] or "").strip(), str(row.get("deepseek_solution") or "").strip())
        gold = gold_of(row.get("ground_truth_solution"))
        return Traced(_need(row.get("problem"), "problem"), gold, (trace,), str(row.get("source") or ""))
    turns = row.get("conversations")
    if not isinstance(turns, list) or len(turns) < 2 or not all(isinstance(t, Mapping) for t in turns):
        raise Unusable("is no conversation")
    question = _ASKED.sub("", _need(turns[0].get("value"), "problem"))
    return Traced(question, None, (split_trace(turns[1].get("value")),))


def read_r1_distill(row: Row) -> Traced:
    """R1-Distill-SFT: version 0 has problem and solution, version 1 the original messages."""
    trace = split_trace(row.get("reannotated_assistant_content"))
    if "problem" in row:
        return Traced(
            _need(row["problem"], "problem"), gold_of(row.get("solution")), (trace,), str(row.get("source") or "")
        )
    messages = [m for m in next(_lists(row, "messages")) if isinstance(m, Mapping)]
    asked = next((m.get("content") for m in messages if m.get("role") == "user"), None)
    solved = next((m.get("content") for m in messages if m.get("role") == "assistant"), None)
    gold = last_boxed(solved) if isinstance(solved, str) and "\\boxed" in solved else None
    return Traced(_BOXED.sub("", _need(asked, "problem")), gold, (trace,), str(row.get("source_dataset") or ""))


def read_dolphin(row: Row) -> Traced:
    """dolphin-r1: reasoning and answer apart, no gold."""
    messages = [m for m in next(_lists(row, "messages")) if isinstance(m, Mapping)]
    asked = next((m.get("content") for m in messages if m.get("role") == "user"), None)
    trace = Trace(str(row.get("reasoning") or "").strip(), str(first(row, "answer") or "").strip())
    return Traced(_need(asked, "problem"), None, (trace,), str(row.get("model") or ""))


COT_SETS = {
    s.name: s
    for s in (
        CotSet("openr1_math", "open-r1/OpenR1-Math-220k", read_openr1, "default"),
        CotSet("openthoughts", "open-thoughts/OpenThoughts-114k", read_openthoughts, "metadata"),
        CotSet("bespoke_stratos", "bespokelabs/Bespoke-Stratos-17k", read_openthoughts),
        CotSet("r1_distill", "ServiceNow-AI/R1-Distill-SFT", read_r1_distill, "v0"),
        CotSet("dolphin_r1", "QuixiAI/dolphin-r1", read_dolphin, "reasoning-deepseek"),
    )
}
