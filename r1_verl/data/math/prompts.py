r"""Prompt styles for mathematics, word for word as published. build(question) -> messages.

A style names the reward whose answer format it announces to the model (`reward`; "" for the data set's default); the
gold answers are checked with it. Styles whose chat template opens `<think>` itself (R1-Distill) need --think-in-prompt.
"""

from __future__ import annotations

from r1_verl.data.prompts import Messages, Style

BOXED = r"Please reason step by step, and put your final answer within \boxed{}."
STEPS_BOXED = r"Let's think step by step and output the final answer within \boxed{}."
STEPS_MARKED = 'Let\'s think step by step and output the final answer after "####".'
# DeepSeek-R1, table 1; huggingface/open-r1 of January 2025 writes it without the space between the tags.
_CONVERSATION = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think>"
)
R1_ZERO = f"{_CONVERSATION} <answer> answer here </answer>."
OPENR1 = f"{_CONVERSATION}<answer> answer here </answer>"
OPENR1_MAIN = (
    "You are a helpful AI Assistant that provides well-reasoned and detailed responses. You first think about the "
    "reasoning process as an internal monologue and then provide the user with the answer. Respond in the following "
    "format: <think>\n...\n</think>\n<answer>\n...\n</answer>"
)
OPENR1_MATH = (
    "You are a helpful AI Assistant, designed to provided well-reasoned and detailed responses. You FIRST think about "
    "the reasoning process as an internal monologue and then provide the user with the answer. The reasoning process "
    "MUST BE enclosed within <think> and </think> tags."
)
GRPO_DEMO = "\nRespond in the following format:\n<reasoning>\n...\n</reasoning>\n<answer>\n...\n</answer>\n"
# sail-sg/understand-r1-zero (`r1`), and Open-Reasoner-Zero with a blank in the place of the line break.
_R1 = (
    "A conversation between User and Assistant. The User asks a question, and the Assistant solves it. The Assistant "
    "first thinks about the reasoning process in the mind and then provides the User with the answer. The reasoning "
    "process is enclosed within <think> </think> and answer is enclosed within <answer> </answer> tags, respectively, "
    "i.e., <think> reasoning process here </think> <answer> answer here </answer>."
)
_ORZ = (
    "You must put your answer inside <answer> </answer> tags, i.e., <answer> answer here </answer>. And your final "
    "answer will be extracted automatically by the \\boxed{} tag.\nThis is the problem:\n"
)
_DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n",
    '\n\nRemember to put your answer on its own line after "Answer:".',
)
# Unakar/Logic-RL, math_eval/test_aime.py and test_amc.py.
_LOGICRL = (
    "You are a helpful assistant. The assistant first thinks about the reasoning process in the mind and then provides "
    "the user with the answer. The reasoning process and answer are enclosed within <think> </think> and<answer> "
    "</answer> tags, respectively, i.e., <think> reasoning process here </think><answer> answer here </answer>.  Now "
    "the user asks you to solve a math problem. After thinking, when you finally reach a conclusion, clearly state the "
    "answer within <answer> </answer> tags. i.e., <answer> (\\boxed{}\\) </answer>."
)
# huggingface/lighteval, lighteval/tasks/default_prompts.py: aime24, aime25 and math_500; gpqa:diamond.
_LIGHTEVAL = (
    "Solve the following math problem efficiently and clearly.  The last line of your response should be of the "
    "following format: 'Therefore, the final answer is: $\\boxed{ANSWER}$. I hope it is correct' (without quotes) "
    "where ANSWER is just the final number or expression that solves the problem. Think step by step before "
    "answering.\n\n"
)
_LIGHTEVAL_CHOICE = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering.\n\n"
)


def _user(before: str, after: str, reward: str = "", think: bool = False, raw: bool = False) -> Style:
    def build(question: str) -> Messages:
        return (("user", f"{before}{question}{after}"),)

    return Style(build, think, raw, reward)


def _system(system: str, reward: str = "") -> Style:
    def build(question: str) -> Messages:
        return ("system", system), ("user", question)

    return Style(build, reward=reward)


def _chatml(system: str, after: str, end: str, reward: str) -> Style:
    before = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n"
    return _user(before, f"{after}<|im_end|>\n<|im_start|>assistant{end}", reward, raw=True)


MATH: dict[str, Style] = {
    "base": _system(R1_ZERO),
    "instruct": _user("", f"\n{BOXED}"),
    "raw": _user(f"{_R1}\nUser: ", "\nAssistant: <think>", think=True, raw=True),
    "deepscaler": _user("", f" {STEPS_BOXED}", "deepscaler"),
    "dapo": _user(*_DAPO, "dapo"),
    "drgrpo": _chatml(BOXED, "", "\n", "drgrpo"),
    "drgrpo_none": _user("", "", "drgrpo", raw=True),
    "drgrpo_r1": _user(f"{_R1}\nUser: ", "\nAssistant: <think>", "drgrpo_r1", think=True, raw=True),
    "grpo_demo": _system(GRPO_DEMO, "grpo_demo"),
    "lighteval": _user(_LIGHTEVAL, ""),
    "lighteval_choice": _user(_LIGHTEVAL_CHOICE, ""),
    "logicrl": _system(_LOGICRL),
    "openr1": _system(OPENR1, "openr1"),
    "openr1_main": _system(OPENR1_MAIN, "openr1"),
    "openr1_math": _system(OPENR1_MATH, "openr1"),
    "orz": _user(f"{_R1} User: {_ORZ}", "\n\nAssistant: <think>", "orz", think=True, raw=True),
    "simplerl_v0": _chatml(BOXED, "", "", "simplerl"),
    # The published file's braces are doubled: a format string that was never formatted.
    "simplerl": _chatml("You are a helpful assistant.", f"\n{BOXED.replace('{}', '{{}}')}", "\n", "simplerl_v1"),
    # The evaluation's `qwen-boxed`, which was formatted.
    "simplerl_eval": _chatml("You are a helpful assistant.", f"\n{BOXED}", "\n", "simplerl_v1"),
    "simplerl_abel": _user("Question:\n", "\nAnswer:\nLet's think step by step.\n", "simplerl_v1", raw=True),
}
GSM8K: dict[str, Style] = {
    "marked": _user("", f" {STEPS_MARKED}"),
    **MATH,
}
# What a prepared file may have put around the problem (before, after); the longest match is taken off.
WRAPPERS: tuple[tuple[str, str], ...] = (
    (f"{STEPS_BOXED}\n\n", ""),
    ("", f" {STEPS_BOXED}"),
    ("", f"\n{BOXED}"),
    ("", f" {BOXED}"),
    ("", f" {STEPS_MARKED}"),
    _DAPO,
    (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
        f"\n{BOXED.replace('{}', '{{}}')}<|im_end|>\n<|im_start|>assistant\n",
    ),
    (f"<|im_start|>system\n{BOXED}<|im_end|>\n<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant"),
    ("Question:\n", "\nAnswer:\nLet's think step by step.\n"),
)


def unwrap(prompt: str) -> str:
    """The problem alone, without a known instruction around it."""
    fits = [
        (a, b) for a, b in WRAPPERS if prompt.startswith(a) and prompt.endswith(b) and len(prompt) > len(a) + len(b)
    ]
    before, after = max(fits, key=lambda pair: len(pair[0]) + len(pair[1]), default=("", ""))
    return prompt[len(before) : len(prompt) - len(after)]
