"""`overbar check`: a gradient against differences of the function's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from overbar.cli.formula import formula_options, has_arrays, read_formula
from overbar.cli.given import (
    array_options,
    at_option,
    need_arrays,
    read_sizes,
    typed,
    with_data,
)
from overbar.cli.output import say
from overbar.cli.program import FAILED, Command
from overbar.ir.errors import InputError
from overbar.progress import Progress

if TYPE_CHECKING:
    from overbar.function import CompiledFunction

_POINTS = 10

_EXAMPLES = (
    ("overbar check examples/l1_regression.expr", f"at {_POINTS} points at random"),
    ("overbar check examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "at this point"),
    ("overbar check examples/l1_regression.expr --random 100 --seed 7", "at others"),
    ("overbar check examples/l2_mlp.expr --sizes m=4,n=3", "at arrays of these sizes"),
)


@click.command("check", cls=Command, examples=_EXAMPLES)
@formula_options
@at_option
@array_options
@click.option(
    "--random",
    "count",
    metavar="N",
    type=click.IntRange(1),
    help=f"Number of points at random, for inputs that --at and --data do not give "
    f"[default: {_POINTS} without these].",
)
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the points at random.",
)
def command(  # noqa: PLR0913 - one for each word that may be given
    file: str,
    wrt: str | None,
    kinks: str,
    accuracy: str,
    at: tuple[str, ...],
    data: str | None,
    sizes: tuple[str, ...],
    count: int | None,
    *,
    seed: int,
) -> int:
    """Check the compiled gradient against differences of values.

    Prints a report for each point where a derivative is wrong, and for a single point
    in any case; the exit status is 1 if one is wrong. Points at random are such that
    the value and the gradient are finite there. Arrays at random are small, unless
    --sizes says otherwise.
    """
    f = read_formula(file, wrt, kinks=kinks, accuracy=accuracy)
    if len(f.graph.outputs) > 1:
        message = f"expected one output to check, found {', '.join(f.graph.outputs)}"
        raise InputError(message)
    points = _points(f, at, data, sizes, count, seed)
    wrong = 0
    with Progress("checking", total=len(points)) as progress:
        for point in points:
            report = f.check(*f.signature.bind((), point))
            progress.advance()
            wrong += not report
            if not report or len(points) == 1:
                say(str(report))
    if len(points) > 1:
        right = len(points) - wrong
        say(f"{right} of {len(points)} points: the gradient is right")
    return FAILED if wrong else 0


def _points(
    f: CompiledFunction,
    at: tuple[str, ...],
    data: str | None,
    sizes: tuple[str, ...],
    count: int | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the points to check at: what is not given is drawn at random."""
    from overbar.cli.points import random_points, read_at

    given: dict[str, Any] = dict(read_at(at))
    drawn = count is not None or not (at or data)
    if not has_arrays(f):
        need_arrays(data, sizes)
        if not drawn:
            return [given]
        with Progress("finding points"):
            return random_points(f, count or _POINTS, seed, given)
    from overbar.cli.draws import Draws, small

    if data is not None:
        given = with_data(f, given, data)
    given = typed(f, given)
    if not drawn and not sizes:
        return [given]
    with Progress("finding points"):
        return Draws(f, given, read_sizes(sizes), small, seed).points(count or _POINTS)
