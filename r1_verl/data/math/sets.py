"""The mathematics data sets: where each one is on the hub, and how a row of each known form is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from r1_verl.data.math.prompts import unwrap
from r1_verl.ground_truth import decode
from r1_verl.response import last_boxed

Row = Mapping[str, Any]


class Problem(NamedTuple):
    """One problem. answers: several are alternatives. id: the source's own, if it is meant to be unique."""

    question: str
    answers: tuple[str, ...]
    difficulty: float | None = None
    id: str = ""
    meta: Mapping[str, Any] = MappingProxyType({})


class Unusable(ValueError):
    """A row without a usable problem; the message is the reason it is left out."""


@dataclass(frozen=True)
class MathSet:
    """A data set. name: its data source; hub, config: where it is; test: the hub split with its test rows, if any."""

    name: str
    hub: str
    read: Callable[[Row], Problem]
    config: str | None = None
    test: str | None = None
    style: str = "instruct"


def first(row: Row, *columns: str) -> Any:
    """The first of these columns that holds something, else None."""
    return next((row[c] for c in columns if row.get(c) not in (None, "", [])), None)


def answers_of(value: Any) -> tuple[str, ...]:
    """Answers as texts: numbers without a needless ".0", lists as alternatives, blanks and empty ones dropped."""
    if isinstance(value, list | tuple):
        return tuple(text for item in value for text in answers_of(item))
    if value is None or isinstance(value, bool):
        return ()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return (text,) if text else ()


def whole_number(text: str) -> str:
    """A plain whole number without leading zeros, thousands commas and ".0" ("025", "1,234", "27.0"), else the text."""
    plain = re.fullmatch(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.0*)?", text, re.ASCII)
    return f"{plain[1]}{int(plain[2].replace(',', ''))}" if plain and len(text) < 100 else text


def level(row: Row) -> float | None:
    """The number in `level` or `difficulty` ("Level 3", 3, 4.5); None for "Level ?" and the like."""
    found = re.search(r"\d+(?:\.\d+)?", str(first(row, "level", "difficulty") or ""))
    return float(found[0]) if found else None


def _meta(row: Row, *columns: str) -> dict[str, Any]:
    return {c: row[c] for c in columns if row.get(c) not in (None, "", [])}


def question_of(row: Row, *columns: str) -> str:
    """The problem text: the first of these columns, else that of a prepared row's prompt. Raises Unusable."""
    found = first(row, *columns)
    if found is None and isinstance(row.get("prompt"), list) and row["prompt"]:
        found = unwrap(str(row["prompt"][-1].get("content", "")))  # prepared for veRL, ours or another's
    elif found is None and isinstance(row.get("prompt"), str):
        found = unwrap(row["prompt"])
    if not isinstance(found, str) or not found.strip():
        raise Unusable("has no problem text")
    return found


def answer(row: Row, *columns: str) -> Any:
    """The first of these columns that holds something (0 is something), else the answer of a row prepared for veRL."""
    found = first(row, *columns)
    if found is not None:
        return found
    model = row.get("reward_model")
    truth = decode_json(model.get("ground_truth")) if isinstance(model, Mapping) else None
    return first(truth, "answer", "answers") if isinstance(truth, Mapping) else truth


def decode_json(value: Any) -> Any:
    """A JSON object's value; anything else as it came."""
    found = decode(value) if isinstance(value, str) and value.startswith("{") else None
    return found if isinstance(found, Mapping) else value


def _checked(problem: Problem) -> Problem:
    if not problem.answers:
        raise Unusable("has no answer")
    return problem


def read_gsm8k(row: Row) -> Problem:
    """openai/gsm8k: the number after `####`, commas dropped as upstream does. Difficulty: marked calculations."""
    question, given = question_of(row, "question", "problem"), answer(row, "answer", "solution")
    text = "" if given is None else str(given)
    if "####" in text:
        text = text.rpartition("####")[2]
    elif row.get("reward_model") is None:
        raise Unusable("has no #### in its answer")
    steps = str(row.get("answer", "")).count("<<")  # its calculations are marked <<...>>
    return _checked(Problem(question, answers_of(text.replace(",", "").replace("$", "")), float(steps) or None))


def read_math(row: Row) -> Problem:
    """MATH and its kin: the last box of the worked solution, unless an answer stands by itself."""
    question = question_of(row, "problem", "question")
    given = answer(row, "answer", "gt_answer", "ground_truth_answer")
    if given is None:
        solution = first(row, "solution")
        given = last_boxed(solution) if isinstance(solution, str) else None
        if given is None:
            raise Unusable("its solution has no box")
    meta = _meta(row, "subject", "type", "level", "unique_id")
    return _checked(Problem(question, answers_of(given), level(row), str(row.get("unique_id") or ""), meta))


def read_math8k(row: Row) -> Problem:
    """MATH-8K: true level in the column `level`; two rows have no answer."""
    question = question_of(row, "question")
    given = answer(row, "gt_answer", "ground_truth_answer", "answer")
    return _checked(Problem(question, answers_of(given), level(row), "", _meta(row, "subject", "level", "unique_id")))


def read_deepscaler(row: Row) -> Problem:
    """DeepScaleR: strings, floats and lists as answers; leading zeros in AIME's."""
    answers = tuple(whole_number(a) for a in answers_of(first(row, "answer")))
    meta = _meta(row, "year", "aime_number", "problem_number", "type")
    return _checked(Problem(question_of(row, "problem"), answers, level(row), "", meta))


def read_prepared(row: Row) -> Problem:
    """DAPO-Math-17k in its own form (veRL's columns) or in open-r1's processed one."""
    given = answer(row, "solution", "answer")
    info = row.get("extra_info") or {}
    known = info.get("index") if isinstance(info, Mapping) else None
    return _checked(
        Problem(
            question_of(row, "problem"), answers_of(given), meta={"source_index": known} if known is not None else {}
        )
    )


def read_orz(row: Row) -> Problem:
    """Open-Reasoner-Zero: a pair of turns, the second with the gold; its evaluation files have prompt, final_answer."""
    if "final_answer" in row:
        return _checked(Problem(question_of(row, "prompt"), answers_of(row["final_answer"])))
    turns = row.get("conversation")
    if not isinstance(turns, list) or len(turns) != 2 or not all(isinstance(turn, Mapping) for turn in turns):
        raise Unusable("is no pair of turns")
    truth = turns[1].get("ground_truth")
    given = truth.get("value") if isinstance(truth, Mapping) else truth
    return _checked(Problem(question_of({"value": turns[0].get("value")}, "value"), answers_of(given)))


def read_openr1(row: Row) -> Problem:
    """OpenR1-Math: proofs have no answer to check, and a choice without its options cannot be answered."""
    kind = str(row.get("question_type") or "")
    if kind.lower() == "proof":
        raise Unusable("asks for a proof")
    question, answers = question_of(row, "problem"), answers_of(first(row, "answer"))
    if len(answers) == 1 and re.fullmatch(r"\(?[A-E]\)?", answers[0]) and not re.search(r"\b[(]?[B-E][).:]", question):
        raise Unusable("is a choice without its options")
    meta = _meta(row, "problem_type", "question_type", "source", "uuid")
    return _checked(Problem(question, answers, id=str(row.get("uuid") or ""), meta=meta))


SETS = {
    s.name: s
    for s in (
        MathSet("gsm8k", "openai/gsm8k", read_gsm8k, "main", "test", "marked"),
        MathSet("math", "DigitalLearningGmbH/MATH-lighteval", read_math, test="test"),
        MathSet("math8k", "hkust-nlp/SimpleRL-Zoo-Data", read_math8k, "simplelr_qwen_level3to5", "test", "simplerl"),
        MathSet("numina_tir", "AI-MO/NuminaMath-TIR", read_math, test="test", style="openr1"),
        MathSet("deepscaler", "agentica-org/DeepScaleR-Preview-Dataset", read_deepscaler, style="deepscaler"),
        # BytedTsinghua-SIA's own file holds every problem a hundred times; this is the same, each once.
        MathSet("dapo", "open-r1/DAPO-Math-17k-Processed", read_prepared, "all", style="dapo"),
        MathSet("orz", "Open-Reasoner-Zero/orz_math_57k_collection", read_orz, style="orz"),
        MathSet("openr1_math", "open-r1/OpenR1-Math-220k", read_openr1, "default", style="openr1_main"),
    )
}
