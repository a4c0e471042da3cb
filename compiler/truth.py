"""Gather what can be known of a formula's derivatives at one point.

Comes in: a graph, input nodes and a point. Goes out: slopes from high-precision
differences, the adjoints in high precision, how far rounding moves them, the kinks and
the wrong rules nearby. The gradient check judges by these.
"""

from __future__ import annotations

import contextlib
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from overbar.derive.reverse import reverse
from overbar.differences import Line, Slope, spread
from overbar.explain import complete, explain, phrase, read
from overbar.ir.bounded import bounded_context
from overbar.ir.errors import InputError
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.kinks import describe, rough

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from overbar.explain import Explanation
    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops import Op
    from overbar.kinks import Kink

RULE = 1e-12
"""How far rules may be off in high precision: some have double-precision constants."""

_LOCAL = 1e-9
"""The same for one op alone, near which nothing else is known."""

_DISTANCES = (1e-5, 1e-10)
_GOLDEN = (math.sqrt(5) - 1) / 2
_IN_STEP = 0.1
_DIGITS = 15
_UNKNOWN = Slope(math.nan, math.nan)


class Truth:
    """Know the derivatives of a graph's outputs in the inputs `wrt` at a point."""

    def __init__(
        self,
        graph: Graph,
        wrt: Sequence[Node],
        inputs: Mapping[str, Any],
        digits: int,
    ) -> None:
        self.graph = graph
        self.wrt = tuple(wrt)
        self.names = [graph.names[n] for n in self.wrt]
        self.outputs = list(graph.outputs.values())
        self.point = complete(graph, inputs, graph.order([*self.outputs, *wrt]))
        graph.formula_size = graph.formula_size or len(graph)
        self.partials = [self._sweep(output) for output in self.outputs]
        roots = [*self.outputs, *(p for row in self.partials for p in row)]
        self.floats = evaluate(graph, self.point, roots)
        self.digits = digits + spread(self.floats.values())

    def _sweep(self, output: Node) -> list[Node]:
        """Return the partials of one output."""
        if not output.type.is_float:
            message = f"expected real outputs, found one of type {output.type}"
            raise InputError(message)
        seed = {output: self.graph.const(1.0, output.type)}
        found = reverse(self.graph, seed, self.wrt)
        return [found.get(n, self.graph.const(0.0, n.type)) for n in self.wrt]

    @cached_property
    def broken(self) -> list[Explanation]:
        """For each output where its NaN or infinity comes from, if it is one."""
        return [explain(self.graph, self.point, [output]) for output in self.outputs]

    @cached_property
    def imprecise(self) -> str:
        """An operation that has no form in high precision, if there is one.

        One of the user's own may compute with floats whatever numbers it is given:
        each operation is run on numbers that notice.
        """
        try:
            values = evaluate_exactly(self.graph, self.point, digits=self.digits)
        except NotImplementedError as error:
            return str(error)
        first = {node.op: node for node in reversed(values) if node.args}
        for op, node in reversed(first.items()):
            if _is_rounded(op, node, values):
                return phrase(self.graph, node)
        return ""

    # -- from values alone ---------------------------------------------------------

    def slopes(self, j: int) -> list[Slope]:
        """Return the slopes of the outputs in input j, NaN where none is known."""
        if any(self.broken) or self.imprecise:
            return [_UNKNOWN] * len(self.outputs)
        line = Line(self.graph, self.point, self.names[j], self.outputs, self.digits)
        found = line.slopes()
        if all(self._settled(i, j, slope) for i, slope in enumerate(found)):
            return [Slope(slope.value, slope.value) for slope in found]
        return line.limits()

    def _settled(self, i: int, j: int, slope: Slope) -> bool:
        """Whether a slope is smooth and what the adjoints say."""
        size = abs(slope.value) + self.scale(i, j)
        smooth = abs(slope.right - slope.left) <= RULE * size
        return smooth and abs(slope.value - self.adjoint(i, j)) <= RULE * size

    @cached_property
    def _rough(self) -> list[Node]:
        return rough(self.graph, self.outputs)

    def kink(self, j: int, step: float | None = None) -> Kink | None:
        """Return the first kink or jump in input j: at the point, or within a step."""
        line = Line(self.graph, self.point, self.names[j], self._rough, self.digits)
        if step is None:
            sides, share = line.limits(), 0.0
        else:
            sides = [Slope(float(a), float(b)) for a, b in line.quotients(step)]
            share = _IN_STEP
        for node, slope in zip(self._rough, sides, strict=True):
            size = abs(slope.left) + abs(slope.right)
            gap = abs(slope.right - slope.left)
            if math.isinf(size) or (slope.bends and gap > share * size):
                return describe(self.graph, node)
        return None

    # -- from the rules, in high precision -----------------------------------------

    def adjoint(self, i: int, j: int) -> float:
        """Return a partial as the derivative rules give it, in high precision."""
        return float(self._adjoints[0][self.partials[i][j]])

    def scale(self, i: int, j: int) -> float:
        """Return about sum |H x|: how a partial moves as the inputs are rounded.

        Measured in one direction in which nothing cancels by chance, over a large and a
        small distance: at a kink the smaller value is meant.
        """
        p, here = self.partials[i][j], self._adjoints[0]
        moved = [
            abs(float((there[p] - here[p]) / distance))
            for distance, there in zip(_DISTANCES, self._adjoints[1:], strict=True)
        ]
        return min((m for m in moved if math.isfinite(m)), default=0.0)

    @cached_property
    def _adjoints(self) -> list[Mapping[Node, Any]]:
        """The partials at the point, and a little away from it in all inputs."""
        roots = [p for row in self.partials for p in row]
        points = [self.point, *(self._moved(distance) for distance in _DISTANCES)]
        try:
            return [
                evaluate_exactly(self.graph, point, roots, self.digits)
                for point in points
            ]
        except NotImplementedError:
            return [dict.fromkeys(roots, math.nan)] * len(points)

    def _moved(self, distance: float) -> dict[str, Any]:
        import mpmath

        context = mpmath.MPContext()
        context.dps = self.digits
        moved = dict(self.point)
        for k, (name, value) in enumerate(self.point.items()):
            if isinstance(value, float):
                share = (1 + k * _GOLDEN % 1) * (-1) ** k
                moved[name] = context.mpf(value) * (1 + context.mpf(distance * share))
        return moved

    @cached_property
    def wrong_rule(self) -> str:
        """Which op's derivative rule differs from the op's own slope, if one does."""
        nodes = [n for n in self.graph.order() if n.op.partials or n.op.products]
        rules = {node: self._rules(node) for node in nodes}
        roots = [f for factors in rules.values() for f in factors if f is not None]
        values = evaluate_exactly(self.graph, self.point, nodes + roots, self.digits)
        for node, factors in rules.items():
            gives = [0.0 if f is None else float(values[f]) for f in factors]
            own = [self._own_slope(node, k, values) for k in range(len(factors))]
            pairs = zip(factors, own, strict=True)
            if any(f is None and 0 < abs(slope) < math.inf for f, slope in pairs):
                continue  # an operand that the others determine: no slope of its own
            for arg, rule, slope in zip(node.args, gives, own, strict=True):
                if abs(rule - slope) > _LOCAL * abs(slope):
                    where = f"{phrase(self.graph, node)} in {read(self.graph, arg)}"
                    return f"the rule of {where} gives {rule:.10g}, not {slope:.10g}"
        return ""

    def _rules(self, node: Node) -> list[Node | None]:
        """Return an op's partials as nodes, None where they are zero."""
        one = self.graph.const(1.0, node.type)
        if node.op.products is not None:
            found = [rule(one, node, *node.args) for rule in node.op.products]
        else:
            found = [node.op.partial(k, node) for k in range(len(node.args))]
        return [None if f is None else self.graph.lift(f) for f in found]

    def _own_slope(self, node: Node, k: int, values: Mapping[Node, Any]) -> float:
        """Return the slope of an op alone in operand k, NaN where it is not smooth."""
        scratch = type(self.graph)(kinks=self.graph.kinks, real=self.graph.real)
        args = [scratch.input(f"x{i}", kind=a.type) for i, a in enumerate(node.args)]
        root = scratch.remake(node, args)
        point = {f"x{i}": values[a] for i, a in enumerate(node.args)}
        line = Line(scratch, point, f"x{k}", [root], self.digits)
        slope = line.limits()[0]
        return math.nan if slope.bends or slope.one_sided else slope.value


def _is_rounded(op: Op, node: Node, values: Mapping[Node, Any]) -> bool:
    """Whether an op makes floats of the high-precision numbers it is given."""
    import mpmath

    context = bounded_context(_DIGITS)
    rounded: list[bool] = []

    def to_float(number: Any) -> float:
        rounded.append(True)
        return float(mpmath.libmp.to_float(number._mpf_))

    context.mpf.__float__ = to_float
    args = [
        v if isinstance(v, bool) else context.mpf(v) for v in map(values.get, node.args)
    ]
    if op.mp is not None:
        with contextlib.suppress(ValueError, ArithmeticError, TypeError):
            op.mp(context, *node.attrs, *args)
    return bool(rounded)
