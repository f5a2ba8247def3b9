"""The guard: what a curve tells, which checkpoint is kept, how a run is ended and goes on."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from pathlib import Path

import guard_table
import pytest
from test_checkpoints import saved

from r1_verl import cli, recipes
from r1_verl.doctor.guard import check_guard
from r1_verl.recipes.guarding import Guarding
from r1_verl.report import summary
from r1_verl.runs import Run, RunError, Step, Stopped, best, health, symptoms
from r1_verl.runs.curve import read_log
from r1_verl.training import guard, resume, stages

HEALTHY = {"acc": 0.5, "format": 1.0, "length": 40.0, "truncated": 0.0, "entropy": 0.5, "spread": 0.4, "grad": 0.2}
KEYS = {
    "acc": "train-reward/countdown/acc", "format": "train-reward/countdown/format", "length": "response_length/mean",
    "truncated": "train-facts/truncated", "entropy": "train-facts/entropy", "spread": "train-facts/spread",
    "grad": "actor/grad_norm", "reward": "critic/score/mean", "val": "val-core/countdown/3/acc/mean@1",
}  # fmt: skip
RESPONSES = {"prompt_length/mean": 17.0, "response_length/mean": 40.0, "perf/total_num_tokens": 57.0 * 512}


def step(number: int, **changed: float) -> Step:
    """A step of 512 responses, healthy but for what is changed; only a validation for step 0."""
    data = {KEYS[name]: value for name, value in {**(HEALTHY if number else {}), **changed}.items()}
    return Step(number, {**(RESPONSES if number else {}), **data})


def curve(steps: int, ill_from: int | None = None, **ill: float) -> list[Step]:
    """Healthy steps from 1 on, and from `ill_from` on what is changed."""
    return [step(number, **(ill if ill_from and number >= ill_from else {})) for number in range(1, steps + 1)]


def told(found: list[Step], **about) -> list[tuple[int, bool, tuple[str, ...]]]:
    return [(each.step, each.alarm, each.symptoms) for each in health.findings(found, **about)]


@pytest.mark.parametrize(("name", "notes"), [("full-1", ["length up"]), ("warm-1", [])])
def test_a_real_healthy_run_gives_no_alarm(name, notes, fixtures):
    """The quickstart (.23 -> .71) with twice the length, and one at temperature 1.5 (.28 -> .58) whose training
    accuracy goes up and down."""
    found = list(health.findings(read_log(fixtures / f"curves/{name}.jsonl"), 512))
    assert [each.alarm for each in found] == [False] * len(notes)
    assert [each.symptoms for each in found] == [(note,) for note in notes]


def test_a_healthy_curve_tells_nothing():
    assert told(curve(30)) == []
    assert told([]) == told([step(0, val=0.3)]) == []


# What changes at step 11, and which symptom it is once it has lasted three steps.
SIGNS = {
    "truncated": {"truncated": 0.11}, "length up": {"length": 60.0}, "length down": {"length": 24.0},
    "format lost": {"format": 0.89}, "entropy up": {"entropy": 0.8}, "entropy down": {"entropy": 0.14},
    "groups alike": {"spread": 0.1}, "gradient up": {"grad": 0.81},
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNS)
def test_a_symptom_alone_is_a_note_and_with_a_loss_an_alarm(name):
    ill = SIGNS[name]
    assert told(curve(20, 11, **ill)) == [(13, False, (name,))]
    assert told(curve(20, 11, **ill, acc=0.3)) == [(13, True, (name,))]


def test_a_loss_alone_is_a_note():
    assert told(curve(20, 11, acc=0.3)) == [(14, False, ())]


def test_a_small_loss_is_none_and_a_short_symptom_neither():
    """.45 of .5 is 10 % of it: chance does not explain that either, with 512 responses a step."""
    assert told(curve(20, 11, truncated=0.3, acc=0.45)) == [(13, False, ("truncated",))]
    short = [step(number, **({"truncated": 0.3, "acc": 0.3} if number in (11, 12) else {})) for number in range(1, 20)]
    assert told(short) == []


def test_what_is_told_of_a_step_is_told_before_the_next():
    whole = curve(30, 11, truncated=0.3, acc=0.3, entropy=2.0, val=0.2)
    for end in range(len(whole) + 1):
        assert told(whole[:end]) == [each for each in told(whole) if each[0] <= end]


def test_a_validation_as_good_as_the_best_speaks_against_a_loss():
    """Harder rows came: training accuracy falls, validation does not."""
    harder = curve(20, 11, truncated=0.3, acc=0.3)
    validated = [found._replace(data={**found.data, KEYS["val"]: 0.6}) if found.step % 2 == 0 else found
                 for found in harder]  # fmt: skip
    assert told(harder) == [(13, True, ("truncated",))]
    assert not any(alarm for _, alarm, _ in told(validated, rows=256))


def test_validation_alone_can_be_the_loss():
    """With dynamic sampling the training accuracy says nothing."""
    curve_ = [step(number, truncated=0.3 if number > 10 else 0.0, val=0.6 if number <= 10 else 0.4)
              for number in range(1, 20)]  # fmt: skip
    assert told(curve_, rows=512) == [(13, True, ("truncated",))]


def test_a_reward_that_rises_while_accuracy_falls():
    found = [step(number, reward=0.5 + number / 20, acc=0.5 if number < 11 else 0.3) for number in range(1, 20)]
    alarm = next(each for each in health.findings(found) if each.alarm)
    assert alarm.step == 12 and alarm.symptoms == (symptoms.HACKED,)
    assert "reward" in alarm.text and alarm.remedy == "reward.custom_reward_function.reward_kwargs.mode=strict"


def test_an_alarm_shows_numbers_and_an_override_to_paste(composed):
    ill = curve(20, 11, entropy=2.0, truncated=0.3, acc=0.3)
    alarm = next(health.findings(ill, settings={"actor_rollout_ref.rollout.temperature": 1.3}))
    assert str(alarm) == (
        "ALARM: training accuracy 0.500 -> 0.300, with entropy up: 0.5 -> 2; truncated: 0 -> 0.3; the usual remedy: "
        "actor_rollout_ref.rollout.temperature=1.0"
    )
    assert next(health.findings(ill)).remedy.endswith("temperature=0.8")


@pytest.mark.parametrize("symptom", symptoms.SYMPTOMS, ids=lambda each: each.name)
def test_every_remedy_is_an_override_of_veRL(symptom, composed):
    import shlex

    from probes import overridden

    words = shlex.split(symptoms.filled(symptom.remedy, {"actor/lr": 1e-6}, {}))
    assert words and all("{" not in word or "${" in word for word in words)
    overridden(composed("tinyzero_grpo"), *words)


# --- other files ------------------------------------------------------------------------------------------------------


def lines(path, *records) -> str:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in records))
    return str(path)


def guarded(capsys, path) -> tuple[int, str]:
    status = cli.main(["guard", path])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_the_command_says_what_a_curve_tells(tmp_path, capsys):
    ill = [{"step": each.step, "data": each.data} for each in curve(20, 11, truncated=0.3, acc=0.3)]
    status, said = guarded(capsys, lines(tmp_path / "c.jsonl", *ill))
    assert status == 1 and "step 13: ALARM: training accuracy 0.500 -> 0.300, with truncated: 0 -> 0.3" in said
    assert "20 steps: 1 alarms, 0 notes" in said and "not seen, for want of their metrics: updates clipped" in said
    assert guarded(capsys, lines(tmp_path / "h.jsonl", *({"step": n, "data": step(n).data} for n in range(9))))[0] == 0


BAD = {
    "nothing": ((), 2, "no line of"),
    "no JSON": (("step 1 reward 0.3", "{"), 2, "no line of"),
    "JSON of something else": (('{"a": 1}', "[1, 2]", '"text"', "3"), 2, "no line of"),
    "unknown keys": ([{"step": n, "foo": 0.5} for n in range(30)], 0, "none of its metrics is known"),
    "NaN": ([{"step": n, "data": {KEYS["acc"]: float("nan"), KEYS["length"]: float("inf")}} for n in range(30)], 0,
            "none of its metrics is known"),
    "accuracy in per cent": ([{"step": n, "data": {KEYS["acc"]: 50 - n}} for n in range(30)], 0, "none of its metrics"),
    "text for numbers": ([{"step": n, "data": {KEYS["acc"]: "0.5"}} for n in range(30)], 0, "none of its metrics"),
    "reward alone": ([{"step": n, "data": {KEYS["reward"]: 1 - n / 30}} for n in range(30)], 0, "no accuracy in it"),
    "steps without numbers": ([{"step": None, "data": {}}, {"step": "x"}, {"step": 1e400}], 2, "no line of"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_curve_is_said_in_a_line(case, tmp_path, capsys):
    records, status, words = BAD[case]
    got, said = guarded(capsys, lines(tmp_path / "curve.jsonl", *records))
    assert got == status and words in said and "ALARM" not in said


def test_another_frameworks_file(tmp_path, capsys):
    """TRL's log, one flat object a step: what it lacks is said."""

    def logged(number: int) -> dict:
        ill = number > 10
        return {
            "step": number, "reward": 0.2 if ill else 0.5, "rewards/accuracy_reward/mean": 0.2 if ill else 0.5,
            "completions/clipped_ratio": 0.4 if ill else 0.0, "completions/mean_length": 200.0, "entropy": 0.4,
        }  # fmt: skip

    status, said = guarded(capsys, lines(tmp_path / "trl.jsonl", *map(logged, range(1, 20))))
    assert status == 1 and "step 13: ALARM: training accuracy 0.500 -> 0.200, with truncated: 0 -> 0.4" in said
    assert "no validation in it" in said and "engines disagree" in said


def test_missing_steps_and_numbers_are_no_symptom(tmp_path):
    holes = [found for found in curve(40) if found.step % 3]
    for place, key in enumerate(KEYS.values()):
        holes[place * 2].data.pop(key, None)
    assert told(holes) == []


def test_a_curve_that_goes_back_was_resumed(tmp_path):
    """Three times: what had been logged beyond is dropped, and the lost steps are no change."""
    attempts = [(1, 12, 0.5), (8, 20, 0.5), (15, 18, 0.5), (18, 30, 0.5)]
    records = [{"step": n, "data": step(n, acc=acc).data} for first, end, acc in attempts for n in range(first, end)]
    found = read_log(lines_path := tmp_path / "c.jsonl") if lines(tmp_path / "c.jsonl", *records) else None
    assert lines_path.exists() and [each.step for each in found] == list(range(1, 30)) and told(found) == []


# --- the best checkpoint ----------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "runs/mine")
    run.folder.mkdir(parents=True)
    (run.folder / "config.yaml").write_text("{}")
    return run


def validations(*accuracies: float | None) -> list[Step]:
    """Steps 10, 20, ...: a validation each, or none."""
    return [Step(10 * at, {} if accuracy is None else {KEYS["val"]: accuracy})
            for at, accuracy in enumerate(accuracies, 1)]  # fmt: skip


def test_the_best_validated_checkpoint_outlives_verls(run):
    for number in (10, 20, 30):
        saved(run, number)
        best.keep(validations(0.3, 0.5, 0.4)[: number // 10], run.checkpoints, run.best)
    one = "global_step_20/actor/model_world_size_1_rank_0.pt"
    assert os.stat(run.best / one).st_ino == os.stat(run.checkpoints / one).st_ino  # a link: no room taken
    shutil.rmtree(run.checkpoints / "global_step_20/actor")
    assert best.kept(run.best) == best.Best(20, 0.5)
    assert (run.best / one).read_bytes() and (run.best / "global_step_20/data.pt").is_file()
    assert [path.name for path in run.best.glob("global_step_*")] == ["global_step_20"]


def test_what_can_not_be_kept(run):
    assert best.keep(validations(0.3), run.checkpoints, run.best) is None  # not saved
    saved(run, 10)
    assert best.keep(validations(None), run.checkpoints, run.best) is None  # not validated
    assert best.keep([Step(10, {KEYS["val"]: float("nan")})], run.checkpoints, run.best) is None
    saved(run, 20)
    (run.checkpoints / "global_step_20/actor/model_world_size_1_rank_0.pt").write_bytes(b"PK cut off")
    assert best.keep(validations(0.3, 0.9), run.checkpoints, run.best) == best.Best(10, 0.3)  # the better one is torn
    assert best.keep(validations(0.3, 0.9), run.checkpoints, run.best) is None
    (run.best / best.RECORD).write_text("{")
    assert best.kept(run.best) is None
    assert best.keep(validations(0.3, 0.9), run.checkpoints, run.best) == best.Best(10, 0.3)


def test_a_checkpoint_that_verl_writes_again_leaves_the_best_alone(run):
    """The run goes on from step 10, and veRL opens the files of step 20 to write over them."""
    saved(run, 10)
    saved(run, 20)
    best.keep(validations(0.3, 0.5), run.checkpoints, run.best)
    one = "global_step_20/actor/model_world_size_1_rank_0.pt"
    before = (run.best / one).read_bytes()
    best.begin(run.best, 20, anew=False)
    assert os.stat(run.best / one).st_nlink == 2  # veRL will not write step 20 again
    best.begin(run.best, 10, anew=False)
    (run.checkpoints / one).write_bytes(b"another")
    assert (run.best / one).read_bytes() == before and best.kept(run.best) == best.Best(20, 0.5)


def test_a_run_begun_anew_has_no_best_yet(run):
    saved(run, 10)
    best.keep(validations(0.9), run.checkpoints, run.best)
    best.begin(run.best, 0, anew=True)
    assert best.keep(validations(0.1), run.checkpoints, run.best) == best.Best(10, 0.1)


# --- ending a run -----------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(run, composed):
    """watched(stop) -> a guard of the run, and a function that lets it see the run's curve up to a step."""
    ill = [step(number, val=0.5 if number <= 10 else 0.2, **({"truncated": 0.3, "acc": 0.3} if number > 10 else {}))
           for number in range(1, 21)]  # fmt: skip

    def make(stop: bool = True, start: int = 0, **trainer):
        config = copy.deepcopy(composed("quickstart_grpo"))
        config.r1_verl.guard.stop = stop
        config.trainer.update(trainer)
        watcher = guard.Guard(run, config, start)

        def see(number: int):
            file = run.folder / "curve/attempt-1.jsonl"
            file.parent.mkdir(exist_ok=True)
            lines(file, *({"step": each.step, "data": each.data} for each in ill[:number]))
            return watcher.look([number])

        return see

    return make


def test_an_alarm_ends_the_run_after_its_next_checkpoint(run, watched):
    see = watched()
    saved(run, 10)
    assert see(12) == ({12: []}, None) and best.kept(run.best) == best.Best(10, 0.5)
    said, ended = see(13)
    assert said[13][0].startswith("ALARM: training accuracy 0.500 -> 0.300") and ended is None
    assert see(14) == ({14: []}, None)
    saved(run, 15)
    _, ended = see(15)
    assert ended.step == 15 and ended.reason.startswith("training accuracy 0.500 -> 0.300") and not ended.overruled
    assert ended.remedy == "r1_verl.mask=truncated"


def test_a_run_without_checkpoints_ends_at_once(watched):
    assert watched(save_freq=-1)(13)[1].step == 13


def test_an_alarm_alone_ends_nothing(run, watched):
    see = watched(stop=False)
    saved(run, 15)
    said, ended = see(13)
    assert "ALARM" in said[13][0] and ended is None and see(20)[1] is None


def test_what_was_overruled_does_not_end_the_run_again(run, watched):
    saved(run, 15)
    run.mark_stopped(Stopped(15, "why", "", overruled=True))
    assert watched(start=15)(20)[1] is None
    assert watched(start=10)(20)[1].step == 20  # it went back to step 10, and collapsed again


def test_a_disk_too_full_for_the_best_is_said_once(run, watched):
    """RUN/best can't be made: a file has its name."""
    run.best.write_text("")
    see = watched(stop=False)
    saved(run, 10)
    (line,) = see(11)[0][11]
    assert line.startswith("the best checkpoint could not be kept") and see(12)[0] == {12: []}


def test_a_guard_that_fails_ends_nothing(run, composed):
    """Here it works out a remedy from a temperature that is no number."""
    config = copy.deepcopy(composed("quickstart_grpo"))
    config.actor_rollout_ref.rollout.temperature = "warm"
    curve_of(run, curve(14, 11, entropy=2.0, acc=0.3))
    watcher = guard.Guard(run, config)
    assert watcher.look([13]) == ({13: ["the guard failed here (TypeError: '>' not supported between instances of "
                                        "'str' and 'int')"]}, None)  # fmt: skip
    assert watcher.look([14]) == ({14: []}, None)


def test_a_stopped_run_says_why_and_goes_on_at_a_word(run, composed, capsys):
    config = copy.deepcopy(composed("quickstart_grpo"))
    saved(run, 10)
    best.keep(validations(0.5), run.checkpoints, run.best)
    guard.require_word(run, config, "mine")
    run.mark_stopped(Stopped(15, "accuracy 0.5 -> 0.3, with length up: 30 -> 60", "trainer.x=1"))
    with pytest.raises(RunError) as refused:
        guard.require_word(run, config, "mine")
    assert str(refused.value) == (
        "run 'mine' was stopped after step 15 (accuracy 0.5 -> 0.3, with length up: 30 -> 60): `r1-verl export mine` "
        "makes a model folder of the best checkpoint (step 10, validation accuracy 0.500), from which the same command "
        "tries again with RUN=mine_2 MODEL=FOLDER trainer.x=1; with r1_verl.guard.go_on=true it goes on from the last "
        "checkpoint"
    )
    config.r1_verl.guard.go_on = True
    guard.require_word(run, config, "mine")
    assert "Going on with run 'mine'" in capsys.readouterr().out and run.stopped().overruled
    config.r1_verl.guard.go_on = False
    guard.require_word(run, config, "mine")  # the word was said
    config.trainer.resume_mode = "disable"
    guard.require_word(run, config, "mine")
    assert run.stopped() is None


def test_the_fragment():
    assert guard.settings(recipes.compose("quickstart_grpo", ["+guard=stop"])) == Guarding(stop=True)


# what r1_verl.guard says, and what the doctor and `train` say of it
WRONG = {
    "maybe": ({"stop": "maybe"}, "r1_verl.guard.stop is 'maybe': write true or false"),
    "a misspelling": ({"sotp": True}, "r1_verl.guard has no sotp: it has stop, go_on"),
    "no section": (True, "r1_verl.guard is True: write r1_verl.guard.stop=true or +guard=stop"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_guard_can_be(case, composed):
    setting, said = WRONG[case]
    config = copy.deepcopy(composed("quickstart_grpo"))
    config.r1_verl.guard = setting
    with pytest.raises(recipes.RecipeError, match=f"^{re.escape(said)}$"):
        guard.settings(config)
    (problem,) = check_guard(config)
    assert f"{problem.what}: {problem.fix}" == said and not problem.doubt


@pytest.mark.parametrize(("test", "save", "doubts"), [(10, 5, 0), (5, 15, 0), (7, 3, 1), (-1, 5, 1), (5, -1, 1)])
def test_a_run_that_may_be_ended_saves_what_it_validates(test, save, doubts, composed):
    config = copy.deepcopy(composed("quickstart_grpo"))  # 20 steps
    config.trainer.update(test_freq=test, save_freq=save)
    assert list(check_guard(config)) == []
    config.r1_verl.guard.stop = True
    assert sum(problem.doubt for problem in check_guard(config)) == doubts


def test_the_report_lists_notes_alarms_and_the_stop(run):
    curve_of(run, curve(20, 11, truncated=0.3, acc=0.3))
    run.mark_stopped(Stopped(15, "why", ""))
    text = summary.write(run)
    assert "What the guard saw:\n- step 13: ALARM: training accuracy 0.500 -> 0.300, with truncated: 0 -> 0.3" in text
    assert "- step 15: stopped by the guard\n" in text


def curve_of(run: Run, found: list[Step]) -> None:
    (run.folder / "curve").mkdir(exist_ok=True)
    lines(run.folder / "curve/attempt-1.jsonl", *({"step": each.step, "data": each.data} for each in found))


# --- what starts from it ----------------------------------------------------------------------------------------------


@pytest.fixture
def trained(run):
    """A run whose step 10 was best and is kept, and whose last step is 20; each weight file says its step."""
    for number, accuracy in ((10, 0.5), (20, 0.1)):
        whole = saved(run, number) / "actor/huggingface"
        (whole / "config.json").write_text("{}")
        (whole / "model.safetensors").write_text(str(number))
        best.keep(validations(0.5, accuracy)[: number // 10], run.checkpoints, run.best)
    shutil.rmtree(run.checkpoints / "global_step_10/actor")
    return run


def exported(folder) -> str:
    return (folder / "model.safetensors").read_text()


def test_export_takes_the_last_and_after_a_stop_the_best(trained, capsys, tmp_path):
    assert exported(stages.export(trained)) == "20"
    assert exported(stages.export(trained, best_one=True)) == "10"
    assert "The best checkpoint: step 10, validation accuracy 0.500." in capsys.readouterr().err
    trained.mark_stopped(Stopped(20, "why", ""))
    assert exported(stages.export(trained, tmp_path / "a")) == "10"
    assert exported(stages.export(trained, tmp_path / "b", step=20)) == "20"
    trained.mark_stopped(Stopped(20, "why", "", overruled=True))
    assert exported(stages.export(trained, tmp_path / "c")) == "20"


def test_export_best_by_its_name(trained, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["export", str(trained.folder), str(out), "--best"]) == 0 and exported(out) == "10"
    assert cli.main(["export", str(trained.folder), "--best", "--step", "20"]) == 2
    shutil.rmtree(trained.best)
    capsys.readouterr()
    assert cli.main(["export", str(trained.folder), "--best"]) == 2
    assert "has kept no best checkpoint: no validated step of it was saved" in capsys.readouterr().err


def test_a_stage_starts_from_the_last_unless_it_says_otherwise(trained):
    def start(after: str, name: str) -> str:
        return exported(Path(stages.start(after, Run(trained.folder.parent / name))))

    assert (start("mine", "a"), start("mine@best", "b"), start("mine@last", "c")) == ("20", "10", "20")
    trained.mark_stopped(Stopped(20, "why", ""))
    with pytest.raises(RunError, match=r"'mine' was stopped after step 20 \(why\): say where run 'd' starts, .*@best"):
        start("mine", "d")
    assert (start("mine@best", "e"), start("mine@last", "f")) == ("10", "20")
    with pytest.raises(RunError, match="after the @ comes best or last"):
        start("mine@worst", "g")


def test_a_run_goes_back_to_its_best(trained, composed):
    """`trainer.resume_from_path` takes the kept one as any whole checkpoint."""
    config = copy.deepcopy(composed("quickstart_grpo"))
    config.trainer.resume_mode, config.trainer.resume_from_path = "resume_path", f"{trained.best}/global_step_10"
    assert resume.plan(trained, config).step == 10


def test_the_table_is_what_the_kept_curves_give():
    """r1_verl/training/GUARD.md says what the rule says of tests/fixtures/curves/ today."""
    text = guard_table.FILE.read_text(encoding="utf-8")
    assert f"{guard_table.BEGIN}\n{guard_table.markdown()}\n{guard_table.END}" in text, "python tests/guard_table.py"
