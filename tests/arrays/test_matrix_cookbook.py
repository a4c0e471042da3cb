"""Test the identities of the Matrix Cookbook, family by family.

Petersen & Pedersen, The Matrix Cookbook, version of November 15, 2012; the numbers are
those of its equations. Every value is NumPy's, every gradient the book's closed form
(all entries of a matrix independent, gradients in the shape of the parameter).
"""

# ruff: noqa: PLW0108 - closed forms take inputs by name

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices import expressions as mx

import overbar as ob

if TYPE_CHECKING:
    from collections.abc import Callable

n, m = sp.symbols("n m", integer=True)
SIZES = {"n": 4, "m": 3}
A, B, C, D, X = (sp.MatrixSymbol(name, n, n) for name in "ABCDX")
F, G = sp.MatrixSymbol("F", m, n), sp.MatrixSymbol("G", n, m)
Z, W = sp.MatrixSymbol("Z", n, m), sp.MatrixSymbol("W", m, m)
a, b, c, d, s, x = (sp.MatrixSymbol(name, n, 1) for name in "abcdsx")
e = sp.MatrixSymbol("e", m, 1)
S = B + B.T
tr, det, inv, T, I = np.trace, np.linalg.det, np.linalg.inv, sp.Trace, np.eye(4)  # noqa: E741
log, Det = sp.log, sp.Determinant
power = np.linalg.matrix_power


def value(v: Any) -> Any:
    """Return the number that a matrix of one entry is."""
    return np.asarray(v).item()


LINEAR = (
    ("69", a.T * x, x, lambda a, x: a.T @ x, lambda a, x: a),
    ("69", x.T * a, x, lambda a, x: a.T @ x, lambda a, x: a),
    ("70", a.T * X * b, X, lambda a, b, X: a.T @ X @ b, lambda a, b, X: a @ b.T),
    ("71", a.T * X.T * b, X, lambda a, b, X: a.T @ X.T @ b, lambda a, b, X: b @ a.T),
    ("72", a.T * X * a, X, lambda a, X: a.T @ X @ a, lambda a, X: a @ a.T),
)
QUADRATIC = (
    (
        "76",
        (sp.OneMatrix(1, n) * X * sp.OneMatrix(n, 1)) ** 2,
        X,
        lambda X: X.sum() ** 2,
        lambda X: 2 * X.sum() * np.ones((4, 4)),
    ),
    (
        "77",
        b.T * X.T * X * c,
        X,
        lambda b, c, X: b.T @ X.T @ X @ c,
        lambda b, c, X: X @ (b @ c.T + c @ b.T),
    ),
    (
        "78",
        (B * x + b).T * C * (D * x + d),
        x,
        lambda B, C, D, b, d, x: (B @ x + b).T @ C @ (D @ x + d),
        lambda B, C, D, b, d, x: B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b),
    ),
    ("81", x.T * B * x, x, lambda B, x: x.T @ B @ x, lambda B, x: (B + B.T) @ x),
    (
        "82",
        b.T * X.T * D * X * c,
        X,
        lambda D, b, c, X: b.T @ X.T @ D @ X @ c,
        lambda D, b, c, X: D.T @ X @ b @ c.T + D @ X @ c @ b.T,
    ),
    (
        "83",
        (X * b + c).T * D * (X * b + c),
        X,
        lambda D, b, c, X: (X @ b + c).T @ D @ (X @ b + c),
        lambda D, b, c, X: (D + D.T) @ (X @ b + c) @ b.T,
    ),
    (
        "84",
        (x - A * s).T * S * (x - A * s),
        s,
        lambda A, B, s, x: (x - A @ s).T @ (B + B.T) @ (x - A @ s),
        lambda A, B, s, x: -2 * A.T @ (B + B.T) @ (x - A @ s),
    ),
    (
        "85",
        (x - s).T * S * (x - s),
        x,
        lambda B, s, x: (x - s).T @ (B + B.T) @ (x - s),
        lambda B, s, x: 2 * (B + B.T) @ (x - s),
    ),
    (
        "88",
        (x - A * s).T * S * (x - A * s),
        A,
        lambda A, B, s, x: (x - A @ s).T @ (B + B.T) @ (x - A @ s),
        lambda A, B, s, x: -2 * (B + B.T) @ (x - A @ s) @ s.T,
    ),
)
TRACES = (
    ("99", T(X), X, lambda X: tr(X), lambda X: I),
    ("100", T(X * A), X, lambda A, X: tr(X @ A), lambda A, X: A.T),
    ("101", T(A * X * B), X, lambda A, B, X: tr(A @ X @ B), lambda A, B, X: A.T @ B.T),
    ("102", T(A * X.T * B), X, lambda A, B, X: tr(A @ X.T @ B), lambda A, B, X: B @ A),
    ("103", T(X.T * A), X, lambda A, X: tr(X.T @ A), lambda A, X: A),
    ("104", T(A * X.T), X, lambda A, X: tr(A @ X.T), lambda A, X: A),
    (
        "105",
        T(sp.kronecker_product(A, X)),
        X,
        lambda A, X: tr(np.kron(A, X)),
        lambda A, X: tr(A) * I,
    ),
    ("106", T(X**2), X, lambda X: tr(X @ X), lambda X: 2 * X.T),
    ("107", T(X**2 * B), X, lambda B, X: tr(X @ X @ B), lambda B, X: (X @ B + B @ X).T),
    (
        "108",
        T(X.T * B * X),
        X,
        lambda B, X: tr(X.T @ B @ X),
        lambda B, X: B @ X + B.T @ X,
    ),
    (
        "109",
        T(B * X * X.T),
        X,
        lambda B, X: tr(B @ X @ X.T),
        lambda B, X: B @ X + B.T @ X,
    ),
    (
        "110",
        T(X * X.T * B),
        X,
        lambda B, X: tr(X @ X.T @ B),
        lambda B, X: B @ X + B.T @ X,
    ),
    (
        "111",
        T(X * B * X.T),
        X,
        lambda B, X: tr(X @ B @ X.T),
        lambda B, X: X @ B.T + X @ B,
    ),
    (
        "112",
        T(B * X.T * X),
        X,
        lambda B, X: tr(B @ X.T @ X),
        lambda B, X: X @ B.T + X @ B,
    ),
    (
        "113",
        T(X.T * X * B),
        X,
        lambda B, X: tr(X.T @ X @ B),
        lambda B, X: X @ B.T + X @ B,
    ),
    (
        "114",
        T(A * X * B * X),
        X,
        lambda A, B, X: tr(A @ X @ B @ X),
        lambda A, B, X: A.T @ X.T @ B.T + B.T @ X.T @ A.T,
    ),
    ("115", T(Z.T * Z), Z, lambda Z: tr(Z.T @ Z), lambda Z: 2 * Z),
    (
        "116",
        T(Z * W * Z.T),
        Z,
        lambda W, Z: tr(Z @ W @ Z.T),
        lambda W, Z: Z @ (W + W.T),
    ),
    (
        "117",
        T(B.T * X.T * C * X * B),
        X,
        lambda B, C, X: tr(B.T @ X.T @ C @ X @ B),
        lambda B, C, X: C.T @ X @ B @ B.T + C @ X @ B @ B.T,
    ),
    (
        "118",
        T(X.T * B * X * C),
        X,
        lambda B, C, X: tr(X.T @ B @ X @ C),
        lambda B, C, X: B @ X @ C + B.T @ X @ C.T,
    ),
    (
        "119",
        T(A * X * B * X.T * C),
        X,
        lambda A, B, C, X: tr(A @ X @ B @ X.T @ C),
        lambda A, B, C, X: A.T @ C.T @ X @ B.T + C @ A @ X @ B,
    ),
    (
        "120",
        T((A * X * B + C) * (A * X * B + C).T),
        X,
        lambda A, B, C, X: tr((A @ X @ B + C) @ (A @ X @ B + C).T),
        lambda A, B, C, X: 2 * A.T @ (A @ X @ B + C) @ B.T,
    ),
    (
        "121",
        T(sp.kronecker_product(X, X)),
        X,
        lambda X: tr(X) ** 2,
        lambda X: 2 * tr(X) * I,
    ),
    ("122", T(X**5), X, lambda X: tr(power(X, 5)), lambda X: 5 * power(X, 4).T),
    (
        "123",
        T(A * X**4),
        X,
        lambda A, X: tr(A @ power(X, 4)),
        lambda A, X: sum((power(X, r) @ A @ power(X, 3 - r)).T for r in range(4)),
    ),
    (
        "124",
        T(B.T * X.T * C * X * X.T * C * X * B),
        X,
        lambda B, C, X: tr(B.T @ X.T @ C @ X @ X.T @ C @ X @ B),
        lambda B, C, X: (
            C @ X @ X.T @ C @ X @ B @ B.T
            + C.T @ X @ B @ B.T @ X.T @ C.T @ X
            + C @ X @ B @ B.T @ X.T @ C @ X
            + C.T @ X @ X.T @ C.T @ X @ B @ B.T
        ),
    ),
)
INVERSES = (
    (
        "61",
        a.T * X.inv() * b,
        X,
        lambda a, b, X: a.T @ inv(X) @ b,
        lambda a, b, X: -inv(X).T @ a @ b.T @ inv(X).T,
    ),
    ("62", Det(X.inv()), X, lambda X: det(inv(X)), lambda X: -det(inv(X)) * inv(X).T),
    (
        "63",
        T(A * X.inv() * B),
        X,
        lambda A, B, X: tr(A @ inv(X) @ B),
        lambda A, B, X: -(inv(X) @ B @ A @ inv(X)).T,
    ),
    (
        "64",
        T((X + A).inv()),
        X,
        lambda A, X: tr(inv(X + A)),
        lambda A, X: -(inv(X + A) @ inv(X + A)).T,
    ),
    (
        "126",
        T((Z.T * S * Z).inv() * W),
        Z,
        lambda B, W, Z: tr(inv(Z.T @ (B + B.T) @ Z) @ W),
        lambda B, W, Z: (
            -((B + B.T) @ Z @ inv(Z.T @ (B + B.T) @ Z))
            @ (W + W.T)
            @ inv(Z.T @ (B + B.T) @ Z)
        ),
    ),
    (
        "127",
        T((Z.T * S * Z).inv() * (Z.T * (A + A.T) * Z)),
        Z,
        lambda A, B, Z: tr(inv(Z.T @ (B + B.T) @ Z) @ Z.T @ (A + A.T) @ Z),
        lambda A, B, Z: (
            -2
            * (B + B.T)
            @ Z
            @ inv(Z.T @ (B + B.T) @ Z)
            @ Z.T
            @ (A + A.T)
            @ Z
            @ inv(Z.T @ (B + B.T) @ Z)
            + 2 * (A + A.T) @ Z @ inv(Z.T @ (B + B.T) @ Z)
        ),
    ),
    (
        "X^-2",
        T(A * X**-2),
        X,
        lambda A, X: tr(A @ inv(X) @ inv(X)),
        lambda A, X: -(inv(X) @ inv(X) @ A @ inv(X) + inv(X) @ A @ inv(X) @ inv(X)).T,
    ),
)
DETERMINANTS = (
    ("49", Det(X), X, lambda X: det(X), lambda X: det(X) * inv(X).T),
    (
        "51",
        Det(A * X * B),
        X,
        lambda A, B, X: det(A @ X @ B),
        lambda A, B, X: det(A @ X @ B) * inv(X).T,
    ),
    (
        "52",
        Det(X.T * A * X),
        X,
        lambda A, X: det(X.T @ A @ X),
        lambda A, X: 2 * det(X.T @ A @ X) * inv(X).T,
    ),
    (
        "53",
        Det(Z.T * S * Z),
        Z,
        lambda B, Z: det(Z.T @ (B + B.T) @ Z),
        lambda B, Z: (
            2 * det(Z.T @ (B + B.T) @ Z) * (B + B.T) @ Z @ inv(Z.T @ (B + B.T) @ Z)
        ),
    ),
    (
        "54",
        Det(Z.T * B * Z),
        Z,
        lambda B, Z: det(Z.T @ B @ Z),
        lambda B, Z: (
            det(Z.T @ B @ Z) * (B @ Z @ inv(Z.T @ B @ Z) + B.T @ Z @ inv(Z.T @ B.T @ Z))
        ),
    ),
    (
        "55",
        log(Det(Z.T * Z)),
        Z,
        lambda Z: np.log(det(Z.T @ Z)),
        lambda Z: 2 * np.linalg.pinv(Z).T,
    ),
    ("57", log(sp.Abs(Det(X))), X, lambda X: np.log(abs(det(X))), lambda X: inv(X).T),
    ("58", Det(X**3), X, lambda X: det(X) ** 3, lambda X: 3 * det(X) ** 3 * inv(X).T),
    (
        "141",
        log(Det(X * X.T + A.T * A)),
        X,
        lambda A, X: np.log(det(X @ X.T + A.T @ A)),
        lambda A, X: 2 * inv(X @ X.T + A.T @ A) @ X,
    ),
)
NORMS = (
    (
        "129",
        sp.sqrt(((x - a).T * (x - a))[0, 0]),
        x,
        lambda a, x: np.linalg.norm(x - a),
        lambda a, x: (x - a) / np.linalg.norm(x - a),
    ),
    ("131", x.T * x, x, lambda x: x.T @ x, lambda x: 2 * x),
    ("132", T(X * X.T), X, lambda X: np.sum(X**2), lambda X: 2 * X),
    (
        "132",
        sp.sqrt(T(X * X.T)),
        X,
        lambda X: np.linalg.norm(X),
        lambda X: X / np.linalg.norm(X),
    ),
    (
        "least squares",
        (F * x - G.T * b).T * (F * x - G.T * b),
        x,
        lambda F, G, b, x: np.sum((F @ x - G.T @ b) ** 2),
        lambda F, G, b, x: 2 * F.T @ (F @ x - G.T @ b),
    ),
)
HADAMARD = (
    (
        "vectors",
        a.T * mx.hadamard_product(x, b),
        x,
        lambda a, b, x: a.T @ (x * b),
        lambda a, b, x: a * b,
    ),
    (
        "weights",
        T(A.T * mx.hadamard_product(X, B)),
        X,
        lambda A, B, X: np.sum(A * X * B),
        lambda A, B, X: A * B,
    ),
    (
        "square",
        T(A * mx.hadamard_product(X, X)),
        X,
        lambda A, X: tr(A @ (X * X)),
        lambda A, X: 2 * A.T * X,
    ),
    (
        "power",
        T(A * mx.HadamardPower(X, 3)),
        X,
        lambda A, X: tr(A @ X**3),
        lambda A, X: 3 * A.T * X**2,
    ),
    (
        "product",
        T(mx.hadamard_product(A * X, B)),
        X,
        lambda A, B, X: tr((A @ X) * B),
        lambda A, B, X: A.T @ (I * B),
    ),
    (
        "diag",
        T(A * mx.DiagMatrix(x)),
        x,
        lambda A, x: np.diag(A) @ x[:, 0],
        lambda A, x: np.diag(A)[:, None],
    ),
    (
        "entries",
        a.T * (X * b).applyfunc(sp.exp),
        X,
        lambda a, b, X: a.T @ np.exp(X @ b),
        lambda a, b, X: (a * np.exp(X @ b)) @ b.T,
    ),
)
FAMILIES = {
    "linear": LINEAR, "quadratic": QUADRATIC, "trace": TRACES, "inverse": INVERSES,
    "determinant": DETERMINANTS, "norm": NORMS, "hadamard": HADAMARD,
}  # fmt: skip
IDENTITIES = [
    pytest.param(*row[1:], id=f"{family} {row[0]}")
    for family, rows in FAMILIES.items()
    for row in rows
]


def at(f: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return a point for a formula: matrices with positive determinants."""
    rng = np.random.default_rng(7)
    found = {}
    for argument in f.signature.arguments:
        shape = [SIZES.get(str(e), e) for e in f.graph.inputs[argument.name].type.shape]
        own = rng.normal(size=shape)
        found[argument.name] = own + 3 * np.eye(*shape) if min(shape) > 1 else own
    return found


@pytest.mark.parametrize(("expr", "wrt", "closed", "gradient"), IDENTITIES)
def test_identity(
    expr: Any, wrt: Any, closed: Callable[..., Any], gradient: Callable[..., Any]
) -> None:
    """The value is NumPy's, the gradient the book's."""
    f = ob.compile(expr, wrt=wrt, backend="reference")
    point = at(f)
    expected = value(closed(**point)), gradient(**point)
    actual = f.value_and_grad(**point)
    assert expected[0] == pytest.approx(actual[0], rel=1e-10)
    assert expected[1].shape == actual[1].shape
    scale = np.abs(expected[1]).max()
    assert expected[1] == pytest.approx(actual[1], rel=1e-9, abs=1e-11 * scale)


@pytest.mark.parametrize(("expr", "wrt", "closed", "gradient"), IDENTITIES[::6])
def test_generated_code_agrees(
    expr: Any, wrt: Any, closed: Callable[..., Any], gradient: Callable[..., Any]
) -> None:
    """What the generated module computes is the book's gradient too."""
    f = ob.compile(expr, wrt=wrt, backend="python")
    point = at(f)
    assert value(closed(**point)) == pytest.approx(f(**point), rel=1e-10)
    assert gradient(**point) == pytest.approx(f.grad(**point), rel=1e-9, abs=1e-9)


LATEX = (
    ((F * x - e).T * (F * x - e), x, r"2 \, F^{\top} \, \left(F \, x - e\right)"),
    (a.T * X * b, X, r"a \, b^{\top}"),
    (x.T * B * x, x, r"B^{\top} \, x + B \, x"),
    (T(X), X, r"\mathbf{I}"),
    (T(X * A), X, r"A^{\top}"),
    (T(X.T * B * X), X, r"B \, X + B^{\top} \, X"),
    (T(X**3), X, r"3 \, X^{\top} \, X^{\top}"),
    (T(X.inv() * B), X, r"-X^{-\top} \, B^{\top} \, X^{-\top}"),
    (a.T * X.inv() * b, X, r"-X^{-\top} \, a \, b^{\top} \, X^{-\top}"),
    (log(Det(X)), X, r"X^{-\top}"),
    (Det(X), X, r"\operatorname{cof}\left(X\right)"),
    (T(Z.T * Z), Z, r"2 \, Z"),
    (sp.sqrt(((x - a).T * (x - a))[0, 0]), x,
     r"\frac{x - a}{\left\|x - a\right\|}"),
    (T(A * mx.hadamard_product(X, X)), X, r"2 \, A^{\top} \odot X"),
    (a.T * (A * x).applyfunc(sp.exp), x,
     r"A^{\top} \, \left(a \odot \mathrm{e}^{A \, x}\right)"),
)  # fmt: skip


@pytest.mark.parametrize(("expr", "wrt", "formula"), LATEX, ids=lambda v: str(v)[:40])
def test_gradients_read_like_the_book(expr: Any, wrt: Any, formula: str) -> None:
    """The LaTeX of a gradient is the formula that one would write."""
    lines = ob.compile(expr, wrt=wrt).latex().splitlines()
    assert rf"\frac{{\partial f}}{{\partial {wrt}}} &= {formula}" == lines[-2]
