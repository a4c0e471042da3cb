"""Walk the op table: value, gradient and Hessian against truth that no row knows.

The truth is in op_truth.py. One unit is u (|g| + sum |H x|), u = 2**-53: what rounding
the arguments alone may do to a result g whose derivatives are H.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import mpmath
import numpy as np
import op_truth
import pytest
from op_truth import SUBJECTS, Subject
from scipy import special

from overbar.derivation import Derivation
from overbar.ir.evaluate import evaluate, evaluate_exactly
from overbar.ir.graph import Graph
from overbar.ir.ops import OPS
from overbar.ir.program import leaves
from overbar.ir.types import BOOL, F32, F64
from overbar.ir.verify import verify
from overbar.levels import LEVELS, rewrite_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from op_truth import Exact, Index, Point

    from overbar.ir.graph import Node
    from overbar.ir.types import Type

U = mpmath.mpf(2) ** -53
TINIEST = mpmath.mpf(2) ** -1074
MOST = float(np.finfo(float).max)
LARGEST = mpmath.mpf(MOST)
SMALLEST = float(np.finfo(float).smallest_normal)
LIMIT = 8.0

LOOSER = {
    "pow": (400.0, "y - 1 is rounded: |log(x)|/2 units of x**(y - 1)"),
    "pow1p": (400.0, "as pow"),
    "compound": (400.0, "as pow"),
    "bernoulli_diff": (16.0, "the fourth derivative near its zeros"),
}
"""Ops whose limit is another, and why."""

VALUE, GRADIENT, HESSIAN = "value", "gradient", "hessian"
ORDERS = (VALUE, GRADIENT, HESSIAN)
SMOOTH, RANGE, LIMITS, SINGLE = "smooth", "range", "limits", "float32"


class Gap(NamedTuple):
    """Hold what an op does not do yet, and why.

    where: SMOOTH, at ordinary points; RANGE, where a step of the computation over- or
        underflows though the result does not; LIMITS, at 0 and infinity; SINGLE, at
        ordinary points in float32.
    """

    op: str
    where: str
    orders: tuple[str, ...]
    why: str


_NONE = "x/s as the user wrote it: inf/inf, and 0 times infinity in its derivatives"
_SLOPE_OF_QUOTIENT = "x/y**3 by way of 1/y and x/y: what is written reads as on paper"
_POWER = "y*x**(y - 1) at infinite y: 0 times infinity, in every power's gradient"

_BELL = "x*out**2 is infinity times 0; an amul would be in every such gradient"
GAPS = (
    Gap("div", RANGE, (GRADIENT, HESSIAN), _SLOPE_OF_QUOTIENT),
    Gap("xdivy", RANGE, (GRADIENT, HESSIAN), _SLOPE_OF_QUOTIENT),
    Gap("share", RANGE, (GRADIENT, HESSIAN), _SLOPE_OF_QUOTIENT),
    Gap("weighted_share", RANGE, ORDERS, "v*x/s by way of v*x, as the user wrote it"),
    Gap("powi--2", RANGE, (VALUE, HESSIAN), "1/(x*x): x*x overflows, 1/x**2 does not"),
    Gap("powi-64", RANGE, (HESSIAN,), "x**62 by squaring underflows, then 4032 times"),
    Gap("powi-65", RANGE, (GRADIENT, HESSIAN), "as powi-64"),
    Gap("pow", RANGE, (GRADIENT, HESSIAN), "x**(y - 1) overflows where y is tiny"),
    Gap("atan2", RANGE, (GRADIENT, HESSIAN), "x/r**2 by way of 1/r of subnormal x, y"),
    Gap("hypot", RANGE, (GRADIENT, HESSIAN), "x/r of a subnormal r has few digits"),
    Gap("hypot_slope", RANGE, ORDERS, "x/r of a subnormal r has few digits"),
    Gap("beta", SMOOTH, (HESSIAN,), "the mixed partial of small arguments is a small"
        " difference of polygammas; it wants an op of its own"),
    Gap("beta", SINGLE, (HESSIAN,), "as in float64"),
    Gap("beta", RANGE, (HESSIAN,), "as at ordinary points; or the value underflows"),
    Gap("log_step", RANGE, (HESSIAN,), "1/(x + d)**2 by way of d/(x + d)"),
    Gap("log_step-True", RANGE, (VALUE,), "the quotient d/x overflows"),
    Gap("log_step", LIMITS, (GRADIENT, HESSIAN), "d/(x + d)/x at 0 and infinity"),
    Gap("sqrt_step", LIMITS, (GRADIENT, HESSIAN), "inf - inf at 0 and infinity"),
    Gap("share", LIMITS, ORDERS, _NONE),
    Gap("pow", LIMITS, (GRADIENT, HESSIAN), _POWER),
    Gap("pow1p", LIMITS, (GRADIENT, HESSIAN), _POWER),
    Gap("compound", LIMITS, (GRADIENT, HESSIAN), _POWER),
    Gap("bell", LIMITS, (GRADIENT, HESSIAN), _BELL),
    Gap("atan", LIMITS, (HESSIAN,), _BELL),
    Gap("mod", LIMITS, (VALUE, GRADIENT), "at infinity as NumPy has it"),
    Gap("floordiv", LIMITS, (VALUE,), "0 is a multiple of infinity, as NumPy has it"),
    Gap("gamma", LIMITS, (HESSIAN,), "infinity times the slope of digamma, 0"),
    Gap("logaddexp", LIMITS, (HESSIAN,), "two equal infinities tie, as numbers do"),
    Gap("logaddexp_slope", LIMITS, ORDERS, "two equal infinities tie: it is 1/4"),
)  # fmt: skip
"""The failures of the walk, all of them: a test fails where one is fixed or added."""


def gaps(subject: Subject, *where: str) -> set[tuple[str, str]]:
    """Return where an op is known to fail, and in which orders."""
    return {
        (gap.where, order)
        for gap in GAPS
        if gap.op in {subject.op, str(subject)} and gap.where in where
        for order in gap.orders
    }


class Results(NamedTuple):
    """Hold an op's results at all of its points, by multi-index."""

    values: dict[Index, Any]
    lost: dict[Index, Any]
    """Where a step of the computation was not a normal number."""


def derivation(subject: Subject, level: str, real: Type = F64) -> Derivation:
    """Return a derivation of one op applied to inputs."""
    graph = Graph(rewrite=rewrite_for(level), real=real)
    inputs = [graph.input(name) for name in "xyz"[: subject.count]]
    operands = subject.operands(*inputs)
    graph.outputs["out"] = graph.make(subject.op, operands, subject.attrs)
    return Derivation(graph, inputs)


def entries(derived: Derivation) -> Iterator[tuple[Graph, dict[Index, Node]]]:
    """Yield the graphs of value, gradient and Hessian, and their results."""
    n = len(derived.wrt)
    shapes = {
        "value": [()],
        "grad": [(i,) for i in range(n)],
        "hessian": [(j, i) for i in range(n) for j in range(i + 1)],
    }
    for name, shape in shapes.items():
        entry = getattr(derived, name)()
        nodes = leaves(entry.program.result)
        yield entry.graph, dict(zip(shape, nodes, strict=True))


def results(derived: Derivation, points: list[Point]) -> Results:
    """Evaluate value, gradient and Hessian at all points at once."""
    kind = derived.graph.real.dtype
    columns = np.array(points, kind).T
    given = dict(zip("xyz", columns, strict=False))
    found = Results({}, {})
    for graph, nodes in entries(derived):
        values = evaluate(graph, given, nodes.values())
        steps = [n for n in values if n.args and n.type.is_float]
        sizes = [np.abs(np.asarray(values[n], float)) for n in steps]
        with np.errstate(invalid="ignore"):  # NaN is not normal
            normal = [(v >= SMALLEST) & (v <= MOST) for v in sizes]
        every = np.ones(columns[0].shape, bool)
        lost = ~np.logical_and.reduce(np.broadcast_arrays(every, *normal))
        for index, node in nodes.items():
            found.values[index] = np.broadcast_to(values[node], columns[0].shape)
            found.lost[index] = np.broadcast_to(lost, columns[0].shape)
    return found


def truths(subject: Subject, step: int = 1) -> list[tuple[Point, Exact]]:
    """Return points at which the op is smooth, and its derivatives there."""
    points = op_truth.points(subject)[::step]
    pairs = ((p, op_truth.partials(subject, p)) for p in points)
    return [(point, exact) for point, exact in pairs if exact is not None]


def spread(exact: Exact, index: Index, point: Point) -> Any:
    """Return how far a result moves with its arguments' relative errors."""
    return sum(
        abs(exact[tuple(sorted((*index, j)))] * mpmath.mpf(x))
        for j, x in enumerate(point)
    )


def units(found: float, exact: Any, moved: Any) -> float:
    """Return how far off a result is; infinity where it is not even a number."""
    scale = U * (abs(exact) + moved)
    if not math.isfinite(found):
        beyond = abs(exact) + LIMIT * scale > LARGEST
        right = math.isinf(found) and (found > 0) == (exact > 0)
        return 0.0 if beyond and right else math.inf
    return float(abs(mpmath.mpf(found) - exact) / max(scale, TINIEST))


def off_limits(
    subject: Subject, level: str, pairs: list[tuple[Point, Exact]]
) -> set[tuple[str, str]]:
    """Return where and in which orders results are more units off than allowed.

    Derivatives may be anything where the value itself overflows.
    """
    limit, _ = LOOSER.get(subject.op, (LIMIT, ""))
    found = results(derivation(subject, level), [point for point, _ in pairs])
    wrong = set()
    for index, values in found.values.items():
        for k, (point, exact) in enumerate(pairs):
            lost = found.lost[index][k]
            if lost and abs(exact[()]) > LARGEST:
                continue
            off = units(float(values[k]), exact[index], spread(exact, index, point))
            if not off <= limit:
                wrong.add((RANGE if lost else SMOOTH, ORDERS[len(index)]))
    return wrong


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_value_gradient_and_hessian_are_right(subject: Subject) -> None:
    """Value and derivatives are right to some units over the whole domain."""
    pairs = truths(subject)
    assert len(pairs) > 80
    found = [off_limits(subject, level, pairs) for level in LEVELS]
    assert gaps(subject, SMOOTH, RANGE) == set().union(*found)


# -- special values ------------------------------------------------------------------

ENDS = (0.0, -0.0, math.inf, -math.inf)
PLAIN = (1.5, -2.0)
SLOW = {"beta", "betaln", "polygamma_step"}
"""Ops whose limits take mpmath minutes; PEERS has their values."""


def special_points(subject: Subject) -> list[Point]:
    """Return points with an argument that is 0 or infinite, but no kinks."""
    pool = ENDS if subject.count == 1 else (*ENDS, *PLAIN)
    points = [
        p for p in itertools.product(pool, repeat=subject.count) if set(p) - set(PLAIN)
    ]
    return [
        p
        for p in points
        if not at_kink(subject, p)
        and all(
            low <= x <= high and not (low == 0 and math.copysign(1, x) < 0)
            for x, (low, high) in zip(p, subject.domain, strict=False)
        )
    ]


def at_kink(subject: Subject, point: Point) -> bool:
    """Whether pieces of an op meet at a point."""
    try:
        return subject.piece is not None and subject.piece(*point) is None
    except OverflowError:  # the quotient of infinities
        return False


PAIRS = [s for s in SUBJECTS if s.count < 3 and s.op not in SLOW]


@pytest.mark.parametrize("subject", PAIRS, ids=str)
def test_special_values_are_limits(subject: Subject) -> None:
    """At 0, -0.0 and infinity, value and derivatives are the limits from that side.

    Where the value has no limit, its derivatives need none.
    """
    points = special_points(subject)
    found = results(derivation(subject, "strict"), points).values
    wrong = set()
    for k, point in enumerate(points):
        ends = op_truth.limits(subject, point)
        for index, limit in ends.items():
            decided = limit is not None and ends[()] is not None
            value = float(found[index][k])
            if decided and not np.isclose(value, limit, rtol=1e-14, atol=0.0):
                wrong.add((LIMITS, ORDERS[len(index)]))
    assert gaps(subject, LIMITS) == wrong


PEERS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "mod": np.mod, "floordiv": np.floor_divide, "pow": np.power, "neg": np.negative,
    "abs": np.fabs, "hypot": np.hypot, "cbrt": special.cbrt, "sqrt": np.sqrt,
    "exp": np.exp, "exp2": special.exp2, "expm1": np.expm1, "log": np.log,
    "log2": np.log2, "log10": np.log10, "log1p": special.log1p, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "atan2": np.arctan2, "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
    "trunc": np.trunc, "round": np.rint, "heaviside": np.heaviside,
    "relu": lambda x: np.maximum(x, 0.0), "erf": special.erf, "erfc": special.erfc,
    "gamma": special.gamma, "gammaln": special.gammaln, "digamma": special.digamma,
    "beta": special.beta, "betaln": special.betaln, "sigmoid": special.expit,
    "log_sigmoid": special.log_expit, "softplus": lambda x: np.logaddexp(x, 0.0),
    "logaddexp": np.logaddexp, "xlogy": special.xlogy, "xlog1py": special.xlog1py,
    "prelu": lambda x, a: np.where(x > 0, x, a * x),
    "amul": lambda g, p: np.where((g == 0) & np.isinf(p), 0.0, g * p),
    "xdivy": lambda x, y: np.where((x == 0) & (y == 0), 0.0, x / y),
    "max": np.maximum, "min": np.minimum,
}  # fmt: skip
"""The same functions of NumPy and SciPy, or what the row promises, in one line."""

SPECIAL = (
    0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e300, -1e300, 1.0, -1.0, 2.0, -2.0, -0.5, 3.0,
    math.inf, -math.inf, math.nan,
)  # fmt: skip
OWN = {
    "gammaln": lambda x: 0 < abs(x) < 1e-308 or x == -math.inf,
    "beta": lambda *point: not all(0.1 < x < 10 for x in point),
    "betaln": lambda *point: not all(0.1 < x < 10 for x in point),
}
"""Where a row means to differ: SciPy overflows, or goes beyond the row's domain."""


@pytest.mark.parametrize("name", PEERS)
def test_special_values_are_those_of_numpy_and_scipy(name: str) -> None:
    """At special values, NaN included, an op is NumPy's or SciPy's function."""
    subject = next(s for s in SUBJECTS if s.op == name)
    points = list(itertools.product(SPECIAL, repeat=subject.count))
    with np.errstate(all="ignore"):
        expected = PEERS[name](*np.array(points).T)
    graph = derivation(subject, "strict").graph
    given = dict(zip("xy", np.array(points).T, strict=False))
    found = evaluate(graph, given)[graph.outputs["out"]]
    wrong = [
        (point, a, b)
        for point, a, b in zip(points, expected, found, strict=True)
        if not same(a, b) and not (name in OWN and OWN[name](*point))
    ]
    assert [] == wrong


def same(a: float, b: float) -> bool:
    """Whether two results are equal to 13 digits, NaN to NaN, zeros by sign."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == 0 or math.isinf(a):
        return (a, math.copysign(1, a)) == (b, math.copysign(1, b))
    return bool(abs(a - b) <= max(1e-13 * abs(a), 5e-324))


def inside(subject: Subject) -> list[float]:
    """Return a point in the middle of an op's domain."""
    middle = {(-1.0, 1.0): 0.25, (1.0, math.inf): 2.5}
    return [middle.get(interval, 1.5) for interval in subject.domain[: subject.count]]


CHOOSING = {"heaviside", "prelu"}
"""Ops that do not read an argument on one side; PEERS has their values at NaN."""


@pytest.mark.parametrize(
    "subject", [s for s in SUBJECTS if s.op not in CHOOSING], ids=str
)
def test_nan_goes_wherever_a_result_depends_on_it(subject: Subject) -> None:
    """Where an argument is NaN, so is the value, and each derivative that has it."""
    formulas = op_truth.formulas(subject.value, subject.count)
    pieces = {op_truth.K} if subject.piece else set()
    wrong = []
    for i, symbol in enumerate(op_truth.ARGUMENTS[: subject.count]):
        point = inside(subject)
        point[i] = math.nan
        found = results(derivation(subject, "strict"), [tuple(point)]).values
        for index, values in found.items():
            formula = formulas[index]
            depends = {symbol, *pieces} & formula.free_symbols
            if depends and not math.isnan(values[0]):
                wrong.append((symbol, index, float(values[0])))
    assert [] == wrong


BOUNDED = [s for s in SUBJECTS if s.domain[: s.count] != (op_truth.REAL,) * s.count]


@pytest.mark.parametrize("subject", BOUNDED, ids=str)
def test_outside_its_domain_an_op_is_nan(subject: Subject) -> None:
    """Outside the interval of an argument, the value is NaN."""
    graph = derivation(subject, "strict").graph
    found = []
    for i, (low, high) in enumerate(subject.domain[: subject.count]):
        for beyond in (low - 2.5, high + 0.5, low - 1e9):
            if not low <= beyond <= high:
                point = inside(subject)
                point[i] = beyond
                given = dict(zip("xy", point, strict=False))
                found.append(evaluate(graph, given)[graph.outputs["out"]])
    assert found
    assert np.isnan(found).all()


KINKS = (
    # op, point, value, gradient by the convention "half"
    ("abs", (0.0,), 0.0, [0.0]),
    ("abs", (-0.0,), 0.0, [0.0]),
    ("max", (2.0, 2.0), 2.0, [0.5, 0.5]),
    ("min", (2.0, 2.0), 2.0, [0.5, 0.5]),
    ("max", (2.0, 2.0, 1.0), 2.0, [0.5, 0.5, 0.0]),
    ("max", (2.0, 2.0, 2.0), 2.0, [1 / 3] * 3),
    ("min", (2.0, 2.0, 2.0), 2.0, [1 / 3] * 3),
    ("relu", (0.0,), 0.0, [0.0]),
    ("prelu", (0.0, 0.25), 0.0, [0.25, 0.0]),
    ("hypot", (0.0, 0.0), 0.0, [0.0, 0.0]),
    ("sign", (0.0,), 0.0, [0.0]),
    ("step", (2.0, 2.0), 0.5, [0.0, 0.0]),
    ("heaviside", (0.0, 0.75), 0.75, [0.0, 1.0]),
    ("floor", (2.0,), 2.0, [0.0]),
    ("ceil", (2.0,), 2.0, [0.0]),
    ("trunc", (-2.0,), -2.0, [0.0]),
    ("round", (2.5,), 2.0, [0.0]),
    ("round", (-3.5,), -4.0, [0.0]),
    ("mod", (6.0, 3.0), 0.0, [1.0, -2.0]),
    ("mod", (-6.0, 3.0), 0.0, [1.0, 2.0]),
    ("floordiv", (6.0, 3.0), 2.0, [0.0, 0.0]),
    ("xdivy", (0.0, 0.0), 0.0, [math.inf, 0.0]),
    ("xlogy", (0.0, 0.0), 0.0, [-math.inf, 0.0]),
    ("xlog1py", (0.0, -1.0), 0.0, [-math.inf, 0.0]),
    ("logaddexp", (math.inf, math.inf), math.inf, [0.5, 0.5]),
    ("logaddexp", (-math.inf, -math.inf), -math.inf, [0.5, 0.5]),
    ("amul", (0.0, math.inf), 0.0, [math.inf, 0.0]),
)


@pytest.mark.parametrize(("op", "point", "value", "gradient"), KINKS)
def test_conventions_hold_where_there_is_no_derivative(
    op: str, point: Point, value: float, gradient: list[float]
) -> None:
    """At kinks, jumps and 0/0 the value and gradient are those of edges.md."""
    subject = next(s for s in SUBJECTS if s.op == op and s.count == len(point))
    found = results(derivation(subject, "strict"), [point]).values
    slopes = [float(found[i,][0]) for i in range(len(point))]
    assert (value, gradient) == (float(found[()][0]), slopes)


# -- the other columns -----------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_high_precision_agrees_with_the_truth(subject: Subject) -> None:
    """The mpmath column gives 40 digits of the value, or as many as it can carry."""
    graph = derivation(subject, "strict").graph
    wrong = []
    for point, exact in truths(subject, 7):
        given = dict(zip("xyz", point, strict=False))
        found = evaluate_exactly(graph, given)[graph.outputs["out"]]
        moved = abs(exact[()]) + spread(exact, (), point)
        if abs(exact[()]) > mpmath.mpf(10) ** 1000:
            continue
        allowed = max(mpmath.mpf(10) ** -40 * moved, mpmath.mpf(10) ** -400)
        if not abs(found - exact[()]) <= allowed:
            wrong.append((point, mpmath.nstr(exact[()]), mpmath.nstr(found)))
    assert [] == wrong


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_float32_is_right_to_its_own_precision(subject: Subject) -> None:
    """In float32 every result is a float32, right to units of its own."""
    derived = derivation(subject, "strict", F32)
    near = [(p, op_truth.partials(subject, p)) for p in rounded(subject)]
    pairs = [(p, e) for p, e in near if e is not None and in_range(e)]
    found = results(derived, [p for p, _ in pairs]).values
    limit, _ = LOOSER.get(subject.op, (LIMIT, ""))
    wrong = set()
    for index, values in found.items():
        assert values.dtype == np.float32
        for value, (point, exact) in zip(values, pairs, strict=True):
            off = units(float(value), exact[index], spread(exact, index, point))
            if not off <= limit * 2.0**29:
                wrong.add((SINGLE, ORDERS[len(index)]))
    assert gaps(subject, SINGLE) == wrong


def in_range(exact: Exact) -> bool:
    """Whether all results are far from the ends of float32's range, or 0."""
    return all(not v or 1e-30 < abs(v) < 1e30 for v in exact.values())


def rounded(subject: Subject) -> list[Point]:
    """Return points of moderate size that float32 can hold."""
    rng = np.random.default_rng(7)
    low, high = (max(subject.domain[0][0], -6), min(subject.domain[0][1], 6))
    draws = rng.uniform(low, high, (24, subject.count)).astype(np.float32)
    return [tuple(map(float, row)) for row in draws]


LOGIC = {
    "lt": lambda x, y: x < y, "le": lambda x, y: x <= y, "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y, "eq": lambda x, y: x == y, "ne": lambda x, y: x != y,
    "and": lambda x, y: x and y, "or": lambda x, y: x or y, "not": lambda x: not x,
}  # fmt: skip
"""Python's own operators."""


@pytest.mark.parametrize("name", LOGIC)
def test_conditions_agree_with_python(name: str) -> None:
    """Comparisons and logic give what Python's operators give, NaN included."""
    row = OPS[name]
    logical = name in {"and", "or", "not"}
    graph = Graph(rewrite=rewrite_for("strict"))
    kind = BOOL if logical else None
    inputs = [graph.input(f"x{i}", "data", kind) for i in range(row.arity or 0)]
    node = graph.make(row, inputs)
    assert node.type is BOOL
    for point in itertools.product(
        [True, False] if logical else SPECIAL, repeat=row.arity
    ):
        found = evaluate(graph, {f"x{i}": x for i, x in enumerate(point)}, [node])
        assert bool(found[node]) == LOGIC[name](*point)


def test_a_choice_takes_its_branch() -> None:
    """`select` is the second operand where the condition holds, else the third."""
    graph = Graph(rewrite=rewrite_for("strict"))
    c, x, y = graph.input("c", "data", BOOL), graph.input("x"), graph.input("y")
    graph.outputs["out"] = node = graph.make("select", (c, x, y))
    columns = np.array([*itertools.product(SPECIAL, repeat=2)]).T
    for condition, column in ((True, 0), (False, 1)):
        given = {"c": condition, "x": columns[0], "y": columns[1]}
        np.testing.assert_array_equal(evaluate(graph, given)[node], columns[column])


# -- the table itself ------------------------------------------------------------------

UNTOLD = {
    *("input", "const", "cast", "select", "stop_gradient", "wrap", "attains", *LOGIC),
}
"""Ops that are no functions of numbers; the tests above and of graphs have them."""


def test_every_row_has_a_truth() -> None:
    """An op that is added to the table is measured, or this test fails."""
    rows = {name for name, row in OPS.items() if row.typing is not None}
    assert set() == rows - UNTOLD - {s.op for s in SUBJECTS}


def test_every_row_can_be_computed_and_written() -> None:
    """Each row has NumPy and mpmath evaluation, and text and LaTeX."""
    rows = [row for row in OPS.values() if row.arity != 0 and row.typing is not None]
    columns = ("numpy", "mp", "text", "latex")
    assert [] == [(r, c) for r in rows for c in columns if getattr(r, c) is None]
    assert [] == [row for row in rows if row.python is None and row.lower is None]


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_derivatives_are_well_formed(subject: Subject) -> None:
    """The graphs of an op's gradient and Hessian pass verify."""
    for level in LEVELS:
        for graph, nodes in entries(derivation(subject, level)):
            verify(graph.view({str(i): n for i, n in nodes.items()}))
