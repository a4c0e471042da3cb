"""Name the statements that lose digits: floating point against many more digits.

Comes in: a graph and its inputs. Goes out: a Report, one Loss an operation whose
result is less right than what it was given, and whose error reaches a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.explain import complete, phrase
from overbar.ir.evaluate import evaluate, evaluate_exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from overbar.ir.evaluate import Values
    from overbar.ir.graph import Graph, Node

U = 2.0**-53
"""What one rounding does: the error that a value may have for free."""
_NOTED = 10.0
_SHARE = 0.1
_FEWEST_DIGITS, _MOST_DIGITS = 50, 1600
_AGREEMENT = 1e-20
_SMALLEST = float(np.finfo(float).smallest_subnormal)


@dataclass(frozen=True, slots=True)
class Loss:
    """Say where digits are lost.

    name: the statement, by the user's name or the adjoint's; expression: the operation
    in the user's names; line: the user's line, None where there is no text.
    digits_lost: by how many decimal digits the result is less right than the operands.
    value, exact: what was computed, and what it should have been.
    """

    name: str
    expression: str
    line: int | None
    digits_lost: float
    value: float
    exact: float


class Report(tuple[Loss, ...]):
    """Hold losses, the worst first; empty (and false) where no digits are lost."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return a table, one loss a line."""
        if not self:
            return "no statement loses digits"
        rows = [("digits lost", "line", "statement", "operation", "computed", "exact")]
        rows += [
            (
                f"{loss.digits_lost:.1f}",
                "" if loss.line is None else str(loss.line),
                loss.name,
                loss.expression,
                repr(loss.value),
                repr(loss.exact),
            )
            for loss in self
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        )


def losing_digits(
    graph: Graph, inputs: Mapping[str, Any], roots: Iterable[Node] | None = None
) -> Report:
    """Rerun a graph with many digits and name the operations that lose some.

    graph: the formula, or a view of it whose outputs are those and the gradient;
    inputs: one number an input, those with a default may be left out; roots: what to
    compute, by default the outputs. Raises InputError for an input without a value.

    From each result that is off, the error is followed down through the operands that
    bring it about; an operation is named where the error is ten times what it was in
    them. What is off but does not matter to a result is not named.
    """
    roots = list(graph.outputs.values() if roots is None else roots)
    order = graph.order(roots)
    given = complete(graph, inputs, order)
    values = evaluate(graph, given, roots)
    exact = _exactly(graph, given, roots)
    users: dict[Node, Node | None] = {
        r: None for r in roots if _is_off(values[r], exact[r])
    }
    stack = list(users)
    losses: list[tuple[Node, float]] = []
    for node in stack:  # grows while it is walked
        sources = _sources(node, values, exact)
        before = max([U, *(_error(values[a], exact[a]) for a in sources)])
        growth = _error(values[node], exact[node]) / before
        if growth > _NOTED:
            losses.append((node, math.log10(growth)))
        for arg in sources:
            if arg not in users and _error(values[arg], exact[arg]) > _NOTED * U:
                users[arg] = node
                stack.append(arg)
    losses.sort(key=lambda item: (-round(item[1], 6), item[0].index))
    return Report(
        Loss(
            name=_statement(graph, node, users),
            expression=phrase(graph, node),
            line=graph.spans[node].line if node in graph.spans else None,
            digits_lost=digits,
            value=float(values[node]),
            exact=float(exact[node]),
        )
        for node, digits in losses
    )


def _exactly(graph: Graph, given: Mapping[str, Any], roots: Sequence[Node]) -> Values:
    """Evaluate with so many digits that twice as many change nothing that matters."""
    digits = _FEWEST_DIGITS
    found = evaluate_exactly(graph, given, roots, digits)
    while digits < _MOST_DIGITS:
        digits *= 2
        better = evaluate_exactly(graph, given, roots, digits)
        if all(_agree(found[node], better[node]) for node in better):
            return better
        found = better
    return found


def _agree(x: Any, y: Any) -> bool:
    if isinstance(y, bool) or y != y or abs(y) == math.inf:
        return True
    return bool(abs(x - y) <= _AGREEMENT * abs(y)) and bool(y)


def _is_off(value: Any, exact: Any) -> bool:
    """Whether a result is wrong, an overflow or underflow that is due left aside."""
    if _error(value, exact) <= _NOTED * U:
        return False
    due = float(exact)
    return value != due and not abs(value - due) <= _SMALLEST


def _error(value: Any, exact: Any) -> float:
    """Return the relative error, at most 1; 0 where there is no number to be right."""
    if isinstance(exact, bool) or np.asarray(value).dtype.kind != "f":
        return 0.0
    if exact != exact or abs(exact) == math.inf:
        return 0.0
    if not np.isfinite(value) or not exact:
        return float(value != exact)
    gap = abs(exact - type(exact)(float(value)))
    return min(1.0, float(gap / abs(exact)))


def _sources(node: Node, values: Values, exact: Values) -> list[Node]:
    """Return the operands whose errors bring about a good part of the node's."""
    if not node.args or node.op.mp is None:
        return []
    total = _error(values[node], exact[node])
    found = []
    for arg in dict.fromkeys(node.args):
        if _error(values[arg], exact[arg]) == 0.0:
            continue
        mixed = [
            type(exact[a])(float(values[a])) if a is arg else exact[a]
            for a in node.args
        ]
        moved = _apply(node, mixed, exact[node])
        if moved is None or _error(moved, exact[node]) >= _SHARE * total:
            found.append(arg)
    return found


def _apply(node: Node, args: Sequence[Any], like: Any) -> float | None:
    """Return the op applied to exact numbers, as a float; None where it fails."""
    try:
        result = node.op.mp(like.context, *node.attrs, *args) if node.op.mp else None
        return None if result is None else float(result)
    except (ValueError, ZeroDivisionError, ArithmeticError, TypeError):
        return None


def _statement(graph: Graph, node: Node, users: Mapping[Node, Node | None]) -> str:
    """Return the name of the statement that a node is computed in."""
    outputs = {n: name for name, n in reversed(graph.outputs.items())}
    walk: Node | None = node
    while walk is not None:
        name = graph.names.get(walk) or outputs.get(walk)
        if name:
            return name
        walk = users[walk]
    return "the result"
