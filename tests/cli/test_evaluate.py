"""Test `overbar eval`: numbers at a point, tables for many."""

from __future__ import annotations

import csv
import io
import pickle
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest

import overbar as ob
from overbar.cli.evaluate import _prepared

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

LINE = "w: param\nb: param = 0.5\nx: data\nJ = exp(w*x) + b\nJ\n"


def numbers(text: str) -> dict[str, float]:
    """Return the lines `name = number`."""
    pairs = [line.split(" = ") for line in text.splitlines()]
    return {name: float(value) for name, value in pairs}


def table(text: str) -> dict[str, list[float]]:
    """Return the columns of a CSV text."""
    header, *rows = csv.reader(io.StringIO(text))
    return {name: [float(row[i]) for row in rows] for i, name in enumerate(header)}


def truth(w: float, x: float) -> list[float]:
    """Return J, dJ/dw and dJ/db of LINE, in 30 digits."""
    with mpmath.workdps(30):
        growth = mpmath.exp(mpmath.mpf(w) * mpmath.mpf(x))
        return [float(growth + 0.5), float(growth * x), 1.0]


def test_value(cli: Cli) -> None:
    """The value is printed so that it reads back."""
    result = cli("eval", "-", "--at", "w=0.3,x=1.7", given=LINE)
    assert (0, "") == (result.exit_code, result.stderr)
    assert {"J": pytest.approx(truth(0.3, 1.7)[0], rel=1e-15)} == numbers(result.stdout)
    assert (
        repr(ob.compile(LINE)(0.3, 1.7)) == result.stdout.removeprefix("J = ").strip()
    )


def test_gradient(cli: Cli) -> None:
    """--grad adds a line a parameter."""
    found = numbers(
        cli("eval", "-", "--at", "w=0.3,x=1.7", "--grad", given=LINE).stdout
    )
    assert ["J", "dJ/dw", "dJ/db"] == list(found)
    assert pytest.approx(truth(0.3, 1.7), rel=1e-15) == list(found.values())


def test_several_outputs(cli: Cli) -> None:
    """Several outputs have all their partials, output by output."""
    words = ("eval", "-", "--at", "x=2", "--at", "y=3", "--grad")
    assert {
        "a": 6.0, "b": 5.0, "da/dx": 3.0, "da/dy": 2.0, "db/dx": 1.0, "db/dy": 1.0,
    } == numbers(cli(*words, given="a = x*y\nb = x + y\na, b").stdout)  # fmt: skip


def test_no_input(cli: Cli) -> None:
    """A constant formula needs no --at, and has no derivative."""
    assert "out = 5.0\n" == cli("eval", "-", "--grad", given="2 + 3").stdout


def test_names_that_python_uses(cli: Cli) -> None:
    """An input may be called `self` or `args`."""
    result = cli("eval", "-", "--at", "self=2,args=3", "--grad", given="self*args")
    assert "out = 6.0\ndout/dargs = 2.0\ndout/dself = 3.0\n" == result.stdout


@pytest.mark.parametrize(
    ("kinks", "slopes"),
    [("half", (0.5, 0.5)), ("left", (0, 0)), ("right", (1, 1)), ("zero", (0, 0))],
)
def test_kinks(cli: Cli, kinks: str, slopes: tuple[float, float]) -> None:
    """--kinks chooses the derivative where operands are tied."""
    words = ("eval", "-", "--at", "x=1,y=1", "--grad", "--kinks", kinks)
    found = numbers(cli(*words, given="max(x, y)").stdout)
    assert slopes == (found["dout/dx"], found["dout/dy"])


def test_nan_is_explained(cli: Cli) -> None:
    """A NaN is printed, and stderr says where it came from."""
    result = cli("eval", "-", "--at", "x=-2", given="y = log(x)\ny*2")
    assert (0, "out = nan\n") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("overbar: note: nan in ")
    assert "y = log(x)\n" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "expected values for w, x, b; found none for w, x"),
        ("--at w=1", "expected values for w, x, b; found none for x"),
        ("--at w=1,x=2,bb=3", ("expected arguments named w, x, b, found 'bb'; "
         "did you mean 'b'?")),
        ("--data no.csv", "expected data in no.csv: No such file or directory"),
        ("--data .", "expected data in a .npz or .csv file, found ."),
        ("--data a.xlsx", "expected data in a .npz or .csv file, found a.xlsx"),
        ("--data a.csv --at x=1",
         "expected one value for 'x', found it in --at and in a.csv"),
        ("--data a.csv", "expected values for w, x, b; found none for w"),
    ],
)  # fmt: skip
def test_errors(cli: Cli, words: str, message: str, tmp_path: Path) -> None:
    """Missing, unknown and doubled values are errors."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    result = cli("eval", "-", *words.split(), given=LINE)
    expected = (2, "", f"overbar: error: {message}\n")
    assert expected == (result.exit_code, result.stdout, result.stderr)


# -- data -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_data(cli: Cli, kind: str, tmp_path: Path) -> None:
    """Each row is a point; what the file lacks comes from --at or has a default."""
    x = [0.1, -2.5, 3.0]
    if kind == "csv":
        rows = "\n".join(f"{v!r}, {i}" for i, v in enumerate(x))
        (tmp_path / "a.csv").write_text(f"\ufeffx, id\n{rows}\n\n")
    else:
        np.savez(tmp_path / "a.npz", x=np.array(x), id=np.arange(3))
    words = ("eval", "-", "--data", f"a.{kind}", "--at", "w=0.3", "--grad")
    result = cli(*words, given=LINE)
    note = f"overbar: note: a.{kind} holds more than the formula: id\n"
    assert (0, note) == (result.exit_code, result.stderr)
    found = table(result.stdout)
    assert ["J", "dJ/dw", "dJ/db"] == list(found)
    for i, v in enumerate(x):
        assert pytest.approx(truth(0.3, v), rel=1e-15) == [c[i] for c in found.values()]


def test_data_of_several_outputs(cli: Cli, tmp_path: Path) -> None:
    """Partials of several outputs are columns, constants as long as the others."""
    (tmp_path / "a.csv").write_text("x,y\n2,3\n4,5\n")
    words = ("eval", "-", "--data", "a.csv", "--grad")
    found = table(cli(*words, given="a = x*y\nb = x + 1\na, b").stdout)
    assert {
        "a": [6, 20], "b": [3, 5], "da/dx": [3, 5], "da/dy": [2, 4],
        "db/dx": [1, 1], "db/dy": [0, 0],
    } == found  # fmt: skip


def test_data_without_points(cli: Cli, tmp_path: Path) -> None:
    """A header alone gives a header alone."""
    (tmp_path / "a.csv").write_text("x\n")
    assert "out\n" == cli("eval", "-", "--data", "a.csv", given="x*x").stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x\nabc\n", "a.csv:2: expected a number for 'x', found 'abc'"),
        ("a,x\n1,2\n3\n",
         "a.csv:3: expected a number for 'x', found the end of the line"),
        ("x\n\n1\n,\n", "a.csv:4: expected a number for 'x', found ''"),
        ("x,x\n1,2\n", "expected one column 'x' in a.csv, found two"),
        ("", "expected values for x; found none for x"),
        (b"x\n\xff\n", "expected UTF-8 text in a.csv, found byte 2 that is not"),
        ("x\n" + "1" * 200_000, ("expected data in a.csv, found what cannot be read: "
         "field larger than field limit (131072)")),
    ],
)  # fmt: skip
def test_bad_csv(cli: Cli, content: str | bytes, message: str, tmp_path: Path) -> None:
    """What is no table of numbers is an error with its line."""
    data = content.encode() if isinstance(content, str) else content
    (tmp_path / "a.csv").write_bytes(data)
    result = cli("eval", "-", "--data", "a.csv", given="x*x")
    expected = (2, "", f"overbar: error: {message}\n")
    assert expected == (result.exit_code, result.stdout, result.stderr)


class Bomb:
    """Write a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle runs."""
        return open, ("canary", "w")


def pickled(path: Path) -> None:
    """Write an archive whose array is a pickle that runs code."""
    np.savez(path, x=np.array([Bomb()], dtype=object))


def bare_pickle(path: Path) -> None:
    """Write a pickle that runs code under an archive's name."""
    path.write_bytes(pickle.dumps(Bomb()))


def one_array(path: Path) -> None:
    """Write an array without a name under an archive's name."""
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def cut(path: Path) -> None:
    """Write half an archive."""
    np.savez(path, x=np.ones(1000))
    path.write_bytes(path.read_bytes()[:4000])


def lying(path: Path) -> None:
    """Write an archive whose array says that it is larger than any memory."""
    np.savez(path, x=np.ones(3))
    data = path.read_bytes().replace(b"(3,), }          ", b"(99999999999999,)")
    path.write_bytes(data)


def texts(path: Path) -> None:
    """Write an array of texts."""
    np.savez(path, x=np.array(["a", "b"]))


def complex_numbers(path: Path) -> None:
    """Write an array of complex numbers."""
    np.savez(path, x=np.array([1j]))


def two_shapes(path: Path) -> None:
    """Write arrays that do not broadcast."""
    np.savez(path, x=np.ones(3), y=np.ones(4))


@pytest.mark.parametrize(
    "write",
    [pickled, bare_pickle, one_array, cut, lying, texts, complex_numbers, two_shapes],
)
def test_bad_archives(cli: Cli, write: Any, tmp_path: Path) -> None:
    """A damaged or hostile archive is an error, and nothing in it runs."""
    write(tmp_path / "a.npz")
    result = cli("eval", "-", "--data", "a.npz", given="x*y if x > 0 else y")
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("overbar: error: expected ")
    assert "unsafely" not in result.stderr  # as NumPy would advise to load it
    assert ["a.npz"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("points", "nodes", "backend"),
    [(1, 2, "python"), (20_001, 2, "numba"), (1, 5_001, "reference")],
)
def test_backend(points: int, nodes: int, backend: str) -> None:
    """Little work is done without Numba, which takes long to load."""
    text = (
        "x" + "*x" * (nodes - 1)
        if nodes < 100
        else "+".join(f"sin({i}*x)" for i in range(nodes))
    )
    f = ob.compile(text, backend="python")
    assert backend == _prepared(f, [np.ones(points)]).options.backend


def test_many_points(cli: Cli, tmp_path: Path) -> None:
    """Many points give what one by one gives, to the last bit."""
    x = np.linspace(-3, 3, 20_001)
    np.savez(tmp_path / "a.npz", x=x)
    given = "sin(x)*exp(x)"
    found = table(cli("eval", "-", "--data", "a.npz", given=given).stdout)["out"]
    f = ob.compile(given, backend="python")
    assert [f(v) for v in x[::1000].tolist()] == found[::1000]
