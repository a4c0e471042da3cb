"""Cut a graph of arrays into units: what one nest of loops, or one call, computes.

A unit fills one array (or one scalar, by a reduction) that others read; everything
between is written into the loops that need it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overbar.codegen.contractions import nest as stack_nest
from overbar.codegen.elements import Elements, by_element, expression
from overbar.ir.ops import OPS
from overbar.ir.ops.row import Nest
from overbar.ir.types import INT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from overbar.codegen.contractions import Stack
    from overbar.ir.graph import Graph, Node
    from overbar.ir.types import Extent

_LOAD, _COPY, _BROADCAST = OPS["load"], OPS["copy"], OPS["broadcast"]


@dataclass(eq=False)
class Unit:
    """Compute one array.

    nest: its loops, None for a call that computes it as a whole.
    probe: index nodes of its own, one an axis of the loops; place and value: where an
        element goes and what it is, at these; reads: the loads of both.
    far: how far from contiguous each axis runs through memory.
    stack: the stack of products of matrices that it is, one in each turn of a loop.
    laid_out: whether it lays out the matrices of such a stack; waits: what else the
        product reads, so that both are made beside it.
    """

    target: Node
    nest: Nest | None = None
    probe: tuple[Node, ...] = ()
    place: tuple[Node, ...] = ()
    value: Node | None = None
    reads: tuple[Node, ...] = ()
    far: tuple[int, ...] = ()
    stack: Node | None = None
    laid_out: bool = False
    waits: tuple[Node, ...] = ()

    @property
    def kind(self) -> str:
        """How values are stored."""
        return self.nest.kind if self.nest else "set"

    def extent(self, axis: int) -> Extent:
        """Return the extent of an axis of the loops."""
        if self.nest is None:
            raise ValueError(axis)
        return self.nest.extents[axis]  # type: ignore[no-any-return]

    def outermost(self, done: Collection[int]) -> list[int]:
        """Return the axes that may come next, from outside to inside."""
        if self.laid_out and not done:
            return [0]
        left = [a for a in range(len(self.probe)) if a not in done]
        most = max((self.far[a] for a in left), default=0)
        return [a for a in left if self.far[a] == most]

    @property
    def sources(self) -> list[Node]:
        """The arrays and reductions that it reads."""
        if self.nest is None:
            args = self.target.args
            scalars = loads(a for a in args if not a.type.shape)
            return [*(a for a in args if a.type.shape), *scalars]
        return list(
            dict.fromkeys(r.args[0] if r.op is _LOAD else r for r in self.reads)
        )

    @property
    def needs(self) -> list[Node]:
        """The arrays and reductions that have to be made before it."""
        return [*self.sources, *self.waits]


def stored_arrays(
    graph: Graph, order: Sequence[Node], roots: Iterable[Node], known: Collection[Node]
) -> set[Node]:
    """Return the arrays that get a place in memory (or a variable in a loop).

    These are what is given or returned, what no element expression gives, what a call
    reads, what has a name, and computed values that are read several times.
    """
    roots = set(roots)
    found = {n for n in (*known, *roots) if n.type.shape}
    users = [n for n in order if n not in known]
    uses = Counter(a for n in users for a in (*n.args, *again(n)))
    weight: dict[Node, int] = {}
    for node in order:
        weight[node] = _weight(node, weight, found)
        if node in known:
            continue
        if node.type.shape and (
            not by_element(node)
            or node in graph.names
            or (uses[node] > 1 and weight[node] > CHEAP)
        ):
            found.add(node)
            weight[node] = 0
        if is_call(node, roots):
            found |= {a for a in node.args if a.type.shape}
    return found


def again(node: Node) -> list[Node]:
    """Return the operands whose elements are read in more than one turn of the loops.

    A row that is added to every row of a matrix, say, or a factor of a product; a
    column is not, whose element stays the same in the inner loop.
    """
    if node.op is _BROADCAST:
        axes, _ = node.attrs
        return list(node.args) if axes and axes != tuple(range(len(axes))) else []
    nests = node.op.nests(node) if node.op.nests is not None else ()
    rank = max([len(nest.extents) for nest in nests], default=0)
    return [a for a in node.args if 0 < len(a.type.shape) < rank]


CHEAP = 3
"""Operations up to which an element is computed again rather than kept in memory."""


def _weight(node: Node, known: Mapping[Node, int], stored: Collection[Node]) -> int:
    """Return what an element costs, from what is in memory."""
    if node in stored or not node.args or not node.type.shape:
        return 0
    if not by_element(node):
        return CHEAP + 1
    own = node.op.cost if node.op.shaping is None else 0
    return min(own + sum(known.get(a, 0) for a in node.args), CHEAP + 1)


def cheap(order: Iterable[Node], stored: Collection[Node]) -> set[Node]:
    """Return the arrays whose elements are as soon computed again as kept in memory."""
    weight: dict[Node, int] = {}
    for node in order:
        weight[node] = _weight(node, weight, stored)
    return {n for n, w in weight.items() if w <= CHEAP and n.type.shape and n.args}


def is_call(node: Node, roots: Collection[Node]) -> bool:
    """Whether a node is computed as a whole, by NumPy, BLAS or LAPACK."""
    op = node.op
    if op.shaping is None or op.element is not None:
        return False
    return op.nests is None or (op.whole is not None and op.whole(node, node in roots))


def cut(
    graph: Graph,
    order: Sequence[Node],
    stored: Collection[Node],
    known: Collection[Node],
    roots: Collection[Node],
    found: Mapping[Node, Stack],
) -> list[Unit]:
    """Return the units in order, each after those that it reads.

    found: contractions that are stacks of products of matrices.
    """
    products = {s.product for s in found.values()}
    operands = {a for p in products for a in p.args} - {*known}
    elements = Elements(graph, stored, turned={n: s.turned for n, s in found.items()})
    units = []
    for node in order:
        if node in known or not (node in stored or reduces(node)):
            continue
        if is_call(node, roots):
            units.append(Unit(node))
            continue
        turned = found[node].turned if node in found else node
        if turned in products:
            unit = _unit(graph, elements, node, stack_nest(turned), f"{len(units)}_0")
            unit.stack = turned
            _lay_together([u for u in units if u.target in turned.args], turned)
            units.append(unit)
            continue
        for k, nest in enumerate(nests_of(turned)):
            unit = _unit(graph, elements, node, nest, f"{len(units)}_{k}")
            unit.laid_out = node in operands and node.op is _COPY
            units.append(unit)
    return units


def _lay_together(makers: Sequence[Unit], product: Node) -> None:
    """Let operands of a product of matrices wait for what the other one is made of."""
    laid = [u for u in makers if u.laid_out]
    others = [a for a in product.args if a not in {u.target for u in laid}]
    sources = {u: u.sources for u in laid}
    for unit in laid:
        waits = [s for u in laid if u is not unit for s in sources[u]]
        unit.waits = (*others, *waits)


def reduces(node: Node) -> bool:
    """Whether a number is made of an array: by a reduction, or one of its elements."""
    return not node.type.shape and node.op.shaping is not None


def nests_of(node: Node) -> Sequence[Nest]:
    """Return an op's own loops, or those over the elements of its result."""
    if node.op.nests:
        return node.op.nests(node)
    plain = Nest(
        "set", node.type.shape, lambda _at, index: list(index),
        lambda at, index: expression(node, tuple(index), at),
    )  # fmt: skip
    return [plain]


def _unit(graph: Graph, elements: Elements, node: Node, nest: Nest, label: str) -> Unit:
    probe = tuple(
        graph.remake_input(f"axis{label}_{k}", INT) for k in range(len(nest.extents))
    )
    value, place = instance(elements, nest, probe)
    unit = Unit(node, nest, probe, place, value, tuple(loads([value, *place])))
    unit.far = _far(unit)
    return unit


def instance(
    elements: Elements, nest: Nest, index: Sequence[Node]
) -> tuple[Node, tuple[Node, ...]]:
    """Return a nest's value and its place at an index."""
    value = elements.build(lambda at: nest.value(at, index))
    places: list[Node] = []

    def collect(at: object) -> Node:
        places[:] = nest.place(at, index)
        return value

    elements.build(collect)
    return value, tuple(places)


def loads(roots: Iterable[Node]) -> list[Node]:
    """Return the loads and reductions that scalar expressions read, in order."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = list(roots)[::-1]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op is _LOAD:
            found[node] = None
            stack.extend(node.args[:0:-1])
        elif reduces(node):
            found[node] = None
        else:
            stack.extend(node.args[::-1])
    return list(found)


def _far(unit: Unit) -> tuple[int, ...]:
    """Return how far from the end each axis stands among the indices that are used.

    The furthest comes outermost, so that memory is walked as it lies.
    """
    far = [0] * len(unit.probe)
    place = {n: k for k, n in enumerate(unit.probe)}
    accesses = [unit.place, *(r.args[1:] for r in unit.reads if r.op is _LOAD)]
    for access in accesses:
        for k, index in enumerate(access):
            for n in _leaves(index):
                if n in place:
                    far[place[n]] = max(far[place[n]], len(access) - 1 - k)
    return tuple(far)


def _leaves(index: Node) -> list[Node]:
    """Return the loop indices that an index, perhaps a computed one, depends on."""
    found, stack = [], [index]
    while stack:
        node = stack.pop()
        if node.args:
            stack.extend(node.args[1:] if node.op is _LOAD else node.args)
        else:
            found.append(node)
    return found
