"""`python -m r1_verl check FILE...`: is a Parquet file what veRL and our scorers need?

Each fault is one line of a table: what, how often, where first, and what to do. Nothing is changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1_verl.data.example import DataError, schema
from r1_verl.data.files import progress, read_provenance
from r1_verl.data.rendering import load_tokenizer, rendered

ERROR, WARNING = "error", "warning"
_ROLES = ("system", "user", "assistant", "tool")


class Fault(NamedTuple):
    """One kind of fault in one file. rows: the first places; count: how often; fix: what to do about it."""

    level: str
    what: str
    fix: str
    rows: tuple[int, ...] = ()
    count: int = 1


class _Found:
    """Collects faults row by row, one entry for each kind."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[str, str, str], list[int]] = defaultdict(list)

    def add(self, row: int, what: str, fix: str, level: str = ERROR) -> None:
        self.kinds[level, what, fix].append(row)

    def faults(self) -> list[Fault]:
        found = [Fault(level, what, fix, tuple(rows[:3]), len(rows)) for (level, what, fix), rows in self.kinds.items()]
        return sorted(found, key=lambda fault: (fault.level != ERROR, -fault.count, fault.what))


def check_file(
    path: str | Path, tokenizer: Any = None, max_prompt_length: int | None = None, raw: bool | None = None
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The rows of a file (empty if unreadable) and its faults.

    tokenizer: a transformers tokenizer; with it the prompts are rendered as veRL does. raw: the recipe sets the
    pass-through template; None takes it for rows whose style is raw.
    """
    path = Path(path)
    if not path.is_file():
        return [], [Fault(ERROR, "there is no such file", "prepare it with a script of data_prep/, or mend the path")]
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except Exception as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        return [], [Fault(ERROR, f"cannot be read as Parquet ({why})", "prepare it again: it is truncated or foreign")]
    if not table.num_rows:
        return [], [Fault(ERROR, "has no rows", "prepare it again; look at what its provenance lists as left out")]
    missing = [name for name in schema().names if name not in table.schema.names]
    if missing:
        fix = f"veRL needs {', '.join(schema().names)}: prepare it with a script of data_prep/"
        return [], [Fault(ERROR, f"has no column {', '.join(missing)}", fix)]
    faults = []
    if not table.schema.remove_metadata().equals(schema()):
        other = [f.name for f in schema() if table.schema.field(f.name).type != f.type] or ["(more columns)"]
        faults.append(
            Fault(
                WARNING, f"differs from the common schema in {', '.join(other)}", "it will not concatenate with others"
            )
        )
    elif not read_provenance(path):
        faults.append(Fault(WARNING, "carries no provenance", "prepare it with a script of data_prep/"))
    rows = table.to_pylist()
    found = _Found()
    for at, row in enumerate(progress(rows, f"checking {path.name}", len(rows))):
        if _columns(found, at, row):
            _truth(found, at, row)
            _prompt(found, at, row)
    _together(found, rows)
    if tokenizer is not None:
        rendered(found.add, rows, tokenizer, max_prompt_length, raw)
    return rows, faults + found.faults()


def _columns(found: _Found, at: int, row: Mapping[str, Any]) -> bool:
    """Whether the row has the shape that the other checks rely on."""
    good = True

    def no(what: str, fix: str) -> None:
        nonlocal good
        good = False
        found.add(at, what, fix)

    if not isinstance(row["data_source"], str) or not row["data_source"]:
        no("data_source is empty", "name the scorer: see python -m r1_verl scorers")
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


def _truth(found: _Found, at: int, row: Mapping[str, Any]) -> None:
    truth, source = row["reward_model"]["ground_truth"], row["data_source"]
    from r1_verl.gold import NO_RESPONSE, check_gold
    from r1_verl.scorers import UnknownNameError

    if not isinstance(truth, str):
        found.add(at, "the ground truth is no string", "one canonical JSON string (r1_verl.ground_truth.encode)")
    else:
        try:
            value = json.loads(truth)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            found.add(at, "the ground truth is no JSON object", "encode it: r1_verl.ground_truth.encode(task, ...)")
        elif "task" not in value:
            found.add(at, "the ground truth names no task", "encode it: r1_verl.ground_truth.encode(task, ...)")
        elif json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) != truth:
            found.add(at, "the ground truth is not canonical JSON", "sorted keys, no spaces: ground_truth.encode")
    try:
        outcome = check_gold(source, truth, row["extra_info"])
    except UnknownNameError as error:
        found.add(at, f"no scorer knows the data source {source!r}", str(error).partition("; ")[2] or "register one")
        return
    if outcome == NO_RESPONSE:
        found.add(at, "its gold cannot be checked", "put a right response into extra_info.gold", WARNING)
    elif outcome:
        found.add(at, f"the gold does not score 1.0 ({outcome})", "leave the row out: no right answer is rewarded")


def _prompt(found: _Found, at: int, row: Mapping[str, Any]) -> None:
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
    text = messages[-1]["content"]
    opens, raw = text.rstrip().endswith("<think>"), str(info.get("style") or "").startswith("raw")
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


def _together(found: _Found, rows: Sequence[Mapping[str, Any]]) -> None:
    """What only several rows can get wrong."""
    numbers: dict[Any, int] = {}
    problems: dict[str, tuple[int, Any]] = {}
    for at, row in enumerate(rows):
        info, model = row["extra_info"], row["reward_model"]
        if not isinstance(info, Mapping) or not isinstance(model, Mapping) or not row["prompt"]:
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
        if truth == model.get("ground_truth"):
            found.add(at, "the problem is there already", "drop repeats: data_prep/overlap.py shows them", WARNING)
        else:
            found.add(
                at, "the problem is there already with another ground truth", "leave both out: one of them is wrong"
            )


def question_key(row: Mapping[str, Any]) -> str:
    """What makes two rows the same problem: extra_info.question, else the last message, without white space."""
    info = row["extra_info"] if isinstance(row["extra_info"], Mapping) else {}
    last = row["prompt"][-1] if row["prompt"] else None
    text = info.get("question") or (last.get("content") if isinstance(last, Mapping) else None)
    return "".join(text.split()) if isinstance(text, str) else ""


def leaks(files: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, Fault]]:
    """Problems of a test split that are in a train split of another (or the same) file."""
    train: dict[str, str] = {}
    for name, rows in files.items():
        for row in rows:
            if isinstance(row["extra_info"], Mapping) and row["extra_info"].get("split") == "train":
                train.setdefault(question_key(row), name)
    for name, rows in files.items():
        hit = [
            at
            for at, row in enumerate(rows)
            if isinstance(row["extra_info"], Mapping)
            and row["extra_info"].get("split") == "test"
            and question_key(row) in train
        ]
        if hit:
            where = ", ".join(sorted({train[question_key(rows[at])] for at in hit}))
            fix = f"drop them: data_prep/overlap.py {where} {name} --drop FILE"
            yield (
                name,
                Fault(ERROR, f"test problems are in the training rows of {where}", fix, tuple(hit[:3]), len(hit)),
            )


def table(results: Mapping[str, Sequence[Fault]], counts: Mapping[str, int]) -> str:
    """What was found, for people."""
    lines = []
    for name, faults in results.items():
        verdict = "good" if not faults else "unusable" if any(f.level == ERROR for f in faults) else "usable"
        lines.append(f"{name}: {counts[name]} rows, {verdict}")
        for f in faults:
            where = f" (row {', '.join(map(str, f.rows))}{' ...' if f.count > len(f.rows) else ''})" if f.rows else ""
            times = f"{f.count} x " if f.rows else ""
            lines += [f"  {f.level:7} | {times}{f.what}{where}", f"          | -> {f.fix}"]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check files; the exit status is 1 if one is unusable, 2 for wrong arguments."""
    p = argparse.ArgumentParser(prog="r1-verl check", description=__doc__.splitlines()[0])
    p.add_argument("files", nargs="+", metavar="FILE")
    p.add_argument(
        "--tokenizer", metavar="MODEL", help="render the prompts with its chat template (folder or hub name)"
    )
    p.add_argument("--max-prompt-length", type=int, metavar="N", help="in tokens, as data.max_prompt_length")
    p.add_argument("--raw", action="store_true", default=None, help="the recipe sets the pass-through template")
    args = p.parse_args(argv)
    if args.max_prompt_length is not None and not args.tokenizer:
        p.error("--max-prompt-length needs --tokenizer")
    try:
        tokenizer = load_tokenizer(args.tokenizer) if args.tokenizer else None
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows, results = {}, {}
    for name in args.files:
        rows[name], results[name] = check_file(name, tokenizer, args.max_prompt_length, args.raw)
    for name, fault in leaks(rows):
        results[name].append(fault)
    print(table(results, {name: len(found) for name, found in rows.items()}))
    sources = Counter(row["data_source"] for found in rows.values() for row in found)
    if sources:
        print("data sources: " + ", ".join(f"{name} {count}" for name, count in sources.most_common(20)))
    return int(any(fault.level == ERROR for found in results.values() for fault in found))
