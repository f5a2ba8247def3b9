"""Knights-and-Knaves' prompt styles. Strings: Unakar/Logic-RL, examples/data_preprocess/kk.py."""

from __future__ import annotations

from r1_verl.data.prompts import Style, chatml

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
# Their evaluation's (eval_kk) names nobody in its example.
KK_EVAL = KK_INSTRUCT.replace("(1) Zoey is a knight\n", "(1) ...\n")


# build(quiz); `base` and `instruct` are the same words as real messages, without the prefix "<think>".
KK = {
    "base": Style(lambda quiz: (("system", KK_BASE), ("user", quiz))),
    "instruct": Style(lambda quiz: (("system", KK_INSTRUCT), ("user", f"{quiz}\n"))),
    "raw": Style(lambda quiz: (("user", f"{KK_BASE}\n\nUser:{quiz}\nAssistant: <think>"),), True, True),
    "raw_eval": Style(lambda quiz: chatml(KK_EVAL, f"{quiz}\n", "<think>"), True, True),
    "raw_instruct": Style(lambda quiz: chatml(KK_INSTRUCT, f"{quiz}\n", "<think>"), True, True),
}
