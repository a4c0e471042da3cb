"""Print a Program with branches as a function of LLVM's.

Comes in: a scheduled Program over numbers. Goes out: the text of `void @core(ptr in,
ptr out)`. Its variables live in memory, which LLVM's passes turn into registers; an
expression is computed where it is read, as the generated Python does.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

from overbar.codegen.machine.body import Body, function, module
from overbar.codegen.machine.instructions import KINDS
from overbar.ir.errors import UnsupportedError
from overbar.ir.program import Assign, Comment, If, leaves
from overbar.ir.types import F32, F64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.ir.graph import Node
    from overbar.ir.program import Program, Statement

_Step: TypeAlias = "Statement | str"


def print_branching(program: Program, inputs: Sequence[Node], forms: Forms) -> str:
    """Return the text of `@core`; inputs and results have a slot each, in order."""
    return _Branching(program, inputs, forms).text()


class _Branching(Body):
    """Print the statements of one program."""

    def __init__(self, program: Program, inputs: Sequence[Node], forms: Forms) -> None:
        super().__init__(inputs, forms)
        self.program = program
        self.count = itertools.count()
        self.places: dict[Node, str] = {}
        for node in inputs:
            self.value(node)

    def value(self, node: Node) -> str:
        """Return the text of a value; constants are doubles, as in Python."""
        if node.is_const and node.type is F32:
            self.dtypes[node] = F64.dtype
        return super().value(node)

    def apply(self, node: Node, number: object) -> None:
        """Compute a node; the choice of 0 or a float32 is made before it is widened.

        LLVM's passes would move the widening behind `x > 0 ? 0.0 : x`, as if that were
        the smaller of two numbers, and give 0.0 where x is -0.0.
        """
        zero = self._zero_or_single(node) if node.op.llvm == "select" else None
        if zero is None:
            super().apply(node, number)
            return
        single = F32.dtype
        given = [self.value(a) for a in node.args]
        given[node.args.index(zero)] = self.forms.constant(zero.value, single)
        dtypes = (self.dtypes[node.args[0]], single, single)
        made = self.forms.form(node.op, node.attrs, dtypes)
        self.lines.append(made.template.format(*given, n=f"{number}.s"))
        self.texts[node], self.dtypes[node] = f"%v{number}.s", single
        self.texts[node] = self.converted(node, F64.dtype, number)
        self.dtypes[node] = F64.dtype

    def _zero_or_single(self, node: Node) -> Node | None:
        """Return the double 0 that a choice has beside a float32."""
        dtypes = {self.dtypes[a]: a for a in node.args[1:] if self.value(a)}
        zero = dtypes.get(F64.dtype)
        single = F32.dtype in dtypes
        return zero if single and zero and zero.is_const and zero.value == 0 else None

    def text(self) -> str:
        """Return the module's text."""
        self._statements(self.program.body)
        results = leaves(self.program.result)
        for node in results:
            self._compute(node)
        self.finish(results)
        made = [f"{place} = alloca {KINDS[n.type.dtype]}\n"
                for n, place in self.places.items()]  # fmt: skip
        core = function("core", ("in", "out"), [*made, *self.lines])
        return module(self.forms, [core])

    def _statements(self, body: Sequence[Statement]) -> None:
        stack: list[_Step] = list(body[::-1])
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                self.lines.append(item)
            elif isinstance(item, Assign):
                self._assign(item)
            elif isinstance(item, If):
                stack += self._branch(item)[::-1]
            elif not isinstance(item, Comment):
                message = f"expected code over numbers, found {type(item).__name__}"
                raise UnsupportedError(message)

    def _branch(self, item: If) -> list[_Step]:
        """Return the lines and statements of a branch; its condition comes first."""
        for node in item.preset:
            zero = self.forms.constant(0, node.type.dtype)
            self._put(node, zero)
        k = next(self.count)
        self._compute(item.cond)
        test = self.converted(item.cond, "bool", f".c{k}")
        self.lines.append(f"br i1 {test}, label %then{k}, label %else{k}\n")
        leave = f"br label %end{k}\n"
        return [
            f"then{k}:\n", *item.then, leave,
            f"else{k}:\n", *item.orelse, leave,
            f"end{k}:\n",
        ]  # fmt: skip

    def _assign(self, item: Assign) -> None:
        self._compute(item.value, whole=item.value is item.of)
        dtype = item.of.type.dtype
        value = self.converted(item.value, dtype, f".a{next(self.count)}")
        self._put(item.of, value)
        if item.value is item.of:  # it is read from its place from here on
            del self.texts[item.of]

    def _put(self, node: Node, value: str) -> None:
        place = self.places.setdefault(node, f"%m{node.index}")
        kind = KINDS[node.type.dtype]
        self.lines.append(f"store {kind} {value}, ptr {place}\n")

    def _compute(self, root: Node, *, whole: bool = False) -> None:
        """Compute an expression down to variables, and give its value a text.

        whole: compute a variable's own expression.
        """
        done: set[Node] = set()
        stack = [root]
        while stack:
            node = stack[-1]
            if node in done or not node.args or node in self.inputs:  # known by name
                done.add(stack.pop())
                continue
            number = next(self.count)
            if node in self.places and not (whole and node is root):
                kind = KINDS[node.type.dtype]
                self.lines.append(
                    f"%v{number} = load {kind}, ptr {self.places[node]}\n"
                )
                self.texts[node], self.dtypes[node] = f"%v{number}", node.type.dtype
            elif missing := [a for a in node.args if a.args and a not in done]:
                stack += missing
                continue
            else:
                self.apply(node, number)
            done.add(stack.pop())
