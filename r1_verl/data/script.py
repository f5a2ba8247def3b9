"""What the scripts in data_prep/ share: arguments, dry run, errors as one line."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from r1_verl.data.example import DataError, Example
from r1_verl.data.gold import gold_response
from r1_verl.data.prompts import PASS_THROUGH, Style
from r1_verl.data.rendering import render
from r1_verl.data.write import LeftOut, summary, versions, write_set

_DRY_ROWS = 3
ONCE = {"marked_bias": "marked", "grpo_bias": "deepscaler"}  # styles of earlier versions
# They change how fast or where, not what is written.
_NOT_RECORDED = frozenset({"out", "source", "processes", "dry_run", "command"})


class Parser(argparse.ArgumentParser):
    """argparse's parser: the description as it is written, and a mistake as one line without the usage."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n({self.prog} -h tells what it takes)\n")


def parser(description: str, out: str, styles: Mapping[str, Style], style: str, source: str) -> Parser:
    """The arguments that every script has. source: the default of --source and what it may be, "generate|hub|PATH"."""
    p = Parser(description)
    default = source.split("|")[0]
    p.add_argument("--source", default=default, metavar=source, help=f"where the rows come from (default {default})")
    p.add_argument("--out", default=out, metavar="DIR", help=f"folder for the Parquet files (default {out})")
    p.add_argument(
        "--style", default=style, choices=list(styles), type=_style(styles), help=f"prompt style (default {style})"
    )
    p.add_argument("--limit", type=positive, metavar="N", help="use only the first N rows of the source")
    p.add_argument("--seed", type=count, default=0, help="for everything random")
    p.add_argument(
        "--think-in-prompt", action="store_true", help="the model's chat template opens <think> (R1-Distill)"
    )
    p.add_argument("--dry-run", action="store_true", help="print the first rows as the model will see them, write none")
    return p


def _style(styles: Mapping[str, Style]) -> Callable[[str], str]:
    """A style's name, for argparse. Styles that differed from another in the reward alone are gone."""

    def named(text: str) -> str:
        now = ONCE.get(text)
        if text not in styles and now in styles:
            raise argparse.ArgumentTypeError(f"{text!r} is {now!r} now: the same prompt; a recipe names the reward")
        return text

    return named


def count(text: str) -> int:
    """A whole number from 0 up, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    if not count(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def number(text: str) -> float:
    """A number, for argparse."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def whole_numbers(text: str) -> tuple[int, ...]:
    """Comma-separated whole numbers, for argparse."""
    return tuple(count(part.strip()) for part in text.split(","))


def add_repeats(p: argparse.ArgumentParser) -> None:
    """--repeats, for sets that hold a problem more than once."""
    p.add_argument(
        "--repeats", choices=["keep", "drop"], default="keep", help="problems that occur again (default keep)"
    )


def counted(record: Mapping[str, Any], rows: int, usable: int, distinct: int) -> str:
    """What a source gave, as one line for people."""
    again = f", {usable - distinct} of them repeat an earlier one" if usable > distinct else ""
    return f"{record['source']}: {rows} rows, {usable} usable{again}"


def run(main: Callable[[], None]) -> None:
    """Run a script's main: what the user can mend becomes one line on stderr and exit status 1 (argparse: 2)."""
    try:
        main()
    except (DataError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing was written")


def provenance(args: argparse.Namespace, script: str, record: Mapping[str, Any], *packages: str) -> dict[str, Any]:
    """What a file came from: the source's record, the arguments that shape it, package versions."""
    arguments = {key: value for key, value in sorted(vars(args).items()) if key not in _NOT_RECORDED}
    for name in ("source", "test_source"):
        if arguments.get(name) not in (None, "hub", "generate", "none"):
            arguments[name] = Path(arguments[name]).name
    return {"script": script, **record, "arguments": arguments, "versions": versions(*packages)}


def finish(
    args: argparse.Namespace,
    script: str,
    parts: Mapping[str, Iterable[Example]],
    record: Mapping[str, Any],
    style: Style,
    left_out: list[LeftOut] | None = None,
    packages: Iterable[str] = (),
) -> None:
    """Write the parts, or print their first rows under --dry-run. record: the source's, for the provenance.

    Under --think-in-prompt every row says so: the messages cannot tell what the model's own template adds.
    """
    if args.think_in_prompt:
        if style.raw:
            raise DataError(
                f"--think-in-prompt is for chat styles; the raw style {args.style} says itself what it opens"
            )
        parts = {name: (replace(e, think_in_prompt=True) for e in examples) for name, examples in parts.items()}
    dropped = left_out if left_out is not None else []
    if args.dry_run:
        for name, examples in parts.items():
            for example in islice(examples, _DRY_ROWS):
                print(show(example, name))
        print(f"{len(dropped)} rows left out{summary(dropped)}\ndry run: nothing was written")
        return
    gc.freeze()  # half a million puzzles are alive: no use in walking them again and again
    counts = write_set(args.out, parts, provenance(args, script, record, *packages), dropped)
    for name, rows in counts.items():
        print(f"{args.out}/{name}.parquet: {rows} rows")
    if dropped:
        print(f"{len(dropped)} rows left out{summary(dropped)}", file=sys.stderr)


def show(example: Example, part: str) -> str:
    """One example for people: the whole prompt if it is raw, else the messages as the chat template gets them."""
    how = "as it is (pass-through template)" if example.raw else "through the model's chat template"
    prefix = "; the prompt opens <think>" if example.think_in_prompt else ""
    lines = [f"=== {part} {example.index} | {example.data_source} | {how}{prefix}"]
    if example.raw:
        messages = [{"role": role, "content": content} for role, content in example.messages]
        lines.append(f"[prompt]\n{render(messages, PASS_THROUGH)}")
    else:
        lines += [f"[{role}]\n{content}" for role, content in example.messages]
    gold = example.gold or gold_response(example.data_source, example.ground_truth, example.reward)
    lines += [f"[ground truth] {example.ground_truth}", f"[a right response] {gold!r}", ""]
    return "\n".join(lines)
