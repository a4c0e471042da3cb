"""Rows of linear algebra: solving, factors, determinants and eigenvalues of matrices.

Derivatives after Giles (2008), Collected matrix derivative results for forward and
reverse mode algorithmic differentiation, and Murray (2016), Differentiation of the
Cholesky decomposition. They are written in the table's own ops, so that they have
derivatives too. `cholesky`, `eigvalsh` and `eigenvectors` read the lower triangle
alone, as NumPy does, and so their adjoints are lower triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from overbar.ir.errors import InputError, ShapeError
from overbar.ir.ops.contract import contract
from overbar.ir.ops.row import ATOM, REAL, Notation, Op, apply, call
from overbar.ir.ops.typing import cast, common
from overbar.ir.types import F64, extents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from overbar.ir.graph import Graph, Node
    from overbar.ir.ops.typing import Typed
    from overbar.ir.types import Shape


# Types --------------------------------------------------------------------------------


def _real(graph: Graph, name: str, args: Sequence[Node]) -> Sequence[Node]:
    """Return the operands as floats, the first of them checked to be square."""
    shape = args[0].type.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        message = f"{name} expects a square matrix, found shape [{extents(shape)}]"
        raise ShapeError(message)
    return cast(graph, args, common(graph, name, args, F64))


def _of(shape: Callable[..., Shape]) -> Callable[..., Typed]:
    def shaping(
        graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
    ) -> Typed:
        args = _real(graph, name, args)
        return args, args[0].type.scalar.of(shape(*(a.type.shape for a in args)))

    return shaping


def _solution(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = _real(graph, name, args)
    a, b = (x.type.shape for x in args)
    if len(b) not in (1, 2) or a[0] != b[0]:
        message = f"{name} cannot solve shapes [{extents(a)}] and [{extents(b)}]: "
        raise ShapeError(f"{message}expected a right side with {a[0]} rows")
    full = [x.graph.spread(x, x.type.shape) for x in args]
    return full, args[1].type


def _gaps(
    graph: Graph, name: str, args: Sequence[Node], _attrs: tuple[Any, ...]
) -> Typed:
    args = cast(graph, args, common(graph, name, args, F64))
    (n,) = args[0].type.shape
    return args, args[0].type.scalar.of((n, n))


# Matrices -----------------------------------------------------------------------------


def _t(x: Node) -> Node:
    """Return the transpose of a matrix."""
    return x.graph.make("transpose", (x,), ((1, 0),))


def _times(x: Node, y: Node) -> Node:
    """Return a matrix times a matrix or vector."""
    if len(y.type.shape) == 1:
        return contract(x.graph, x, y, "ij", "j", "i")
    return contract(x.graph, x, y, "ij", "jk", "ik")


def _outer(x: Node, y: Node) -> Node:
    """Return x y^T of two vectors or of two matrices."""
    if len(x.type.shape) == 1:
        return contract(x.graph, x, y, "i", "j", "ij")
    return contract(x.graph, x, y, "ik", "jk", "ij")


def _compared(x: Node, op: str) -> Node:
    """Return where the column stands to the row of a matrix as `op` says."""
    graph, shape = x.graph, x.type.shape
    return apply(
        op, graph.spread_along(graph.iota(shape[1]), (1,), shape),
        graph.spread_along(graph.iota(shape[0]), (0,), shape),
    )  # fmt: skip


def _triangle(x: Node, *, lower: bool, strict: bool) -> Node:
    """Return a triangle of a matrix, without its diagonal if strict."""
    op = ("lt" if strict else "le") if lower else ("gt" if strict else "ge")
    return apply("select", _compared(x, op), x, 0.0)


def _half(x: Node) -> Node:
    """Return the lower triangle, its diagonal halved (Murray 2016, equation 8)."""
    diagonal = apply("select", _compared(x, "eq"), 0.5 * x, 0.0)
    return apply("select", _compared(x, "lt"), x, diagonal)


def _symmetric(dot: Node) -> Node:
    """Return the symmetric matrix of which a lower triangle is read."""
    strict = _triangle(dot, lower=True, strict=True)
    return _triangle(dot, lower=True, strict=False) + _t(strict)


def _lower(bar: Node) -> Node:
    """Return the adjoint of the triangle that is read, from that of the whole."""
    return _half(bar + _t(bar))


def _make(name: str, *args: Node, attrs: tuple[Any, ...] = ()) -> Node:
    return args[0].graph.make(name, args, attrs)


# Solving ------------------------------------------------------------------------------


def _less(dot: Node | None, change: Node | None) -> Node | None:
    """Return dot - change, either of which may be zero."""
    if change is None:
        return dot
    return -change if dot is None else dot - change


def _solve_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    return _make("solve", _t(a), g)


def _solve_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, b: Node
) -> Node | None:
    da, db = tangents
    right = _less(db, None if da is None else _times(da, out))
    return None if right is None else _make("solve", a, right)


def triangular_solved(a, b, lower, transposed, unit):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return the solution of a triangular system by blocks, most of it products."""
    out = b.copy()
    n, size = a.shape[0], 64
    m = np.ascontiguousarray(a.T) if transposed else np.ascontiguousarray(a)
    down = lower != transposed
    for step in range(0, n, size):
        first = step if down else max(0, n - step - size)
        last = min(n, step + size) if down else n - step
        if down and first > 0:
            out[first:last] -= np.ascontiguousarray(m[first:last, :first]) @ out[:first]
        if not down and last < n:
            out[first:last] -= np.ascontiguousarray(m[first:last, last:]) @ out[last:]
        for row in range(last - first):
            i = first + row if down else last - 1 - row
            for other in range(row):
                j = first + other if down else last - 1 - other
                for k in range(out.shape[1]):
                    out[i, k] -= m[i, j] * out[j, k]
            if not unit:
                for k in range(out.shape[1]):
                    out[i, k] /= m[i, i]
    return out


def _triangular(lower: bool, transposed: bool, unit: bool, a: Any, b: Any) -> Any:  # noqa: FBT001
    import scipy.linalg

    a = np.asarray(a)
    if unit is False and not np.all(np.diagonal(a)):
        message = "solve_triangular expects a diagonal without zeros, found a zero"
        raise InputError(message)
    if not np.size(b):
        return b
    return scipy.linalg.solve_triangular(
        a, b, lower=lower, trans=int(transposed), unit_diagonal=unit,
        check_finite=False,
    )  # fmt: skip


def _triangular_python(node: Node) -> Notation:
    flags = ", ".join(map(str, node.attrs))
    if len(node.type.shape) == 2:
        return Notation(f"triangular_solved({{0}}, {{1}}, {flags})")
    column = f"{{1}}.reshape({extents(node.type.shape)}, 1)"
    return Notation(
        f"triangular_solved({{0}}, {column}, {flags}).reshape(-1)", ATOM, (0, ATOM)
    )


def _triangular_text(node: Node) -> Notation:
    lower, transposed, unit = node.attrs
    options = ", lower=True" * lower + ", trans='T'" * transposed
    options += ", unit_diagonal=True" * unit
    return Notation(f"solve_triangular({{0}}, {{1}}{options})")


def _triangular_latex(node: Node) -> Notation:
    power = r"{{-\top}}" if node.attrs[1] else "{{-1}}"
    return Notation(f"{{0}}^{power} {{1}}", 20, (ATOM, 20))


def _turned(out: Node) -> tuple[Any, ...]:
    lower, transposed, unit = out.attrs
    return lower, not transposed, unit


def _triangular_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    return _make("solve_triangular", a, g, attrs=_turned(out))


def _triangular_matrix_back(g: Node, out: Node, a: Node, b: Node) -> Node:
    lower, transposed, unit = out.attrs
    bar = _triangular_back(g, out, a, b)
    whole = _outer(out, bar) if transposed else _outer(bar, out)
    return -_triangle(whole, lower=lower, strict=unit)


def _triangular_dot(
    tangents: Sequence[Node | None], out: Node, a: Node, b: Node
) -> Node | None:
    da, db = tangents
    lower, transposed, unit = out.attrs
    change = None
    if da is not None:
        part = _triangle(da, lower=lower, strict=unit)
        change = _times(_t(part) if transposed else part, out)
    right = _less(db, change)
    if right is None:
        return None
    return _make("solve_triangular", a, right, attrs=out.attrs)


# Factors ------------------------------------------------------------------------------


def _cholesky_back(g: Node, out: Node, a: Node) -> Node:
    """Return the adjoint of a matrix from its factor's (Murray 2016, equation 10)."""
    attrs = (True, True, False)
    inner = _half(_times(_t(out), g))
    left = _make("solve_triangular", out, inner, attrs=attrs)
    return _lower(_make("solve_triangular", out, _t(left), attrs=attrs))


def _cholesky_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    attrs = (True, False, False)
    left = _make("solve_triangular", out, _symmetric(da), attrs=attrs)
    return _times(out, _half(_make("solve_triangular", out, _t(left), attrs=attrs)))


def _inv_back(g: Node, out: Node, a: Node) -> Node:
    turned = _t(out)
    return -_times(_times(turned, g), turned)


def _inv_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    return None if da is None else -_times(_times(out, da), out)


def _trace_of(x: Node, y: Node) -> Node:
    """Return trace(x y)."""
    return contract(x.graph, x, y, "ij", "ji", "")


def _scaled(g: Node, a: Node) -> Node:
    """Return a number times inv(a)^T."""
    return a.graph.spread(g, a.type.shape) * _t(_make("inv", a))


# Eigenvalues --------------------------------------------------------------------------


def _values_back(g: Node, out: Node, a: Node) -> Node:
    """Return v diag(g) v^T: its lower triangle stands for both."""
    v = _make("eigenvectors", a)
    bar = _outer(v * a.graph.spread(g, v.type.shape), v)
    diagonal = apply("select", _compared(bar, "eq"), bar, 0.0)
    return apply("select", _compared(bar, "lt"), 2.0 * bar, diagonal)


def _values_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    v = _make("eigenvectors", a)
    return _make("sum", v * _times(_symmetric(da), v), attrs=((0,),))


def _gaps_of(a: Node) -> Node:
    return _make("eigengaps", _make("eigvalsh", a))


def _vectors_back(g: Node, out: Node, a: Node) -> Node:
    inner = _gaps_of(a) * _times(_t(out), g)
    return _lower(_times(_times(out, inner), _t(out)))


def _vectors_dot(tangents: Sequence[Node | None], out: Node, a: Node) -> Node | None:
    (da,) = tangents
    if da is None:
        return None
    inner = _times(_times(_t(out), _symmetric(da)), out)
    return _times(out, _gaps_of(a) * inner)


def eigengaps(w, tiny):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """Return 1/(w[j] - w[i]), 0 on the diagonal; refuse repeated eigenvalues."""
    n = w.shape[0]
    out = np.zeros_like(np.outer(w, w))
    for i in range(n):
        for j in range(n):
            if i != j:
                gap = w[j] - w[i]
                if abs(gap) <= tiny * n * max(abs(w[0]), abs(w[n - 1])):
                    raise IndexError
                out[i, j] = 1.0 / gap
    return out


def _tiny(dtype: str) -> float:
    """Return the relative gap up to which eigenvalues count as one."""
    return float(8 * np.finfo(dtype).eps)


def _eigengaps(w: Any) -> Any:
    w = np.asarray(w)
    try:
        return eigengaps(w, _tiny(w.dtype))  # type: ignore[no-untyped-call]
    except IndexError:
        near = int(np.argmin(np.diff(w)))
        message = "eigenvectors have no derivative where eigenvalues repeat: expected "
        message += f"distinct eigenvalues, found {w[near]} and {w[near + 1]}"
        raise InputError(message) from None


def _gaps_back(g: Node, out: Node, w: Node) -> Node:
    change = g * out * out
    total = _make("sum", change, attrs=((1,),))
    return total - _make("sum", change, attrs=((0,),))


def _gaps_dot(tangents: Sequence[Node | None], out: Node, w: Node) -> Node | None:
    (dw,) = tangents
    if dw is None:
        return None
    graph, shape = w.graph, out.type.shape
    rise = graph.spread_along(dw, (0,), shape) - graph.spread_along(dw, (1,), shape)
    return out * out * rise


# Rows ---------------------------------------------------------------------------------


def _numpy(
    name: str, function: Callable[..., Any], expected: str
) -> Callable[..., Any]:
    """Return NumPy's function, its LinAlgError as our own."""

    def evaluate(*args: Any) -> Any:
        try:
            return function(*args)
        except np.linalg.LinAlgError as error:
            found = str(error).lower()
            message = f"{name} expects {expected}, found another ({found})"
            raise InputError(message) from None

    return evaluate


def _nowhere(i: int, c: Node, out: Node) -> None:
    """Give up on telling elements apart: all may matter."""
    del i, c, out


def _solved(a: Any, b: Any) -> Any:
    return np.linalg.solve(a, b)


_SQUARE = _of(lambda a: a)
_SCALAR = _of(lambda _: ())
_LINE = _of(lambda a: a[:1])


def _row(name: str, expected: str, function: Callable[..., Any], **columns: Any) -> Op:
    columns.setdefault("text", call(name))
    return Op(
        name=name, typing=None, activity=_nowhere,
        numpy=_numpy(name, function, expected), **columns,
    )  # fmt: skip


ROWS = (
    _row(
        "solve", "an invertible matrix", _solved, arity=2, shaping=_solution,
        domain=(REAL, REAL), python=call("np.linalg.solve"),
        latex=Notation("{0}^{{-1}} {1}", 20, (ATOM, 20)), tangent=_solve_dot,
        transposes=(
            lambda g, out, a, b: -_outer(_solve_back(g, out, a, b), out), _solve_back,
        ),
    ),
    _row(
        "solve_triangular", "an invertible matrix", _triangular, arity=2,
        shaping=_solution, domain=(REAL, REAL), python=_triangular_python,
        helper=triangular_solved, text=_triangular_text, latex=_triangular_latex,
        tangent=_triangular_dot,
        transposes=(_triangular_matrix_back, _triangular_back),
    ),
    _row(
        "cholesky", "a positive definite matrix", np.linalg.cholesky, shaping=_SQUARE,
        python=call("np.linalg.cholesky"), transposes=(_cholesky_back,),
        tangent=_cholesky_dot, latex=Notation(r"\operatorname{{chol}}\left({0}\right)"),
        accuracy="reads the lower triangle alone",
    ),
    _row(
        "inv", "an invertible matrix", np.linalg.inv, shaping=_SQUARE,
        python=call("np.linalg.inv"), transposes=(_inv_back,), tangent=_inv_dot,
        latex=Notation("{0}^{{-1}}", ATOM, (ATOM,)),
    ),
    _row(
        "det", "a matrix", np.linalg.det, shaping=_SCALAR,
        python=call("np.linalg.det"), latex=Notation(r"\det\left({0}\right)"),
        transposes=(lambda g, out, a: _scaled(g * out, a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            out * _trace_of(_make("inv", a), tangents[0])
        ),
        accuracy="the derivative needs an invertible matrix",
    ),
    _row(
        "logdet", "a matrix", lambda a: np.linalg.slogdet(a)[1], shaping=_SCALAR,
        python=Notation("np.linalg.slogdet({0})[1]"),
        latex=Notation(r"\log\left|\det {0}\right|", ATOM, (ATOM,)),
        transposes=(lambda g, out, a: _scaled(g, a),),
        tangent=lambda tangents, out, a: tangents[0] and (
            _trace_of(_make("inv", a), tangents[0])
        ),
        accuracy="log(abs(det)), without overflow",
    ),
    _row(
        "detsign", "a matrix", lambda a: np.linalg.slogdet(a)[0], shaping=_SCALAR,
        python=Notation("np.linalg.slogdet({0})[0]"),
        latex=Notation(r"\operatorname{{sign}} \det {0}", ATOM, (ATOM,)),
    ),
    _row(
        "eigvalsh", "a matrix whose eigenvalues converge", np.linalg.eigvalsh,
        shaping=_LINE, python=call("np.linalg.eigvalsh"), transposes=(_values_back,),
        tangent=_values_dot, latex=Notation(r"\lambda\left({0}\right)"),
        accuracy="reads the lower triangle alone; ascending",
    ),
    _row(
        "eigenvectors", "a matrix whose eigenvalues converge",
        lambda a: np.linalg.eigh(a)[1], shaping=_SQUARE,
        python=Notation("np.linalg.eigh({0})[1]"), transposes=(_vectors_back,),
        tangent=_vectors_dot, latex=Notation(r"V\left({0}\right)"),
        accuracy="reads the lower triangle alone; as columns",
    ),
    Op(
        name="eigengaps", typing=None, shaping=_gaps, activity=_nowhere,
        numpy=_eigengaps, helper=eigengaps,
        python=lambda n: Notation(f"eigengaps({{0}}, {_tiny(n.type.dtype)!r})"),
        text=call("eigengaps"), transposes=(_gaps_back,), tangent=_gaps_dot,
        accuracy="1/(w[j] - w[i]), 0 on the diagonal",
    ),
)  # fmt: skip
