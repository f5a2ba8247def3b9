"""Our sampler: veRL's dynamic sampling and refill are kept, metrics survive veRL's reduction, and what it shapes is
what veRL's own advantages are made of (with a real TransferQueue)."""

from __future__ import annotations

import json
import math
import statistics

import pytest
import queued
from queued import Response

from r1_verl import recipes, reward


def build(overrides: list[str]):
    """The replay buffer of veRL's trainer for quickstart_grpo with these overrides; nothing is started."""
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    return PPOTrainerSync(recipes.compose("quickstart_grpo", overrides)).replay_buffer


STOCK = ["trainer.v1.sampler.custom_sampler.path=null"]
FILTER = ["algorithm.filter_groups.enable=True", "algorithm.filter_groups.metric=acc",
          "algorithm.filter_groups.max_inflight_gen_batches=3"]  # fmt: skip
REFILL = ["trainer.v1.sampler.sync_refill_failed_groups=True"]


@pytest.mark.parametrize("overrides", [[], FILTER, REFILL, FILTER + REFILL])
def test_same_settings_as_verls_own(overrides):
    ours, stock = build(overrides), build([*overrides, *STOCK])
    assert type(ours).__name__ == "R1ReplayBuffer" and type(stock).__name__ == "ReplayBuffer"
    for name in ("filter_groups_metric", "sync_refill_failed_groups", "train_batch_size", "gen_batch_size",
                 "max_inflight_gen_batches", "max_off_policy_threshold"):  # fmt: skip
        assert getattr(ours, name) == getattr(stock, name), name


# --- metrics of a step of several mini-batches ------------------------------------------------------------------------

SOURCES = ("numina_math", "mini_r1", "summary", "maximum/total")


def rewards(records):
    from r1_verl.verl_side.sampler import train_rewards

    return train_rewards(records)


def test_metrics_survive_verls_reduction():
    """By veRL's own aggregator, one step of two mini-batches; with veRL's own rules the same metrics come out wrong."""
    from verl.trainer.ppo.v1.utils import MetricsAggregator

    def scored(source, score, outcome):
        parts = json.dumps({"total": score, "minimal": score, "format": 1.0})
        return source, {"score": score, "acc": score, "outcome": outcome, "parts": parts}

    first = [scored(source, 1.0, "correct") for source in SOURCES] + [scored(SOURCES[0], 0.2, "no_answer")] * 3
    second = [scored(source, 0.0, "wrong") for source in SOURCES[1:]] + [scored(SOURCES[1], 0.6, "correct")]
    ours, stock = MetricsAggregator(), MetricsAggregator()
    stock.aggregation_rules["last"] = list(stock.aggregation_rules["last"])
    for so_far, mine, count in ((first, first, 7), (first + second, second, 4)):
        facts = {"train-facts/truncated": len(so_far) / 11, "train-facts/minimum": len(so_far)}
        ours.add_step_metrics({**rewards(so_far), **facts, "actor/lr": 1.0, "x/min": count}, sample_count=count)
        stock.add_step_metrics(rewards(mine), sample_count=count)
    right = rewards(first + second)
    reduced = ours.get_aggregated_metrics()
    assert {key: reduced[key] for key in right} == right
    assert reduced["train-facts/truncated"] == 1 and reduced["train-facts/minimum"] == 11 and reduced["x/min"] == 4
    wrong = stock.get_aggregated_metrics()
    assert right["train-reward/mini_r1/acc"] == pytest.approx(1.6 / 3) and wrong["train-reward/mini_r1/acc"] < 0.4
    assert right["train-reward/summary/part_total"] == 0.5 and wrong["train-reward/summary/part_total"] == 1.0
    assert right["train-reward/maximum/total/acc"] == 0.5 and wrong["train-reward/maximum/total/acc"] == 1.0
    assert right["train-reward/mini_r1/outcome_correct"] == pytest.approx(2 / 3)


def test_train_rewards_per_source():
    truth = '{"numbers":[1,2],"target":3,"task":"countdown"}'
    texts = ["<answer>1+2</answer>", "<answer>1-2</answer>", "nothing"]
    records = [("countdown", reward.compute_score("countdown", text, truth)) for text in texts]
    records.append(("countdown/4", {"score": 0.5, "parts": '{"format": 0.25}', "outcome": "wrong", "pred": "x"}))
    found = rewards(records)
    assert found["train-reward/countdown/acc"] == pytest.approx(1 / 3)
    assert found["train-reward/countdown/score"] == pytest.approx(1.1 / 3)
    assert found["train-reward/countdown/outcome_no_answer"] == pytest.approx(1 / 3)
    assert found["train-reward/countdown/4/part_format"] == 0.25
    assert not any(key.endswith("/pred") for key in found)


# --- shaping, in a real TransferQueue --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def queue():
    with queued.queue():
        yield


PARTS = "[countdown,{part:kimi_length,weight:0.5},{part:repetition_dense,ngram:2,penalty:-0.1}]"
GROUPS = [
    Response("a", 0, [20, 21, 20, 21], 1.0), Response("a", 1, [20, 21, 22, 23, 24, 25], 1.0),
    Response("a", 2, [30, 31, 32, 33, 34], 0.1, acc=0.0), Response("a", 3, list(range(20, 28)), 1.0, truncated=True),
    # a group that lost two of its four sessions
    Response("b", 0, [20, 21, 22], 0.0, acc=0.0, index=1), Response("b", 3, [20, 20, 20], 1.0, index=1),
]  # fmt: skip


@pytest.fixture
def trainer(queue, tmp_path):
    """trainer(*overrides) -> veRL's trainer, its sampler ready to sample `GROUPS`; nothing else of it is started."""
    import transfer_queue as tq

    def make(*overrides, recipe="quickstart_grpo"):
        from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

        where = f"trainer.default_local_dir={tmp_path}/run/checkpoints"
        made = PPOTrainerSync(recipes.compose(recipe, [where, *overrides]))
        made._init_tokenizer()
        return made

    yield make
    for partition, items in (tq.kv_list() or {}).items():
        if items:
            tq.kv_clear(keys=list(items), partition_id=partition)


def sample(trainer, responses, step=1, partition="train"):
    queued.put(responses, step, partition)
    groups = len({each.group for each in responses})
    return trainer.replay_buffer.sample(global_steps=step, partition_id=partition, batch_size=groups)


def said(rows):
    return [row["extra_fields"]["reward_extra_info"] for row in rows]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_grpo_trains_on_the_total_of_all_parts(trainer):
    grpo = trainer(f"r1_verl.pays={PARTS}", "r1_verl.mask=truncated")
    batch, metrics = sample(grpo, GROUPS)
    keys = [each.key for each in GROUPS]
    rows = queued.get(keys, "rm_scores", "extra_fields", "response_mask", "loss_mask")
    # Kimi's length within each group, halved: a has 4, 6, 5 (wrong), 8 tokens, b has 3 and 3
    length = [0.25, 0.0, 0.0, -0.25, 0.0, 0.0]
    dense = [[0, 0, -0.1, -0.1], [0] * 6, [0] * 5, [0] * 8, [0] * 3, [0, -0.1, -0.1]]
    for each, row, info, more, tokens in zip(GROUPS, rows, said(rows), length, dense, strict=True):
        expected = [value + (each.score + more) * (place == len(tokens) - 1) for place, value in enumerate(tokens)]
        assert row["rm_scores"] == pytest.approx(expected, abs=1e-6)
        total = each.score + more + sum(tokens)
        assert info["score"] == pytest.approx(total, abs=1e-6) and info["acc"] == each.acc
        if more or any(tokens):
            assert sum(json.loads(info["parts"]).values()) == pytest.approx(total, abs=1e-6)
            assert info["score_before"] == each.score
    assert [sum(row["response_mask"]) for row in rows] == [sum(row["loss_mask"]) for row in rows] == [4, 6, 5, 0, 3, 3]
    prefix = "train-reward/countdown/3"
    totals = [sum(row["rm_scores"]) for row in rows]
    assert metrics[f"{prefix}/score"] == pytest.approx(statistics.mean(totals), abs=1e-6)
    parts = (metrics[f"{prefix}/part_{name}"] for name in ("countdown", "kimi_length", "repetition_dense"))
    assert metrics[f"{prefix}/score"] == pytest.approx(sum(parts), abs=1e-6)
    assert metrics[f"{prefix}/score_before"] == pytest.approx(4.1 / 6)
    assert metrics["train-facts/masked"] == pytest.approx(1 / 6) and metrics["train-facts/mask_left_out"] == 0
    assert metrics["train-facts/truncated"] == pytest.approx(1 / 6)
    assert metrics["train-facts/entropy"] == pytest.approx(0.5)
    assert metrics["train-facts/samples"] == 6

    grpo._compute_advantage(batch, {})
    found = [row["advantages"] for row in queued.get(keys, "advantages")]
    for group in ("a", "b"):
        places = [place for place, each in enumerate(GROUPS) if each.group == group]
        scores = [totals[place] for place in places]  # the masked one counts
        for place in places:
            by_hand = (totals[place] - statistics.mean(scores)) / (statistics.stdev(scores) + 1e-6)
            by_hand = [by_hand * (place != 3)] * len(GROUPS[place].ids)
            assert found[place] == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.long
def test_gae_sees_dense_parts_where_they_stand(trainer):
    """With a critic of zeros and gamma = lambda = 1 a token's return is the sum of the rewards from it on."""
    import torch
    import transfer_queue as tq
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    ppo = trainer(f"r1_verl.pays={PARTS}", recipe="quickstart_ppo")
    batch, _ = sample(ppo, GROUPS)
    values = [{"values": torch.zeros(len(each.ids))} for each in GROUPS]
    keys = [each.key for each in GROUPS]
    tq.kv_batch_put(keys=keys, partition_id="train", fields=list_of_dict_to_tensordict(values))
    ppo._compute_advantage(batch, {})
    for row in queued.get(keys, "returns", "rm_scores"):
        to_come = [math.fsum(row["rm_scores"][place:]) for place in range(len(row["rm_scores"]))]
        assert row["returns"] == pytest.approx(to_come, abs=1e-5)


@pytest.mark.long
def test_only_what_is_asked_for_is_read_and_only_what_changed_is_written(trainer, monkeypatch):
    from r1_verl.verl_side import sampler

    calls = {"kv_batch_get": [], "kv_batch_put": []}
    for name, found in calls.items():
        real = getattr(sampler.tq, name)
        noted = lambda *args, real=real, found=found, **kwargs: (found.append(kwargs), real(*args, **kwargs))[1]  # noqa: E731
        monkeypatch.setattr(sampler.tq, name, noted)

    def ours(*overrides):
        made = trainer("r1_verl.samples=null", *overrides)
        queued.put(GROUPS)
        for found in calls.values():
            found.clear()
        made.replay_buffer.sample(global_steps=1, partition_id="train", batch_size=2)
        [read] = calls["kv_batch_get"]
        return set(read["select_fields"]), [
            (set(put["keys"]), set(put["fields"].keys())) for put in calls["kv_batch_put"]
        ]

    plain, written = ours()
    assert "responses" not in plain and "rm_scores" not in plain and written == []
    read, written = ours("r1_verl.pays=[countdown,kimi_length]")
    assert read == plain | {"rm_scores"}
    assert written == [({"a_0_0", "a_3_0"}, {"rm_scores", "extra_fields"})]
    read, written = ours("r1_verl.pays=[countdown,{part:repetition_dense,ngram:2}]", "r1_verl.mask=truncated")
    assert read == plain | {"rm_scores", "responses"}
    assert written == [({"a_0_0", "b_3_0"}, {"rm_scores", "extra_fields"}), ({"a_3_0"}, {"response_mask", "loss_mask"})]


@pytest.mark.long
def test_validation_is_left_as_it_is(trainer):
    grpo = trainer(f"r1_verl.pays={PARTS}", "r1_verl.mask=truncated")
    _, metrics = sample(grpo, GROUPS, partition="val")
    rows = queued.get([each.key for each in GROUPS], "rm_scores", "extra_fields", "response_mask", partition="val")
    assert [sum(row["rm_scores"]) for row in rows] == pytest.approx([each.score for each in GROUPS])
    assert all("score_before" not in info for info in said(rows))
    assert [sum(row["response_mask"]) for row in rows] == [len(each.ids) for each in GROUPS]
    assert not any(key.startswith("train-") for key in metrics)


@pytest.mark.long
def test_a_step_that_was_cut_off_throughout_is_trained_and_counted(trainer):
    grpo = trainer("r1_verl.mask=truncated")
    cut = [each._replace(truncated=True) for each in GROUPS]
    _, metrics = sample(grpo, cut)
    assert metrics["train-facts/masked"] == 0 and metrics["train-facts/mask_left_out"] == 1
    rows = queued.get([each.key for each in cut], "response_mask")
    assert [sum(row["response_mask"]) for row in rows] == [len(each.ids) for each in cut]


@pytest.mark.long
def test_the_async_sampler_tells_of_all_mini_batches_of_a_step(trainer):
    both = trainer(f"r1_verl.pays={PARTS}", "trainer.v1.trainer_mode=colocate_async")
    assert type(both.replay_buffer).__name__ == "R1ReplayBufferAsync"
    whole = trainer(f"r1_verl.pays={PARTS}")
    a, b = GROUPS[:4], GROUPS[4:]
    _, first = sample(both, a)
    _, last = sample(both, b)
    _, fresh = sample(both, [each._replace(group="c") for each in b], step=2)
    _, right = sample(whole, [each._replace(group=f"{each.group}2") for each in GROUPS])
    kept = lambda found: {key: value for key, value in found.items() if key.startswith("train-")}  # noqa: E731
    assert kept(last) == pytest.approx(kept(right)) and kept(first) != kept(last)
    assert fresh["train-reward/countdown/3/part_kimi_length"] == 0.0 and fresh["train-facts/samples"] == 2


@pytest.mark.long
def test_a_loop_that_is_not_ours_counts_as_not_cut_off(trainer):
    """veRL's own of several turns: only the tokens that the model wrote count for the entropy."""
    import torch
    import transfer_queue as tq
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    grpo = trainer("r1_verl.pays=[countdown,kimi_length]", "r1_verl.mask=truncated")
    queued.put(GROUPS)
    key = GROUPS[3].key
    info = queued.get([key], "extra_fields")[0]["extra_fields"]["reward_extra_info"]
    wrote = torch.tensor([1, 1, 0, 0, 0, 0, 1, 1])
    theirs = {"extra_fields": {"reward_extra_info": info}, "response_mask": wrote, "rollout_log_probs": -1.0 * wrote}
    tq.kv_batch_put(keys=[key], partition_id="train", fields=list_of_dict_to_tensordict([theirs]))
    _, metrics = grpo.replay_buffer.sample(global_steps=1, partition_id="train", batch_size=2)
    assert metrics["train-facts/masked"] == metrics["train-facts/truncated"] == 0
    assert metrics["train-facts/entropy"] == pytest.approx((21 * 0.5 + 4 * 1.0) / 25)
    assert sum(queued.get([key], "rm_scores")[0]["rm_scores"]) == pytest.approx(0.5)


# --- groups that are left out ----------------------------------------------------------------------------------------


def groups_of(*scores, source="sokoban", moves=True):
    """A group of responses for each list of scores; the response's index in its group is its session."""
    return [
        Response(name, session, [20 + session, 21], score, float(score > 0), source=source, index=at,
                 moves=f"Up/{score}" if moves else None)
        for at, (name, each) in enumerate(zip("abcdefgh", scores, strict=False))
        for session, score in enumerate(each)
    ]  # fmt: skip


SPREADS = groups_of([0.0, 0.0], [0.0, 1.0], [0.0, 4.0], [2.0, 2.5])


@pytest.mark.long
@pytest.mark.parametrize("keep, left", [
    ("{share:0.25}", "c"), ("{share:0.5}", "bc"), ("{share:0.1}", "c"), ("{top_p:0.9}", "bc"), ("{top_p:0.72}", "c"),
    ("{top_p:1.0}", "bcd"), ("null", "abcd"),
])  # fmt: skip
def test_groups_are_kept_by_the_spread_of_their_rewards(trainer, keep, left):
    import transfer_queue as tq

    grpo = trainer("actor_rollout_ref.rollout.n=2", f"r1_verl.keep={keep}")
    batch, metrics = sample(grpo, SPREADS)
    kept = [each.key for each in SPREADS if each.group in left]
    assert batch.keys == kept and len(batch.tags) == len(kept)
    assert set(tq.kv_list()["train"]) == set(kept)  # what was dropped has left the queue
    assert metrics["train-facts/kept"] == len(left) / 4 and metrics["train-facts/one_survivor"] == 0
    assert metrics["train-facts/samples"] == 8 and metrics["train-reward/sokoban/score"] == pytest.approx(9.5 / 8)
    assert metrics["train-facts/distinct_moves"] == 7 / 4 and metrics["train-facts/env_error"] == 0


@pytest.mark.long
def test_a_group_with_one_survivor_is_left_out_and_counted(trainer):
    rows = [each for each in groups_of([0.0, 1.0], [5.0, 5.0], [1.0, 2.0]) if (each.group, each.session) != ("b", 0)]
    grpo = trainer("actor_rollout_ref.rollout.n=2")
    batch, metrics = sample(grpo, rows)
    assert batch.keys == [each.key for each in rows if each.group != "b"]
    assert metrics["train-facts/one_survivor"] == 1 and metrics["train-facts/env_error"] == 1
    assert metrics["train-facts/kept"] == pytest.approx(2 / 3)
    grpo._compute_advantage(batch, {})
    assert [row["advantages"][0] for row in queued.get(batch.keys, "advantages")] == pytest.approx(
        [-0.7071, 0.7071] * 2, abs=1e-3
    )


@pytest.mark.long
def test_a_step_of_lone_responses_is_not_lost(trainer):
    rows = groups_of([1.0], [2.0])
    batch, metrics = sample(trainer("actor_rollout_ref.rollout.n=2"), rows)
    assert len(batch.keys) == 2 and metrics["train-facts/one_survivor"] == 2 and metrics["train-facts/kept"] == 1
    rows = [each._replace(group=f"{each.group}2") for each in groups_of([1.0], [2.0], moves=False)]
    batch, metrics = sample(trainer("actor_rollout_ref.rollout.n=1"), rows)
    assert len(batch.keys) == 2 and metrics["train-facts/one_survivor"] == 0
    assert not {"train-facts/env_error", "train-facts/distinct_moves"} & metrics.keys()


@pytest.mark.long
def test_groups_left_out_are_marked_in_the_sample_and_masks_look_at_what_is_left(trainer, tmp_path):
    import gzip

    rows = [each._replace(truncated=each.group == "c" and each.session == 0) for each in SPREADS]
    grpo = trainer("actor_rollout_ref.rollout.n=2", "r1_verl.keep={share:0.25}", "r1_verl.mask=truncated")
    batch, metrics = sample(grpo, rows)
    assert [sum(row["response_mask"]) for row in queued.get(batch.keys, "response_mask")] == [0, 2]
    assert metrics["train-facts/masked"] == 1 / 8 and metrics["train-facts/mask_left_out"] == 0
    with gzip.open(tmp_path / "run/samples/1.jsonl.gz", "rt") as file:
        told = {(row["group"], row["sample"]): row for row in map(json.loads, file)}
    assert {group for (group, _), row in told.items() if row.get("left_out")} == set("abd")
    assert told["c", 1]["extra_info"]["moves"] == "Up/4.0"
