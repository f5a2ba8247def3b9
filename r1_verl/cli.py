"""`python -m r1_verl COMMAND` (also `r1-verl COMMAND`)."""

from __future__ import annotations

import sys
from collections.abc import Callable

USAGE = """usage: python -m r1_verl COMMAND ...

  train RECIPE [overrides]    preflight, veRL's trainer, a progress line a step, a report; resumes an interrupted run
                              (RECIPE: a name, or a .yaml file of your own)
  doctor RECIPE [overrides]   what would go wrong here, why, and the fix
  export RUN [OUT]            an ordinary model folder of a run's last checkpoint (--step N: of another)
  fetch MODEL ...             models of the hub into its cache, for a machine that will have no network
  nodes N                     wait until a Ray cluster has N nodes, and list them
  report RUN_FOLDER           the table, curve and samples of a run
  start-model OUT --traces FILE [--seed N]
                              the quickstart's small model with its supervised start
  recipes [--table [README]]  the names of all recipes, or a table of them (into the README's place for it)
  score FILE                  score a JSONL or Parquet of responses offline
  check FILE ...              prove that a Parquet is what veRL needs
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit status; a user's mistake is one message on stderr and status 2."""
    arguments = sys.argv[1:] if argv is None else argv
    command = _COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        print(USAGE, file=sys.stdout if arguments[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    from r1_verl.recipes import RecipeError
    from r1_verl.runs import RunError

    try:
        return command(arguments[1:])
    except (RecipeError, RunError) as error:
        print(f"r1-verl: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("r1-verl: interrupted; the same command resumes from the last checkpoint", file=sys.stderr)
        return 130


def _train(arguments: list[str]) -> int:
    from r1_verl.training import launch

    return launch.train(*_recipe(arguments))


def _doctor(arguments: list[str]) -> int:
    from r1_verl import doctor, recipes
    from r1_verl.runs import run_folder, run_overrides

    recipe, overrides = _recipe(arguments)
    config = recipes.compose(recipe, [*run_overrides(run_folder(recipe)), *overrides])
    problems = doctor.examine(config)
    if said := doctor.memory.summary(config):
        print(said)
    for problem in problems:
        print(f"- {problem.what}\n  fix: {problem.fix}")
    print(f"{recipe}: {len(problems)} problem{'s' * (len(problems) != 1)} found")
    return 1 if problems else 0


def _report(arguments: list[str]) -> int:
    from pathlib import Path

    from r1_verl.report import summary
    from r1_verl.runs import Run, RunError

    if len(arguments) != 1 or not Path(arguments[0], "config.yaml").is_file():
        raise RunError("usage: python -m r1_verl report RUN_FOLDER (a folder below runs/)")
    summary.write(Run(Path(arguments[0]).resolve()))
    return 0


def _start_model(arguments: list[str]) -> int:
    import argparse

    from r1_verl.training import tiny_model

    p = argparse.ArgumentParser(prog="r1-verl start-model", description=tiny_model.start.__doc__)
    p.add_argument("out")
    p.add_argument("--traces", required=True, help="a Parquet of data_prep/countdown_traces.py")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args(arguments)
    print(f"{tiny_model.start(args.out, args.traces, args.seed)}: an ordinary model folder")
    return 0


def _recipes(arguments: list[str]) -> int:
    from r1_verl import recipes

    if arguments[:1] == ["--table"]:
        from pathlib import Path

        from r1_verl.recipes import table

        table.write(Path(arguments[1])) if arguments[1:] else print(table.markdown())
    else:
        print("\n".join(recipes.names()))
    return 0


def _export(arguments: list[str]) -> int:
    from r1_verl.training import stages

    return stages.main(arguments)


def _fetch(arguments: list[str]) -> int:
    from r1_verl.hub import fetch

    return fetch.main(arguments)


def _nodes(arguments: list[str]) -> int:
    from r1_verl import cluster

    return cluster.main(arguments)


def _score(arguments: list[str]) -> int:
    from r1_verl.evaluation import rescore

    return rescore.main(arguments)


def _check(arguments: list[str]) -> int:
    from r1_verl.data import check

    return check.main(arguments)


def _recipe(arguments: list[str]) -> tuple[str, list[str]]:
    from r1_verl.recipes import RecipeError, names

    if not arguments or "=" in arguments[0]:
        raise RecipeError(f"name a recipe first: {', '.join(names())}")
    return arguments[0], arguments[1:]


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "doctor": _doctor,
    "export": _export,
    "fetch": _fetch,
    "nodes": _nodes,
    "report": _report,
    "start-model": _start_model,
    "recipes": _recipes,
    "score": _score,
    "check": _check,
}
