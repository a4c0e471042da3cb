"""Compute arrays as a whole: products of matrices, and other ways to look at arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.arrays_matrices import ROUTINES, Matrices
from overbar.codegen.machine.arrays_products import Products
from overbar.codegen.machine.arrays_running import Running
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops.contract_notation import spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.codegen.machine.arrays_matrices import Routine
    from overbar.codegen.machine.arrays_values import Values
    from overbar.ir.graph import Node
    from overbar.ir.program import Store


class Whole:
    """Write values that are computed as a whole.

    room: gives memory for a node's value of a shape.
    """

    def __init__(
        self, values: Values, room: Callable[[Node, Sequence[Any]], str]
    ) -> None:
        self.values = values
        self.code = values.code
        self.names = values.names
        self.room = room
        self.products = Products(values.code)
        self.matrices = Matrices(values.code, self.products)

    def write(self, node: Node) -> None:
        """Compute a node, and give it its name."""
        name = node.op.routine or ""
        if name in ROUTINES:
            self._matrix(node, ROUTINES[name])
        elif name in _WAYS:
            _WAYS[name](self, node)
        else:
            message = f"expected an operation by elements, found {node.op.name}"
            raise UnsupportedError(message)

    def multiply(self, item: Store) -> None:
        """Multiply two matrices into a third."""
        labels = item.value.attrs
        turned = labels[0][0] != 0, labels[1][1] != 1
        x, y = (
            self.transposed(self.values.view(a)) if turn else self.values.view(a)
            for a, turn in zip(item.value.args, turned, strict=True)
        )
        out = self.values.view(item.target)
        if out.strides is not None:
            raise UnsupportedError("expected a matrix in order, found a view")
        self.products.matrices(x, y, out.pointer)

    def transposed(self, view: View) -> View:
        """Return a matrix with its axes swapped."""
        shape = view.shape[::-1]
        if view.turned:
            return View(view.pointer, view.dtype, shape)
        strides = self.code.strides(view)[::-1]
        return View(view.pointer, view.dtype, shape, strides, view.strides is None)

    def _keep(self, node: Node, view: View) -> None:
        """Name an array; what is returned is put where the caller wants it."""
        self.values.arrays[self.names[node]] = view._replace(shape=node.type.shape)

    # -- products --------------------------------------------------------------------

    def _contract(self, node: Node) -> None:
        form, (x, y) = spec(node.attrs), (self.values.view(a) for a in node.args)
        if not node.type.is_float or x.dtype != y.dtype:
            raise UnsupportedError(f"expected floats to multiply, found {node.type}")
        if form == "i,i->":
            dtype = node.type.dtype
            self.code.put(self.names[node], dtype, self.products.numbers(x, y))
            return
        if form == "jk,ki->ij":
            pointer = self.code.room(x.dtype, (x.shape[0], y.shape[1]))
            self.products.matrices(x, y, pointer)
            self._keep(
                node, self.transposed(View(pointer, x.dtype, node.type.shape[::-1]))
            )
            return
        if form not in _TURNED and form != "i,j->ij":
            raise UnsupportedError(f"expected a product of matrices, found {form}")
        pointer = self.room(node, node.type.shape)
        if form == "i,j->ij":
            self._outer(x, y, pointer)
        else:
            first, second = _TURNED[form]
            x = self.transposed(x) if first else x
            y = self.transposed(y) if second else y
            multiply = self.products.matrices if len(y.shape) > 1 else (
                self.products.by_vector
            )  # fmt: skip
            multiply(x, y, pointer)
        self._keep(node, View(pointer, x.dtype, node.type.shape))

    def _outer(self, x: View, y: View, pointer: str) -> None:
        code = self.code
        out = View(pointer, x.dtype, (*x.shape, *y.shape))

        def body(index: Sequence[str]) -> None:
            one = code.load(x.dtype, code.address(x, index[:1]))
            other = code.load(y.dtype, code.address(y, index[1:]))
            product = code.make(f"fmul {code.forms.kind(x.dtype)} {one}, {other}")
            code.store(x.dtype, code.address(out, index), product)

        code.loops([code.sizes.size(e) for e in out.shape], body)

    # -- along an axis ---------------------------------------------------------------

    def _cumsum(self, node: Node) -> None:
        x, out = self._unary(node)
        axis, backwards = node.attrs
        Running(self.code).sums(x, out.pointer, axis, backwards=bool(backwards))
        self._keep(node, out)

    def _others(self, node: Node) -> None:
        if len(node.args) > 1:
            raise UnsupportedError("expected products of numbers alone")
        x, out = self._unary(node)
        Running(self.code).others(x, out.pointer, *node.attrs)
        self._keep(node, out)

    # -- of matrices -----------------------------------------------------------------

    def _matrix(self, node: Node, routine: Routine) -> None:
        """Compute a function of matrices, of each in a stack for a stack's op."""
        args, shape = [*map(self.values.view, node.args)], node.type.shape
        if node.op.stacked:
            out = View(self.room(node, shape), node.type.dtype, shape)
            self.matrices.each(routine, args, node.attrs[1:], out)
            self._keep(node, out)
            return
        found = routine(self.matrices, args, node.attrs, lambda: self.room(node, shape))
        if isinstance(found, View):
            self._keep(node, found)
            return
        dtype = node.type.dtype
        self.code.put(self.names[node], dtype, self.matrices.narrow(found, dtype))

    def _unary(self, node: Node) -> tuple[View, View]:
        """Return the operand, and memory for the result."""
        x, shape = self.values.view(node.args[0]), node.type.shape
        return x, View(self.room(node, shape), node.type.dtype, shape)

    # -- other ways to look at an array ------------------------------------------------

    def _reshape(self, node: Node) -> None:
        code, (x,) = self.code, node.args
        if not x.type.shape:
            dtype = node.type.dtype
            value = self.values.stored(x, dtype)
            pointer = self.room(node, node.type.shape)
            code.store(dtype, pointer, value)
            self._keep(node, View(pointer, dtype, node.type.shape))
            return
        view = code.in_order(self.values.view(x))
        if node.type.shape:
            self._keep(node, view)
            return
        self.code.put(self.names[node], view.dtype, code.load(view.dtype, view.pointer))


_TURNED: Mapping[str, tuple[bool, bool]] = {
    "ij,j->i": (False, False), "ji,j->i": (True, False),
    "ik,kj->ij": (False, False), "ki,kj->ij": (True, False),
    "ik,jk->ij": (False, True),
}  # fmt: skip
"""Products, and which of their factors are transposed."""

_WAYS: Mapping[str, Callable[[Whole, Node], None]] = {
    "contract": Whole._contract,  # noqa: SLF001
    "reshape": Whole._reshape,  # noqa: SLF001
    "running": Whole._cumsum,  # noqa: SLF001
    "others": Whole._others,  # noqa: SLF001
}
"""How what is no function of matrices is computed, by the routine in its row."""
