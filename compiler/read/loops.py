"""Read loops in the index form: `sum(x[i, j]*y[j] for j in n if j != i)`.

Every index is a loop (labels); a sum over it is a sum over the axis that runs along it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from overbar.ir.errors import LimitError, ShapeError
from overbar.ir.ops.typing import joined
from overbar.ir.types import Dim
from overbar.read import arrays
from overbar.read.kinds import check_number, is_condition, mismatch
from overbar.read.labels import (
    Affine,
    Labelled,
    aligned,
    labelled,
    sizes,
    union,
)
from overbar.read.lexing import short
from overbar.read.steps import Kind, Scope, Step
from overbar.read.syntax import Part, Phrase
from overbar.read.whole import static

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lark import Token

    from overbar.ir.graph import Node
    from overbar.ir.types import Extent
    from overbar.read.inlining import Translator
    from overbar.read.labels import Loop
    from overbar.read.machine import Machine

MOST = 16
"""How many loops may stand in each other."""

_NEUTRAL: dict[str, float | bool] = {
    "sum": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf, "mean": 0.0,
    "logsumexp": -math.inf, "any": False, "all": True,
}  # fmt: skip
"""What takes loops, and the value that leaves it as it is."""
_OF_CONDITIONS = {"any", "all"}


# Loops --------------------------------------------------------------------------------


def comprehension(translator: Translator, phrase: Phrase) -> Sequence[Any]:
    """Return the steps of `sum(x[j] for j in n)`."""
    name, _, body, *clauses = phrase.children[:-1]
    if str(name) not in _NEUTRAL or translator.names.hidden(name):
        known = ", ".join(_NEUTRAL)
        message = f"expected {known} before a loop, found {short(name)}"
        if translator.names.hidden(name):
            message += f", which is {translator.names.kinds[str(name)]}"
        raise translator.names.error(message, name)
    outer = translator.scope
    steps = [] if (phrase, 0) in translator.slots else made(translator, phrase)
    loops = [translator.kept((phrase, k), c) for k, c in enumerate(clauses)]
    tests = [t.children[1] for c in clauses for t in c.children[4:]]
    operands = [*clauses, body, *tests]
    step = Step(Kind.RUN, _reduced(str(name), len(clauses)), operands, phrase)
    inner = Scope(scope_of(translator, outer, phrase))
    return [*steps, *loops, inner, body, *tests, Scope(outer), step]


def made(translator: Translator, phrase: Phrase) -> list[Any]:
    """Return the steps that make and keep the loops of a comprehension."""
    steps: list[Any] = []
    for k, clause in enumerate(phrase.children[3:-1]):
        steps += looped(translator, clause, (phrase, k))
    return steps


def looped(translator: Translator, clause: Phrase, key: object) -> list[Any]:
    """Return the steps that make and keep one loop."""
    name, steps = clause.children[1], clause.children[3]
    check_new(translator, name)
    ends = listed_range(steps)
    made = Step(Kind.RUN, _loop(str(name)), ends, clause)
    return [*ends, made, translator.keep(key, clause)]


def listed_range(part: Part) -> list[Part]:
    """Return the one or two ends of a range."""
    if isinstance(part, Phrase) and part.rule == "range":
        return [part.children[0], part.children[2]]
    return [part]


def scope_of(
    translator: Translator, outer: Mapping[str, int], phrase: Phrase
) -> dict[str, int]:
    """Return the indices that the inside of a comprehension may use."""
    scope = dict(outer)
    for k, clause in enumerate(phrase.children[3:-1]):
        name = clause.children[1]
        if str(name) in scope:
            message = f"expected a new index, found {short(name)}, which is one already"
            raise translator.names.error(message, name)
        scope[str(name)] = translator.slots[(phrase, k)]
    if len(scope) > MOST:
        message = f"expected at most {MOST} loops in each other, found more"
        raise LimitError(message, translator.names.place(phrase))
    return scope


def check_new(translator: Translator, name: Token) -> None:
    """Refuse an index with the name of a value."""
    inside = translator.inside
    if inside is not None and (name.value in translator.slots):
        what = f"a value in {inside.name}"
        message = f"expected a new name for an index, found {short(name)}"
        raise translator.names.error(f"{message}, which is {what}", name)
    translator.names.check_new(name, declared=True)


def _loop(name: str) -> Callable[[Machine, Sequence[Any], Step], Affine]:
    """Return the step that makes a loop of the ends of its range."""

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Affine:
        ends = [
            _end(machine, value, part)
            for value, part in zip(values, step.operands, strict=True)
        ]
        start, stop = ends if len(ends) > 1 else (0, *ends)
        extent: Extent = stop - start
        if isinstance(extent, int) and extent < 0:
            message = f"expected a range that ends at {start} or later, found the end"
            raise ShapeError(f"{message} {stop}", machine.place(step.operands[-1]))
        return machine.loop(name, start, extent, step.at.children[1])  # type: ignore[union-attr]

    return run


def _end(machine: Machine, value: Any, part: Part) -> Extent:
    end = static(value)
    if isinstance(end, int | Dim) and not isinstance(end, bool):
        return end
    span = machine.place(part)
    message = "expected how far an index runs, such as n or 1:n, found"
    advice = ""
    if isinstance(value, Affine | Labelled):
        advice = "; a condition depends on other indices: for j in n if j < i"
    raise ShapeError(f"{message} {short(span.text)}{advice}", span)


def _reduced(name: str, count: int) -> Callable[[Machine, Sequence[Any], Step], Any]:
    """Return the step that sums (or the like) over the axes of loops."""

    def run(machine: Machine, values: Sequence[Any], step: Step) -> Any:
        graph = machine.graph
        for k, value in enumerate(values[count:]):
            part = step.operands[count + k]
            check_number(machine.source, part, value)
            wanted = k > 0 or name in _OF_CONDITIONS
            if is_condition(value) is not wanted:
                raise mismatch(machine.source, part, value)
        loops = tuple(value.terms[0][0] for value in values[:count])
        each = [labelled(graph, value) for value in values[count:]]
        every = union([*each, Labelled(graph.const(0), loops)])
        body, *tests = aligned(graph, each, every)
        shape = sizes(every) + joined(name, [value.rest for value in each])
        axes = tuple(every.index(loop) for loop in loops)
        node = _over(graph, name, body, tests, axes, shape)
        return _value(node, tuple(loop for loop in every if loop not in loops))

    return run


def _over(
    graph: Any, name: str, body: Node, tests: Sequence[Node], axes: Any, shape: Any
) -> Node:
    """Return the reduction of a body, where all tests hold."""
    test: Node | None = None
    for t in tests:
        test = t if test is None else graph.make("and", (test, t))
    if test is not None:
        neutral = graph.const(_NEUTRAL[name])
        whole = graph.spread(body, shape) if body.is_const else body
        test = graph.spread(test, shape)
        body = graph.make("select", (test, whole, neutral))
    body = graph.spread(body, shape)
    if name == "mean" and test is not None:
        ones = graph.make("select", (test, graph.const(1.0), graph.const(0.0)))
        total, count = (arrays.FUNCTIONS["sum"](graph, b, axes) for b in (body, ones))
        return total / count  # type: ignore[no-any-return]
    return arrays.FUNCTIONS[name](graph, body, axes)  # type: ignore[no-any-return]


def _value(node: Node, loops: tuple[Loop, ...]) -> Node | Labelled:
    return Labelled(node, loops) if loops else node
