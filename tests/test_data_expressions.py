"""Every expression over k numbers, exactly."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from arithmetic import brute, exact

from r1_verl.data.countdown import solve


@pytest.mark.parametrize(("size", "count"), [(2, 6), (3, 68), (4, 1170), (5, 27142)])
def test_as_many_expressions_as_are_known_to_exist(size, count):
    plan = solve.all_expressions(size)
    assert len(plan.nodes) - plan.first_top == count  # OEIS A140606


@pytest.mark.parametrize("numbers", [(2, 3), (1, 1, 1), (3, 8, 8), (4, 7, 7), (3, 3, 8, 8), (1, 5, 5, 5), (6, 1, 3, 4)])
def test_reaches_what_brute_force_reaches(numbers):
    reached = {int(v) for v in brute(tuple(map(Fraction, numbers))) if v.denominator == 1 and 0 <= v <= 100}
    plan = solve.all_expressions(len(numbers))
    rows, targets, nodes = solve.reached(plan, np.array([numbers, numbers[::-1]]), 0, 100)
    for row in (0, 1):
        assert set(targets[rows == row].tolist()) == reached
    for row, target, node in zip(rows, targets, nodes, strict=True):
        text = plan.text(node, numbers if row == 0 else numbers[::-1])
        assert exact(text) == target
        assert sorted(map(int, re.findall(r"\d+", text))) == sorted(numbers)
    assert 24 in reached or numbers not in [(3, 3, 8, 8), (1, 5, 5, 5), (6, 1, 3, 4)]  # known to need fractions


def test_solve_says_minus_one_where_there_is_no_solution():
    plan = solve.all_expressions(4)
    nodes = solve.solve(plan, np.array([[1, 1, 1, 1], [3, 3, 8, 8]]), np.array([24, 24]))
    assert nodes[0] == -1
    assert exact(plan.text(int(nodes[1]), (3, 3, 8, 8))) == 24


def test_only_the_operators_asked_for():
    plan = solve.all_expressions(4, "+-")
    assert {op for op, _, _ in plan.nodes} == {"", "+", "-"}
    random = solve.random_expressions(5, "*/", np.random.default_rng(0), 50)
    assert {op for op, _, _ in random.nodes} == {"", "*", "/"}
    assert 1 <= len(random.nodes) - random.first_top <= 50


def test_exactness_has_a_limit():
    assert solve.check_exact(4, 99, 100)
    assert not solve.check_exact(6, 10_000, 100)
