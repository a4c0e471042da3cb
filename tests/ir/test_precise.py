"""Check linear algebra in high precision: by identities to all digits, and by NumPy."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

from overbar.ir.bounded import bounded_context
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = 60
CONTEXT = bounded_context(DIGITS)
TINY = CONTEXT.mpf(10) ** (5 - DIGITS)
RANDOM = np.random.default_rng(7)
MATRIX = RANDOM.normal(size=(4, 4))
SPD = MATRIX @ MATRIX.T + np.eye(4)
RIGHT = RANDOM.normal(size=(4, 2))


def exact(array: Any) -> Any:
    """Return an array as numbers of the context."""
    return np.frompyfunc(CONTEXT.mpf, 1, 1)(array)


def run(name: str, *args: Any, attrs: tuple[Any, ...] = ()) -> Any:
    """Return an op's value in high precision."""
    form = OPS[name].mp
    assert form is not None
    return form(CONTEXT, *attrs, *map(exact, args))


def lower(a: Any) -> Any:
    """Return the triangle with a unit diagonal."""
    return np.tril(a, -1) + np.eye(len(a))


def eigen(a: Any) -> Any:
    """Return V diag(w) V^T."""
    v = run("eigenvectors", a)
    return v * run("eigvalsh", a) @ v.T


IDENTITIES: dict[str, tuple[Callable[[], Any], Any]] = {
    "solve": (lambda: exact(MATRIX) @ run("solve", MATRIX, RIGHT), RIGHT),
    "solve a vector": (
        lambda: exact(MATRIX) @ run("solve", MATRIX, RIGHT[:, 0]), RIGHT[:, 0],
    ),
    "inv": (lambda: exact(MATRIX) @ run("inv", MATRIX), np.eye(4)),
    "cholesky": (
        lambda: run("cholesky", np.tril(SPD)) @ run("cholesky", np.tril(SPD)).T, SPD,
    ),
    "eigh": (lambda: eigen(SPD), np.tril(SPD) + np.tril(SPD, -1).T),
    "orthonormal": (
        lambda: run("eigenvectors", SPD).T @ run("eigenvectors", SPD), np.eye(4),
    ),
    "det": (lambda: run("det", MATRIX) * run("det", run("inv", MATRIX)), 1.0),
    "logdet": (
        lambda: CONTEXT.exp(run("logdet", MATRIX)) * run("detsign", MATRIX)
        / run("det", MATRIX), 1.0,
    ),
    "eigengaps": (
        lambda: run("eigengaps", [1.0, 3.0, 7.0]) * 12,
        [[0, 6, 2], [-6, 0, 3], [-2, -3, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities(name: str) -> None:
    """What defines an operation holds to all digits, not only to a double's."""
    compute, expected = IDENTITIES[name]
    gap = np.abs(compute() - exact(expected))
    assert np.max(gap) < TINY


@pytest.mark.parametrize("flags", [*product([False, True], repeat=3)])
@pytest.mark.parametrize("right", [RIGHT, RIGHT[:, 0]])
def test_triangular_systems(flags: tuple[bool, bool, bool], right: Any) -> None:
    """Both triangles, transposed or not, with a unit diagonal or not."""
    is_lower, transposed, unit = flags
    half = MATRIX if is_lower else MATRIX.T
    matrix = lower(half) if unit else np.tril(half)
    matrix = matrix if is_lower else matrix.T
    found = run("solve_triangular", half if is_lower else half.T, right, attrs=flags)
    gap = exact(matrix.T if transposed else matrix) @ found - exact(right)
    assert np.max(np.abs(gap)) < TINY


NUMPY: dict[str, Callable[[Any], Any]] = {
    "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "detsign": lambda a: np.linalg.slogdet(a)[0],
    "inv": np.linalg.inv,
    "cholesky": np.linalg.cholesky,
    "eigvalsh": np.linalg.eigvalsh,
    "eigenvectors": lambda a: np.linalg.eigh(a)[1],
}


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize(
    "matrix",
    [
        SPD,
        np.zeros((0, 0)),
        np.stack([SPD, 2 * SPD + np.eye(4)])[:, None],
        np.zeros((0, 2, 2)),
    ],
)
def test_as_numpy(name: str, matrix: Any) -> None:
    """Shapes, signs and the order of eigenvalues are NumPy's; of stacks too."""
    found, expected = run(name, matrix), NUMPY[name](matrix)
    assert np.shape(expected) == np.shape(found)
    assert np.allclose(np.asarray(expected), np.asarray(found, float), 1e-12, 1e-13)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_products_of_others(count: int) -> None:
    """A product's derivatives are the sums over distinct places that define them."""
    x = np.array([[2.0, 0.0], [0.0, 3.0], [5.0, 0.0]])
    along = [RANDOM.integers(-3, 4, x.shape).astype(float) for _ in range(count)]
    found = run("prod_others", x, *along, attrs=(0,))
    for j, column in np.ndindex(x.shape):
        rest = [p for p in range(len(x)) if p != j]
        total = mpmath.mpf(0)
        for places in product(rest, repeat=count):
            if len(set(places)) == count:
                weight = np.prod(
                    [g[p, column] for g, p in zip(along, places, strict=True)]
                )
                others = [x[p, column] for p in rest if p not in places]
                total += weight * np.prod(others)
        assert found[j, column] == total


def test_stacks_of_systems() -> None:
    """Each matrix of a stack has its own right side."""
    stack, right = np.stack([MATRIX, SPD]), np.stack([RIGHT, -RIGHT])
    found = run("solve", stack, right)
    gap = exact(stack) @ found - exact(right)
    assert np.max(np.abs(gap)) < TINY
    half = run("solve_triangular", stack, right, attrs=(True, False, False))
    gap = exact(np.tril(stack)) @ half - exact(right)
    assert np.max(np.abs(gap)) < TINY


def test_singular_matrices_are_refused() -> None:
    """A matrix without an inverse is no matter of digits."""
    with pytest.raises(ZeroDivisionError):
        run("solve", np.zeros((2, 2)), np.ones(2))
