"""Rows of the ops that a graph is built from: inputs, constants, casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.ops import phrases
from overbar.ir.ops.row import ATOM, LOOSEST, Notation, Op, call
from overbar.ir.ops.typing import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed


def _to(dtype: str, x: Any) -> Any:
    return np.asarray(x).astype(dtype)[()]


def _back(g: Node, _out: Node, x: Node) -> Node | None:
    return g.graph.convert(g, x.type) if x.type.is_float else None


def _load(node: Node) -> Notation:
    places = ", ".join(f"{{{i}}}" for i in range(1, len(node.args)))
    return Notation(f"{{0}}[{places}]" if places else "{0}", ATOM, (ATOM, LOOSEST))


def _constant(
    _graph: Graph, _name: str, args: Sequence[Node], attrs: tuple[Any, ...]
) -> Typed:
    return args, attrs[0].type


def _constant_latex(node: Node) -> Notation:
    """Write a short list as it is, of anything larger the shape."""
    shown = repr(node.attrs[0])
    if shown.startswith("["):
        return Notation(rf"\left{shown[:-1]}\right]", ATOM)
    shape = r" \times ".join(map(str, node.type.shape))
    return Notation(rf"\mathrm{{{{array}}}}_{{{{{shape}}}}}", ATOM)


ROWS = (
    Op(name="load", arity=None, typing=None, python=_load, text=_load, cost=0,
       accuracy="an element of an array: made by the schedule alone"),
    Op(name="input", arity=0, typing=None, cost=0, text=Notation("{a}", ATOM)),
    Op(name="const", arity=0, typing=None, cost=0, exact=True),
    Op(
        name="array", arity=0, typing=None, shaping=_constant, cost=0,
        numpy=lambda constant: constant.value, text=Notation("{a}", ATOM),
        latex=_constant_latex,
    ),
    Op(
        name="copy", numpy=lambda _name, x: x, mp=lambda _m, _name, x: x, cost=0,
        partials=(lambda out, x: 1.0,), python=Notation("{0}", LOOSEST), llvm="same",
        text=Notation("{0}", LOOSEST), latex=Notation("{0}", LOOSEST), typing=number,
        accuracy="a second name of a value, so that every adjoint has its own",
    ),
    Op(
        name="stop_gradient", numpy=lambda x: x, mp=lambda m, x: x, cost=0,
        python=Notation("{0}", LOOSEST), text=call("stop_gradient"), parsed=True,
        lower=lambda out, x: x, typing=number, exact=True, llvm="same",
        latex=Notation(r"\operatorname{{stop}}\left({0}\right)"),
        accuracy="x itself, a constant in every derivative",
    ),
    Op(
        name="cast", typing=None, numpy=_to, mp=lambda m, _dtype, x: m.mpf(x), cost=0,
        phrases=phrases.OF_CAST,
        python=lambda n: Notation(f"np.{n.type.dtype}({{0}})"), text=Notation("[{0}]"),
        llvm="cast",
        latex=Notation(r"\left[{0}\right]"), transposes=(_back,),
    ),
)  # fmt: skip
