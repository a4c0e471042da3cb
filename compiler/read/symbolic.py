"""Read SymPy expressions, matrices and nested sequences of them into a Graph.

Nothing of a formula is turned into text, evaluated or simplified by SymPy: every
object of the tree that we receive is visited once. Nothing here imports SymPy, since
whoever has an expression has imported it.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import InputError, LimitError, OverbarError
from overbar.ir.node import is_condition
from overbar.read.build import natural
from overbar.read.symbolic_forms import not_a_number
from overbar.read.symbolic_names import input_name, legal_name, quoted
from overbar.read.symbolic_outputs import finish, left_side
from overbar.read.symbolic_reader import BUDGETS, Budgets, Reader
from overbar.read.symbolic_table import row_of

if TYPE_CHECKING:
    from overbar.ir.graph import Graph

__all__ = ["flatten", "input_name", "is_sympy", "read_sympy"]

Shape: TypeAlias = "tuple[int, ...] | None"
_NESTING = 20


def is_sympy(obj: object) -> bool:
    """Whether an object is SymPy's: an expression, a matrix or an array.

    SymPy is not imported for it.
    """
    sympy = sys.modules.get("sympy")
    kinds = (
        getattr(sympy, name, None) for name in ("Basic", "MatrixBase", "NDimArray")
    )
    return isinstance(obj, tuple(kind for kind in kinds if kind is not None))


def read_sympy(
    exprs: Mapping[str, object],
    graph: Graph,
    inputs: Sequence[Any] | None = None,
    budgets: Budgets = BUDGETS,
) -> None:
    """Read the outputs `exprs`, SymPy expressions by name, into an empty graph.

    inputs: symbols (or their names) in the order of the call, whether used or not;
    without it all symbols that are met become inputs, sorted by name, x2 before x10.
    An input is called as its symbol, in Unicode's normal form NFKC; a keyword gets a
    trailing underscore (`lambda_`). All are real, of role "param"; but arrays whose
    entries are indices are whole numbers of role "data".

    A MatrixSymbol is an array of two axes, an n x 1 matrix too; an output of shape
    (1, 1) is a number. Symbols in shapes, ranges and bounds are dimensions, no inputs,
    and their own sizes where they stand as numbers. Indices count from 0. An
    IndexedBase without a shape has the entries that its indices reach. An output with
    free indices is an array along them, in the order of their names as in einsum, or
    as the left side of `Eq(y[i, j], ...)` says, which names the output as well; sums
    are written with Sum, never implied.

    Where SymPy's value is not real, for instance that of x**(1/3) for x < 0, the value
    is NaN; `loggamma` is log(|Gamma|).

    Raises UnsupportedError for what has no real, scalar value that we can compute, and
    names it and its place; InputError for symbols that are missing in `inputs`, that
    have no identifier for a name, or that share one; LimitError for numbers beyond
    the largest float and for sums and products of more entries than `budgets` has.
    """
    reader = Reader(graph, row_of, budgets)
    for symbol in inputs or ():
        reader.declare(symbol)
    reader.closed = inputs is not None
    lefts: dict[str, Any] = {}
    for name, expr in exprs.items():
        place = f"output {name!r}"
        left = left_side(expr)
        right = expr if left is None else expr.args[1]  # type: ignore[attr-defined]
        node = reader.read(right, place)
        if is_condition(node):
            error = not_a_number(expr)
            raise type(error)(f"{error.message}, in {place}")
        if left is not None:
            lefts[name] = left, [reader.read(i, place) for i in left.args[1:]]
        graph.outputs[name] = node
    if reader.elements.used:
        finish(reader, lefts)
    _check(graph, reader.missing)
    if inputs is None:
        order = sorted(graph.inputs, key=natural)
        graph.inputs = {name: graph.inputs[name] for name in order}
        graph.roles = {name: graph.roles[name] for name in order}


def _check(graph: Graph, missing: set[str]) -> None:
    if missing:
        names = ", ".join(map(repr, sorted(missing, key=natural)))
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(f"inputs: {names}, which the formula uses, {verb} missing")
    for name, node in graph.outputs.items():
        if graph.inputs.get(name, node) is not node:
            message = f"expected one value for the name {name!r}, found two: an input "
            raise InputError(f"{message}and an output")


def flatten(expr: object) -> tuple[dict[str, Any], Shape]:
    """Return scalar expressions by output name, and their shape as one array.

    A scalar is named `out`; the entries of a flat sequence `out0, out1, ...`; those
    of a matrix, an array or nested sequences `out_0_0, out_0_1, ...`, row by row. A
    dict names its values itself: `name`, `name0`, `name_0_0`.

    The shape is None where outputs stand for themselves (a scalar, a flat sequence, a
    dict, sequences of uneven lengths). Else the outputs, in their order, are the
    entries of one array of that shape.

    >>> flatten([[1, 2], [3, 4]])
    ({'out_0_0': 1, 'out_0_1': 2, 'out_1_0': 3, 'out_1_1': 4}, (2, 2))

    Raises InputError for names that are no identifiers or are given twice, and for
    no outputs at all; LimitError for more than 100,000 of them or 20 levels.
    """
    outputs: dict[str, Any] = {}
    named = _mapping(expr)
    groups = {"out": expr} if named is None else named
    shape: Shape = None
    for prefix, value in groups.items():
        leaves = list(_leaves(value))
        flat = _is_sequence(value) and all(len(index) == 1 for index, _ in leaves)
        for index, leaf in leaves:
            joint = "" if flat else "_"
            name = prefix + "".join(f"{joint}{i}" for i in index)
            if name in outputs:
                raise InputError(f"expected each output once, found {name!r} twice")
            outputs[name] = leaf
        shape = None if flat else _shape([index for index, _ in leaves])
    if not outputs:
        raise InputError("expected at least one output, found none")
    return outputs, (shape if named is None else None)


def _mapping(expr: Any) -> dict[str, Any] | None:
    """Return a dict's values by legal name, None for what is no dict."""
    if not isinstance(expr, Mapping):
        if not _is_a(expr, "Dict"):
            return None
        expr = dict(expr.items())
    named: dict[str, Any] = {}
    for key, value in expr.items():
        raw = key if isinstance(key, str) else getattr(key, "name", None)
        if not isinstance(raw, str):
            raise InputError(f"expected names of outputs, found {quoted(key)}")
        name = legal_name(raw, "output")
        if name in named:
            raise InputError(f"expected each output once, found {name!r} twice")
        named[name] = value
    return named


def _is_a(obj: object, *names: str) -> bool:
    """Whether an object is of one of SymPy's classes."""
    sympy = sys.modules.get("sympy")
    kinds = tuple(k for name in names if (k := getattr(sympy, name, None)) is not None)
    return isinstance(obj, kinds)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple) or _is_a(value, "Tuple")


def _leaves(value: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the scalars of a nested value with their indices, row by row."""
    stack: list[tuple[tuple[int, ...], Any]] = [((), value)]
    count = 0
    while stack:
        index, item = stack.pop()
        if len(index) > _NESTING:
            message = f"expected outputs nested {_NESTING} levels deep at most"
            raise LimitError(f"{message}, found more")
        entries = _entries(item, BUDGETS.entries)
        if entries is None:
            yield index, item
            count += 1
        else:
            stack += [((*index, *i), entry) for i, entry in reversed(entries)]
        if count + len(stack) > BUDGETS.entries:
            raise _too_many(BUDGETS.entries)


def _entries(item: Any, most: int) -> list[tuple[tuple[int, ...], Any]] | None:
    """Return the entries of a sequence, matrix or array, None for a scalar."""
    if _is_sequence(item):
        return [((i,), entry) for i, entry in enumerate(item)]
    if not _is_a(item, "MatrixBase", "NDimArray"):
        return None
    extents = [int(n) for n in item.shape]
    if math.prod(extents) > most:
        raise _too_many(most)
    indices = itertools.product(*map(range, extents))
    return [(index, item[index]) for index in indices]


def _too_many(most: int) -> OverbarError:
    return LimitError(f"expected at most {most:,} outputs, found more")


def _shape(indices: Sequence[tuple[int, ...]]) -> Shape:
    """Return the shape of the array with exactly these indices, if there is one."""
    if not indices or not indices[0]:
        return None
    if len({len(index) for index in indices}) > 1:
        return None
    shape = tuple(n + 1 for n in indices[-1])
    return shape if math.prod(shape) == len(indices) else None
