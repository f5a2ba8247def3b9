"""Mistakes about data and models: what is in the files, in which form, made by which command."""

import gzip
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mistakes import ROOT, Case, case, quickstart
from r1_verl.ground_truth import encode

BASE = ROOT / "r1_verl/recipes/quickstart_base"
TRUTH = encode("countdown", numbers=[1, 2], target=3)
PROMPT = [{"role": "user", "content": "1 2 = 3"}]
RAW = "A conversation.\nUser: 1 2 = 3\nAssistant: Let me solve this step by step.\n<think>"
DOCTOR = "r1-verl doctor quickstart_grpo data.train_files={folder}/x.parquet data.val_files={folder}/x.parquet"
MODEL = "r1-verl doctor quickstart_grpo actor_rollout_ref.model.path={folder}/m"
DATA = {"data/quickstart": quickstart}


def row(at: int, **change: Any) -> dict[str, Any]:
    """A sound row of Countdown, with some of its columns changed; `info` and `truth` are inside of columns."""
    made = {
        "data_source": "countdown",
        "prompt": PROMPT,
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": change.pop("truth", TRUTH)},
        "extra_info": {"index": at, "split": "train", "think_in_prompt": False, **change.pop("info", {})},
    }
    return made | change


def rows(
    count: int = 128, of: Callable[[int], Mapping[str, Any]] | None = None, **change: Any
) -> Callable[[Path], None]:
    """A file of rows: Parquet, or JSON lines. of: what is changed in the row of a number; change: in all of them."""

    def write(path: Path) -> None:
        made = [row(at, **{**change, **(of(at) if of else {})}) for at in range(count)]
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(made), path)
        elif path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(each) + "\n" for each in made))
        elif path.suffix == ".gz":
            path.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in made).encode()))
        else:
            path.write_text(json.dumps(made))

    return write


def x(**given: Any) -> dict[str, Any]:
    """The one file of a case of DOCTOR."""
    return {"x.parquet": rows(**given)}


def of(recipe: str) -> str:
    """DOCTOR for another recipe."""
    return DOCTOR.replace("quickstart_grpo", recipe)


def seen(
    name: str,
    *says: str,
    more: str = "",
    never: tuple[str, ...] = (),
    status: int = 1,
    doctor: str = DOCTOR,
    val: Mapping[str, Any] | None = None,
    **train: Any,
) -> Case:
    """Doctor on a file of rows. val: another file, for validation."""
    files = {"x.parquet": rows(**train)} | ({} if val is None else {"v.parquet": rows(**val)})
    doctor = doctor if val is None else doctor.replace("val_files={folder}/x", "val_files={folder}/v")
    return case(name, f"{doctor} {more}", *says, never=never, status=status, files=files)


def loaded(name: str, change: Any, *says: str, more: str = "", never: tuple[str, ...] = (), status: int = 1) -> Case:
    """Doctor on a changed copy of the quickstart's model."""
    return case(name, f"{MODEL} {more}", *says, never=never, status=status, files={"m": model(change), **DATA})


def set_of(script: str, style: str) -> Callable[[Path], None]:
    """A file that says by its provenance what made it."""

    def write(path: Path) -> None:
        record = {"script": script, "arguments": {"style": style, "seed": 3, "limit": 128}}
        table = pa.Table.from_pylist([row(at) for at in range(128)])
        pq.write_table(table.replace_schema_metadata({b"r1_verl": json.dumps(record)}), path)

    return write


def model(change: Callable[[Path], Any] = lambda folder: None) -> Callable[[Path], None]:
    """The quickstart's model, changed."""

    def copy(path: Path) -> None:
        shutil.copytree(BASE, path)
        change(path)

    return copy


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def template(text: str) -> Callable[[Path], Any]:
    return written("chat_template.jinja", text.encode())


def written(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


def without(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def sharded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))


def config(**change: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))

    return write


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 988097824\n"
PLAIN = (BASE / "chat_template.jinja").read_text()
THINKS = PLAIN.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")
UNLESS = "' + ('<think>\\n' if enable_thinking is not defined or enable_thinking else '') }}"
SWITCHES = PLAIN.replace("assistant\\n' }}", f"assistant\\n{UNLESS}")
assert THINKS != PLAIN != SWITCHES
GSM8K = '{"question": "What is 1 + 1?", "answer": "It is #### 2"}\n'
HALF = '{"question": "What is 1 + 1? \\ud83d", "answer": "It is #### 2"}\n'
PUBLISHED = {
    "truth": {"numbers": [1, 2], "target": 3},
    "prompt": [{"role": "user", "content": RAW}],
    "extra_info": {"index": 0, "split": "train"},
}
LOGIC_RL = {
    "data_source": "kk_logic",
    "extra_info": {"index": 0, "split": "train"},
    "prompt": [
        {"role": "user", "content": "<|im_start|>user\nWho is a knight?<|im_end|>\n<|im_start|>assistant\n<think>"}
    ],
    "truth": {"solution_text_format": "(1) Zoey is a knight\n(2) Mia is a knave", "statements": ""},
}
IMPOSSIBLE = encode("countdown", numbers=[1, 2], target=9)
MINE = {"count": 1, "data_source": "mine"}
CHECK, PREPARE, SCRIPT = "r1-verl check x.parquet", "r1-verl prepare my.yaml", "data_prep/gsm8k.py --source x.jsonl"


OWN = """# @package _global_
defaults: [quickstart_grpo, _self_]
data: {train_files: data/made/train.parquet, val_files: data/made/test.parquet}
r1_verl:
  data:
    data/made: multiply.py --style raw --train-size 64 --test-size 8
"""


def linked(path: Path) -> None:
    """An empty folder, by a link to it."""
    (path.parent / "large_disk").mkdir()
    path.symlink_to("large_disk", target_is_directory=True)


UNALARMED = ("<think>", "ground truth", "right response", "failed (")
DISTILL = "actor_rollout_ref.model.path=deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
OVERLAPS = "data_prep/overlap.py made/train.parquet made/train.parquet --drop clean.parquet"
LONG = "data.max_response_length=1024"
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512}
TEMPLATE = 'actor_rollout_ref.model.custom_chat_template="{{ messages[0].content }}"'


def kept(name: str, typed: str, made: Mapping[str, tuple[str, str]], *says: str, never: tuple[str, ...] = ()) -> Case:
    """Doctor on a recipe whose data folder holds files of these sets and styles."""
    return case(name, typed, *says, never=never, status=1, files={path: set_of(*of) for path, of in made.items()})


def responses(name: str, text: str) -> Case:
    return case(name, "r1-verl score x.json", "2 rows, 2 agree", files={"x.json": text}, status=0)


ANSWER = '{"data_source": "math", "output": "\\\\boxed{1}", "gts": "1", "score": 1}'

CASES = (
    # another set, or another style, where the recipe's own belong
    kept(
        "gsm8k in another style",
        "r1-verl doctor gsm8k_ppo",
        {f"data/gsm8k/{name}.parquet": ("gsm8k", "grpo_demo") for name in ("train", "test")},
        "holds the set 'gsm8k' in the style 'grpo_demo', and this recipe trains on the set 'gsm8k' in the style 'm",
        "mv data/gsm8k data/gsm8k_grpo_demo, and the recipe's own is made",
    ),
    kept(
        "another set in a recipe's folder",
        "r1-verl doctor openr1_math_7b",
        {"data/openr1_math_7b/train.parquet": ("openr1_math", "openr1_main")},
        "holds the set 'openr1_math' in the style 'openr1_main', and this recipe trains on the set 'math'",
        "mv data/openr1_math_7b data/openr1_math_7b_openr1_math",
    ),
    kept(
        "the style of another recipe",
        "r1-verl doctor drgrpo",
        {"data/drgrpo/train.parquet": ("math8k", "simplerl")},
        "in the style 'simplerl', and this recipe trains on the set 'math8k' in the style 'drgrpo'",
    ),
    kept(
        "the default style of multiply.py",
        "r1-verl doctor multiply",
        {"data/multiply/train.parquet": ("multiply", "base")},
        "in the style 'base', and this recipe trains on the set 'multiply' in the style 'raw'",
    ),
    kept(
        "the right set by a command without a style",
        "r1-verl doctor dapo trainer.nnodes=1",  # no Ray cluster is looked for
        {"data/dapo/train.parquet": ("dapo", "dapo")},
        never=("holds the set",),
    ),
    kept(
        "a folder of one's own choice",
        "r1-verl doctor gsm8k_ppo data.train_files=mine/train.parquet",
        {"mine/train.parquet": ("gsm8k", "grpo_demo")},
        never=("holds the set",),
    ),
    # ground truths
    seen(
        "42 as ground truth",
        "x.parquet: a ground truth that can't be read: 42",
        "v.parquet: a ground truth that can't be read: '42'",
        truth=42,
        val={"truth": "42"},
    ),
    seen(
        "ground truths cut and empty",
        "x.parquet: a ground truth that can't be read: ''",
        "v.parquet: a ground truth that can't be read: '{\"numbers\":'",
        truth="",
        val={"truth": '{"numbers":'},
    ),
    seen(
        "nulls from row 151 on",
        "a ground truth that can't be read: None (row 151; 105 of its 256 rows)",
        count=256,
        of=lambda at: {"truth": TRUTH if at < 151 else None},
    ),
    seen(
        "one 42, and one null target, in the middle",
        "a doubt: ",
        "x.parquet: a ground truth that can't be read: '42' (row 777",
        "(row 1111",
        count=2000,
        of=lambda at: {"truth": "42" if at == 777 else TRUTH},
        status=0,
        val={"count": 2000, "of": lambda at: {"truth": TRUTH.replace("3", "null") if at == 1111 else TRUTH}},
    ),
    seen("no right response", "pays nothing for the right response", info={"gold": "1 + 2"}, truth=IMPOSSIBLE),
    seen("the reward of another task", "'drgrpo' judges the task math", more="r1_verl.pays=drgrpo"),
    seen("bare answers of mathematics", more="r1_verl.pays=math", never=UNALARMED, truth="\\frac{1}{2}", status=0),
    # columns and prompts in a form that veRL does not read
    seen(
        "reward_model as JSON",
        "x.parquet: reward_model is text",
        "json.loads",
        "v.parquet: reward_model has no field ground_truth",
        reward_model='{"ground_truth": "3"}',
        val={"reward_model": {"style": "rule"}},
    ),
    seen(
        "columns as JSON, and null",
        "x.parquet: extra_info is text",
        "json.loads",
        "v.parquet: reward_model is null in 64 of 128 rows",
        extra_info='{"index": 0}',
        val={"of": lambda at: {} if at % 2 else {"reward_model": None}},
    ),
    seen("no extra_info", "0 problems", extra_info=None, status=0),
    seen(
        "prompts as text",
        "x.parquet: the prompts are each a text",
        '[{"role": "user", "content": TEXT}]',
        "v.parquet: the prompts are each a JSON text",
        "json.loads",
        prompt="1 2 = 3",
        val={"prompt": json.dumps(PROMPT)},
    ),
    seen(
        "prompts of other forms",
        "x.parquet: the prompts are each one struct",
        "v.parquet: the prompts are lists of string",
        prompt=PROMPT[0],
        val={"prompt": ["1 2 = 3"]},
    ),
    seen(
        "prompts of other names",
        "messages have from, value",
        "v.parquet: the prompts are null",
        prompt=[{"from": "human", "value": "1"}],
        val={"prompt": None},
    ),
    seen(
        "some prompts null",
        "x.parquet: the prompt of 32 of 128 rows is null",
        "v.parquet: 1 messages have no role or no content",
        of=lambda at: {"prompt": None if at < 32 else PROMPT},
        val={"of": lambda at: {"prompt": PROMPT if at != 5 else [{"role": "user", "content": None}]}},
    ),
    # kinds of files
    case("JSON lines as data", DOCTOR.replace("parquet", "jsonl"), "0 problems", files={"x.jsonl": rows()}, status=0),
    case("a JSON array as data", DOCTOR.replace("parquet", "json"), "0 problems", files={"x.json": rows()}, status=0),
    case(
        "gzipped data",
        DOCTOR.replace("parquet", "jsonl.gz"),
        "a name that veRL refuses",
        "unpack it",
        files={"x.jsonl.gz": rows()},
        status=1,
    ),
    case(
        "a folder as data",
        DOCTOR.replace("/x.parquet", "/d"),
        "d is a folder",
        "d/x.parquet",
        files={"d/x.parquet": rows()},
        status=1,
    ),
    case(
        "cut JSON lines",
        DOCTOR.replace("parquet", "jsonl"),
        "can't be read as JSON",
        "line 2",
        files={"x.jsonl": json.dumps(row(0)) + "\n" + json.dumps(row(1))[:30]},
        status=1,
    ),
    # published files as they are
    seen("TinyZero's own rows", doctor=of("tinyzero_ppo"), never=UNALARMED, count=300, **PUBLISHED),
    seen("Logic-RL's own rows", doctor=of("logicrl_grpo"), never=UNALARMED, count=300, **LOGIC_RL),
    case(
        "TinyZero's own rows, checked",
        CHECK,
        "usable",
        never=("unusable", "error"),
        files=x(count=1, **PUBLISHED),
        status=0,
    ),
    # models
    loaded("no chat template", without_template, "has no chat template"),
    loaded(
        "a custom template in its place", without_template, more=f"'{TEMPLATE}'", never=("chat template",), status=0
    ),
    loaded(
        "a template that raises", template("{{ raise_exception('not you') }}"), "refuses the first prompt (not you)"
    ),
    loaded("a template that is no Jinja", template("{% for m in messages %}{{ m"), "fails on the first prompt"),
    loaded("generation marks", template(PLAIN + "{% generation %}{% endgeneration %}"), "0 problems", status=0),
    loaded("a template that opens think", template(THINKS), "the model's template opens <think>", "--think-in-prompt"),
    loaded("a template that thinks unless told", template(SWITCHES), "the model's template opens <think>"),
    loaded(
        "a template told not to think",
        template(SWITCHES),
        "0 problems",
        more="+data.apply_chat_template_kwargs.enable_thinking=false",
        status=0,
    ),
    seen("R1-Distill by its name", "opens <think> in the prompt, as far as its name tells", more=DISTILL),
    seen(
        "base prompts under an Instruct model",
        "a doubt: the prompts are for a base model",
        doctor=of("tinyzero_ppo"),
        more="actor_rollout_ref.model.path=Qwen/Qwen2.5-3B-Instruct",
        count=300,
        **PUBLISHED,
    ),
    loaded(
        "weights of Git LFS",
        written("model.safetensors", POINTER),
        "model.safetensors: a Git LFS pointer",
        "git lfs pull",
    ),
    loaded("a tokenizer of Git LFS", written("tokenizer.json", POINTER), "tokenizer.json: a Git LFS pointer"),
    loaded("no weights", without("model.safetensors"), "lacks weights"),
    loaded("half of the weights", cut, "model.safetensors is truncated"),
    loaded("a shard missing", sharded, "lacks model-00002-of-00002.safetensors"),
    loaded("no tokenizer", without("tokenizer.json"), "lacks a tokenizer"),
    loaded("a broken tokenizer", written("tokenizer.json", b'{"version": "1.0", "mo'), "tokenizer.json can't be read"),
    loaded("a tokenizer of nothing", written("tokenizer.json", b"{}"), "tokenizer.json can't be read"),
    loaded("a broken config.json", written("config.json", b"{"), "config.json can't be read"),
    loaded("too few positions", lambda folder: None, "the model has 512 positions", more=LONG),
    loaded("positions by YaRN", config(rope_scaling=YARN), more=LONG, never=("positions",), status=0),
    # making and checking data
    case(
        "nothing of the source", f"{SCRIPT} --limit 0", "'0' is not a whole number from 1 up", files={"x.jsonl": GSM8K}
    ),
    case(
        "JSON lines called .json",
        f"{SCRIPT.removesuffix('l')} --dry-run",
        "What is 1 + 1?",
        files={"x.json": GSM8K * 2},
        status=0,
    ),
    case(
        "half an emoji",
        f"{SCRIPT} --out made",
        "train.parquet: 1 rows",
        files={"x.jsonl": HALF},
        status=0,
        makes=("made",),
    ),
    case("half an emoji, shown", f"{SCRIPT} --dry-run", "What is 1 + 1?", files={"x.jsonl": HALF}, status=0),
    case("every row overlaps", OVERLAPS, "every row overlaps", files={"made": quickstart}, status=1),
    case(
        "a struct as prompt, checked",
        CHECK,
        "prompt is no list",
        files=x(count=2, prompt=PROMPT[0], info={"split": "test"}),
        status=1,
    ),
    case(
        "an unknown source, checked",
        CHECK,
        "no scorer knows the data source 'mine'",
        "--reward NAME",
        files=x(**MINE),
        status=1,
    ),
    case(
        "an unknown source, its reward named",
        f"{CHECK} --reward countdown",
        "usable",
        never=("error",),
        files=x(**MINE),
        status=0,
    ),
    case(
        "an unknown reward", f"{CHECK} --reward cuntdown", "unknown reward 'cuntdown'; did you mean", files=x(count=1)
    ),
    case(
        "JSON lines, checked",
        CHECK.replace("parquet", "jsonl"),
        "usable",
        never=("error",),
        files={"x.jsonl": rows(count=1)},
        status=0,
    ),
    responses("responses in a .json of lines", f"{ANSWER}\n" * 2),
    responses("responses in a .json array", f"[{ANSWER}, {ANSWER}]"),
    case(
        "prepare into an empty folder",
        PREPARE,
        "there: data/made/train.parquet",
        files={"my.yaml": OWN, "data/made": os.mkdir},
        status=0,
        makes=("data/made",),
    ),
    case(
        "prepare into a linked folder",
        PREPARE,
        "there: data/made/train.parquet",
        files={"my.yaml": OWN, "data/made": linked},
        status=0,
        makes=("data/large_disk",),
    ),
)
