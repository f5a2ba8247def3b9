"""Mistakes about runs: torn checkpoints, exports onto other models, runs that go on with something else, reports."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mistakes import case, quickstart

TRACKER = "latest_checkpointed_iteration.txt"
STEP = {"critic/score/mean": 0.25, "response_length/mean": 20.0, "timing_s/step": 1.0}
ROW = {"gts": "{}", "score": 1.0, "outcome": "correct", "output": "my response"}


def _shard(text: str) -> bytes:
    """What torch.save writes is a zip archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr("archive/data.pkl", text * 100)
    return whole.getvalue()


def run(
    *steps: int, tracker: str | None = None, config: str | None = "data.train_batch_size: 7\n", ranks: int = 1,
    curve: tuple[dict[str, Any], ...] = (), tear: Callable[[Path], Any] | None = None,
) -> Callable[[Path], None]:  # fmt: skip
    """For `files`: a run's folder with checkpoints of these steps (saved with hf_model). tear: what happened to it."""

    def make(path: Path) -> None:
        path.mkdir(parents=True)
        if config is not None:
            (path / "config.yaml").write_text(config)
        for step in steps:
            actor = path / f"checkpoints/global_step_{step}/actor"
            (actor / "huggingface").mkdir(parents=True)
            (actor / "huggingface/config.json").write_text("{}")
            (actor / "huggingface/model.safetensors").write_text(f"weights {step}")
            for rank in range(ranks):
                (actor / f"model_world_size_{ranks}_rank_{rank}.pt").write_bytes(_shard(f"weights {step}"))
            (actor.parent / "data.pt").write_bytes(_shard("place"))
        if steps or tracker is not None:
            (path / "checkpoints").mkdir(exist_ok=True)
            (path / "checkpoints" / TRACKER).write_text(str(max(steps)) if tracker is None else tracker)
        if curve:
            (path / "curve").mkdir()
            lines = [json.dumps({"step": number, "data": data}) for number, data in enumerate(curve, 1)]
            (path / "curve/attempt-1.jsonl").write_text("\n".join(lines) + "\n")
        if tear:
            tear(path)

    return make


def cut(name: str) -> Callable[[Path], Any]:
    return lambda path: (path / "checkpoints" / name).write_bytes((path / "checkpoints" / name).read_bytes()[:40])


def without_actor(step: int) -> Callable[[Path], Any]:
    return lambda path: (path / f"checkpoints/global_step_{step}/actor").rename(path / "taken away")


def without(name: str) -> Callable[[Path], Any]:
    return lambda path: (path / name).unlink()


def dumps(*names: str, text: str = json.dumps(ROW) + "\n") -> Callable[[Path], Any]:
    def make(path: Path) -> None:
        (path / "validation").mkdir(exist_ok=True)
        for name in names:
            (path / "validation" / name).write_text(text)

    return make


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def of_step(step: int) -> str:
    return json.dumps({"run": "/runs/q", "step": step, "weights": "0"})


EXPORT = "RUNS={folder} r1-verl export q"
CASES = (
    # --- a folder for the export that holds something else; a step that is not there
    case(
        "export onto a model", f"{EXPORT} OUT", "OUT holds a model, and no record (exported_from.json) of its origin",
        "name another OUT", files={"q": run(5), "OUT/config.json": "{}", "OUT/model.safetensors": "mine"},
    ),
    case("export onto files", f"{EXPORT} OUT", "OUT holds files", files={"q": run(5), "OUT/notes.txt": "mine"}),
    case("export onto a file", f"{EXPORT} OUT", "is a file, and a folder is to be made", "OUT",
         files={"q": run(5), "OUT": "mine"}),
    case(
        "export onto another step's export", f"{EXPORT} OUT", "OUT holds step 3 of the run /runs/q, of other weights",
        "name another OUT", files={"q": run(5), "OUT/config.json": "{}", "OUT/exported_from.json": of_step(3)},
    ),
    case(
        "export onto the same step of the run as it was", f"{EXPORT} OUT", "OUT holds step 5", "of other weights",
        files={"q": run(5), "OUT/config.json": "{}", "OUT/exported_from.json": of_step(5)},
    ),
    case("export onto a broken record", f"{EXPORT} OUT", "OUT holds a model, and no record",
         files={"q": run(5), "OUT/config.json": "{}", "OUT/exported_from.json": '{"step": '}),
    case("export into an empty folder", f"{EXPORT} OUT", "OUT", status=0, files={"q": run(5), "OUT": folder},
         makes=("OUT/",)),
    case("export of a step that is not there", f"{EXPORT} --step 7", "has no checkpoint of step 7",
         "there are: [5, 10]", files={"q": run(5, 10)}),
    case("export of step 0", f"{EXPORT} --step 0", "has no checkpoint of step 0", "there are: [5]",
         files={"q": run(5)}),
    case("export of a negative step", f"{EXPORT} --step=-5", "has no checkpoint of step -5", files={"q": run(5)}),
    case("export of a step that is no number", f"{EXPORT} --step last", "invalid int value: 'last'",
         files={"q": run(5)}),
    case(
        "export of a step without actor", f"{EXPORT} --step 10", "global_step_10 has no folder actor",
        "there are: [5]", never=("no checkpoint of step 10",), files={"q": run(5, 10, tear=without_actor(10))},
    ),
    case(
        "export of a step that was cut off", f"{EXPORT} --step 10",
        "global_step_10 is torn: actor/model_world_size_1_rank_0.pt was cut off", "there are: [5]",
        files={"q": run(5, 10, tear=cut("global_step_10/actor/model_world_size_1_rank_0.pt"))},
    ),
    case(
        "export with a GPU's shard missing", EXPORT, "lacks actor shards of 1 of 2 GPUs (rank 1)",
        files={"q": run(5, ranks=2, tear=without("checkpoints/global_step_5/actor/model_world_size_2_rank_1.pt"))},
    ),
    case("export before the first checkpoint", EXPORT, "run 'q' has no checkpoint yet", files={"q": run()}),
    case("export where nothing is whole", EXPORT, "run 'q' has no checkpoint that is whole",
         "global_step_5 has no folder actor", files={"q": run(5, tear=without_actor(5))}),
    case("export of an unknown run", "RUNS={folder} r1-verl export quick", "no run 'quick'", "did you mean quick1?",
         files={"quick1": run(5)}),
    case("export of a folder that is no run", f"{EXPORT}", "no run 'q'", files={"q/notes.txt": "mine"}),
    # --- torn trackers and folders: the last whole checkpoint is named and used
    case("export with an empty tracker", EXPORT, f"Torn: {TRACKER} is empty. The last whole checkpoint: step 10",
         "q/models/step_10", status=0, files={"q": run(5, 10, tracker="")}, makes=("q/models/",)),
    case("export with a tracker of no number", EXPORT, f"{TRACKER} holds '1x'", "q/models/step_10", status=0,
         files={"q": run(5, 10, tracker="1x")}, makes=("q/models/",)),
    case("export with the tracker's folder gone", EXPORT,
         f"{TRACKER} names step 15, and there is no global_step_15", "q/models/step_10", status=0,
         files={"q": run(5, 10, tracker="15")}, makes=("q/models/",)),
    case("export with the last actor gone", EXPORT, "global_step_10 has no folder actor", "q/models/step_5",
         status=0, files={"q": run(5, 10, tear=without_actor(10))}, makes=("q/models/",)),
    case("export with the place in the data cut off", EXPORT, "global_step_10 is torn: data.pt was cut off",
         "q/models/step_5", status=0, files={"q": run(5, 10, tear=cut("global_step_10/data.pt"))},
         makes=("q/models/",)),
    case("export of a run without config.yaml", EXPORT, "q/models/step_10", status=0,
         files={"q": run(5, 10, config=None)}, makes=("q/models/",)),
    case("export of a run with an empty config.yaml", EXPORT, "q/models/step_10", status=0,
         files={"q": run(5, 10, config="")}, makes=("q/models/",)),
    # --- runs that would go on with something else
    case(
        "another configuration", "RUNS={folder} RUN=q r1-verl train quickstart_grpo",
        "run 'q' exists with another configuration", "data.train_batch_size: 7 there, ", "RUN=another-name",
        files={"q": run(5)}, makes=("q/lock",),
    ),
    case(
        "no config.yaml", "RUNS={folder} RUN=q CPU=1 r1-verl train quickstart_grpo",
        "a checkpoint of step 10 and nothing says of which configuration", "DOUBTS=ok if the checkpoint",
        files={"q": run(5, 10, config=None), "data/quickstart": quickstart}, makes=("q/lock",),
    ),
    case(
        "no config.yaml, and the same configuration",
        "RUNS={folder} RUN=q CPU=1 DOUBTS=ok r1-verl train quickstart_grpo trainer.total_training_steps=10",
        "Doubts, passed by DOUBTS=ok", "Run 'q' is finished (10 steps).",
        files={"q": run(5, 10, config=None), "data/quickstart": quickstart}, status=0,
        makes=("q/lock", "q/config.yaml", "q/report"),
    ),
    case(
        "an empty config.yaml", "RUNS={folder} RUN=q r1-verl doctor quickstart_grpo",
        "a checkpoint of step 10 and nothing says of which configuration", "a doubt",
        files={"q": run(5, 10, config=""), "data/quickstart": quickstart}, status=0,
    ),
    case(
        "the tracker without its folder", "RUNS={folder} RUN=q r1-verl doctor quickstart_grpo",
        "no checkpoint in {folder}/q/checkpoints is whole", "names step 10, and there is no global_step_10", "rm ",
        files={"q": run(tracker="10", config=None), "data/quickstart": quickstart}, status=1,
    ),
    case(
        "an empty tracker and nothing whole", "RUNS={folder} RUN=q r1-verl doctor quickstart_grpo",
        f"{TRACKER} is empty", "global_step_5 has no folder actor",
        files={"q": run(5, tracker="", tear=without_actor(5)), "data/quickstart": quickstart}, status=1,
    ),
    case(
        "resuming from what is not there",
        "RUNS={folder} RUN=q r1-verl doctor quickstart_grpo trainer.resume_mode=resume_path "
        "trainer.resume_from_path={folder}/q/checkpoints/global_step_20",
        "global_step_20 is not there: name a whole checkpoint".replace(": name", " fix: name"),
        files={"data/quickstart": quickstart}, status=1,
    ),
    case("RUNS is a file", "RUNS={folder}/file r1-verl train quickstart_grpo",
         "the run can't live in {folder}/file/quickstart_grpo", "RUNS=a folder", files={"file": "mine"}),
    case("RUNS is not to be written", "RUNS=/proc/r r1-verl train quickstart_grpo",
         "the run can't live in /proc/r/quickstart_grpo", "RUNS=a folder"),
    case(
        "a temporary folder too long for Ray", f"RAY_TMPDIR=/tmp/{'long' * 20} r1-verl doctor quickstart_grpo",
        "is too long for Ray", "Linux allows 107", "export RAY_TMPDIR=/tmp", files={"data/quickstart": quickstart},
        status=1,
    ),
    # --- a model to start with
    case("start-model onto a model", "r1-verl start-model OUT --traces t.parquet",
         "OUT exists, and {folder}/OUT-sft does not say that start-model made it", "name another OUT",
         files={"OUT/config.json": "{}", "t.parquet": "rows"}),
    case("start-model onto a file", "r1-verl start-model OUT --traces t.parquet", "OUT exists", "name another OUT",
         files={"OUT": "mine", "t.parquet": "rows"}),
    case("start-model beside files", "r1-verl start-model OUT --traces t.parquet",
         "{folder}/OUT-sft is to hold the log of this start, and holds something else",
         files={"OUT-sft/notes.txt": "mine", "t.parquet": "rows"}),
    case("start-model of another seed", "r1-verl start-model OUT --traces t.parquet --seed 3",
         "OUT exists, and was made with other traces or another seed",
         files={"OUT/config.json": "{}", "OUT-sft/start-model.json": '{"seed": 1}', "t.parquet": "rows"}),
    case("start-model without its traces", "r1-verl start-model OUT --traces t.parquet",
         "--traces: {folder}/t.parquet is not there", "data_prep/countdown_traces.py"),
    case("start-model where veRL looks for CUDA", "VERL_PLATFORM= r1-verl start-model OUT --traces t.parquet",
         "start-model trains on the CPU: veRL would look for CUDA", "export VERL_PLATFORM=cpu",
         files={"t.parquet": "rows"}),
    # --- reports
    case("a report of a torn dump", "RUNS={folder} r1-verl report q", "Sample responses (step 3)", "my response",
         files={"q": run(curve=(STEP,), tear=dumps("3.jsonl", text=json.dumps(ROW) + '\n{"gts'))}, status=0,
         makes=("q/report", "q/curve.png")),
    case("a report of a dump that is no dump", "RUNS={folder} r1-verl report q", "No sample response: nothing in",
         files={"q": run(curve=(STEP,), tear=dumps("3.jsonl", text='[1]\n"a"\nnull\n'))}, status=0,
         makes=("q/report", "q/curve.png")),
    case("a report with odd file names", "RUNS={folder} r1-verl report q", "Sample responses (step 3)",
         files={"q": run(curve=(STEP,), tear=dumps("3.jsonl", "3 (copy).jsonl", "best.jsonl", "-1.jsonl"))}, status=0,
         makes=("q/report", "q/curve.png")),
    case("a report without a validation", "RUNS={folder} r1-verl report q", "No validation yet.", "10 steps",
         never=("no finished step",), files={"q": run(curve=(STEP,) * 10)}, status=0,
         makes=("q/report", "q/curve.png")),
    case("a report before the first step", "RUNS={folder} r1-verl report q", "No validation and no finished step yet.",
         files={"q": run()}, status=0, makes=("q/report",)),
    case("a report of numbers that are none", "RUNS={folder} r1-verl report q",
         "In step 2 a number was NaN or infinite (actor/grad_norm)",
         files={"q": run(curve=(STEP, STEP | {"actor/grad_norm": float("nan")}))}, status=0,
         makes=("q/report", "q/curve.png")),
    case("a report of a torn run", "RUNS={folder} r1-verl report q", "Torn: global_step_10 has no folder actor.",
         files={"q": run(5, 10, config=None, tear=without_actor(10))}, status=0, makes=("q/report",)),
    case("a report of an unknown run", "RUNS={folder} r1-verl report q", "no run 'q'", "there are: none"),
)  # fmt: skip
