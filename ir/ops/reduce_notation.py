"""Say how ops that reduce along axes are written, in text and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.ir.ops.row import (
    ATOM,
    JUXTAPOSED,
    SUM,
    Notation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.ir.graph import Node


def _axis(node: Node) -> str:
    """Return how a call names its axes: not at all for all of them."""
    (axes,) = node.attrs
    if len(axes) == len(node.args[0].type.shape):
        return ""
    return f", axis={axes[0] if len(axes) == 1 else axes}"


def called(name: str) -> Callable[[Node], Notation]:
    """Return how a call is written, with its axes."""
    return lambda node: Notation(f"{name}({{0}}{_axis(node)})")


def total_latex(name: str) -> Callable[[Node], Notation]:
    """Return how a sum or product over all entries is written."""

    def latex(node: Node) -> Notation:
        (axes,) = node.attrs
        count = len(node.args[0].type.shape)
        if len(axes) < count or count > len(_INDICES):
            return along(name)(node)
        places = ",".join(_INDICES[:count])
        return Notation(
            rf"\{name}_{{{{{places}}}}} {{{{{{0}}}}}}_{{{{{places}}}}}", SUM, (ATOM,)
        )

    return latex


_INDICES = "ijkl"


def along(name: str) -> Callable[[Node], Notation]:
    """Return how a reduction that keeps some axes is written: which, counted from 1."""

    def latex(node: Node) -> Notation:
        (axes,) = node.attrs
        if name == "sum" and len(node.args[0].type.shape) == 2:
            if axes == (1,):
                return Notation(r"{0} \, \mathbf{{1}}", JUXTAPOSED, (JUXTAPOSED,))
            return Notation(r"{0}^{{\top}} \, \mathbf{{1}}", JUXTAPOSED, (ATOM,))
        if name == "norm" and len(axes) == len(node.args[0].type.shape):
            below = "_{{F}}" * (len(axes) > 1)
            return Notation(rf"\left\|{{0}}\right\|{below}")
        along = ",".join(str(a + 1) for a in axes)
        below = "" if len(axes) == len(node.args[0].type.shape) else f"_{{{{{along}}}}}"
        return Notation(rf"\operatorname{{{{{name}}}}}{below}\left({{0}}\right)")

    return latex


def of_rows(name: str) -> Callable[[Node], Notation]:
    """Return how a function of each row is written; of other axes, which ones."""

    def latex(node: Node) -> Notation:
        last = (len(node.type.shape) - 1,)
        plain = Notation(rf"\operatorname{{{{{name}}}}}\left({{0}}\right)")
        return plain if node.attrs[0] == last else along(name)(node)

    return latex
