"""`overbar check`: a gradient against differences of the function's values."""

from __future__ import annotations

import click

from overbar.cli.formula import formula_options, need_numbers, read_formula
from overbar.cli.output import say
from overbar.cli.program import FAILED, Command
from overbar.ir.errors import InputError
from overbar.progress import Progress

_POINTS = 10

_EXAMPLES = (
    ("overbar check examples/l1_regression.expr", f"at {_POINTS} points at random"),
    ("overbar check examples/l1_regression.expr --at w=1,b=0,x=2,t=1", "at this point"),
    ("overbar check examples/l1_regression.expr --random 100 --seed 7", "at others"),
)


@click.command("check", cls=Command, examples=_EXAMPLES)
@formula_options
@click.option(
    "--at",
    metavar="x=1,y=2",
    multiple=True,
    help="Values; may be given more than once.",
)
@click.option(
    "--random",
    "count",
    metavar="N",
    type=click.IntRange(1),
    help=f"Number of points at random, for inputs that --at does not give "
    f"[default: {_POINTS} without --at].",
)
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the points at random.",
)
def command(
    file: str,
    wrt: str | None,
    kinks: str,
    accuracy: str,
    at: tuple[str, ...],
    count: int | None,
    seed: int,
) -> int:
    """Check the compiled gradient against differences of values.

    Prints a report for each point where a derivative is wrong, and for a single point
    in any case; the exit status is 1 if one is wrong. Points at random are such that
    the value and the gradient are finite there.
    """
    f = read_formula(file, wrt, kinks=kinks, accuracy=accuracy)
    need_numbers(f, "overbar check", "f.check(...) in Python checks it at given arrays")
    if len(f.graph.outputs) > 1:
        message = f"expected one output to check, found {', '.join(f.graph.outputs)}"
        raise InputError(message)
    from overbar.cli.points import random_points, read_at

    fixed = read_at(at)
    points = [fixed]
    if count is not None or not at:
        with Progress("finding points"):
            points = random_points(f, count or _POINTS, seed, fixed)
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
