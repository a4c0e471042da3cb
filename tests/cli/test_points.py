"""Test how points are read from the command line, and drawn at random."""

from __future__ import annotations

import math

import pytest

import overbar as ob
from overbar.cli.points import random_points, read_at, read_number
from overbar.ir.errors import InputError, OverbarError


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["x=1,y=-2.5e-3"], {"x": 1.0, "y": -2.5e-3}),
        (["x=1", "y=2"], {"x": 1.0, "y": 2.0}),
        ([" x = 1 , y = 2 "], {"x": 1.0, "y": 2.0}),
        (["x=pi/2,y=-e"], {"x": math.pi / 2, "y": -math.e}),
        (["x=max(1, 2),y=(1 + 2)*3"], {"x": 2.0, "y": 9.0}),
        (["x=1/3,y=sqrt(2)"], {"x": 1 / 3, "y": math.sqrt(2)}),
        (["x=inf,y=-inf,z=1e400"], {"x": math.inf, "y": -math.inf, "z": math.inf}),
        (["x=0.1,y=5e-324"], {"x": 0.1, "y": 5e-324}),
        (["λ=1"], {"λ": 1.0}),
    ],
)
def test_read_at(texts: list[str], expected: dict[str, float]) -> None:
    """Numbers are read exactly; constants may be computed."""
    assert expected == read_at(texts)


@pytest.mark.parametrize("text", ["-0.0", "nan"])
def test_signs_and_nans(text: str) -> None:
    """The sign of zero and NaN arrive."""
    assert repr(float(text)) == repr(read_number(text, "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "expected NAME=NUMBER in --at, such as x=1; found 'x'"),
        ("x=", "expected NAME=NUMBER in --at, such as x=1; found 'x='"),
        ("=1", "expected NAME=NUMBER in --at, such as x=1; found '=1'"),
        ("x=1,", "expected NAME=NUMBER in --at, such as x=1; found ''"),
        ("", "expected NAME=NUMBER in --at, such as x=1; found ''"),
        ("x=1,x=2", "expected one value for 'x' in --at, found two"),
        ("x=y", "expected a number for --at x, such as 2.5 or pi/2; found 'y'"),
        ("x=y=1", "expected a number for --at x, such as 2.5 or pi/2; found 'y=1'"),
        ("x=(1,2)", "expected a number for --at x, such as 2.5 or pi/2; found '(1,2)'"),
        (
            "x=2*)",
            (
                "--at x:1:3: expected an opening parenthesis before ')', found none\n"
                "    2*)\n      ^"
            ),
        ),
    ],
)
def test_errors(text: str, message: str) -> None:
    """What is no number says where it stands."""
    with pytest.raises(OverbarError) as caught:
        read_at([text])
    assert message == str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os').system('touch canary')",
        "().__class__",
        "[c for c in ()]",
        "(lambda: 1)()",
        "f'{1}'",
        "(y := 1)",
        "exec('1')",
        "open('canary', 'w')",
        "9**9**9**9",
        "1e999999999**9",
        "(" * 200_000,
        "1\nimport os",
        "\0",
        "1;2",
    ],
)
def test_hostile_values(value: str) -> None:
    """Nothing but numbers is a number, and the answer comes at once."""
    try:
        found = read_at([f"x={value}"])
    except OverbarError:
        return
    assert {"x": math.inf} == found


def test_random_points_are_finite() -> None:
    """Points are found inside the domain, the same for the same seed."""
    f = ob.compile("log(x - 1) + sqrt(y) + asin(z) + log(-w)", backend="reference")
    points = random_points(f, 5, 3, {"y": 2.0})
    assert [2.0] * 5 == [p["y"] for p in points]
    assert all(p["x"] > 1 and -1 <= p["z"] <= 1 and p["w"] < 0 for p in points)
    assert points == random_points(f, 5, 3, {"y": 2.0})
    assert points != random_points(f, 5, 4, {"y": 2.0})


def test_random_points_keep_defaults() -> None:
    """An input with a default keeps it."""
    f = ob.compile("x: param\nn: data = 3\nx**n\n", backend="reference")
    assert [{"x"}] * 2 == [set(p) for p in random_points(f, 2, 0, {})]


def test_no_point_is_found() -> None:
    """A formula that is nowhere finite is an error with advice."""
    f = ob.compile("log(-1 - x**2)", backend="reference")
    with pytest.raises(InputError, match="found none among 200 at random"):
        random_points(f, 1, 0, {})
