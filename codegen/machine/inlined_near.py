"""Write elementary functions over vectors of doubles that are not large.

Comes in: a function's name and a number of lanes. Goes out: its definition, and up to
which size of its argument it holds: there are no ways to choose from, and what several
functions have in common is computed once. They are at most 4 units in the last place
off, as those of `inlined`, which are for all other numbers.

tanh(x) = -m/(2 + m) for m = exp(-2|x|) - 1, which is right to the last digits near 0:
it is 2**k*root*p + (2**k*root - 1), the root a sum of two numbers. Where sin and cos of
one number are wanted, both come from its distance to a multiple of pi/2, by polynomials
of FDLIBM's (Sun Microsystems, k_sin.c and k_cos.c).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from typing import TYPE_CHECKING

from overbar.codegen.machine import inlined
from overbar.codegen.machine.instructions import Value
from overbar.codegen.machine.writing import Doubles

if TYPE_CHECKING:
    from collections.abc import Callable

_EXP = (
    "0x1.0000000000001p-1", "0x1.5555555555556p-3", "0x1.55555554e93b7p-5",
    "0x1.11111110e1059p-7", "0x1.6c17ed5c1f49ep-10", "0x1.a01b0c3c80bbcp-13",
)  # fmt: skip
"""(exp(r) - 1 - r)/r**2 for |r| < log(2)/32, right to the last digit of exp(r) - 1."""
_SIN = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03,
    -1.98412698298579493134e-04, 2.75573137070700676789e-06,
    -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
"""(sin(r)/r - 1)/r**2 in powers of r**2 for |r| < pi/4."""
_COS = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03,
    2.48015872894767294178e-05, -2.75573143513906633035e-07,
    2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip
"""(cos(r) - 1 + r**2/2)/r**4 in powers of r**2."""
_HALF_PI = [(float.fromhex(part) / 2).hex() for part in inlined.PI]
_PER_HALF_PI = 2 * float.fromhex(inlined.TURN)
_SIGN = -(2**63)
_DIGITS = 50


@cache
def _lows() -> list[float]:
    """Return what the roots of 2 lack."""
    with localcontext(prec=_DIGITS):
        return [
            float(Decimal(2) ** (Decimal(i) / 16) - Decimal(root))
            for i, root in enumerate(inlined.ROOTS)
        ]


def _exp(code: Doubles, x: Value) -> Value:
    return _scaled(code, *inlined.root_of_power(code, *inlined.power(code, x, _EXP)))


def _scaled(code: Doubles, x: Value, folds: Value) -> Value:
    """Return x*2**folds, all of it far from overflow and underflow."""
    if code.lanes == 8:
        return inlined.scaled(code, x, folds)
    return code.operate("fmul", x, _power_of_2(code, folds))


def _power_of_2(code: Doubles, folds: Value) -> Value:
    """Return 2 to the floor of a power."""
    if code.lanes == 8:
        return inlined.scaled(code, code.number(1.0), folds)
    placed = code.operate("fadd", folds, code.number(float(2**52 + 1023)))
    shift = code.constant(52, "int64")
    return code.doubles(code.operate("shl", code.bits(placed), shift))


def _tanh(code: Doubles, x: Value) -> Value:
    size = code.intrinsic("fabs", x)
    twice = code.operate("fmul", size, code.number(-2.0))
    p, folds, placed = inlined.power(code, twice, _EXP)
    factor, one = _power_of_2(code, folds), code.number(-1.0)
    if code.lanes == 8:
        root = code.looked_up(inlined.ROOTS, placed)
        rest = code.fma(root, p, code.looked_up(_lows(), placed))
        whole = code.fma(root, factor, one)
    else:
        rest, whole = p, code.operate("fadd", factor, one)
    m = code.fma(rest, factor, whole)
    value = code.operate("fdiv", m, code.operate("fadd", m, code.number(2.0)))
    return code.intrinsic("copysign", value, x)


def _both(code: Doubles, x: Value) -> tuple[Value, Value, Value]:
    """Return sin and cos of the distance to a multiple of pi/2, and which it is."""
    placed = code.fma(x, code.number(_PER_HALF_PI), code.number(inlined.WHOLE))
    n = code.operate("fsub", placed, code.number(inlined.WHOLE))
    r = code.less(n, _HALF_PI, x)
    z = code.operate("fmul", r, r)
    rest = code.polynomial(z, _SIN)
    sin = code.fma(code.operate("fmul", r, z), rest, r)
    sin = code.intrinsic("copysign", sin, r)  # of -0 as well
    one = code.fma(z, code.number(-0.5), code.number(1.0))
    cos = code.fma(code.operate("fmul", z, z), code.polynomial(z, _COS), one)
    return sin, cos, code.bits(placed)


def _turned(code: Doubles, even: Value, odd: Value, n: Value, first: int) -> Value:
    """Return one of two by whether n is odd, its sign changed for two of four n."""
    last = code.operate("shl", n, code.constant(63, "int64"))
    zero = code.constant(0, "int64")
    swapped = code.operate("icmp slt", last, zero, dtype="bool")
    value = code.select(swapped, odd, even)
    if first:
        n = code.operate("add", n, code.constant(first, "int64"))
    turned = code.operate("shl", n, code.constant(62, "int64"))
    sign = code.operate("and", turned, code.constant(_SIGN, "int64"))
    return code.doubles(code.operate("xor", code.bits(value), sign))


def sin_and_cos(code: Doubles, x: Value) -> tuple[Value, Value]:
    """Write the sine and cosine of an angle that is not large."""
    sin, cos, n = _both(code, x)
    return _turned(code, sin, cos, n, 0), _turned(code, cos, sin, n, 1)


def _sin_of_both(code: Doubles, x: Value) -> Value:
    sin, cos, n = _both(code, x)
    return _turned(code, sin, cos, n, 0)


def _cos_of_both(code: Doubles, x: Value) -> Value:
    sin, cos, n = _both(code, x)
    return _turned(code, cos, sin, n, 1)


_WRITTEN: dict[str, tuple[Callable[[Doubles, Value], Value], float]] = {
    "exp": (_exp, 700.0), "tanh": (_tanh, 350.0),
    "sin": (inlined.near_sin, inlined.LARGEST_ANGLE),
    "cos": (inlined.near_cos, inlined.LARGEST_ANGLE),
    "sin with cos": (_sin_of_both, inlined.LARGEST_ANGLE),
    "cos with sin": (_cos_of_both, inlined.LARGEST_ANGLE),
}  # fmt: skip
PAIRS = {"sin": ("cos", "sin with cos"), "cos": ("sin", "cos with sin")}
"""Functions that have much in common with another one, and what they are with it."""


def available(name: str, lanes: int) -> bool:
    """Whether a function is written here, for such registers of this processor."""
    return name in _WRITTEN and inlined.available(name, lanes)


def largest(name: str) -> float:
    """Return up to which size of numbers a function holds."""
    return _WRITTEN[name][1]


def definition(name: str, lanes: int) -> tuple[list[str], str, str]:
    """Return declarations, the symbol and the definition of a function."""
    code = Doubles(lanes)
    found = _WRITTEN[name][0](code, Value("%x", "float64"))
    kind, symbol = code.kind("float64"), f'@"overbar.near.{name}"'
    text = (
        f"define internal {kind} {symbol}({kind} %x) alwaysinline #0 {{\n"
        f"{code.text()}\nret {kind} {found.text}\n}}"
    )
    return [*code.declared], symbol, text
