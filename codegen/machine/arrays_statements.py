"""Print the statements of a Program over arrays as lines for LLVM."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from overbar.codegen.machine.arrays_code import View
from overbar.codegen.machine.arrays_whole import Whole
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS
from overbar.ir.program import (
    Allocate,
    Assign,
    Call,
    Comment,
    For,
    If,
    Row,
    Statement,
    Store,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.codegen.machine.arrays_values import Values
    from overbar.ir.graph import Node

_LOAD = OPS["load"]
_GATHERED = {
    "add": OPS["add"], "mul": OPS["mul"], "larger": OPS["max"], "smaller": OPS["min"],
}  # fmt: skip
_LOGIC = {"or": True, "and": False}
"""What settles a condition that is gathered."""

_Step: TypeAlias = "Statement | Callable[[], None]"


class Statements:
    """Write the statements of one program.

    buffers: memory of the caller's, for arrays that are returned; call: writes the call
    of another program.
    """

    def __init__(
        self,
        values: Values,
        buffers: Mapping[Node, str],
        call: Callable[[Call], None],
    ) -> None:
        self.values = values
        self.code = values.code
        self.names = values.names
        self.buffers = buffers
        self.whole = Whole(values, self._room)
        self._alone: Mapping[type, Callable[[Any], None]] = {
            Assign: self._assign, Store: self._store, Allocate: self._allocate,
            Row: self._row, Call: call, Comment: lambda _: None,
        }  # fmt: skip

    def write(self, body: Sequence[Statement]) -> None:
        """Write statements in order."""
        stack: list[_Step] = list(body[::-1])
        while stack:
            item = stack.pop()
            if callable(item):
                item()
            elif isinstance(item, For):
                stack += self._loop(item)[::-1]
            elif isinstance(item, If):
                stack += self._branch(item)[::-1]
            else:
                self._alone[type(item)](item)

    # -- statements with others inside -----------------------------------------------

    def _loop(self, item: For) -> list[_Step]:
        code, k = self.code, self.code.number()
        extent = code.sizes.size(item.extent)
        if item.strip is None:
            code.open(k, item.index, "0", extent)
            return [*item.body, partial(code.close, k, item.index, "1")]
        first, last = item.strip
        if item.step == 1:
            start, stop = code.get(first, "int64"), code.get(last, "int64")
            if not item.whole:
                start, stop = "0", code.make(f"sub nsw i64 {stop}, {start}")
            code.open(k, item.index, start, stop)
            return [*item.body, partial(code.close, k, item.index, "1")]
        code.open(k, first, "0", extent)
        end = code.make(f"add nsw i64 {code.get(first, 'int64')}, {item.step}")
        below = code.make(f"icmp slt i64 {end}, {extent}")
        end = code.make(f"select i1 {below}, i64 {end}, i64 {extent}")
        code.put(last, "int64", end)
        return [*item.body, partial(code.close, k, first, str(item.step))]

    def _branch(self, item: If) -> list[_Step]:
        code, k = self.code, self.code.number()
        for node in item.preset:
            self._need_number(node)
            dtype = node.type.dtype
            code.put(self.names[node], dtype, code.forms.constant(0, dtype))
        test = self.values.stored(item.cond, "bool")
        code.fork(test, f"then{k}", f"else{k}")
        code.label(f"then{k}")

        def between() -> None:
            code.jump(f"end{k}")
            code.label(f"else{k}")

        def after() -> None:
            code.jump(f"end{k}")
            code.label(f"end{k}")

        return [*item.then, between, *item.orelse, after]

    # -- statements alone ------------------------------------------------------------

    @staticmethod
    def _need_number(node: Node) -> None:
        if node.type.shape:
            message = f"expected a number, found {node.op.name} of {node.type}"
            raise UnsupportedError(message)

    def _assign(self, item: Assign) -> None:
        whole, node = item.value is item.of, item.value
        arrays = any(a.type.shape for a in node.args) and node.op is not _LOAD
        if whole and (node.type.shape or arrays):
            self.whole.write(node)
            return
        if item.of.type.shape:
            message = f"expected a number to assign, found {item.of.type}"
            raise UnsupportedError(message)
        text, dtype = self.values.value(node, whole=whole)
        own = item.of.type.dtype
        if node.type.dtype == "float32":  # as Python rounds it before
            text, dtype = self.code.converted(text, dtype, "float32"), "float32"
        self.code.put(self.names[item.of], own, self.code.converted(text, dtype, own))

    def _store(self, item: Store) -> None:
        if item.kind == "dot":
            self.whole.multiply(item)
            return
        if item.kind in _LOGIC:
            self._store_condition(item)
            return
        code = self.code
        text, dtype = self.values.value(item.value)
        if item.value.type.dtype == "float32":
            text, dtype = code.converted(text, dtype, "float32"), "float32"
        get, put, own = self._target(item.target)
        if item.kind == "set":
            put(code.converted(text, dtype, own))
            return
        old = get()
        if item.kind == "plus":
            wide = "float64" if own != dtype else own
            kind = code.forms.kind(wide)
            x = code.converted(old, own, wide)
            y = code.converted(text, dtype, wide)
            if wide == "int64":
                put(code.make(f"add i64 {x}, {y}"))
                return
            total = code.make(f"fadd reassoc {kind} {x}, {y}")
            put(code.converted(total, wide, own))
            return
        form = code.forms.form(_GATHERED[item.kind], (), (own, dtype))
        put(code.converted(code.apply(form, [old, text]), form.dtype, own))

    def _store_condition(self, item: Store) -> None:
        """Look at a value only where those before have not settled the result."""
        code, k = self.code, self.code.number()
        get, put, _ = self._target(item.target)
        old = get()
        settled = _LOGIC[item.kind]
        ways = (f"known{k}", f"open{k}") if settled else (f"open{k}", f"known{k}")
        code.fork(old, *ways)
        code.label(f"open{k}")
        put(self.values.stored(item.value, "bool"))
        code.jump(f"known{k}")
        code.label(f"known{k}")

    def _target(
        self, node: Node
    ) -> tuple[Callable[[], str], Callable[[str], None], str]:
        """Return how a place is read and written, and its dtype."""
        code, dtype = self.code, node.type.dtype
        if node.op is _LOAD and len(node.args) == 1:  # of an array without axes left
            (node,) = node.args
        elif node.op is _LOAD:
            view, address = self.values.address(node)
            return (
                lambda: code.load(view.dtype, address),
                lambda value: code.store(view.dtype, address, value),
                view.dtype,
            )
        name = self.names[node]
        return (
            lambda: code.get(name, dtype),
            lambda value: code.put(name, dtype, value),
            dtype,
        )

    def _allocate(self, item: Allocate) -> None:
        code, node = self.code, item.of
        name, dtype = self.names[node], node.type.dtype
        if not item.shape:
            code.put(name, dtype, self._filling(item.fill or 0.0, dtype))
            return
        if item.inside is not None:
            old = self.values.view(item.inside)
            same = old.turned and old.shape == item.shape
            if (old.strides is not None and not same) or old.dtype != dtype:
                raise UnsupportedError("expected memory in order, found a view")
            self.values.arrays[name] = old._replace(shape=item.shape)
            return
        if not item.again:
            pointer = self._room(node, item.shape)
            self.values.arrays[name] = View(pointer, dtype, item.shape)
        if item.fill is not None:
            count = code.sizes.product(item.shape)
            pointer = self.values.arrays[name].pointer
            code.fill(pointer, dtype, count, self._filling(item.fill, dtype))

    def _filling(self, value: float, dtype: str) -> str:
        """Return a constant; the least and largest integer stand for infinities."""
        if dtype == "int64" and value in {float("inf"), float("-inf")}:
            return str(2**63 - 1 if value > 0 else -(2**63))
        return self.code.forms.constant(value, dtype)

    def _room(self, node: Node, shape: Sequence[object]) -> str:
        """Return memory for a node's value: the caller's where it is returned."""
        if node in self.buffers and tuple(shape) == node.type.shape:
            return self.buffers[node]
        return self.code.room(node.type.dtype, shape)  # type: ignore[arg-type]

    def _row(self, item: Row) -> None:
        code = self.code
        whole = self.values.view(item.array)
        index = [self.values.stored(i, "int64") for i in item.index]
        index.append(code.get(item.strip[0], "int64"))
        pointer = code.address(whole, index)
        stride = code.strides(whole)[-1]
        strides = None if stride == "1" else (stride,)
        view = View(pointer, whole.dtype, item.of.type.shape, strides)
        self.values.arrays[self.names[item.of]] = view
