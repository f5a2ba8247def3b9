r"""What an answer says about its letters behind a comma or a bracket: k \in \mathbb{Z}, \text{for all real } x.

It says over what a letter runs, which a gold mostly leaves out. It is taken off if the letter stands in the answer.
"""

from __future__ import annotations

import re

from r1_verl.maths.tables import word_set

_LEAD = r"(?:\\text\{([^{}]{0,40})\}|(\\forall)|((?:for|where|with)(?: (?:all|any|every|each|some))?))? ?"
_MEMBER = re.compile(
    r"[,;]*\(?" + _LEAD + r"([A-Za-z])\\in ?(?:\\mathbb\{?|\\mathbf\{?|\\Bbb ?|\\)?([ZR])(?![a-z])\}?\)?"
)
_FOR_ALL = re.compile(r"[,;]*\(?\\forall ?([a-z])\)?")
_WORDS = re.compile(
    r"[,;]*\(?(?:\\text\{([^{}]{2,60})\}([A-Za-z])?(?:\\text\{([^{}]{2,40})\})?"
    r"|((?:for|where) [a-z ]{1,50})([A-Za-z])?)\)?"
)
_KNOWN = word_set(
    "for all any every each some real reals integer integers constant constants number numbers value values of",
    "where is are an a arbitrary in the and with be being can",
)
_LETTERS_OF_COMMANDS = re.compile(r"\\[A-Za-z]+")
_STARTS = re.compile(r"[,;]|\(|\\text|\\forall|for |where ")
_INTEGERS = frozenset("klmn")  # letters that run over the integers where nothing is said
_INEQUALITY = re.compile(r"[<>]|\\(?:le|ge|ne|lt|gt|leq|geq|neq|leqslant|geqslant)(?![A-Za-z])")


def take_off(text: str) -> tuple[str, str]:
    """A canonical text without its qualifier, and over what the letter runs: "Z", "R", or "" where that is not said."""
    for start in _STARTS.finditer(text):
        at = start.start()
        if not at:
            continue
        found = _read(text[at:])
        if found and all(letter in _LETTERS_OF_COMMANDS.sub(" ", text[:at]) for letter in found[0]):
            rest = text[:at]
            if found[1] == "R" and found[0] in _INTEGERS:
                return text, ""
            if found[1] == "Z" and _INEQUALITY.search(rest):
                return text, ""  # the integers above 5 are not all numbers above 5
            return rest, found[1]
    return text, ""


def _read(text: str) -> tuple[str, str] | None:
    """The letters and the set of a text that is a qualifier."""
    found = _MEMBER.fullmatch(text)
    if found:
        known = found[1] is None or set(found[1].lower().strip(" ,(").split()) <= _KNOWN
        return (found[4], found[5]) if known else None
    if found := _FOR_ALL.fullmatch(text):
        return found[1], ""
    found = _WORDS.fullmatch(text)
    if not found:
        return None
    words = " ".join(filter(None, (found[1], found[3], found[4]))).lower().replace(",", " ").split()
    letters = [word for word in words if len(word) == 1 and word != "a"] + [x for x in (found[2], found[5]) if x]
    others = {word for word in words if len(word) > 1 or word == "a"}
    if len(letters) != 1 or not others <= _KNOWN or not others & {"for", "where", "with"}:
        return None
    integers = bool(others & {"integer", "integers"})
    return letters[0], "Z" if integers else "R" if others & {"real", "reals"} else ""
