"""The preflight: each mistake has a message of its own, and a sound recipe raises none."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from probes import COUNTDOWN, RAW, overridden, rows

from r1_verl import cluster, doctor
from r1_verl.data.example import Example, to_batch
from r1_verl.doctor import loggers, values, verl_config, verl_source
from r1_verl.training import tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    tables = {
        "good": rows(), "source": rows("countdwn"), "truth": rows(truth='{"numbers":'),
        "column": rows().drop_columns(["reward_model"]), "empty": rows().slice(0, 0), "few": rows(count=3),
        "raw": rows(messages=(("user", RAW),), think=True), "think": rows(think=True),
        "system": rows(messages=(("system", "You count."), ("user", "1 2 = 3"))),
        "long": rows(messages=(("user", "1 2 = 3 " * 40),)),
    }  # fmt: skip
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "torn.parquet").write_bytes((folder / "good.parquet").read_bytes()[:300])
    tiny_model.build(folder / "model", seed=0)
    # A base model: its template is ChatML, and it does not end at <|im_end|>.
    shutil.copytree(folder / "model", folder / "base")
    for name in ("config.json", "generation_config.json"):
        file = folder / "base" / name
        if file.exists():
            file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": 0}))
    # A model whose template opens <think>, as DeepSeek-R1-Distill's does.
    shutil.copytree(folder / "model", folder / "distill")
    template = tiny_model.CHAT_TEMPLATE.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")
    assert "<think>" in template
    settings = json.loads((folder / "distill/tokenizer_config.json").read_text())
    (folder / "distill/tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": template}))
    (folder / "distill/chat_template.jinja").unlink(missing_ok=True)
    for name, left_out in (("weightless", "model.safetensors"), ("untokenized", "tokenizer.json")):
        shutil.copytree(folder / "model", folder / name)
        (folder / name / left_out).unlink()
    shutil.copytree(folder / "model", folder / "parted")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "parted/model.safetensors").rename(folder / "parted" / parts["a"])
    (folder / "parted/model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    ck = folder / "other/checkpoints"
    ck.mkdir(parents=True)
    (ck / "latest_checkpointed_iteration.txt").write_text("40")
    (folder / "other/config.yaml").write_text("data.train_batch_size: 7\n")
    return folder


@pytest.fixture
def problems(place, composed):
    return lambda *overrides, recipe="quickstart_grpo": found_in(place, composed(recipe), *overrides)


def found_in(place, config, *overrides: str) -> str:
    sound = [f"data.train_files={place}/good.parquet", f"data.val_files={place}/good.parquet",
             f"actor_rollout_ref.model.path={place}/model", f"trainer.default_local_dir={place}/ck"]  # fmt: skip
    config = overridden(config, *sound, *(o.replace("{place}", str(place)) for o in overrides))
    return "\n".join(f"{doctor.said(problem)} | {problem.fix}" for problem in doctor.examine(config))


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_the_rows_say_whether_their_prompt_is_raw(problems, place):
    """Whatever it looks like; rows of earlier versions and of other people are judged by their looks (raw.parquet)."""
    raw = "whole strings (raw style)"
    passes = "actor_rollout_ref.model.custom_chat_template=\"{% for m in messages %}{{ m['content'] }}{% endfor %}\""
    for name, flag, text in (("bare", True, "1 2 = 3"), ("chat", False, "What does <|im_end|> mean?")):
        made = [
            Example("countdown", (("user", text),), COUNTDOWN, "<answer>1+2</answer>", i, "train", "mine", raw=flag)
            for i in range(512)
        ]
        pq.write_table(pa.Table.from_batches([to_batch(made)]), place / f"{name}.parquet")
        assert (raw in problems(f"data.train_files={place}/{name}.parquet")) is flag
        assert raw not in problems(f"data.train_files={place}/{name}.parquet", passes)


@pytest.mark.parametrize("recipe", ["quickstart_grpo", "quickstart_ppo"])
def test_a_sound_recipe_has_no_problem(problems, recipe):
    assert problems(recipe=recipe) == ""


ACTOR, ROLLOUT, REWARD = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "reward.custom_reward_function"
# The quickstart's own settings are tuned now and then: the mistakes are made in these.
STABLE = [
    "data.train_batch_size=64", "data.max_prompt_length=24", "data.max_response_length=72",
    f"{ROLLOUT}.max_model_len=96", f"{ROLLOUT}.n=8", f"{ACTOR}.ppo_mini_batch_size=64",
    f"{ACTOR}.ppo_micro_batch_size_per_gpu=128", f"{ACTOR}.use_kl_loss=false", f"{ACTOR}.kl_loss_coef=0.001",
]  # fmt: skip
MISTAKES = [
    # data
    ("data.train_files={place}/none.parquet", "none.parquet is not there"),
    ("data.train_files={place}/torn.parquet", "can't be read as Parquet"),
    ("data.val_files={place}/column.parquet", "has no column reward_model"),
    ("data.train_files={place}/empty.parquet", "has no rows"),
    ("data.train_files={place}/few.parquet", "3 training rows are less than one batch of 64"),
    ("r1_verl.pays=null data.train_files={place}/source.parquet", "unknown data source 'countdwn'; did you mean"),
    ("data.train_files={place}/truth.parquet", "a ground truth that can't be read"),
    ("data.seed=null", "data.seed is null"),
    # prompts
    ("data.train_files={place}/raw.parquet", "whole strings (raw style) and would get the model's template around"),
    (
        "data.train_files={place}/system.parquet "
        "actor_rollout_ref.model.custom_chat_template=\"{% for m in messages %}{{ m['content'] }}{% endfor %}\"",
        "system and user text would run together",
    ),
    ("data.train_files={place}/think.parquet", "the data says that the prompt opens <think>"),
    ("actor_rollout_ref.model.path={place}/distill", "format rewards stay 0"),
    ("actor_rollout_ref.model.path={place}/base", "the model does not end at <|im_end|>"),
    ("data.train_files={place}/long.parquet", "prompts are longer than data.max_prompt_length 24"),
    # reward
    (f"{REWARD}.reward_kwargs.mode=strikt", "unknown mode 'strikt'; did you mean 'strict'"),
    (f"{REWARD}.reward_kwargs.ladder=tinyzro", "unknown scale 'tinyzro'; did you mean 'tinyzero'"),
    ("r1_verl.pays=drgrp", "unknown reward 'drgrp'; did you mean 'drgrpo'"),
    ("r1_verl.pays={name: countdown, scale: binry}", "unknown scale 'binry'; did you mean 'binary'"),
    ("r1_verl.pays={name: openr1, options: {openr1_weight: 1}}", "unknown option 'openr1_weight'; did you mean"),
    (
        "r1_verl.pays=drgrpo",
        "'drgrpo' judges the task math, the row of data source 'countdown' is of the task countdown",
    ),
    (f"+{REWARD}.reward_kwargs.laddr=x", "no scorer takes the option 'laddr'"),
    (f"{REWARD}.path=null", "reward.custom_reward_function.path is empty"),
    (f"{REWARD}.path=pkg://r1_verl.rewards", "no module r1_verl.rewards"),
    (f"{REWARD}.path=my_reward.py", "my_reward.py is not there"),
    ("custom_reward_function.path=my_reward.py", "custom_reward_function.path is the old name"),
    ("reward.reward_manager.name=dappo", "unknown reward manager 'dappo' | did you mean dapo"),
    ("+reward.reward_kwargs.overlong_buffer_cfg.enable=true", "the reward manager 'naive' does not read it"),
    (
        "reward.reward_manager.name=dapo +reward.reward_kwargs.overlong_buffer_cfg.enable=true "
        "+reward.reward_kwargs.max_resp_len=20480",
        "max_resp_len 20480, responses may have 72 tokens",
    ),
    (
        "reward.reward_manager.name=dapo +reward.reward_kwargs.overlong_buffer_cfg.enable=true "
        "+reward.reward_kwargs.max_resp_len=72 +reward.reward_kwargs.overlong_buffer_cfg.len=4096",
        "range of 4096 tokens is not within the 72",
    ),
    ("algorithm.filter_groups.enable=true algorithm.filter_groups.metric=accuracy", "'accuracy' is in no score"),
    # batches
    (f"{ACTOR}.ppo_mini_batch_size=128", "ppo_mini_batch_size 128 is more than train_batch_size 64"),
    (f"{ACTOR}.ppo_mini_batch_size=48", "no multiple of ppo_mini_batch_size 48"),
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu=null", "ppo_micro_batch_size_per_gpu is not set"),
    (f"{ACTOR}.ppo_micro_batch_size=8", "an old name that veRL 0.9.1 does not use"),
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu=100", "are no multiple of"),
    (f"{ACTOR}.use_dynamic_bsz=true {ACTOR}.ppo_max_token_len_per_gpu=64", "does not hold one sequence of 96"),
    (
        "algorithm.adv_estimator=gae critic.use_dynamic_bsz=true critic.ppo_infer_max_token_len_per_gpu=64",
        "critic.ppo_infer_max_token_len_per_gpu 64 does not hold one sequence of 96",
    ),
    (f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu=null", "rollout.log_prob_micro_batch_size_per_gpu is not set"),
    (
        f"{ACTOR}.use_kl_loss=true actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=null",
        "ref.log_prob_micro_batch_size_per_gpu is not set",
    ),
    (
        f"{ACTOR}.use_kl_loss=true actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=100",
        "no multiple of ref.log_prob_micro_batch_size_per_gpu 100",
    ),
    ("trainer.n_gpus_per_node=3", "do not divide among 3 GPUs"),
    # algorithm
    ("algorithm.adv_estimator=grpo_bais +algorithm.grpo_bias=0.1", "unknown algorithm.adv_estimator 'grpo_bais' | did"),
    ("algorithm.adv_estimator=grpo_bias", "without its constant"),
    ("+algorithm.grpo_bias=0.1", "algorithm.grpo_bias=0.1 is not used by adv_estimator=grpo"),
    (f"{ROLLOUT}.n=1", "adv_estimator=grpo compares the responses to one prompt, and rollout.n=1 gives one"),
    (f"{ROLLOUT}.temperature=0", "the responses of a group are all the same"),
    (f"{ACTOR}.clip_ratio=0.28", "clip_ratio=0.28 alone changes nothing"),
    (f"{ACTOR}.loss_agg_mode=seq-mean-token-sum-norm", "without loss_scale_factor"),
    (f"{ACTOR}.grad_clip=0.1", "grad_clip=0.1 is not read"),
    ("algorithm.adv_estimator=gae critic.grad_clip=0.5", "critic.grad_clip=0.5 is not read by veRL 0.9.1"),
    (
        "algorithm.adv_estimator=gae critic.ulysses_sequence_parallel_size=2",
        "critic.ulysses_sequence_parallel_size=2 is not read by veRL 0.9.1 | ++critic.fsdp.ulysses_sequence",
    ),
    ("actor_rollout_ref.nccl_timeout=7200", "nccl_timeout=7200 is not read by veRL 0.9.1: NCCL's own 10 minutes hold"),
    ("trainer.ray_wait_register_center_timeout=900", "ray_wait_register_center_timeout=900 is not read"),
    (f"{ACTOR}.optim.warmup_style=cosine", "warmup_style=cosine is an old name"),
    ("algorithm.use_kl_in_reward=true actor_rollout_ref.actor.use_kl_loss=true", "KL is in the reward and in the loss"),
    ("algorithm.kl_ctrl.kl_coef=0.01", "veRL 0.9.1 leaves KL out of the reward"),
    (f"{ACTOR}.kl_loss_coef=0.04", "use_kl_loss is off"),
    # rollout
    (f"{ROLLOUT}.max_model_len=64", "max_model_len 64 is less than"),
    ("data.max_response_length=1024", "the model has 512 positions"),
    (f"{ROLLOUT}.enable_chunked_prefill=false {ROLLOUT}.max_num_batched_tokens=64", "vLLM refuses to start"),
    (f"{ROLLOUT}.tensor_model_parallel_size=2", "tensor_model_parallel_size 2 does not divide 1 GPUs"),
    (f"{ROLLOUT}.full_determinism=true", "full_determinism gives every response one seed in veRL 0.9.1"),
    ("+r1_verl.stop=['</answer>']", "r1_verl.stop is set, and the reward function is not told"),
    (f"+r1_verl.stop_token_ids=[7] {ROLLOUT}.agent.default_agent_loop=tool_agent", "does not read it: responses would"),
    (f"{ROLLOUT}.agent.default_agent_loop=r1_stopp", "unknown agent loop 'r1_stopp' | did you mean r1_stop"),
    ("r1_verl.mask=all", "r1_verl.mask is 'all' | write r1_verl.mask=truncated or null"),
    (
        f"r1_verl.mask=truncated {ROLLOUT}.agent.default_agent_loop=tool_agent",
        "'tool_agent' does not tell which responses were",
    ),
    ("actor_rollout_ref.model.lora_rank=16", "random base weights"),
    # estimators that veRL's V1 trainer can't feed
    ("algorithm.adv_estimator=remax", "adv_estimator=remax needs reward_baselines"),
    ("algorithm.adv_estimator=gdpo", "adv_estimator=gdpo needs batch and non_tensor_batch"),
    ("algorithm.adv_estimator=optimal_token_baseline", "adv_estimator=optimal_token_baseline needs sum_pi_squared"),
    ("algorithm.adv_estimator=gae critic.enable=false", "needs a critic, and critic.enable is False"),
    # loggers
    ("trainer.logger=[console,file,tensorbord]", "veRL has no logger 'tensorbord' | did you mean tensorboard"),
    ("trainer.logger=[console,file,clearml]", "the package clearml is missing | uv pip install clearml"),
    ("trainer.logger=console", "a doubt: trainer.logger lacks file"),
    # keys
    ("+data.train_batchsize=64", "data.train_batchsize is no key that veRL 0.9.1 reads | did you mean data.train_ba"),
    ("+rolout.n=16", "rolout is no key that veRL 0.9.1 reads | did you mean actor_rollout_ref.rollout"),
    ("+actor_rollout_ref.rolout.n=16", "actor_rollout_ref.rolout is no key that veRL 0.9.1 reads | did you mean"),
    (f"+{ROLLOUT}.temprature=0.6", "temprature is no key of veRL 0.9.1's actor_rollout_ref.rollout, which refuses it"),
    (f"+{ACTOR}.lr=1e-5", f"did you mean {ACTOR}.optim.lr"),
    (
        "+trainer.save_frequency=5",
        "trainer.save_frequency is no key that veRL 0.9.1 reads | did you mean trainer.save_",
    ),
    ("+data.n=16", "data.n is no key that veRL 0.9.1 reads"),
    ("+ray_kwargs.ray_init.num_cpu=8", "num_cpu is no keyword of ray.init, which refuses it"),
    ("+r1_verl.stops=['x']", "r1_verl.stops is no key of r1-verl: nothing reads it | did you mean r1_verl.stop?"),
    ("+data.my_own_setting=3", "a doubt: data.my_own_setting is no key that veRL 0.9.1 reads | leave"),
    # old places, and what veRL never reads
    ("reward_model.reward_manager=dapo", "reward_model.reward_manager is the old name of reward.reward_manager.name"),
    ("reward_model.num_workers=4", "reward_model.num_workers is the old name of reward.num_workers"),
    ("sandbox_fusion.max_concurrent=8", "sandbox_fusion.max_concurrent is the old name of reward.sandbox_fusion.max_"),
    (f"{ROLLOUT}.multi_stage_wake_up=true", f"a doubt: {ROLLOUT}.multi_stage_wake_up=True is not read by veRL 0.9.1"),
    ("data.return_raw_input_ids=true", "data.return_raw_input_ids=True is not read by veRL 0.9.1"),
    # kinds and ranges of values
    ("data.train_batch_size=64k", "data.train_batch_size='64k' is not a whole number"),
    ("data.max_prompt_length=0.5", "data.max_prompt_length=0.5 is not a whole number"),
    (f"{ROLLOUT}.n=null", f"{ROLLOUT}.n=null is not a whole number"),
    ("trainer.n_gpus_per_node=0", "trainer.n_gpus_per_node=0 is out of range | 1 or more"),
    ("data.train_batch_size=-64", "data.train_batch_size=-64 is out of range"),
    (f"{ROLLOUT}.temperature=-1", f"{ROLLOUT}.temperature=-1 is out of range"),
    (f"{ROLLOUT}.temperature=3", f"{ROLLOUT}.temperature=3 is out of range"),  # vLLM refuses each request, minutes in
    (f"{ROLLOUT}.top_p=0", f"{ROLLOUT}.top_p=0 is out of range | more than 0, at most 1"),
    (f"{ROLLOUT}.gpu_memory_utilization=60", f"{ROLLOUT}.gpu_memory_utilization=60 is out of range"),
    (f"{ACTOR}.optim.lr=.nan", f"{ACTOR}.optim.lr=nan is out of range"),
    (f"{ACTOR}.profiler.tool_config.torch.schedule.active=-5", "schedule.active=-5 is out of range | 0 or more"),
    (f"{ACTOR}.use_torch_compile='yes'", f"{ACTOR}.use_torch_compile='yes' is not True or False"),
    (
        f"{ACTOR}.loss_agg_mode=token_mean",
        "loss_agg_mode=token_mean is none of veRL's choices | did you mean token-mean",
    ),
    (f"{ACTOR}.kl_loss_type=low_var", "kl_loss_type=low_var is none of veRL's choices | did you mean low_var_kl"),
    (f"{ACTOR}.strategy=fdsp", f"{ACTOR}.strategy=fdsp is none of veRL's choices"),
    (f"{ACTOR}.checkpoint.save_contents=[model,optimiser]", "save_contents names 'optimiser' | did you mean optimizer"),
    ("trainer.v1.trainer_mode=async", "trainer.v1.trainer_mode=async is none of veRL's choices"),
    (f"{ACTOR}.ppo_mini_batch_size=${{data.batch}}", "${data.batch} can't be resolved"),
    ("trainer.total_training_steps=many", "trainer.total_training_steps='many' is not a whole number or null"),
    # machine
    ("ray_kwargs.ray_init.num_cpus=4", "Ray would have 4 CPUs, veRL asks for 5"),
    ("trainer.device=cuda", "VERL_PLATFORM=cpu is set"),
    ("actor_rollout_ref.model.path=./nowhere", "the model folder ./nowhere is not there"),
    ("actor_rollout_ref.model.path={place}/weightless", "weightless lacks weights (.safetensors or .bin)"),
    ("actor_rollout_ref.model.path={place}/parted", "parted lacks model-00002-of-00002.safetensors"),
    (
        "actor_rollout_ref.model.path={place}/untokenized",
        "untokenized lacks a tokenizer (tokenizer.json",
    ),
    ("actor_rollout_ref.model.tokenizer_path={place}", "tokenizer_path={place}: there is no tokenizer_config.json"),
    ("actor_rollout_ref.model.external_lib=my_lib.x", "external_lib=my_lib.x: there is no such module here"),
    ("actor_rollout_ref.model.mtp._target_=null", "actor_rollout_ref.model.mtp._target_=None is no dataclass of veRL"),
    ("trainer.default_local_dir={place}/other/checkpoints", "a checkpoint of step 40 of another configuration"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_each_mistake_is_named(problems, place, mistake, message):
    overrides = re.split(r" (?=\+?[a-z_]+\.[\w.]+=)", mistake)
    assert message.replace("{place}", str(place)) in problems(*STABLE, *overrides)


def test_no_two_mistakes_share_a_message():
    assert len({message for _, message in MISTAKES}) == len(MISTAKES) >= 20


DOUBTS = ["data.seed=null", "algorithm.use_kl_in_reward=true actor_rollout_ref.actor.use_kl_loss=true",
          f"{ACTOR}.ppo_mini_batch_size=48", f"{ACTOR}.grad_clip=0.1", f"{ACTOR}.clip_ratio=0.28"]  # fmt: skip


@pytest.mark.parametrize("mistake", DOUBTS)
def test_what_runs_and_may_be_meant_is_a_doubt(problems, mistake):
    found = problems(*STABLE, f"{ACTOR}.use_dynamic_bsz=true", *re.split(r" (?=\+?[a-z_]+\.[\w.]+=)", mistake))
    assert found and all(line.startswith("a doubt: ") for line in found.splitlines()), found


def test_doubts_are_passed_by_one_word_and_errors_are_not(composed, place, monkeypatch, capsys):
    sound = [f"data.train_files={place}/good.parquet", f"data.val_files={place}/good.parquet",
             f"actor_rollout_ref.model.path={place}/model", f"trainer.default_local_dir={place}/ck"]  # fmt: skip
    doubtful = overridden(composed("quickstart_grpo"), *sound, "data.seed=null")
    monkeypatch.delenv("DOUBTS", raising=False)
    with pytest.raises(doctor.DoctorError, match="put DOUBTS=ok before the same command"):
        doctor.require(doubtful)
    monkeypatch.setenv("DOUBTS", "ok")
    doctor.require(doubtful)
    assert "data.seed is null" in capsys.readouterr().out
    with pytest.raises(doctor.DoctorError, match=r"(?s)this run would fail:.*-64 is out of range.*a doubt: data.seed"):
        doctor.require(overridden(doubtful, "data.train_batch_size=-64"))


def test_a_check_that_fails_is_a_doubt_that_names_it(composed, place, monkeypatch):
    def check_it(config):
        yield doctor.Problem("found before", "fix")
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(doctor, "CHECKS", (*doctor.CHECKS, check_it))
    found = found_in(place, composed("quickstart_grpo"))
    assert found.startswith(
        "found before | fix\na doubt: the check test_doctor.check_it failed (RuntimeError: first line)"
    )
    spoilt = found_in(place, composed("quickstart_grpo"), "data.train_batch_size=64k")
    assert "failed" not in spoilt and "64k" in spoilt


def test_the_defaults_of_verl_are_within_the_table():
    from omegaconf import OmegaConf

    own = verl_config.defaults()
    trees = own, verl_config.resolved(), {}
    found = [problem.what for problem, _ in values._values(OmegaConf.create(own), *trees, "", "", ())]
    assert [what for what in found if "has no default" not in what] == []


FUNCTIONS = {
    "veRL's documented form": ("def f(data_source, solution_str, ground_truth, extra_info=None): return 1.0",
                               "can't be called as veRL does"),
    "keywords": ("def f(data_source, solution_str, ground_truth, extra_info=None, **kwargs): return 1.0", ""),
    "asynchronous": ("async def f(data_source, solution_str, ground_truth, extra_info=None, **kwargs): return 1.0", ""),
    "TRL's form": ("def f(completions, **kwargs): return 1.0", "missing a required argument: 'completions'"),
    "another name": ("def score(**kwargs): return 1.0", "has no 'f', which"),
    "no function": ("f = 1.0", "is no function but of type float"),
    "a missing import": ("import no_such_package", "imports no_such_package, which is not installed here"),
    "a typo": ("def f(", "can't be loaded (SyntaxError"),
    "it ends the process": ("import os; os._exit(3)", "it ended the process: status 3"),
}  # fmt: skip


@pytest.mark.parametrize("label", FUNCTIONS)
def test_a_reward_function_is_loaded_as_verl_loads_it(problems, tmp_path, label):
    text, said = FUNCTIONS[label]
    (tmp_path / "mine.py").write_text(text + "\n")
    found = problems(f"{REWARD}.path={tmp_path}/mine.py", f"{REWARD}.name=f")
    assert said in found if said else found == "", found


def test_a_reward_function_below_home_or_without_our_keywords(problems, tmp_path):
    assert "veRL does not expand ~" in problems(f"{REWARD}.path=~/mine.py")
    (tmp_path / "mine.py").write_text(FUNCTIONS["veRL's documented form"][0])
    ours = [f"{REWARD}.path={tmp_path}/mine.py", f"{REWARD}.name=f"]
    assert f"; or ~{REWARD}.reward_kwargs" in problems(*ours)
    assert problems(*ours, f"{REWARD}.reward_kwargs=null") == ""


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "there is no login for api.wandb.ai"),
        ({"WANDB_API_KEY": "123"}, "WANDB_API_KEY has 3 characters"),
        ({"WANDB_API_KEY": "a" * 40}, ""),
        ({"WANDB_MODE": "offline"}, ""),
        ({"NETRC": "{folder}/netrc"}, ""),
        ({"NETRC": "{folder}/netrc", "WANDB_BASE_URL": "https://wandb.here"}, "there is no login for wandb.here"),
    ],
)
def test_wandb_without_a_login(tmp_path, monkeypatch, env, said):
    (tmp_path / "netrc").write_text("machine api.wandb.ai\n  login user\n  password secret\n")
    for name in ("WANDB_API_KEY", "WANDB_MODE", "NETRC", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path)} | env).items():
        monkeypatch.setenv(name, value.replace("{folder}", str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    found = loggers._wandb()
    assert said in found if said else found == ""


def test_the_platform_must_be_exported(problems, monkeypatch):
    monkeypatch.delenv("VERL_PLATFORM")
    assert "export VERL_PLATFORM=cpu" in problems()


def test_versions_and_plugin(problems, monkeypatch, tmp_path):
    (tmp_path / "verl-9.9.9.dist-info").mkdir()
    (tmp_path / "verl-9.9.9.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: verl\nVersion: 9.9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setenv("VERL_USE_EXTERNAL_PLUGINS", "none")
    found = problems()
    assert "verl is 9.9.9, proved on 0.9.1" in found and "Python 3.14 is not supported" in found
    assert "VERL_USE_EXTERNAL_PLUGINS=none" in found


def test_the_names_are_those_that_verl_registers():
    """Read from its source, without importing it; veRL with our plugin is the witness."""
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry
    from verl.experimental.reward_loop.reward_manager.registry import REWARD_MANAGER
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY

    assert verl_source.estimators().keys() == ADV_ESTIMATOR_REGISTRY.keys() > {"grpo", "grpo_bias"}
    assert set(verl_source.reward_managers()) == REWARD_MANAGER.keys() > {"naive"}
    assert set(verl_source.agent_loops()) == {name for name in _agent_loop_registry if not name.startswith("r1_")}
    alone = {name for name, estimator in verl_source.estimators().items() if not estimator.compares}
    assert alone == {"gae", "reinforce_plus_plus", "remax"}


def test_a_verl_that_registers_nothing_is_reported(tmp_path):
    """Once for each list; no name is called unknown."""
    (tmp_path / "verl/trainer/ppo").mkdir(parents=True)
    for name in ("__init__.py", "trainer/ppo/core_algos.py"):
        (tmp_path / "verl" / name).write_text("")
    program = (
        "from r1_verl.doctor import verl_source as v\n"
        "assert not (v.estimators() or v.agent_loops() or v.reward_managers())\n"
        "print(*(problem.what for problem in v.check_source(None)), sep='\\n')"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(doctor.__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert [line.partition(" is missing or registers nothing: ")[0] for line in done.stdout.splitlines()] == [
        "veRL's trainer/ppo/core_algos.py", "veRL's experimental/agent_loop",
        "veRL's experimental/reward_loop/reward_manager",
    ], done.stderr  # fmt: skip


def test_a_hub_model_without_the_hub(problems, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "not in the hub's cache" in problems("actor_rollout_ref.model.path=Qwen/Qwen2.5-0.5B")


# --- several nodes ----------------------------------------------------------------------------------------------------


def test_a_cluster_that_is_not_there(problems, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert "no Ray answers at 127.0.0.1:1" in problems()
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    assert "no Ray cluster at nowhere (Invalid address format: nowhere)" in problems()


def test_a_cluster_that_is_too_small(composed):
    two = overridden(composed("quickstart_grpo"), "trainer.nnodes=2", "trainer.n_gpus_per_node=2")
    ((what, _),) = cluster.lacking(two, [cluster.Node("10.0.0.1", 2, 64)])
    assert what == "veRL asks 2 nodes for 2 GPUs and 6 CPUs each; the Ray cluster has 10.0.0.1 (2 GPUs, 64 CPUs)"
    ((what, _),) = cluster.lacking(two, [cluster.Node(f"10.0.0.{i}", 2, 6) for i in (1, 2)])
    assert what.startswith("the Ray cluster has 12 CPUs, veRL asks for 14 (3 a GPU, TransferQueue 2)")
    assert cluster.lacking(two, [cluster.Node(f"10.0.0.{i}", 2, 7) for i in (1, 2)]) == []


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_ends_by_what_it_found(place, capsys):
    from r1_verl import cli

    assert cli.main(["doctor", "quickstart_grpo", "data.train_files=none.parquet"]) == 1
    assert "none.parquet is not there" in capsys.readouterr().out
    assert cli.main(["doctor", "quikstart_grpo"]) == 2
    assert "did you mean quickstart_grpo" in capsys.readouterr().err
    assert cli.main(["doctor"]) == 2
    assert cli.main(["nonsense"]) == 2
