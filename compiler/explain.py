"""Name the first NaN or infinity that reaches a result, with the user's line.

Comes in: a graph (of outputs, or of outputs and adjoints) and its inputs. Goes out: an
Explanation, true if something was found. What an untaken branch computes is never
blamed: it reaches nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.evaluate import dimensions, evaluate
from overbar.ir.source import printable
from overbar.ir.text import Writer
from overbar.ir.types import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from overbar.ir.evaluate import Values
    from overbar.ir.graph import Graph, Node
    from overbar.ir.source import Span

_DEEPEST_PHRASE = 8
_LONGEST_PHRASE = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """Say where a NaN or an infinity first came from; false if all is finite.

    found: whether a result is NaN or infinite.
    name: the user's name, or the adjoint's, of the statement that it came up in.
    expression: the operation, in the user's names; an input's name for an input.
    value: what it gave; operands: what it was given, by their text.
    span: the user's line: of the operation, or of that whose adjoint it is in.
    stage: "input", "value" or "gradient".
    domain: the domain that an operand is outside of, in words, if that is why.
    """

    found: bool
    name: str = ""
    expression: str = ""
    value: float = math.nan
    operands: tuple[tuple[str, float], ...] = ()
    span: Span | None = None
    stage: str = "value"
    domain: str = ""

    def __bool__(self) -> bool:
        """Return whether something was found."""
        return self.found

    def __str__(self) -> str:
        """Return a sentence, below it the user's line with a caret."""
        if not self.found:
            return "every result is finite"
        sentence = f"{self.value!r} in {self._where}"
        if self.stage != "input":
            sentence += f": {self.happened}"
        if self.span is None:
            return sentence
        _, line, caret = self.span.point("").split("\n")
        return f"{sentence}\n{line}\n{caret}"

    @property
    def happened(self) -> str:
        """What happened, without the place: `sqrt(u) at u = -1.0`."""
        given = ", ".join(f"{text} = {value!r}" for text, value in self.operands)
        text = f"{self.expression} at {given}" if given else self.expression
        return f"{text}, outside of {self.domain}" if self.domain else text

    @property
    def _where(self) -> str:
        if self.stage == "input":
            return f"the input {self.expression}"
        line = f"{self.span.source.label}{self.span.line}" if self.span else ""
        if self.stage == "value":
            return line or self.name
        if self.span is None:
            return f"the adjoint {self.name}"
        return f"the adjoint of {_short(printable(self.span.text))} ({line})"


def explain(
    graph: Graph, inputs: Mapping[str, Any], roots: Iterable[Node] | None = None
) -> Explanation:
    """Run the graph node by node and name the first NaN or infinity.

    graph: the formula, or a view of it whose outputs are those and the gradient;
    inputs: a value an input, those with a default may be left out (a seed that is
    none of the formula's inputs is 1); roots: what to compute, by default the outputs.
    Raises InputError for an input that has no value.

    The answer is the first of all nodes that are not finite and from which, along
    values that are not finite, a result is reached; it names values before gradients.
    """
    roots = list(graph.outputs.values() if roots is None else roots)
    order = graph.order(roots)
    values = evaluate(graph, complete(graph, inputs, order), roots)
    users: dict[Node, Node | None] = {r: None for r in roots if _bad(values[r])}
    stack = list(users)
    while stack:
        node = stack.pop()
        for arg in _taken(node, values):
            if arg not in users and _bad(values[arg]):
                users[arg] = node
                stack.append(arg)
    if not users:
        return Explanation(found=False)
    first = min(users, key=lambda n: n.index)
    # A constant's place is that of its first use anywhere: point at what uses it here.
    place = (users[first] if first.is_const else None) or first
    name = statement(graph, first, users)
    return _explanation(graph, first, values, name, graph.spans.get(place))


def complete(
    graph: Graph, inputs: Mapping[str, Any], order: Iterable[Node]
) -> dict[str, Any]:
    """Return values for all inputs that a topological order needs, or that are given.

    Defaults are filled in, seeds (inputs that the formula does not declare) are 1, and
    numbers fill arrays. Raises InputError where an input has no value, or no number.
    """
    given: dict[str, Any] = {}
    sizes = dimensions(graph, inputs, {})
    sizing = [n for name, n in graph.inputs.items() if name in inputs]
    for node in dict.fromkeys([*order, *sizing]):
        if node.args or node.op.numpy is not None or node.is_const:
            continue
        name = node.attrs[0]
        if name not in graph.inputs:
            value = inputs.get(name, 1.0)
        elif name in inputs or name in graph.defaults:
            value = inputs.get(name, graph.defaults.get(name))
        else:
            message = f"expected a value for {name!r}, found none"
            raise InputError(message)
        shape = node.type.shape
        if np.ndim(value) and not shape:
            message = f"expected one number for {name!r}, found shape {np.shape(value)}"
            raise InputError(message)
        array = np.asarray(value, node.type.dtype)
        if shape and not array.ndim:
            array = np.full(tuple(size_of(e, sizes) for e in shape), array)
        given[name] = array if shape else array.item()
    return given


def _bad(value: Any) -> bool:
    return not np.all(np.isfinite(value))


Place: TypeAlias = "tuple[int, ...]"


def _first_bad(value: Any) -> Place:
    """Return the place of the first element that is NaN or infinite; () of a number."""
    bad = np.argwhere(~np.isfinite(value))
    return tuple(map(int, bad[0])) if len(bad) else ()


def element(value: Any, place: Place) -> Any:
    """Return the element at a place of an array, a number as it is."""
    array = np.asarray(value)
    found = array[place[len(place) - array.ndim :]]
    return found.item() if isinstance(found, np.generic | np.ndarray) else found


def _taken(node: Node, values: Values) -> Sequence[Node]:
    """Return the operands that the node's value comes from."""
    if not node.op.chooses:
        return node.args
    condition, yes, no = node.args
    taken = np.asarray(values[condition])
    if taken.ndim == 0:
        return (yes,) if taken else (no,)
    return [
        arm
        for arm, where in ((yes, taken), (no, ~taken))
        if np.any(where & ~np.isfinite(values[arm]))
    ]


def statement(graph: Graph, node: Node, users: Mapping[Node, Node | None]) -> str:
    """Return the name of the statement that a node is computed in."""
    outputs = {n: name for name, n in reversed(graph.outputs.items())}
    walk: Node | None = node
    while walk is not None:
        name = graph.names.get(walk) or outputs.get(walk)
        if name:
            return name
        walk = users[walk]
    return "the result"


def _explanation(
    graph: Graph, node: Node, values: Values, name: str, span: Span | None
) -> Explanation:
    formula = graph.formula_size or len(graph)
    is_input = not node.args and node.op.numpy is None and not node.is_const
    stage = "input" if is_input else "value" if node.index < formula else "gradient"
    place = _first_bad(values[node])
    operands = _operands(node, values, place)
    text = node.attrs[0] + subscript(place) if is_input else phrase(graph, node)
    return Explanation(
        found=True,
        name=name,
        expression=f"the constant {text}" if node.is_const else text,
        value=element(values[node], place),
        operands=tuple(
            (read(graph, a) + subscript(at), element(values[a], at))
            for a, at in operands.items()
        ),
        span=span,
        stage=stage,
        domain=_outside(node, values, place),
    )


def _operands(node: Node, values: Values, place: Place) -> dict[Node, Place]:
    """Return the operands to show, each with the place of the element to show.

    Element by element that is the place of the result; of what works on whole arrays it
    is where an operand is not finite, and arrays that are finite are not shown.
    """
    found: dict[Node, Place] = {}
    for arg in node.args:
        if arg.is_const:
            continue
        if not arg.type.shape:
            found[arg] = ()
        elif node.op.shaping is None:
            found[arg] = place
        elif _bad(values[arg]):
            found[arg] = _first_bad(values[arg])
    return found


def subscript(place: Place) -> str:
    """Return a place as text, `[1, 2]`; nothing for a number."""
    return f"[{', '.join(map(str, place))}]" if place else ""


def _outside(node: Node, values: Values, place: Place) -> str:
    """Return the domain that an operand is outside of, if that gave the NaN."""
    if node.op.shaping is not None or not math.isnan(element(values[node], place)):
        return ""
    for (low, high), arg in zip(node.op.domain, node.args, strict=False):
        value = element(values[arg], place)
        if value < low or value > high:
            left = "(" if low == -math.inf else "["
            right = ")" if high == math.inf else "]"
            return f"the domain {left}{low:g}, {high:g}{right}"
    return ""


# -- short texts of nodes, in the user's names ----------------------------------------


def read(graph: Graph, node: Node) -> str:
    """Return a node's name, or else its expression, cut short."""
    return graph.names.get(node) or phrase(graph, node)


def phrase(graph: Graph, node: Node) -> str:
    """Return a node's expression in the user's names, cut short where it is long.

    What is too deep inside to be read is written `...`; the work is bounded.
    """
    names: dict[Node, str] = {}
    queue, left = [*node.args], _DEEPEST_PHRASE
    for arg in queue:  # grows while it is walked
        if arg in graph.names:
            names[arg] = graph.names[arg]
        elif arg.args and left:
            left -= 1
            queue += arg.args
        elif arg.args:
            names[arg] = "..."
    return _short(Writer(names).write(node)[0])


def _short(text: str) -> str:
    if len(text) <= _LONGEST_PHRASE:
        return text
    return text[: _LONGEST_PHRASE - 3].rstrip() + "..."
