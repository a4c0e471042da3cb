"""Rows of ops with kinks and jumps, and of the choice between two values.

A kink's derivative follows the graph's convention (`kinks=` of `ob.compile`): "half"
shares equally among tied operands, "left" and "right" are each operand's one-sided
derivative, "zero" is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases, plain, portable
from overbar.ir.ops.row import (
    REAL,
    TERNARY,
    Notation,
    Op,
    apply,
    call,
    indicator,
    vectorised,
)
from overbar.ir.ops.typing import choice, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node

CONVENTIONS = ("half", "left", "right", "zero")
_TIE = {"half": 0.5, "left": 0.0, "right": 1.0, "zero": 0.0}
"""Slope of max at a tie: falling, an operand stops mattering; rising, it rules."""
_TIE_MIN = _TIE | {"left": 1.0, "right": 0.0}
_AT_ZERO = {"left": -1.0, "right": 1.0}


def _abs_slope(out: Node, x: Node) -> Node:
    sign = apply("sign", x)
    side = _AT_ZERO.get(out.graph.kinks)
    return sign if side is None else apply("select", apply("eq", x, 0.0), side, sign)


def _share(ties: dict[str, float], order: Callable[..., Node]) -> Callable[..., Node]:
    """Return the partial of an n-ary max or min in its operand i."""

    def partial(i: int, out: Node, *args: Node) -> Node:
        tie = ties[out.graph.kinks]
        if len(args) == 2:
            return order(args[i], args[1 - i], tie)
        hits = [indicator(apply("eq", a, out)) for a in args]
        count = hits[0]
        for hit in hits[1:]:
            count = count + hit
        if tie == 0.5:
            return hits[i] / count
        alone = apply("eq", count, 1.0)
        return apply("select", alone, hits[i], tie * hits[i])

    return partial


def _extremum(name: str, ties: dict[str, float], order: Callable[..., Node]) -> Op:
    def pick(m: Any, *args: Any) -> Any:
        lost = any(a != a for a in args)
        return m.nan if lost else (max if name == "max" else min)(args)

    ufunc = getattr(np, f"{name}imum")
    return Op(
        name=name, arity=None, typing=number, commutative=True, parsed=True,
        partials=_share(ties, order), domain=(REAL, REAL),
        numpy=lambda *args: _reduce(ufunc, args), mp=pick,
        python=Notation(f"np.{name}imum({{0}}, {{1}})", fold=True),
        text=call(name), latex=Notation(rf"\{name}\left({{args}}\right)"),
        llvm=f"{name}imum", kink="{args} tie",
    )  # fmt: skip


def _reduce(ufunc: Any, args: tuple[Any, ...]) -> Any:
    whole = args[0]
    for a in args[1:]:
        whole = ufunc(whole, a)
    return whole


def _jump(
    name: str, python: str, where: str, latex: str, mp: Any, llvm: Any = None
) -> Op:
    """Return the row of a piecewise constant function of one variable."""
    return Op(
        name=name, numpy=getattr(np, python), mp=mp, python=call(f"np.{python}"),
        text=call(name), latex=Notation(latex), llvm=llvm or python, kink=where,
        parsed=True,
    )  # fmt: skip


def _sign_mp(m: Any, x: Any) -> Any:
    return m.sign(x) if x == x else x


def _step_mp(m: Any, tie: float, x: Any, y: Any) -> Any:
    if x != x or y != y:
        return m.nan
    return m.mpf(1 if x > y else 0 if x < y else tie)


def _heaviside_mp(m: Any, x: Any, h: Any) -> Any:
    if x != x:
        return x
    return h if x == 0 else m.mpf(1 if x > 0 else 0)


def _step(x: Node, y: Node, tie: float) -> Node:
    return apply("step", x, y, attrs=(tie,))


ROWS = (
    Op(
        name="select", arity=3, typing=choice, domain=(REAL, REAL, REAL), llvm="select",
        phrases=phrases.OF_SELECT,
        transposes=(
            None,
            lambda g, out, c, x, y: apply("select", c, g, 0.0),
            lambda g, out, c, x, y: apply("select", c, 0.0, g),
        ),
        numpy=np.where, mp=lambda m, c, x, y: x if c else y, chooses=True,
        python=Notation("{1} if {0} else {2}", TERNARY, (2, 2, TERNARY)),
        text=Notation("{1} if {0} else {2}", TERNARY, (2, 2, TERNARY)),
        latex=Notation(r"\begin{{cases}} {1} & \text{{if }} {0} \\"
                       r" {2} & \text{{otherwise}} \end{{cases}}", TERNARY, (0,)),
    ),
    Op(
        name="abs", typing=number, partials=(_abs_slope,), parsed=True, exact=True,
        numpy=np.abs, mp=lambda m, x: abs(x), python=call("abs"), text=call("abs"),
        latex=Notation(r"\left|{0}\right|"), llvm="fabs", kink="{0} = 0",
    ),
    _extremum("max", _TIE, _step),
    _extremum("min", _TIE_MIN, lambda x, y, tie: _step(y, x, tie)),
    Op(
        name="step", arity=2, helper=portable.step,
        numpy=vectorised(lambda tie, x, y: portable.step(x, y, tie)),
        mp=_step_mp, domain=(REAL, REAL),
        python=Notation("step({0}, {1}, {a})"),
        text=Notation("[{0} > {1}]", operands=(7,)),
        latex=Notation(r"\left[{0} > {1}\right]", operands=(7,)),
        accuracy="1 where x > y, 0 where x < y, the given slope at a tie",
    ),
    _jump("sign", "sign", "{0} = 0 (jump)", r"\operatorname{{sign}}\left({0}\right)",
          _sign_mp, plain.sign),
    _jump("floor", "floor", "{0} is an integer (jump)",
          r"\left\lfloor {0} \right\rfloor", lambda m, x: m.floor(x)),
    _jump("ceil", "ceil", "{0} is an integer (jump)", r"\left\lceil {0} \right\rceil",
          lambda m, x: m.ceil(x)),
    _jump("trunc", "trunc", "{0} is an integer (jump)",
          r"\operatorname{{trunc}}\left({0}\right)",
          lambda m, x: m.floor(x) if x > 0 else m.ceil(x)),
    _jump("round", "rint", "{0} is halfway between integers (jump)",
          r"\operatorname{{round}}\left({0}\right)", lambda m, x: m.nint(x)),
    Op(
        name="heaviside", arity=2, numpy=np.heaviside, helper=portable.heaviside,
        mp=_heaviside_mp, python=call("heaviside"), text=call("heaviside"),
        latex=Notation(r"H\left({0}\right)"), domain=(REAL, REAL), parsed=True,
        kink="{0} = 0 (jump)", partials=(
            None, lambda out, x, h: indicator(apply("eq", x, 0.0)),
        ),
    ),
    Op(
        name="relu", parsed=True, helper=portable.relu, numpy=vectorised(portable.relu),
        partials=(lambda out, x: _step(x, out.graph.const(0.0), 0.0),),
        mp=lambda m, x: x if x != x or x > 0 else m.mpf(0),
        python=call("relu"), text=call("relu"), kink="{0} = 0 (left)",
        latex=Notation(r"\operatorname{{ReLU}}\left({0}\right)"),
    ),
    Op(
        name="prelu", arity=2, parsed=True, helper=portable.prelu,
        numpy=vectorised(portable.prelu), domain=(REAL, REAL),
        partials=(
            lambda out, x, a: apply("select", apply("gt", x, 0.0), 1.0, a),
            lambda out, x, a: apply("select", apply("gt", x, 0.0), 0.0, x),
        ),
        mp=lambda m, x, a: x if x > 0 else a * x,
        python=call("prelu"), text=call("prelu"), kink="{0} = 0 (left)",
        latex=Notation(r"\operatorname{{PReLU}}\left({0}, {1}\right)"),
        accuracy="leaky_relu(x, a) is the same op; left slope a at 0",
    ),
)  # fmt: skip
