"""`check`: twenty seeded faults, twenty different messages; good files pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepared import example, older
from prepared import row as as_row

from r1_verl import cli
from r1_verl.data import check_rows, multiply, rendering
from r1_verl.data.countdown import puzzles as countdown_puzzles
from r1_verl.data.countdown.prompts import COUNTDOWN
from r1_verl.data.countdown.puzzles import Puzzle
from r1_verl.data.example import gold_response, schema, to_batch
from r1_verl.data.kk import puzzles as kk_puzzles
from r1_verl.data.kk.prompts import KK
from r1_verl.data.math import problems, prompts
from r1_verl.data.math.problems import Numbered
from r1_verl.data.math.sets import Problem
from r1_verl.data.prompts import PASS_THROUGH
from r1_verl.data.write import write_set
from r1_verl.ground_truth import encode


def row(index: int = 0, **change):
    """A good row with some of its fields changed: a dotted name reaches into a struct."""
    numbers = [1, 2, 3 + index]
    made = as_row(
        example(
            index,
            ground_truth=encode("countdown", numbers=numbers, target=6 + index),
            gold=gold_response(f"1 + 2 + {3 + index}"),
            question=f"1 2 {3 + index} = {6 + index}",
            messages=(("system", "Think."), ("user", f"1 2 {3 + index} = {6 + index}")),
        )
    )
    for name, value in change.items():
        outer, _, inner = name.partition("__")
        if inner:
            made[outer] = {**made[outer], inner: value}
        else:
            made[outer] = value
    return made


def write(path, rows, kind=None):
    pq.write_table(pa.Table.from_pylist(rows, schema=kind), path)
    return path


def user(text: str, role: str = "user"):
    return [{"role": role, "content": text}]


def gave_away():
    expression = "1 + 2 + (3 * 1 - 0)"
    truth = encode("countdown", numbers=[0, 1, 1, 2, 3], target=6)
    return row(
        prompt=user(f"make 6: {expression}?"),
        reward_model__ground_truth=truth,
        extra_info__gold=gold_response(expression),
    )


# name -> (rows or a way to break the file, the message)
FAULTS = {
    "missing file": (None, "there is no such file"),
    "foreign file": (b"PAR1 nothing", "cannot be read as Parquet"),
    "no rows": ([], "has no rows"),
    "no column": ([{"prompt": "x"}], "has no column data_source"),
    "empty data source": ([row(data_source="")], "data_source is empty"),
    "plain prompt": ([row(prompt="1 2 3 = 6")], "prompt is no list of messages"),
    "message without content": ([row(prompt=[{"role": "user"}])], "a message has no role or no content"),
    "no ground truth": ([row(reward_model={"style": "rule", "ground_truth": None})], "has no ground_truth"),
    "no index": ([row(extra_info__index=None)], "extra_info.index is missing"),
    "no JSON": ([row(reward_model__ground_truth="six")], "the ground truth is no JSON object"),
    "unknown source": ([row(data_source="countdwon")], "no scorer knows the data source 'countdwon'"),
    "wrong gold": ([row(extra_info__gold=gold_response("1 + 2 - 3"))], "the gold does not score 1.0 (wrong)"),
    "strange role": ([row(prompt=user("hi", "human") + user("hi"))], "a message has the role 'human'"),
    "assistant last": ([row(prompt=user("hi") + user("ok", "assistant"))], "the last message is the assistant's"),
    "late system": ([row(prompt=user("a") + user("b", "system") + user("c"))], "the system message is not the first"),
    "empty message": ([row(prompt=user(" "))], "a message is empty"),
    "unnoted prefill": ([row(prompt=user("1 2 3 = 6\n<think>"))], "opens <think> but think_in_prompt is false"),
    "false prefill": (
        [row(extra_info__raw=True, extra_info__think_in_prompt=True, extra_info__gold=gold_response("1+2+3", True))],
        "think_in_prompt is true but the raw prompt does not open",
    ),
    "answer in the prompt": ([gave_away()], "the prompt gives the answer away"),
    "two ground truths": (
        [row(0), row(1, extra_info__question="1 2 3 = 6")],
        "the problem is there already with another ground truth",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_named(name, tmp_path, capsys):
    rows, message = FAULTS[name]
    path = tmp_path / "x.parquet"
    if isinstance(rows, bytes):
        path.write_bytes(rows)
    elif rows is not None:
        write(path, rows, schema() if not rows else None)
    assert cli.main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    (found,) = [line for line in out.splitlines() if "| " in line and message in line]
    assert "error" in found and "unusable" in out
    others = [other for key, (_, other) in FAULTS.items() if other in out]
    assert others == [message]  # each fault has its own message, and no other fault is claimed
    assert out.count("          | -> ") == len([f for f in out.splitlines() if f.startswith(("  error", "  warning"))])


def test_there_are_twenty_different_messages():
    assert len({message for _, message in FAULTS.values()}) == len(FAULTS) >= 20


WARNINGS = {
    "dict as ground truth": (
        [row(reward_model={"style": "rule", "ground_truth": {"numbers": [1, 2, 3], "target": 6}})],
        "the ground truth is no string",
    ),
    "no task": ([row(reward_model__ground_truth='{"numbers":[1,2,3],"target":6}')], "the ground truth names no task"),
    "loose JSON": (
        [row(reward_model__ground_truth='{"task": "countdown", "numbers": [1, 2, 3], "target": 6}')],
        "is not canonical JSON",
    ),
    "style": ([row(reward_model__style="model")], 'reward_model.style is not "rule"'),
    "flag": ([row(extra_info__think_in_prompt=None)], "extra_info.think_in_prompt is missing"),
    "index twice": ([row(0), row(1, extra_info__index=0)], "its index is another row's"),
    "repeat": ([row(0), row(0, extra_info__index=5)], "the problem is there already"),
    "repeat in other words": (
        [
            row(
                data_source="math/x",
                reward_model__ground_truth=encode("math", answer=answer),
                extra_info__gold="",
                extra_info__index=index,
            )
            for index, answer in enumerate(["\\frac13", "\\frac{1}{3}"])
        ],
        "the problem is there already (row 1)",
    ),
    "repeat in another order": (
        [
            row(reward_model__ground_truth=encode("countdown", numbers=numbers, target=6), extra_info__index=index)
            for index, numbers in enumerate([[1, 2, 3], [3, 2, 1]])
        ],
        "the problem is there already (row 1)",
    ),
    "schema": ([row(more=1)], "differs from the common schema"),
    "provenance": ([row()], "carries no provenance"),
    "no gold": (
        [
            row(
                extra_info__gold="",
                reward_model__ground_truth=encode("countdown", numbers=[1, 2, 3, 4, 5, 6], target=21),
            )
        ],
        "its gold cannot be checked",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_worth_a_warning(name, tmp_path, capsys):
    rows, message = WARNINGS[name]
    kind = schema() if name not in ("schema", "dict as ground truth") else None
    assert cli.main(["check", str(write(tmp_path / "x.parquet", rows, kind))]) == 0
    out = capsys.readouterr().out
    assert message in out and "usable" in out and "  error" not in out


def test_good_files_are_good(tmp_path, capsys):
    made = [example(i, question=f"q {i}", messages=(("user", f"{i}"),)) for i in range(5)]
    write_set(tmp_path, {"train": made, "test": [replace(made[0], split="test", question="t")]}, {"source": "x"})
    assert cli.main(["check", str(tmp_path / "train.parquet"), str(tmp_path / "test.parquet")]) == 0
    out = capsys.readouterr().out
    assert "train.parquet: 5 rows, good" in out and "test.parquet: 1 rows, good" in out
    assert "data sources: countdown 6" in out


def test_test_problems_in_the_training_rows(tmp_path, capsys):
    made = [example(i, question=f"q {i}", messages=(("user", f"{i}"),)) for i in range(3)]
    write_set(tmp_path, {"train": made, "test": [replace(made[1], split="test")]}, {"source": "x"})
    assert cli.main(["check", str(tmp_path / "train.parquet"), str(tmp_path / "test.parquet")]) == 1
    out = capsys.readouterr().out
    assert "1 x test problems are in the training rows of" in out and "overlap.py" in out


RAW_STYLES = {
    f"{task}-{name}": (task, name)
    for task, styles in (
        ("countdown", COUNTDOWN),
        ("kk", KK),
        ("math", prompts.MATH),
        ("multiply", multiply.STYLES),
    )
    for name, style in styles.items()
    if style.raw
}


@pytest.fixture(scope="module")
def raw_examples():
    puzzle, problem = Puzzle((1, 2, 3), 6, "1 + 2 + 3", 3.0, False), Problem("What is 1 + 1?", ("2",), None, "", {})
    makers = {
        "countdown": lambda style: countdown_puzzles.to_examples([puzzle], "train", style),
        "kk": lambda style: kk_puzzles.to_examples(kk_puzzles.generate([3], 1, 0)["train"], "train", style),
        "math": lambda style: problems.to_examples([Numbered(0, problem)], "math", "train", style, prompts.MATH),
        "multiply": lambda style: multiply.to_examples([(12, 34)], "train", style),
    }
    return {key: next(iter(makers[task](style))) for key, (task, style) in RAW_STYLES.items()}


def whats(rows) -> list[str]:
    found = check_rows.Found()
    check_rows.check_rows(found, rows)
    return [fault.what for fault in found.faults()]


@pytest.mark.parametrize("name", RAW_STYLES)
def test_prefill_faults_are_found_in_every_raw_style(name, raw_examples):
    """Those whose names do not begin with "raw" too: mini_r1, orz, simplerl ..."""
    made = raw_examples[name]
    assert made.raw is True and whats([as_row(made)]) == []
    ((role, text),) = made.messages
    shut = replace(made, messages=((role, text.removesuffix("<think>")),), think_in_prompt=True)
    assert "think_in_prompt is true but the raw prompt does not open <think>" in whats([as_row(shut)])
    opened = replace(made, messages=((role, f"{text.removesuffix('<think>')}<think>\n"),), think_in_prompt=False)
    assert "the prompt opens <think> but think_in_prompt is false" in whats([as_row(opened)])


def unflagged(made) -> dict:
    made = as_row(made)
    return {**made, "extra_info": {k: v for k, v in made["extra_info"].items() if k != "raw"}}


def test_rows_without_the_flag_are_raw_by_style_or_by_text(raw_examples):
    plain = {"drgrpo_none", "simplerl_abel"}  # a question alone, and "Answer:": nothing tells them from a chat's
    for name, made in raw_examples.items():
        assert rendering.is_raw(unflagged(made)) is (made.style not in plain), name
        assert rendering.is_raw(as_row(replace(made, raw=None))) is rendering.is_raw(unflagged(made))
        assert not rendering.is_raw(as_row(replace(made, raw=False)))
    assert not rendering.is_raw(unflagged(example()))
    assert rendering.is_raw(unflagged(example(style="raw")))


def test_files_of_earlier_versions_are_usable(tmp_path, capsys):
    table = pa.Table.from_batches([to_batch([example(0, style="raw", think_in_prompt=True)])])
    pq.write_table(older(table), tmp_path / "old.parquet")
    assert cli.main(["check", str(tmp_path / "old.parquet")]) == 1
    out = capsys.readouterr().out
    assert "think_in_prompt is true but the raw prompt does not open" in out and "common schema" not in out


def test_chat_templates_are_rendered_without_transformers():
    chatml = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    assert rendering.render(user("hi"), chatml) == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert rendering.render(user("hi"), "{{ bos_token }}{{ messages[0]['content'] }}", {"bos_token": "<s>"}) == "<s>hi"
    assert rendering.render(user("{{ x }}") + user("b"), PASS_THROUGH) == "{{ x }}b"
    for template in ("{% if %}", "{{ raise_exception('no') }}", "{{ messages.x.y }}"):
        with pytest.raises(rendering.TemplateError):
            rendering.render(user("hi"), template)


class Templated:
    """The two parts of a tokenizer that the check uses: a word is a token, the template is ChatML's."""

    def __init__(self, end: str = "") -> None:
        self.end = end

    def apply_chat_template(self, messages, chat_template=None, add_generation_prompt=True, tokenize=False):
        if chat_template:
            return "".join(m["content"] for m in messages)
        if messages[0]["role"] not in ("system", "user"):
            raise ValueError("no such role")
        return "".join(f"<|{m['role']}|> {m['content']} " for m in messages) + "<|assistant|> " + self.end

    def __call__(self, text, add_special_tokens=True):
        return {"input_ids": text.split()}


def rendered(rows, tokenizer, longest=None, raw=None) -> list[str]:
    found = []
    rendering.find_faults(lambda at, what, fix: found.append(what), rows, tokenizer, longest, raw)
    return found


def test_prompts_are_checked_as_they_are_rendered():
    plain, think = row(), row(extra_info__think_in_prompt=True)
    opened = row(prompt=user("1 2 3 = 6\nAssistant: <think>"), extra_info__think_in_prompt=True)
    chatml = row(prompt=user("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"))
    assert rendered([plain, opened, chatml], Templated()) == []  # raw prompts take the pass-through template
    assert rendered([think], Templated("<think>\n")) == []
    (found,) = rendered([plain], Templated("<think>\n"))
    assert "opens <think>, think_in_prompt says otherwise" in found
    (found,) = rendered([think], Templated())
    assert "does not open <think>" in found
    (found,) = rendered([chatml], Templated(), raw=False)
    assert "would get a second one" in found
    (found,) = rendered([plain], Templated(), raw=True)
    assert "loses its roles" in found
    bare = row(prompt=user("1 2 3 = 6"), extra_info__raw=True)  # raw, though nothing in it shows it
    assert rendered([bare], Templated()) == []
    (found,) = rendered([bare], Templated(), raw=False)
    assert "is a whole string (raw style) and would get a chat template around it" in found
    quoted = row(prompt=user("What does <|im_end|> mean?"), extra_info__raw=False)
    assert rendered([quoted], Templated()) == ["the prompt holds a chat template and would get a second one"]
    assert rendered([plain], Templated(), longest=50) == []
    assert rendered([plain], Templated(), longest=5) == ["the prompt is longer than 5 tokens"]
    assert "refuses the messages" in rendered([row(prompt=user("x", "assistant"))], Templated())[0]


def test_wrong_arguments_are_one_line(tmp_path, capsys):
    write(tmp_path / "x.parquet", [row()], schema())
    assert cli.main(["check", str(tmp_path / "x.parquet"), "--max-prompt-length", "5"]) == 2
    assert capsys.readouterr().err == "r1-verl check: --max-prompt-length needs --tokenizer\n"
    assert cli.main(["check", str(tmp_path / "x.parquet"), "--tokenizer", str(tmp_path)]) == 2
    assert "cannot load the tokenizer" in capsys.readouterr().err


def test_json_of_meta_is_text():
    assert json.loads(row()["extra_info"]["meta"]) == {"a": "é", "b": 1}
