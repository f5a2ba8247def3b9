"""The preflight: each mistake has a message of its own, and a sound recipe raises none."""

from __future__ import annotations

import copy
import json
import re
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from omegaconf import OmegaConf

from r1_verl import cluster, doctor, ground_truth, recipes, tiny_model
from r1_verl.data.example import Example, to_batch
from r1_verl.doctor import gpus, machine
from r1_verl.runs import RunError

COUNTDOWN = ground_truth.encode("countdown", numbers=[1, 2], target=3)
RAW = "A conversation.\nUser: 1 2 = 3\nAssistant: Let me solve this step by step.\n<think>"


def rows(source="countdown", truth=COUNTDOWN, messages=(("user", "1 2 = 3"),), think=False, count=512) -> pa.Table:
    examples = [
        Example(source, tuple(messages), truth, "<answer>1+2</answer>", i, "train", "tiny", think_in_prompt=think)
        for i in range(count)
    ]
    return pa.Table.from_batches([to_batch(examples)])


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
    ck = folder / "other/checkpoints"
    ck.mkdir(parents=True)
    (ck / "latest_checkpointed_iteration.txt").write_text("40")
    (folder / "other/config.yaml").write_text("data.train_batch_size: 7\n")
    return folder


def overridden(config, *overrides: str):
    """A copy with overrides, a hundred times faster than composing anew."""
    config = copy.deepcopy(config)
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        OmegaConf.update(config, key, yaml.safe_load(value), force_add=True)
    return config


@pytest.fixture
def problems(place, composed):
    return lambda *overrides, recipe="quickstart_grpo": found_in(place, composed(recipe), *overrides)


def found_in(place, config, *overrides: str) -> str:
    sound = [f"data.train_files={place}/good.parquet", f"data.val_files={place}/good.parquet",
             f"actor_rollout_ref.model.path={place}/model", f"trainer.default_local_dir={place}/ck"]  # fmt: skip
    config = overridden(config, *sound, *(o.replace("{place}", str(place)) for o in overrides))
    return "\n".join(f"{problem.what} | {problem.fix}" for problem in doctor.examine(config))


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("VERL_PLATFORM", "cpu")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


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
    ("data.train_files={place}/source.parquet", "unknown data source 'countdwn'; did you mean"),
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
    (f"{REWARD}.reward_kwargs.ladder=tinyzro", "unknown ladder 'tinyzro'; did you mean 'tinyzero'"),
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
    ("algorithm.filter_groups.enable=true algorithm.filter_groups.metric=accuracy", "'accuracy' is in no score"),
    # batches
    (f"{ACTOR}.ppo_mini_batch_size=128", "ppo_mini_batch_size 128 is more than train_batch_size 64"),
    (f"{ACTOR}.ppo_mini_batch_size=48", "no multiple of ppo_mini_batch_size 48"),
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu=null", "ppo_micro_batch_size_per_gpu is not set"),
    (f"{ACTOR}.ppo_micro_batch_size=8", "an old name that veRL 0.9.1 does not use"),
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu=100", "are no multiple of"),
    (f"{ACTOR}.use_dynamic_bsz=true {ACTOR}.ppo_max_token_len_per_gpu=64", "does not hold one sequence of 96"),
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
    (f"{ROLLOUT}.n=1", "every advantage is zero"),
    (f"{ROLLOUT}.temperature=0", "the responses of a group are all the same"),
    (f"{ACTOR}.clip_ratio=0.28", "clip_ratio=0.28 alone changes nothing"),
    (f"{ACTOR}.loss_agg_mode=seq-mean-token-sum-norm", "without loss_scale_factor"),
    (f"{ACTOR}.grad_clip=0.1", "grad_clip=0.1 is not read"),
    (f"{ACTOR}.optim.warmup_style=cosine", "warmup_style=cosine is an old name"),
    ("algorithm.use_kl_in_reward=true actor_rollout_ref.actor.use_kl_loss=true", "KL is in the reward and in the loss"),
    ("algorithm.kl_ctrl.kl_coef=0.01", "veRL 0.9.1 leaves KL out of the reward"),
    (f"{ACTOR}.kl_loss_coef=0.04", "use_kl_loss is off"),
    # rollout
    (f"{ROLLOUT}.max_model_len=64", "max_model_len 64 is less than"),
    ("data.max_response_length=1024", "the model has 512 positions"),
    (f"{ROLLOUT}.enable_chunked_prefill=false {ROLLOUT}.max_num_batched_tokens=64", "vLLM refuses to start"),
    (f"{ROLLOUT}.tensor_model_parallel_size=2", "tensor_model_parallel_size 2 does not divide 1 GPUs"),
    ("+r1_verl.stop=['</answer>']", "does not read it: responses would run on"),
    (f"{ROLLOUT}.agent.default_agent_loop=r1_stopp", "unknown agent loop 'r1_stopp' | did you mean r1_stop"),
    ("actor_rollout_ref.model.lora_rank=16", "random base weights"),
    # machine
    ("ray_kwargs.ray_init.num_cpus=4", "Ray would have 4 CPUs, veRL asks for 5"),
    ("trainer.device=cuda", "VERL_PLATFORM=cpu is set"),
    ("actor_rollout_ref.model.path=./nowhere", "the model folder ./nowhere is not there"),
    ("trainer.default_local_dir={place}/other/checkpoints", "a checkpoint of step 40 of another configuration"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_each_mistake_is_named(problems, mistake, message):
    overrides = re.split(r" (?=\+?[a-z_]+\.[\w.]+=)", mistake)
    assert message in problems(*STABLE, *overrides)


def test_no_two_mistakes_share_a_message():
    assert len({message for _, message in MISTAKES}) == len(MISTAKES) >= 20


def test_the_platform_must_be_exported(problems, monkeypatch):
    monkeypatch.delenv("VERL_PLATFORM")
    assert "export VERL_PLATFORM=cpu" in problems()


def test_versions_and_plugin(problems, monkeypatch):
    monkeypatch.setattr(machine, "VERSIONS", {"verl": "9.9.9"})
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setenv("VERL_USE_EXTERNAL_PLUGINS", "none")
    found = problems()
    assert "verl is 0.9.1, proved on 9.9.9" in found and "Python 3.14 is not supported" in found
    assert "VERL_USE_EXTERNAL_PLUGINS=none" in found


def test_no_room_on_the_disk(problems, monkeypatch):
    monkeypatch.setattr(machine, "FREE_GIB", 10**6)
    assert "GiB free under" in problems()


def test_a_hub_model_without_the_hub(problems, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "not in the hub's cache" in problems("actor_rollout_ref.model.path=Qwen/Qwen2.5-0.5B")


# --- GPUs -------------------------------------------------------------------------------------------------------------


def cards(monkeypatch, count: int, size: float, free: float | None = None, cpus: int = 512) -> None:
    """As if this machine had these cards, and were this large."""
    monkeypatch.setattr(gpus, "gpus", lambda: [gpus.Gpu("card", size, size if free is None else free)] * count)
    monkeypatch.setattr("os.cpu_count", lambda: cpus)
    monkeypatch.setattr(gpus, "SHM_GIB", 0)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**50, 0, 2**50))


@pytest.fixture
def gpu_problems(problems):
    def found(*overrides: str, recipe: str = "tinyzero_ppo") -> str:
        return problems(
            "data.train_files={place}/raw.parquet", "data.val_files={place}/raw.parquet", "data.train_batch_size=64",
            f"{ACTOR}.ppo_mini_batch_size=64", "actor_rollout_ref.model.path=Qwen/Qwen2.5-3B", *overrides,
            recipe=recipe,
        )  # fmt: skip

    return found


@pytest.fixture
def with_gpus(monkeypatch):
    monkeypatch.delenv("VERL_PLATFORM")
    return lambda *args, **kwargs: cards(monkeypatch, *args, **kwargs)


def test_gpus(gpu_problems, with_gpus, monkeypatch):
    with_gpus(2, 141.0)
    assert gpu_problems() == ""
    with_gpus(0, 0.0)
    assert "asks for 2 GPUs a node, this machine has none" in gpu_problems()
    with_gpus(1, 141.0)
    assert "this machine has 1 |" in gpu_problems()
    with_gpus(2, 141.0, free=20.0)
    assert "0: 20 of 141 GiB free; 1: 20 of 141 GiB free" in gpu_problems()
    with_gpus(2, 24.0)
    assert re.search(r"about \d+ GiB a GPU are needed \(.*\), a card has 24", gpu_problems())
    with_gpus(2, 24.0)
    huge = gpu_problems("actor_rollout_ref.model.path=Qwen/Qwen2.5-32B")
    assert "does not hold the model's 60 GiB" in huge
    with_gpus(2, 141.0, cpus=8)
    assert "Ray would have 8 CPUs" in gpu_problems()
    monkeypatch.setattr(gpus, "SHM_GIB", 10**9)
    assert "/dev/shm has" in gpu_problems()


def test_a_base_model_is_known_by_its_hub_name(gpu_problems, with_gpus):
    with_gpus(4, 80.0)
    sound = ["data.train_files={place}/good.parquet", "data.val_files={place}/good.parquet"]
    assert gpu_problems(*sound, recipe="gsm8k_grpo") == ""
    found = gpu_problems(*sound, "r1_verl.stop_token_ids=[]", recipe="gsm8k_grpo")
    assert "the model does not end at <|im_end|>" in found


# --- several nodes ----------------------------------------------------------------------------------------------------


def test_a_cluster_that_is_not_there_or_too_small(gpu_problems, with_gpus, monkeypatch):
    with_gpus(2, 141.0)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert "no Ray answers at 127.0.0.1:1" in gpu_problems()
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr(cluster, "nodes", lambda: [cluster.Node("10.0.0.1", 2, 64)])
    small = gpu_problems("trainer.nnodes=2")
    assert "veRL asks 2 nodes for 2 GPUs and 6 CPUs each; the Ray cluster has 10.0.0.1 (2 GPUs, 64 CPUs)" in small
    monkeypatch.setattr(cluster, "nodes", lambda: [cluster.Node(f"10.0.0.{i}", 2, 6) for i in (1, 2)])
    assert "the Ray cluster has 12 CPUs, veRL asks for 21" in gpu_problems("trainer.nnodes=2")

    def none():
        raise RunError("no Ray cluster at auto (refused): start it")

    monkeypatch.setattr(cluster, "nodes", none)
    assert "no Ray cluster at auto" in gpu_problems("trainer.nnodes=2")


# --- no false alarm on published hardware -----------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [name for name in recipes.names() if not name.startswith("quickstart")])
def test_no_false_alarm_on_published_hardware(place, recipe, composed, with_gpus, monkeypatch):
    config = composed(recipe)
    size = float(re.search(r"(\d+) GB", config.r1_verl.about.gpu)[1])
    with_gpus(config.trainer.n_gpus_per_node, size)
    node = cluster.Node("10.0.0.1", config.trainer.n_gpus_per_node, 96)
    monkeypatch.setattr(cluster, "nodes", lambda: [node] * config.trainer.nnodes)
    raw = config.actor_rollout_ref.model.custom_chat_template is not None and "distill" not in recipe
    data = place / f"published_{raw}.parquet"
    if not data.exists():
        pq.write_table(rows(messages=(("user", RAW),) if raw else (("user", "q"),), think=raw, count=1024), data)
    found = doctor.examine(overridden(config, f"data.train_files={data}", f"data.val_files={data}"))
    assert found == []


# --- the command ------------------------------------------------------------------------------------------------------


def test_command_line(place, capsys):
    from r1_verl import cli

    assert cli.main(["doctor", "quickstart_grpo", "data.train_files=none.parquet"]) == 1
    assert "none.parquet is not there" in capsys.readouterr().out
    assert cli.main(["doctor", "quikstart_grpo"]) == 2
    assert "did you mean quickstart_grpo" in capsys.readouterr().err
    assert cli.main(["doctor"]) == 2
    assert cli.main(["nonsense"]) == 2
