"""Evaluate a graph with as many digits as its values need to be exact.

Comes in: a graph and its inputs. Goes out: values in mpmath that do not change with
more digits. A number that comes out as 0 is believed where a small change of the
operands leaves it 0, as x*0 or relu(-1) do; else (1 - cos(1e-99)) digits are missing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.blame import applied, slopes
from overbar.explain import element
from overbar.ir.errors import InputError
from overbar.ir.evaluate import dimensions, evaluate_exactly
from overbar.ir.types import FLOATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.evaluate import Values
    from overbar.ir.graph import Graph, Node

_FEWEST_DIGITS, _MOST_DIGITS = 50, 1600
_AGREEMENT = 1e-20
_CHANGE = 1e-25


def exactly(graph: Graph, given: Mapping[str, Any], roots: Sequence[Node]) -> Values:
    """Evaluate with so many digits that twice as many change nothing that matters.

    Zeros that may be due to digits that are missing are asked with the most digits.
    """
    digits = _FEWEST_DIGITS
    found = evaluate_exactly(graph, given, roots, digits)
    sizes = dimensions(graph, given, {})
    while digits < _MOST_DIGITS:
        digits *= 2
        better = evaluate_exactly(graph, given, roots, digits)
        same, zeros = _compared(found, better, sizes)
        if same and not zeros:
            return better
        if same:
            last = evaluate_exactly(graph, given, zeros, _MOST_DIGITS)
            if all(_same_zeros(better[n], last[n]) for n in zeros):
                return better
            return evaluate_exactly(graph, given, roots, _MOST_DIGITS)
        found = better
    return found


def _compared(
    found: Values, better: Values, sizes: Mapping[str, int]
) -> tuple[bool, list[Node]]:
    """Return whether more digits changed nothing, and nodes with doubtful zeros."""
    doubtful: list[Node] = []
    for node, value in better.items():
        if node not in found or node.type.dtype not in FLOATS or not node.args:
            continue
        same, zero = np.frompyfunc(_compare, 2, 2)(found[node], value)
        if not np.all(same):
            return False, []
        zero = np.asarray(zero, bool)
        if np.any(zero) and not _stays_zero(node, zero, better, sizes):
            doubtful.append(node)
    return True, doubtful


def _same_zeros(before: Any, after: Any) -> bool:
    return bool(np.all(np.equal(before, 0) == np.equal(after, 0)))


def _compare(x: Any, y: Any) -> tuple[bool, bool]:
    """Return whether two numbers agree, and whether they are 0."""
    if y != y or abs(y) == math.inf:
        return True, False
    return bool(abs(x - y) <= _AGREEMENT * abs(y)), not y


def _stays_zero(node: Node, zero: Any, exact: Values, sizes: Mapping[str, int]) -> bool:
    """Whether zeros stay zeros as operands change a little."""
    if node.op.shaping is None:
        return all(
            not _moved(node, tuple(map(int, place)), exact)
            for place in np.argwhere(zero)
        )
    floats = {a: _floats(exact[a], a) for a in (*node.args, node)}
    try:
        found = slopes(node, zero.astype(float)[()], floats, sizes)
    except InputError:
        return False
    with np.errstate(all="ignore"):
        return not any(np.any(s * floats[a]) for a, s in found.items())


def _moved(node: Node, place: tuple[int, ...], exact: Values) -> Any:
    """Return an element for operands that are each changed a little."""
    args = [element(exact[a], place) for a in node.args]
    moved = [
        a if isinstance(a, bool) else a * (1 + type(a)(_CHANGE) * (i + 1))
        for i, a in enumerate(args)
    ]
    return applied(node, moved, element(exact[node], place))


def _floats(value: Any, node: Node) -> Any:
    return np.asarray(value).astype(node.type.dtype)[()]
