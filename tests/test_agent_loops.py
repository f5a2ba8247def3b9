"""What our agent loops tell of a response. That vLLM ends responses where these rules say is shown with real runs."""

from __future__ import annotations

import json

import pytest

from r1_verl.training import tiny_model


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_model.build_tokenizer()


@pytest.fixture(scope="module")
def cut_off(tokenizer):
    """cut_off(text or ids, stop, ends) -> whether the loop takes a response for cut off; tokens 7 and 8 are ends."""
    from r1_verl.verl_side import agent_loops

    def judge(said, stop=(), ends=(7, 8)):
        ids = tokenizer(said, add_special_tokens=False)["input_ids"] if isinstance(said, str) else said
        to_text = lambda ids: tokenizer.decode(ids, skip_special_tokens=True)  # noqa: E731
        return agent_loops.truncated(ids, ends, stop, to_text)

    return judge


def test_an_end_token_ends_a_response_wherever_it_stands(cut_off):
    assert not cut_off([20, 21, 22, 23, 24, 7])  # exactly at the limit of six
    assert not cut_off([20, 8])
    assert cut_off([20, 21, 22, 23, 24, 25])
    assert cut_off([20, 21, 22])  # max_model_len bound, long before max_response_length
    assert cut_off([7, 21])  # an end in the middle is none: the model was told to go on
    assert cut_off([])


def test_a_stop_text_ends_a_response_in_its_output_or_not(cut_off):
    """vLLM keeps the tokens of a stop text that it leaves out of the text (include_stop: false)."""
    assert not cut_off("1 + 2 </answer>", stop=["</answer>"])
    assert not cut_off("so\nUser:", stop=["</answer>", "\nUser:"])
    assert not cut_off("so\nUser: and", stop=["\nUser:"])  # the token that completes a text may reach beyond it
    assert cut_off("1 + 2 </answer", stop=["</answer>"])
    assert cut_off("1 + 2 </answer>")


def test_special_tokens_are_no_text(cut_off, tokenizer):
    stop = tokenizer.convert_ids_to_tokens(tokenizer.eos_token_id)
    assert cut_off([20, tokenizer.eos_token_id], stop=[stop], ends=())


def test_a_models_ends_are_those_that_vllm_reads(tmp_path):
    """generation_config.json goes before config.json, and may list several (vLLM's try_get_generation_config)."""
    from r1_verl.verl_side.agent_loops import model_ends

    for number, (config, generation, found) in enumerate(
        [({"eos_token_id": 5}, {"eos_token_id": [5, 6, 9]}, {5, 6, 9}), ({"eos_token_id": 5}, {"eos_token_id": 6}, {6}),
         ({"eos_token_id": 5}, None, {5}), ({"eos_token_id": 5}, {}, set())]
    ):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", **config}))
        if generation is not None:
            (folder / "generation_config.json").write_text(json.dumps(generation))
        assert model_ends(str(folder)) == found


def test_verls_default_loop_is_ours_and_its_tool_loop_is_not(composed):
    """Rows that name `single_turn_agent` (data_prep/greedy.py writes it) tell their facts as well."""
    from omegaconf import OmegaConf
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry

    agent = composed("quickstart_grpo").actor_rollout_ref.rollout.agent
    listed = {entry.name: entry._target_ for entry in OmegaConf.load(agent.agent_loop_config_path)}
    assert listed[agent.default_agent_loop].endswith("StopAgentLoop")
    assert {"single_turn_agent", "r1_stop", "r1_greedy", "r1_turns"} == listed.keys()
    assert "tool_agent" in _agent_loop_registry


def test_a_rows_question(composed):
    from r1_verl.verl_side.agent_loops import question
    from r1_verl.verl_side.trajectories import question_id

    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Think. What is 1 + 1?"}]
    assert question({"question": "What is 1 + 1?"}, messages) == "What is 1 + 1?"
    assert question({"question": ""}, messages) == question(None, messages) == "Think. What is 1 + 1?"
    assert question(None, []) == ""
    assert question_id("gsm8k", {"index": 3, "split": "train"}) == "gsm8k/train/3"
    assert question_id("gsm8k", {"index": 0}) == "gsm8k//0" and question_id("gsm8k", None) == ""
