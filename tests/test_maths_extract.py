"""Where the last box and the last number of a text are, in time linear in the text."""

from __future__ import annotations

import time

import pytest

from r1_verl.response import closing_brace, last_boxed, last_number


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
    ("text", "number"),
    [
        ("it is 5", "5"),
        ("5 then -3.25.", "-3.25"),
        ("1,234", "1,234"),
        ("1,234,567.5 euros", "1,234,567.5"),
        ("1,2", "2"),
        ("10-7", "7"),
        ("x = -7", "-7"),
        (".5", ".5"),
        ("no number", None),
        ("", None),
        ("5" + " word" * 1000, "5"),
        ("1" * 600, "1" * 600),
    ],
)
def test_last_number(text, number):
    assert last_number(text) == number


def test_closing_brace():
    assert closing_brace("{a{b}c}", 0) == 6
    assert closing_brace(r"{\}}", 0) == 3
    assert closing_brace("{{", 0) == -1


@pytest.mark.parametrize("piece", ["\\boxed{", "\\boxed", "{", "\\", "1 ", "a", ","])
def test_a_megabyte_does_not_hang(piece):
    text = piece * (1_000_000 // len(piece))
    began = time.thread_time()
    last_boxed(text)
    last_boxed("\\boxed{" + text)
    last_number(text)
    assert time.thread_time() - began < 2.0  # milliseconds; a quadratic search takes minutes
