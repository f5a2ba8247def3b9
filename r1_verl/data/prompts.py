"""Prompt styles: what the model is shown, word for word as published.

veRL 0.9.1 always renders the messages through a chat template and adds the generation prompt. Hence two kinds:

- chat styles (`base`, `instruct`, `tiny` ...) are real messages for the model's own template. No published assistant
  prefix ("Let me solve this step by step.\\n<think>") can follow the generation prompt there, so the model opens
  `<think>` itself: think_in_prompt is False.
- raw styles (`raw`, `raw_instruct`) are the published string whole, in one user message, for the pass-through template
  PASS_THROUGH; a second template around them would spoil them. They end in `<think>`: think_in_prompt is True.

Strings: Jiayi-Pan/TinyZero, examples/data_preprocess/countdown.py (their grammar is theirs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

# For raw styles: actor_rollout_ref.model.custom_chat_template (with {{ bos_token }} before it for models that use one).
PASS_THROUGH = "{% for m in messages %}{{ m['content'] }}{% endfor %}"

Messages = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Style:
    """A prompt style. build: fills the fields of a task in; raw: needs PASS_THROUGH as chat template.

    scorer: whose rules the prompt states; "" leaves the data set's own.
    """

    build: Callable[..., Messages]
    think_in_prompt: bool = False
    raw: bool = False
    scorer: str = ""


TINYZERO_BASE = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer."
)
TINYZERO_INSTRUCT = (
    "You are a helpful assistant. You first thinks about the reasoning process in the mind and then provides the user "
    "with the answer."
)
# What Qwen2.5's own template says where there is no system message.
QWEN_DEFAULT = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
TINYZERO_PREFIX = "Let me solve this step by step.\n<think>"


def _task(numbers: Sequence[int], target: int) -> str:
    return (
        f"Using the numbers {list(numbers)}, create an equation that equals {target}. You can use basic arithmetic "
        "operations (+, -, *, /) and each number can only be used once. Show your work in <think> </think> tags. And "
        "return the final answer in <answer> </answer> tags, for example <answer> (1 + 2) / 3 </answer>."
    )


def _base(numbers: Sequence[int], target: int) -> Messages:
    return ("system", TINYZERO_BASE), ("user", _task(numbers, target))


def _instruct(numbers: Sequence[int], target: int) -> Messages:
    # The leading space is TinyZero's: under a ChatML template this renders to its raw string up to the prefix.
    return ("system", TINYZERO_INSTRUCT), ("user", " " + _task(numbers, target))


def _raw(numbers: Sequence[int], target: int) -> Messages:
    return (("user", f"{TINYZERO_BASE}\nUser: {_task(numbers, target)}\nAssistant: {TINYZERO_PREFIX}"),)


def _chatml(system: str, user: str, prefix: str) -> Messages:
    return (("user", f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
                     f"<|im_start|>assistant\n{prefix}"),)  # fmt: skip


def _raw_instruct(numbers: Sequence[int], target: int) -> Messages:
    return _chatml(TINYZERO_INSTRUCT, " " + _task(numbers, target), TINYZERO_PREFIX)


def _mini_r1(numbers: Sequence[int], target: int) -> Messages:
    task = (
        f"Using the numbers {list(numbers)}, create an equation that equals {target}. You can use basic arithmetic "
        "operations (+, -, *, /) one or multiple times but each number can only be used once. Show your work in "
        "<think> </think> tags. And return the final equation in <answer> </answer> tags, for example <answer> (1 + 2) "
        "/ 3 </answer>. Think step by step inside <think> tags."
    )
    return _chatml(TINYZERO_INSTRUCT, task, TINYZERO_PREFIX)


def _unlock_deepseek(numbers: Sequence[int], target: int) -> Messages:
    task = (
        f"使用给定的数字 {list(numbers)}，创建一个等于 {target} 的方程。"
        "你可以使用基本算术运算（+、-、*、/）一次或多次，但每个数字只能使用一次。"
        "在 <think> </think> 标签中展示你的思考过程，并在 <answer> </answer> 标签中返回最终方程，"
        "例如 <answer> (1 + 2) / 3 </answer>。在 <think> 标签中逐步思考。"
    )
    return _chatml(QWEN_DEFAULT, task, "让我们逐步解决这个问题。\n<think>")


def _tiny(numbers: Sequence[int], target: int) -> Messages:
    return (("user", f"{' '.join(map(str, numbers))} = {target}"),)


# build(numbers, target); `tiny` is the quickstart's, for a model whose words are whole numbers.
COUNTDOWN = {
    "base": Style(_base),
    "instruct": Style(_instruct),
    "raw": Style(_raw, think_in_prompt=True, raw=True),
    "raw_instruct": Style(_raw_instruct, think_in_prompt=True, raw=True),
    "tiny": Style(_tiny),
    # philschmid's Mini-R1 (its script's text) and datawhalechina/unlock-deepseek, as Qwen2.5-3B-Instruct renders them.
    "mini_r1": Style(_mini_r1, think_in_prompt=True, raw=True, scorer="mini_r1"),
    "unlock_deepseek": Style(_unlock_deepseek, think_in_prompt=True, raw=True, scorer="unlock_deepseek"),
}

# Unakar/Logic-RL, examples/data_preprocess/kk.py.
KK_BASE = (
    "The user asks a question, and the Assistant solves it.The assistant first thinks about the reasoning process "
    "in the mind and then provides the user with the final answer. The reasoning process and answer are enclosed "
    "within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here "
    "</think><answer> answer here </answer>. Now the user asks you to solve a logical reasoning problem. After "
    "thinking, when you finally reach a conclusion, clearly state the identity of each character within <answer> "
    "</answer> tags. List the identity of each person one by one, for example, <answer> (1) Zoey is a knight\n(2) "
    "Oliver is a knight\n(3)... </answer>."
)
KK_INSTRUCT = (
    "You are a helpful assistant. The assistant first thinks about the reasoning process in the mind and then "
    "provides the user with the answer. The reasoning process and answer are enclosed within <think> </think> "
    "and<answer> </answer> tags, respectively, i.e., <think> reasoning process here </think><answer> answer here "
    "</answer>.  Now the user asks you to solve a logical reasoning problem. After thinking, when you finally "
    "reach a conclusion, clearly state the identity of each character within <answer> </answer> tags. i.e., "
    "<answer> (1) Zoey is a knight\n(2) ... </answer>.\n"
)


# build(quiz); `base` and `instruct` are the same words as real messages, without the prefix "<think>".
KK = {
    "base": Style(lambda quiz: (("system", KK_BASE), ("user", quiz))),
    "instruct": Style(lambda quiz: (("system", KK_INSTRUCT), ("user", f"{quiz}\n"))),
    "raw": Style(lambda quiz: (("user", f"{KK_BASE}\n\nUser:{quiz}\nAssistant: <think>"),), True, True),
    "raw_instruct": Style(lambda quiz: _chatml(KK_INSTRUCT, f"{quiz}\n", "<think>"), True, True),
}
