"""Complex numbers known up to an error, on mpmath's pure functions (no shared precision, so any thread may use them).

A value is (re, im, error): raw mpmath numbers (im None: real) and log2 of a bound on the absolute error, NOTHING for
an exact value. The error is carried through every operation; what it cannot decide is asked again at more bits.
"""

from __future__ import annotations

from fractions import Fraction

from mpmath import libmp as M

NOTHING = -(10**9)  # log2 of zero
MAX_MAGNITUDE = 40_000  # bits of a number before or after the point
MAX_ARGUMENT = 256  # bits before the point of what is given to a sine
R = "n"  # rounding to nearest
ZERO, ONE = M.fzero, M.fone
Value = tuple

# mpmath keeps its constants in caches that grow in two steps, which two threads can tear apart; grown once, here.
for _constant in (M.mpf_pi, M.mpf_ln2, M.mpf_ln10, M.mpf_e):
    _constant(9000, R)


class Undefined(ArithmeticError):
    """No such number (division by zero, logarithm of zero), or none that can be told from it."""


class TooLarge(ArithmeticError):
    """Beyond MAX_MAGNITUDE."""


class MoreBits(ArithmeticError):
    """The precision does not settle the question; `bits` might."""

    def __init__(self, bits: int):
        self.bits = bits


def magnitude(x) -> int:
    """An exponent m with |x| < 2^m, within a bit."""
    return x[2] + x[3] if x[1] else NOTHING


def size(v: Value) -> int:
    if v[1] is None:
        x = v[0]
        return x[2] + x[3] if x[1] else NOTHING
    return max(magnitude(v[0]), magnitude(v[1])) + 1


def rational(q: int | Fraction, bits: int) -> Value:
    if q == 0:
        return (ZERO, None, NOTHING)
    if isinstance(q, int) or q.denominator == 1:
        n = int(q)
        x = M.from_int(n, bits, R)
        return (x, None, NOTHING if n.bit_length() <= bits else magnitude(x) - bits)
    x = M.from_rational(q.numerator, q.denominator, bits, R)
    return (x, None, magnitude(x) - bits)


def is_zero(v: Value) -> bool:
    """Whether the value cannot be told from zero."""
    return size(v) <= max(v[2], NOTHING) + 2


def _checked(re, im, error: int, bits: int) -> Value:
    if im is None or im == ZERO:
        im = None
        m = re[2] + re[3] if re[1] else NOTHING
    else:
        m = size((re, im, 0))
    if m == NOTHING and not re[1] and re[2]:  # infinity or not a number
        raise Undefined
    if m > MAX_MAGNITUDE or (m < -MAX_MAGNITUDE and m != NOTHING):
        raise TooLarge
    return (re, im, max(error, m - bits) + 1 if m != NOTHING else error)


def add(values: list[Value], bits: int) -> Value:
    re, im, error, top, low = ZERO, None, NOTHING, NOTHING, -NOTHING
    for v in values:
        m = size(v)
        if m != NOTHING:
            top, low = max(top, m), min(low, m)
        re = M.mpf_add(re, v[0], bits, R)
        if v[1] is not None:
            im = v[1] if im is None else M.mpf_add(im, v[1], bits, R)
        error = max(error, v[2])
    if top != NOTHING:
        if top - low > bits - 128:  # a term would vanish beside another
            raise MoreBits(top - low + 256)
        error = max(error, top - bits) + len(values).bit_length()
    return _checked(re, im, error, bits)


def neg(v: Value) -> Value:
    return (M.mpf_neg(v[0]), None if v[1] is None else M.mpf_neg(v[1]), v[2])


def mul(a: Value, b: Value, bits: int) -> Value:
    error = max(size(a) + b[2], size(b) + a[2], a[2] + b[2]) + 2
    if a[1] is None and b[1] is None:
        return _checked(M.mpf_mul(a[0], b[0], bits, R), None, error, bits)
    re, im = M.mpc_mul((a[0], a[1] or ZERO), (b[0], b[1] or ZERO), bits, R)
    return _checked(re, im, error, bits)


def inverse(a: Value, bits: int) -> Value:
    if is_zero(a):
        raise Undefined
    error = a[2] - 2 * size(a) + 4
    if a[1] is None:
        return _checked(M.mpf_div(ONE, a[0], bits, R), None, error, bits)
    re, im = M.mpc_reciprocal((a[0], a[1]), bits, R)
    return _checked(re, im, error, bits)


def div(a: Value, b: Value, bits: int) -> Value:
    if a[1] is None and b[1] is None:
        if is_zero(b):
            raise Undefined
        m = size(b)
        error = max(a[2] - m, size(a) + b[2] - 2 * m) + 4
        return _checked(M.mpf_div(a[0], b[0], bits, R), None, error, bits)
    return mul(a, inverse(b, bits), bits)


def whole(v: Value) -> int | None:
    """The integer that a value is as far as can be told, or None."""
    if v[1] is not None and magnitude(v[1]) > v[2] + 2:
        return None
    if magnitude(v[0]) > 64:
        return None
    n = M.to_int(M.mpf_nint(v[0], 80, R))
    away = magnitude(M.mpf_sub(v[0], M.from_int(n), 300, R))
    if v[2] > -64:
        raise MoreBits(512)
    return n if away <= max(v[2] + 2, -200) else None


def power(a: Value, b: Value, bits: int) -> Value:
    if is_zero(b):
        if is_zero(a):
            raise Undefined
        return (ONE, None, NOTHING)
    if is_zero(a):
        if b[1] is not None or b[0][0]:
            raise Undefined
        return (ZERO, None, a[2] if a[2] == NOTHING else -bits)
    n = whole(b) if b[2] == NOTHING or b[2] < -64 else None
    ma = size(a)
    if n is not None and abs(n) <= 10**6:
        if abs(n) * max(abs(ma), 1) > 2 * MAX_MAGNITUDE:
            raise TooLarge
        if a[1] is None:
            re, im = M.mpf_pow_int(a[0], n, bits, R), None
        else:
            re, im = M.mpc_pow_int((a[0], a[1]), n, bits, R)
        error = magnitude(re) if im is None else size((re, im, 0))
        return _checked(re, im, error + a[2] - ma + abs(n).bit_length() + 3, bits)
    return exp(mul(b, log(a, bits), bits), bits)


def root(a: Value, n: int, bits: int) -> Value:
    """The n-th root: of a negative real the real one if n is odd."""
    if is_zero(a):
        return (ZERO, None, a[2] if a[2] == NOTHING else a[2] // n)
    error = a[2] - size(a) + size(a) // n + 3
    if a[1] is None and (not a[0][0] or n % 2):
        if a[0][0]:
            return neg(root(neg(a), n, bits))
        re = M.mpf_sqrt(a[0], bits, R) if n == 2 else M.mpf_nthroot(a[0], n, bits, R)
        return _checked(re, None, error, bits)
    re, im = M.mpc_nthroot((a[0], a[1] or ZERO), n, bits, R) if n != 2 else M.mpc_sqrt((a[0], a[1] or ZERO), bits, R)
    return _checked(re, im, error, bits)


def exp(v: Value, bits: int) -> Value:
    if magnitude(v[0]) > 15 or (v[1] is not None and magnitude(v[1]) > MAX_ARGUMENT):
        raise TooLarge
    if v[1] is None:
        re, im = M.mpf_exp(v[0], bits, R), None
    else:
        re, im = M.mpc_exp((v[0], v[1]), bits, R)
    m = magnitude(re) if im is None else size((re, im, 0))
    return _checked(re, im, m + v[2] + 2, bits)


def log(v: Value, bits: int) -> Value:
    if is_zero(v):
        raise Undefined
    error = max(v[2] - size(v) + 2, -bits)
    if v[1] is None and not v[0][0]:
        return _checked(M.mpf_log(v[0], bits, R), None, error, bits)
    re, im = M.mpc_log((v[0], v[1] or ZERO), bits, R)
    return _checked(re, im, error, bits)


def elementary(name: str, v: Value, bits: int) -> Value:
    """sin, cos, tan, sinh, cosh, tanh and their inverses (arcsin ...)."""
    if size(v) > MAX_ARGUMENT or (v[1] is not None and magnitude(v[1]) > 12):
        raise TooLarge
    arc = name.startswith("arc")
    short = "a" + name[3:] if arc else name
    real = v[1] is None
    if real and arc:
        # The real function where it is real, the principal value elsewhere.
        outside = magnitude(v[0]) > 1 or (magnitude(v[0]) == 1 and M.mpf_gt(M.mpf_abs(v[0]), ONE))
        real = {"asin": not outside, "acos": not outside, "atanh": not outside, "acosh": outside and not v[0][0]}.get(
            short, True
        )
    if name.endswith("h") and not arc and magnitude(v[0]) > 12:
        raise TooLarge
    try:
        if real:
            re, im = getattr(M, "mpf_" + short)(v[0], bits, R), None
        else:
            re, im = getattr(M, "mpc_" + short)((v[0], v[1] or ZERO), bits, R)
    except (ZeroDivisionError, ValueError, M.ComplexResult):
        raise Undefined from None
    grown = 2 * max(0, size((re, im, 0))) if not arc else 0
    if arc and v[2] != NOTHING:
        # The slope of an inverse grows without bound at its branch points.
        square = mul(v, v, bits)
        gap = size(add([(ONE, None, NOTHING), square if short in ("atan", "asinh") else neg(square)], bits))
        grown = max(0, -gap) if gap != NOTHING else bits // 2
    return _checked(re, im, max(v[2] + grown + 3, -bits), bits)


def same(a: Value, b: Value, bits: int) -> bool:
    """Whether two values agree to at least 100 bits beyond their errors. Raises MoreBits where that cannot be told."""
    error = max(a[2], b[2])
    gap = size((M.mpf_sub(a[0], b[0], bits, R), M.mpf_sub(a[1] or ZERO, b[1] or ZERO, bits, R), 0))
    if gap > max(error, max(size(a), size(b)) - bits) + 6:
        return False
    largest = max(size(a), size(b))
    if error == NOTHING or error <= largest - 100:
        return True
    if largest <= error + 8 and error < -100:  # both are nothing but error
        return True
    raise MoreBits(2 * bits)


def to_fraction(v: Value) -> Fraction:
    """The rational that stands for a real value."""
    sign, mantissa, exponent, _ = v[0]
    value = Fraction(int(mantissa)) * (Fraction(2) ** int(exponent))
    return -value if sign else value
