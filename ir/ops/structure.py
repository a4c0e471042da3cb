"""Rows of the ops that a graph is built from: inputs, constants, casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops.row import ATOM, LOOSEST, Notation, Op
from overbar.ir.ops.typing import number

if TYPE_CHECKING:
    from overbar.ir.graph import Node


def _to(dtype: str, x: Any) -> Any:
    return np.asarray(x).astype(dtype)[()]


def _back(g: Node, _out: Node, x: Node) -> Node | None:
    return g.graph.convert(g, x.type) if x.type.is_float else None


def _load(node: Node) -> Notation:
    places = ", ".join(f"{{{i}}}" for i in range(1, len(node.args)))
    return Notation(f"{{0}}[{places}]" if places else "{0}", ATOM, (ATOM, LOOSEST))


ROWS = (
    Op(name="load", arity=None, typing=None, python=_load, text=_load, cost=0,
       accuracy="an element of an array: made by the schedule alone"),
    Op(name="input", arity=0, typing=None, cost=0, text=Notation("{a}", ATOM)),
    Op(name="const", arity=0, typing=None, cost=0, exact=True),
    Op(
        name="copy", numpy=lambda _name, x: x, mp=lambda _m, _name, x: x, cost=0,
        partials=(lambda out, x: 1.0,), python=Notation("{0}", LOOSEST),
        text=Notation("{0}", LOOSEST), latex=Notation("{0}", LOOSEST), typing=number,
        accuracy="a second name of a value, so that every adjoint has its own",
    ),
    Op(
        name="cast", typing=None, numpy=_to, mp=lambda m, _dtype, x: m.mpf(x), cost=0,
        python=Notation("np.float64({0})"), text=Notation("[{0}]"),
        latex=Notation(r"\left[{0}\right]"), transposes=(_back,),
    ),
)  # fmt: skip
