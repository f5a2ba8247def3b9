"""veRL's length filter: off where no prompt can be too long, else with more workers; the rows stay the same."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from omegaconf import OmegaConf, open_dict

from r1_verl import recipes
from r1_verl.data import read, write
from r1_verl.data.parallel import usable_cpus
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.rendering import TemplateError, render
from r1_verl.training import prompt_length, tiny_model

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are Qwen.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] | trim }}{% endfor %}"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.build(tmp_path_factory.mktemp("model") / "tiny", seed=0)


@pytest.fixture
def puzzles(script, tmp_path):
    """A folder with train and test puzzles of the quickstart's form."""
    status, _, _ = script(
        "countdown", "--out", "puzzles", "--style", "tiny", "--sizes", "3,4", "--max", "20", "--operators=+-",
        "--train-size", "64", "--test-size", "8",
    )  # fmt: skip
    assert status == 0
    return tmp_path / "puzzles"


def quickstart(model, *train: Path, longest: int = 100):
    given = [f"data.train_files=[{','.join(map(str, train))}]", f"data.val_files={train[0].parent}/test.parquet"]
    return recipes.compose(
        "quickstart_grpo", [*given, f"data.max_prompt_length={longest}", f"actor_rollout_ref.model.path={model}"]
    )


def lengths(model, file: Path) -> list[int]:
    """The tokens of every prompt, as veRL counts them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    prompts = [row["prompt"] for row in read.rows_of(file, ".parquet", ["prompt"])]
    return [len(tokenizer.apply_chat_template(p, add_generation_prompt=True, return_dict=False)) for p in prompts]


def test_no_prompt_has_more_tokens_than_is_said(model, puzzles):
    files = [puzzles / "train.parquet", puzzles / "test.parquet"]
    most = prompt_length.most_tokens(quickstart(model, files[0]), files)
    assert most is not None and max(max(lengths(model, file)) for file in files) <= most <= 100


def test_the_filter_is_off_where_no_prompt_can_be_too_long(model, puzzles):
    train = puzzles / "train.parquet"
    most = prompt_length.most_tokens(quickstart(model, train), [train, puzzles / "test.parquet"])
    assert prompt_length.overrides(quickstart(model, train, longest=most)) == ["data.filter_overlong_prompts=False"]
    assert prompt_length.overrides(quickstart(model, train, longest=most - 1)) == []
    off = quickstart(model, train)
    off.data.filter_overlong_prompts = False
    assert prompt_length.overrides(off) == []  # the user's own setting
    assert prompt_length.overrides(quickstart(model, puzzles / "elsewhere.parquet")) == []


def test_files_that_do_not_say_their_length_are_filtered(model, puzzles):
    """Those of earlier versions and of other people, and templates that take more than the messages."""
    train = puzzles / "train.parquet"
    table = read.table(train)
    with open(puzzles / "other.parquet", "wb") as out:
        pa.parquet.write_table(table.replace_schema_metadata(None), out)
    assert prompt_length.overrides(quickstart(model, train, puzzles / "other.parquet")) == []
    with_kwargs = quickstart(model, train)
    with open_dict(with_kwargs):
        with_kwargs.data.apply_chat_template_kwargs = {"enable_thinking": True}
    assert prompt_length.overrides(with_kwargs) == []


def test_a_long_file_gets_a_worker_for_each_ten_thousand_rows(model, puzzles):
    """As many as there are CPUs; the user's own number stays if it is higher."""
    table = read.table(puzzles / "train.parquet")
    write.write_table(puzzles / "long.parquet", pa.concat_tables([table] * 470), {"script": "test"})  # 30,080 rows
    config = quickstart(model, puzzles / "long.parquet", longest=2)
    workers = min(usable_cpus(), 3)
    assert prompt_length.overrides(config) == [f"data.filter_overlong_prompts_workers={workers}"] * (workers > 1)
    config.data.filter_overlong_prompts_workers = 3
    assert prompt_length.overrides(config) == []


@pytest.mark.parametrize("template", [CHATML, LLAMA, PASS_THROUGH])
@pytest.mark.parametrize("roles", [["user"], ["system", "user"], ["user", "assistant", "user"]])
def test_what_a_template_adds_does_not_depend_on_the_messages(template, roles):
    added = prompt_length.added_bytes(template, roles, {"bos_token": "<s>"})
    for text in ("", "x", "Wieviel ist 2·3?\n", '{"a": [1, 2]}\\frac{1}{2}' * 30):
        messages = [{"role": role, "content": text} for role in roles]
        whole = len(render(messages, template, {"bos_token": "<s>"}).encode())
        assert whole <= len(roles) * len(text.encode()) + added


@pytest.mark.parametrize(
    "template", ["{{ messages | tojson }}", "{% for m in messages %}{{ m['content'] }}{{ m['content'] }}{% endfor %}"]
)
def test_a_template_that_adds_more_to_longer_messages_is_told(template):
    with pytest.raises(TemplateError, match="repeats or escapes"):
        prompt_length.added_bytes(template, ["user"], {})


def test_the_rows_are_those_that_verls_own_filter_leaves(model, puzzles):
    """veRL's data set itself: its filter, the filter with our settings, and one where prompts are too long."""
    from transformers import AutoTokenizer
    from verl.utils.dataset.rl_dataset import RLHFDataset

    def rows(config, *overrides: str) -> list[str]:
        data = OmegaConf.merge(config, OmegaConf.from_dotlist(list(overrides))).data
        found = RLHFDataset([str(puzzles / "train.parquet")], AutoTokenizer.from_pretrained(model), data, None)
        return [json.dumps(row["prompt"]) for row in found.dataframe]

    wide = quickstart(model, puzzles / "train.parquet")
    ours = prompt_length.overrides(wide)
    assert ours == ["data.filter_overlong_prompts=False"] and rows(wide, *ours) == rows(wide)
    sizes = lengths(model, puzzles / "train.parquet")
    narrow = quickstart(model, puzzles / "train.parquet", longest=max(sizes) - 1)
    left = rows(narrow)
    assert 0 < len(left) < len(sizes)
    assert rows(narrow, "data.filter_overlong_prompts_workers=2") == left
