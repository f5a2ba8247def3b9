"""`r1-verl check FILE ...`: is a Parquet file what veRL and our scorers need?

Each fault is one line of a table: what, how often, where first, and what to do. Nothing is changed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1_verl.data import read
from r1_verl.data.check_rows import ERROR, WARNING, Fault, Found, check_rows, check_together, question_key
from r1_verl.data.example import DataError, is_older, reason, schema
from r1_verl.data.rendering import find_faults, load_tokenizer
from r1_verl.data.write import progress, read_provenance
from r1_verl.scorers import find_reward


def check_file(
    path: str | Path,
    tokenizer: Any = None,
    max_prompt_length: int | None = None,
    raw: bool | None = None,
    reward: str = "",
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The rows of a file (empty if unreadable) and its faults.

    tokenizer: a transformers tokenizer; with it the prompts are rendered as veRL does. raw: whether the recipe sets the
    pass-through template; None: it does so for rows whose prompt is raw. reward: the one that a recipe names for all
    rows; "" for that of each row's data source.
    """
    path = Path(path)
    if not path.is_file():
        return [], [Fault(ERROR, "there is no such file", "prepare it with a script of data_prep/, or mend the path")]
    try:
        table = read.table(path)
        rows = table.to_pylist()
    except (DataError, UnicodeDecodeError) as error:
        why, kind = reason(error.__cause__ or error, 120), "JSON" if path.suffix in (".json", ".jsonl") else "Parquet"
        return [], [Fault(ERROR, f"cannot be read as {kind} ({why})", "prepare it again: it is truncated or foreign")]
    if not table.num_rows:
        return [], [Fault(ERROR, "has no rows", "prepare it again; look at what its provenance lists as left out")]
    missing = [name for name in schema().names if name not in table.schema.names]
    if missing:
        fix = f"veRL needs {', '.join(schema().names)}: prepare it with a script of data_prep/"
        return [], [Fault(ERROR, f"has no column {', '.join(missing)}", fix)]
    faults = []
    if not table.schema.remove_metadata().equals(schema()) and not is_older(table.schema):
        other = [f.name for f in schema() if table.schema.field(f.name).type != f.type] or ["(more columns)"]
        faults.append(
            Fault(
                WARNING, f"differs from the common schema in {', '.join(other)}", "it will not concatenate with others"
            )
        )
    elif path.suffix in (".json", ".jsonl") or not read_provenance(path):
        faults.append(Fault(WARNING, "carries no provenance", "prepare it with a script of data_prep/"))
    found = Found()
    check_rows(found, progress(rows, f"checking {path.name}", len(rows)), reward)
    check_together(found, rows)
    if tokenizer is not None:
        find_faults(found.add, rows, tokenizer, max_prompt_length, raw)
    return rows, faults + found.faults()


def leaks(files: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, Fault]]:
    """Problems of a test split that are in a train split of another (or the same) file."""
    train: dict[str, str] = {}
    for name, rows in files.items():
        for row in rows:
            if isinstance(row["extra_info"], Mapping) and row["extra_info"].get("split") == "train":
                train.setdefault(question_key(row), name)
    train.pop("", None)  # no question is known of these rows
    for name, rows in files.items():
        hit = [
            at
            for at, row in enumerate(rows)
            if isinstance(row["extra_info"], Mapping)
            and row["extra_info"].get("split") == "test"
            and question_key(row) in train
        ]
        if hit:
            where, *others = sorted({train[question_key(rows[at])] for at in hit})
            fix = f"drop them: data_prep/overlap.py {where} {name} --by text --drop FILE"
            fix += f", and so for {', '.join(others)}" if others else ""
            what = f"test problems are in the training rows of {', '.join((where, *others))}"
            yield name, Fault(ERROR, what, fix, tuple(hit[:3]), len(hit))


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Check Parquet files; the exit status is 1 if one of them is unusable."
    parser.epilog = "example:\n  r1-verl check data/gsm8k/*.parquet --tokenizer Qwen/Qwen2.5-1.5B"
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--tokenizer", metavar="MODEL", help="render the prompts with its chat template (folder or hub name)"
    )
    parser.add_argument("--max-prompt-length", type=int, metavar="N", help="in tokens, as data.max_prompt_length")
    parser.add_argument(
        "--reward", metavar="NAME", default="", help="the reward that the recipe names (r1_verl.pays), for all rows"
    )
    parser.add_argument("--raw", action="store_true", default=None, help="the recipe sets the pass-through template")


def run(args: argparse.Namespace) -> int:
    if args.max_prompt_length is not None and not args.tokenizer:
        raise DataError("--max-prompt-length needs --tokenizer")
    if args.reward:
        find_reward(args.reward)
    tokenizer = load_tokenizer(args.tokenizer) if args.tokenizer else None
    rows, results = {}, {}
    for name in args.files:
        rows[name], results[name] = check_file(name, tokenizer, args.max_prompt_length, args.raw, args.reward)
    for name, fault in leaks(rows):
        results[name].append(fault)
    print(table(results, {name: len(found) for name, found in rows.items()}))
    sources = Counter(str(row["data_source"]) for found in rows.values() for row in found)
    if sources:
        print("data sources: " + ", ".join(f"{name} {count}" for name, count in sources.most_common(20)))
    return int(any(fault.level == ERROR for found in results.values() for fault in found))
