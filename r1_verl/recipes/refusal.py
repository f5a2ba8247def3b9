"""What Hydra has against a recipe or an override, as one line with the fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any


def line(error: Exception, overrides: Sequence[str], known: Callable[[], Iterable[str]], recipes: list[str]) -> str:
    """The line. known: the keys that the recipe has without the overrides; recipes: the names of ours."""
    text = " ".join(str(error).split())
    if wrong := next((word for word in overrides if not _parses(word)), None):
        key, _, value = wrong.partition("=")
        if not re.fullmatch(r"[~+]*\w[\w-]*([./@:]\w[\w-]*)*", key, re.ASCII):
            return f"{key!r} is no setting's name: write KEY=VALUE, as trainer.total_epochs=2"
        quotes = f"close its brackets and quotes, or quote it for Hydra too: \"{key}='...'\""
        return f"the value of {wrong!r} cannot be read: {'it begins with =' if value[:1] == '=' else quotes}"
    if found := re.match(r"Could not override '(.*?)'(?!.*No match in the defaults list)", text):
        key, there = found[1], list(known())
        if key in there:
            return f"{key} holds settings of its own: write one of them, as {key}.KEY=VALUE"
        return f"there is no setting {key}{_near(key, there)} (a new one of your own is added by +{key}=...)"
    if found := re.match(r"Could not override '(.*?)'", text):
        return f"nothing chooses {found[1]} yet: write +{found[1]}=..."
    if found := re.search(r"Could not delete from config\. '(.*?)' does not exist", text):
        return f"there is no setting {found[1]} to delete{_near(found[1], known())}"
    if found := re.search(r"Could not (?:find|load) '(.*?)'", text):
        options = re.search(r"Available options in '.*?': (.*?)(?: Config search path|$)", text)
        group, _, name = found[1].rpartition("/")
        if options:
            return f"there is no {group} {name!r}: choose {', '.join(options[1].split())}"
        return f"its `defaults` name {found[1]!r}, which is neither beside it nor one of ours{_near(name, recipes)}"
    if "Could not append to config" in text and (found := re.search(r"'([^']*)'", text)):
        return f"the setting {found[1]} is there already: write {found[1]}=... without +"
    if found := re.match(r"Ambiguous value for argument '(.*?)=(.*?)'", text):
        return f"{found[1]}={found[2]} is two values: write {found[1]}=[{found[2]}] for a list"
    if found := re.match(r"Error merging override (\S+?)=(.*)", text):
        kinds = ("a mapping", "a list") if found[2].startswith("[") else ("a list", "a mapping")
        both = f"'~{found[1]}' '+{found[1]}={found[2]}'"
        return f"{found[1]} is {kinds[0]} in the recipe and {found[2]} is {kinds[1]}: take the old one out, {both}"
    if "Cannot merge DictConfig with ListConfig" in text:
        return (
            "a key (r1_verl.pays?) is a list in one of its recipes and a mapping in another, and Hydra merges neither "
            "into the other: write the form that stands in the recipe that it builds on"
        )
    return text.partition(" See https://hydra.cc")[0]


def _parses(word: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def _near(word: str, known: Iterable[str]) -> str:
    """The nearest of the known ones, by the whole key or by its last part; "" if none is near."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.8)
    if not near:
        by_end = {key.rpartition(".")[2]: key for key in known}
        near = [by_end[end] for end in difflib.get_close_matches(word.rpartition(".")[2], by_end, n=1, cutoff=0.8)]
    return f"; did you mean {near[0]}?" if near else ""


def keys(config: Any, prefix: str = "") -> Iterator[str]:
    """Every key of a configuration, as it is written in an override."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield f"{prefix}{key}"
            yield from keys(value, f"{prefix}{key}.")
