"""Countdown's prompt styles.

Strings: Jiayi-Pan/TinyZero, examples/data_preprocess/countdown.py (their grammar is theirs).
"""

from __future__ import annotations

from collections.abc import Sequence

from r1_verl.data.prompts import Messages, Style, chatml

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


def _raw_instruct(numbers: Sequence[int], target: int) -> Messages:
    return chatml(TINYZERO_INSTRUCT, " " + _task(numbers, target), TINYZERO_PREFIX)


def _mini_r1(numbers: Sequence[int], target: int) -> Messages:
    task = (
        f"Using the numbers {list(numbers)}, create an equation that equals {target}. You can use basic arithmetic "
        "operations (+, -, *, /) one or multiple times but each number can only be used once. Show your work in "
        "<think> </think> tags. And return the final equation in <answer> </answer> tags, for example <answer> (1 + 2) "
        "/ 3 </answer>. Think step by step inside <think> tags."
    )
    return chatml(TINYZERO_INSTRUCT, task, TINYZERO_PREFIX)


def _unlock_deepseek(numbers: Sequence[int], target: int) -> Messages:
    task = (
        f"使用给定的数字 {list(numbers)}，创建一个等于 {target} 的方程。"
        "你可以使用基本算术运算（+、-、*、/）一次或多次，但每个数字只能使用一次。"
        "在 <think> </think> 标签中展示你的思考过程，并在 <answer> </answer> 标签中返回最终方程，"
        "例如 <answer> (1 + 2) / 3 </answer>。在 <think> 标签中逐步思考。"
    )
    return chatml(QWEN_DEFAULT, task, "让我们逐步解决这个问题。\n<think>")


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
    "mini_r1": Style(_mini_r1, think_in_prompt=True, raw=True, reward="mini_r1"),
    "unlock_deepseek": Style(_unlock_deepseek, think_in_prompt=True, raw=True, reward="mini_r1"),
}
