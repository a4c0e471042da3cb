"""Say how to compute: ordered statements and branches over the nodes of a graph.

A statement gives a variable its value; the value's expression reaches down to nodes
that are variables themselves (`Program.names`). Printers walk this and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.text import Writer
    from overbar.ir.types import Extent

LOAD, EXTENT = OPS["load"], OPS["extent"]
Statement: TypeAlias = "Assign | If | For | Row | Store | Allocate | Comment | Call"
Result: TypeAlias = "Node | tuple[Result, ...]"


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a variable the value of a node's expression.

    of: the node that the variable stands for from here on; a branch of a `select`
        gives the select's variable the value of another node.
    """

    value: Node
    of: Node


@dataclass(frozen=True, slots=True)
class If:
    """Branch on a condition; `preset` are variables to set to 0 before it.

    These are computed in one of the branches and read after it.
    """

    cond: Node
    then: list[Statement] = field(default_factory=list)
    orelse: list[Statement] = field(default_factory=list)
    preset: dict[Node, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class For:
    """Repeat a body for an index from 0 up to an extent.

    step: above 1, how many elements a turn takes: a strip. The index is its start.
    strip: the names of a strip's start and end; with step 1 the index runs over it,
        from 0 on, or as `whole` says between these.
    """

    index: str
    extent: Extent
    body: list[Statement] = field(default_factory=list)
    step: int = 1
    strip: tuple[str, str] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Name the part of a row of an array that lies in a strip.

    index: the indices before the row's own.
    """

    of: Node
    array: Node
    index: tuple[Node, ...]
    strip: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Store:
    """Put a value into an element of an array, or gather it into a variable.

    target: a `load` of an array's element, or a variable.
    kind: "set", or how the value is gathered: "add", "mul", "larger", "smaller",
        "or", "and"; "plus" is "add" in any order.
    """

    target: Node
    value: Node
    kind: str


@dataclass(frozen=True, slots=True)
class Allocate:
    """Make an array for a node's value, of a shape of its own where that is smaller.

    fill: what it holds at first, None for nothing; an array without axes is a variable.
    again: it is made already, and filled again.
    inside: the array that it takes the memory of, which nothing reads any more.
    """

    of: Node
    shape: tuple[Extent, ...]
    fill: float | None
    again: bool = False
    inside: Node | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """Say in readable mathematics what the statements below compute."""

    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """Say where a value goes: into an array at its first axes' indices, or its last's.

    A `whole` array without indices is the value itself.
    """

    array: Node
    index: tuple[Node, ...] = ()
    last: bool = False
    whole: bool = False

    def text(self, names: Mapping[Node, str]) -> str:
        """Return the place as Python writes it."""
        if self.whole:
            return names[self.array]
        index = [names[i] for i in self.index]
        if self.last or not index:
            index = ["...", *index]
        return f"{names[self.array]}[{', '.join(index)}]"


@dataclass(frozen=True, slots=True)
class Call:
    """Call another program, and put its results where they belong.

    into: a place for the whole result, or for each, None for what is not wanted.
    through: the name of the array of all results, where they come as one.
    """

    program: Program
    args: tuple[Node, ...]
    into: Part | tuple[Part | None, ...]
    through: str = ""

    def targets(self, names: Mapping[Node, str]) -> list[str]:
        """Return the places as Python writes them, `_` for what is not wanted."""
        parts = (self.into,) if isinstance(self.into, Part) else self.into
        return ["_" if part is None else part.text(names) for part in parts]


@dataclass(frozen=True, slots=True)
class Program:
    """Hold one function: what it is called with, its statements, what it returns.

    params: names and nodes of the arguments, in order; a tuple of them is one
        argument that is taken apart (`saved`).
    defaults: default values of arguments, by name.
    packed: the arguments come as one array, in the order of `params`.
    sizes: named dimensions by the text that gives their size.
    constants: the last arguments: constant arrays, which no caller gives.
    names: the variables: every node that is read by name.
    result: the nodes returned, nested as the function returns them.
    """

    name: str
    doc: str
    params: tuple[tuple[str, Node | tuple[Node, ...]], ...]
    body: list[Statement]
    names: dict[Node, str]
    result: Result
    packed: bool = False
    defaults: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    constants: tuple[Node, ...] = ()

    @property
    def shaped(self) -> bool:
        """Whether an argument or a result is an array."""
        given = leaves(tuple(part for _, part in self.params))
        return any(n.type.shape for n in (*given, *leaves(self.result)))

    @property
    def read(self) -> set[Node]:
        """The variables that some statement or the result reads, sizes among them."""
        stack: list[Node] = [n for n in self.names if n.op is EXTENT]
        blocks: list[Statement] = list(self.body)
        for item in blocks:  # grows while it is walked
            inner, read = _parts(item)
            blocks += inner
            stack += read
        stack += leaves(self.result)
        found: set[Node] = set()
        while stack:
            node = stack.pop()
            if node in found:
                continue
            if node in self.names:
                found.add(node)
                if node.op is LOAD:
                    stack += node.args
            else:
                stack += node.args
        return found

    def __str__(self) -> str:
        """Return the statements, indented, one a line."""
        from overbar.ir.text import Writer

        writer = Writer(self.names)
        lines: list[str] = []
        stack: list[tuple[Statement | str, int]] = [(s, 0) for s in self.body[::-1]]
        while stack:
            item, depth = stack.pop()
            pad = "    " * depth
            if isinstance(item, str):
                lines.append(pad + item)
            elif isinstance(item, Assign):
                lines.append(
                    f"{pad}{self.names[item.of]} = {writer.write(item.value)[0]}"
                )
            elif isinstance(item, For):
                step = f" by {item.step}" if item.step > 1 else ""
                lines.append(f"{pad}for {item.index} in {item.extent}{step}:")
                stack += [(s, depth + 1) for s in item.body[::-1]]
            elif isinstance(item, If):
                lines += [f"{pad}{self.names[n]} = 0" for n in item.preset]
                lines.append(f"{pad}if {writer.read(item.cond)}:")
                if item.orelse:
                    stack += [(s, depth + 1) for s in item.orelse[::-1]]
                    stack.append(("else:", depth))
                stack += [(s, depth + 1) for s in item.then[::-1]]
            else:
                lines.append(pad + self._line(item, writer))
        return "\n".join(lines)

    def _line(self, item: Statement, writer: Writer) -> str:
        """Return a statement without others inside."""
        if isinstance(item, Store):
            target, value = writer.read(item.target), writer.read(item.value)
            return f"{target} {_SIGNS.get(item.kind, item.kind)} {value}"
        if isinstance(item, Allocate):
            shape = ", ".join(map(str, item.shape))
            return f"{self.names[item.of]} = array({shape})"
        if isinstance(item, Row):
            place = ", ".join([*map(writer.read, item.index), ":".join(item.strip)])
            return f"{self.names[item.of]} = {self.names[item.array]}[{place}]"
        if isinstance(item, Call):
            given = ", ".join(writer.read(a) for a in item.args)
            left = ", ".join(item.targets(self.names))
            return f"{left} = {item.program.name}({given})"
        return f"# {item.text}" if isinstance(item, Comment) else ""


def _parts(item: Statement) -> tuple[Sequence[Statement], Sequence[Node]]:
    """Return the statements inside of one, and the expressions that it computes."""
    if isinstance(item, If):
        return [*item.then, *item.orelse], [item.cond]
    return (item.body if isinstance(item, For) else []), _read(item)


def _read(item: Statement) -> Sequence[Node]:
    """Return the expressions that a statement computes itself."""
    if isinstance(item, Store):
        return [item.value, item.target]
    if isinstance(item, Row):
        return [item.array, *item.index]
    if isinstance(item, Allocate):
        return [] if item.inside is None else [item.inside]
    if isinstance(item, Assign):
        return item.value.args if item.value is item.of else [item.value]
    return []


_SIGNS = {"set": "=", "add": "+=", "mul": "*="}

LARGEST_TUPLE = 16
"""Results of more numbers than this are returned as an array; arguments come as one."""


def is_packed(result: Result) -> bool:
    """Whether a result is returned as one array of numbers."""
    return (
        isinstance(result, tuple)
        and len(result) > LARGEST_TUPLE
        and not any(n.type.shape for n in leaves(result))
    )


def leaves(result: Result) -> list[Node]:
    """Return the nodes of a nested result, in order."""
    if not isinstance(result, tuple):
        return [result]
    return [node for part in result for node in leaves(part)]
