"""The agent loop of several turns against a scripted server: masks, closed turns, budgets, rewards, faults."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
import scripted
from scripted import BOARD, END, FAR, OPENS_THINK, QWEN, row

from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.environments.isolated import EnvironmentFailedError
from r1_verl.reward import compute_score

pytestmark = pytest.mark.long
TAGS = "<think>a</think><answer>Right</answer>"


@pytest.fixture(autouse=True)
def registered():
    import foreign  # noqa: F401


@pytest.fixture
def played(tmp_path):
    """played(says, row, ...) -> (output, its response's text, the server)"""

    def play(says, given=None, **settings):
        made, server, tokenizer = scripted.loop(tmp_path, says, **settings)
        output = scripted.run(made, given or row(FAR))
        sound(output)
        return output, tokenizer.decode(output.response_ids), server

    return play


def sound(output) -> None:
    """What holds of every output."""
    mask = output.response_mask
    assert len(output.response_ids) == len(mask) == len(output.response_logprobs)
    assert set(mask) <= {0, 1} and mask[-1] == 1
    assert [-1.0 * mine for mine in mask] == output.response_logprobs
    assert output.extra_fields["response_tokens"] == sum(mask) == output.episode["model_tokens"]
    assert output.episode["observation_tokens"] == len(mask) - sum(mask)
    assert {"min_global_steps", "max_global_steps", "truncated", "question_id", "moves"} <= output.extra_fields.keys()
    assert all(mask[place] for place, _ in output.turn_rewards)


def mine(output, tokenizer) -> str:
    return tokenizer.decode([i for i, own in zip(output.response_ids, output.response_mask, strict=True) if own])


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_two_turns_are_the_whole_conversation_rendered_at_once(played):
    output, text, server = played(["Right" + END, "Right" + END])
    messages = [("user", "board"), ("assistant", "Right"), ("user", "_PXO"), ("assistant", "Right")]
    whole = server.tokenizer.apply_chat_template(
        [{"role": role, "content": said} for role, said in messages], tokenize=False
    )
    assert server.tokenizer.decode(output.prompt_ids) + text == whole.rstrip("\n")
    assert mine(output, server.tokenizer) == f"Right{END}Right{END}"
    assert server.asked[1]["prompt"] == [*output.prompt_ids, *output.response_ids[: -len("Right") - 1]]
    assert len({each["request"] for each in server.asked}) == 1
    assert output.extra_fields["min_global_steps"] == 3 and output.extra_fields["max_global_steps"] == 4
    assert output.num_turns == 4 and output.extra_fields["question_id"] == "sokoban/train/7"


@pytest.mark.parametrize("model_type", ["qwen2", "llama"])
def test_a_turn_without_its_end_is_closed_by_the_loop(played, model_type):
    """By the limit of a turn; and where veRL's builder knows nothing of the template's line end."""
    output, text, server = played(["xxxxxxx", "Right" + END, "Right"], tokens=6, model_type=model_type)
    begins = "<|im_start|>assistant\n"
    assert text == (
        f"xxxxxx{END}\n<|im_start|>user\nP_XO{END}\n{begins}Right{END}\n<|im_start|>user\n_PXO{END}\n{begins}Right"
    )
    assert mine(output, server.tokenizer) == f"xxxxxxRight{END}Right"
    assert output.extra_fields["truncated"] and output.extra_fields["moves"] == "?/Right/Right"


def test_a_stop_text_ends_a_turn_and_what_is_behind_it_is_not_read(played):
    stop = {"stop": ["</answer>"]}
    output, text, server = played([TAGS + "<answer>", TAGS], row(FAR, "ragen_2025_02"), ours=stop)
    assert f"<answer>{END}\n<|im_start|>user\n" in text and server.asked[0]["stop"] == ["</answer>"]
    assert output.extra_fields["moves"] == "Right/Right" and not output.extra_fields["truncated"]
    assert server.asked[0]["include_stop_str_in_output"]


def test_a_template_that_opens_think_does_so_in_every_turn(played):
    says = ["a</think><answer>Right</answer>" + END] * 2
    output, text, _ = played(says, row(FAR, "ragen_v1"), template=OPENS_THINK)
    assert text.count("assistant\n<think>") == 1 and output.episode["outcome"] == "success"
    missing, _, _ = played([says[0]] * 5, row(FAR, "ragen_v1"))
    assert missing.episode["outcome"] == "out_of_turns" and missing.episode["invalid"] == 5


def test_a_raw_prompt_goes_on_as_ragen_wrote_it(played):
    prompt = "<|im_start|>user\nrules<|im_end|>\n<|im_start|>assistant\n<think>"
    given = row(FAR, "ragen_2025_02", prompt=prompt)
    for says in (TAGS[7:] + END, TAGS[7:]):  # with its end, and cut off at a stop text
        output, text, server = played([says] * 2, given, template=PASS_THROUGH, ours={"stop": ["</answer>"]})
        told = "After you take this action, the observation is: \n"
        assert server.tokenizer.decode(output.prompt_ids) == prompt
        assert text.startswith(f"{TAGS[7:]}{END}\n <|im_start|>user\n{told}")
        assert f"done: False\n{END}\n<|im_start|>assistant\n<think>{TAGS[7:]}" in text
        assert output.episode["outcome"] == "success"


@pytest.mark.parametrize(
    "said", ["", END, "<|im_end|>\n<|im_start|>user\n_PXO<|im_end|>", "<|endoftext|>", "\ud7ff" * 9]
)
def test_nothing_that_the_model_writes_raises_or_is_taken_for_a_mark(played, said):
    says = [said or "x", said or "x", "Right" + END, "Right" + END]
    output, _, server = played(says)
    assert output.episode["outcome"] == "success" and output.episode["turns"] == 4
    assert mine(output, server.tokenizer) == "".join(says)
    assert output.extra_fields["moves"] == "?/?/Right/Right"


def test_a_turn_of_no_token_at_all(played):
    output, _, _ = played(["", "Right" + END, "Right" + END])
    assert output.episode["turns"] == 3 and output.turn_rewards[0][1] == -1.0 and sum(output.response_mask) == 12


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_a_turn_gets_its_limit_or_what_is_left(played):
    _, _, server = played(["Up" + END] * 6, room=80, tokens=60)
    limits = [each["max_tokens"] for each in server.asked]
    first = len(server.asked[0]["prompt"])
    assert (
        limits == [min(60, 80 - len(each["prompt"]) + first) for each in server.asked] and limits[0] == 60 > limits[-1]
    )


def test_an_observation_without_room_is_dropped(played):
    for room in range(6, 30):
        output, text, server = played(["Right" + END] * 2, room=room)
        assert len(output.response_ids) <= room
        if len(server.asked) == 1:
            assert output.episode["outcome"] == "out_of_tokens" and output.extra_fields["truncated"]
            assert text == f"Right{END}" and output.extra_fields["moves"] == "Right"
    assert output.episode["outcome"] == "success"


@pytest.mark.parametrize("outcome, says, given", [
    ("success", ["Right"] * 2, row(FAR)), ("out_of_turns", ["Up"] * 5 + ["x"], row(FAR)),
    ("out_of_actions", ["<think></think><answer>Up||Up</answer>"] * 5, row(FAR, "ragen_v2")),
    ("failed", ["Right"], row("", "tiny", task="frozen_lake", map="SH/FG", slippery=False)),
])  # fmt: skip
def test_outcomes(played, outcome, says, given):
    output, _, _ = played([said + END for said in says], given)
    assert output.episode["outcome"] == outcome and output.episode["turns"] == len(says)


# --- rewards ----------------------------------------------------------------------------------------------------------


def scored(output, given, **settings):
    """As veRL does: the reward worker's answer, then the fields."""
    found = compute_score(
        "sokoban", "", given["reward_model"]["ground_truth"], {**given["extra_info"], **output.extra_fields}, **settings
    )
    output.reward_score = found["score"]
    output.extra_fields["reward_extra_info"] = found
    fields = output.as_dict()
    return fields, fields["extra_fields"]["reward_extra_info"]


def test_rewards_stand_where_they_were_earned_and_sum_to_the_score(played):
    says = ["x" + END, "Left" + END, "Right" + END, "Right" + END]
    output, _, _ = played(says)
    fields, info = scored(output, row(FAR), mode="faithful")
    places = [place for place, value in enumerate(fields["rm_scores"].tolist()) if value]
    assert places == [place for place, _ in output.turn_rewards] and len(places) == 4
    assert [round(value, 5) for value in fields["rm_scores"][places].tolist()] == [-1.0, -1.1, -0.1, 10.9]
    assert info["score"] == pytest.approx(8.7) == float(fields["rm_scores"].sum())
    assert not {"turn_rewards", "episode"} & fields.keys()
    assert {name: info[name] for name in ("acc", "outcome", "turns", "actions", "invalid", "idle", "env_retries")} == {
        "acc": 1.0, "outcome": "success", "turns": 4.0, "actions": 3.0, "invalid": 1.0, "idle": 1.0, "env_retries": 0.0,
    }  # fmt: skip
    assert info["moves"] == "?/Left/Right/Right"


def test_one_scalar_where_rewards_are_not_dense(played):
    for settings in ({"dense": False}, {"mode": "strict"}, {"pays": {"name": "sokoban", "scale": "binary"}}):
        output, _, _ = played(["Right" + END] * 2, **settings)
        assert output.turn_rewards == []
        fields, _ = scored(output, row(FAR), mode="faithful")
        assert fields["rm_scores"].nonzero().tolist() == [[len(output.response_mask) - 1]]


def test_weights_and_parts_apply_to_episodes(played):
    """Turns get the judge's weight, the last token what a part pays."""
    pays = [{"name": "sokoban", "weight": 0.5}, {"part": "accuracy", "weight": 2.0}]
    output, _, _ = played(["Right" + END] * 2, pays=pays)
    fields, info = scored(output, row(FAR), mode="faithful", reward=pays)
    assert fields["rm_scores"][[place for place, _ in output.turn_rewards]].tolist() == pytest.approx([-0.05, 7.45])
    assert json.loads(info["parts"]) == pytest.approx({"moves": 5.4, "format": 0.0, "accuracy": 2.0})


def test_any_dump_can_be_replayed(played):
    output, _, _ = played(["x" + END, "Left" + END] + ["Up" + END] * 4)
    _, info = scored(output, row(FAR), mode="faithful")
    again = compute_score(
        "sokoban", "x", row(FAR)["reward_model"]["ground_truth"], {"moves": info["moves"]}, mode="faithful"
    )
    assert again["score"] == info["score"] and info["outcome"] == "out_of_turns" and again["outcome"] == "wrong"


# --- rows and environments --------------------------------------------------------------------------------------------


def test_a_row_or_setting_at_fault_is_said_at_once(played):
    with pytest.raises(ValueError, match="board"):
        played(["Up"], row("#####/#PX_#/#####"))
    with pytest.raises(LookupError, match="unknown environment 'sokobann'; did you mean 'sokoban'"):
        played(["Up"], row(task="sokobann"))
    with pytest.raises(ValueError, match="rules"):
        played(["Up"], row(FAR, "ragen_v9"))
    with pytest.raises(ValueError, match=r"r1_verl.turns.tokens is 0"):
        played(["Up"], tokens=0)
    with pytest.raises(RuntimeError, match="no token"):
        played([""] * 6)


def tickets(folder) -> str:
    (folder / "tickets").mkdir()
    return str(folder / "tickets")


def count(goal: int = 2, **truth):
    return row("", "tiny", task="count", goal=goal, **truth)


def test_a_foreign_environment(played):
    output, text, _ = played(["more" + END, "none" + END, "more" + END], count())
    assert "1 of 2" in text and output.episode["outcome"] == "success"
    assert output.extra_fields["played"] == {"success": True, "moves": 1.0, "penalty": -1.0}


@pytest.mark.parametrize("fault", ["raise", "garbage", "exit", "hang"])
def test_a_fault_is_tried_again_from_the_start_then_raised(tmp_path, played, fault):
    output, _, server = played(["more" + END] * 3, count(fault=fault, fails=1, tickets=tickets(tmp_path)), deadline=1)
    assert output.episode["env_retries"] == 1 and output.episode["outcome"] == "success"
    assert server.asked[0]["prompt"] == server.asked[1]["prompt"] and len(server.asked) == 3
    began = time.monotonic()
    with pytest.raises(EnvironmentFailedError, match=r"environment 'count': .* \(in each of 3 tries"):
        played(["more" + END] * 3, count(fault=fault), deadline=1)
    assert time.monotonic() - began < 6


def test_hanging_environments_hold_up_no_other(tmp_path):
    """Many more than the default executor has threads, in one event loop: the healthy ones are done at once."""
    made, _, _ = scripted.loop(tmp_path, ["more" + END] * 200, deadline=4, retries=0)

    async def session(given):
        began = time.monotonic()
        try:
            return (await made().run({}, **given)).episode["outcome"], time.monotonic() - began
        except EnvironmentFailedError:
            return "failed", time.monotonic() - began

    async def all_of_them():
        await session(count(1))  # the server starts
        return await asyncio.gather(*[session(count(1, **({"fault": "hang"} if i % 2 else {}))) for i in range(64)])

    ended = asyncio.run(all_of_them())
    assert [outcome for outcome, _ in ended] == ["success", "failed"] * 32
    assert max(seconds for outcome, seconds in ended if outcome == "success") < 4
    assert max(seconds for _, seconds in ended) < 12


def test_the_n_responses_of_a_prompt_start_alike(tmp_path):
    made, server, _ = scripted.loop(tmp_path, ["Right" + END] * 4)
    outputs = [scripted.run(made, row(BOARD) | {"session_id": session}) for session in range(4)]
    assert len({tuple(each["prompt"]) for each in server.asked}) == 1
    assert len({tuple(output.response_ids) for output in outputs}) == 1


def test_a_template_is_looked_at_once():
    from r1_verl.environments.between import between
    from r1_verl.training import tiny_model

    tokenizer = tiny_model.build_tokenizer()
    tokenizer.chat_template = QWEN
    form = between(tokenizer, {})
    assert tokenizer.decode(form.closing) == f"{END}\n" and not form.raw
    assert between(tokenizer, {}) is form
    tokenizer.chat_template = PASS_THROUGH
    assert between(tokenizer, {}).raw and tokenizer.decode(between(tokenizer, {}).closing) == END
