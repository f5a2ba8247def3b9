"""The row checks of `r1-verl check`: what is wrong, how often, where first, and what to do."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.rendering import is_raw, opens_think, render

ERROR, WARNING = "error", "warning"
_ROLES = ("system", "user", "assistant", "tool")


class Fault(NamedTuple):
    """One kind of fault in one file. rows: the first places; count: how often; fix: what to do about it."""

    level: str
    what: str
    fix: str
    rows: tuple[int, ...] = ()
    count: int = 1


class Found:
    """Collects faults row by row, one entry for each kind."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[str, str, str], list[int]] = defaultdict(list)

    def add(self, row: int, what: str, fix: str, level: str = ERROR) -> None:
        self.kinds[level, what, fix].append(row)

    def faults(self) -> list[Fault]:
        found = [Fault(level, what, fix, tuple(rows[:3]), len(rows)) for (level, what, fix), rows in self.kinds.items()]
        return sorted(found, key=lambda fault: (fault.level != ERROR, -fault.count, fault.what))


def check_rows(found: Found, rows: Iterable[Mapping[str, Any]], reward: str = "") -> None:
    """Everything that each row by itself can get wrong. reward: the one that judges all rows, "" for the sources'."""
    for at, row in enumerate(rows):
        if _columns(found, at, row):
            _truth(found, at, row, reward)
            _prompt(found, at, row)


def _columns(found: Found, at: int, row: Mapping[str, Any]) -> bool:
    """Whether the row has the shape that the other checks rely on."""
    good = True

    def no(what: str, fix: str) -> None:
        nonlocal good
        good = False
        found.add(at, what, fix)

    if not isinstance(row["data_source"], str) or not row["data_source"]:
        no("data_source is empty", "set it to a registered source: `r1-verl sources` lists them")
    if not isinstance(row["prompt"], list) or not row["prompt"]:
        no(
            "prompt is no list of messages",
            'write [{"role": "user", "content": ...}]; a plain string is not read by veRL',
        )
    elif not all(isinstance(m, Mapping) and {"role", "content"} <= m.keys() for m in row["prompt"]):
        no("a message has no role or no content", 'each message is {"role": ..., "content": ...}')
    model = row["reward_model"]
    if not isinstance(model, Mapping) or model.get("ground_truth") is None:
        no("reward_model has no ground_truth", "leave the row out: it can never be rewarded")
    elif model.get("style") != "rule":
        found.add(at, 'reward_model.style is not "rule"', 'set it to "rule": nothing else is scored by rules', WARNING)
    info = row["extra_info"]
    if not isinstance(info, Mapping) or not isinstance(info.get("index"), int):
        no("extra_info.index is missing", "number the rows: veRL groups responses and names samples by it")
    return good


def _truth(found: Found, at: int, row: Mapping[str, Any], reward: str) -> None:
    truth, source = row["reward_model"]["ground_truth"], row["data_source"]
    from r1_verl.data.gold import NO_RESPONSE, check_gold
    from r1_verl.reward.named import WrongTaskError
    from r1_verl.score import BAD_GROUND_TRUTH
    from r1_verl.scorers import UnknownNameError

    form = _form(truth)
    try:
        outcome = check_gold(source, truth, row["extra_info"], reward=reward)
        unread = outcome in (NO_RESPONSE, BAD_GROUND_TRUTH) and _unreadable(source, truth, reward)
    except WrongTaskError as error:
        what, _, fix = str(error).partition(": ")
        found.add(at, what, fix)
        return
    except UnknownNameError as error:
        near = str(error).partition("; ")[2]
        fix = "--reward NAME if the recipe names the reward (r1_verl.pays); else " + (near or "register one")
        found.add(at, f"no scorer knows the data source {source!r}", fix)
        return
    if unread:
        what = (
            f"the ground truth {form}, and the reward cannot read it"
            if form
            else "the reward cannot read its ground truth"
        )
        found.add(at, what, "r1_verl.ground_truth.encode(task, ...) writes one; or leave the row out")
        return
    if form:  # another project's own: the reward reads it
        found.add(at, f"the ground truth {form}", "fine by itself; ours is ground_truth.encode(task, ...)", WARNING)
    if outcome == NO_RESPONSE:
        found.add(at, "its gold cannot be checked", "put a right response into extra_info.gold", WARNING)
    elif outcome:
        found.add(at, f"the gold does not score 1.0 ({outcome})", "leave the row out: no right answer is rewarded")


def _form(truth: Any) -> str:
    """In what a ground truth differs from canonical JSON; "" for nothing."""
    if not isinstance(truth, str):
        return "is no string"
    try:
        value = json.loads(truth)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return "is no JSON object"
    if "task" not in value:
        return "names no task"
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == truth
    return "" if canonical else "is not canonical JSON"


def _unreadable(source: str, truth: Any, reward: str) -> bool:
    """Whether the reward can't read a ground truth: then it says so of any response with an answer."""
    from r1_verl.reward import compute_score
    from r1_verl.score import BAD_GROUND_TRUTH

    answer = "<think>\n</think>\n<answer>\\boxed{1}</answer>"
    return compute_score(source, answer, truth, reward=reward or None)["outcome"] == BAD_GROUND_TRUTH


def _prompt(found: Found, at: int, row: Mapping[str, Any]) -> None:
    messages, info = row["prompt"], row["extra_info"]
    roles = [m["role"] for m in messages]
    strange = [role for role in roles if role not in _ROLES]
    if strange:
        found.add(at, f"a message has the role {strange[0]!r}", f"roles are {', '.join(_ROLES)}")
    if roles[-1] != "user":
        found.add(at, f"the last message is the {roles[-1]}'s", "end with the user's: veRL adds the generation prompt")
    if "system" in roles[1:]:
        found.add(at, "the system message is not the first", "put it first: most chat templates refuse it elsewhere")
    if any(not isinstance(m["content"], str) or not m["content"].strip() for m in messages):
        found.add(at, "a message is empty", "leave the row out or mend its source")
        return
    raw = is_raw(row)
    # What a chat template adds to the last message is known with a tokenizer only.
    opens = opens_think(render(messages, PASS_THROUGH) if raw else messages[-1]["content"])
    flag = info.get("think_in_prompt")
    if flag is None:
        found.add(
            at, "extra_info.think_in_prompt is missing", "write true or false: format rewards depend on it", WARNING
        )
    elif opens and not flag:
        found.add(
            at, "the prompt opens <think> but think_in_prompt is false", "set it, or every response scores as open"
        )
    elif raw and flag and not opens:
        found.add(at, "think_in_prompt is true but the raw prompt does not open <think>", "set it to false")
    gold = str(info.get("gold") or "")
    inside = gold[gold.rfind("<answer>") + 8 : gold.rfind("</answer>")] if "</answer>" in gold else ""
    if len(inside) > 12 and inside in "".join(m["content"] for m in messages):
        found.add(at, "the prompt gives the answer away", "take the answer out of the prompt")


def check_together(found: Found, rows: Sequence[Mapping[str, Any]]) -> None:
    """What only several rows can get wrong."""
    numbers: dict[Any, int] = {}
    problems: dict[str, tuple[int, Any]] = {}
    for at, row in enumerate(rows):
        info, model = row["extra_info"], row["reward_model"]
        usual = isinstance(info, Mapping) and isinstance(model, Mapping) and isinstance(row["data_source"], str)
        if not usual or not row["prompt"]:
            continue
        name = (row["data_source"], info.get("split"), info.get("index"))
        if numbers.setdefault(name, at) != at:
            found.add(at, "its index is another row's of the same source and split", "number the rows anew", WARNING)
        question = question_key(row)
        if not question:
            continue
        first, truth = problems.setdefault(question, (at, model.get("ground_truth")))
        if first == at:
            continue
        if truth == model.get("ground_truth") or _agree(row, truth):
            fix = "fine if meant; prepare it with --repeats drop to have each problem once"
            found.add(at, "the problem is there already", fix, WARNING)
        else:
            found.add(
                at, "the problem is there already with another ground truth", "leave both out: one of them is wrong"
            )


def _agree(row: Mapping[str, Any], truth: Any) -> bool:
    """Whether a right response to this row is right by another ground truth too: 1/3 is \\frac13, 1 2 3 is 3 2 1."""
    from r1_verl.data.gold import check_gold, gold_response
    from r1_verl.scorers import UnknownNameError

    source, info = row["data_source"], row["extra_info"]
    try:
        gold = info.get("gold") or gold_response(source, row["reward_model"].get("ground_truth"))
        return bool(gold) and not check_gold(source, truth, info, gold)
    except UnknownNameError:
        return False


def question_key(row: Mapping[str, Any]) -> str:
    """What makes two rows the same problem: extra_info.question, else the last message, without white space."""
    info = row["extra_info"] if isinstance(row["extra_info"], Mapping) else {}
    last = row["prompt"][-1] if isinstance(row["prompt"], list) and row["prompt"] else None
    text = info.get("question") or (last.get("content") if isinstance(last, Mapping) else None)
    return "".join(text.split()) if isinstance(text, str) else ""
