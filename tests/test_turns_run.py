"""Several turns in veRL for real on the CPU: GRPO with environments that fail, and PPO with the rewards of turns.

A model that knows nothing plays Sokoban and a third party's environment (`foreign.py`), in two steps of each. Half of
the environments of GRPO's steps fail: in every try, in all but one, or in a few. PPO's hold the README's own.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import AutoTokenizer

from r1_verl.data.example import Example, to_batch
from r1_verl.environments import make
from r1_verl.environments.episode import replay
from r1_verl.environments.rules import RULES
from r1_verl.evaluation.rescore import score_many
from r1_verl.evaluation.response_files import Columns, read
from r1_verl.ground_truth import encode
from r1_verl.runs import Run, Step, read_curve
from r1_verl.runs.samples import files
from r1_verl.training import tiny_model

pytestmark = [pytest.mark.train, pytest.mark.timeout(1500)]
STEPS, PROMPTS, N, TRIES = 2, 8, 4, 3
BOARDS = ["#####/#PXO#/#####", "######/#P_XO#/######", "#####/#OXP#/#####", "######/#PX_O#/######"]
# (fault, in how many tries of all N sessions together, survivors), the same in whatever order the tries come.
FAULTS = [("hang", TRIES - 1, N), ("raise", TRIES * N, 0), ("garbage", TRIES * N - 1, 1), ("hang", TRIES * N - 1, 1)]
SETTINGS = [
    f"data.train_batch_size={PROMPTS}", f"actor_rollout_ref.actor.ppo_mini_batch_size={PROMPTS}", "data.shuffle=False",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8", "critic.ppo_micro_batch_size_per_gpu=8",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=8",
    "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=8", f"critic.ppo_mini_batch_size={PROMPTS}",
    "data.max_prompt_length=64", "data.max_response_length=224", "trainer.save_freq=-1", "trainer.test_freq=100",
    f"trainer.total_training_steps={STEPS}", "trainer.val_before_train=False", "r1_verl.pays=null",
    f"actor_rollout_ref.rollout.n={N}", "actor_rollout_ref.rollout.agent.default_agent_loop=r1_turns",
    "reward.custom_reward_function.reward_kwargs.mode=faithful",
    f"trainer.v1.sampler.custom_sampler.path={Path(__file__).with_name('recording_sampler.py')}",
    "trainer.v1.sampler.custom_sampler.name=RecordingReplayBuffer",
]  # fmt: skip


class Ran(NamedTuple):
    run: Run
    curve: list[Step]
    rows: list[dict[str, Any]]  # what veRL trained on, of all steps


def example(at: int, source: str, prompt: str, truth: str) -> Example:
    return Example(source, (("user", prompt),), truth, "", at, "train", "tiny", ability="agent")


def sokoban(at: int) -> Example:
    truth = encode("sokoban", board=BOARDS[at % len(BOARDS)], rules="tiny", shortest=1)
    return example(at, "sokoban", make(truth).reset()[0], truth)


def guess(at: int) -> Example:
    """A row for the README's environment."""
    truth = encode("guess", rules="tiny", seed=at)
    return example(at, "guess", "Which number is it: 1, 2 or 3?", truth)


def readmes_environment() -> str:
    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    return next(block for block in re.findall(r"```python\n(.*?)```", text, flags=re.S) if "GymText(" in block)


def rows(folder: Path, faults: bool) -> Path:
    """One step: three levels, a healthy foreign environment, and four that fail or three more and the README's own."""
    made = []
    for at in range(STEPS * PROMPTS):
        place = at % PROMPTS
        if place < 3:
            made.append(sokoban(at))
            continue
        if place == 7 and not faults:
            made.append(guess(at))
            continue
        truth = {"rules": "tiny", "name": str(at)}
        if faults and place > 3:
            fault, fails, _ = FAULTS[place - 4]
            tickets = folder / "tickets" / str(at)
            tickets.mkdir(parents=True)
            truth |= {"fault": fault, "fails": fails, "tickets": str(tickets)}
        made.append(example(at, "talk", "0 of 0", encode("talk", **truth)))
    pq.write_table(pa.Table.from_batches([to_batch(made)]), folder / "train.parquet")
    pq.write_table(pa.Table.from_batches([to_batch([sokoban(at) for at in range(8)])]), folder / "test.parquet")
    return folder


def command(folder: Path, recipe: str, *overrides: str) -> list[str]:
    """A two-step run; `doctor` in the place of `train` is how its settings were looked at."""
    return [
        sys.executable, "-m", "r1_verl", "train", recipe, *SETTINGS, f"data.train_files={folder}/train.parquet",
        f"data.val_files={folder}/test.parquet", f"actor_rollout_ref.model.path={folder}/model",
        f"+trainer.v1.sampler.sampler_kwargs.record={folder}/record.jsonl", *overrides,
    ]  # fmt: skip


def variables(folder: Path) -> dict[str, str]:
    path = [str(Path(__file__).parent), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "VERL_PLATFORM": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "RUNS": str(folder / "runs"), "DOUBTS": "ok",
        "PYTHONPATH": os.pathsep.join(path), "R1_VERL_ENVIRONMENTS": "foreign,my_environments",
    }  # fmt: skip


def train(folder: Path, recipe: str, *overrides: str) -> Ran:
    tiny_model.build(folder / "model", seed=3)
    (folder / "my_environments.py").write_text(readmes_environment())
    done = subprocess.run(
        command(folder, recipe, *overrides), env=variables(folder), capture_output=True, text=True, timeout=1000,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    run = Run(folder / "runs" / recipe)
    with open(folder / "record.jsonl", encoding="utf-8") as file:
        return Ran(run, [step for step in read_curve(run) if step.step], [json.loads(line) for line in file])


@pytest.fixture(scope="module")
def grpo(tmp_path_factory) -> Ran:
    folder = rows(tmp_path_factory.mktemp("grpo"), faults=True)
    return train(folder, "quickstart_grpo", "r1_verl.turns={tokens: 6, deadline: 3}")


@pytest.fixture(scope="module")
def ppo(tmp_path_factory) -> Ran:
    folder = rows(tmp_path_factory.mktemp("ppo"), faults=False)
    return train(folder, "quickstart_ppo", "r1_verl.turns={tokens: 6, dense: true}", "trainer.critic_warmup=0")


def info_of(row: dict[str, Any]) -> dict[str, Any]:
    return row["extra_fields"]["reward_extra_info"]


def turns_of(row: dict[str, Any]) -> list[int]:
    """The places of the last token of each of the model's turns: an observation stands between any two."""
    mask = row["response_mask"]
    return [at for at, mine in enumerate(mask) if mine and (at + 1 == len(mask) or not mask[at + 1])]


def groups_of(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["key"].rsplit("_", 2)[0], []).append(row)
    yield from found.values()


@pytest.mark.parametrize("which", ["grpo", "ppo"])
def test_masks_rewards_and_starts(which, request):
    ran = request.getfixturevalue(which)
    assert {row["step"] for row in ran.rows} == {1, 2}
    for row in ran.rows:
        info, mask = info_of(row), row["response_mask"]
        assert set(mask) <= {0, 1} and mask[0] == mask[-1] == 1 and row["loss_mask"] == mask
        assert len(turns_of(row)) == info["turns"] and sum(mask) == info["model_tokens"]
        assert len(mask) - sum(mask) == info["observation_tokens"] and len(mask) <= 224
        assert all(mask[at] for at, reward in enumerate(row["rm_scores"]) if reward)
        assert sum(row["rm_scores"]) == pytest.approx(info["score"], abs=1e-5)
    assert statistics.mean(info_of(row)["turns"] for row in ran.rows) > 2
    for group in groups_of(ran.rows):
        assert len({tuple(row["prompts"]) for row in group}) == 1
    assert len({tuple(group[0]["prompts"]) for group in groups_of(ran.rows)}) > 2


@pytest.mark.parametrize("which", ["grpo", "ppo"])
def test_vllm_and_trainer_agree_on_probabilities_over_several_turns(which, request):
    for step in request.getfixturevalue(which).curve:
        assert abs(step.data["actor/ppo_kl"]) < 1e-4
        if "training/rollout_actor_probs_pearson_corr" in step.data:
            assert step.data["training/rollout_actor_probs_pearson_corr"] > 0.999


def test_grpo_sees_the_sum_on_every_token_of_the_model(grpo):
    spread = 0
    for group in groups_of(grpo.rows):
        totals = [sum(row["rm_scores"]) for row in group]
        spread += len(set(totals)) > 1
        for row, total in zip(group, totals, strict=True):
            assert sum(reward != 0 for reward in row["rm_scores"]) <= 1  # one scalar, on the last token
            by_hand = (total - statistics.mean(totals)) / (statistics.stdev(totals) + 1e-6)
            expected = [by_hand * mine for mine in row["response_mask"]]
            assert row["advantages"] == pytest.approx(expected, abs=1e-4)
    assert spread


def test_environments_that_fail_cost_their_own_responses_alone(grpo):
    """A step: five groups are whole, one of them after second tries; two with a single survivor are left out, and one
    has none."""
    survivors = [4, 4, 4, 4, *(left for _, _, left in FAULTS)]
    assert survivors == [4, 4, 4, 4, 4, 0, 1, 1]
    for step in grpo.curve:
        found = [row for row in grpo.rows if row["step"] == step.step]
        assert sorted(len(group) for group in groups_of(found)) == [N] * 5
        facts = {name.removeprefix("train-facts/"): value for name, value in step.data.items()}
        assert facts["one_survivor"] == 2 and facts["env_error"] == PROMPTS * N - sum(survivors)
        assert facts["kept"] == pytest.approx(5 / 7) and 1 <= facts["distinct_moves"] <= N
        assert step.data["train-reward/talk/env_retries"] > 0 == step.data["train-reward/sokoban/env_retries"]
        assert step.data["timing_s/step"] < 300
    assert len(grpo.curve) == STEPS


def test_metrics_of_episodes(grpo):
    for step in grpo.curve:
        found = {name: value for name, value in step.data.items() if name.startswith("train-reward/sokoban/")}
        names = {name.rpartition("/")[2] for name in found}
        assert {"score", "acc", "turns", "actions", "invalid", "idle", "model_tokens", "observation_tokens",
                "truncated", "part_moves", "part_format"} <= names  # fmt: skip
        shares = [value for name, value in found.items() if "/outcome_" in name]
        assert sum(shares) == pytest.approx(1.0)
        assert not {"outcome_correct", "outcome_wrong"} & names


def test_samples_are_replayed_to_what_was_paid(grpo):
    """Among them every response that reached the sampler, those of groups that were left out as well."""
    import foreign  # noqa: F401 - registers the third party's environments here

    for _, file in files(grpo.run.folder / "samples"):
        with gzip.open(file, "rt", encoding="ascii") as opened:
            kept = [json.loads(line) for line in opened]
        assert len(kept) == N * 5 + 2 and sum(bool(row.get("left_out")) for row in kept) == 2
        found = [result["score"] for _, result in score_many(read(file, Columns()), 1, mode="faithful")]
        assert found == pytest.approx([row["score"] for row in kept])


def test_a_validation_dump_holds_what_a_replay_needs(grpo):
    with open(grpo.run.validation / f"{STEPS}.jsonl", encoding="utf-8") as dump:
        records = [json.loads(line) for line in dump]
    assert len(records) == 8
    for record in records:
        again = replay(make(record["gts"]), RULES["tiny"], record["moves"])
        assert again.reward() == pytest.approx(record["score"]) and len(again.turns) == record["turns"]


def test_ppo_sees_each_reward_where_it_was_earned(ppo):
    several = 0
    for row in ppo.rows:
        info, places = info_of(row), turns_of(row)
        if info["moves"].startswith("["):
            continue  # a third party's
        rewards = [row["rm_scores"][place] for place in places]
        for said, reward in zip(info["moves"].split("/"), rewards, strict=True):
            assert reward == pytest.approx(-1.0) if said == "?" else reward > -3
        several += sum(reward != 0 for reward in rewards) > 1
        assert (
            len({round(value, 4) for value, mine in zip(row["returns"], row["response_mask"], strict=True) if mine}) > 1
        )
    assert several
    assert all("critic/vf_loss" in step.data for step in ppo.curve) and len(ppo.curve) == STEPS


def test_the_readmes_environment_is_trained_on_and_scored(ppo, tmp_path):
    folder = ppo.run.folder.parents[1]
    asked = AutoTokenizer.from_pretrained(folder / "model")(guess(0).messages[0][1])["input_ids"]
    for step in ppo.curve:
        found = [row for row in ppo.rows if row["step"] == step.step and holds(row["prompts"], asked)]
        assert len(found) == N and all(any(row["advantages"]) for row in found)
        paid = statistics.mean(info_of(row)["score"] for row in found)
        assert step.data["train-reward/guess/score"] == pytest.approx(paid) and step.data["actor/grad_norm"] > 0
    for _, samples in files(ppo.run.folder / "samples"):
        command = [sys.executable, "-m", "r1_verl", "score", samples, "--mode", "faithful", "--out", "again.jsonl"]
        done = subprocess.run(command, env=variables(folder), capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        with gzip.open(samples, "rt", encoding="ascii") as kept, open(tmp_path / "again.jsonl") as again:
            pairs = list(zip(map(json.loads, kept), map(json.loads, again), strict=True))
        assert sum(row["data_source"] == "guess" for row, _ in pairs) == N
        assert [new["score"] for _, new in pairs] == pytest.approx([row["score"] for row, _ in pairs])


def holds(tokens: list[int], part: list[int]) -> bool:
    return any(tokens[at : at + len(part)] == part for at in range(len(tokens)))
