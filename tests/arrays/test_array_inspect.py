"""What formulas over arrays tell of themselves: kinks, rewrites, NaNs, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import overbar as ob
from overbar.ir.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from overbar.function import CompiledFunction


@pytest.mark.parametrize(
    ("body", "kinks"),
    [
        ("max(x)", ["max(x): elements of x tie (kink, half)"]),
        ("min(x)", ["min(x): elements of x tie (kink, half)"]),
        ("x[argmax(x)]", ["argmax(x, axis=0): elements of x tie (jump)"]),
        ("norm(x)", ["norm(x): x = 0 (kink, zero)"]),
        ("sum(abs(x - 1))", ["abs(x - 1): x - 1 = 0 (kink, half)"]),
        ("sum(relu(x @ A))", ["relu(A.T @ x): A.T @ x = 0 (kink, left)"]),
        ("sum(where(x > 0, x, x**2))",
         ["x if x > 0 else x**2: where x > 0 changes (branch)"]),
        ("sum(where(i > 2, x, 2*x))", []),
        ("sum(triu(A)) + trace(A @ A) + sum(x[i]) + sum(eye(3))", []),
        ("logsumexp(x) + sum(softmax(x)**2) + sum(x[1:]*x[:-1])", []),
    ],
)  # fmt: skip
def test_kinks(body: str, kinks: list[str]) -> None:
    """Kinks are where real numbers meet; places and whole numbers do not move."""
    text = f"x: param[n]\nA: param[n, n]\ni: index[n]\n{body}"
    assert [f"line 4: {kink}" for kink in kinks] == [
        str(kink) for kink in ob.compile(text).kinks
    ]


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("log(sum(exp(x)))", ["log(sum(exp(x))) = logsumexp(x)"]),
        ("sum(1 - exp(x))", ["1 - exp(x) = -expm1(x)"]),
        ("sum(x**2 + 1)", []),
    ],
)
def test_rewrites(body: str, rules: list[str]) -> None:
    """Rewrites over arrays are listed with their places, and none at strict."""
    text = f"x: param[n]\n{body}"
    found = ob.compile(text).rewrites
    assert [(rule, True) for rule in rules] == [
        (rule, place.startswith("<string>:2:")) for rule, place in found
    ]
    assert [] == ob.compile(text, accuracy="strict").rewrites


@pytest.mark.parametrize(
    ("text", "inputs", "first"),
    [
        ("x: param[n]\ny = log(x)\nsum(y)", {"x": [1.0, -1.0]},
         "nan in line 2: log(x) at x[1] = -1.0, outside of the domain [0, inf)"),
        ("W: param[m, n]\nx: data[n]\nz = W @ x\nsum(z)",
         {"W": [[1.0, 2.0], [np.inf, 1.0]], "x": [1.0, 0.0]},
         "inf in the input W[1, 0]"),
        ("x: param[n]\nsum(where(x > 0, log(x), x))", {"x": [1.0, -1.0]},
         "every result is finite"),
        ("x: param[n]\nsum(sqrt(x))", {"x": [1.0, 0.0]},
         "inf in the adjoint of sqrt(x) (line 2): 1/sqrt(x) at sqrt(x)[1] = 0.0"),
        ("x: param[n]\ni: index[k]\nsum(log(x)[i])",
         {"x": [1.0, 3.0, 0.0], "i": [1, 2]},
         "-inf in line 3: log(x) at x[2] = 0.0"),
        ("x: param[n]\n1/prod(x)", {"x": [0.0, 1.0]},
         "inf in line 2: 1/prod(x) at prod(x) = 0.0"),
        ("X: param[m, n]\nsum(exp(X), axis=1)", {"X": [[1.0, 2.0], [1000.0, 0.0]]},
         "inf in line 2: exp(X) at X[1, 0] = 1000.0"),
    ],
)  # fmt: skip
def test_explain(text: str, inputs: dict[str, Any], first: str) -> None:
    """The first element that is not finite is named, with the user's line."""
    found = ob.compile(text).explain(**inputs)
    assert (first, first != "every result is finite") == (
        str(found).split("\n")[0], bool(found),
    )  # fmt: skip


LOOKS: dict[str, Callable[[CompiledFunction, list[Any]], Any]] = {
    "call": lambda f, args: f(*args),
    "explain": lambda f, args: f.explain(*args),
    "accuracy": lambda f, args: f.accuracy(*args),
    "check": lambda f, args: f.check(*args),
    "draw": lambda f, args: f.draw(args),
}
SINGULAR = np.ones((2, 2))


@pytest.mark.parametrize(
    ("text", "args", "message"),
    [
        ("x: param[n]\ni: index[k]\nsum(x[i])", [[1.0, 2.0], [5]],
         "<string>:3:5: expected indices from -2 to 1 in x[i], found 5"),
        ("A: param[n, n]\nb: data[n]\nsum(solve(A, b))", [SINGULAR, [1.0, 2.0]],
         ("<string>:3:5: solve expects an invertible matrix, found another (singular "
          "matrix)")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("look", LOOKS)
def test_what_is_refused(look: str, text: str, args: list[Any], message: str) -> None:
    """Whoever asks, an index or a matrix that is refused is named with its line."""
    with pytest.raises(InputError) as caught:
        LOOKS[look](ob.compile(text), args)
    assert message == str(caught.value).split("\n")[0]


@pytest.mark.parametrize("look", ["explain", "accuracy", "check", "draw"])
def test_points_one_at_a_time(look: str) -> None:
    """What a call would map over is refused with its shape: a look is at one point."""
    f = ob.compile("w: param[n]\nx: data[n]\n(w @ x)**2", reduce="mean")
    with pytest.raises(InputError) as caught:
        LOOKS[look](f, [np.ones(2), np.ones((3, 2))])
    message = "expected one array of shape [n] for 'x', found (3, 2)"
    assert message == str(caught.value)


def test_check_of_linear_algebra() -> None:
    """Factors and solutions are held against high precision, to a few units."""
    f = ob.compile(
        "A: param[n, n]\nb: data[n]\nS = A @ A.T\n"
        "sum(cholesky(S)) + sum(solve(A, b)) + logdet(A) + sum(inv(S))"
    )
    rng = np.random.default_rng(5)
    report = f.check(rng.normal(size=(3, 3)) + 3 * np.eye(3), np.ones(3))
    (row,) = report.rows
    assert (True, "the worst of 9 elements") == (bool(report), row.note)
    assert row.relative < 1e-12


def test_a_wrong_rule_of_linear_algebra_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adjoint that is wrong by 0.05 % in one element is found."""
    f = ob.compile("A: param[n, n]\nlogdet(A)")
    a = np.array([[3.0, 1.0], [0.5, 2.0]])
    wrong = np.linalg.inv(a).T
    wrong[0, 1] *= 1.0005
    monkeypatch.setattr(f, "once", lambda _name, _values: [wrong])
    report = f.check(a)
    assert ["A[0, 1]", False] == [report.rows[0].name, report.ok]


def test_check_in_double_precision_says_so() -> None:
    """Large arrays are checked along random directions in double precision."""
    f = ob.compile("W: param[m, n]\nx: data[n]\nsum(tanh(W @ x)**2)")
    rng = np.random.default_rng(1)
    report = f.check(rng.normal(size=(300, 200)) / 10, rng.normal(size=200))
    assert report
    assert "random directions, in double precision" in report.rows[0].note
