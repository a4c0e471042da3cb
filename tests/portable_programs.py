# ruff: noqa: RET505 - as users write
"""Hold functions that use all of the Python that machine code can be made of.

As users write them; each takes x and y.
"""

import math

import numpy as np


def whole_numbers(x, y):
    """Use integers: signs, remainders, quotients, powers, absolute values."""
    n = int(max(min(x, 1e6), -1e6)) if x == x else 3
    m = int(max(min(y, 1e6), -1e6)) if y == y else -4
    total = n % 7 + n % -5 + 10 * (m // 3) - m // -4 + n % m + n // m
    total += abs(n - m) * n**2 + max(n, m, 5) - min(n, 0) - -m + (n * m) ** 3
    total -= n % 0 + 7 // (n - n)
    return total + n / 3 if n < m else total


def remainders(x, y):
    """Use remainders and quotients of floats."""
    return x % y + (x // y) * (-x % 3.0) - 7.5 // y


def rounded_remainders(x, y):
    """Use remainders and quotients of what has single precision."""
    a = np.float32(x)
    b = np.float32(y)
    return a % b if a > b else a // b


def literal_powers(x, y):
    """Use powers with literal exponents, whole or not, and of two variables."""
    whole = x**5 + (y * y + 1.0) ** -3 + (x * y) ** 1 + x**0
    return whole + 2.0**0.5 * abs(y) ** 1.25 + 3.0**y


def counted(x, y):
    """Use nested loops over ranges, and what their variables are afterwards."""
    k = 7
    total = 0
    for i in range(5):
        for j in range(i, -2, -1):
            if j == 3:
                continue
            total += i * x - j
            if total > 1e3:
                break
        for k in range(i):
            total += k
    return total * y + k


def until(x, y):
    """Use loops that are left in the middle, from within branches."""
    steps = 0
    a = abs(x)
    while True:
        if not a > 1.0 or steps >= 50:
            break
        a *= 0.5
        steps += 1
        if steps == 3:
            a += y
            continue
        if steps == 20:
            return a + y
    return steps + a


def becoming(x, y):
    """Use variables that are integers first and floats later."""
    t = 1
    s = x
    while s > 2.0 and t < 40:
        s = np.sqrt(s)
        t += 0.5
    if y > 0.0:
        n = 3
    elif y < -1.0:
        n = y
    else:
        n = 2.5
    return t * n + s


def pairs(x, y):
    """Use tuples: swapped, chosen, taken apart."""
    a, b = x, y
    if not a < b:
        a, b = b, a
    p = (a, 2) if x > 1.0 else (b, y)
    c = d = p[0] + p[-1]
    return c * d + p[1]


def conditions(x, y):
    """Use conditions: chained, joined, compared, kept in variables."""
    inside = -1.0 < x <= 2.0 != y and not (y < x < 5.0 or np.isnan(y))
    beyond = x > 3.0
    same = inside == beyond
    if same != (y > 0.5):
        return 1.5
    else:
        z = x if inside or beyond else -y
    return np.float64(same) + z


def listed(x, y):
    """Use a loop over literals, with branches inside."""
    total = 0.0
    for c in (0.5, -1.0 / 3.0, 2.0**-3, 1e3):
        t = c * x
        if t > 100.0:
            return total - t
        if t > y:
            total = total * x + c
    return total


def extremes(x, y):
    """Use Python's and NumPy's extrema, which treat NaN and zeros in their own ways."""
    a = max(x, y) - min(y, x, 1) + max(x, 0, y)
    b = np.maximum(x, y) + np.minimum(x, -y)
    c = np.fmax(x, y) - np.fmin(y, x)
    d = np.copysign(1.0, max(-0.0, x)) + np.copysign(1.0, np.maximum(0.0, -y))
    return a if x > y else b if d > 1.0 else c


def spelled(x, y):
    """Use conversions, constants and a docstring."""
    """Another text."""
    pass  # noqa: PIE790 - that it is understood
    a = float(x) + np.float64(2) + np.float32(0.1)
    b = math.pi * math.e + np.pi - math.tau
    return a * b if math.isfinite(y) else +math.inf if y > 0.0 else -np.inf


PROGRAMS = (
    whole_numbers, remainders, rounded_remainders, literal_powers, counted, until,
    becoming, pairs, conditions, listed, extremes, spelled,
)  # fmt: skip


def recursive(x):
    """Call itself."""
    return recursive(x - 1.0) if x > 1.0 else x


def unfinished(x):  # noqa: RET503 - what is refused
    """Return nothing on one path."""
    if x > 0.0:
        return x


def unset(x):
    """Read a variable that has no value on one path."""
    if x > 0.0:
        t = 1.0
    return t * x


def mixed(x):
    """Return a number or a condition."""
    return x if x > 0.0 else x < 1.0


def global_number(x):
    """Read a variable of the module."""
    return x + len(PROGRAMS)


def text(x):
    """Return no number."""
    return "x" if x > 0.0 else "y"


def unknown(x):
    """Call what is none of libm's."""
    return math.gamma(x)


def keyword(x):
    """Call with a keyword."""
    return np.exp(x=x)


def many(x):
    """Return several numbers."""
    return x, x


def large(x):
    """Use an integer that does not fit."""
    return x + 2**70


def truth(x):
    """Take a number for a condition."""
    return 1.0 if x else 2.0


def array(x):
    """Make an array."""
    return np.zeros(3)[0] + x


def caught(x):
    """Use a statement of another kind."""
    try:
        return x
    finally:
        x = 1.0


def stepped(x):
    """Count in steps of two."""
    for i in range(0, 10, 2):
        x += i
    return x


REFUSED = {
    recursive: "recursion", unfinished: "on every path in unfinished, found none",
    unset: "every path in unset, found t", mixed: "found float64 or bool",
    global_number: "found PROGRAMS", text: "found 'x'", unknown: "found math.gamma",
    keyword: "plain arguments", many: "one number from many, found several",
    large: "found '2 ** 70'",
    truth: "condition in truth, found x", array: "found np.zeros",
    caught: "plain statements in caught, found try:", stepped: "by 1 or -1",
}  # fmt: skip
