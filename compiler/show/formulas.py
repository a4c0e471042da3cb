r"""Write a value and its gradient as formulas: `2 \, A^{\top} \, (A \, x - b)`.

Comes in: a formula with arrays whose steps the user gave no names. Goes out: pairs of
left and right sides in LaTeX. Unlike the statements of the adjoint program, the seed 1
is not written, short parts are written where they are used, and numbers stand in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overbar.codegen.lower import rename
from overbar.derive.naming import unused
from overbar.derive.reverse import reverse
from overbar.ir.text import name_shared
from overbar.show.latex import LatexWriter
from overbar.show.tidying import tidied
from overbar.show.typeset import symbol

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


def formulas(derivation: Derivation) -> list[list[tuple[str, str]]]:
    """Return the value and the gradient, each after the parts that it names."""
    with derivation.lock:
        graph = derivation.graph.view(derivation.graph.outputs)
        ((name, value),) = graph.outputs.items()
        found = reverse(graph, {value: graph.const(1.0, value.type)}, derivation.wrt)
        zeros = [graph.const(0.0, n.type) for n in derivation.wrt]
        grads = [found.get(n, z) for n, z in zip(derivation.wrt, zeros, strict=True)]
        better = tidied(graph, [value, *grads])
        rename(graph, better)
    roots = [better[value], *(better[n] for n in grads)]
    own = "f" if name == "out" and "f" not in graph.inputs else symbol(name)
    lefts = [own] + [
        rf"\frac{{\partial {own}}}{{\partial {symbol(graph.names[n])}}}"
        for n in derivation.wrt
    ]
    return _written(graph, roots, lefts)


def _written(
    graph: Graph, roots: Sequence[Node], lefts: Sequence[str]
) -> list[list[tuple[str, str]]]:
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
    parts: list[list[tuple[str, str]]] = [[], []]
    said: set[Node] = set()
    for k, (root, left) in enumerate(zip(roots, lefts, strict=True)):
        part = parts[min(k, 1)]
        for node in graph.order([root]):
            if node in names and node.args and node not in said:
                said.add(node)
                part.append((symbol(names[node]), writer.write(node)[0]))
        part.append((left, writer.read(root)))
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
