"""Hostile programs for the schedule: memory used again, strips, turns left out.

Each runs with strips of two elements, and with fresh memory full of NaN, so that what
is read before it is written shows.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import overbar as ob
from overbar.codegen import libm, strips
from tests.arrays.subjects import close
from tests.arrays.test_loops import flat

SHAPES = """
w: param[n]
u: param[n]
X: data[d, n]
Y: param[n, d]
Q: param[m, d]
B: param[n, m]
P: data[n, d]
E: data[n, m, d]
c: data[n]
k: index[n]
"""
SIZES = {"d": 3, "m": 4}

MEMORY = {
    "a view after what overwrites it": """
        S = Y @ Y.T
        Z = -S
        Z, -Z.T""",
    "two views, both arrays overwritten": """
        S = Y @ Y.T
        Z = -S
        T = Z*Z.T
        Z, T, T.T, reshape(-Z, (n*n,))""",
    "returned twice": "z = exp(w)\nz, z, z*2, z",
    "returned twice, as views": "Z = outer(w, u)\nZ, Z.T, Z, reshape(Z.T, (n*n,))",
    "inputs returned": "w, Y, Y.T, w, w[::-1], X",
    "overwritten along a chain": """
        S = Y @ Y.T
        A = sin(S)
        D = A*S
        C = cos(D) + 1
        C @ w, C, A""",
    "read once more later": """
        S = Y @ Y.T
        A = sin(S)
        b = A @ w
        C = A*exp(-S)
        C, b, S @ b""",
    "read at another place": """
        S = Y @ Y.T
        A = S + S[::-1]
        C = A*A[:, ::-1]
        C, C.T @ w""",
    "an array through a slice": """
        S = cumsum(concatenate((w, u)))
        z = S[1:]*2
        z, cumsum(S)""",
    "an array's reshaped view": """
        S = Y @ Y.T
        r = reshape(S, (n*n,))
        A = exp(-S**2)
        sum(r*reshape(A, (n*n,))), A""",
    "sums fill what was free": """
        S = Y @ Y.T
        a = S @ w
        b = sin(a)
        T = b[:, None]*Y
        R = T @ Y.T
        p = sum(R**2, axis=0)
        p, b""",
    "scattered into what was free": """
        a = cumsum(w)
        b = sin(a)
        z = segment_sum(b, k, n)
        z*a, segment_sum(z, k, n)""",
}
"""Programs with several outputs, arrays among them."""

STRIPS = {
    "two chains of two extents": """
        z = w @ X.T
        a = sin(w)*sum(X, axis=0)
        b = tanh(Q @ z)
        sum(exp(a)) + sum(a**2) + sum(b*sum(Q, axis=1)) + sum(exp(-b))""",
    "maximum, then exponentials": """
        a = w*sum(X, axis=0)
        p = exp(a - max(a))
        sum(p*u)/sum(p) + sum(a)""",
    "softmax and its logarithm": """
        a = sum(X*w, axis=0)
        sum(softmax(a)*u) + sum(log_softmax(a + u)*c)""",
    "gathered": """
        a = w*sum(X, axis=0)
        b = a[k] + u
        sum(exp(b)*a) + sum(X[:, k] @ b) + sum(b[k]**2)""",
    "reversed and shifted": """
        a = sin(w)*sum(X, axis=0)
        b = a[::-1] + a
        sum(b*roll(b, 1)) + sum((a[1:] - a[:-1])**2)""",
    "running sums": """
        a = u*sum(X, axis=0)
        b = cumsum(a)
        z = cumsum(exp(-b**2)*w)
        sum(z*a) + sum(b)""",
    "places": """
        a[i] = i*w[i] + sum(X[j, i] for j in d)
        b[i] = where(a[i] > 0.3*i, a[i]*u[i], i*a[i])
        z[i] = a[n - 1 - i]*b[i]
        sum(z[i]*i for i in n) + sum(a*b)""",
    "a sum of all between two loops": """
        a = w*sum(X, axis=0)
        v = mean((a - mean(a))**2)
        sum(((a - mean(a))/sqrt(v + 1))**3*u)""",
    "sums that fill other arrays": """
        a = tanh(u)*sum(X, axis=0)
        r = X @ a
        z = r @ X + a
        sum(z**2) + sum(a*w)""",
    "loops in strips in loops": """
        a[i] = sum(sum(E[i, j, q]*Q[j, q] for q in d)*w[i] for j in m)
        b = sin(a)*sum(X, axis=0)
        sum(b*u) + sum(b**2)""",
    "columns": """
        r = exp(Y @ sum(Q, axis=0)) - c
        z = r*w + sum(Y, axis=1)
        sum(r**2) + sum(z*u)""",
    "choices": """
        a = sum(X, axis=0)*w
        b = where(c > 0, sqrt(maximum(a, 0) + 1), a**2)
        sum(where(b > u, b, u*a)) + sum(log(b**2 + 1))""",
    "extrema along a strip": """
        a[i] = min(sum((Y[i, q] - Q[j, q])**2 for q in d) for j in m)
        b = a*sum(X, axis=0)
        sum(b*u) + sum(exp(-b)) + max(b)""",
}
SCARCE = {
    "an element set in a turn": """
        v[i, j] = sum(sin(B[i, j]*P[i, q])*E[i, j, q] for q in d)
        sum(max(v, axis=1))""",
    "a vector's element added to in turns": """
        v[i, j] = sum(exp(w[i]*X[q, i])*E[i, j, q] for q in d)
        sum(max(sin(v), axis=1)*c)""",
    "over both axes": """
        v[i, j] = sum((Y[i, q] - Q[j, q])**2 for q in d)
        max(v)*sum(min(v, axis=0))""",
    "two extrema of one array": """
        v[i, j] = sum((Y[i, q] - Q[j, q])**2 for q in d)
        sum(max(v, axis=1)**2) + sum(min(v, axis=1)*u)""",
    "a factor beside it": """
        v[i, j] = sum((X[q, i] - Q[j, q])**2 for q in d)*c[i]
        sum(max(v**2, axis=1)*u)""",
    "an extremum of extrema": """
        v[i, j] = max(E[i, j, q]*Q[j, q] for q in d)
        max(min(v, axis=1)*u)""",
}
"""Programs with one number."""
NUMBERS = {**STRIPS, **SCARCE}


@pytest.fixture(autouse=True)
def _hard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut loops into strips of two elements, and fill fresh memory with NaN."""

    def empty(shape: Any, dtype: Any = np.float64) -> Any:
        exact = np.dtype(dtype).kind in "ib"
        return np.full(shape, -99 if exact else np.nan, dtype)

    monkeypatch.setattr(strips, "STRIP", 2)
    monkeypatch.setattr(libm.NUMPY, "empty", empty)


def text_of(body: str) -> str:
    """Return a program with the declarations that it needs."""
    body = "\n".join(line.strip() for line in body.strip().split("\n"))
    lines = SHAPES.strip().split("\n")
    used = [line for line in lines if re.search(rf"\b{line[0]}\b", body)]
    sizes = [line for line in used if "n" in line.partition("[")[2]]
    return "\n".join([*used, *([] if sizes else ["c: data[n]"]), body])


def given(text: str, n: int, seed: int = 0, dtype: str = "float64") -> dict[str, Any]:
    """Return arguments drawn at random."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for name, kind, shape in re.findall(r"^(\w): (\w+)\[(.*)\]", text, re.MULTILINE):
        sizes = [{"n": n, **SIZES}[s] for s in shape.split(", ")]
        drawn = rng.normal(size=sizes).astype(dtype)
        found[name] = rng.integers(-n, n, sizes) if kind == "index" else drawn
    return found


def arrays(values: Any) -> list[Any]:
    """Return the arrays among nested results."""
    return [v for v in flat(values) if isinstance(v, np.ndarray)]


class Calls:
    """Call a formula, and fail where a call writes into what it was given or gave."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.args = args
        self.seen = [(a, a.copy()) for a in args.values()]

    def __call__(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a result that is an array of its own, as all before it stay."""
        result = function(*args, **kwargs)
        fresh = arrays(result)
        held = [a for a, _ in self.seen]
        pairs = [*itertools.product(fresh, held), *itertools.combinations(fresh, 2)]
        assert not any(np.shares_memory(a, b) for a, b in pairs)
        self.seen += [(a, a.copy()) for a in fresh]
        for array, before in self.seen:
            np.testing.assert_array_equal(array, before)
        return result


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("name", MEMORY)
def test_memory_used_again_holds_nothing_else(name: str, n: int) -> None:
    """Values and products with seeds are the reference's; no two arrays are one."""
    text = text_of(MEMORY[name])
    args = given(text, n)
    call = Calls(args)
    f, true = (ob.compile(text, backend=b) for b in ("python", "reference"))
    expected = true(**args)
    close(call(f, **args), expected)
    close(call(f, **args), expected)
    rng = np.random.default_rng(1)
    seeds = tuple(rng.normal(size=np.shape(v)) for v in expected)
    values = list(args.values())
    close(call(f.vjp, values, seeds), true.vjp(values, seeds))
    dots = {p: np.cos(args[p]) for p in args if f"{p}: param" in text}
    close(call(f.jvp, values, dots), true.jvp(values, dots))


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("name", NUMBERS)
def test_loops_give_what_the_reference_gives(name: str, n: int) -> None:
    """Value, gradient, both passes and Hessian products are those of the reference."""
    text = text_of(NUMBERS[name])
    args = given(text, n)
    call = Calls(args)
    f, true = (ob.compile(text, backend=b) for b in ("python", "reference"))
    expected = true.value_and_grad(**args)
    close(call(f.value_and_grad, **args), expected)
    value, saved = f.forward(**args)
    close([value, call(f.backward, saved)], expected)
    close(call(f.backward, saved), expected[1])
    values = list(args.values())
    dots = {p: np.cos(args[p]) for p in args if f"{p}: param" in text}
    close(call(f.hvp, values, dots), true.hvp(values, dots))


@pytest.mark.parametrize("name", NUMBERS)
def test_gradients_are_those_of_differences(name: str) -> None:
    """The slope along a direction is the one that central differences give."""
    text = text_of(NUMBERS[name])
    args = given(text, 3, seed=2)
    f = ob.compile(text, backend="python")
    dots = {p: np.cos(args[p]) for p in args if f"{p}: param" in text}
    slope = sum(np.sum(g * dots[p]) for p, g in f.grad(**args)._asdict().items())
    h = 1e-5
    ends = [
        f(**{p: a + s * dots[p] if p in dots else a for p, a in args.items()})
        for s in (h, -h)
    ]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-6)


COMPILED = (
    "gathered", "maximum, then exponentials", "extrema along a strip",
    "sums that fill other arrays", "an element set in a turn",
)  # fmt: skip


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_code_is_the_same_program(name: str) -> None:
    """With Numba and vector math the gradient is that of the reference."""
    text = text_of(NUMBERS[name])
    args = given(text, 3, seed=3)
    expected = ob.compile(text, backend="reference").value_and_grad(**args)
    close(Calls(args)(ob.compile(text).value_and_grad, **args), expected, 1e-12)


def gathered(w: Any, u: Any, X: Any, k: Any) -> Any:
    """Return a number of arrays read at computed places."""
    a = w * np.sum(X, axis=0)
    b = a[k] + u
    return np.sum(np.exp(b) * a) + np.sum(b[::-1] ** 2 * k)


def nearest(w: Any, u: Any, X: Any, k: Any) -> Any:
    """Return a number of extrema, and of a choice."""
    a = np.min((X[:, :, None] - w) ** 2, axis=1) * u
    b = np.where(k > 0, np.exp(-np.max(a, axis=0)), u * k)
    return np.sum(b * np.tanh(w)) + np.sum(b**2)


@pytest.mark.parametrize("formula", [gathered, nearest])
def test_single_precision(formula: Any) -> None:
    """Arrays of float32 and int64 in strips give what the reference gives."""
    shapes = {"w": ("n",), "u": ("n",), "X": ("d", "n")}
    inputs = [ob.param(s, shape, dtype="float32") for s, shape in shapes.items()]
    inputs.append(ob.data("k", ("n",), dtype="int64"))
    rng = np.random.default_rng(4)
    values = [rng.normal(size=s).astype("float32") for s in (5, 5, (3, 5))]
    values.append(rng.integers(-5, 5, 5))
    f, true = (
        ob.compile(formula(*inputs), backend=b, inputs=inputs)
        for b in ("python", "reference")
    )
    found, expected = f.value_and_grad(*values), true.value_and_grad(*values)
    assert {a.dtype for a in arrays(found)} == {np.dtype("float32")}
    close(found, expected, 1e-4)


@pytest.mark.parametrize("backend", ["auto", "python", "reference"])
def test_extrema_of_integers(backend: str) -> None:
    """The largest and smallest integers of arrays, of rows, and beside a float."""
    k, x = ob.data("k", ("m", "n"), dtype="int64"), ob.param("x", ("n",))
    shown = (
        np.max(k), np.min(k), np.max(k, axis=1), np.min(k, axis=0),
        np.maximum(k, 2), np.minimum(k[0], x), np.max(np.maximum(k, x), axis=0),
    )  # fmt: skip
    f = ob.compile(shown, backend=backend)
    rng = np.random.default_rng(6)
    k, x = rng.integers(-(2**40), 2**40, (3, 5)), rng.normal(size=5)
    expected = (
        k.max(), k.min(), k.max(axis=1), k.min(axis=0),
        np.maximum(k, 2), np.minimum(k[0], x), np.maximum(k, x).max(axis=0),
    )  # fmt: skip
    for a, b in zip(f(k=k, x=x), expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=np.ndim(b) > 0)


@pytest.mark.parametrize("backend", ["auto", "python", "reference"])
def test_sums_of_conditions_are_integers(backend: str) -> None:
    """How many elements are true is an integer, of an array and of its rows."""
    b = ob.data("b", ("m", "n"), dtype="bool")
    f = ob.compile((np.sum(b), np.sum(b, axis=1)), backend=backend)
    values = np.random.default_rng(7).normal(size=(3, 5)) > 0
    count, rows = f(values)
    assert type(count) is int
    assert count == values.sum()
    np.testing.assert_array_equal(rows, values.sum(axis=1), strict=True)


def test_what_is_infinitely_far_adds_nothing() -> None:
    """An element that is no extremum adds 0, also where 0 times its slope is NaN."""
    C, P = np.array([[0.0], [np.inf]]), np.array([[1.0], [3.0]])
    f = ob.compile(TIED.format("min"), backend="python")
    np.testing.assert_array_equal(f.grad(C, P).C, [[-8.0], [0.0]])


def test_arrays_changed_between_the_passes() -> None:
    """What backward needs is not the caller's array, which may be written meanwhile."""
    text = text_of(STRIPS["gathered"])
    args = given(text, 5)
    f = ob.compile(text, backend="python")
    expected = f.grad(**args)
    _, saved = f.forward(**args)
    for a in args.values():
        a[:] = 0
    close(f.backward(saved), expected)


def test_python_formulas_return_views() -> None:
    """Expressions that are views of one another are arrays of their own."""
    x = ob.param("x", ("m", "n"))
    y = np.exp(x)
    shown = (y, y.T, y[0], y.reshape(-1), y.T, x.T, x)
    f = ob.compile(shown, backend="python")
    value = np.random.default_rng(0).normal(size=(3, 4))
    e = np.exp(value)
    found = Calls({"x": value})(f, value)
    expected = (e, e.T, e[0], e.reshape(-1), e.T, value.T, value)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


TIED = """
C: param[K, d]
P: data[N, d]
squares = sum((P[:, None, :] - C)**2, axis=2)
sum({}(squares, axis=1))
"""
SHARES = {
    "half": lambda hit, count, _: hit / count,
    "left": lambda hit, count, kind: hit if kind == "min" else hit * (count == 1),
    "right": lambda hit, count, kind: hit if kind == "max" else hit * (count == 1),
    "zero": lambda hit, count, _: hit * (count == 1),
}


@pytest.mark.parametrize("backend", ["python", "reference"])
@pytest.mark.parametrize("kind", ["min", "max"])
@pytest.mark.parametrize("kinks", SHARES)
def test_ties_by_each_convention(kinks: str, kind: str, backend: str) -> None:
    """Gradients at ties are those by hand: shared, one-sided, or zero."""
    rng = np.random.default_rng(0)
    C, P = rng.integers(-1, 2, (4, 2)) * 0.5, rng.integers(-1, 2, (6, 2)) * 0.5
    C[2] = C[0]
    apart = P[:, None, :] - C
    squares = (apart**2).sum(axis=2)
    hit = squares == getattr(squares, kind)(axis=1, keepdims=True)
    share = SHARES[kinks](hit, hit.sum(axis=1, keepdims=True), kind)
    expected = -2 * (share[:, :, None] * apart).sum(axis=0)
    f = ob.compile(TIED.format(kind), kinks=kinks, backend=backend)
    np.testing.assert_allclose(f.grad(C, P).C, expected, rtol=1e-14, atol=1e-14)


def test_the_programs_do_what_they_attack() -> None:
    """Loops run over strips, memory is used again, turns are left out."""
    sources = {
        name: ob.compile(text_of(body), backend="python").source
        for name, body in {**MEMORY, **NUMBERS}.items()
    }
    cut = [n for n in STRIPS if "stop = min(start + 2" in sources[n]]
    again = [n for n in MEMORY if "# in the memory of" in sources[n]]
    assert len(cut) >= 10
    assert len(again) >= 4
    for name in ("two extrema of one array", "a factor beside it"):
        assert ("if not" in sources[name]) == (name == "a factor beside it")
