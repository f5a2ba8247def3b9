"""Cold-start data: long traces that are right by our own scorer, and readable by R1's own filters.

DeepSeek-R1 drops traces with mixed languages, over-long paragraphs and code blocks and publishes no limits; those in
Limits are ours. The result is for veRL's SFT trainer: a column `messages`.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from r1_verl.data.math.problems import key
from r1_verl.data.math.sets import Row, Unusable
from r1_verl.data.math.traces import CotSet, Trace, Traced
from r1_verl.data.prompts import Style
from r1_verl.data.write import LeftOut, progress
from r1_verl.ground_truth import encode
from r1_verl.reward import compute_score

FORMS = ("r1", "tags")


@dataclass(frozen=True)
class Limits:
    """When a trace is unreadable. Lengths in characters (some four to a token)."""

    shortest: int = 200
    longest: int = 60_000
    paragraph: int = 3_000
    repetition: float = 0.2  # share of runs of 20 words that were there before
    foreign: int = 3  # letters of a script that the problem does not use


class SftRow(NamedTuple):
    """One trace for supervised training. row: its place in the source."""

    messages: tuple[tuple[str, str], ...]
    ground_truth: str
    question: str
    row: int
    meta: dict[str, Any]


def scripts(text: str) -> Counter[str]:
    """Letters by script: latin, greek, cjk, cyrillic ... from their Unicode names; ASCII is latin."""
    found: Counter[str] = Counter()
    for char, count in Counter(text).items():
        if char.isalpha():
            name = "latin" if char.isascii() else unicodedata.name(char, "other").split(" ")[0].lower()
            found["cjk" if name in ("hiragana", "katakana", "cjk") else name] += count
    return found


def repetition(text: str, n: int = 20) -> float:
    """The share of runs of n words that repeat an earlier one; 0.0 below n words."""
    words = text.split()
    runs = len(words) - n + 1
    return 1.0 - len({tuple(words[i : i + n]) for i in range(runs)}) / runs if runs > 0 else 0.0


def unreadable(question: str, trace: Trace, limits: Limits) -> str:
    """Why a trace is left out, "" if it is readable."""
    text = f"{trace.thinking}\n\n{trace.solution}"
    if len(text) < limits.shortest:
        return "is too short"
    if len(text) > limits.longest:
        return "is too long"
    if "```" in text:
        return "has a code block"
    asked = scripts(question)
    # Greek letters, and the mathematical ones that Unicode files under their own names, are no language.
    others = {
        name: n for name, n in scripts(text).items() if name not in ("latin", "greek", "mathematical", "double-struck")
    }
    if any(n >= limits.foreign and not asked[name] for name, n in others.items()):
        return "mixes languages"
    if any(len(part) > limits.paragraph for part in text.split("\n\n")):
        return "has an over-long paragraph"
    if repetition(text) > limits.repetition:
        return "repeats itself"
    return ""


def response(trace: Trace, form: str) -> str:
    """The trace as the model should write it. "r1": thinking, then the solution; "tags": the solution in <answer>."""
    if form == "r1":
        return f"<think>\n{trace.thinking}\n</think>\n\n{trace.solution}"
    return f"<think>\n{trace.thinking}\n</think>\n<answer>\n{trace.solution}\n</answer>"


def best(traced: Traced, limits: Limits, form: str, unverified: bool) -> tuple[str, str]:
    """(response, "") of the shortest trace that is right and readable, or ("", why there is none)."""
    if not traced.traces:
        return "", "has no trace"
    if traced.gold is None and not unverified:
        return "", "has no gold to check against"
    why: Counter[str] = Counter()
    for trace in sorted(traced.traces, key=lambda t: len(t.thinking) + len(t.solution)):
        flaw = trace.flaw or ("" if trace.thinking and trace.solution else "has no closed thinking")
        flaw = flaw or unreadable(traced.question, trace, limits)
        if not flaw and traced.gold is not None:
            truth = encode("math", answer=traced.gold)
            found = compute_score("math", response(trace, form), truth)
            flaw = "" if found["acc"] == 1.0 else f"is not right by our scorer ({found['outcome']})"
        if not flaw:
            return response(trace, form), ""
        why[flaw] += 1
    return "", why.most_common(1)[0][0]


def convert(
    rows: Iterable[Row],
    chosen: CotSet,
    style: Style,
    left_out: list[LeftOut],
    form: str = "r1",
    limits: Limits = Limits(),  # frozen
    unverified: bool = False,
) -> Iterator[SftRow]:
    """One row for each problem that has a good trace; the rest goes to `left_out` with the reason.

    unverified: keep traces of problems without a gold, unchecked.
    """
    seen: set[str] = set()
    for at, row in enumerate(progress(rows, f"{chosen.name}: reading traces")):
        try:
            traced = chosen.read(row)
        except Unusable as error:
            left_out.append(LeftOut(at, str(error)))
            continue
        name = key(traced.question)
        text, why = ("", "repeats an earlier problem") if name in seen else best(traced, limits, form, unverified)
        if why:
            left_out.append(LeftOut(at, why, traced.question[:80]))
            continue
        seen.add(name)
        truth = encode("math", answer=traced.gold) if traced.gold is not None else ""
        meta = {"set": chosen.name, "row": at, **({"source": traced.source} if traced.source else {})}
        yield SftRow((*style.build(traced.question), ("assistant", text)), truth, traced.question, at, meta)


def schema() -> Any:
    """The Arrow schema of the supervised files (veRL's SFT trainer reads `messages`)."""
    import pyarrow as pa

    text = pa.string()
    message = pa.struct([("role", text), ("content", text)])
    plain = [("ground_truth", text), ("question", text), ("index", pa.int64()), ("meta", text)]
    return pa.schema([("messages", pa.list_(message)), *plain])


def to_columns(row: SftRow) -> Mapping[str, Any]:
    """The row under the schema's names."""
    return {
        "messages": [{"role": role, "content": content} for role, content in row.messages],
        "ground_truth": row.ground_truth,
        "question": row.question,
        "index": row.row,
        "meta": json.dumps(row.meta, sort_keys=True, ensure_ascii=False),
    }
