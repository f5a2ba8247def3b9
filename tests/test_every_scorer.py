"""Questions to every built-in scorer: is the right answer paid in full, a wrong one less, by the published reward as
well, nothing within the thinking, and does no text raise or take long? The registry is asked, so a new scorer is asked
them without an edit here.

A scorer of a task that `TRUTHS` does not know brings its own: `EXAMPLES` in its module, two canonical ground truths
with different answers.
"""

from __future__ import annotations

import itertools
import sys
import time

import pytest

from r1_verl.data.gold import gold_response
from r1_verl.ground_truth import encode
from r1_verl.reward import compute_score
from r1_verl.score import BAD_FORMAT, CORRECT, ERROR, NO_ANSWER, OUTCOMES, Score
from r1_verl.scorers import MODES, Scorer, scorers

BUILT_IN = [entry for entry in scorers() if entry.owner.startswith("r1_verl.scorers.")]
every_scorer = pytest.mark.parametrize("scorer", BUILT_IN, ids=lambda scorer: scorer.name)
HANG = 2.0  # seconds of processor time; benchmarks/bench_math.py asks for 50 ms, and 1.2 s with the killable worker

TRUTHS = {
    "countdown": (
        encode("countdown", numbers=[44, 19, 35], target=98),
        encode("countdown", numbers=[44, 19, 35], target=60),
    ),
    "kk": tuple(
        encode("kk", solution={"Zoey": zoey, "Oliver": "knave"}, roles=["knight", "knave"])
        for zoey in ("knight", "knave")
    ),
    "math": (encode("math", answer="17"), encode("math", answer="1000")),  # GSM8K's rewards read plain numbers alone
    "multiply": (encode("multiply", answer="323"), encode("multiply", answer="56088")),
}

LONG = 100_000
TEXTS = {
    "unclosed answer tags": "<answer>" * 12_500,
    "unclosed boxes": "\\boxed{" * 20_000,
    "unclosed boxes, closed at the end": "\\boxed{" * 20_000 + "5" + "}" * 20_000,
    "nested answer tags": "<answer>" * 5_000 + "5" + "</answer>" * 5_000,
    "think tags": "<think>" * LONG,
    "closing think tags": "</think>" * LONG,
    "answer pairs": "<answer>5</answer>" * 20_000,
    "answer pairs on one line, last unclosed": "<answer>5</answer>" * 10_000 + "<answer>" * 10_000,
    "reasoning pairs": "<reasoning>" + "</reasoning> <answer>" * 20_000,
    "middles": "<think>\n" + "\n</think>\n<answer>\n" * 20_000,
    "marks": "#### " * 40_000,
    "answer lines": "Answer: \n" * 40_000,
    "answer and blanks": "Answer" + " " * LONG + ":" + " " * LONG + "5",
    "blanks between the tags": "<think></think>" + " " * LONG + "<answer>5</answer>" + " " * LONG,
    "boxed word": "boxed" * 40_000,
    "dollars": "$" * 200_000,
    "braces": "\\boxed{" + "{" * LONG + "}" * LONG + "}",
    "digits": "\\boxed{" + "7" * LONG + "}",
    "digits at the end": "so " + "7" * 1_000_000,
    "digits and commas": "so " + "1," * 500_000,
    "megabyte of prose": "lorem ipsum so that 5 " * 50_000,
    "lone surrogate": "\\boxed{\ud8005}",
    "NUL": "\\boxed{5\x00}",
    "final answer is": "final answer is $" * 20_000 + "$. I hope",
    "text macros": "\\boxed{" + "\\text{" * 5_000 + "}",
    "Step": "Step 1" * 50_000,
}


def truths(scorer: Scorer) -> tuple[str, str]:
    """Two ground truths with different answers."""
    own = getattr(sys.modules[scorer.strict.__module__], "EXAMPLES", None)
    assert own or scorer.task in TRUTHS, f"{scorer.strict.__module__} needs EXAMPLES, two ground truths of its task"
    return own or TRUTHS[scorer.task]


def modes(scorer: Scorer) -> tuple[str, ...]:
    return MODES if scorer.faithful else ("strict",)


def right(scorer: Scorer, truth: str) -> str:
    """A right response that the scorer's module builds."""
    response = gold_response(scorer.name, truth)
    assert response, f"{scorer.strict.__module__} needs `ideal(ground_truth)`: a right response"
    return response


def top(scorer: Scorer) -> float | None:
    """The most that the scorer's own scale pays; None where it is a sum of parts, which has no bound of its own."""
    if scorer.scale.__name__ == "parts":
        return None
    return max(scorer.scale(Score(outcome, "", form)) for outcome in OUTCOMES for form in (0.0, 1.0))


@every_scorer
def test_the_right_answer_is_paid_in_full(scorer):
    for truth in truths(scorer):
        found = compute_score(scorer.name, right(scorer, truth), truth)
        assert (found["acc"], found["outcome"], found["format"]) == (1.0, CORRECT, 1.0)
        assert found["score"] == top(scorer) or top(scorer) is None
        assert compute_score("a mixed file", right(scorer, truth), truth, reward=scorer.name) == found
    opened = right(scorer, truth).removeprefix("<think>")
    if opened != right(scorer, truth):
        assert compute_score(scorer.name, opened, truth, {"think_in_prompt": True}) == found


@every_scorer
def test_a_wrong_answer_is_paid_less(scorer):
    for (truth, other), mode in itertools.product(itertools.permutations(truths(scorer)), modes(scorer)):
        paid = compute_score(scorer.name, right(scorer, truth), truth, mode=mode)["score"]
        for response in (right(scorer, other), right(scorer, truth)[:-12], "I do not know.", ""):
            found = compute_score(scorer.name, response, truth, mode=mode)
            assert found["score"] < paid and found["acc"] == 0.0, response


@pytest.mark.parametrize("scorer", [entry for entry in BUILT_IN if entry.faithful], ids=lambda scorer: scorer.name)
def test_the_published_reward_pays_the_right_answer_too(scorer):
    for truth in truths(scorer):
        found = compute_score(scorer.name, right(scorer, truth), truth, mode="faithful")
        assert (found["acc"], found["outcome"]) == (1.0, CORRECT)
        assert found["score"] == top(scorer) or top(scorer) is None


@every_scorer
def test_what_stands_in_the_thinking_is_no_answer(scorer):
    truth, other = truths(scorer)
    answer, wrong = (right(scorer, each).rpartition("</think>")[2] for each in (truth, other))

    def acc(response: str, opened: bool = False) -> float:
        return compute_score(scorer.name, response, truth, {"think_in_prompt": opened})["acc"]

    assert acc(f"<think>\na</think>\n{answer}") == acc(f"a</think>\n{answer}", opened=True) == 1.0
    for hidden in (f"<think>{answer}</think>", f"<think>{answer}", f"<think>a</think> {wrong} <think> {answer}"):
        assert acc(hidden) == 0.0, hidden
    assert acc(answer, opened=True) == 0.0
    assert compute_score(scorer.name, f"<think>{answer}", truth)["outcome"] in (NO_ANSWER, BAD_FORMAT)


@every_scorer
@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_quick_and_worth_nothing(scorer, name):
    """Quick: no hang. The killable worker keeps its own deadline (test_killable)."""
    for truth, mode in itertools.product(truths(scorer), modes(scorer)):
        start = time.thread_time()
        found = compute_score(scorer.name, TEXTS[name], truth, mode=mode)
        assert time.thread_time() - start < HANG
        assert found["outcome"] in OUTCOMES and found["outcome"] != ERROR
        assert found["acc"] == 0.0


@every_scorer
def test_what_is_no_text_does_not_raise(scorer):
    infos = (None, {}, {"think_in_prompt": None}, {"think_in_prompt": "yes"})
    for response, info, mode in itertools.product((None, 5, b"17", ["17"], ""), infos, modes(scorer)):
        found = compute_score(scorer.name, response, truths(scorer)[0], info, mode=mode)
        assert found["acc"] == 0.0 and found["outcome"] != ERROR


@every_scorer
def test_a_ground_truth_of_another_kind_is_never_paid(scorer):
    response = right(scorer, truths(scorer)[0])
    others = (None, "", "[]", "{}", "[" * 5_000, {}, [[]], object(), encode(scorer.task), encode("unheard of"))
    for truth, mode in itertools.product(others, modes(scorer)):
        found = compute_score(scorer.name, response, truth, mode=mode)
        assert found["acc"] == 0.0 and found["outcome"] != ERROR
