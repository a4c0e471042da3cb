"""Name the first NaN or infinity that reaches a result, with the user's line.

Comes in: a graph (of outputs, or of outputs and adjoints) and its inputs. Goes out: an
Explanation, true if something was found. What an untaken branch computes is never
blamed: it reaches nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate
from overbar.ir.source import printable
from overbar.ir.text import Writer

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
    inputs: a number an input, those with a default may be left out (a seed that is
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
    name = _statement(graph, first, users)
    return _explanation(graph, first, values, name, graph.spans.get(place))


def complete(
    graph: Graph, inputs: Mapping[str, Any], order: Iterable[Node]
) -> dict[str, Any]:
    """Return plain numbers for all inputs that a topological order needs.

    Defaults are filled in, seeds (inputs that the formula does not declare) are 1.
    Raises InputError where an input has no value or is no single number.
    """
    given: dict[str, Any] = {}
    for node in order:
        if node.args or node.is_const:
            continue
        name = node.attrs[0]
        if name not in graph.inputs:
            value = inputs.get(name, 1.0)
        elif name in inputs or name in graph.defaults:
            value = inputs.get(name, graph.defaults.get(name))
        else:
            message = f"expected a value for {name!r}, found none"
            raise InputError(message)
        if np.ndim(value):
            message = f"expected one number for {name!r}, found shape {np.shape(value)}"
            raise InputError(message)
        given[name] = np.asarray(value, node.type.dtype).item()
    return given


def _bad(value: Any) -> bool:
    return not np.isfinite(value)


def _taken(node: Node, values: Values) -> Sequence[Node]:
    """Return the operands that the node's value comes from."""
    if not node.op.chooses:
        return node.args
    condition, yes, no = node.args
    return (yes,) if values[condition] else (no,)


def _statement(graph: Graph, node: Node, users: Mapping[Node, Node | None]) -> str:
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
    is_input = not node.args and not node.is_const
    stage = "input" if is_input else "value" if node.index < formula else "gradient"
    operands = dict.fromkeys(a for a in node.args if not a.is_const)
    text = node.attrs[0] if is_input else phrase(graph, node)
    return Explanation(
        found=True,
        name=name,
        expression=f"the constant {text}" if node.is_const else text,
        value=values[node].item(),
        operands=tuple((read(graph, a), values[a].item()) for a in operands),
        span=span,
        stage=stage,
        domain=_outside(node, values),
    )


def _outside(node: Node, values: Values) -> str:
    """Return the domain that an operand is outside of, if that gave the NaN."""
    if not math.isnan(values[node]):
        return ""
    for (low, high), arg in zip(node.op.domain, node.args, strict=False):
        if values[arg] < low or values[arg] > high:
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
