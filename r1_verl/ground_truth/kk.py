"""The solution of a Knights-and-Knaves puzzle, in every form that ground truths have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl.ground_truth import decode

ROLES = ("knight", "knave")
MAX_PEOPLE = 64

# What a word of an answer is: a person, a role, a role of several, "are", or a word without a say in who is what.
NAME, ROLE, ROLES_OF_SEVERAL, SEVERAL, FILLER = range(5)
_FILLERS = (
    "a", "an", "the", "is", "be", "must", "and", "so", "therefore", "thus", "hence", "finally", "then", "while",
    "whereas", "but", "we", "have", "conclude", "that", "here", "in", "conclusion", "final", "answer", "solution",
    "identity", "identities", "role", "roles", "of", "each", "character", "characters", "person", "people",
    "inhabitant", "inhabitants", "as", "follows", "following", "boxed", "text", "textbf",
)  # fmt: skip
_COMMON = dict.fromkeys(_FILLERS, (FILLER, "")) | dict.fromkeys(("are", "both", "all"), (SEVERAL, ""))
_words = re.compile(r"\b[A-Za-z]+\b").findall


class Truth(NamedTuple):
    """What the row says, and what the words of an answer to it mean.

    roles, pair: the two roles. solution: name -> role, in the row's order. meaning: word -> (kind, name or role meant).
    sentence: the words of the canonical answer. All lower case. As the prompts ask to write it: heads "(1) Zoey is a ",
    lines "(1) Zoey is a knight", head_of a line with either role.
    """

    roles: tuple[str, str]
    pair: frozenset[str]
    solution: dict[str, str]
    meaning: dict[str, tuple[int, str]]
    sentence: list[str]
    heads: list[str]
    lines: list[str]
    head_of: dict[str, str]


def read_truth(ground_truth: Any) -> Truth | None:
    """The solution in a ground truth of any accepted form; None if there is none. Never raises.

    Forms: `{"solution_text_format":"(1) Zoey is a knight\\n(2) ..."}` or `{"solution":{"Zoey":"knight", ...}}`, as
    mapping or JSON, with "roles":["saint","sinner"] where they are others (then true and false serve as well); or that
    text alone.
    """
    return _cached(ground_truth) if isinstance(ground_truth, str) else _from_value(ground_truth)


@lru_cache(maxsize=65536)
def _cached(text: str) -> Truth | None:
    value = decode(text)
    return _from_text(text, ROLES) if value is None else _from_value(value)


def _from_value(value: Any) -> Truth | None:
    if not isinstance(value, Mapping) or value.get("task", "kk") != "kk":
        return None
    try:
        roles = tuple(str(role).lower() for role in value["roles"]) if value.get("roles") is not None else ROLES
    except TypeError:
        return None
    solution, text = value.get("solution"), value.get("solution_text_format")
    if isinstance(solution, Mapping):
        return _build(solution.items(), roles)
    return _from_text(text, roles) if isinstance(text, str) else None


@lru_cache(maxsize=65536)
def _from_text(text: str, roles: tuple[str, ...]) -> Truth | None:
    """A line for each person, as upstream reads them: the first word, and the first role word behind it."""
    claims: dict[str, str] = {}
    for line in text[:10_000].split("\n"):
        name, *rest = _words(line) or [""]
        role = next((word for word in map(str.lower, rest) if word in roles), None)
        if role:
            claims[name] = role
    return _build(claims.items(), roles)


def _build(claims: Iterable[tuple[Any, Any]], roles: tuple[str, ...]) -> Truth | None:
    if len(set(roles)) != 2 or len(roles) != 2 or not all(role.isascii() and role.isalpha() for role in roles):
        return None
    solution: dict[str, str] = {}
    for name, role in claims:
        word = str(name).lower()
        told = roles[not role] if isinstance(role, bool) else str(role).lower()
        if told not in roles or word in solution or word in roles or not (word.isascii() and word.isalpha()):
            return None
        solution[word] = told
    if not 0 < len(solution) <= MAX_PEOPLE:
        return None
    plurals = {role + ending: (ROLES_OF_SEVERAL, role) for role in roles for ending in ("s", "es")}
    names = {name: (NAME, name) for name in solution}
    meaning = _COMMON | plurals | {role: (ROLE, role) for role in roles} | names
    sentence = [word for name, role in solution.items() for word in (name, "is", "a", role)]
    heads = [f"({i}) {name.title()} is a " for i, name in enumerate(solution, 1)]
    lines = [head + role for head, role in zip(heads, solution.values(), strict=True)]
    head_of = {head + role: head for head in heads for role in roles}
    return Truth((roles[0], roles[1]), frozenset(roles), solution, meaning, sentence, heads, lines, head_of)
