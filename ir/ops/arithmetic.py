"""Rows of arithmetic: sums, products, quotients, powers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases, plain, portable
from overbar.ir.ops.row import (
    ENTRYWISE,
    LOOSEST,
    POSITIVE,
    POWER,
    PRODUCT,
    REAL,
    SUM,
    UNARY,
    Notation,
    Op,
    apply,
    call,
    entrywise,
    infix,
    scaling,
    vectorised,
)
from overbar.ir.ops.typing import number, real

if TYPE_CHECKING:
    from overbar.ir.graph import Node


MODULO = PRODUCT - 1
"""On paper a*(x mod y) needs its parentheses, as a*x*y does not."""

LARGEST_PRODUCT = 64
"""Exponents up to this are printed as products, larger ones call the helper."""


def integer_power(x: Any, n: int) -> Any:
    """Return x**n as a product, by squaring: numbers, arrays and nodes alike.

    The order of the products is part of the contract: every backend multiplies so.
    """
    power, base, left = None, x, abs(n)
    while left:
        if left & 1:
            power = base if power is None else power * base
        left >>= 1
        if left:
            base = base * base
    if power is None:
        return x * 0 + 1
    return 1 / power if n < 0 else power


def _power_mp(m: Any, n: int, x: Any) -> Any:
    if x == 0 and n < 0:
        return m.inf
    return m.power(x, n) if n else m.mpf(1)


def _unroll(out: Node, x: Node) -> Node | None:
    n = out.attrs[0]
    return integer_power(x, n) if abs(n) <= LARGEST_PRODUCT else None


def _power_slope(out: Node, x: Node) -> Node:
    n = out.attrs[0]
    return n * apply("powi", x, attrs=(n - 1,)) if n != 2 else 2 * x


def _divide_mp(m: Any, x: Any, y: Any) -> Any:
    if y != 0 or x != x:
        return x / y
    return m.nan if x == 0 else m.sign(x) * m.inf


ROWS = (
    Op(
        name="add", arity=2, typing=number, commutative=True, exact=True,
        phrases=phrases.OF_ADD,
        domain=(REAL, REAL), llvm="fadd",
        partials=(lambda out, x, y: 1.0, lambda out, x, y: 1.0),
        numpy=np.add, mp=lambda m, x, y: x + y,
        python=infix(" + ", SUM), text=infix(" + ", SUM), latex=infix(" + ", SUM),
    ),
    Op(
        name="sub", arity=2, typing=number, exact=True,
        domain=(REAL, REAL), llvm="fsub",
        partials=(lambda out, x, y: 1.0, lambda out, x, y: -1.0),
        numpy=np.subtract, mp=lambda m, x, y: x - y,
        python=infix(" - ", SUM), text=infix(" - ", SUM), latex=infix(" - ", SUM),
    ),
    Op(
        name="neg", typing=number, exact=True, llvm="fneg", vanishes=(0,),
        partials=(lambda out, x: -1.0,),
        numpy=np.negative, mp=lambda m, x: -x,
        python=Notation("-{0}", UNARY, (UNARY,)),
        text=Notation("-{0}", SUM, (PRODUCT,)),
        latex=Notation("-{0}", SUM, (PRODUCT,)),
    ),
    Op(
        name="mul", arity=2, typing=number, commutative=True, exact=True,
        domain=(REAL, REAL), llvm="fmul", vanishes=(0, 1),
        partials=(lambda out, x, y: y, lambda out, x, y: x),
        numpy=np.multiply, mp=lambda m, x, y: x * y,
        python=infix("*", PRODUCT), text=Notation("{0}*{1}", PRODUCT, (PRODUCT,)),
        latex=scaling,
    ),
    Op(
        name="div", arity=2, typing=real, exact=True, domain=(REAL, REAL), llvm="fdiv",
        vanishes=(0,),
        partials=(lambda out, x, y: 1.0 / y, lambda out, x, y: -(1.0 / y * out)),
        numpy=np.divide, mp=_divide_mp,
        python=infix("/", PRODUCT), text=infix("/", PRODUCT),
        latex=entrywise(
            Notation(r"\frac{{{0}}}{{{1}}}", UNARY, (LOOSEST,)),
            Notation(r"{0} \oslash {1}", ENTRYWISE - 1, (ENTRYWISE - 1, ENTRYWISE)),
        ),
    ),
    Op(
        name="amul", arity=2, typing=real, singular=True, domain=(REAL, REAL),
        partials=(lambda out, g, p: p, lambda out, g, p: g),
        products=(
            lambda t, out, g, p: apply("amul", t, p),
            lambda t, out, g, p: apply("amul", g, t),
        ),
        numpy=vectorised(portable.amul), helper=portable.amul,
        mp=lambda m, g, p: g * p if g or p != p else g,
        python=call("amul"), text=infix("*", PRODUCT),
        latex=scaling,
        accuracy="g*p, but 0 where g is 0: the adjoint of what is not used is 0",
    ),
    Op(
        name="powi", typing=number,
        partials=(_power_slope,),
        numpy=lambda n, x: integer_power(np.asarray(x)[()], n), mp=_power_mp,
        helper=portable.pow_int, lower=_unroll, cost=2,
        python=Notation("pow_int({0}, {a})"),
        text=Notation("{0}**{a}", POWER, (POWER + 1,)),
        latex=entrywise(
            Notation("{0}^{{{a}}}", POWER, (POWER + 1,)),
            Notation(r"{0}^{{\odot {a}}}", POWER, (POWER + 1,)),
        ),
    ),
    Op(
        name="pow", arity=2, typing=real, singular=True, domain=(POSITIVE, REAL),
        llvm="pow", vector="pow", cost=20,
        partials=(
            lambda out, x, y: y * apply("pow", x, y - 1.0),
            lambda out, x, y: apply("xlogy", out, x),
        ),
        numpy=np.power, mp=lambda m, x, y: m.power(x, y),
        python=Notation("{0}**{1}", POWER, (POWER + 1, UNARY)),
        text=Notation("{0}**{1}", POWER, (POWER + 1, UNARY)),
        latex=lambda n: Notation(
            r"{0}^{{\odot {1}}}" if n.type.shape else "{0}^{{{1}}}",
            POWER, (POWER + 1, 0),
        ),
    ),
    Op(
        name="mod", arity=2, typing=number, domain=(REAL, REAL), cost=10,
        llvm=plain.modulo,
        partials=(
            lambda out, x, y: 1.0,
            lambda out, x, y: -apply("floordiv", x, y),  # x/y may round up
        ),
        numpy=np.mod, mp=lambda m, x, y: x % y if y else m.nan,
        python=infix(" % ", PRODUCT),
        text=Notation("{0} % {1}", MODULO, (PRODUCT, PRODUCT + 1)),
        latex=Notation(r"{0} \bmod {1}", SUM - 1, (PRODUCT, PRODUCT + 1)),
        kink="{0} is a multiple of {1} (jump)", parsed=True,
    ),
    Op(
        name="floordiv", arity=2, typing=number, domain=(REAL, REAL), cost=10,
        llvm=plain.floor_quotient,
        numpy=np.floor_divide,
        mp=lambda m, x, y: m.nint((x - x % y) / y) if y else m.nan,
        python=infix("//", PRODUCT),
        text=Notation("{0}//{1}", MODULO, (PRODUCT, PRODUCT + 1)),
        latex=Notation(r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor"),
        kink="{0} is a multiple of {1} (jump)",
    ),
)  # fmt: skip
