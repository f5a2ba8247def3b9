"""The registry: every reward by its name, and which one judges which data source.

A scorer is a pure function `strict(solution_str, ground_truth, extra_info, **options) -> Score | bool`. It reads the
response alone (veRL decodes no prompt), never raises on it, returns in bounded time from any thread and never evaluates
model text. Every scorer registers with `@scorer` when its module is imported: the built-in ones from this folder, third
parties' from modules named by the entry-point group `r1_verl.scorers` or by the environment variable R1_VERL_SCORERS
(comma-separated module names). A registered environment needs no scorer: `episodes.py` judges the data source of its
name by playing the episode again.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from r1_verl import environments
from r1_verl.names import UnknownNameError, broken, load_plugins, unknown_name
from r1_verl.score import SCALES, Scale, Score

Judge = Callable[..., "Score | bool"]
MODES = ("strict", "faithful")


@dataclass(frozen=True)
class Scorer:
    """A registered scorer. strict: the reward with its holes closed. faithful: the published one, None if none was.

    task: the task whose ground truths it reads, "" for any.
    """

    name: str
    strict: Judge
    faithful: Judge | None
    scale: Scale
    sources: tuple[str, ...]
    owner: str
    options: frozenset[str]
    task: str = ""


_scorers: dict[str, Scorer] = {}
# Published rewards after which the data sources of Countdown's rows were once named.
_ONCE_COUNTDOWN = ("mini_r1", "unlock_deepseek", "oat_zero")
_failures: dict[str, str] = {}  # third-party module -> why it did not load
_loaded = False
_lock = threading.RLock()  # veRL calls scorers from a thread pool


def scorer(
    name: str,
    *,
    sources: Iterable[str] = (),
    faithful: Judge | None = None,
    scale: str = "parts",
    task: str = "",
    ladder: str = "",
) -> Callable[[Judge], Judge]:
    """Register the decorated function as the strict scorer `name` of the data sources `sources` (shell patterns).

    sources: by default the name and what begins with the name and a slash. faithful: the published reward, if there is
    one. scale: the reward scale used unless a recipe names another. task: what a canonical ground truth calls the task
    ("math"), so that a recipe whose data are of another task is refused; "" takes any. ladder: the old name of scale.
    The decorator can be stacked. Raises ValueError if the name or a source is already taken, naming both owners.
    """
    if ladder:
        note_ladder()

    def register(strict: Judge) -> Judge:
        new = Scorer(
            name, strict, faithful, find_scale(ladder or scale), tuple(sources) or (name, f"{name}/*"),
            f"{strict.__module__}.{strict.__qualname__}", _option_names(strict) | _option_names(faithful), task,
        )  # fmt: skip
        with _lock:
            for old in _scorers.values():
                if old.owner == new.owner and old.name == name:
                    continue  # the same module imported again
                taken = sorted(set(old.sources) & set(new.sources)) or ([name] if old.name == name else [])
                if taken:
                    raise ValueError(
                        f"scorer {name!r} of {new.owner} claims {', '.join(map(repr, taken))}, which "
                        f"{old.name!r} of {old.owner} has already: rename one of them"
                    )
            _scorers[name] = new
            find_scorer.cache_clear()
            resolve.cache_clear()
            task_source.cache_clear()
        return strict

    return register


def _option_names(function: Judge | None) -> frozenset[str]:
    parameters = list(inspect.signature(function).parameters.values())[3:] if function else []
    return frozenset(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))


def load_all() -> None:
    """Import the built-in scorers, then third parties' (entry points and R1_VERL_SCORERS), once."""
    global _loaded
    with _lock:
        if _loaded:
            return
        _loaded = True
        for module in pkgutil.iter_modules(__path__):
            if not module.ispkg:
                importlib.import_module(f"{__name__}.{module.name}")
        _failures.update(load_plugins("scorer", "r1_verl.scorers", "R1_VERL_SCORERS"))
        _add_environments()


def _add_environments() -> bool:
    """Have the environments that no scorer is named after judged by playing the episode again; whether there are new
    ones."""
    from r1_verl.scorers import episodes

    with _lock:
        claimed = {source for entry in _scorers.values() for source in (*entry.sources, entry.name)}
        new = [each.name for each in environments.environments() if each.name not in claimed]
        for name in new:
            scorer(name, faithful=episodes.faithful, task=name)(episodes.strict)
    return bool(new)


@lru_cache(maxsize=4096)
def find_scorer(data_source: str) -> Scorer:
    """The scorer of a data source: an exact name first, then the longest matching pattern. Raises UnknownNameError."""
    load_all()
    best: tuple[int, Scorer | None] = (-1, None)
    for entry in _scorers.values():
        for pattern in entry.sources:
            if pattern == data_source:
                return entry
            if len(pattern) > best[0] and fnmatchcase(str(data_source), pattern):
                best = (len(pattern), entry)
    if best[1] is None and _add_environments():
        return find_scorer(data_source)
    if best[1] is None:
        known = [pattern for entry in _scorers.values() for pattern in entry.sources]
        raise UnknownNameError(unknown_name("data source", data_source, known) + broken(_failures))
    return best[1]


def find_reward(name: str) -> Scorer:
    """The scorer registered under a name, as a recipe names its reward. Raises UnknownNameError."""
    load_all()
    if not isinstance(name, str) or (name not in _scorers and not (_add_environments() and name in _scorers)):
        raise UnknownNameError(unknown_name("reward", name, _scorers) + broken(_failures))
    return _scorers[name]


def find_scale(name: str) -> Scale:
    """A reward scale by name. Raises UnknownNameError."""
    if not isinstance(name, str) or name not in SCALES:
        raise UnknownNameError(unknown_name("scale", name, SCALES))
    return SCALES[name]


@lru_cache(maxsize=1)
def note_ladder() -> None:
    """Say once that `ladder` is the old name of `scale`."""
    print("r1_verl: `ladder` is called `scale` now; the next version no longer takes the old name", file=sys.stderr)


@lru_cache(maxsize=4096)
def resolve(data_source: str, mode: str, scale: str | None, reward: str = "") -> tuple[Scorer, Judge, Scale]:
    """The scorer, its function for the mode, and the reward scale of a call.

    The scorer is the one named `reward`; without a name, the data source's. Raises UnknownNameError.
    """
    if mode not in MODES:
        raise UnknownNameError(unknown_name("mode", mode, MODES))
    entry = find_reward(reward) if reward else find_scorer(data_source)
    chosen = entry.strict if mode == "strict" else entry.faithful
    if chosen is None:
        raise UnknownNameError(f"scorer {entry.name!r} has no published reward: use mode='strict'")
    return entry, chosen, find_scale(scale) if scale else entry.scale


@lru_cache(maxsize=4096)
def task_source(data_source: str) -> str:
    """The data source as it is named now, without the reward that earlier versions named it after.

    `drgrpo/math8k` is `math8k`, `mini_r1/3` is `countdown/3`; any other name stays.
    """
    head, slash, rest = str(data_source).partition("/")
    if head in _ONCE_COUNTDOWN:
        return f"countdown{slash}{rest}"
    mathematics = {entry.name: entry.sources for entry in scorers() if entry.task == "math"}
    known = rest and head in mathematics and any(rest.partition("/")[0] in names for names in mathematics.values())
    return rest if known else str(data_source)


def known_options() -> frozenset[str]:
    """Every keyword that some registered scorer takes."""
    load_all()
    return frozenset().union(*(entry.options for entry in _scorers.values()))


def scorers() -> tuple[Scorer, ...]:
    """All registered scorers, built-ins first."""
    load_all()
    return tuple(_scorers.values())
