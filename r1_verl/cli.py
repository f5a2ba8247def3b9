"""The command line: `r1-verl COMMAND ...`, also `python -m r1_verl COMMAND ...`.

A command lives in its room. Its module has `add_arguments(parser)`, which also gives the parser its description and an
example, and `run(args)`, which returns the exit status. Only the module of the command that was typed is imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the checkout, if this is one
COMMANDS = {
    "train": ("r1_verl.training.launch", "run a recipe: preflight, veRL's trainer, a report; or resume its run"),
    "prepare": ("r1_verl.data.make", "make a recipe's data where they are missing"),
    "doctor": ("r1_verl.doctor", "say what would stop or spoil a recipe's run on this machine, and the fix"),
    "recipes": ("r1_verl.report.recipe_table", "list the recipes, or write the table of them"),
    "sources": ("r1_verl.reward.sources", "list the data sources that have a reward"),
    "evaluate": ("r1_verl.training.evaluate", "ask checkpoints the questions of suites, and judge the responses"),
    "score": ("r1_verl.evaluation.rescore", "score a file of responses, without veRL"),
    "analyse": ("r1_verl.report.analyse", "count what is in responses: thinking, steps, reflection, languages ..."),
    "check": ("r1_verl.data.check", "prove that a Parquet file is what veRL and the rewards need"),
    "guard": ("r1_verl.training.guard", "say where a run's curve shows collapse"),
    "report": ("r1_verl.report.summary", "tables, curves and responses of one run or several, as a page too"),
    "export": ("r1_verl.training.stages", "make an ordinary model folder of a run's checkpoint"),
    "fetch": ("r1_verl.hub.fetch", "download models into the hub's cache, for a machine without network"),
    "nodes": ("r1_verl.cluster", "wait until a Ray cluster has N nodes, and list them"),
    "start-model": ("r1_verl.training.tiny_model", "make the quickstart's small base model"),
}
_EXAMPLES = """examples:
  r1-verl recipes                                    the names of all recipes
  r1-verl doctor quickstart_grpo                     is this machine ready for this recipe?
  r1-verl train quickstart_grpo trainer.save_freq=10
  r1-verl COMMAND -h                                 what a command takes, with an example"""


class _Parser(argparse.ArgumentParser):
    """argparse's parser, with the commands' one form of error and a hint in place of the usage."""

    def __init__(self, **settings: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}\n({self.prog} -h tells what it takes)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. A user's mistake is one line on stderr and status 2."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if threading.current_thread() is threading.main_thread():
        # Ended by a scheduler or `kill`, a command ends what it has started, as at Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    prog = f"r1-verl {arguments[0]}" if arguments and arguments[0] in COMMANDS else "r1-verl"
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of stdout is gone, as in `r1-verl report NAME | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell says of a program that SIGPIPE ended
    except KeyboardInterrupt as error:
        print(f"{prog}: interrupted" + (f"; {error}" if str(error) else ""), file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "r1_verl").partition(".")[0] == "r1_verl":
            raise  # a defect of ours
        print(f"{prog}: {_without(error.name)}", file=sys.stderr)
        return 2
    except Exception as error:
        if _is_omegaconfs(error):
            error = f"a setting is missing, or of the wrong kind: {' '.join(str(error).split())}"
        elif not isinstance(error, _mistakes()):
            raise
        print(f"{prog}: {error}", file=sys.stderr)
        return 2


def _without(package: str) -> str:
    """What to do where a package is missing, as a line."""
    where, setup, venv = (
        f"this Python ({sys.executable}) has no package {package}",
        ROOT / "run_scripts/setup.sh",
        ROOT / ".venv",
    )
    activate = shlex.join(["source", f"{venv}/bin/activate"])
    if not setup.is_file():
        return f"{where}: pip install 'r1-verl[train]' and vllm, or work in a checkout of the repository"
    if (venv / "bin/python").exists() and Path(sys.prefix) != venv:
        return f"{where}; the one of {venv} has: {activate}"
    return f"{where}: {shlex.join(['bash', str(setup)])} sets an environment up, then: {activate}"


def _is_omegaconfs(error: Exception) -> bool:
    """Whether OmegaConf raised it: a setting that is missing, or whose ${...} names nothing, in lines."""
    return type(error).__module__.partition(".")[0] == "omegaconf"


def _run(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="r1-verl", description="The open R1-Zero recipes as a plugin for veRL.", epilog=_EXAMPLES)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parsers = {name: commands.add_parser(name, help=line) for name, (_, line) in COMMANDS.items()}
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    name, module = arguments[0], None
    try:
        if name in COMMANDS:
            module = importlib.import_module(COMMANDS[name][0])
            module.add_arguments(parsers[name])
        elif name not in ("-h", "--help"):
            from r1_verl.scorers import unknown_name

            parser.error(unknown_name("command", name, COMMANDS))
        args, more = parser.parse_known_args(arguments)
        if more:
            setting = next((word.lstrip("-") for word in more if "=" in word), "")
            hint = f"; a setting has no dashes: {setting}" if setting else ""
            parsers[name].error(f"unrecognized arguments: {' '.join(more)}{hint}")
    except SystemExit as done:  # -h, or wrong arguments: argparse has printed what there is to say
        return int(done.code or 0)
    return module.run(args)


def _mistakes() -> tuple[type[Exception], ...]:
    """The exceptions whose message is for people."""
    from r1_verl.data.example import DataError
    from r1_verl.recipes import RecipeError
    from r1_verl.runs import RunError
    from r1_verl.scorers import UnknownNameError

    return RecipeError, RunError, DataError, UnknownNameError, OSError
