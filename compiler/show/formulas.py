r"""Write a value and its gradient as formulas: `2 \, A^{\top} \, (A \, x - b)`.

Comes in: a formula with arrays whose steps the user gave no names. Goes out: pairs of
left and right sides in LaTeX. Unlike the statements of the adjoint program, the seed 1
is not written, short parts are written where they are used, and numbers stand in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.lower import rename
from overbar.derive.forward import forward
from overbar.derive.naming import symbol as dot
from overbar.derive.naming import unused
from overbar.derive.reverse import reverse
from overbar.ir.text import name_shared
from overbar.show.latex import LatexWriter
from overbar.show.tidying import tidied
from overbar.show.typeset import symbol
from overbar.statements import derivatives

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from overbar.derivation import Derivation
    from overbar.ir.graph import Graph, Node

_SHORT = 30
"""Letters of a part that is repeated rather than named."""
_LONGEST = 10_000


def is_formula(derivation: Derivation) -> bool:
    """Whether a formula has arrays, one output that is a number, and no named steps."""
    graph = derivation.graph
    if len(derivation.values) != 1 or derivation.values[0].type.shape:
        return False
    (value,) = derivation.values
    named = {n for _, n in graph.statements} - {value}
    arrays = any(n.type.shape for n in graph.order())
    return arrays and not any(n.args for n in named)


def formulas(derivation: Derivation, order: int = 1) -> list[list[tuple[str, str]]]:
    """Return the value and the gradient, each after the parts that it names.

    order: 2 adds the Hessian's product with a direction.
    """
    wrt = derivation.wrt
    with derivation.lock:
        graph = derivation.graph.view(derivation.graph.outputs)
        ((name, value),) = graph.outputs.items()
        found = reverse(graph, {value: graph.const(1.0, value.type)}, wrt)
        grads = [found.get(n, graph.const(0.0, n.type)) for n in wrt]
        dots = {n: dot(graph, f"{graph.names[n]}_dot", n) for n in wrt}
        moved = forward(graph, dots, grads) if order > 1 else {}
        products = [moved.get(g, graph.const(0.0, g.type)) for g in grads]
        better = tidied(graph, [value, *grads, *products])
        rename(graph, better)
    own = "f" if name == "out" and "f" not in graph.inputs else symbol(name)
    names = [symbol(graph.names[n]) for n in wrt]
    parts = [
        [(own, better[value])],
        [
            (rf"\frac{{\partial {own}}}{{\partial {n}}}", better[g])
            for n, g in zip(names, grads, strict=True)
        ],
    ]
    if order > 1:
        lefts = _directed(own, names, [symbol(d.attrs[0]) for d in dots.values()])
        roots = [better[p] for p in products]
        parts.append(list(zip(lefts, roots, strict=True)))
    return _written(graph, parts)


def _directed(own: str, names: Sequence[str], dots: Sequence[str]) -> list[str]:
    """Return what the parts of the Hessian's product with a direction are called."""
    if len(names) == 1:
        return [rf"\nabla^{{2}} {own} \, {dots[0]}"]
    whole = rf"\nabla^{{2}} {own} \, \left({', '.join(dots)}\right)"
    return [rf"\left[{whole}\right]_{{{name}}}" for name in names]


def second_order(derivation: Derivation) -> list[list[tuple[str, str]]]:
    """Return the statements up to second order, second partials as fractions."""
    found = derivatives(derivation, 2, LatexWriter)
    output = symbol(next(iter(derivation.graph.outputs)))
    partials = {
        symbol(name): rf"\frac{{\partial^{{2}} {output}}}"
        rf"{{\partial {symbol(a)} \, \partial {symbol(b)}}}"
        for (a, b), name in found.second.items()
    }

    def whole(text: str) -> str:
        for name, partial in partials.items():
            text = text.replace(name, partial)
        return text

    return [
        [(whole(s.name), whole(s.expression)) for s in part]
        for part in found.parts.values()
    ]


def _written(
    graph: Graph, wanted: Sequence[Sequence[tuple[str, Node]]]
) -> list[list[tuple[str, str]]]:
    roots = [root for part in wanted for _, root in part]
    order = graph.order(roots)
    inputs = {n: name for name, n in graph.inputs.items() if n in set(order)}
    names = name_shared(
        graph, order, inputs, repeat=True, longest=_LONGEST,
        inline=_short(order), taken=[unused(graph, n) for n in graph.outputs],
    )  # fmt: skip
    for root in roots:
        if root.args:
            names.pop(root, None)
    writer = LatexWriter(names)
    parts: list[list[tuple[str, str]]] = []
    said: set[Node] = set()
    for pairs in wanted:
        part: list[tuple[str, str]] = []
        for left, root in pairs:
            for node in graph.order([root]):
                if node in names and node.args and node not in said:
                    said.add(node)
                    part.append((symbol(names[node]), writer.write(node)[0]))
            part.append((left, writer.read(root)))
        parts.append(part)
    return parts


def _short(order: Iterable[Node]) -> set[Node]:
    """Return the parts that are short enough to be written again."""
    plain = LatexWriter({})
    length: dict[Node, int] = {}
    for node in order:
        own = 0 if node.op.cost == 0 else 2
        if not node.args:
            own = 1 if not node.is_const else len(plain.leaf(node)[0])
        length[node] = min(own + sum(length[a] for a in node.args), _SHORT + 1)
    return {n for n, size in length.items() if size <= _SHORT}
