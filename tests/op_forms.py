"""Hold every op over numbers as a form to compile: rows of the op table, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from op_truth import SUBJECTS

from overbar.derivation import Derivation
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.types import F64
from overbar.levels import rewrite_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from op_truth import Subject

    from overbar.ir.types import Type

Form: TypeAlias = "tuple[str, int, Callable[..., Any]]"
"""A label, how many numbers it takes, what makes its node of theirs."""

CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")
BATCH = 30
"""Forms of one formula: the compiler is started once for all of them."""


def _row(subject: Subject) -> Form:
    def form(*args: Any) -> Any:
        graph = args[0].graph
        return graph.make(subject.op, subject.operands(*args), subject.attrs)

    return (str(subject), subject.count, form)


def _condition(name: str) -> Form:
    """Return a form that branches on a comparison or a combination of two."""

    def form(x: Any, y: Any) -> Any:
        make = x.graph.make
        asked = (x, y)
        if name in {"and", "or", "not"}:
            asked = (make("lt", (x, y)), make("gt", (x, x.graph.const(0.25))))
        condition = make(name, asked[: OPS[name].arity])
        choice = make("select", (condition, x * y, y))
        return choice + x.graph.convert(condition, x.graph.real)

    return (name, 2, form)


FORMS = [*map(_row, SUBJECTS), *map(_condition, CONDITIONS)]


def derivation(forms: Sequence[Form], real: Type = F64) -> Derivation:
    """Return one formula of several outputs, each of inputs of its own."""
    graph = Graph(rewrite=rewrite_for("strict"), real=real)
    wrt = []
    for i, (_, size, form) in enumerate(forms):
        given = [graph.input(f"{n}{i}") for n in "xyz"[:size]]
        graph.outputs[f"out{i}"] = form(*given)
        wrt += given
    return Derivation(graph, wrt)
