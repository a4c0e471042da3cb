"""Write expressions, one equation a line, in any notation of the op table.

Comes in: nodes and which of them have names. Goes out: text. Printing never recurses:
operands are written before what uses them.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from overbar.ir.ops.row import ATOM, PRODUCT, UNARY, Notation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.row import Written as Form

Written: TypeAlias = "tuple[str, int]"
_LONGEST_INLINE = 60
_LARGEST_PLAIN_INTEGER = 1e15


def number(value: float, *, plain: bool = True) -> Written:
    """Return a constant and how tightly its text binds.

    With `plain`, floats that are integers are written without a point, and those that
    are small fractions or multiples of pi as such; all read back as the same float.

    >>> number(0.5)[0], number(1 / 3)[0], number(2.0)[0], number(2.0, plain=False)[0]
    ('0.5', '1/3', '2', '2.0')
    """
    if isinstance(value, bool):
        return str(value), ATOM
    if math.isnan(value) or math.isinf(value):
        text = "nan" if math.isnan(value) else "inf"
        return ("-" + text, UNARY) if value == -math.inf else (text, ATOM)
    if isinstance(value, int):
        text = str(value)
    elif plain and value.is_integer() and abs(value) < _LARGEST_PLAIN_INTEGER:
        text = str(int(value)) if value or math.copysign(1, value) > 0 else "-0.0"
    else:
        text = repr(value)
        if plain and len(text) > 8:
            found = _fraction(value)
            if found:
                simple = found.isalpha()
                return found, ATOM if simple else UNARY if found == "-pi" else PRODUCT
    return text, UNARY if text.startswith("-") else ATOM


def _fraction(value: float) -> str | None:
    guess = Fraction(value).limit_denominator(999)
    if guess.denominator > 1 and guess.numerator / guess.denominator == value:
        return f"{guess.numerator}/{guess.denominator}"
    ratio = Fraction(value / math.pi).limit_denominator(12)
    top, bottom = ratio.numerator, ratio.denominator
    if 0 < abs(top) < 1000 and top * math.pi / bottom == value:
        head = {1: "pi", -1: "-pi"}.get(top, f"{top}*pi")
        return head if bottom == 1 else f"{head}/{bottom}"
    return None


class Writer:
    """Write nodes in one notation, those in `names` by their names."""

    column = "text"

    def __init__(self, names: Mapping[Node, str]) -> None:
        self.names = dict(names)

    def leaf(self, node: Node) -> Written:
        """Return the text of a constant or an input."""
        if node.is_const:
            return number(node.value)
        if node.op.numpy is not None:
            form = self.notation(node)
            return form.write((), node.attrs), form.binding
        return str(node.attrs[0]), ATOM

    def operand(self, node: Node, user: Node) -> Written:
        """Return the text of a constant or an input that an op is applied to."""
        del user
        return self.leaf(node)

    def apply(self, node: Node, operands: Sequence[Written]) -> Written:
        """Return the text of an op applied to operands."""
        form = self.notation(node)
        if form.template == "{0}":
            return operands[0]
        return form.write(operands, node.attrs), form.binding

    def symbol(self, name: str) -> str:
        """Return how a name is written."""
        return name

    def read(self, node: Node) -> str:
        """Return how a node is referred to: by its name where it has one."""
        name = self.names.get(node)
        return self.symbol(name) if name is not None else self.write(node)[0]

    def notation(self, node: Node) -> Notation:
        """Return how the node's op is written."""
        found: Form | None = getattr(node.op, self.column)
        if found is not None and not isinstance(found, Notation):
            return found(node)
        return found or Notation(node.op.name + "({args})")

    def write(self, root: Node) -> Written:
        """Return the text of a node's expression, whatever its own name."""
        done: dict[Node, Written] = {}
        stack = [root]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            missing = [a for a in node.args if a not in done and a not in self.names]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if not node.args:
                done[node] = self.leaf(node)
                continue
            operands = [
                (self.symbol(self.names[a]), ATOM) if a in self.names
                else done[a] if a.args
                else self.operand(a, node)
                for a in node.args
            ]  # fmt: skip
            done[node] = self.apply(node, operands)
        return done[root]


def arrange(
    graph: Graph, roots: Iterable[Node], known: Collection[Node] = ()
) -> list[Node]:
    """Return what the roots need in the user's order: statement by statement.

    The user's named values come in the order of their statements, each right after
    the unnamed ones that it is the first to need; what is `known` needs nothing.
    """
    roots = list(roots)
    needed = set(graph.order(roots, known)) if graph.statements else ()
    placed: dict[Node, int] = {}
    for k, root in enumerate([n for _, n in graph.statements if n in needed] + roots):
        stack = [root] if root not in placed else []
        while stack:
            node = stack.pop()
            if node not in placed:
                placed[node] = k
                if node not in known:
                    stack += [a for a in node.args if a not in placed]
    return sorted(sorted(placed, key=_index), key=placed.__getitem__)


_index = attrgetter("index")


def name_shared(  # noqa: PLR0913 - what to name, and what not
    graph: Graph,
    order: Sequence[Node],
    names: Mapping[Node, str],
    *,
    repeat: bool,
    longest: int = _LONGEST_INLINE,
    must: Collection[Node] = (),
    inline: Collection[Node] = (),
    roots: Iterable[Node] = (),
    taken: Collection[str] = (),
    prefer: Mapping[Node, str] | None = None,
) -> dict[Node, str]:
    """Return names for all nodes that deserve a statement of their own.

    These are the ones named already, those used more than once and those whose text
    is long. With `repeat`, one cheap operation on names is written again rather than
    named, as one does on paper; `must` are named in any case, `inline`
    never; names `taken` elsewhere are not given. A nameless adjoint of `t1` is named
    `t1_bar`; others get the name that is preferred for them, if it is free.
    """
    uses = Counter(chain.from_iterable([node.args for node in order]))
    uses.update(roots)
    given = {*taken, *names.values(), *graph.inputs}
    taken = given | {n for n, _ in graph.statements}
    result = dict(names)
    length: dict[Node, int] = {}
    fresh, forced = 0, set(must)
    outputs = {n: name for name, n in reversed(graph.outputs.items())}
    outputs |= prefer or {}
    for node in order:
        if node in result:
            continue
        args = node.args
        if not args:
            length[node] = len(number(node.value)[0]) if node.is_const else 4
            continue
        size = 3
        for a in args:
            size += len(result[a]) if a in result else length[a]
        length[node] = size
        cheap = repeat and node.op.cost <= 1 and size < 16
        cheap = cheap and all(a in result or not a.args for a in args)
        often = uses[node] > 1 and not cheap and node not in inline
        if often or node in forced or size > longest:
            name, fresh = _fresh(graph, node, result, taken, fresh, outputs)
            taken.add(name)
            result[node] = name
    return result


def _fresh(
    graph: Graph,
    node: Node,
    names: Mapping[Node, str],
    taken: set[str],
    last: int,
    outputs: Mapping[Node, str],
) -> tuple[str, int]:
    output = outputs.get(node)
    if output is not None and output not in taken:
        return output, last
    primal = graph.adjoint_of.get(node)
    if primal is not None and names.get(primal):
        name = f"{names[primal]}_bar"
        if name not in taken:
            return name, last
    last += 1
    while f"t{last}" in taken:
        last += 1
    return f"t{last}", last


def equations(graph: Graph, *, repeat: bool = True) -> list[tuple[str, Node, bool]]:
    """Return the statements to print, as name, node, and whether it is an alias.

    The user's statements come in order, each after the temporaries that it needs; a
    second name of a value is an alias of its first.
    """
    roots = list(graph.outputs.values())
    order = arrange(graph, roots)
    needed = set(order)
    user = {n: name for n, name in graph.names.items() if n in needed}
    for name, node in graph.outputs.items():
        if node not in user and not node.is_const:
            user[node] = name
    names = name_shared(graph, order, user, repeat=repeat)
    lines: list[tuple[str, Node, bool]] = []
    position = {n: i for i, n in enumerate(order) if n in names and n.args}
    waiting = sorted(position, key=position.__getitem__)[::-1]
    said: set[str] = set(graph.inputs)
    statements = [(n, v) for n, v in graph.statements if v in needed]
    for name, node in [*statements, *graph.outputs.items()]:
        while waiting and node in position and position[waiting[-1]] <= position[node]:
            first = waiting.pop()
            said.add(names[first])
            lines.append((names[first], first, False))
        if name not in said:
            said.add(name)
            lines.append((name, node, node in names))
    return lines


def write(graph: Graph, writer: type[Writer] = Writer) -> str:
    """Return the graph as equations, one a line."""
    return "\n".join(f"{name} = {text}" for name, text in written(graph, writer))


def written(graph: Graph, writer: type[Writer] = Writer) -> list[tuple[str, str]]:
    """Return the graph as pairs of a name and what it equals."""
    lines = equations(graph)
    names = {node: name for name, node, alias in lines if node.args and not alias}
    names |= {n: name for name, n in graph.inputs.items()}
    out = writer(names)
    return [
        (out.symbol(name), out.read(node) if alias else out.write(node)[0])
        for name, node, alias in lines
    ]
