"""Test `overbar check`: what is right, what is wrong, exit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Cli


@pytest.fixture(params=[1.0005, 1.0])
def factor(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[float]:
    """Let the derivative of sinh be off by a factor, no code of another one on disk."""
    monkeypatch.setenv("OVERBAR_CACHE_DIR", str(tmp_path))
    factor: float = request.param
    row = OPS["sinh"]
    (right,) = row.partials
    planted = (lambda out, x: right(out, x) * factor,)
    object.__setattr__(row, "partials", planted)  # rows are frozen
    yield factor
    object.__setattr__(row, "partials", (right,))


def test_a_wrong_rule_fails(cli: Cli, factor: float) -> None:
    """A rule that is wrong by 0.05 % fails, the report says where; a right one not."""
    result = cli("check", "-", "--at", "x=2,y=3", given="sinh(x) + y**2")
    assert (factor != 1, "") == (bool(result.exit_code), result.stderr)
    assert result.exit_code in {0, 1}
    assert ("WRONG" in result.stdout) == (factor != 1)
    assert "x = 2.0, y = 3.0" in result.stdout


def test_a_wrong_rule_fails_at_random(cli: Cli, factor: float) -> None:
    """At random points, only those that are wrong are reported, then a count."""
    result = cli("check", "-", "--random", "3", given="sinh(x)")
    wrong = 3 * (factor != 1)
    assert wrong == result.stdout.count("gradient check of out at ")
    last = f"{3 - wrong} of 3 points: the gradient is right"
    assert (min(wrong, 1), last) == (result.exit_code, result.stdout.splitlines()[-1])


def test_by_default_at_random(cli: Cli, l1: str) -> None:
    """Without --at and --random, ten points are checked."""
    result = cli("check", l1)
    assert (0, "10 of 10 points: the gradient is right\n", "") == (
        result.exit_code, result.stdout, result.stderr,
    )  # fmt: skip


def test_some_values_given(cli: Cli, l1: str) -> None:
    """--at and --random together draw what is not given."""
    result = cli("check", l1, "--at", "x=2,t=1", "--random", "2", "--seed", "5")
    assert (0, "2 of 2 points: the gradient is right\n") == (
        result.exit_code, result.stdout,
    )  # fmt: skip


def test_outside_of_the_domain(cli: Cli) -> None:
    """Where the value is NaN, the gradient is not right."""
    result = cli("check", "-", "--at", "x=-1", given="log(x)")
    assert (1, True) == (result.exit_code, "nan" in result.stdout)


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        ("", "a = x\nb = x*x\na, b", "expected one output to check, found a, b"),
        ("--at x=1", "x*y", "expected values for x, y; found none for y"),
        (
            "--random 1 --at z=1",
            "x*y",
            "expected arguments named x, y, found 'z'",
        ),
        (
            "",
            "log(-x**2)",
            (
                "expected a point at which all is finite, found none among 2000 at "
                "random; give one by --at"
            ),
        ),
    ],
)
def test_errors(cli: Cli, words: str, given: str, message: str) -> None:
    """What cannot be checked is bad input, not a failed check."""
    result = cli("check", "-", *words.split(), given=given)
    expected = (2, "", f"overbar: error: {message}\n")
    assert expected == (result.exit_code, result.stdout, result.stderr)
