"""Draw formulas from the op table, in the expression language and in SymPy at once.

Each operation is written twice, from the same draw: as the text that Overbar reads, and
as the SymPy expression that says what is true. Beside them goes the value at a point,
in 60 digits, so that only operations that are real and smooth there are drawn. A kinked
operation is, near a point clear of its kinks, one of a few smooth expressions: SymPy
gets that one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import mpmath
import numpy as np
import sympy
from drawn_operations import COMPARISONS, INFIX, KINKED, SMOOTH, Piece, arity
from hypothesis import assume
from hypothesis import strategies as st

import overbar as ob
from overbar.ir.evaluate import evaluate_exactly
from overbar.ir.ops import OPS
from overbar.ir.program import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = ("x", "y", "z")
DIGITS, MORE_DIGITS = 60, 300
CLEAR = 1e-3
"""How far from a kink, a jump or a pole a point has to be."""
LARGE = 1e4
LARGEST = 1e10


# -- formulas ----------------------------------------------------------------------


class Term(NamedTuple):
    """Hold a value of a formula: how statements read it, what it is, its value."""

    name: str
    exact: sympy.Expr
    value: Any


class Drawn(NamedTuple):
    """Hold a formula: text, and SymPy's expression over `given` and constants.

    point: where it is smooth; given: the values of SymPy's symbols, 60 digits.
    """

    text: str
    exact: sympy.Expr
    point: tuple[float, ...]
    given: dict[sympy.Symbol, Any]

    def __repr__(self) -> str:
        """Show what reproduces a failure."""
        return f"<drawn at {self.point}:\n{self.text}>"

    def compiled(self, **options: Any) -> Any:
        """Return the formula compiled, interpreted unless told otherwise."""
        return ob.compile(self.text, **{"backend": "reference", **options})

    def true(self, *orders: int) -> list[Any]:
        """Return all partials of the orders given, from SymPy; reject singular points.

        Order 0 is the value, 1 the gradient, 2 the lower triangle of the Hessian.
        """
        xs = list(self.given)[: len(NAMES)]
        groups: dict[int, list[Any]] = {0: [self.exact]}
        groups[1] = [self.exact.diff(s) for s in xs] if max(orders) > 0 else []
        if max(orders) > 1:
            groups[2] = [
                groups[1][i].diff(xs[j]) for i in range(3) for j in range(i + 1)
            ]
        wanted = [e for order in orders for e in groups[order]]
        function = self.numbers(wanted)
        with mpmath.workdps(MORE_DIGITS):  # 1 - tanh(x)**2 loses hundreds of them
            found = function(*self.given.values())
        assume(all(_is_real(v) and abs(v) < LARGEST for v in found))
        with mpmath.workdps(2 * MORE_DIGITS):
            better = function(*self.given.values())
            assume(
                all(
                    abs(a - b) <= abs(b) / 10**30
                    for a, b in zip(found, better, strict=True)
                )
            )
        return [mpmath.mpf(v) for v in better]

    def numbers(self, expressions: Any) -> Callable[..., Any]:
        """Return SymPy's expressions as a function in mpmath, at its precision."""
        known = [{"DiracDelta": lambda *_: 0}, "mpmath"]  # from the slope of |x|
        return sympy.lambdify(list(self.given), expressions, known, cse=True)


@functools.cache
def _numeric(name: str, count: int) -> Callable[..., Any]:
    symbols = sympy.symbols(f"a:{count}", real=True)
    form = SMOOTH.get(name) or INFIX[name]
    return sympy.lambdify(symbols, form(*symbols), "mpmath")


def _is_real(value: Any) -> bool:
    return not isinstance(value, mpmath.mpc) and bool(mpmath.isfinite(value))


def _value(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Return a value in 60 digits, None where there is no real one of moderate size."""
    try:
        value = mpmath.mpmathify(function(*args))
    except (ValueError, ZeroDivisionError, ArithmeticError):
        return None
    moderate = _is_real(value) and CLEAR < abs(value) < LARGE
    return value if moderate else None


def _in_domain(op: str, values: Sequence[Any]) -> bool:
    intervals = OPS[op].domain if op in OPS else ()
    pairs = zip(values, intervals, strict=False)
    return all(low < value < high for value, (low, high) in pairs)


def _written(op: str, names: Sequence[str]) -> str:
    if "{0}" in op:
        return op.format(*names)
    return f"{op}({', '.join(names)})"


COORDINATES = st.one_of(st.floats(0.1, 0.9), st.floats(1.1, 2.5), st.floats(-0.9, -0.1))
WITH_KINKS = (*SMOOTH, *INFIX, *KINKED, "where")
REWRITTEN = (
    *SMOOTH, *INFIX, *["{0} + {1}", "{0} - {1}", "{0}*{1}", "{0}/{1}"] * 8,
    *["1 + {0}", "1 - {0}", "{0}**2", "exp", "-{0}", "{0}/3", "3*{0} + {1}"] * 2,
)  # fmt: skip
"""What makes the sums and quotients that are rewritten, often."""


@st.composite
def formulas(draw: Any, operations: Sequence[str], names: int = 5) -> Drawn:
    """Draw a formula of a few statements that share values, with a point.

    names: how many inputs and constants the statements start from.
    """
    point = draw(st.tuples(*[COORDINATES] * 3))
    numbers = [float(draw(st.integers(2, 9))), draw(st.floats(0.125, 4.0, width=16))]
    given = {
        sympy.Symbol(name, real=True): mpmath.mpf(number)
        for name, number in zip([*NAMES, "c0", "c1"], [*point, *numbers], strict=True)
    }
    shown = [*NAMES, f"{numbers[0]:.0f}", repr(numbers[1])]
    pool = [Term(n, s, v) for n, (s, v) in zip(shown, given.items(), strict=True)]
    lines = [f"{name}: param" for name in NAMES]
    pool = pool[:names]
    with mpmath.workdps(DIGITS):
        for _ in range(draw(st.integers(1, 6))):
            op = draw(st.sampled_from(operations))
            args = [draw(st.sampled_from(pool)) for _ in range(arity(op))]
            if len(pool) > names:  # a chain, whose other operands are shared
                args[draw(st.integers(0, len(args) - 1))] = pool[-1]
            found = _applied(draw, op, args, f"t{len(pool)}")
            if found is not None:
                lines.append(f"{found[1].name} = {found[0]}")
                pool.append(found[1])
    assume(len(pool) > names)
    return Drawn("\n".join([*lines, pool[-1].name]), pool[-1].exact, point, given)


def _applied(
    draw: Any, op: str, args: Sequence[Term], name: str
) -> tuple[str, Term] | None:
    """Return an operation as text and term, None where it is not smooth and real."""
    names, exact, values = map(list, zip(*args, strict=True))
    if op == "where":
        condition = draw(st.sampled_from(list(COMPARISONS)))
        x, y = values[:2]
        text = f"where({condition.format(*names)}, {names[2]}, {names[3]})"
        edges = (x - y, x - 0.25, y - 0.5)
        taken = 2 if COMPARISONS[condition](x, y) else 3
        piece = Piece(min(map(abs, edges)), lambda *args: args[taken])
    else:
        text = _written(op, names)
        if op not in KINKED:
            if not _in_domain(op, values):
                return None
            value = _value(_numeric(op, len(args)), values)
            form = SMOOTH.get(op) or INFIX[op]
            return None if value is None else (text, Term(name, form(*exact), value))
        piece = KINKED[op](*values)
    if piece.clear < CLEAR:
        return None
    function = mpmath.atan2 if op == "atan2" else piece.form
    value = _value(function, values)
    return None if value is None else (text, Term(name, piece.form(*exact), value))


# -- what rounding may do ----------------------------------------------------------


def rounding(f: Any, entry: str, point: Sequence[float], runs: int = 3) -> np.ndarray:
    """Return how far results move if each operation is off by one unit of rounding.

    Every node's value, given ones included, is moved by a random unit 2**-53 or minus
    that, scaled down so that the moves are of first order; the largest of a few runs.
    """
    made = f.runtime.entry(entry)
    roots = leaves(made.program.result)
    inputs = dict(zip(NAMES, point, strict=True))
    true = evaluate_exactly(made.graph, inputs, roots, DIGITS)
    moves = np.zeros(len(roots))
    for seed in range(runs):
        moved = _shaken(made.graph.order(roots), inputs, np.random.default_rng(seed))
        found = [abs(moved[r] - true[r]) for r in roots]
        moves = np.fmax(moves, [float(v * 2**67) for v in found])
    return moves


def _shaken(order: Sequence[Any], inputs: dict[str, float], rng: Any) -> dict[Any, Any]:
    """Evaluate in 60 digits with each value moved by 2**-120 of itself."""
    context = mpmath.MPContext()
    context.dps = DIGITS
    values: dict[Any, Any] = {}
    for node in order:
        args = [values[a] for a in node.args]
        given = [] if args else [inputs.get(node.attrs[0], node.attrs[0])]
        value = node.op.mp(context, *node.attrs, *args) if args else given[0]
        if not isinstance(value, bool):
            value = context.mpf(value)
            exact = node.op.kink is not None and args  # an extremum is an operand
            value *= (
                1 if exact else 1 + int(rng.choice((-1, 1))) * context.mpf(2) ** -120
            )
        values[node] = value
    return values
