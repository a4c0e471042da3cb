"""Compute expressions over variables and elements of arrays.

An expression is computed where it is read, its branches and conditions only where they
are chosen, as the generated Python does under Numba: there is no other way to tell a
place out of range where it matters from one where it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.machine.arrays_code import View
from overbar.ir.errors import UnsupportedError
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.codegen.machine.arrays_code import Code
    from overbar.ir.graph import Node

_LOAD, _EXTENT, _WRAP = OPS["load"], OPS["extent"], OPS["wrap"]
_INPUT = OPS["input"]

Value: TypeAlias = "tuple[str, str]"
"""A value's text and its dtype, which may be wider than its node's."""
_Task: TypeAlias = "Callable[[], None] | Node"


def part(code: Code, whole: View, index: Sequence[str]) -> View:
    """Return what the first axes' indices leave of an array."""
    if not index:
        return whole
    pointer, count = code.address(whole, index), len(index)
    strides = whole.strides[count:] if whole.strides is not None else None
    strides = None if strides == ("1",) else strides
    return View(pointer, whole.dtype, whole.shape[count:], strides)


class Values:
    """Write the expressions of one program.

    names: the variables; arrays: where those that are arrays lie, by name.
    """

    def __init__(self, code: Code, names: Mapping[Node, str]) -> None:
        self.code = code
        self.names = names
        self.arrays: dict[str, View] = {}
        self._known: dict[Node, Value] = {}
        self._trail: list[Node] = []
        self._tasks: list[_Task] = []

    def value(self, root: Node, *, whole: bool = False) -> Value:
        """Return an expression's value.

        whole: compute a variable's own expression.
        """
        self._known.clear()
        self._trail.clear()
        self._tasks = []
        if whole:
            self._expression(root)
        else:
            self._tasks.append(root)
        while self._tasks:
            task = self._tasks.pop()
            if callable(task):
                task()
            elif task not in self._known:
                self._visit(task)
        return self._known[root]

    def stored(self, root: Node, dtype: str, *, whole: bool = False) -> str:
        """Return an expression's value as a variable of a dtype has it."""
        text, found = self.value(root, whole=whole)
        return self.code.converted(text, found, dtype)

    def view(self, node: Node) -> View:
        """Return where an array lies, or a part of one."""
        name = self.names.get(node)
        if name is not None and name in self.arrays:
            return self.arrays[name]
        if node.op is _LOAD:
            whole = self.view(node.args[0])
            index = [self.stored(a, "int64") for a in node.args[1:]]
            return part(self.code, whole, index)
        message = f"expected an array that is kept, found {node.op.name}"
        raise UnsupportedError(message)

    def address(self, node: Node) -> tuple[View, str]:
        """Return the array and the place of a `load` of an element."""
        view = self.view(node.args[0])
        index = [self.stored(a, "int64") for a in node.args[1:]]
        return view, self.code.address(view, index)

    # -- one node --------------------------------------------------------------------

    def _keep(self, node: Node, text: str, dtype: str) -> None:
        self._known[node] = text, dtype
        self._trail.append(node)

    def _visit(self, node: Node) -> None:
        """Compute a node, or begin to."""
        dtype, name = node.type.dtype, self.names.get(node)
        if name is None and node.op is _INPUT:
            name = str(node.attrs[0])
        if name is None and node.op is _LOAD and len(node.args) == 1:
            name = self.names[node.args[0]]  # of an array without axes left
        if node.op is _EXTENT:
            self._keep(node, self.code.sizes.size(node.attrs[0]), "int64")
        elif name is not None:
            self._keep(node, self.code.get(name, dtype), dtype)
        else:
            self._expression(node)

    def _expression(self, node: Node) -> None:
        """Begin to compute a node that is no variable, or a variable's own value."""
        if node.is_const:
            dtype = "float64" if node.type.dtype == "float32" else node.type.dtype
            self._keep(node, self.code.forms.constant(node.value, dtype), dtype)
        elif node.type.shape or (node.op is not _LOAD and not node.args):
            message = f"expected a number, found {node.op.name}"
            raise UnsupportedError(message)
        elif node.op is _LOAD:
            self._tasks.append(lambda: self._load(node))
            self._tasks += node.args[:0:-1]
        elif self._is_lazy(node):
            self._tasks.append(lambda: self._fork(node))
            self._tasks.append(node.args[0])
        else:
            self._tasks.append(lambda: self._apply(node))
            self._tasks += node.args[::-1]

    def _load(self, node: Node) -> None:
        view = self.view(node.args[0])
        index = [self._as(a, "int64") for a in node.args[1:]]
        dtype = view.dtype
        text = self.code.load(dtype, self.code.address(view, index))
        self._keep(node, text, dtype)

    def _as(self, node: Node, dtype: str) -> str:
        text, found = self._known[node]
        return self.code.converted(text, found, dtype)

    def _apply(self, node: Node) -> None:
        given = [self._known[a] for a in node.args]
        if node.op is _WRAP:
            self._keep(node, self._wrapped(node), "int64")
            return
        dtypes = tuple(dtype for _, dtype in given)
        form = self.code.forms.form(node.op, node.attrs, dtypes)
        self._keep(node, self.code.apply(form, [t for t, _ in given]), form.dtype)

    def _wrapped(self, node: Node) -> str:
        """Return an index counted from the front; leave where it is out of range."""
        code = self.code
        i, n = (self._as(a, "int64") for a in node.args)
        least = code.make(f"sub i64 0, {n}")
        below = code.make(f"icmp slt i64 {i}, {least}")
        above = code.make(f"icmp sge i64 {i}, {n}")
        code.refuse(code.make(f"or i1 {below}, {above}"), "place")
        negative = code.make(f"icmp slt i64 {i}, 0")
        moved = code.make(f"add i64 {i}, {n}")
        return code.make(f"select i1 {negative}, i64 {moved}, i64 {i}")

    # -- what is computed in some cases alone ------------------------------------------

    def _is_lazy(self, node: Node) -> bool:
        """Whether some operands are worth a branch, or may be undefined."""
        logic = node.op.llvm in {"and", "or"} and len(node.args) == 2
        if not node.op.chooses and not logic:
            return False
        return not all(self._is_plain(a) for a in node.args[1:])

    def _is_plain(self, node: Node) -> bool:
        return node in self._known or node.is_const or node in self.names

    def _fork(self, node: Node) -> None:
        """Branch on the first operand, which is known."""
        code, k = self.code, self.code.number()
        test = self._as(node.args[0], "bool")
        code.fork(test, f"yes{k}", f"no{k}")
        mark = len(self._trail)
        if node.op.chooses:
            code.label(f"yes{k}")
            self._tasks.append(lambda: self._second(node, k, mark))
            self._tasks.append(node.args[1])
            return
        both = node.op.llvm == "and"
        code.label(f"no{k}" if both else f"yes{k}")
        known = "false" if both else "true"
        block = code.block
        self._tasks.append(lambda: self._join(node, k, mark, (known, "bool"), block))
        code.jump(f"met{k}")
        code.label(f"yes{k}" if both else f"no{k}")
        self._tasks.append(node.args[1])

    def _second(self, node: Node, k: int, mark: int) -> None:
        """Go on with the other branch."""
        code = self.code
        first, place, block = self._known[node.args[1]], code.later(), code.block
        code.jump(f"met{k}")
        self._forget(mark)
        code.label(f"no{k}")
        self._tasks.append(lambda: self._join(node, k, mark, first, block, place))
        self._tasks.append(node.args[2])

    def _join(
        self, node: Node, k: int, mark: int, first: Value, block: str,
        place: list[str] | None = None,
    ) -> None:  # fmt: skip
        """Take the value of the branch that was run."""
        code = self.code
        second = self._known[node.args[-1]]
        dtypes = first[1], second[1]
        dtype = "bool"
        if node.op.chooses:
            dtype = code.forms.form(node.op, (), ("bool", *dtypes)).dtype
        text = first[0]
        if place is not None:
            text = code.conversion_in(place, text, first[1], dtype)
        other = code.converted(second[0], second[1], dtype)
        end = code.block
        code.jump(f"met{k}")
        self._forget(mark)
        code.label(f"met{k}")
        kind = code.forms.kind(dtype)
        met = code.make(f"phi {kind} [ {text}, %{block} ], [ {other}, %{end} ]")
        self._keep(node, met, dtype)

    def _forget(self, mark: int) -> None:
        """Forget what was computed in a branch."""
        for node in self._trail[mark:]:
            del self._known[node]
        del self._trail[mark:]
