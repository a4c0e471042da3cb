"""The command line on formulas over arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import overbar as ob
from overbar.cli.draws import Draws, small
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from conftest import Cli

TEXT = "W: param[m, n]\nx: data[n]\nJ = sum((W @ x)**2)"


@pytest.fixture
def run(cli: Cli) -> Cli:
    """Return a way to run commands beside a formula f.expr and its data d.npz."""
    Path("f.expr").write_text(TEXT)
    np.savez("d.npz", W=[[1.0, 2.0]], x=[3.0, 4.0])
    return cli


def test_eval_takes_arrays_of_a_file(run: Cli) -> None:
    """The value and the gradient are those of the arrays."""
    result = run("eval", "f.expr", "--data", "d.npz", "--grad")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "J = 121.0\ndJ/dW = [[66.0, 88.0]]\n"


def test_json_has_costs_in_sizes(run: Cli) -> None:
    """Counts are polynomials in the sizes, as text."""
    result = run("derive", "f.expr", "--format", "json")
    cost = json.loads(result.stdout)["cost"]
    assert cost["value"] == {
        "operations": {"add": "m*n + m", "mul": "m*n + m"}, "weighted": "2*m*n + 2*m",
    }  # fmt: skip
    assert cost["saved_bytes"] == "8*m + 8*n"
    assert cost["ratio"] == 1.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "expected arrays that fit into memory, found larger ones"),
        ("--grad", ("expected one number as output for --grad over arrays, found out "
         "(float64[n, n])")),
    ],
)  # fmt: skip
def test_eval_of_an_array_refuses(run: Cli, words: str, message: str) -> None:
    """An array that memory cannot hold, and the gradient of one, are errors."""
    np.savez("x.npz", x=np.ones(10**7))  # the result has 800 TB
    text = "x: param[n]\nouter(x, x)"
    result = run("eval", "-", "--data", "x.npz", *words.split(), given=text)
    assert (2, f"overbar: error: {message}\n") == (result.exit_code, result.stderr)


EMBEDDING = (
    "E: param[v, d]\nw: index[n]\ny: index[n]\nU: param[k, d]\n"
    "lp = log_softmax(E[w] @ U.T, axis=1)\n-mean(lp[arange(n), y])"
)
GAUSSIAN = (
    "A: param[n, n]\nb: data[n]\nL = cholesky(A)\n"
    "x = solve_triangular(L, b, lower=True)\n-x @ x/2 - logdet(A)/2"
)


def test_eval_says_where_a_nan_came_from(run: Cli) -> None:
    """A note names the first element that is not finite, and the line."""
    Path("g.expr").write_text("x: param[n]\nsum(log(x))")
    np.savez("x.npz", x=[1.0, -1.0])
    result = run("eval", "g.expr", "--data", "x.npz")
    assert (result.exit_code, result.stdout) == (0, "out = nan\n")
    assert "nan in g.expr:2: log(x) at x[1] = -1.0, outside of the domain" in (
        result.stderr
    )


def test_eval_takes_whole_numbers(run: Cli) -> None:
    """An index may come from --at."""
    Path("k.expr").write_text("x: param[n]\nk: index\nx[k]**2")
    np.savez("x.npz", x=[3.0, 5.0])
    result = run("eval", "k.expr", "--data", "x.npz", "--at", "k=1", "--grad")
    assert result.stdout == "out = 25.0\ndout/dx = [0.0, 10.0]\n"


def test_a_picture_with_arrays(run: Cli) -> None:
    """The values of a file stand in the picture."""
    result = run("derive", "f.expr", "--format", "svg", "--data", "d.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    for text in ("[1, 2]", "[66, 88]", "121"):
        assert f">{text}</text>" in result.stdout


@pytest.mark.parametrize("factor", [1.0005, 1.0])
def test_a_wrong_rule_fails(
    run: Cli, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that is wrong by 0.05 % fails at each point at random; a right one not."""
    row = OPS["sinh"]
    (right,) = row.partials
    planted = (lambda out, x: right(out, x) * factor,)
    object.__setattr__(row, "partials", planted)  # rows are frozen
    monkeypatch.setattr("overbar.cli.check._POINTS", 3)
    try:
        given = "W: param[m, n]\nx: data[n]\nsum(sinh(W @ x))"
        result = run("check", "-", "--sizes", "m=2", given=given)
    finally:
        object.__setattr__(row, "partials", (right,))
    good = 3 * (factor == 1)
    assert (int(factor != 1), 3 - good) == (
        result.exit_code,
        result.stdout.count("WRONG"),
    )
    last = f"{good} of 3 points: the gradient is right"
    assert result.stdout.splitlines()[-1] == last
    assert ("W of shape (2, 3)" in result.stdout) == (factor != 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT, "--random 2"),
        (TEXT, "--sizes m=3,n=1 --random 2 --seed 5"),
        (TEXT, "--sizes m=3 --sizes n=2 --random 2"),
        (EMBEDDING, "--random 2"),
        (EMBEDDING, "--sizes v=40,d=2,n=3,k=2 --random 2"),
        (GAUSSIAN, "--random 2"),
        ("x: param[n]\nsum(x[3:]*x[:-3])", "--random 2"),
        ("x: param[n]\nsin(x)*2", "--random 2"),
        ("x: param[n]\nk: index\nc: data\nc*x[k]**2", "--at c=3 --random 2"),
        ("b: data[n]\nx: param\nsum(exp(x*b))", "--random 2"),
    ],
)
def test_check_draws_what_is_not_given(run: Cli, text: str, words: str) -> None:
    """Sizes are chosen, indices lie within their arrays, matrices may be positive."""
    result = run("check", "-", *words.split(), given=text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 of 2 points: the gradient is right\n"


def test_check_at_given_arrays(run: Cli) -> None:
    """The report is that of the arrays of a file."""
    result = run("check", "f.expr", "--data", "d.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "gradient check of J at W of shape (1, 2), x of shape (2,)" in result.stdout
    assert result.stdout.endswith("1 of 1 derivatives right\n")


def test_bench_times_a_call(run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The title has the sizes, the table a call alone."""
    monkeypatch.setattr("overbar.cli.bench._REPEATS", 1)
    result = run("bench", "f.expr", "--sizes", "m=5")
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0]) == (0, "J in W: 5 nodes, m = 5, n = 64")
    assert lines[4].split() == ["a", "call"]
    names = [line.split()[0] for line in lines[1:4] + lines[5:]]
    assert names == ["read", "derive", "compile", "value", "value_and_grad", "ratio"]


LARGE = "expected at most 10,000,000 elements at random, found 'W' of shape "


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--sizes q=4", "expected sizes named m, n in --sizes, found 'q'"),
        ("--sizes m", "expected NAME=SIZE in --sizes, such as n=3; found 'm'"),
        ("--sizes m=-1", "expected NAME=SIZE in --sizes, such as n=3; found 'm=-1'"),
        ("--sizes m=1.5", "expected NAME=SIZE in --sizes, such as n=3; found 'm=1.5'"),
        ("--sizes =2", "expected NAME=SIZE in --sizes, such as n=3; found '=2'"),
        ("--sizes m=2,", "expected NAME=SIZE in --sizes, such as n=3; found ''"),
        ("--sizes m=2,m=3", "expected one size for 'm' in --sizes, found two"),
        ("--sizes m=99999999999", ("expected a size of at most 10,000,000 for 'm' in "
         "--sizes, found 99999999999")),
        ("--sizes m=100000,n=1000", f"{LARGE}(100000, 1000)"),
        ("--data d.npz --sizes n=4",
         "expected n = 2, as in the data, found n = 4 in --sizes"),
        ("--data no.npz", "expected data in no.npz: No such file or directory"),
        ("--data d.npz --at x=1",
         "expected one value for 'x', found it in --at and in d.npz"),
        ("--at z=1", "expected arguments named W, x, found 'z'"),
        ("--data e.npz",
         "expected an array of shape [m, n] for 'W', found an array of shape (1,)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["check", "bench"])
def test_bad_input(run: Cli, command: str, words: str, message: str) -> None:
    """What does not fit is said by name, by both commands alike."""
    np.savez("e.npz", W=[1.0], x=[1.0])
    result = run(command, "f.expr", *words.split())
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"overbar: error: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: param[n]\nsum(sqrt(-1 - x**2))",
         ("expected arrays at which all is finite, found none among 200 at random; "
          "give them by --data")),
        ("A: param[n, n]\nsum(cholesky(-A @ A.T))",
         ("expected arrays at which all is finite, found none among 200 at random "
         "(cholesky expects a positive definite matrix, found another (matrix is not "
         "positive definite)); give them by --data")),
        ("x: param[n]\na = sum(x)\nb = x*2\na, b",
         "expected one output to check, found a, b"),
    ],
)  # fmt: skip
def test_nothing_to_check(run: Cli, text: str, message: str) -> None:
    """Where no arrays fit, the reason is said."""
    result = run("check", "-", "--random", "1", given=text)
    assert (2, f"overbar: error: {message}\n") == (result.exit_code, result.stderr)


def test_sizes_fill_defaults(run: Cli) -> None:
    """An array by default has the size of --sizes, where no other argument tells it."""
    text = "x: param[n] = 2\nsum(x**2)"
    result = run("check", "-", "--sizes", "n=3", given=text)
    assert (0, "") == (result.exit_code, result.stderr)
    assert "x of shape (3,)" in result.stdout
    assert "  x[0]  4  " in result.stdout


@pytest.mark.parametrize("command", ["check", "bench", "eval"])
def test_data_at_fault(run: Cli, command: str) -> None:
    """Where all is given, what is wrong is said of that, at the formula's line."""
    np.savez("g.npz", E=np.ones((4, 2)), w=[1, 7])
    text = "E: param[v, d]\nw: index[k]\nsum(E[w]**2)"
    result = run(command, "-", "--data", "g.npz", given=text)
    message = "<stdin>:3:5: expected indices from -4 to 3 in E[w], found 7"
    shown = f"overbar: error: {message}\n    sum(E[w]**2)\n        ^^^^\n"
    assert (2, shown) == (result.exit_code, result.stderr)


@pytest.mark.parametrize("words", ["--sizes n=2", "--data d.npz"])
@pytest.mark.parametrize("command", ["check", "bench"])
def test_formulas_of_numbers_take_no_arrays(run: Cli, command: str, words: str) -> None:
    """Arrays and sizes are for formulas over arrays."""
    result = run(command, "-", *words.split(), given="x*y")
    option = words.split(maxsplit=1)[0]
    message = f"expected {option} for a formula over arrays, found one of numbers"
    assert (2, f"overbar: error: {message}\n") == (result.exit_code, result.stderr)


def test_draws() -> None:
    """Drawn arrays have the sizes and kinds that inputs ask for, the same each time."""
    f = ob.compile(EMBEDDING)
    draws = Draws(f, {"E": np.ones((9, 2))}, {"n": 50}, small, seed=3)
    assert {"v": 9, "d": 2, "n": 50} == {k: draws.sizes[k] for k in ("v", "d", "n")}
    (point,) = draws.points(1)
    assert (9, draws.sizes["k"]) == (point["w"].max() + 1, point["y"].max() + 1)
    assert 0 == point["w"].min() == point["y"].min()
    assert point["w"].dtype == point["y"].dtype == np.int64
    (again,) = Draws(f, {"E": np.ones((9, 2))}, {"n": 50}, small, seed=3).points(1)
    assert all(np.array_equal(point[name], again[name]) for name in point)


def test_draws_of_constant_sizes() -> None:
    """Indices into an array of known size, and of classes by their number."""
    for text, size in (
        ("x: param[7]\ni: index[n]\nsum(x[i])", 7),
        ("p: param[n, 5]\ny: index[n]\nsum(p*one_hot(y, 5))", 5),
    ):
        f = ob.compile(text)
        point = Draws(f, {}, {"n": 200}, small, seed=1).points(1)[0]
        assert (0, size - 1) == (
            point[list(point)[1]].min(),
            point[list(point)[1]].max(),
        )
