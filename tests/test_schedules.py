"""Coefficients that change as training goes on, and that veRL still is as `verl_side/schedules.py` takes it to be."""

from __future__ import annotations

import inspect
from functools import partial

import pytest
import torch
from probes import overridden

from r1_verl import doctor
from r1_verl.recipes.settings import (
    EntropyTarget,
    SampleBounds,
    SettingError,
    at,
    entropy_target,
    kl_steps,
    sample_bounds,
)

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
LATE = {"kl_loss_coef": {3: 0.001, 0: 0.0, 5: 0.02}}


@pytest.fixture
def trainer_of(composed, tmp_path):
    """trainer_of(*overrides): veRL's trainer for quickstart_grpo, with our sampler; nothing is started."""

    def build(*overrides: str):
        from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

        place = f"trainer.default_local_dir={tmp_path}/run/checkpoints"
        return PPOTrainerSync(overridden(composed("quickstart_grpo"), place, *overrides))

    return build


class Workers:
    """Keeps what is sent to the trainer's worker group, which starts with the training; that it arrives and is used is
    shown by the real run in test_schedules_run.py."""

    def __init__(self) -> None:
        self.losses: list[partial] = []

    def set_loss_fn(self, loss_fn) -> None:
        self.losses.append(loss_fn)


def schedules_of(trainer):
    from r1_verl.verl_side.schedules import Schedules

    trainer.actor_rollout_wg = Workers()
    return Schedules(trainer.config.trainer.v1.sampler.sampler_kwargs, trainer.replay_buffer.refill_fn)


def test_the_kl_coefficient_of_a_step():
    steps = kl_steps(LATE)
    assert [at(steps, step, 0.05) for step in range(7)] == [0, 0, 0, 0.001, 0.001, 0.02, 0.02]
    assert at(kl_steps({"kl_loss_coef": {"10": 1}}), 9, 0.05) == 0.05  # ahead of the first entry: the recipe's own
    assert kl_steps(None) == ()


def test_the_entropy_controller_is_trls():
    """TRL 1.16, grpo_trainer.py: plus delta at or below the target, minus delta above, within its bounds."""
    target = EntropyTarget()
    assert target == (0.2, 0.005, 0.0, 1.0) == entropy_target({})
    coefficient, seen = 0.0, []
    for entropy in (0.5, 0.2, 0.1, 0.1, 0.3, 0.25, 0.21, 0.22):
        coefficient = target.moved(coefficient, entropy)
        seen.append(round(coefficient, 6))
    assert seen == [0, 0.005, 0.01, 0.015, 0.01, 0.005, 0, 0]
    assert EntropyTarget(high=0.006).moved(0.005, 0.0) == 0.006


BAD = {
    "schedule": [
        (3, 'r1_verl.schedule is 3: write "r1_verl.schedule={kl_loss_coef:{0:0.0,100:0.001}}"'),
        ({"kl_coef": {0: 1}}, "r1_verl.schedule has no kl_coef: it has kl_loss_coef"),
        ({}, "r1_verl.schedule.kl_loss_coef is None"),
        ({"kl_loss_coef": {}}, "r1_verl.schedule.kl_loss_coef is {}"),
        ({"kl_loss_coef": 0.1}, "r1_verl.schedule.kl_loss_coef is 0.1"),
        ({"kl_loss_coef": {-1: 0.1}}, "has the step -1: write whole numbers from 0"),
        ({"kl_loss_coef": {0.5: 0.1}}, "has the step 0.5"),
        ({"kl_loss_coef": {1: 0.1, "01": 0.2}}, "has the step '01'"),
        ({"kl_loss_coef": {1: "high"}}, "r1_verl.schedule.kl_loss_coef.1 is 'high': write a number from 0"),
        ({"kl_loss_coef": {1: float("nan")}}, "kl_loss_coef.1 is nan"),
    ],
    "entropy": [
        (0.2, "r1_verl.entropy is 0.2: write r1_verl.entropy={target:0.2} or null"),
        ({"traget": 0.2}, "r1_verl.entropy has no traget: it has target, step, low, high"),
        ({"target": -1}, "r1_verl.entropy.target is -1: write a number from 0"),
        ({"target": None}, "r1_verl.entropy.target is None"),
        ({"step": 0}, "r1_verl.entropy.step is 0"),
        ({"low": 0.5, "high": 0.1}, "r1_verl.entropy.low 0.5 is above high 0.1: exchange them"),
    ],
    "samples": [
        (64, "r1_verl.samples is 64: write r1_verl.samples={responses:64} or null"),
        ({"response": 3}, "r1_verl.samples has no response: it has responses, characters, megabytes"),
        ({"responses": 0}, "r1_verl.samples.responses is 0: write a whole number from 1, or r1_verl.samples=null"),
        ({"responses": 2.5}, "r1_verl.samples.responses is 2.5"),
        ({"megabytes": "64"}, "r1_verl.samples.megabytes is '64'"),
        ({"characters": True}, "r1_verl.samples.characters is True"),
    ],
}
READERS = {"schedule": kl_steps, "entropy": entropy_target, "samples": sample_bounds}


@pytest.mark.parametrize(("name", "setting", "said"), [(name, *each) for name, cases in BAD.items() for each in cases])
def test_settings_that_can_not_be_meant(name, setting, said):
    with pytest.raises(SettingError) as error:
        READERS[name](setting)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_settings_that_can():
    assert sample_bounds({"responses": 8, "megabytes": 0.5}) == SampleBounds(8, 20_000, 0.5)
    assert sample_bounds(None) is None is entropy_target(None)
    assert entropy_target({"step": 1e-4, "high": 0.005}) == (0.2, 1e-4, 0.0, 0.005)  # Skywork-OR1's


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["r1_verl.schedule={kl_loss_coef: {0: -1}}"], "kl_loss_coef.0 is -1 | write a number from 0"),
        (["r1_verl.schedule={kl_loss_coef: {0: 0.1}}", f"{ACTOR}.use_kl_loss=False"], f"| {ACTOR}.use_kl_loss=True"),
        (["r1_verl.entropy={target: 0.3}"], "| +entropy=target (or"),
        (["r1_verl.entropy={traget: 0.3}"], "r1_verl.entropy has no traget | it has target, step, low, high"),
        (["r1_verl.samples={responses: none}"], "r1_verl.samples.responses is 'none'"),
        (["r1_verl.entropy={}", f"{ACTOR}.calculate_entropy=True", f"{ROLLOUT}.calculate_log_probs=False"],
         f"| {ROLLOUT}.calculate_log_probs=True"),
        (["r1_verl.schedule={kl_loss_coef: {0: 0.1}}", "trainer.v1.sampler.custom_sampler.path=null"],
         "nothing follows r1_verl.schedule: the sampler is veRL's own"),
        (["r1_verl.schedule={kl_loss_coef: {0: 0.1}}", "+distillation.enabled=True"], "the loss of distillation"),
        ([], ""),
        (["r1_verl.schedule={kl_loss_coef: {0: 0.0,100: 0.001}}", "r1_verl.entropy={target: 0.2}",
          f"{ACTOR}.calculate_entropy=True", "r1_verl.samples=null"], ""),
    ],
)  # fmt: skip
def test_doctor_names_what_is_wrong(composed, overrides, said):
    config = overridden(composed("quickstart_grpo"), *overrides)
    found = [f"{each.what} | {each.fix}" for each in doctor.schedules.check_schedules(config)]
    assert len(found) == bool(said) and said in "".join(found)


def test_the_fragment_sets_all_that_an_entropy_target_needs(composed):
    from r1_verl import recipes

    config = recipes.compose("quickstart_grpo", ["+entropy=target", "r1_verl.entropy.target=0.4"])
    assert list(doctor.schedules.check_schedules(config)) == []
    assert entropy_target(config.r1_verl.entropy) == (0.4, 0.005, 0.0, 1.0)


def test_the_loss_that_workers_get_has_the_coefficient_of_the_step(trainer_of):
    trainer = trainer_of("r1_verl.schedule={kl_loss_coef: {0: 0.0,3: 0.001,5: 0.02}}")
    schedules = schedules_of(trainer)
    told = [schedules.apply(step, 0.5) for step in range(1, 7)]
    assert [each["train-facts/kl_loss_coef"] for each in told] == [0, 0, 0.001, 0.001, 0.02, 0.02]
    sent = trainer.actor_rollout_wg.losses  # only where it changes
    assert [loss.keywords["config"].kl_loss_coef for loss in sent] == [0, 0.001, 0.02]
    ours, theirs = sent[0].keywords["config"], schedules._actor
    assert {name for name in theirs if ours[name] != theirs[name]} == {"kl_loss_coef"}


def test_entropy_coefficient_rises_below_the_target_and_is_off_above(trainer_of):
    trainer = trainer_of("r1_verl.entropy={target: 0.2}", f"{ACTOR}.calculate_entropy=True")
    schedules = schedules_of(trainer)
    told = [schedules.apply(step, entropy) for step, entropy in enumerate((0.5, 0.2, 0.1, 0.3, 0.1, None), start=1)]
    values = [round(each["train-facts/entropy_coeff"], 6) for each in told]
    assert values == [0, 0.005, 0.01, 0, 0.01, 0.01]  # at step 4 the controller falls to .005, and the loss has none
    assert [round(loss.keywords["config"].entropy_coeff, 6) for loss in trainer.actor_rollout_wg.losses] == [
        0, 0.005, 0.01, 0, 0.01
    ]  # fmt: skip


def test_a_step_of_several_batches_moves_once(trainer_of):
    schedules = schedules_of(trainer_of("r1_verl.entropy={target: 0.2}", f"{ACTOR}.calculate_entropy=True"))
    assert [schedules.apply(7, 0.1)["train-facts/entropy_coeff"] for _ in range(4)] == [0.005] * 4


def test_a_resumed_run_goes_on_from_the_coefficient_of_its_step(trainer_of, tmp_path):
    overrides = ["r1_verl.entropy={target: 0.2}", f"{ACTOR}.calculate_entropy=True"]
    (tmp_path / "run").mkdir()
    first = schedules_of(trainer_of(*overrides))
    for step in range(1, 9):
        first.apply(step, 0.1)
    record = tmp_path / "run/entropy_coeff.jsonl"
    record.write_text(record.read_text() + '{"step": 9, "coeff')  # killed while writing
    second = schedules_of(trainer_of(*overrides))  # from the checkpoint of step 5
    assert second.apply(6, 0.5)["train-facts/entropy_coeff"] == 0  # .025 before, .02 now, and none above the target
    assert second.apply(7, 0.1)["train-facts/entropy_coeff"] == pytest.approx(0.025)
    third = schedules_of(trainer_of(*overrides))  # again from step 5: what the second did at 6 and 7 was lost
    assert third.apply(6, 0.1)["train-facts/entropy_coeff"] == pytest.approx(0.03)
    fourth = schedules_of(trainer_of(*overrides))  # from the checkpoint of step 6, which the third wrote
    assert fourth.apply(7, 0.1)["train-facts/entropy_coeff"] == pytest.approx(0.035)


def test_a_record_that_can_not_be_written_stops_nothing(trainer_of, tmp_path, capsys):
    schedules = schedules_of(trainer_of("r1_verl.entropy={target: 0.2}", f"{ACTOR}.calculate_entropy=True"))
    (tmp_path / "run").write_text("a file")
    assert [schedules.apply(step, 0.1)["train-facts/entropy_coeff"] for step in (1, 2)] == [0.005, 0.01]
    assert capsys.readouterr().err.count("can't be written") == 1


def test_while_only_the_critic_trains_nothing_moves(trainer_of):
    trainer = trainer_of("r1_verl.schedule={kl_loss_coef: {0: 0.1}}", "trainer.critic_warmup=3")
    schedules = schedules_of(trainer)
    assert [bool(schedules.apply(step, 0.1)) for step in (1, 2, 3)] == [False, False, True]


def test_without_a_schedule_veRL_keeps_its_own_loss(trainer_of):
    trainer = trainer_of()
    assert schedules_of(trainer).apply(1, 0.1) == {} and trainer.actor_rollout_wg.losses == []


def test_what_can_not_be_followed_stops_the_trainer_with_one_line(trainer_of):
    with pytest.raises(SettingError, match=r"calculate_entropy=True"):
        trainer_of("r1_verl.entropy={target: 0.2}")


class TestVerlHasNotMoved:
    """What `schedules.py` knows of veRL 0.9.1. A failure here means: read that file anew before anything else."""

    def test_the_sampler_is_given_a_method_of_the_trainer(self, trainer_of):
        from r1_verl.verl_side import schedules

        trainer = trainer_of()
        assert schedules.trainer(trainer.replay_buffer.refill_fn) is trainer
        assert schedules.trainer(print) is None or not hasattr(schedules.trainer(print), "config")

    @pytest.mark.parametrize("mode", ["trainer_sync.PPOTrainerSync", "trainer_colocate_async.PPOTrainerColocateAsync",
                                      "trainer_separate_async.PPOTrainerSeparateAsync"])  # fmt: skip
    def test_every_trainer_sends_updates_through_the_same_worker_group(self, mode):
        import importlib

        from verl.trainer.ppo.v1 import trainer_base

        module, name = mode.split(".")
        trainer = getattr(importlib.import_module(f"verl.trainer.ppo.v1.{module}"), name)
        assert issubclass(trainer, trainer_base.PPOTrainer)
        assert trainer._update_actor is trainer_base.PPOTrainer._update_actor
        update = inspect.getsource(trainer._update_actor)
        assert "self.actor_rollout_wg.update_actor(batch)" in update
        assert "self.config.actor_rollout_ref.actor.calculate_entropy" in update  # at each update, not once
        step = inspect.getsource(trainer_base.PPOTrainer._step_once)
        assert step.index("self.replay_buffer.sample(") < step.index("self._update_actor(")
        assert "self.config.trainer.critic_warmup <= self.global_steps" in step

    def test_workers_take_a_loss_and_use_the_one_they_took(self):
        from verl.single_controller.base.decorator import MAGIC_ATTR, Dispatch
        from verl.workers.engine_workers import ActorRolloutRefWorker, TrainingWorker

        for worker in (ActorRolloutRefWorker, TrainingWorker):
            assert list(inspect.signature(worker.set_loss_fn).parameters) == ["self", "loss_fn"]
            assert getattr(worker.set_loss_fn, MAGIC_ATTR)["dispatch_mode"] == Dispatch.ONE_TO_ALL
        assert "self.actor.set_loss_fn(loss_fn=loss_fn)" in inspect.getsource(ActorRolloutRefWorker.set_loss_fn)
        assert "loss_function=self.loss_fn" in inspect.getsource(TrainingWorker.train_batch)
        built = inspect.getsource(ActorRolloutRefWorker.init_model)
        assert "actor_config: ActorConfig = omega_conf_to_dataclass(self.config.actor)" in built
        assert "self.loss_fn = partial(ppo_loss, config=actor_config)" in built

    @pytest.mark.parametrize("kl, entropy", [(0.0, 0.0), (0.25, 0.0), (0.0, 0.5), (0.25, 0.5)])
    def test_verls_loss_uses_and_reports_the_coefficients(self, trainer_of, kl, entropy):
        """Its real loss on two responses; what a coefficient adds is the coefficient times the term that it reports."""
        from dataclasses import replace

        from verl.utils.config import omega_conf_to_dataclass
        from verl.workers.utils.losses import ppo_loss

        from r1_verl.verl_side.schedules import reporting_loss

        assert list(inspect.signature(ppo_loss).parameters) == list(inspect.signature(reporting_loss).parameters)
        trainer = trainer_of(f"{ACTOR}.calculate_entropy=True")
        actor = omega_conf_to_dataclass(trainer.config.actor_rollout_ref.actor)
        plain, _ = reporting_loss(replace(actor, kl_loss_coef=0.0, entropy_coeff=0.0), *batch())
        loss, told = reporting_loss(replace(actor, kl_loss_coef=kl, entropy_coeff=entropy), *batch())
        assert told["kl_loss"].aggregate() > 0 < told["actor/entropy_loss"].aggregate()
        terms = kl * told["kl_loss"].aggregate() - entropy * told["actor/entropy_loss"].aggregate()
        assert (loss - plain).item() == pytest.approx(float(terms), abs=1e-6)
        assert (told["kl_coef"], told["entropy_coeff"]) == (kl, entropy)
        theirs, said = ppo_loss(replace(actor, kl_loss_coef=kl, entropy_coeff=entropy), *batch())
        assert theirs.item() == loss.item() and said.keys() == told.keys() - {"entropy_coeff"}


def batch():
    """(model_output, data) of two responses of two tokens after prompts of one, as the FSDP engine hands them over."""
    from verl.utils import tensordict_utils as tu

    def jagged(*rows):
        return torch.nested.as_nested_tensor([torch.tensor(row) for row in rows], layout=torch.jagged)

    output = {
        "log_probs": jagged([0.0, -1.0, -2.0], [0.0, -0.5, -0.7]),
        "entropy": jagged([0.0, 0.9, 0.4], [0.0, 0.3, 0.2]),
    }
    data = tu.get_tensordict(
        {
            "prompts": jagged([1], [1]), "responses": jagged([2, 3], [2, 3]), "response_mask": jagged([1, 1], [1, 1]),
            "old_log_probs": jagged([-1.0, -2.0], [-0.5, -0.7]), "advantages": jagged([1.0, 1.0], [-1.0, -1.0]),
            "ref_log_prob": jagged([-1.5, -1.0], [-0.9, -0.6]),
        },
        {"dp_size": 1, "batch_num_tokens": 4, "global_batch_size": 2, "max_response_len": 2},
    )  # fmt: skip
    return output, data
