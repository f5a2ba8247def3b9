"""Where the answer of a response is, found in time linear in the text."""

from __future__ import annotations

import time

import pytest

from r1_verl.response import after_thinking, closing_brace, last_answer, last_boxed, until


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (r"so \boxed{5}.", "5"),
        (r"\boxed{4} no, \boxed{5}", "5"),
        (r"\boxed {5}", "5"),
        (r"\boxed 5", "5"),
        (r"$\boxed5$", "5"),
        (r"\fbox{5}", "5"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\left\{x\right.}", r"\left\{x\right."),
        (r"\boxed{a\\}", r"a\\"),
        (r"\boxed{}", ""),
        (r"\boxed{ 5 }", " 5 "),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{5} and \boxed{6", None),
        (r"\boxed{\frac{1}{2}", None),
        (r"\boxed", None),
        (r"\boxedx", None),
        (r"no box: 5", None),
        ("", None),
    ],
)
def test_last_boxed(text, inside):
    assert last_boxed(text) == inside


@pytest.mark.parametrize(
    ("text", "opened", "outside"),
    [
        ("5", False, "5"),
        ("5", True, None),
        ("a</think>b", True, "b"),
        ("<think>a</think>b", False, "b"),
        ("<think>a", False, None),
        ("b<think>a", False, "b"),
        ("a</think>b<think>c", True, "b"),
        ("a</think>b</think>c", True, "c"),
    ],
)
def test_after_thinking(text, opened, outside):
    assert after_thinking(text, opened) == outside


def test_last_answer():
    assert last_answer("<answer>4</answer> no, <answer> 5 </answer>") == " 5 "
    assert last_answer("<answer>4</answer> no, <answer>5") is None
    assert last_answer("<final>5</final>", tag="final") == "5"
    assert last_answer("5") is last_answer("") is last_answer(None) is None


@pytest.mark.parametrize(
    ("text", "stops", "kept", "cut"),
    [
        ("a STOP b END", ["END", "STOP"], "a STOP", "a "),
        ("a</answer>\n\nb</answer>", ["</answer>"], "a</answer>", "a"),
        ("a\nUser: b", ["</answer>", "\nUser:"], "a\nUser:", "a"),
        ("x1y2", ["2", "1"], "x1", "x"),
        ("none", ["", "STOP"], "none", "none"),
    ],
)
def test_a_text_ends_at_its_first_stop(text, stops, kept, cut):
    assert (until(text, stops, keep=True), until(text, stops, keep=False)) == (kept, cut)


def test_a_closing_brace_is_found():
    assert closing_brace("{a{b}c}", 0) == 6
    assert closing_brace(r"{\}}", 0) == 3
    assert closing_brace("{{", 0) == -1


@pytest.mark.parametrize("piece", ["\\boxed{", "\\boxed", "{", "\\", "a", "<think>", "</think>", "<answer>"])
def test_a_megabyte_does_not_hang(piece):
    text = piece * (1_000_000 // len(piece))
    began = time.thread_time()
    last_boxed(text)
    last_boxed("\\boxed{" + text)
    after_thinking(text)
    last_answer(text)
    assert time.thread_time() - began < 2.0  # milliseconds; a quadratic search takes minutes
