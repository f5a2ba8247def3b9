"""The solution of a Knights-and-Knaves puzzle, in every form that ground truths have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from r1_verl.ground_truth import decode

ROLES = ("knight", "knave")
MAX_PEOPLE = 64

# Word classes of an answer: name, role, plural role, "are/both/all", filler.
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

    roles: the two roles. solution: name -> role, in the row's order. meaning: word -> (class, name or role meant). All
    three in lower case. lines: the answer as the prompts ask for it, such as "(1) Zoey is a knight".
    """

    roles: tuple[str, str]
    solution: dict[str, str]
    meaning: dict[str, tuple[int, str]]
    lines: list[str]


def read_truth(ground_truth: Any) -> Truth | None:
    """The solution in a ground truth of any accepted form; None if there is none. Never raises.

    Forms: `{"solution_text_format":"(1) Zoey is a knight\\n(2) ..."}` or `{"solution":{"Zoey":"knight", ...}}`, as a
    mapping or JSON, with "roles":["saint","sinner"] for other roles than these (true and false in "solution" mean the
    first and the second); or the text of the first form alone.
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
    """A line for each person, as upstream reads them: the first word, and the first role word after it."""
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
        role = roles[not role] if isinstance(role, bool) else str(role).lower()
        if role not in roles or word in solution or word in roles or not (word.isascii() and word.isalpha()):
            return None
        solution[word] = role
    if not 0 < len(solution) <= MAX_PEOPLE:
        return None
    plurals = {role + ending: (ROLES_OF_SEVERAL, role) for role in roles for ending in ("s", "es")}
    names = {name: (NAME, name) for name in solution}
    meaning = _COMMON | plurals | {role: (ROLE, role) for role in roles} | names
    lines = [f"({i}) {name.title()} is a {role}" for i, (name, role) in enumerate(solution.items(), 1)]
    return Truth((roles[0], roles[1]), solution, meaning, lines)
