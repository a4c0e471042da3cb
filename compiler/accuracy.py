"""Name the statements that lose digits: floating point against many more digits.

Comes in: a graph and its inputs. Goes out: a Report, one Loss an operation whose
result is less right than what it was given, and whose error reaches a result. Of an
array each element is followed as a number is, the worst ones alone where many are off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.blame import Errors, Sources
from overbar.explain import complete, element, phrase, statement, subscript
from overbar.ir.errors import LimitError
from overbar.ir.evaluate import dimensions, evaluate
from overbar.ir.types import size_of
from overbar.precision import exactly
from overbar.tally import elementary
from overbar.verdict import UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from overbar.explain import Place
    from overbar.ir.graph import Graph, Node

_NOTED = 10.0
_WORST = 16
"""Elements of an array that are followed to what they come from, at most."""

LARGEST = 4_000_000
"""Operations on numbers that are rerun in high precision, at most: half a minute."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Say where digits are lost.

    name: the statement, by the user's name or the adjoint's; expression: the operation
    in the user's names; line: the user's line, None where there is no text.
    digits_lost: by how many decimal digits the result is less right than the operands.
    value, exact: what was computed, and what it should have been.
    index: of the operation's worst element, () where it gives a number.
    """

    name: str
    expression: str
    line: int | None
    digits_lost: float
    value: float
    exact: float
    index: tuple[int, ...] = ()


class Report(tuple[Loss, ...]):
    """Hold losses, the worst first; empty (and false) where no digits are lost."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return a table, one loss a line."""
        if not self:
            return "no statement loses digits"
        shown = [c for c in _COLUMNS if c != "element" or any(x.index for x in self)]
        rows = [shown, *([_cells(loss)[c] for c in shown] for loss in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        )


_COLUMNS = (
    "digits lost", "line", "statement", "operation", "element", "computed", "exact",
)  # fmt: skip


def _cells(loss: Loss) -> dict[str, str]:
    cells = (
        f"{loss.digits_lost:.1f}", "" if loss.line is None else str(loss.line),
        loss.name, loss.expression, subscript(loss.index), repr(loss.value),
        repr(loss.exact),
    )  # fmt: skip
    return dict(zip(_COLUMNS, cells, strict=True))


def losing_digits(
    graph: Graph, inputs: Mapping[str, Any], roots: Iterable[Node] | None = None
) -> Report:
    """Rerun a graph with many digits and name the operations that lose some.

    graph: the formula, or a view of it whose outputs are those and the gradient;
    inputs: a value an input, those with a default may be left out; roots: what to
    compute, by default the outputs. Raises InputError for an input without a value, and
    LimitError for arrays so large that it would take minutes.

    From each result that is off, the error is followed down through the operands that
    bring it about; an operation is named where the error is ten times what it was in
    them. What is off but does not matter to a result is not named.
    """
    roots = list(graph.outputs.values() if roots is None else roots)
    order = graph.order(roots)
    given = complete(graph, inputs, order)
    sizes = dimensions(graph, given, {})
    _need_small(order, given, sizes)
    values = evaluate(graph, given, roots)
    errors = Errors(values, exactly(graph, given, roots))
    losses = _followed(graph, order, roots, errors, Sources(errors, sizes))
    losses.sort(key=lambda loss: (-round(loss[0], 6), loss[1].index))
    return Report(loss for _, _, loss in losses)


def _need_small(
    order: Sequence[Node], given: Mapping[str, Any], sizes: Mapping[str, int]
) -> None:
    arrays = {name: np.shape(v) for name, v in given.items() if np.ndim(v)}
    count = sum(size_of(elementary(n), sizes) for n in order) if arrays else 0
    if count > LARGEST:
        shown = ", ".join(f"{name} of shape {s}" for name, s in [*arrays.items()][:4])
        message = (
            f"expected arrays that take at most {LARGEST:,} operations, as each is "
            f"rerun in high precision; found {shown}, which take {count:,}: give "
            "smaller arrays"
        )
        raise LimitError(message)


def _followed(
    graph: Graph,
    order: Sequence[Node],
    roots: Sequence[Node],
    errors: Errors,
    sources: Sources,
) -> list[tuple[float, Node, Loss]]:
    """Return the digits that each operation loses, the node and its Loss."""
    marked: dict[Node, dict[Place, None]] = {
        r: dict.fromkeys(places) for r in roots if (places := errors.off(r))
    }
    users: dict[Node, Node | None] = dict.fromkeys(marked)
    found: list[tuple[float, Node, Place]] = []
    for node in reversed(order):  # what uses a node comes before it
        worst: tuple[float, Node, Place] = (0.0, node, ())
        for place in errors.largest(node, marked.get(node, {}), _WORST):
            operands = sources.of(node, place)
            unit = UNIT[node.type.dtype]
            before = max([unit, *(errors.at(a, p) for a, p in operands)])
            worst = max(worst, (errors.at(node, place) / before, node, place),
                        key=lambda item: item[0])  # fmt: skip
            for arg, p in operands:
                if errors.at(arg, p) > _NOTED * UNIT[arg.type.dtype]:
                    marked.setdefault(arg, {})[p] = None
                    if users.get(arg, node) is not None:
                        users[arg] = node  # the last is the nearest to the formula
        if worst[0] > _NOTED:
            found.append(worst)
    return [
        (math.log10(growth), node, _loss(graph, node, place, growth, users, errors))
        for growth, node, place in found
    ]


def _loss(
    graph: Graph,
    node: Node,
    place: Place,
    growth: float,
    users: Mapping[Node, Node | None],
    errors: Errors,
) -> Loss:
    return Loss(
        name=statement(graph, node, users),
        expression=phrase(graph, node),
        line=graph.spans[node].line if node in graph.spans else None,
        digits_lost=math.log10(growth),
        value=float(element(errors.values[node], place)),
        exact=float(element(errors.exact[node], place)),
        index=place,
    )
