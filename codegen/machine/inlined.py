"""Write elementary functions over vectors of doubles, to be put in place of calls.

Comes in: a function's name and a number of lanes. Goes out: its definition. Values stay
in registers around it, and what several functions compute is computed once. Results are
at most 4 units in the last place off. Where that takes more than a few instructions, as
for very large angles, a library's function is called and taken in the lanes concerned.

exp(x) = 2**n*exp(r) and sin(x) = (-1)**n*sin(r), n whole, r small, by polynomials that
are within 4e-17 of the truth there; log(x) by a table and log(1 + r). tanh is a
quotient of exponentials, near 0 of polynomials (Moshier's, in Cephes).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from overbar.codegen.machine.instructions import Value
from overbar.codegen.machine.target import features
from overbar.codegen.machine.writing import Doubles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EXP = (
    "0x1.0000000000001p-1", "0x1.5555555555556p-3", "0x1.5555555553d63p-5",
    "0x1.11111111109b3p-7", "0x1.6c16c1788bd90p-10", "0x1.a01a01a7c41d5p-13",
    "0x1.a019b90d2ae7ap-16", "0x1.71de0dae63bb3p-19", "0x1.289185613a3d6p-22",
    "0x1.af38a9b0ec855p-26",
)  # fmt: skip
"""(exp(r) - 1 - r)/r**2 for |r| < log(2)/2, lowest power first."""
_EXP_NEAR = (
    "0x1.0000000000000p-1", "0x1.55555554dd2c3p-3", "0x1.555555551940dp-5",
    "0x1.11120b10997fdp-7", "0x1.6c17bb6b89d39p-10",
)  # fmt: skip
"""The same for |r| < log(2)/32."""
_SIN = (
    "-0x1.5555555555555p-3", "0x1.1111111111107p-7", "-0x1.a01a01a018aa6p-13",
    "0x1.71de3a54562a8p-19", "-0x1.ae6455a1a9e7ep-26", "0x1.6124014cbe2fcp-33",
    "-0x1.ae513415aadccp-41", "0x1.89a3f16388edcp-49",
)  # fmt: skip
"""(sin(r)/r - 1)/r**2 in powers of r**2 for |r| < pi/2."""
_LOG = (
    "-0x1.0000000000000p-1", "0x1.5555555554f94p-2", "-0x1.ffffffffff573p-3",
    "0x1.999999aa46661p-3", "-0x1.555555649e9bfp-3", "0x1.2491e0d067e9ep-3",
    "-0x1.ffff40b8a4a46p-4", "0x1.c8ffb5da9f850p-4", "-0x1.9b549c3592bffp-4",
)  # fmt: skip
"""(log(1 + r) - r)/r**2 for |r| < 0.0474, lowest power first."""
_TANH_OVER = (-1.61468768441708447952e3, -9.92877231001918586564e1,
              -9.64399179425052238628e-1)  # fmt: skip
_TANH_UNDER = (4.84406305325125486048e3, 2.23548839060100448583e3,
               1.12811678491632931402e2, 1.0)  # fmt: skip
"""tanh(x)/x - 1 is x**2 times the first over the second, in powers of x**2."""
PI = ("0x1.921fb54442d18p+1", "0x1.1a62633145c06p-53", "0x1.c1cd129024e09p-106")
_LOG2 = ("0x1.62e42fefa39efp-1", "0x1.abc9e3b39803fp-56")
"""pi and log(2) as sums, the largest part first; all positive, so that -0 stays -0."""
TURN, _FOLD = "0x1.45f306dc9c883p-2", "0x1.71547652b82fep+0"
"""1/pi and 1/log(2)."""
_LARGEST_EXP = 750.0
"""Of larger numbers, exponentials are infinite or 0."""
LARGEST_ANGLE = 1e6
_LARGEST_CURVE = 0.625
"""Up to which tanh is a quotient of polynomials."""
WHOLE, _SIXTEENTHS = "0x1.8p52", "0x1.8p48"
"""Numbers so large that with another one added, only so much of it is left."""
ROOTS = [2 ** (i / 16) for i in range(16)]
"""Powers of 2 between 1 and 2."""
_LOGS = [-math.log((i if i > 8 else i + 16) / 16) for i in range(16)]
"""-log(c) for c from 9/16 to 24/16, by the last digits of c as a binary number."""


def _exp(code: Doubles, x: Value) -> Value:
    for sign, test in ((1.0, "ogt"), (-1.0, "olt")):
        end = code.number(sign * _LARGEST_EXP)
        x = code.select(code.compare(test, x, end), end, x)
    return scaled(code, *root_of_power(code, *power(code, x)))


def power(
    code: Doubles, x: Value, near: Sequence[str] = _EXP_NEAR
) -> tuple[Value, Value, Value]:
    """Return p, k and places with exp(x) = 2**k*root*(1 + p).

    With 8 lanes the root of 2 is one of a table, by the places, and p is by the
    polynomial for numbers near 0; else the root is 1.
    """
    wide = code.lanes == 8
    parts, terms = (16, near) if wide else (1, _EXP)
    per_fold = code.number(float.fromhex(_FOLD) * parts)
    if wide:
        placed = code.fma(x, per_fold, code.number(WHOLE))
        n = code.operate("fsub", placed, code.number(WHOLE))
    else:
        placed = n = code.intrinsic("rint", code.operate("fmul", x, per_fold))
    r = code.less(n, [(float.fromhex(part) / parts).hex() for part in _LOG2], x)
    square = code.operate("fmul", r, r)
    p = code.fma(square, code.polynomial(r, terms), r)
    return p, code.operate("fmul", n, code.number(1 / 16)) if wide else n, placed


def root_of_power(
    code: Doubles, p: Value, folds: Value, placed: Value
) -> tuple[Value, Value]:
    """Return root*(1 + p) and k, for what `power` gives."""
    if code.lanes != 8:
        return code.operate("fadd", p, code.number(1.0)), folds
    root = code.looked_up(ROOTS, placed)
    return code.fma(root, p, root), folds


def scaled(code: Doubles, x: Value, n: Value) -> Value:
    """Return x*2**n, rounded once or twice where it is below all normal numbers."""
    if code.lanes == 8:
        kind, symbol = code.kind("float64"), "@llvm.x86.avx512.mask.scalef.pd.512"
        line = f"declare {kind} {symbol}({kind}, {kind}, {kind}, i8, i32)"
        code.declared[line] = None
        given = f"{kind} {x.text}, {kind} {n.text}, {kind} {x.text}, i8 -1, i32 4"
        return code.make(f"call {kind} {symbol}({given})", "float64")
    half = code.intrinsic("floor", code.operate("fmul", n, code.number(0.5)))
    for part in (half, code.operate("fsub", n, half)):
        whole = code.bits(code.operate("fadd", part, code.number(float(2**52 + 1023))))
        factor = code.doubles(code.operate("shl", whole, code.constant(52, "int64")))
        x = code.operate("fmul", x, factor)
    return x


def _log(code: Doubles, x: Value) -> Value:
    far, rest = _logarithm(code, x)
    return code.operate("fadd", far, rest)


def _logarithm(code: Doubles, x: Value) -> tuple[Value, Value]:
    """Write log(x) = k*log(2) - log(c) + log(1 + r), c near 2**k/x, of few digits.

    Returned are the first two terms, and the rest.
    """
    m = code.avx512("getmant", x, "i32 11")  # from 3/4 to 3/2, NaN for a negative x
    k = code.operate("fsub", code.avx512("getexp", x), code.avx512("getexp", m))
    placed = code.operate("fadd", code.reciprocal(m), code.number(_SIXTEENTHS))
    c = code.operate("fsub", placed, code.number(_SIXTEENTHS))
    r = code.fma(m, c, code.number(-1.0))
    far = code.fma(k, code.number(_LOG2[0]), code.looked_up(_LOGS, placed))
    rest = code.fma(code.operate("fmul", r, r), code.polynomial(r, _LOG), r)
    return far, code.fma(k, code.number(_LOG2[1]), rest)


def _log1p(code: Doubles, x: Value) -> Value:
    """Write log(1 + x) = log(u) + e/u, e what u = 1 + x was rounded by.

    Of a small x all digits of e/u count: it is e - e*(u - 1)/u.
    """
    one = code.number(1.0)
    u = code.operate("fadd", one, x)
    part = code.operate("fsub", u, one)
    e = code.operate("fsub", one, code.operate("fsub", u, part))
    e = code.operate("fadd", e, code.operate("fsub", x, part))
    far, rest = _logarithm(code, u)
    whole = code.operate("fadd", far, rest)
    turned = code.reciprocal(u)
    small = code.compare("olt", code.intrinsic("fabs", x), one)
    near = code.fma(code.operate("fneg", part), turned, one)
    finer = code.fma(e, code.select(small, near, turned), rest)
    size = code.intrinsic("fabs", whole)
    finite = code.compare("olt", size, code.number(math.inf))
    value = code.select(finite, code.operate("fadd", far, finer), whole)
    return code.intrinsic("copysign", value, x)  # of -0 as well


def _tanh(code: Doubles, x: Value) -> Value:
    size = code.intrinsic("fabs", x)
    root = _exp(code, code.operate("fneg", size))
    e, one = code.operate("fmul", root, root), code.number(1.0)
    z = code.operate("fmul", x, x)
    over = code.operate("fmul", z, code.polynomial(z, _TANH_OVER))
    near = code.compare("olt", size, code.number(_LARGEST_CURVE))
    over = code.select(near, over, code.operate("fsub", one, e))
    under = code.polynomial(z, _TANH_UNDER)
    under = code.select(near, under, code.operate("fadd", one, e))
    whole = code.operate("fdiv", over, under)
    curve = code.fma(size, whole, size)
    return code.intrinsic("copysign", code.select(near, curve, whole), x)


def _sine(code: Doubles, x: Value, turns: Value, whole: Value) -> Value:
    """Return sin(x - pi*turns), its sign changed for an odd number."""
    r = code.less(turns, PI, x)
    z = code.operate("fmul", r, r)
    rest = code.polynomial(z, _SIN)
    value = code.fma(code.operate("fmul", r, z), rest, r)
    value = code.intrinsic("copysign", value, r)  # of -0 as well
    odd = code.operate("shl", code.bits(whole), code.constant(63, "int64"))
    return code.doubles(code.operate("xor", code.bits(value), odd))


def near_sin(code: Doubles, x: Value) -> Value:
    """Write the sine of an angle that is not large."""
    whole = code.fma(x, code.number(TURN), code.number(WHOLE))
    turns = code.operate("fsub", whole, code.number(WHOLE))
    return _sine(code, x, turns, whole)


def near_cos(code: Doubles, x: Value) -> Value:
    """Write the cosine of an angle that is not large."""
    quarter = code.fma(x, code.number(TURN), code.number(0.5))
    whole = code.operate("fadd", quarter, code.number(WHOLE))
    turns = code.operate("fsub", whole, code.number(WHOLE))
    turns = code.operate("fsub", turns, code.number(0.5))
    return _sine(code, x, turns, whole)


def _sin(code: Doubles, x: Value) -> Value:
    return _near(code, x, near_sin(code, x), "sin")


def _cos(code: Doubles, x: Value) -> Value:
    return _near(code, x, near_cos(code, x), "cos")


def _near(code: Doubles, x: Value, value: Value, name: str) -> Value:
    return unless_far(code, x, [value], [f"@{_far(name)}"], "preserve_allcc ")[0]


def unless_far(
    code: Doubles,
    x: Value,
    values: Sequence[Value],
    symbols: Sequence[str],
    convention: str = "",
) -> list[Value]:
    """Return values where x is no large angle, else what other functions give."""
    size = code.intrinsic("fabs", x)
    far = code.compare("ugt", size, code.number(LARGEST_ANGLE))
    bits = f"i{code.lanes}"
    some = code.make(f"bitcast {code.kind('bool')} {far.text} to {bits}", "bool")
    some = code.make(f"icmp ne {bits} {some.text}, 0", "bool")
    aside, after = code.label(), code.label()
    first = code.fork(some, aside, after)
    code.start(aside)
    kind = code.kind("float64")
    calls = [f"call {convention}{kind} {s}({kind} {x.text})" for s in symbols]
    chosen = [
        code.select(far, code.make(call, "float64"), value)
        for call, value in zip(calls, values, strict=True)
    ]
    edges = [first, code.jump(after)]
    code.start(after)
    return [
        code.make(code.choice(edges, [value, other], "float64"), "float64")
        for value, other in zip(values, chosen, strict=True)
    ]


def _far(name: str) -> str:
    return f'"overbar.far.{name}"'


_WRITTEN: dict[str, Callable[[Doubles, Value], Value]] = {
    "exp": _exp, "log": _log, "log1p": _log1p, "sin": _sin, "cos": _cos, "tanh": _tanh,
}  # fmt: skip
_FAR, _WIDE = {"sin", "cos"}, {"log", "log1p"}
"""Functions that call the library now and then; those for AVX-512 alone."""


def available(name: str, lanes: int) -> bool:
    """Whether a function is written here, for such registers of this processor."""
    fast = features().get("avx512f" if lanes == 8 else "fma", False)
    return name in _WRITTEN and lanes >= (8 if name in _WIDE else 4) and bool(fast)


def definition(
    name: str, symbol: str, lanes: int, library: str
) -> tuple[list[str], list[str]]:
    """Return declarations and definitions of a function.

    library: the symbol of a library's function of that name.
    """
    code = Doubles(lanes)
    found = _WRITTEN[name](code, Value("%x", "float64"))
    kind = code.kind("float64")
    text = (
        f"define internal {kind} @{symbol}({kind} %x) alwaysinline #0 {{\n"
        f"{code.text()}\nret {kind} {found.text}\n}}"
    )
    if name not in _FAR:
        return [*code.declared], [text]
    pure = "nounwind willreturn memory(none)"
    aside = (
        f"define internal preserve_allcc {kind} @{_far(name)}({kind} %x) "
        f"noinline cold #0 {{\n%y = call {kind} @{library}({kind} %x)\n"
        f"ret {kind} %y\n}}"
    )
    declared = f"declare {kind} @{library}({kind}) {pure}"
    return [*code.declared, declared], [aside, text]
