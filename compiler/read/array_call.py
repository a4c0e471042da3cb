"""Note a call of a function on whole arrays, and find out what its result looks like.

Comes in: a function's name and its arguments, operands (expressions) apart from what
is static (axes, shapes, slices). Goes out: an `ArrayCall`, which stands in an
expression where an elementwise op's row would, and the type of its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from overbar.ir.constants import Constant
from overbar.ir.errors import ShapeError
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS, Op
from overbar.ir.ops.row import ATOM, LOOSEST, PRODUCT
from overbar.ir.types import BOOL, DTYPES, Dim, Type
from overbar.read import arrays
from overbar.read.array_mask import Alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from overbar.ir.graph import Node
    from overbar.read.functions import Function
    from overbar.read.overloading import Expression

CONST, EXTENT = OPS["const"], OPS["extent"]
_CACHED = 4096


class Slot(NamedTuple):
    """Stand for an operand among a call's arguments, by its place among operands."""

    place: int


@dataclass(frozen=True, slots=True, eq=False)
class ArrayCall:
    """Hold a function of `overbar.read.arrays` with all arguments but its operands.

    args, options: the arguments, with a `Slot` for each operand. item: which of the
    function's results is meant, None where it has one alone.
    """

    name: str
    args: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()
    item: int | None = None

    def results(self, graph: Graph, nodes: Sequence[Node]) -> Any:
        """Return the node that the function gives, or the nodes of all its results."""
        args = [_filled(a, nodes) for a in self.args]
        options = {name: _filled(a, nodes) for name, a in self.options}
        return TABLE[self.name](graph, *args, **options)

    def __call__(self, graph: Graph, *nodes: Node) -> Node:
        """Return the node of a call."""
        found: Any = self.results(graph, nodes)
        return found if self.item is None else found[self.item]  # type: ignore[no-any-return]

    def write(self, operands: Sequence[tuple[str, int]]) -> tuple[str, int]:
        """Return the call as text, and how tightly it binds."""
        tightest = _TIGHTEST.get(self.name, ())[: len(operands)]
        pairs = zip_longest(operands, tightest, fillvalue=LOOSEST)
        texts = [f"({t})" if binding < least else t for (t, binding), least in pairs]  # type: ignore[misc]
        special = _WRITTEN.get(self.name)
        if special is not None:
            written = special(self, texts)
            if written is not None:
                return written
        parts = [_text(a, texts) for a in self.args]
        parts += [f"{name}={_text(a, texts)}" for name, a in self.options]
        item = "" if self.item is None else f"[{self.item}]"
        return f"{self.name}({', '.join(parts)}){item}", ATOM


def _index(graph: Graph, x: Node, *items: Any) -> Node:
    return arrays.index(graph, x, items)


def _astype(graph: Graph, x: Node, dtype: str) -> Node:
    """Return values in another dtype; `float` stands for the inputs' own."""
    if dtype == BOOL.dtype:
        return x if x.type.dtype == dtype else graph.make("ne", (x, graph.const(0)))
    kind = graph.real if DTYPES[dtype].is_float else DTYPES[dtype]
    return graph.convert(x, kind)


TABLE: dict[str, Callable[..., Any]] = {
    **arrays.FUNCTIONS, "index": _index,
    "astype": arrays.ArrayFunction("astype", _astype),
}  # fmt: skip
"""Functions on whole arrays by name: `(graph, *arguments, **options) -> Node`."""


def _filled(value: Any, nodes: Sequence[Node]) -> Any:
    """Return an argument with nodes in its slots."""
    kind = type(value)
    if kind is Slot:
        return nodes[value.place]
    if kind is tuple or kind is list:
        return kind([_filled(v, nodes) for v in value])
    return value


# Text ---------------------------------------------------------------------------------


def _text(value: Any, operands: Sequence[str]) -> str:
    kind = type(value)
    if kind is Slot:
        return operands[value.place] if value.place < len(operands) else "..."
    if kind is tuple or kind is list:
        inner = ", ".join(_text(v, operands) for v in value)
        comma = "," if kind is tuple and len(value) == 1 else ""
        return f"({inner}{comma})" if kind is tuple else f"[{inner}]"
    if kind is slice:
        start, stop = ("" if v is None else str(v) for v in (value.start, value.stop))
        return f"{start}:{stop}" + (f":{value.step}" if value.step is not None else "")
    if value is Ellipsis:
        return "..."
    return str(value) if isinstance(value, Dim) else repr(value)


def _matmul_text(call: ArrayCall, texts: Sequence[str]) -> tuple[str, int]:
    return " @ ".join(_text(a, texts) for a in call.args), PRODUCT


def _index_text(call: ArrayCall, texts: Sequence[str]) -> tuple[str, int]:
    items = ", ".join(_text(a, texts) for a in call.args[1:])
    return f"{_text(call.args[0], texts)}[{items}]", ATOM


def _transpose_text(call: ArrayCall, texts: Sequence[str]) -> tuple[str, int] | None:
    if len(call.args) > 1 or call.options:
        return None
    return f"{texts[0]}.T", ATOM


_WRITTEN: dict[str, Callable[..., tuple[str, int] | None]] = {
    "matmul": _matmul_text, "index": _index_text, "transpose": _transpose_text,
}  # fmt: skip
_TIGHTEST = {
    "matmul": (PRODUCT, PRODUCT + 1), "index": (ATOM,), "transpose": (ATOM,),
}  # fmt: skip
"""How tightly operands must bind to stand without parentheses."""


# Types --------------------------------------------------------------------------------


def dtype_of(root: Expression) -> str:
    """Return the dtype of a formula's values, float64 standing for float32 too.

    What is found is kept in the expressions, so that asking for all is linear.
    """
    stack = [root]
    while stack:
        e = stack[-1]
        if e.dtype_name is None:
            waiting = [a for a in e.args if a.dtype_name is None]
            if waiting:
                stack += waiting
                continue
            e.dtype_name = _dtype(e)
        stack.pop()
    return root.dtype_name  # type: ignore[return-value]


_OF_NUMBERS = {bool: "bool", int: "int64", float: "float64"}


def _dtype(e: Expression) -> str:
    payload = e.payload
    if payload is None:
        return _elementwise(e.op, tuple([a.dtype_name for a in e.args]))
    if e.args:  # a value with a name
        return e.args[0].dtype_name  # type: ignore[return-value]
    if isinstance(payload, Dim):
        return "int64"
    dtype = (
        payload.type.dtype if isinstance(payload, Constant)
        else getattr(payload, "dtype", None) or _OF_NUMBERS[type(payload)]
    )  # fmt: skip
    return "float64" if dtype == "float32" else dtype


@lru_cache(_CACHED)
def _elementwise(op: Op | Function, dtypes: tuple[str, ...]) -> str:
    """Return the dtype that an elementwise op gives."""
    graph = Graph()
    nodes = [graph.input(f"x{i}", "data", DTYPES[d]) for i, d in enumerate(dtypes)]
    try:
        made = graph.make(op, nodes) if isinstance(op, Op) else op(graph, *nodes)
    except ShapeError:  # said when the formula is read, with its place
        return "float64"
    return made.type.dtype


def results_of(call: ArrayCall, operands: Iterable[Expression]) -> list[Type] | Type:
    """Return the type of a call's result, or of all its results.

    The function is run on stand-ins for its operands, in a graph of its own.
    """
    graph = Graph()
    graph.counts = Alike()
    nodes = [_stand_in(graph, i, e) for i, e in enumerate(operands)]
    found = call.results(graph, nodes)
    if isinstance(found, tuple | list):
        return [n.type for n in found]
    return found.type  # type: ignore[no-any-return]


def _stand_in(graph: Graph, i: int, e: Expression) -> Node:
    payload = e.payload
    if e.op is CONST:
        return graph.const(payload)  # type: ignore[arg-type]
    if isinstance(payload, Dim):
        return graph.extent(payload)
    if isinstance(payload, Constant):
        return graph.make("array", (), (payload,))
    return graph.input(f"x{i}", "data", Type(dtype_of(e)).of(e.extents))
