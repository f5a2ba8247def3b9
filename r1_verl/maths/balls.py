"""Ball arithmetic: complex numbers, each with a bound on its error, on the pure functions of mpmath's libmp.

A ball is (re, im, error): two raw mpmath numbers (im is None for a real number) and log2 of a bound on the absolute
error, LOG2_ZERO for an exact value. Every operation carries the error along. Where the error is too large to decide a
question, the caller repeats the evaluation with more bits (MoreBits).

python-flint's `arb` is the same thing, but its precision is one global setting, so threads disturb each other
(flintlib/python-flint#164). libmp takes the precision as an argument.
"""

from __future__ import annotations

from fractions import Fraction

from mpmath import libmp

LOG2_ZERO = -(10**9)
MAX_MAGNITUDE = 40_000  # bits before or after the binary point
MAX_ARGUMENT = 256  # bits before the binary point of a sine's argument
NEAREST = "n"  # libmp's name of rounding to the nearest
ZERO, ONE = libmp.fzero, libmp.fone
START_BITS = 256  # the precision that an evaluation begins with

Ball = tuple
IMAGINARY_UNIT: Ball = (ZERO, ONE, LOG2_ZERO)

# mpmath caches its constants. A cache grows in two steps, between which a second thread may read it: grow them here.
for _constant in (libmp.mpf_pi, libmp.mpf_ln2, libmp.mpf_ln10, libmp.mpf_e):
    _constant(9000, NEAREST)


class Undefined(ArithmeticError):
    """There is no such number (division by zero, logarithm of zero), or not for every number of the ball."""


class TooLarge(ArithmeticError):
    """A number is larger, or nearer to zero, than MAX_MAGNITUDE allows."""


class MoreBits(ArithmeticError):
    """The precision does not settle the question; that of `bits` might."""

    def __init__(self, bits: int):
        self.bits = bits


def magnitude(x) -> int:
    """An exponent m with |x| < 2^m, within a bit."""
    return x[2] + x[3] if x[1] else LOG2_ZERO


def size(v: Ball) -> int:
    """`magnitude` of a ball's centre."""
    if v[1] is None:
        x = v[0]
        return x[2] + x[3] if x[1] else LOG2_ZERO
    return max(magnitude(v[0]), magnitude(v[1])) + 1


def rational(q: int | Fraction, bits: int) -> Ball:
    if q == 0:
        return (ZERO, None, LOG2_ZERO)
    if isinstance(q, int) or q.denominator == 1:
        n = int(q)
        x = libmp.from_int(n, bits, NEAREST)
        return (x, None, LOG2_ZERO if n.bit_length() <= bits else magnitude(x) - bits)
    x = libmp.from_rational(q.numerator, q.denominator, bits, NEAREST)
    return (x, None, magnitude(x) - bits)


def is_zero(v: Ball) -> bool:
    """Whether the ball contains zero."""
    return size(v) <= max(v[2], LOG2_ZERO) + 2


def _checked(re, im, error: int, bits: int) -> Ball:
    if im is None or im == ZERO:
        im = None
        m = re[2] + re[3] if re[1] else LOG2_ZERO
    else:
        m = size((re, im, 0))
    if m == LOG2_ZERO and not re[1] and re[2]:  # infinity or not a number
        raise Undefined
    if m > MAX_MAGNITUDE or (m < -MAX_MAGNITUDE and m != LOG2_ZERO):
        raise TooLarge
    return (re, im, max(error, m - bits) + 1 if m != LOG2_ZERO else error)


def pi(bits: int) -> Ball:
    return (libmp.mpf_pi(bits, NEAREST), None, 3 - bits)


def e(bits: int) -> Ball:
    return (libmp.mpf_e(bits, NEAREST), None, 3 - bits)


def add(values: list[Ball], bits: int) -> Ball:
    re, im, error, top, low = ZERO, None, LOG2_ZERO, LOG2_ZERO, -LOG2_ZERO
    for v in values:
        m = size(v)
        if m != LOG2_ZERO:
            top, low = max(top, m), min(low, m)
        re = libmp.mpf_add(re, v[0], bits, NEAREST)
        if v[1] is not None:
            im = v[1] if im is None else libmp.mpf_add(im, v[1], bits, NEAREST)
        error = max(error, v[2])
    if top != LOG2_ZERO:
        if top - low > bits - 128:  # the smallest term would be lost in the rounding of the largest
            raise MoreBits(top - low + 256)
        error = max(error, top - bits) + len(values).bit_length()
    return _checked(re, im, error, bits)


def neg(v: Ball) -> Ball:
    return (libmp.mpf_neg(v[0]), None if v[1] is None else libmp.mpf_neg(v[1]), v[2])


def mul(a: Ball, b: Ball, bits: int) -> Ball:
    error = max(size(a) + b[2], size(b) + a[2], a[2] + b[2]) + 2
    if a[1] is None and b[1] is None:
        return _checked(libmp.mpf_mul(a[0], b[0], bits, NEAREST), None, error, bits)
    re, im = libmp.mpc_mul((a[0], a[1] or ZERO), (b[0], b[1] or ZERO), bits, NEAREST)
    return _checked(re, im, error, bits)


def reciprocal(a: Ball, bits: int) -> Ball:
    if is_zero(a):
        raise Undefined
    error = a[2] - 2 * size(a) + 4
    if a[1] is None:
        return _checked(libmp.mpf_div(ONE, a[0], bits, NEAREST), None, error, bits)
    re, im = libmp.mpc_reciprocal((a[0], a[1]), bits, NEAREST)
    return _checked(re, im, error, bits)


def div(a: Ball, b: Ball, bits: int) -> Ball:
    if a[1] is None and b[1] is None:
        if is_zero(b):
            raise Undefined
        m = size(b)
        error = max(a[2] - m, size(a) + b[2] - 2 * m) + 4
        return _checked(libmp.mpf_div(a[0], b[0], bits, NEAREST), None, error, bits)
    return mul(a, reciprocal(b, bits), bits)


def whole(v: Ball) -> int | None:
    """The integer that a ball stands for, or None."""
    if v[1] is not None and magnitude(v[1]) > v[2] + 2:
        return None
    if magnitude(v[0]) > 64:
        return None
    n = libmp.to_int(libmp.mpf_nint(v[0], 80, NEAREST))
    away = magnitude(libmp.mpf_sub(v[0], libmp.from_int(n), 300, NEAREST))
    if v[2] > -64:
        raise MoreBits(512)
    return n if away <= max(v[2] + 2, -200) else None


def absolute(v: Ball, bits: int) -> Ball:
    if v[1] is None:
        return neg(v) if v[0][0] else v
    return (libmp.mpc_abs((v[0], v[1]), bits, NEAREST), None, max(v[2], size(v) - bits) + 2)


def extreme(values: list[Ball], largest: bool) -> Ball:
    """The largest or the smallest of real balls."""
    if any(v[1] is not None for v in values):
        raise Undefined
    best = values[0]
    for v in values[1:]:
        if libmp.mpf_gt(v[0], best[0]) == largest:
            best = v
    return best


def power(a: Ball, b: Ball, bits: int) -> Ball:
    if is_zero(b):
        if is_zero(a):
            raise Undefined
        return (ONE, None, LOG2_ZERO)
    if is_zero(a):
        if b[1] is not None or b[0][0]:
            raise Undefined
        return (ZERO, None, a[2] if a[2] == LOG2_ZERO else -bits)
    n = whole(b) if b[2] == LOG2_ZERO or b[2] < -64 else None
    ma = size(a)
    if n is not None and abs(n) <= 10**6:
        if abs(n) * max(abs(ma), 1) > 2 * MAX_MAGNITUDE:
            raise TooLarge
        if a[1] is None:
            re, im = libmp.mpf_pow_int(a[0], n, bits, NEAREST), None
        else:
            re, im = libmp.mpc_pow_int((a[0], a[1]), n, bits, NEAREST)
        error = magnitude(re) if im is None else size((re, im, 0))
        return _checked(re, im, error + a[2] - ma + abs(n).bit_length() + 3, bits)
    return exp(mul(b, log(a, bits), bits), bits)


def root(a: Ball, n: int, bits: int) -> Ball:
    """The n-th root; the real one if n is odd and the number is real."""
    if is_zero(a):
        return (ZERO, None, a[2] if a[2] == LOG2_ZERO else a[2] // n)
    error = a[2] - size(a) + size(a) // n + 3
    if a[1] is None and (not a[0][0] or n % 2):
        if a[0][0]:
            return neg(root(neg(a), n, bits))
        re = libmp.mpf_sqrt(a[0], bits, NEAREST) if n == 2 else libmp.mpf_nthroot(a[0], n, bits, NEAREST)
        return _checked(re, None, error, bits)
    z = (a[0], a[1] or ZERO)
    re, im = libmp.mpc_sqrt(z, bits, NEAREST) if n == 2 else libmp.mpc_nthroot(z, n, bits, NEAREST)
    return _checked(re, im, error, bits)


def exp(v: Ball, bits: int) -> Ball:
    if magnitude(v[0]) > 15 or (v[1] is not None and magnitude(v[1]) > MAX_ARGUMENT):
        raise TooLarge
    if v[1] is None:
        re, im = libmp.mpf_exp(v[0], bits, NEAREST), None
    else:
        re, im = libmp.mpc_exp((v[0], v[1]), bits, NEAREST)
    m = magnitude(re) if im is None else size((re, im, 0))
    return _checked(re, im, m + v[2] + 2, bits)


def log(v: Ball, bits: int) -> Ball:
    if is_zero(v):
        raise Undefined
    error = max(v[2] - size(v) + 2, -bits)
    if v[1] is None and not v[0][0]:
        return _checked(libmp.mpf_log(v[0], bits, NEAREST), None, error, bits)
    re, im = libmp.mpc_log((v[0], v[1] or ZERO), bits, NEAREST)
    return _checked(re, im, error, bits)


def elementary(name: str, v: Ball, bits: int) -> Ball:
    """sin, cos, tan, sinh, cosh, tanh and their inverses (arcsin, ...)."""
    if size(v) > MAX_ARGUMENT or (v[1] is not None and magnitude(v[1]) > 12):
        raise TooLarge
    arc = name.startswith("arc")
    short = "a" + name[3:] if arc else name
    real = v[1] is None
    if real and arc:
        # The real function where its value is real, elsewhere the principal value of the complex one.
        outside = magnitude(v[0]) > 1 or (magnitude(v[0]) == 1 and libmp.mpf_gt(libmp.mpf_abs(v[0]), ONE))
        real = {"asin": not outside, "acos": not outside, "atanh": not outside, "acosh": outside and not v[0][0]}.get(
            short, True
        )
    if name.endswith("h") and not arc and magnitude(v[0]) > 12:
        raise TooLarge
    try:
        if real:
            re, im = getattr(libmp, "mpf_" + short)(v[0], bits, NEAREST), None
        else:
            re, im = getattr(libmp, "mpc_" + short)((v[0], v[1] or ZERO), bits, NEAREST)
    except (ZeroDivisionError, ValueError, libmp.ComplexResult):
        raise Undefined from None
    grown = 2 * max(0, size((re, im, 0))) if not arc else 0
    if arc and v[2] != LOG2_ZERO:
        # The slope of an inverse grows without bound at its branch points.
        square = mul(v, v, bits)
        gap = size(add([(ONE, None, LOG2_ZERO), square if short in ("atan", "asinh") else neg(square)], bits))
        grown = max(0, -gap) if gap != LOG2_ZERO else bits // 2
    return _checked(re, im, max(v[2] + grown + 3, -bits), bits)


def same(a: Ball, b: Ball, bits: int) -> bool:
    """Whether two balls overlap and are known to 100 significant bits. Raises MoreBits if they overlap and are not."""
    error = max(a[2], b[2])
    gap = size((libmp.mpf_sub(a[0], b[0], bits, NEAREST), libmp.mpf_sub(a[1] or ZERO, b[1] or ZERO, bits, NEAREST), 0))
    if gap > max(error, max(size(a), size(b)) - bits) + 6:
        return False
    largest = max(size(a), size(b))
    if error == LOG2_ZERO or error <= largest - 100:
        return True
    if largest <= error + 8 and error < -100:  # both are zero within their errors
        return True
    raise MoreBits(2 * bits)


def to_fraction(v: Ball) -> Fraction:
    """The centre of a real ball."""
    sign, mantissa, exponent, _ = v[0]
    value = Fraction(int(mantissa)) * (Fraction(2) ** int(exponent))
    return -value if sign else value
