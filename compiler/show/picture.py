"""Say what a picture of a graph shows: items and the arrows between them.

Comes in: a graph, and values and gradients if there are any. Goes out: a Picture, which
`svg` draws and `dot` writes for Graphviz.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from overbar.ir.node import is_condition
from overbar.ir.ops.row import Notation
from overbar.ir.source import printable
from overbar.ir.text import Writer, equations, number
from overbar.ir.types import extents
from overbar.show.numbers import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from overbar.ir.graph import Graph, Node

_LONGEST_NAME, _LONGEST_SIGN = 24, 12
_SIGN = re.compile(r"[^\w\s()\[\]]{0,2}-?\d*|and|or|not|if else")
_TYPOGRAPHIC = {
    "": "=",
    "*": "\N{MULTIPLICATION SIGN}",
    "-": "\N{MINUS SIGN}",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "==": "=",
    "%": "mod",
    "if else": "if",
}


@dataclass(frozen=True, slots=True)
class Item:
    """Show one value.

    kind: "param", "data", "const", "op" or "output"; text: what stands inside; name:
    the user's name beside it; total: the gradient of an input, or of what has several
    users, in lines; title: the statement, shown as a tooltip.
    """

    kind: str
    text: str
    name: str = ""
    total: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """Show one use of a value: as operand `place` of `places` of its target.

    value, gradient: what flows forward and back, in lines; condition: whether that is
    a condition rather than a number; free: whether the target's operands may be drawn
    in any order.
    """

    source: int
    target: int
    place: int
    places: int
    value: str = ""
    gradient: str = ""
    condition: bool = False
    free: bool = False


@dataclass(slots=True)
class Picture:
    """Hold all items, those of operands before what uses them, and all arrows."""

    items: list[Item] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)


def picture(
    graph: Graph,
    values: Mapping[Node, Any] | None = None,
    gradients: Mapping[Node, Any] | None = None,
    edge_gradients: Mapping[tuple[Node, int], Any] | None = None,
) -> Picture:
    """Return the picture of a graph, with values and gradients where they are given."""
    return _Painter(graph, values or {}, gradients or {}, edge_gradients or {}).picture


class _Painter:
    """Hold the state of making one picture."""

    def __init__(
        self,
        graph: Graph,
        values: Mapping[Node, Any],
        gradients: Mapping[Node, Any],
        edges: Mapping[tuple[Node, int], Any],
    ) -> None:
        self.graph = graph
        self.values = values
        self.gradients = gradients
        self.edges = edges
        self.picture = Picture()
        self.place: dict[Node, int] = {}
        self.titles = _titles(graph)
        self.shown = set(graph.outputs)
        self.uses = Counter(node.args[i] for node, i in edges)
        for node in graph.order():
            if not node.is_const:
                self.add(node)
        for name, node in graph.outputs.items():
            self.add_output(name, node)

    def add(self, node: Node) -> None:
        """Add a node and the arrows from its operands."""
        sources = [self.source(a) for a in node.args]
        self.place[node] = len(self.picture.items)
        self.picture.items.append(self.item(node))
        for i, (arg, source) in enumerate(zip(node.args, sources, strict=True)):
            self.picture.arrows.append(
                Arrow(
                    source,
                    self.place[node],
                    i,
                    len(node.args),
                    "" if arg.is_const else self.flowing(arg),
                    self.number(self.edges, (node, i), sized=False),
                    is_condition(arg),
                    node.op.commutative,
                )
            )

    def add_output(self, name: str, node: Node) -> None:
        """Add an output, with the seed of the gradients where there is only one."""
        source = self.source(node)
        alone = len(self.graph.outputs) == 1
        seed = self.number(self.gradients, node, sized=False) if alone else ""
        target = len(self.picture.items)
        title = self.title(node, name)
        self.picture.items.append(Item("output", _short(printable(name)), title=title))
        value = self.flowing(node)
        self.picture.arrows.append(
            Arrow(source, target, 0, 1, value, seed, is_condition(node))
        )

    def source(self, node: Node) -> int:
        """Return the item of an operand, a new one for a constant."""
        if not node.is_const:
            return self.place[node]
        text = number(node.value)[0]
        self.picture.items.append(Item("const", _short(text), title=text))
        return len(self.picture.items) - 1

    def item(self, node: Node) -> Item:
        """Return what shows a node."""
        name = printable(self.graph.names.get(node, ""))
        if not node.args:
            kind = self.graph.roles.get(str(node.attrs[0]), "data")
            text, beside = _short(printable(_leaf(node))), ""
        else:
            kind, text = "op", sign(node)
            beside = "" if name in self.shown else _short(name)
        summed = not node.args or self.uses[node] > 1
        total = self.number(self.gradients, node, sized=False) if summed else ""
        return Item(kind, text, beside, total, self.title(node, name))

    def title(self, node: Node, name: str) -> str:
        """Return the tooltip: the statement, the user's line, value and gradient."""
        lines = [self.titles.get(node, printable(name))]
        span = self.graph.spans.get(node)
        line = span.line_text.strip() if span and node.args else ""
        if span and line and line not in lines:
            lines.append(f"{span.source.label}{span.line}: {line}")
        for label, numbers in (("value", self.values), ("gradient", self.gradients)):
            if node in numbers:
                lines.append(f"{label} {self.number(numbers, node)}".replace("\n", " "))
        return "\n".join(printable(line) for line in lines)

    def flowing(self, node: Node) -> str:
        """Return what stands above an edge: the value, or an array's shape."""
        shape = node.type.shape
        text = f"[{extents(shape)}]" if shape else ""
        return self.number(self.values, node) or printable(text)

    @staticmethod
    def number(numbers: Mapping[Any, Any], key: Any, *, sized: bool = True) -> str:
        """Return the number of a node or edge as it is shown, nothing without one."""
        return shown(numbers[key], sized=sized) if key in numbers else ""


def _titles(graph: Graph) -> dict[Node, str]:
    """Return the statement of each node, written with the names of the printed text."""
    names = {n: name for name, n, alias in equations(graph) if n.args and not alias}
    names |= {n: name for name, n in graph.inputs.items()}
    writer = Writer(names)
    found = {}
    for node in graph.order():
        text = writer.write(node)[0] if node.args else ""
        parts = [part for part in (names.get(node, ""), text) if part]
        found[node] = " = ".join(parts)
    return found


def sign(node: Node) -> str:
    """Return what stands in an op's circle: its sign in formulas, else its name."""
    form = node.op.text
    if form is not None and not isinstance(form, Notation):
        form = form(node)  # a form of its own for each node
    if form is None:
        return node.op.name
    text = form.template.replace("{a}", ", ".join(map(repr, node.attrs)))
    if node.op.shaping is not None and node.args:
        return _array_sign(node, text)
    text = re.sub(r"\{\d\}|\{args\}", "", text)
    text = " ".join(text.split()).replace("**", "^")
    return _TYPOGRAPHIC.get(text, text) if _SIGN.fullmatch(text) else node.op.name


def _leaf(node: Node) -> str:
    """Return an input's name, a size, or how a range is written."""
    form = node.op.text
    if form is None or isinstance(form, Notation):
        return str(node.attrs[0])
    return form(node).template


def _array_sign(node: Node, form: str) -> str:
    """Return the sign of an op on arrays: `@`, its function, or how it is written.

    There dots stand for the operands: `·.T`, `·[1:]`.
    """
    if form == "{0}":  # what is repeated along new axes
        return node.op.name
    plain = " ".join(re.sub(r"\{\d\}", "", form).split())
    if _SIGN.fullmatch(plain):
        return _TYPOGRAPHIC.get(plain, plain)
    call = re.match(r"(\w+)\(", form)
    if call:
        return call[1]
    dotted = re.sub(r"\{\d\}", "·", form)
    return dotted if len(dotted) <= _LONGEST_SIGN else node.op.name


def _short(name: str) -> str:
    """Return a long name without its middle."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[1 - half :]}"
