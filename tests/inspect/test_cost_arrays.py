"""Over arrays, operations are counted as polynomials in the sizes."""

from __future__ import annotations

import numpy as np
import pytest

import overbar as ob
from overbar.cost import readable
from overbar.ir.errors import InputError
from overbar.ir.types import dim

M, N, K = map(dim, "mnk")
SQUARES = "W: param[m, n]\nx: data[n]\nsum((W @ x)**2)"


def test_a_sum_of_squares() -> None:
    """W x takes m n products and sums, its square m of each; W_bar is 2 W x x^T."""
    cost = ob.compile(SQUARES).cost
    assert {"mul": M * N + M, "add": M * N + M} == cost.value.operations
    assert {"mul": 2 * M * N + 2 * M, "add": M * N + M} == cost.gradient.operations
    assert (["m", "n"], 8 * M + 8 * N) == (cost.sizes, cost.saved)
    assert 1.5 == pytest.approx(cost.ratio)


@pytest.mark.parametrize("role", ["param", "data"])
def test_loops_and_libraries_count_alike(role: str) -> None:
    """A product counts the same in loops, for data, as where BLAS computes it."""
    f = ob.compile(f"W: {role}[m, n]\nx: param[n]\nsum((W @ x)**2)", wrt="x")
    lines = [line for line in str(f.program).split("\n") if "#" not in line]
    assert any("W @ x" in line for line in lines) == (role == "param")
    operations = f.cost.value.operations
    assert {"mul": M * N + M, "add": M * N + M} == operations


@pytest.mark.parametrize(
    ("text", "operations", "flops"),
    [
        ("x: param[n]\nsum(exp(x)*x)", {"exp": N, "mul": N, "add": N}, 17 * N),
        ("x: param[n]\nsum(x[1:] - x[:-1])", {"sub": N - 1, "add": N - 1}, 2 * N - 2),
        ("A: param[m, n]\nB: param[n, k]\nsum((A @ B)**2)",
         {"mul": M * N * K + M * K, "add": M * N * K + M * K},
         2 * M * N * K + 2 * M * K),
        ("x: param[n]\nmax(x)", {"max": N}, N),
        ("x: param[n]\nprod(x)", {"mul": N}, N),
        ("x: param[n]\nx*2 + 1", {"mul": N, "add": N}, 2 * N),
        ("E: param[m, n]\ni: index[k]\nsum(E[i])", {"add": K * N}, K * N),
        ("x: param[n]\nsum(where(x > 0, exp(x), x*2))",
         {"gt": N, "exp": N, "add": N}, 17 * N),
        ("A: param[n, n]\nsum(A.T)", {"add": N * N}, N * N),
    ],
)  # fmt: skip
def test_counts(text: str, operations: dict[str, object], flops: object) -> None:
    """Loops count their bodies as often as they run; places cost nothing."""
    count = ob.compile(text).cost.value
    assert (operations, flops) == (dict(count.operations), count.flops)


def test_linear_algebra() -> None:
    """A system of n equations takes n**3/3 steps and n**2 for its right side."""
    count = ob.compile("A: param[n, n]\nb: data[n]\nsolve(A, b)").cost.value
    assert "mul 1/3*n**3 + n**2, sub 1/3*n**3 + n**2" == str(count)
    numbers = count.at({"n": 30})
    assert {"mul": 9000 + 900, "sub": 9000 + 900} == numbers.operations


def test_numbers() -> None:
    """Sizes come by name, or from arguments by name."""
    cost = ob.compile(SQUARES).cost
    by_size = cost.at(m=64, n=10)
    assert 64 * 10 + 64 == by_size.value.operations["mul"]
    assert (by_size, 8 * 74) == (cost.at(W=np.ones((64, 10))), by_size.saved)
    assert by_size == cost.at(m=64, x=np.ones(10))
    assert [] == by_size.sizes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"m": 3}, "expected sizes for m, n; found none for n"),
        ({"m": 3, "n": -1},
         "expected whole numbers for m, n, or arrays for W, x; found n = -1"),
        ({"m": 3, "n": 2.5},
         "expected whole numbers for m, n, or arrays for W, x; found n = 2.5"),
        ({"q": 3}, "expected whole numbers for m, n, or arrays for W, x; found q = 3"),
        ({"x": np.ones((2, 2))},
         "expected whole numbers for m, n, or arrays for W, x; found x = shape (2, 2)"),
    ],
)  # fmt: skip
def test_wrong_sizes(given: dict[str, object], message: str) -> None:
    """What is missing, unknown or no size is said by name."""
    with pytest.raises(InputError) as caught:
        ob.compile(SQUARES).cost.at(**given)
    assert message == str(caught.value)


def test_words() -> None:
    """The table has polynomials, and numbers once the sizes are known."""
    cost = ob.compile("w: param[n]\nx: data[n]\nsum((w*x)**2)").cost
    words = (
        "                operations  weighted\n"
        "value                  3*n       3*n  mul 2*n, add n\n"
        "value_and_grad         5*n       5*n  mul 4*n, add n\n"
        "ratio                           1.67 for large sizes\n"
        "saved           16*n bytes"
    )
    assert words == str(cost)
    assert "saved           160 bytes" == str(cost.at(n=10)).splitlines()[-1]


def test_an_array_as_output() -> None:
    """The gradient is that of products with a seed."""
    cost = ob.compile("x: param[n]\nsin(x)*2").cost
    assert ("value", "vjp") == cost.names
    assert {"sin": N, "mul": N} == cost.value.operations
    assert {"cos": N, "mul": 2 * N} == cost.gradient.operations


def test_float32_saves_half() -> None:
    """Bytes are those of the dtype."""
    x = ob.param("x", ("n",), dtype="float32")
    assert 4 * N == ob.compile(ob.sum(ob.exp(x))).cost.saved


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (2 * M * N + N - 1, "2*m*n + n - 1"),
        (M * N * N * N // 3 + N * N * N, "1/3*m*n**3 + n**3"),
        (((N + 1) // 2) * M, "((n + 1)//2)*m"),
        (((N + 1) // 2) * ((N + 1) // 2), "((n + 1)//2)**2"),
        (0 - N * N, "-n**2"),
        (N // 2 + N * N // 2, "1/2*n**2 + (n)//2"),
    ],
)
def test_polynomials(number: object, text: str) -> None:
    """Counts read as mathematics."""
    assert text == readable(number)
