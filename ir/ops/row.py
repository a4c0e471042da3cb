"""Define one row of the op table: everything about an operation in one place.

A row gives its derivative as *partials*, one function an argument, written in the
graph's own operators from the op's result `out` and its arguments, so that
derivatives of derivatives come for free; a *linear* op whose derivative is no product
(`select`) gives *transposes* instead. Both modes of differentiation follow from either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from overbar.ir.ops.typing import Shaping, Typing, real

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from overbar.ir.graph import Node
    from overbar.ir.types import Extent

Factor: TypeAlias = "Node | float | None"
Partial: TypeAlias = "Callable[..., Factor]"
Phrase: TypeAlias = "tuple[Notation, Sequence[Node]]"
Interval: TypeAlias = "tuple[float, float]"

ATOM, POWER, UNARY, PRODUCT, SUM = 100, 40, 30, 20, 10
JUXTAPOSED, ENTRYWISE = 28, 26
"""In LaTeX: a product of matrices, and one of arrays entry by entry."""
COMPARE, NOT, AND, OR, TERNARY, LOOSEST = 6, 5, 4, 3, 1, 0

REAL: Interval = (-math.inf, math.inf)
POSITIVE: Interval = (0.0, math.inf)
UNIT: Interval = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Notation:
    """Write an op in some language: a template with `{0}`, `{1}` for its operands.

    `binding` is how tightly the whole binds; `operands` how tightly each operand must
    bind to stand without parentheses (the last one also serves those after it).
    `{args}` stands for all operands, `{a}` for the op's attributes. With `fold`, a
    binary template is nested leftwards over any number of operands.
    """

    template: str
    binding: int = ATOM
    operands: tuple[int, ...] = (LOOSEST,)
    fold: bool = False

    def write(self, operands: Sequence[tuple[str, int]], attrs: Sequence[Any]) -> str:
        """Return the text for operands given as pairs of text and binding."""
        texts = [
            text if binding >= self.operands[min(i, len(self.operands) - 1)]
            else f"({text})"
            for i, (text, binding) in enumerate(operands)
        ]  # fmt: skip
        if self.fold:
            whole = texts[0]
            for text in texts[1:]:
                whole = self.template.format(whole, text)
            return whole
        if "{a" not in self.template:
            return self.template.format(*texts)
        return self.template.format(
            *texts, args=", ".join(texts), a=", ".join(map(repr, attrs))
        )


def call(name: str) -> Notation:
    """Write a function call with the attributes before the operands."""
    return Notation(name + "({args})")


def infix(symbol: str, binding: int) -> Notation:
    """Write a left-associative binary operator."""
    return Notation("{0}" + symbol + "{1}", binding, (binding, binding + 1))


def vectorised(function: Callable[..., float]) -> Callable[..., Any]:
    """Map a scalar function over arrays, NumPy's floating-point errors silent."""
    mapped = np.vectorize(function, otypes=[float])

    def evaluate(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return mapped(*args)[()]

    return evaluate


class Nest(NamedTuple):
    """Say how loops over some extents fill an array (or a scalar).

    kind: "set" or how values are gathered: "add", "mul", "larger", "smaller",
        "or", "and".
    place: `(at, index)`, where in the result a value goes; value: `(at, index)`, the
        value at one point of the loops; `at(node, index)` is an operand's element.
    """

    kind: str
    extents: tuple[Any, ...]
    place: Callable[..., list[Node]]
    value: Callable[..., Node]


Written: TypeAlias = "Notation | Callable[[Node], Notation]"


def is_number(x: Node) -> bool:
    """Whether a node is a scalar, or one repeated in every entry of an array."""
    shape = x.args[0].type.shape if x.op.name == "broadcast" else x.type.shape
    return not shape


def entrywise(plain: Notation, arrays: Notation) -> Callable[[Node], Notation]:
    """Write an op in another way where it works on two arrays, entry by entry."""

    def latex(node: Node) -> Notation:
        if not node.type.shape:
            return plain
        return plain if any(is_number(a) for a in node.args) else arrays

    return latex


def scaling(node: Node) -> Notation:
    """Write a product: of arrays with a circle, a number before an array."""
    if not node.type.shape:
        return Notation(r"{0} \, {1}", PRODUCT, (PRODUCT,))
    first, second = (is_number(a) for a in node.args[:2])
    if not first and not second:
        return Notation(r"{0} \odot {1}", ENTRYWISE, (ENTRYWISE,))
    places = "{0} {1}" if first else "{1} {0}"
    return Notation(places.replace(" ", r" \, "), PRODUCT, (PRODUCT,))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Op:
    """Hold one row.

    name: the key in the table, and the function's name in the expression language
        where it has one.
    arity: number of operands, None for any number from two on.
    partials: one function an operand, `(out, *operands) -> factor`; an entry of None
        means that the derivative is zero wherever it exists. A single function
        `(i, out, *operands)` serves an op of any arity.
    transposes: for an op without partials, what the adjoint g of the result gives each
        operand, `(g, out, *operands) -> Node`; a single function `(i, g, out,
        *operands)` serves an op of any arity.
    products: `(g, out, *operands) -> Node`, what a partial makes of an adjoint or a
        tangent g where that is no plain product (`amul`).
    numpy: NumPy evaluation, `(*attrs, *operands)`, in the portable form.
    mp: the same in mpmath, `(context, *attrs, *operands)`, for high precision; of an
        op on arrays only where `numpy` cannot take arrays of mpmath's numbers.
    python, text, latex: how generated source, readable mathematics and LaTeX write it;
        a function of the node where that depends on its attributes or operands.
    phrases: `(node, named) -> Phrase | None`, what LaTeX calls a node together with
        operands of it that have no names of their own (a norm, a trace); first wins.
    helper: a portable function that generated source needs printed above it.
    lower: the op in simpler ops before code is printed, `(out, *operands) -> Node`.
    ordinary: `(out, *operands) -> (Node, Node | None)`: shorter ops for numbers far
        from overflow and underflow, and a condition under which they are right, None
        for wherever they do not give NaN; for batches that are not strict.
    llvm: the instruction, intrinsic or libm symbol for the machine-code printer; a
        Python function of scalars to translate; "same" for a value as it is.
    vector: the vector library's base name for the same, where it has one.
    typing: the rule that unifies operand types and gives the result's, for ops that
        work element by element; None for what only the graph itself makes.
    shaping: the same for an op on whole arrays, which sees the attributes too.
    tidy: `(graph, operands, attrs) -> Node | None`, the simpler node that an op on
        arrays is (a transpose by the identity), None where it is one of its own.
    linear: how an op with transposes is linear: "jointly" in all operands (concat) or
        in "each" (a product, such as a contraction).
    tangent: `(tangents, out, *operands) -> Node | None` of an op on arrays that is not
        linear; an operand without a tangent has None.
    activity: `(i, condition, out) -> Node | None`: where operand i matters if the
        result matters where the condition holds; None for everywhere.
    element: `(at, out, index) -> Node`, how an element of the result is made of those
        of operands, `at(operand, index)`; None for what is no such op.
    nests: the loops that fill the result of an op that has no `element`; an op without
        either is computed as a whole, by its `python` form.
    sparing: `(spare, node) -> Node`, the op over all elements where masks choose some
        (see `overbar.ir.ops.masks`); None for one that cannot leave elements out.
    diagonal: `(out, first, second) -> Node | None`, the result's diagonal in two axes
        as the last one, where it can be had without the rest.
    whole: `(node, returned)`, whether it is computed as a whole although loops could.
    steps: `(node) -> {op: how often}`, what an op computed as a whole is counted as by
        `f.cost`; None for one operation of its own an element.
    routine: what machine code computes an op as a whole by, such as a routine of
        LAPACK's (see `overbar.codegen.machine.arrays_whole`).
    stacked: the routine is called for each matrix in a stack of one leading axis; the
        first attribute is the result's shape.
    mixes: the axes of an op without loops along which an element of the result depends
        on all of its operands' elements; None for all axes.
    chooses: operand 0 is a condition that picks operand 1 or 2.
    commutative: operands may be swapped (never regrouped).
    vanishes: the operands whose zeros make the result 0, whatever the others are.
    scarce: `out -> Node`, a condition that holds almost nowhere: where it does not, the
        result is 0, and nothing that it multiplies matters.
    singular: a partial may be infinite where the value is finite.
    exact: correctly rounded everywhere, so constants may be folded when compiling.
    kink: where the derivative is chosen by convention, as text over `{0}`, `{1}`; at
        its end `(jump)`, or in parentheses a convention of the op's own.
    domain: the interval of each operand outside which the value is NaN.
    cost: operations counted by `f.cost` (1: an IEEE operation or a comparison).
    parsed: whether the expression language knows the op's name as a function.
    accuracy: notes on the accuracy of the portable form.
    """

    name: str
    arity: int | None = 1
    partials: tuple[Partial | None, ...] | Partial | None = None
    transposes: tuple[Partial | None, ...] | Partial | None = None
    products: tuple[Partial, ...] | None = None
    numpy: Callable[..., Any] | None = None
    mp: Callable[..., Any] | None = None
    python: Written | None = None
    text: Written | None = None
    latex: Written | None = None
    phrases: tuple[Callable[..., Phrase | None], ...] = ()
    helper: Callable[..., Any] | None = None
    lower: Partial | None = None
    ordinary: Callable[..., tuple[Node, Node | None]] | None = None
    llvm: str | Callable[..., Any] | None = None
    vector: str | None = None
    typing: Typing | None = real
    shaping: Shaping | None = None
    tidy: Callable[..., Node | None] | None = None
    linear: str = "jointly"
    tangent: Callable[..., Node | None] | None = None
    activity: Callable[..., Node | None] | None = None
    element: Callable[..., Node] | None = None
    nests: Callable[[Node], Sequence[Nest]] | None = None
    sparing: Callable[[Any, Node], Node] | None = None
    diagonal: Callable[[Node, int, int], Node | None] | None = None
    whole: Callable[[Node, bool], bool] | None = None
    routine: str | None = None
    stacked: bool = False
    mixes: Callable[[Node], tuple[int, ...]] | None = None
    steps: Callable[[Node], Mapping[str, Extent]] | None = None
    commutative: bool = False
    vanishes: tuple[int, ...] = ()
    scarce: Callable[[Node], Node] | None = None
    singular: bool = False
    chooses: bool = False
    exact: bool = False
    kink: str | None = None
    domain: tuple[Interval, ...] = (REAL,)
    cost: int = 1
    parsed: bool = False
    accuracy: str = ""

    def partial(self, i: int, out: Node) -> Factor:
        """Return d(out)/d(operand i) as a factor, None where it is zero."""
        rules = self.partials
        if callable(rules):
            return rules(i, out, *out.args)
        rule = rules[i] if rules else None
        return rule(out, *out.args) if rule else None

    def transpose(self, i: int, g: Node, out: Node) -> Node | None:
        """Return what the adjoint `g` of a result sends to operand i."""
        if callable(self.transposes):
            return self.transposes(i, g, out, *out.args)  # type: ignore[return-value]
        rule = self.transposes[i] if self.transposes else None
        return rule(g, out, *out.args) if rule else None  # type: ignore[return-value]

    @property
    def is_flat(self) -> bool:
        """Whether the op's derivative is zero wherever it exists."""
        return self.partials is None and self.transposes is None

    def __repr__(self) -> str:
        """Return the op's name."""
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by name."""
        from overbar.ir.ops import lookup

        return lookup, (self.name,)


def apply(name: str, *args: Any, attrs: tuple[Any, ...] = ()) -> Node:
    """Apply an op of the table to nodes and numbers, at least one of them a node."""
    graph = next(a.graph for a in args if not isinstance(a, int | float))
    return graph.make(name, [graph.lift(a) for a in args], attrs)  # type: ignore[no-any-return]


def indicator(condition: Node) -> Node:
    """Return 1.0 where the condition holds, 0.0 elsewhere."""
    graph = condition.graph
    return graph.convert(condition, graph.real)
