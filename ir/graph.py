"""Hold a formula as a typed DAG in which equal subexpressions are one node.

Comes in: ops applied to nodes. Goes out: interned nodes, each made after its operands,
so that the order of making is a topological order and no pass needs to recurse.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.ir.errors import LimitError, ShapeError
from overbar.ir.node import CONST, Node
from overbar.ir.ops import OPS, Op
from overbar.ir.table import EXTENT, Table
from overbar.ir.types import BOOL, F64, INT, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from overbar.ir.node import Operand
    from overbar.ir.source import Span
    from overbar.ir.types import Dim, Extent, Shape

__all__ = ["Graph", "Node", "Rewrite"]

INPUT, CAST = OPS["input"], OPS["cast"]
BROADCAST, IOTA = OPS["broadcast"], OPS["iota"]
Rewrite: TypeAlias = (
    "Callable[[Graph, Op, Sequence[Node], tuple[Any, ...]], Node | None]"
)


_bits = struct.Struct("<d").pack


class Graph(Table):
    """Intern nodes, and keep what is known of them in side tables.

    inputs: nodes of the inputs by name, in the order of the call.
    roles: "param" or "data" of each input; defaults: their default values.
    outputs: the nodes to compute, by name.
    names: the user's name of a node (its first); statements: every assignment of the
        user's in order, as pairs of name and node, aliases too.
    adjoint_of: for an adjoint without a name, the node that it belongs to.
    spans: where in the user's text a node was first written.
    kinks: the convention for derivatives at kinks; real: the default float type.
    formula_size: how many nodes the formula itself has; derivatives come after them.
    whole: derivatives that have a name, so that products do not take them apart.
    woven: what rewrites of products know of nodes (see `contractions.weave`).
    strict: operations are computed in the order written, sums in order; no BLAS.
    rewrite: is asked before a node is made and may answer with another one.
    rewrites: notes of the rewrites applied, `(rule, span)`.
    counts: how many elements each mask chooses, a size that reading alone knows.
    doc: the text's docstring.
    """

    def __init__(
        self,
        *,
        kinks: str = "half",
        real: Type = F64,
        rewrite: Rewrite | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        self.kinks = kinks
        self.strict = strict
        self.real = real
        self.rewrite = rewrite
        self._silent: Container[Any] = getattr(rewrite, "silent", ())
        self.inputs: dict[str, Node] = {}
        self.roles: dict[str, str] = {}
        self.defaults: dict[str, float] = {}
        self.outputs: dict[str, Node] = {}
        self.names: dict[Node, str] = {}
        self.statements: list[tuple[str, Node]] = []
        self.adjoint_of: dict[Node, Node] = {}
        self.spans: dict[Node, Span] = {}
        self.rewrites: dict[tuple[str, Span | None], None] = {}
        self.counts: dict[Node, Dim] = {}
        self.doc = ""
        self.span: Span | None = None
        self.formula_size = 0
        self.whole: set[Node] = set()
        self.woven: dict[Node, tuple[int, int, int]] = {}

    def view(self, outputs: Mapping[str, Node]) -> Graph:
        """Return a graph over the same nodes with other outputs and its own names.

        `adjoint_of`, which may be large, is shared until somebody sets another one.
        """
        other = Graph.__new__(Graph)
        other.__dict__.update(self.__dict__)
        other.outputs = dict(outputs)
        other.names = dict(self.names)
        other.statements = list(self.statements)
        return other

    def input(self, name: str, role: str = "param", kind: Type | None = None) -> Node:
        """Declare an input of the given role, "param" or "data"."""
        node = self._intern(INPUT, (), (name,), kind or self.real)
        self.inputs[name] = node
        self.roles[name] = role
        self.names[node] = name
        return node

    def remake_input(self, name: str, kind: Type) -> Node:
        """Return an input node that is not declared: a seed or a tangent."""
        return self._intern(INPUT, (), (name,), kind)

    def const(self, value: float, kind: Type | None = None) -> Node:
        """Return the constant: told apart by type, sign and value, NaN one value.

        One of an array type is the scalar constant, broadcast.
        """
        if kind is None:
            kind = (
                BOOL if isinstance(value, bool)
                else INT if isinstance(value, int)
                else self.real
            )  # fmt: skip
        if kind.shape:
            return self.spread(self.const(value, kind.scalar), kind.shape)
        if kind.is_float:
            try:
                value = float(value)
            except OverflowError:
                message = "expected a number below 1.8e308, found a larger integer"
                raise LimitError(message) from None
            key: object = _bits(value) if value == value else "nan"
        else:
            key = value
        self._others.add((CONST, kind))
        whole, made = (CONST, key, kind), self._table
        return made.get(whole) or self._new(made, whole, CONST, (), (value,), kind)

    def lift(self, operand: Operand) -> Node:
        """Return a node for a node or number."""
        return operand if isinstance(operand, Node) else self.const(operand)

    def convert(self, node: Node, kind: Type) -> Node:
        """Return the node as a value of another dtype, its shape unchanged."""
        if node.is_const:
            return self.const(node.value, kind.scalar)
        if node.type.dtype == kind.dtype:
            return node
        if node.op is EXTENT:
            return self._intern(EXTENT, (), node.attrs, kind.scalar)
        if not kind.is_float and node.type.is_float:
            message = f"expected an integer, found a value of type {node.type}"
            raise ShapeError(message)
        if node.op is BROADCAST:
            return self.spread_along(
                self.convert(node.args[0], kind), node.attrs[0], node.type.shape
            )
        kind = kind.of(node.type.shape)
        return self._intern(CAST, (node,), (kind.dtype,), kind)

    def extent(self, extent: Extent) -> Node:
        """Return an extent as an integer that formulas can use."""
        if isinstance(extent, int):
            return self.const(extent)
        return self._intern(EXTENT, (), (extent,), INT)

    def iota(self, extent: Extent) -> Node:
        """Return the integers from 0 up to an extent."""
        return self._intern(IOTA, (), (extent,), INT.of((extent,)))

    def bare(self, node: Node) -> Node:
        """Return the scalar constant of a constant array, any other node as it is."""
        inner = node.args[0] if node.op is BROADCAST else node
        return inner if inner.is_const else node

    def spread(self, node: Node, shape: Shape) -> Node:
        """Return an array broadcast to a shape, its axes at the end, as in NumPy."""
        own = node.type.shape
        if own == shape:
            return node
        start = len(shape) - len(own)
        kept = [i for i, e in enumerate(own) if e == shape[start + i] or e != 1]
        if len(kept) < len(own):
            node = self.make("reshape", (node,), (tuple(own[i] for i in kept),))
        return self.spread_along(node, tuple(start + i for i in kept), shape)

    def spread_along(self, node: Node, axes: tuple[int, ...], shape: Shape) -> Node:
        """Return an array broadcast to a shape: its axis k becomes axis axes[k]."""
        return self.make(BROADCAST, (node,), (axes, shape))

    def make(
        self, op: Op | str, args: Sequence[Node], attrs: tuple[Any, ...] = ()
    ) -> Node:
        """Return the node of an op applied to nodes, an equal one if there is one."""
        if isinstance(op, str):
            op = OPS[op]
        made = self._floats.get(op)
        if made is not None and not attrs and len(args) == op.arity:
            x, y = args[0], args[-1]
            if x.type is y.type is F64:  # what `_make` comes to, for most nodes
                if (op, x.face, y.face) not in self._silent:
                    better = self.rewrite and self.rewrite(self, op, args, attrs)
                    if better:
                        return better
                key = args = tuple(args)
                if op.commutative and x.index > y.index:
                    key = y, x
                return made.get(key) or self._new(made, key, op, args, attrs, F64)
        return self._make(op, args, attrs)

    def _make(self, row: Op, args: Sequence[Node], attrs: tuple[Any, ...]) -> Node:
        """Return the node of an op applied to nodes of any types."""
        if row.shaping is not None:
            args, kind = row.shaping(self, row.name, args, attrs)
        elif row.typing is not None:
            args, kind = row.typing(self, row.name, args)
        else:
            message = (
                f"expected an operation, found {row.name}, made by the graph alone"
            )
            raise ShapeError(message)
        if row.arity is not None and len(args) != row.arity:
            message = f"{row.name} expects {row.arity} operands, found {len(args)}"
            raise ShapeError(message)
        if kind.shape:
            return self._make_array(row, args, attrs, kind)
        if row.tidy is not None:
            tidy = row.tidy(self, args, attrs)
            if tidy is not None:
                return tidy
        if self.rewrite is not None:
            better = self.rewrite(self, row, args, attrs)
            if better is not None:
                return better
        return self._intern(row, tuple(args), attrs, kind)

    def _make_array(
        self, row: Op, args: Sequence[Node], attrs: tuple[Any, ...], kind: Type
    ) -> Node:
        """Return the node of an op whose result is an array.

        An elementwise op on what was broadcast alike is broadcast itself.
        """
        better = None
        if row.shaping is None:
            better = self._before_broadcast(row, args, attrs)
        elif row.tidy is not None:
            better = row.tidy(self, args, attrs)
        if better is None and self.rewrite is not None:
            better = self.rewrite(self, row, args, attrs)
        if better is None:
            return self._intern(row, tuple(args), attrs, kind)
        return self.spread(better, kind.shape)

    def _before_broadcast(
        self, row: Op, args: Sequence[Node], attrs: tuple[Any, ...]
    ) -> Node | None:
        """Return the op on operands all broadcast along some axis, before that."""
        arrays = [a for a in args if a.type.shape]
        if not arrays:
            return self.make(row, args, attrs)
        if any(a.op is not BROADCAST for a in arrays):
            return None
        shape = arrays[0].type.shape
        axes = tuple(sorted({k for a in arrays for k in a.attrs[0]}))
        if len(axes) == len(shape):
            return None
        own = tuple(shape[k] for k in axes)
        inner = [
            self.spread_along(a.args[0], tuple(map(axes.index, a.attrs[0])), own)
            if a.type.shape else a
            for a in args
        ]  # fmt: skip
        return self.spread_along(self.make(row, inner, attrs), axes, shape)

    def remake(self, node: Node, args: Sequence[Node]) -> Node:
        """Return the node's op applied to other operands."""
        if node.op.typing is None and node.op.shaping is None:
            kind = node.type.of(args[0].type.shape) if args else node.type
            return self._intern(node.op, tuple(args), node.attrs, kind)
        return self.make(node.op, args, node.attrs)

    def restore(
        self, op: Op, args: Sequence[Node], attrs: tuple[Any, ...], kind: Type
    ) -> Node:
        """Return a node as it was, asking no rewrite: for reading a flat form."""
        if op is CONST:
            return self.const(attrs[0], kind)
        return self._intern(op, tuple(args), attrs, kind)

    def assign(self, name: str, node: Node) -> None:
        """Give a node a name; its first name is the one it keeps."""
        self.statements.append((name, node))
        if not node.is_const:
            self.names.setdefault(node, name)

    def __str__(self) -> str:
        """Return the graph as mathematics, one equation a line."""
        from overbar.ir.text import write

        return write(self)
