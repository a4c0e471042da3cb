"""Write the body of an LLVM function that reads and writes slots of numbers.

Every number of a program's inputs, results and scratch has a slot of 8 bytes: a double,
an int64, a float32 in the first four, a bool in the first byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.machine.instructions import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overbar.codegen.machine.forms import Forms
    from overbar.ir.graph import Node

SLOT = 8
"""Bytes of a slot."""


class Body:
    """Collect the lines of one function, and know the text of every value.

    inputs: the slot of each input; texts: what a node's value is called; dtypes: what
    it is there, which in a float32 formula may be wider than the node's own.
    """

    def __init__(self, inputs: Sequence[Node], forms: Forms) -> None:
        self.forms = forms
        self.inputs = {n: i for i, n in enumerate(inputs)}
        self.lines: list[str] = []
        self.texts: dict[Node, str] = {}
        self.dtypes: dict[Node, str] = {}

    def value(self, node: Node) -> str:
        """Return the text of a value: what it is called, a constant, or an input."""
        found = self.texts.get(node)
        if found is not None:
            return found
        dtype = self.dtypes.setdefault(node, node.type.dtype)
        if node.is_const:
            text = self.forms.constant(node.value, dtype)
        else:
            slot = self.inputs[node]
            text = self.load(f"%i{slot}", dtype, "in", slot)
        self.texts[node] = text
        return text

    def apply(self, node: Node, number: object) -> None:
        """Compute a node whose operands are known; a number makes its names unique."""
        given = [self.value(a) for a in node.args]
        dtypes = tuple([self.dtypes[a] for a in node.args])
        made = self.forms.form(node.op, node.attrs, dtypes)
        if made.template:
            self.lines.append(made.template.format(*given, n=number))
            self.texts[node] = f"%v{number}"
        else:
            self.texts[node] = given[0]
        self.dtypes[node] = made.dtype

    def load(self, name: str, dtype: str, base: str, slot: int) -> str:
        """Read a slot into a variable."""
        place = f"{name}.p"
        self.lines.append(
            f"{place} = getelementptr i8, ptr %{base}, i64 {slot * SLOT}\n"
        )
        if dtype == "bool":
            self.lines.append(
                f"{name}.b = load i8, ptr {place}\n{name} = trunc i8 {name}.b to i1\n"
            )
        else:
            self.lines.append(f"{name} = load {KINDS[dtype]}, ptr {place}\n")
        return name

    def store(self, value: str, dtype: str, base: str, slot: int) -> None:
        """Write a value to a slot.

        Volatile, as LLVM otherwise compares every store with every other: its time
        grows with the square of their number.
        """
        place, kind = f"%{base}{slot}.p", KINDS[dtype]
        self.lines.append(
            f"{place} = getelementptr i8, ptr %{base}, i64 {slot * SLOT}\n"
        )
        if dtype == "bool":
            wide = f"%{base}{slot}.b"
            self.lines.append(f"{wide} = zext i1 {value} to i8\n")
            value, kind = wide, "i8"
        self.lines.append(f"store volatile {kind} {value}, ptr {place}\n")

    def converted(self, node: Node, dtype: str, number: object) -> str:
        """Return a value's text in a dtype."""
        value = self.value(node)
        if self.dtypes[node] == dtype:
            return value
        form = self.forms.cast(self.dtypes[node], dtype)
        self.lines.append(form.template.format(value, n=number))
        return f"%v{number}"

    def finish(self, results: Sequence[Node]) -> None:
        """Store results, each in a slot of its own dtype."""
        for i, node in enumerate(results):
            dtype = node.type.dtype
            self.store(self.converted(node, dtype, f".r{i}"), dtype, "out", i)


def function(
    name: str, arguments: Sequence[str], lines: Sequence[str], linkage: str = ""
) -> str:
    """Return a function over arrays of slots that share no memory."""
    given = ", ".join(f"ptr noalias %{a}" for a in arguments)
    return (
        f"define {linkage}void @{name}({given}) nounwind {{\n"
        f"{''.join(lines)}ret void\n}}"
    )


def module(forms: Forms, functions: Sequence[str]) -> str:
    """Return a module's text: what the forms need, then functions."""
    return "\n".join([forms.text(), *functions, ""])
