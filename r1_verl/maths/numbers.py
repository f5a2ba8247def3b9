"""Whether two scalar trees are the same number, or the same function of their variables.

The end of the file is a pre-check in floating point: it finds values that are plainly different, and never says that
two are equal. It saves 14 % of the judge's time on recorded responses (a judge without it takes 14.7 us, not 12.5).
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

from r1_verl.maths import balls
from r1_verl.maths.balls import START_BITS
from r1_verl.maths.evaluate import MAX_BITS, Evaluator, variable_value
from r1_verl.maths.exact_values import INTEGER_FUNCTIONS, PAIR_BUDGET, Budget, exact_value
from r1_verl.maths.policy import Policy
from r1_verl.maths.trees import Node, any_node, names, rename

_ROUNDING_APART = 0.02  # relative; rounding to three digits changes a number by less
_SIMPLE = 20  # a decimal equal to a fraction of at most this denominator (13.5) was hardly rounded
_PRINTED = 10  # digits of a decimal that a program printed
_POINTS = 2  # two functions that agree to a hundred bits at so many points are identical
_MANY = 8  # points at which functions of integers agree that have no other values
_FLOAT_POINTS = range(2, 6)  # further points, checked in floating point
_INTEGER_NAMES = frozenset("ijklmnpqrstMNK")  # names that mostly stand for integers
_MAY_BE_OF_INTEGERS = ("fn", "sum", "prod", "pow")
_MAY_BRANCH = ("fn", "pow")
_SINGLE_VALUED = frozenset(("exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"))
_SIGNED = frozenset(("abs", "sgn", "max", "min"))
_ARBITRARY = re.compile(r"[cC]_?[0-9]")  # constants of integration, interchangeable


def same_number(a: Node, g: Node, policy: Policy, budget: Budget) -> bool | None:
    """Whether an answer's tree and a gold's are equal; None if undecided. Trees without a value raise NotScalar."""
    if a == g:
        return True
    return same_scalars(a, g, names(a), names(g), policy, budget)


def same_scalars(a: Node, g: Node, names_a: set[str], names_g: set[str], policy: Policy, budget: Budget) -> bool | None:
    """`same_number` for trees whose free names the caller knows."""
    if names_a or names_g:
        return _same_function(a, g, names_a, names_g, budget)
    return _same_constant(a, g, policy, budget)


def infinity_sign(node: Node) -> int:
    """1 or -1 for plus or minus infinity, else 0."""
    if node == ("const", "inf"):
        return 1
    return -infinity_sign(node[1]) if node[0] == "neg" else 0


def _same_constant(a: Node, g: Node, policy: Policy, budget: Budget) -> bool | None:
    x, y = exact_value(a, budget), exact_value(g, budget)
    if x is not None and y is not None:
        return x == y or _rounded(a, g, x, y, policy)
    if infinity_sign(a) or infinity_sign(g):
        return infinity_sign(a) == infinity_sign(g)
    if plainly_different(a, g, max(_ROUNDING_APART, 2 * policy.tolerance)):
        return False
    bits = START_BITS
    while bits <= MAX_BITS:
        try:
            u = _value(a, 0, "positive", bits, budget)
            v = _gold_value(g, 0, "positive", bits, budget)
            if isinstance(u, ArithmeticError) or isinstance(v, ArithmeticError):
                # If one side has no value (or none of a size that answers have), they are unequal; if both, undecided.
                return None if isinstance(u, ArithmeticError) and isinstance(v, ArithmeticError) else False
            if balls.same(u, v, bits):
                return True
            if u[1] is not None or v[1] is not None:
                return False
            return _rounded(a, g, balls.to_fraction(u), balls.to_fraction(v), policy)
        except balls.MoreBits as more:
            bits = max(2 * bits, more.bits)
    return None


def _value(node: Node, point: int, kind: str, bits: int, budget: Budget):
    """The value, or the error that there is none. Returned, not raised, so that the caller evaluates both sides."""
    try:
        return Evaluator(point, kind, bits, budget).value(node)
    except (balls.Undefined, balls.TooLarge) as error:
        return error.with_traceback(None)


def _gold_value(node: Node, point: int, kind: str, bits: int, budget: Budget):
    """`_value` of a gold, kept because a gold is compared with many answers. The budget pays each time."""
    value, cost = _kept_value(node, point, kind, bits)
    budget.spend(cost)
    if isinstance(value, balls.MoreBits):
        raise balls.MoreBits(value.bits)
    return value


@lru_cache(maxsize=512)
def _kept_value(node: Node, point: int, kind: str, bits: int):
    budget = Budget()
    try:
        value = _value(node, point, kind, bits, budget)
    except balls.MoreBits as error:
        value = error.with_traceback(None)
    return value, PAIR_BUDGET - budget.left


def written_decimal(node: Node) -> tuple[Fraction, int] | None:
    r"""The last place and the number of digits of a decimal (1.39, 1.39e9, 1.39 \times 10^9); None for other trees."""
    if node[0] == "neg":
        return written_decimal(node[1])
    if node[0] == "num" and node[2]:
        value = Fraction(node[1])
        if not value:
            return None
        # The power of ten of the first digit: the lengths in bits give it within one.
        top = math.floor((value.numerator.bit_length() - value.denominator.bit_length()) * math.log10(2)) - 1
        while abs(value) >= Fraction(10) ** (top + 1):
            top += 1
        return Fraction(10) ** (top - node[2] + 1), node[2]
    if node[0] == "mul" and len(node[1]) == 2 and node[1][1][0] == "pow" and node[1][1][1] == ("num", 10, 0):
        first, scale = written_decimal(node[1][0]), exact_value(node[1][1])
        return (first[0] * scale, first[1]) if first and scale else None
    return None


def _decimal(node: Node) -> bool:
    return bool(node[2])


def _rounded(a: Node, g: Node, x: Fraction, y: Fraction, policy: Policy) -> bool:
    """Whether one side is a decimal to which the other, an exact value, rounds; or both lie within the tolerance."""
    if policy.tolerance and abs(x - y) <= Fraction(policy.tolerance) * abs(y):
        return True
    if not policy.rounding and not policy.gold_rounding:
        return False
    ours, theirs = written_decimal(a), written_decimal(g)
    if (
        theirs and theirs[1] >= _PRINTED and g[0] == "num"
    ):  # a float as a program prints it, not exact to the last digit
        if ours:
            return 0 < policy.rounding <= ours[1] and abs(x - y) <= ours[0] / 2
        return y.denominator > _SIMPLE and abs(x - y) <= 50 * theirs[0]
    if theirs and not ours and 0 < policy.gold_rounding <= theirs[1] and not any_node(a, ("num",), _decimal):
        if y.denominator <= _SIMPLE:
            return False  # 13.5 was meant exactly
        return abs(x - y) <= theirs[0] / 2
    if ours and not theirs and 0 < policy.rounding <= ours[1] and not any_node(g, ("num",), _decimal):
        return abs(x - y) <= ours[0] / 2
    return False


def _same_function(a: Node, g: Node, names_a: set[str], names_g: set[str], budget: Budget) -> bool | None:
    if names_a != names_g:
        # The case of a name does not matter unless one side has both c and C.
        lower_a, lower_g = {n.lower() for n in names_a}, {n.lower() for n in names_g}
        if "o" in lower_a and ("O" in names_a) != ("O" in names_g):
            return False  # O(n) and o(n)
        if lower_a == lower_g and len(lower_a) == len(names_a) == len(names_g):
            a, g = (rename(node, {n: n.lower() for n in names_a | names_g}) for node in (a, g))
            names_a = names_g = lower_a
    variables = names_a | names_g
    verdict = _identical(a, g, variables, budget)
    if verdict is not False or len(names_g) < 2:
        return verdict
    arbitrary = sorted(n for n in names_g if _ARBITRARY.fullmatch(n))
    if 1 < len(arbitrary) <= 4 and set(arbitrary) <= names_a:
        for order in permutations(arbitrary):
            renamed = rename(a, dict(zip(arbitrary, order, strict=True)))
            if _identical(renamed, g, variables, budget):
                return True
    return verdict


def _identical(a: Node, g: Node, variables: set[str], budget: Budget) -> bool | None:
    """Whether two functions agree at enough points."""
    if plainly_different(a, g):  # never so for functions of integers, which floating point does not evaluate
        return False
    if any_node(a, _MAY_BE_OF_INTEGERS, _of_integers) or any_node(g, _MAY_BE_OF_INTEGERS, _of_integers):
        verdict = _agree(a, g, "integer", range(24), 20, budget)
        if not verdict or variables <= _INTEGER_NAMES:
            return verdict
        if _agree(a, g, "positive", range(12), _POINTS, budget) is None:
            return _agree(a, g, "integer", range(40), _MANY, budget, _MANY)  # gcd(a,b) has no value elsewhere
    verdict = _agree(a, g, "positive", range(12), _POINTS, budget)
    if verdict and any(plainly_different(a, g, point=point) for point in _FLOAT_POINTS):
        return False
    if verdict and (any_node(a, ("fn",), _signed) or any_node(g, ("fn",), _signed)):
        return _agree(a, g, "mixed", range(12), 8, budget)
    return verdict


def _agree(a: Node, g: Node, kind: str, points: range, enough: int, budget: Budget, least: int = 3) -> bool | None:
    real = other = 0
    apart = False
    for point in points:
        same, is_real = _at(a, g, kind, point, budget)
        if same is False and is_real:
            return False
        if same is None and is_real:  # undecided at every precision
            return None
        if same:
            real, other = real + is_real, other + (not is_real)
        elif same is False:
            apart = True  # complex roots and logarithms of equal functions may lie on different branches
            if not any_node(a, _MAY_BRANCH, _branches) and not any_node(g, _MAY_BRANCH, _branches):
                return False
        if real >= enough or (real == 0 and other >= enough and not apart):
            return True
    if apart:
        return False
    return True if real + other >= least else None


def _at(a: Node, g: Node, kind: str, point: int, budget: Budget) -> tuple[bool | None, bool]:
    """Whether two trees agree at a point, and whether both are real there. (None, False): one has no value there."""
    bits = START_BITS
    while bits <= MAX_BITS:
        try:
            v = _gold_value(g, point, kind, bits, budget)
            if isinstance(v, balls.Undefined):
                return None, False
            u = _value(a, point, kind, bits, budget)
            if isinstance(u, ArithmeticError) or isinstance(v, ArithmeticError):
                # A number too large for an answer differs from one that is not.
                unequal = isinstance(u, balls.TooLarge) != isinstance(v, balls.TooLarge)
                return (False, True) if unequal else (None, False)
            return balls.same(u, v, bits), u[1] is None and v[1] is None
        except balls.MoreBits as more:
            bits = max(2 * bits, more.bits)
    return None, True


def _of_integers(node: Node) -> bool:
    """A function of integers, or a negative number to a variable power, which is real for integers alone."""
    if node[0] == "fn":
        return node[1] in INTEGER_FUNCTIONS
    if node[0] == "pow":
        base = exact_value(node[1]) if node[2][0] != "num" and names(node[2]) else None
        return base is not None and base < 0
    return True  # a sum or a product


def _branches(node: Node) -> bool:
    """Whether a function or a power has several branches."""
    if node[0] == "fn":
        return node[1] not in _SINGLE_VALUED
    n = exact_value(node[2])
    return n is None or n.denominator != 1


def _signed(node: Node) -> bool:
    return node[1] in _SIGNED


# --- the pre-check in floating point ----------------------------------------------------------------------------------

_FAR = 1e-6  # a difference of this part of the largest number met is more than rounding errors add up to
_LOST = 1e-7  # a number below this part of the largest number met may be a rounding error
_CONSTANTS = {"pi": math.pi, "e": math.e}


class _UnsureError(Exception):
    """The value is not real, not known to the pre-check, or too near to a point where rounding errors grow."""


def plainly_different(a: Node, g: Node, apart: float = 0.0, point: int = 0) -> bool:
    """Whether two trees differ at a point, by more than rounding can explain and than the part `apart` of either."""
    theirs = _float_of_gold(g, point)
    ours = _float_of(a, point) if theirs else None
    if ours is None:
        return False
    gap = abs(ours[0] - theirs[0])
    return gap > _FAR * max(ours[1], theirs[1]) and gap > apart * max(abs(ours[0]), abs(theirs[0]))


def _float_of(node: Node, point: int) -> tuple[float, float] | None:
    """A tree's value and the largest number met on the way to it; None if the value is not sure."""
    evaluator = _FloatEvaluator(point)
    try:
        return evaluator.value(node), evaluator.largest
    except (_UnsureError, ArithmeticError, ValueError):
        return None


_float_of_gold = lru_cache(maxsize=1024)(_float_of)  # kept, because a gold is compared with many answers


class _FloatEvaluator:
    __slots__ = ("largest", "point")

    def __init__(self, point: int):
        self.point = point
        self.largest = 0.0  # absolute value of the largest number met

    def value(self, node: Node) -> float:
        tag = node[0]
        if tag == "num":
            x = node[1]
            x = float(x) if type(x) is int else x.numerator / x.denominator
        elif tag == "sym":
            x = _float_variable(node[1], self.point)
        elif tag == "mul":
            x = 1.0
            for child in node[1]:
                x *= self.value(child)
        elif tag == "add":
            x = 0.0
            for child in node[1]:
                x += self.value(child)
        elif tag == "neg":
            return -self.value(node[1])
        elif tag == "div":
            x = self.value(node[1])
            y = self.value(node[2])
            if abs(y) <= _LOST * self.largest:
                raise _UnsureError
            x /= y
        elif tag == "pow":
            x = self.value(node[1])
            y = self.value(node[2])
            if x <= _LOST * self.largest or abs(y) > 1000:
                raise _UnsureError
            x = x**y
        elif tag == "fn":
            x = self.function(node[1], node[2])
        elif tag == "const":
            x = _CONSTANTS.get(node[1], math.nan)
        else:
            raise _UnsureError
        if x > self.largest:
            self.largest = x
        elif -x > self.largest:
            self.largest = -x
        elif x != x:
            raise _UnsureError
        return x

    def function(self, name: str, arguments: tuple[Node, ...]) -> float:
        x = self.value(arguments[0]) if len(arguments) == 1 else math.nan
        if name == "sqrt" and x > 0:
            return math.sqrt(x)
        if name == "exp" and abs(x) < 300:
            return math.exp(x)
        if name == "log" and x > _LOST * self.largest:
            return math.log(x)
        if name in ("sin", "cos") and abs(x) < 1000:
            return math.sin(x) if name == "sin" else math.cos(x)
        raise _UnsureError


@lru_cache(maxsize=1024)
def _float_variable(name: str, point: int) -> float:
    return float(balls.to_fraction(variable_value(name, point, "positive", START_BITS)))
